"""Google Colab: what the first cell does there and elsewhere, what it installs, and where work is kept."""

import ast
import json
import os
import re
import shutil
import sys
import sysconfig
import tomllib
from importlib.metadata import requires
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from commands import run
from IPython.core.events import EventManager, available_events
from nbclient import NotebookClient
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mi_tutor.address import repository
from mi_tutor.authoring.build import run_build
from mi_tutor.authoring.colab_cell import COLAB
from mi_tutor.check import records
from mi_tutor.check.records import Record
from mi_tutor.files.cells import read_cells
from mi_tutor.files.definitions import definitions, execute
from mi_tutor.version import __version__
from mi_tutor.workspace import in_colab as colab

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
COLABS = dict(
    line.split("==")
    for line in (Path(__file__).parent / "colab_packages.txt").read_text().splitlines()
    if line[0] != "#"
)
"""Name and version of what Colab has, as far as it concerns us; the file says when."""
ADDED = {
    *("mi-tutor", "transformer-lens", "circuitsvis", "jaxtyping"),
    *("wadler-lindig", "fancy-einsum", "transformers-stream-generator"),
}
"""All that is to be installed in Colab: none of it is there."""
FIRST, SECOND = Record("count_bigrams", 3, 3, True), Record("mean_kl", 1, 3, False)


def first_cell(path: Path) -> str:
    cell = nbformat.read(path, as_version=4).cells[1]
    assert cell.id == COLAB
    return cell.source


# What the cell is


def test_every_chapter_has_the_cell_below_its_title_and_it_is_the_same():
    for path in CHAPTERS:
        title, cell = nbformat.read(path, as_version=4).cells[:2]
        assert title.source.startswith("# ")
        assert cell.cell_type == "code"
        assert first_cell(path) == first_cell(CHAPTERS[0])
    assert PROJECT["urls"]["Repository"] == repository()
    assert f"mi-tutor @ git+{repository()}" in first_cell(CHAPTERS[0])


