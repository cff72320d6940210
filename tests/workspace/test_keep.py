"""Work that is saved comes back whole, and nothing that is in the folder is lost by it, whatever the zip or the moment."""

import errno
import os
import shutil
import signal
import sys
import tempfile
import types
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import ANSWER, FIRST, NAME, SECOND, TODAY, contents, everything, learners
from learners_notebooks import as_bytes, cell_of, sources
from typer.testing import CliRunner

from mi_tutor import workspace as workspace_room
from mi_tutor.check import records
from mi_tutor.check.progress import progress
from mi_tutor.check.records import Record
from mi_tutor.cli import app
from mi_tutor.files import notebook_file, safe_write
from mi_tutor.workspace import archive, keep
from mi_tutor.workspace import bring as workspace
from mi_tutor.workspace.bring import Brought, bring_chapters
from mi_tutor.workspace.keep import restore_work, save_work

pytestmark = pytest.mark.usefixtures("newcomer")


def test_what_was_saved_comes_back_where_nothing_was(folder, saved, tmp_path):
    kept = restore_work(saved, folder=tmp_path / "new")
    assert not kept.troubles
    assert contents(tmp_path / "new") == contents(folder)
    assert str(kept).startswith("From downloaded.zip, saved ")
    before = everything(tmp_path / "new")
    assert "is here already" in str(restore_work(saved, folder=tmp_path / "new"))
    assert everything(tmp_path / "new") == before


def test_a_newer_course_brings_its_version_with_the_restored_answer_in_it(saved, tmp_path, monkeypatch):
    monkeypatch.setattr(keep, "bring_chapters", lambda folder: bring_chapters(folder, {NAME: SECOND}))
    bring_chapters(tmp_path / "new", {NAME: SECOND})
    told = str(restore_work(saved, folder=tmp_path / "new"))
    assert sources((tmp_path / "new" / NAME).read_bytes())[:2] == ["# Small, again", ANSWER]
    assert f"{NAME} has a new version, with your 1 answer in it." in told
    assert "What you began from is not in .mi-tutor" not in told


def test_what_differs_is_kept_beside_and_named(saved, tmp_path):
    other = learners(tmp_path / "other", ANSWER.replace("2 * x", "x + x"))
    (other / "data" / "übung 1.txt").write_text("another")
    before = contents(other)
    told = str(restore_work(saved, folder=other))
    after = contents(other)
    assert after[f"09_small (before {TODAY}).ipynb"] == before[NAME]
    assert after[f"data/übung 1 (before {TODAY}).txt"] == b"another"
    assert after["data/übung 1.txt"] == b"mine"
    assert ANSWER in sources(after[NAME])
    assert f"data/übung 1.txt as it was here is now 'data/übung 1 (before {TODAY}).txt'." in told


def test_a_chapter_nobody_wrote_in_takes_nothing_s_place_and_gives_way_without_a_copy(saved, folder, tmp_path):
    bring_chapters(tmp_path / "fresh", {NAME: FIRST})
    fresh = save_work(tmp_path / "fresh.zip", folder=tmp_path / "fresh").path
    before = contents(folder)
    restore_work(fresh, folder=folder)
    assert contents(folder) == before
    restore_work(saved, folder=tmp_path / "fresh")
    assert contents(tmp_path / "fresh") == before


def test_files_that_are_no_learners_stay_out(folder, saved):
    for name in (
        ".ipynb_checkpoints/09_small-checkpoint.ipynb",
        ".mi-tutor-00.part",
        "__pycache__/x.pyc",
        ".mi-tutor/x",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folder / "linked").symlink_to(folder.parent)
    shutil.copy(saved, folder / "uploaded.zip")
    again = save_work(folder=folder).path
    assert zipfile.ZipFile(again).namelist() == zipfile.ZipFile(saved).namelist()


