"""The learner's folder: chapters are brought into it, and nothing that was there is lost, whatever happens meanwhile."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import pytest
from ipykernel.ipkernel import IPythonKernel
from learners_notebooks import as_bytes, cell_of, chapter, check, code, exercise, prose, sources

from mi_tutor.files import notebook_file, safe_write
from mi_tutor.workspace import bring as workspace
from mi_tutor.workspace.bring import WorkspaceError, bring_chapters, released_chapters

NAME = "09_small.ipynb"
ANSWER = 'def double(x: int) -> int:\n    """Says what is asked."""\n    return 2 * x'
FIRST = as_bytes(chapter(prose("# Small"), exercise("double"), check("double"), code("plot(1)")))
SECOND = as_bytes(
    chapter(prose("# Small, again"), exercise("double"), check("double"), exercise("halve"), code("plot(1)"))
)
TODAY = date.today().isoformat()
BACKUP = f"09_small (before {TODAY}).ipynb"
CHILD = [sys.executable, str(Path(__file__).with_name("bring_and_fail.py"))]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A learner's folder with the first version and an answer in it, saved as JupyterLab saves."""
    folder = tmp_path / "my-work"
    bring_chapters(folder, {NAME: FIRST})
    write_answer(folder / NAME)
    return folder


def write_answer(path: Path, answer: str = ANSWER) -> None:
    notebook = notebook_file.read(path.read_bytes())
    cell_of(notebook, "double")["source"] = answer
    path.write_bytes(as_bytes(notebook))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_the_packages_chapters_are_brought_into_a_new_folder_and_say_what_they_were_made_from(tmp_path):
    brought = bring_chapters(tmp_path / "deep" / "my-work")
    chapters = released_chapters()
    assert "01_bigrams.ipynb" in chapters
    assert set(contents(tmp_path / "deep" / "my-work")) == set(chapters)
    assert brought.done == [f"{name} is new." for name in sorted(chapters)]
    for name, content in contents(tmp_path / "deep" / "my-work").items():
        notebook = json.loads(content)
        assert notebook["metadata"].pop("mi_tutor") == {"made_from": notebook_file.release(chapters[name])}
        assert notebook["metadata"].pop("language_info") == IPythonKernel.language_info  # or it would count as unsaved
        released = json.loads(chapters[name])
        released["metadata"].pop("language_info")
        assert notebook == released


def test_without_a_new_version_nothing_is_touched(folder):
    (folder / "my own.ipynb").write_text("{}")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert bring_chapters(folder, {NAME: FIRST}) == ([], [])
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    } == before


def test_a_new_version_comes_with_the_answer_and_the_file_as_it_was_stays_beside(folder):
    old = (folder / NAME).read_bytes()
    told = bring_chapters(folder, {NAME: SECOND}).done
    assert sources((folder / NAME).read_bytes())[:2] == ["# Small, again", ANSWER]
    assert contents(folder)[BACKUP] == old
    assert set(contents(folder)) == {NAME, BACKUP}
    assert told == [f"{NAME} has a new version, with your 1 answer in it. Your file as it was: '{BACKUP}'."]
    assert bring_chapters(folder, {NAME: SECOND}) == ([], [])


def test_a_backup_never_takes_an_earlier_ones_name(folder):
    (folder / BACKUP).write_text("precious")
    bring_chapters(folder, {NAME: SECOND})
    bring_chapters(folder, {NAME: FIRST})
    kept = contents(folder)
    assert kept[BACKUP] == b"precious"
    assert {f"09_small (before {TODAY}, {n}).ipynb" for n in (2, 3)} <= set(kept)


def test_a_chapter_not_begun_is_replaced_without_a_backup(tmp_path):
    bring_chapters(tmp_path, {NAME: FIRST})
    told = bring_chapters(tmp_path, {NAME: SECOND}).done
    assert told == [f"{NAME} has a new version; you had not begun the old one."]
    assert set(contents(tmp_path)) == {NAME}
    assert sources((tmp_path / NAME).read_bytes()) == sources(SECOND)


def test_answers_written_into_the_clones_own_chapters_are_not_taken_for_stubs(tmp_path):
    edited = notebook_file.read(FIRST)
    cell_of(edited, "double")["source"] = ANSWER
    bring_chapters(tmp_path, {NAME: as_bytes(edited)})
    bring_chapters(tmp_path, {NAME: SECOND})
    assert ANSWER in sources((tmp_path / NAME).read_bytes())


def test_a_chapter_that_was_deleted_or_renamed_comes_anew_and_the_renamed_one_stays(folder):
    mine = (folder / NAME).read_bytes()
    (folder / NAME).rename(folder / "09_small mine.ipynb")
    bring_chapters(folder, {NAME: SECOND})
    assert contents(folder)["09_small mine.ipynb"] == mine
    assert sources((folder / NAME).read_bytes()) == sources(SECOND)