def test_elsewhere_the_cell_installs_prints_and_defines_nothing(capfd, monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    loaded, namespace = set(sys.modules), {}
    exec(first_cell(CHAPTERS[0]), namespace)
    assert set(namespace) == {"__builtins__", "sys"}
    assert set(sys.modules) == loaded
    assert capfd.readouterr() == ("", "")


def test_mi_tutor_check_runs_nothing_of_the_cell_even_in_colab(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr(colab, "set_up", lambda: pytest.fail("it was run"))
    part = next(part for part in definitions(read_cells(CHAPTERS[0])) if part.cell.grade_id == COLAB)
    namespace: dict[str, object] = {}
    assert execute(part, namespace) == []
    assert set(namespace) == {"__builtins__", "sys"}


# What it installs


def satisfied(requirement: Requirement) -> bool:
    return requirement.specifier.contains(versions()[canonicalize_name(requirement.name)], prereleases=True)


def versions() -> dict[str, str]:
    return {canonicalize_name(name): version for name, version in COLABS.items()}


def test_colabs_own_packages_satisfy_us_and_what_we_bring():
    """By metadata alone: ours, and those of the installed versions of what Colab lacks."""
    colabs = default_environment() | {"python_version": "3.12", "python_full_version": "3.12.12", "extra": ""}
    brought, waiting = {"mi-tutor"}, [Requirement(line) for line in PROJECT["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate(colabs):
            continue
        if name in versions():
            assert satisfied(requirement), f"{requirement} and Colab's {versions()[name]}"
        elif name not in brought:
            brought.add(name)
            waiting += [Requirement(line) for line in requires(name) or []]
    assert brought == ADDED


def python(minor: str) -> Path | None:
    """A Python of that version that runs: the one that runs this, or of pyenv, or on the path."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    ours = [sys.executable] if sys.version.startswith(f"{minor}.") else []
    found = [*ours, *sorted(pyenv.glob(f"{minor}.*/bin/python")), shutil.which(f"python{minor}")]
    return next((Path(path) for path in found if path and run(path, "-c", "", cwd=ROOT).returncode == 0), None)


@pytest.mark.slow
@pytest.mark.parametrize("minor", ["3.12", "3.13", f"{sys.version_info.major}.{sys.version_info.minor}"])
def test_pip_moves_no_package_of_colabs(minor, wheel, tmp_path):
    """pip's own resolution, in an environment that says it holds Colab's packages. Asks the package index."""
    found = python(minor)
    if found is None:
        pytest.skip(f"there is no Python {minor} here")
    made = run(found, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    assert made.returncode == 0, made.stdout
    pip = (tmp_path / "venv" / "bin" / "python", "-m", "pip")
    ours = run(*pip, "install", "--quiet", f"pip=={COLABS['pip']}", cwd=tmp_path)
    assert ours.returncode == 0, ours.stdout
    site = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    for name, version in COLABS.items():
        if name != "pip":
            said = site / f"{name.replace('-', '_')}-{version}.dist-info"
            said.mkdir()
            (said / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            (said / "INSTALLER").write_text("pip\n")
            (said / "RECORD").touch()
    done = run(*pip, "install", "--quiet", "--dry-run", "--report", tmp_path / "report.json", wheel, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert {canonicalize_name(each["metadata"]["name"]) for each in report["install"]} == ADDED


STATE = """
import importlib, importlib.metadata, importlib.util, json, os
importlib.invalidate_caches()
files = {name: importlib.util.find_spec(name) for name in ("torch", "numpy", "IPython", "mi_tutor")}
made = {name: (spec.origin, os.stat(spec.origin).st_mtime_ns) for name, spec in files.items() if spec}
packages = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
json.dumps([made, packages])
"""


@pytest.fixture(scope="module")
def colab_like(tmp_path_factory) -> Path:
    """A fresh environment that sees every package that these tests run with, but not mi_tutor, and a google.colab.

    It is the Python of a kernel that Jupyter knows as "colab_like".
    """
    folder = tmp_path_factory.mktemp("colab")
    made = run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    assert made.returncode == 0, made.stdout
    site = next((folder / "venv" / "lib").glob("python*/site-packages"))
    # The path alone: an editable mi_tutor hangs on a .pth file of that folder, and those are not read from here.
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "stand-in" / "google" / "colab").mkdir(parents=True)
    (folder / "stand-in" / "google" / "colab" / "__init__.py").touch()
    kernel = folder / "jupyter" / "kernels" / "colab_like"
    kernel.mkdir(parents=True)
    argv = [str(folder / "venv" / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    variables = {"PYTHONPATH": str(folder / "stand-in")}
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "like Colab", "language": "python", "env": variables})
    )
    return folder


def run_like_colab(notebook: nbformat.NotebookNode, colab_like: Path, source: Path) -> None:
    """Execute a notebook in place, with the state before and after its first code cell.

    The cell before imports google.colab, as Colab does by itself.
    """
    before, after = (nbformat.v4.new_code_cell(STATE) for _ in range(2))
    title, cell, *rest = notebook.cells
    notebook.cells = [nbformat.v4.new_code_cell("import google.colab"), title, before, cell, after, *rest]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(colab_like / "jupyter"))
        patch.setenv("MI_TUTOR_SOURCE", str(source))
        NotebookClient(notebook, timeout=600, kernel_name="colab_like").execute(cwd=str(colab_like))


@pytest.fixture(scope="module")
def first_chapter(colab_like, wheel) -> nbformat.NotebookNode:
    """Chapter 00 as it is handed out, run as far as its first code cell where nothing of the course was."""
    notebook = nbformat.read(CHAPTERS[0], as_version=4)
    notebook.cells = notebook.cells[:2]
    run_like_colab(notebook, colab_like, wheel)
    return notebook


def shown(cell: nbformat.NotebookNode) -> list:
    return json.loads(ast.literal_eval(answer(cell)))


def answer(cell: nbformat.NotebookNode) -> str:
    return next(output.data["text/plain"] for output in cell.outputs if output.output_type == "execute_result")


def said(cell: nbformat.NotebookNode) -> list[str]:
    return "".join(output.text for output in cell.outputs).splitlines()


@pytest.mark.slow
def test_in_colab_the_cell_installs_the_course_and_touches_nothing_else(first_chapter, colab_like):
    (files, packages), (files_after, packages_after) = shown(first_chapter.cells[2]), shown(first_chapter.cells[4])
    assert set(files) == {"torch", "numpy", "IPython"}
    assert {name: files_after[name] for name in files} == files
    assert packages_after == packages
    assert Path(files_after["mi_tutor"][0]).is_relative_to(colab_like / "venv")
    first, second = said(first_chapter.cells[3])
    assert first.startswith(f"mi-tutor {__version__} is installed")
    assert "drive.mount" in second


@pytest.mark.slow
def test_the_next_chapter_finds_the_course_there_and_earns_every_point(first_chapter, colab_like, tmp_path):
    """Its source is gone, so installing again would fail."""
    assert run_build(solved=tmp_path) == 0
    notebook = nbformat.read(tmp_path / "01_bigrams.ipynb", as_version=4)
    run_like_colab(notebook, colab_like, tmp_path / "gone.whl")
    assert shown(notebook.cells[2]) == shown(notebook.cells[4]) == shown(first_chapter.cells[4])
    assert said(notebook.cells[3])[0].startswith(f"mi-tutor {__version__} is installed")
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    checks = [cell for cell in graded if cell.cell_type == "code"]
    assert [float(answer(cell)) for cell in checks] == [cell.metadata["nbgrader"]["points"] for cell in checks]
    assert checks


def test_without_a_network_the_cell_says_so_and_how_to_go_on(capsys, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("MI_TUTOR_SOURCE", str(tmp_path / "no.whl"))
    exec(first_cell(CHAPTERS[0]), {})
    said = capsys.readouterr().out
    assert "no.whl" in said
    assert said.endswith("The course could not be installed. Is there a network? Run this again.\n")


# Where work is kept


@pytest.fixture
def drive(tmp_path, monkeypatch) -> Path:
    """A Drive that is not mounted yet, and a learner who has done nothing yet, as Colab's machine starts."""
    monkeypatch.setattr(colab, "DRIVE", tmp_path / "drive" / "MyDrive")
    monkeypatch.setattr(colab, "_saved", {})
    monkeypatch.setattr(colab, "_told_last", "")
    monkeypatch.setattr(records, "_unsaved", [])
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "machine"))
    monkeypatch.setenv("HOME", str(tmp_path / "machine"))
    monkeypatch.delenv(records.VARIABLE)
    return tmp_path / "drive" / "MyDrive"


def test_set_up_says_what_is_installed_and_how_work_is_kept(drive, capsys):
    colab.set_up()
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"mi-tutor {__version__} is installed, with its models and texts."
    assert "drive.mount('/content/drive')" in second
    drive.mkdir(parents=True)
    for _ in range(2):
        colab.set_up()
        first, second = capsys.readouterr().out.splitlines()
        assert str(drive / "mi-tutor" / "progress.jsonl") in second


def test_after_set_up_the_cell_that_mounts_drive_says_that_results_are_kept_there(drive, capsys, monkeypatch):
    events = EventManager(None, available_events)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(events=events))
    for _ in range(2):
        colab.set_up()
    events.trigger("post_run_cell", None)
    drive.mkdir(parents=True)
    capsys.readouterr()
    for _ in range(2):
        events.trigger("post_run_cell", None)
    assert capsys.readouterr().out == f"Your results are now kept in your Drive: {drive}/mi-tutor/progress.jsonl\n"


def test_results_move_to_drive_when_it_is_mounted_and_none_is_lost(drive):
    records.keep(FIRST)
    on_machine = records.progress_file()
    assert colab.keep_progress() == ""
    drive.mkdir(parents=True)
    assert "now kept in your Drive" in colab.keep_progress()
    assert records.progress_file() == drive / "mi-tutor" / "progress.jsonl"
    assert records.kept().records == [FIRST]
    records.keep(SECOND)
    assert records.kept().records == [FIRST, SECOND]
    assert on_machine.is_file()


def test_a_new_machine_adds_what_it_has_to_what_drive_has_and_only_once(drive, monkeypatch):
    drive.mkdir(parents=True)
    colab.keep_progress()
    records.keep(FIRST)
    monkeypatch.delenv(records.VARIABLE)  # the kernel was restarted, and a result was kept before the first cell ran
    records.keep(SECOND)
    for _ in range(2):
        colab.keep_progress()
        assert records.kept().records == [FIRST, SECOND]
        monkeypatch.delenv(records.VARIABLE)


def test_lines_of_a_later_version_are_brought_over_too(drive):
    on_machine = records.progress_file()
    on_machine.parent.mkdir(parents=True)
    on_machine.write_bytes(b'{"format": 2, "something": "else"}\n{"torn')
    drive.mkdir(parents=True)
    colab.keep_progress()
    brought = (drive / "mi-tutor" / "progress.jsonl").read_bytes().split(b"\n")
    assert [line for line in brought if line] == [b'{"format": 2, "something": "else"}', b'{"torn']


def test_when_drive_is_taken_away_results_are_kept_on_the_machine_and_drive_is_not_made_up(drive, capsys):
    drive.mkdir(parents=True)
    colab._follow_drive()
    drive.rmdir()
    colab._follow_drive()
    colab._follow_drive()
    records.keep(FIRST)
    assert not drive.exists()
    assert records.kept().records == [FIRST]
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "Your results are now kept in your Drive",
        "Your Drive is no longer mounted",
    ]