def test_a_name_or_a_size_that_cannot_go_along_is_said_and_the_rest_goes(folder, tmp_path, monkeypatch):
    notebook = notebook_file.read((folder / NAME).read_bytes())
    cell_of(notebook, "double")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 200_000}]
    (folder / NAME).write_bytes(as_bytes(notebook))
    (folder / "back\\slash.txt").write_text("a")
    (folder / "large.bin").write_bytes(bytes(200_000))
    monkeypatch.setattr(archive, "LARGEST", 100_000)
    kept = save_work(tmp_path / "x.zip", folder=folder)
    assert [trouble.split()[0] for trouble in kept.troubles] == [r"'back\\slash.txt'", "large.bin"]
    restore_work(kept.path, folder=tmp_path / "new")
    assert ANSWER in sources((tmp_path / "new" / NAME).read_bytes())


def test_a_file_that_is_there_is_not_overwritten_and_a_second_save_has_a_name_of_its_own(folder, saved):
    before = saved.read_bytes()
    assert "left as it is" in str(save_work(saved, folder=folder))
    assert saved.read_bytes() == before
    names = [save_work(folder=folder).path.name for _ in range(2)]
    assert names == [f"my-work-{TODAY}.zip", f"my-work-{TODAY}-2.zip"]


def test_the_uploaded_zip_is_found_and_not_one_that_was_saved_here(folder, saved, monkeypatch):
    other = folder.parent / "elsewhere" / "my-work"
    shutil.copytree(folder, other)
    (other / workspace.STATE / keep.SAVED_HERE).unlink()
    monkeypatch.chdir(other)
    assert "Drag the zip that save_work() gave you" in str(restore_work())
    own = save_work().path
    assert str(restore_work()) == (
        f"The saved work that lies here was saved here. To go back to it, name it: restore_work({own.name!r})."
    )
    assert "is here already" in str(restore_work(own.name))
    uploaded = Path(shutil.copy(saved, other / "work (1).zip"))
    os.utime(uploaded, (1, 1))
    assert restore_work().path == uploaded


def test_what_was_checked_after_its_chapter_was_saved_is_said(folder):
    notebook = folder / "01_bigrams.ipynb"
    notebook.write_bytes(FIRST)
    records.keep(Record("mean_kl", 3, 3, True))
    an_hour_ago = datetime.now(UTC).timestamp() - 3000
    os.utime(notebook, (an_hour_ago, an_hour_ago))
    said = "01_bigrams.ipynb: something was checked there after it was last saved. Choose File > Save All"
    assert said in str(save_work(folder=folder))
    os.utime(notebook)
    assert "last saved" not in str(save_work(folder=folder))


def test_the_link_is_relative_to_the_notebook_and_the_text_says_where_the_file_is(folder, monkeypatch):
    monkeypatch.chdir(folder)
    kept = save_work("größe & mehr.zip")
    card = kept._repr_html_()
    assert 'href="gr%C3%B6%C3%9Fe%20%26%20mehr.zip" download="größe &amp; mehr.zip"' in card
    assert str(folder / "größe & mehr.zip") in repr(kept)
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "data" / "x.ipynb"))
    assert f'href="../my-work-{TODAY}.zip"' in save_work()._repr_html_()


def test_without_a_folder_of_chapters_a_sentence_says_what_to_name():
    assert "Name it: save_work(folder='my-work')" in str(save_work())
    assert save_work(folder="nowhere").path is None


def test_in_colab_it_is_colabs_to_save(monkeypatch):
    ours = types.ModuleType("mi_tutor.workspace.in_colab")
    ours.save = lambda: ["Saved to Drive."]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    monkeypatch.setattr(workspace_room, "in_colab", ours, raising=False)
    monkeypatch.setitem(sys.modules, "mi_tutor.workspace.in_colab", ours)
    assert str(save_work()) == "Saved to Drive."