def test_what_was_begun_from_is_gone_or_damaged_and_still_nothing_is_lost(folder):
    for spoil in (lambda path: path.write_text("{"), lambda path: path.unlink()):
        copied = folder.with_name(f"copy-{spoil.__code__.co_firstlineno}-{spoil.__code__.co_names[0]}")
        shutil.copytree(folder, copied)
        for path in (copied / workspace.STATE).glob("*.ipynb"):
            spoil(path)
        told = bring_chapters(copied, {NAME: SECOND}).done
        assert "What you began from is not in .mi-tutor" in told[0]
        assert {ANSWER, "# Small", "# Small, again"} <= set(sources((copied / NAME).read_bytes()))


def test_a_copy_of_the_bare_chapter_with_answers_is_known_by_its_exercises(tmp_path):
    """As it is when chapters/ was copied by hand."""
    (tmp_path / NAME).write_bytes(FIRST)
    assert bring_chapters(tmp_path, {NAME: FIRST}).done == []
    write_answer(tmp_path / NAME)
    bring_chapters(tmp_path, {NAME: SECOND})
    assert ANSWER in sources((tmp_path / NAME).read_bytes())


def test_someone_elses_notebook_of_that_name_is_set_aside(tmp_path):
    foreign = as_bytes(chapter(code("mine = 1")))
    (tmp_path / NAME).write_bytes(foreign)
    told = bring_chapters(tmp_path, {NAME: FIRST}).done
    assert contents(tmp_path)[f"09_small (yours, {TODAY}).ipynb"] == foreign
    assert f"09_small (yours, {TODAY}).ipynb" in told[0]
    assert sources((tmp_path / NAME).read_bytes()) == sources(FIRST)


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[1]", b'{"nbformat": 4, "cells": [7]}', b"[" * 100_000])
def test_a_damaged_notebook_is_kept_and_what_jupyterlab_saved_before_takes_its_place(folder, damage, monkeypatch):
    monkeypatch.setattr(workspace, "A_SAVE_TAKES_S", 0)
    saved = folder / ".ipynb_checkpoints" / "09_small-checkpoint.ipynb"
    saved.parent.mkdir()
    saved.write_bytes((folder / NAME).read_bytes())
    (folder / f".~{NAME}").write_bytes(damage)
    (folder / NAME).write_bytes(damage)
    told = bring_chapters(folder, {NAME: SECOND}).done
    assert contents(folder)[f"09_small (damaged, {TODAY}).ipynb"] == damage
    assert sources((folder / NAME).read_bytes())[:2] == ["# Small, again", ANSWER]
    assert len(told) == 2


def test_a_damaged_notebook_without_any_copy_is_kept_and_the_chapter_comes_anew(folder, monkeypatch):
    monkeypatch.setattr(workspace, "A_SAVE_TAKES_S", 0)
    cut = (folder / NAME).read_bytes()[:-20]
    (folder / NAME).write_bytes(cut)
    told = bring_chapters(folder, {NAME: FIRST}).done
    assert contents(folder)[f"09_small (damaged, {TODAY}).ipynb"] == cut
    assert "cannot be read" in told[0]
    assert sources((folder / NAME).read_bytes()) == sources(FIRST)


def test_a_notebook_that_no_format_allows_gives_its_texts_and_half_a_character_is_no_obstacle(folder):
    notebook = notebook_file.read((folder / NAME).read_bytes())
    cell_of(notebook, "double").update(source=f"{ANSWER} # \ud83d", outputs=[{"output_type": "nonsense"}])
    (folder / NAME).write_bytes(as_bytes(notebook))
    bring_chapters(folder, {NAME: SECOND})
    brought = notebook_file.read((folder / NAME).read_bytes())
    assert f"{ANSWER} # \ud83d" in sources(brought)
    assert notebook_file.is_valid(brought)


def test_a_file_saved_in_the_very_moment_is_merged_and_not_passed_over(folder, monkeypatch):
    keep_beside, later = safe_write.keep_beside, ANSWER.replace("2 * x", "x + x")

    def save_first(path, names):
        monkeypatch.setattr(safe_write, "keep_beside", keep_beside)
        write_answer(path, later)
        return keep_beside(path, names)

    monkeypatch.setattr(safe_write, "keep_beside", save_first)
    bring_chapters(folder, {NAME: SECOND})
    assert later in sources((folder / NAME).read_bytes())
    assert later in sources(contents(folder)[BACKUP])


class TestTheTableOfChapters:
    """index.ipynb has no exercises: it gives way to a new version, but for what a learner wrote into it."""

    OLD = as_bytes(chapter(prose("# Six chapters"), code("progress()")))
    NEW = as_bytes(chapter(prose("# Seven chapters"), code("progress()")))

    @pytest.fixture
    def brought(self, tmp_path) -> Path:
        bring_chapters(tmp_path, {workspace.INDEX: self.OLD})
        return tmp_path

    def test_one_that_was_only_run_is_replaced(self, brought):
        notebook = notebook_file.read((brought / workspace.INDEX).read_bytes())
        notebook["cells"][1] |= {
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
            "execution_count": 1,
        }
        (brought / workspace.INDEX).write_bytes(as_bytes(notebook))
        assert bring_chapters(brought, {workspace.INDEX: self.NEW}).done == ["index.ipynb has a new version."]
        assert list(contents(brought)) == [workspace.INDEX]
        assert sources(contents(brought)[workspace.INDEX]) == sources(self.NEW)

    def test_what_a_learner_wrote_into_it_is_kept(self, brought):
        notebook = notebook_file.read((brought / workspace.INDEX).read_bytes())
        notebook["cells"][1]["source"] = "progress()  # mine"
        (brought / workspace.INDEX).write_bytes(as_bytes(notebook))
        bring_chapters(brought, {workspace.INDEX: self.NEW})
        assert {"# Seven chapters", "progress()  # mine"} <= set(sources(contents(brought)[workspace.INDEX]))
        assert f"index (before {TODAY}).ipynb" in contents(brought)

    def test_a_notebook_of_the_learners_with_that_name_is_set_aside(self, tmp_path):
        (tmp_path / workspace.INDEX).write_bytes(as_bytes(chapter(code("mine = 1"))))
        bring_chapters(tmp_path, {workspace.INDEX: self.NEW})
        assert sources(contents(tmp_path)[f"index (yours, {TODAY}).ipynb"]) == ["mine = 1"]


def test_a_link_stays_a_link_and_a_copy_is_kept_where_no_second_name_can_be(folder, tmp_path, monkeypatch):
    elsewhere = tmp_path / "synchronized.ipynb"
    (folder / NAME).rename(elsewhere)
    (folder / NAME).symlink_to(elsewhere)
    elsewhere.chmod(0o640)
    old = elsewhere.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "no links here")))
        bring_chapters(folder, {NAME: SECOND})
    assert (folder / NAME).is_symlink()
    assert ANSWER in sources(elsewhere.read_bytes())
    assert elsewhere.stat().st_mode & 0o777 == 0o640
    assert contents(folder)[BACKUP] == old