def test_a_file_that_the_learner_named_is_left_alone(drive, monkeypatch, tmp_path):
    monkeypatch.setenv(records.VARIABLE, str(tmp_path / "mine.jsonl"))
    drive.mkdir(parents=True)
    assert colab.keep_progress() == ""
    assert records.progress_file() == tmp_path / "mine.jsonl"


def test_a_drive_that_cannot_be_written_is_told_once_and_results_stay_on_the_machine(drive, capsys):
    records.keep(FIRST)
    drive.mkdir(parents=True)
    (drive / "mi-tutor").write_text("a file where a folder is wanted")
    colab._follow_drive()
    colab._follow_drive()
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert records.kept().records == [FIRST]


# Saving the notebook


class Message:
    """Colab's own, of which one function is used; it hands over what the browser shows."""

    def __init__(self, notebook: object) -> None:
        self.notebook = notebook

    def blocking_request(self, request_type: str, request: str, timeout_sec: float) -> object:
        assert request_type == "get_ipynb"
        return self.notebook


@pytest.fixture
def opened(drive, monkeypatch):
    """Chapter 01, open in Colab, with Drive mounted."""
    drive.mkdir(parents=True)
    notebook = json.loads((ROOT / "chapters" / "01_bigrams.ipynb").read_text("utf-8"))
    monkeypatch.setitem(sys.modules, "google.colab._message", Message({"ipynb": notebook}))
    return notebook