def test_the_commands_do_the_same_and_tell_a_program_by_their_status(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert CliRunner().invoke(app, ["save", "a.zip"]).exit_code == 0
    done = CliRunner().invoke(app, ["restore", "a.zip", "--folder", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    assert contents(tmp_path / "new") == contents(folder)
    assert CliRunner().invoke(app, ["save", "a.zip"]).exit_code == 1
    assert "There is no file" in CliRunner().invoke(app, ["restore", "b.zip"]).stderr


def test_too_little_room_changes_nothing(folder, saved, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: types.SimpleNamespace(free=10))
    before = everything(folder)
    assert "not enough room" in str(restore_work(saved, folder=folder))
    assert everything(folder) == before


def test_a_linked_folder_leads_nowhere_and_a_folder_in_a_files_place_is_left_alone(saved, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "new" / "data").symlink_to(tmp_path / "outside")
    (tmp_path / "new" / NAME).mkdir()
    kept = restore_work(saved, folder=tmp_path / "new")
    assert [trouble.split(" was not restored")[0] for trouble in kept.troubles[:2]] == [NAME, "data/übung 1.txt"]
    assert list((tmp_path / "outside").iterdir()) == []


COMMON = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    ["a", "a/b", "A", NAME, "x (before 2026-11-21)", "..", "con.ipynb", " ", "a/b/c", "e\u0301", "\u00e9"]
)
FILES = st.dictionaries(NAMES, st.binary(max_size=20), max_size=5)


@COMMON
@given(theirs=FILES, mine=FILES)
def test_nothing_is_lost_whatever_the_names_and_contents_are(theirs, mine):
    """What was saved is there under its name; what was there before is there under some name."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(keep, "bring_chapters", lambda folder: Brought([], []))
        place = Path(name)
        there, here = fill(place / "there", theirs), fill(place / "here", mine)
        kept = save_work(place / "x.zip", folder=there)
        before, restored = contents(here), restore_work(kept.path, folder=here)
        after = contents(here)
        assert sorted(set(before.values()) - set(after.values())) == []
        told = "\n".join((*kept.troubles, *restored.troubles))
        for file, content in contents(there).items():
            assert after.get(file) == content or file in told or ascii(file) in told or file.startswith(".")


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    (folder / workspace.STATE).mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        if ".." in path.parts or (path.is_absolute() and not path.is_relative_to(folder)):
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError):
            continue  # no name for a file here
    return folder


@COMMON
@given(cut=st.booleans(), where=st.floats(0, 1, exclude_max=True), flipped=st.integers(1, 255))
def test_a_zip_with_any_part_of_it_changed_or_missing_comes_back_as_it_was_or_changes_nothing(cut, where, flipped):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(keep, "bring_chapters", lambda folder: Brought([], []))
        place = Path(name)
        there, here = (
            fill(place / "there", {"a.txt": b"theirs", "b.txt": b"more"}),
            fill(place / "here", {"a.txt": b"mine"}),
        )
        path = save_work(place / "x.zip", folder=there).path
        raw = bytearray(path.read_bytes())
        place_in_it = int(where * len(raw))
        if cut:
            del raw[place_in_it:]
        else:
            raw[place_in_it] ^= flipped
        path.write_bytes(raw)
        before = contents(here)
        if restore_work(path, folder=here).path is None:
            assert contents(here) == before
        else:
            assert contents(here) == contents(there) | {f"a (before {TODAY}).txt": b"mine"}


class Hurt:
    """`os`, with a fault at one of the calls that change something."""

    STEPS = ("open", "write", "fsync", "chmod", "link", "unlink", "replace", "rename")

    def __init__(self, step: int, fault: str) -> None:
        self.step, self.fault, self.count = step, fault, 0

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in self.STEPS:
            return real

        def call(*arguments, **named):
            self.count += 1
            if self.count == self.step:
                if self.fault == "full":
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if name == "write":
                    real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)

        return call


@pytest.mark.parametrize("fault", ["kill", "full"])
@pytest.mark.parametrize("does", ["save", "restore"])
def test_at_any_step_it_may_be_killed_or_the_disk_be_full_and_nothing_is_lost(does, fault, saved, tmp_path):
    work = learners(tmp_path / "work", ANSWER.replace("2 * x", "x + x"))
    (work / "data" / "übung 1.txt").write_text("another")
    before = set(contents(work).values())
    finished = Path(shutil.copytree(work, tmp_path / "finished"))
    steps = in_a_child(does, saved, finished, Hurt(0, ""))
    assert steps > (5 if does == "save" else 15)
    for step in range(1, steps + 1):
        hurt = Path(shutil.copytree(work, tmp_path / f"{step}"))
        in_a_child(does, saved, hurt, Hurt(step, fault))
        assert before <= set(contents(hurt).values())
        for path in hurt.rglob("[!.]*.ipynb"):
            notebook_file.read(path.read_bytes())
        for path in hurt.glob("*.zip"):
            assert archive.look_through(path).files
        in_a_child(does, saved, hurt, Hurt(0, ""))
        assert contents(hurt) == contents(finished)


def in_a_child(does: str, saved: Path, folder: Path, hurt: Hurt) -> int:
    """Save or restore in a process of its own; how many steps it took, 0 when it was killed."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        safe_write.os = records.os = hurt  # type: ignore[assignment]
        save_work(folder=folder) if does == "save" else restore_work(saved, folder=folder)
        os.write(writer, str(hurt.count).encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    said = os.read(reader, 100)
    os.close(reader)
    return int(said or 0)


class TestProgress:
    """Results of checks are united; which try was the last is told by when it was."""

    @pytest.fixture
    def elsewhere(self, folder, tmp_path, monkeypatch):
        """A zip of progress made elsewhere: these records at these hours."""

        def made(*tries: tuple[str, bool, int]) -> Path:
            with monkeypatch.context() as patch:
                patch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "elsewhere.jsonl"))
                tried(*tries)
                return save_work(tmp_path / f"{len(tries)}.zip", folder=folder).path

        return made

    def test_a_new_machine_has_the_whole_progress(self, elsewhere, folder):
        path = elsewhere(("count_bigrams", True, 1), ("bigram_log_probs", False, 2))
        assert "2 results of checks" in str(restore_work(path, folder=folder))
        standing = {
            s.task.name: s.state for part in progress().chapters for s in part.standings if s.state != "not yet"
        }
        assert standing == {"count_bigrams": "done", "bigram_log_probs": "tried"}
        assert "is here already" in str(restore_work(path, folder=folder))

    @pytest.mark.parametrize(("hour", "slipped"), [(1, True), (9, False)])
    def test_the_later_try_counts_wherever_it_was(self, elsewhere, folder, hour, slipped):
        tried(("count_bigrams", True, 2), ("count_bigrams", False, 5))
        restore_work(elsewhere(("count_bigrams", True, hour)), folder=folder)
        [standing] = [s for part in progress().chapters for s in part.standings if s.task.name == "count_bigrams"]
        assert standing.state == "done"
        assert standing.slipped is slipped

    def test_the_chapter_to_go_on_with_is_the_one_worked_in_last(self, elsewhere, folder):
        tried(("count_bigrams", True, 5))
        restore_work(elsewhere(("top_k_predictions", True, 3)), folder=folder)
        assert progress().current.chapter.file == "01_bigrams.ipynb"

    def test_a_record_still_in_memory_goes_along(self, folder, tmp_path, monkeypatch):
        (tmp_path / "progress.jsonl").mkdir()
        records.keep(Record("count_bigrams", 3, 3, True))
        path = save_work(tmp_path / "x.zip", folder=folder).path
        monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "another.jsonl"))
        monkeypatch.setattr(records, "_unsaved", [])
        restore_work(path, folder=folder)
        assert progress().total.done == 1

    def test_where_no_progress_is_kept_the_files_are_restored_and_it_is_said(self, elsewhere, tmp_path, monkeypatch):
        path = elsewhere(("count_bigrams", True, 1))
        monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
        kept = restore_work(path, folder=tmp_path / "new")
        assert (tmp_path / "new" / NAME).is_file()
        assert kept.troubles == ("The results of checks were not restored: nobody's progress is kept here.",)


def tried(*tries: tuple[str, bool, int]) -> None:
    path = records.progress_file()
    assert path is not None
    with path.open("ab") as file:
        for name, passed, hour in tries:
            file.write(records._line(Record(name, 3 * passed, 3, passed), datetime(2026, 11, 21, hour, tzinfo=UTC)))