def test_a_chapter_in_the_package_that_cannot_be_read_does_not_stop_the_others(folder):
    brought = bring_chapters(folder, {NAME: b"<<<<<<< HEAD", "10_more.ipynb": SECOND})
    assert brought.done == ["10_more.ipynb is new."]
    assert NAME in brought.troubles[0]


def test_a_folder_in_a_chapters_place_is_left_alone_and_named(tmp_path):
    (tmp_path / NAME).mkdir()
    assert NAME in bring_chapters(tmp_path, {NAME: FIRST}).troubles[0]
    assert (tmp_path / NAME).is_dir()


def test_a_folder_that_cannot_be_used_is_explained(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("text")
    with pytest.raises(WorkspaceError, match=r"file is a file, and a folder is needed"):
        bring_chapters(tmp_path / "file", {NAME: FIRST})
    with pytest.raises(WorkspaceError, match="a folder is needed"):
        bring_chapters(tmp_path / "file" / "deeper", {NAME: FIRST})
    with pytest.raises(WorkspaceError, match="the course's own chapters"):
        bring_chapters(Path(__file__).parents[2] / "chapters")
    assert (tmp_path / "file").read_text() == "text"


def test_a_folder_one_may_not_write_in_is_explained():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "my-work"
        bring_chapters(folder, {NAME: FIRST})
        for path in (folder / workspace.STATE, folder, Path(name)):
            path.chmod(0o555)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65534)
            with pytest.raises(WorkspaceError, match=r"You may not write in .*my-work\."):
                bring_chapters(folder, {NAME: SECOND})
            with pytest.raises(WorkspaceError, match="You may not write in"):
                bring_chapters(folder.with_name("another"), {NAME: SECOND})
        finally:
            if root:
                os.seteuid(0)
            for path in (Path(name), folder, folder / workspace.STATE):
                path.chmod(0o755)
        assert sources((folder / NAME).read_bytes()) == sources(FIRST)