def saved(drive: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in (drive / "mi-tutor").glob("*.ipynb")}


def test_the_open_notebook_is_saved_under_its_chapters_name(opened, drive):
    told = colab.save()
    assert told[0] == f"This notebook is saved in your Drive: {drive}/mi-tutor/01_bigrams.ipynb"
    assert "Your results are now kept" in told[1]
    assert len(told) == 2
    assert nbformat.read(drive / "mi-tutor" / "01_bigrams.ipynb", as_version=4).cells[1].id == COLAB
    assert colab.save() == [f"This notebook is already saved in your Drive as it is: {drive}/mi-tutor/01_bigrams.ipynb"]


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("Copy of 01_bigrams.ipynb", "Copy of 01_bigrams.ipynb"),
        ("notes", "notes.ipynb"),
        ("../../elsewhere.ipynb", "elsewhere.ipynb"),
        ("..", "notebook.ipynb"),
        (None, "01_bigrams.ipynb"),
    ],
)
def test_colabs_name_for_the_notebook_is_used_and_stays_in_the_folder(opened, drive, called, name):
    opened["metadata"]["colab"] = {"name": called}
    colab.save()
    assert list(saved(drive)) == [name]
    assert [path.name for path in drive.iterdir()] == ["mi-tutor"]


def test_another_files_content_is_kept_beside_and_this_kernels_own_is_written_over(opened, drive):
    (drive / "mi-tutor").mkdir()
    path = drive / "mi-tutor" / "01_bigrams.ipynb"
    path.write_text("somebody's")
    same_file = path.stat().st_ino
    told = colab.save()
    for n in range(3):
        opened["cells"][0]["source"] = f"# Now {n}"
        assert len(colab.save()) == 1
    kept = {name: text for name, text in saved(drive).items() if name != path.name}
    assert list(kept.values()) == ["somebody's"]
    assert re.fullmatch(r"01_bigrams \(before \d{4}-\d\d-\d\d\)\.ipynb", next(iter(kept)))
    assert next(iter(kept)) in told[1]
    assert "# Now 2" in path.read_text("utf-8")
    assert path.stat().st_ino == same_file


def test_without_drive_nothing_is_saved_and_it_says_how_to_mount_it(opened, drive):
    drive.rmdir()
    (told,) = colab.save()
    assert "drive.mount('/content/drive')" in told
    assert not drive.exists()


@pytest.mark.parametrize("answer", [None, {}, {"ipynb": {"nbformat": 3}}, {"ipynb": None}])
def test_what_colab_does_not_hand_over_is_a_sentence(opened, drive, monkeypatch, answer):
    monkeypatch.setitem(sys.modules, "google.colab._message", Message(answer))
    (told,) = colab.save()
    assert told.startswith("This notebook could not be saved in your Drive (")
    assert saved(drive) == {}


def test_a_colab_without_that_function_is_a_sentence(opened, drive, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab._message", object())
    (told,) = colab.save()
    assert "could not be saved" in told