class TestInterrupted:
    """A run is killed, or has no room, at every single step of its writing, and at random moments."""

    @pytest.fixture
    def releases(self, tmp_path) -> Path:
        (tmp_path / "releases").mkdir()
        (tmp_path / "releases" / NAME).write_bytes(SECOND)
        (tmp_path / "releases" / "10_more.ipynb").write_bytes(FIRST)
        return tmp_path / "releases"

    @pytest.mark.parametrize("fault", ["kill", "half", "full"])
    def test_at_any_step_the_file_is_the_old_or_the_new_one_and_the_next_run_completes(self, folder, releases, fault):
        old = (folder / NAME).read_bytes()
        finished = self.copy(folder, "finished")
        steps = int(self.run(finished, releases).stdout)
        new = (finished / NAME).read_bytes()
        assert steps > 20
        for step in range(1, steps + 1):
            hurt = self.copy(folder, f"{fault}-{step}")
            run = self.run(hurt, releases, str(step), fault)
            if fault == "full":
                assert "Traceback" not in run.stderr
                assert run.returncode == 0 or "no room left on the disk" in run.stderr
            else:
                assert run.returncode == -signal.SIGKILL
            assert (hurt / NAME).read_bytes() in (old, new)
            if (hurt / NAME).read_bytes() == new:
                assert contents(hurt)[BACKUP] == old
            for path in hurt.rglob("[!.]*.ipynb"):
                notebook_file.read(path.read_bytes())
            bring_chapters(hurt, {path.name: path.read_bytes() for path in releases.iterdir()})
            assert contents(hurt) == contents(finished)
            assert not list(hurt.rglob("*.part"))

    def test_killed_at_random_moments_while_versions_come_and_go(self, folder):
        """A loop of new versions, killed ten times; the answer is in the notebook each time."""
        loop = (
            "import itertools; from pathlib import Path; from mi_tutor.files import notebook_file\n"
            "from mi_tutor.workspace.bring import bring_chapters\n"
            "notebook_file.is_valid = lambda notebook: True\n"
            "print('ready', flush=True)\n"
            f"for n in itertools.count():\n    bring_chapters(Path({str(folder)!r}), {{{NAME!r}: ({FIRST!r}, {SECOND!r})[n % 2]}})\n"
            "    print(n, flush=True)"
        )
        for _ in range(10):
            with subprocess.Popen([sys.executable, "-c", loop], stdout=subprocess.PIPE) as child:
                assert child.stdout is not None
                for _ in range(random.randint(1, 4)):
                    child.stdout.readline()
                time.sleep(random.uniform(0, 0.1))
                child.kill()
            for path in folder.glob("*.ipynb"):
                assert ANSWER in sources(path.read_bytes())
        bring_chapters(folder, {NAME: SECOND})
        assert not list(folder.rglob("*.part"))
        assert len(list(folder.glob("*before*"))) > 1

    def test_a_file_that_may_grow_no_further_leaves_the_old_work_untouched(self, folder, releases):
        before = contents(folder)
        run = self.run(folder, releases, limit=1000)
        assert run.returncode == 1
        assert "no room left on the disk" in run.stderr
        assert contents(folder) == before

    def test_a_disk_that_is_full_leaves_the_old_work_untouched(self, folder, releases, tmp_path):
        """On a real file system of 64 KiB, mounted for this one process."""
        script = """
            mount -t tmpfs -o size=64k tmpfs "$1" && cp -a "$2"/. "$1" || exit 77
            cat /dev/zero > "$1/filler" 2>/dev/null
            shift 2; "$@" "$MOUNTED" "$RELEASES"; status=$?
            tar -C "$MOUNTED" --exclude filler -cf - . | tar -C "$AFTER" -xf -
            exit $status
        """
        mounted, after = tmp_path / "mounted", tmp_path / "after"
        mounted.mkdir()
        after.mkdir()
        places = {"MOUNTED": str(mounted), "RELEASES": str(releases), "AFTER": str(after)}
        command = ["unshare", "--mount", "sh", "-c", script, "sh", str(mounted), str(folder), *CHILD]
        try:
            run = subprocess.run(command, env=os.environ | places, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("no unshare here")
        if run.returncode == 77 or "unshare" in run.stderr:
            pytest.skip("mounting needs root")
        assert run.returncode == 1, run.stderr
        assert "no room left on the disk" in run.stderr
        assert contents(after) == contents(folder)

    def test_several_at_once_do_it_once(self, folder, releases):
        finished = self.copy(folder, "finished")
        self.run(finished, releases)
        runs = [subprocess.Popen([*CHILD, str(folder), str(releases)], stdout=subprocess.PIPE) for _ in range(4)]
        assert [run.wait() for run in runs] == [0, 0, 0, 0]
        for run in runs:
            assert run.stdout is not None
            run.stdout.close()
        assert contents(folder) == contents(finished)

    @staticmethod
    def copy(folder: Path, name: str) -> Path:
        return Path(shutil.copytree(folder, folder.with_name(name)))

    @staticmethod
    def run(folder: Path, releases: Path, *more: str, limit: int | None = None) -> subprocess.CompletedProcess[str]:
        def limited() -> None:
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [*CHILD, str(folder), str(releases), *more]
        return subprocess.run(command, preexec_fn=limited, capture_output=True, text=True, check=False)
