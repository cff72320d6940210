"""What is installed, editable and as a wheel, and that README and the gate run the same commands."""

import re
import sys
import zipfile
from pathlib import Path

import pytest
from commands import run

ROOT = Path(__file__).parents[1]
SOLUTIONS = sorted(path.stem for path in (ROOT / "solutions").glob("ch*.py"))
LOOK_AROUND = """
import importlib, importlib.resources as resources, sys
import mi_tutor
for name in sys.argv[1:]:
    importlib.import_module(f"mi_tutor.solutions.{name}")
print(mi_tutor.__file__)
print(*sorted(path.name for path in resources.files("mi_tutor.chapters").iterdir() if path.name.endswith(".ipynb")))
"""


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    pip = (sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", target, wheel)
    done = run(*pip, cwd=target)
    assert done.returncode == 0, done.stdout
    return target


def test_the_wheel_holds_chapters_solutions_assets_and_licences_and_no_more(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    chapters = {f"mi_tutor/chapters/{path.name}" for path in (ROOT / "chapters").glob("*.ipynb")}
    solutions = {f"mi_tutor/solutions/{name}.py" for name in SOLUTIONS}
    assets = ROOT / "mi_tutor" / "assets"
    weights = {
        path.relative_to(ROOT).as_posix() for path in assets.rglob("*") if path.is_file() and path.suffix != ".pyc"
    }
    settings = (ROOT / "mi_tutor" / "workspace" / "lab_settings").rglob("*.json")
    labs = {path.relative_to(ROOT).as_posix() for path in settings}
    assert len(labs) == 3
    others = {"mi_tutor/py.typed", "mi_tutor/grading/own_exercise.py.txt"}
    assert chapters | solutions | weights | labs | others <= names
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "LICENSE-CONTENT"}
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"mi_tutor"}
    assert not [name for name in names if "test" in name.lower()]


def test_a_wheel_finds_its_solutions_and_chapters(installed, tmp_path):
    done = run(sys.executable, "-P", "-c", LOOK_AROUND, *SOLUTIONS, cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.returncode == 0, done.stdout
    package, chapters = done.stdout.splitlines()[-2:]
    assert Path(package).is_relative_to(installed)
    assert chapters.split() == [f"{name.removeprefix('ch')}.ipynb" for name in SOLUTIONS] + ["index.ipynb"]


def test_a_clone_installed_editable_finds_its_solutions_and_chapters(tmp_path):
    done = run(sys.executable, "-P", "-c", LOOK_AROUND, *SOLUTIONS, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    package, chapters = done.stdout.splitlines()[-2:]
    assert Path(package).is_relative_to(ROOT)
    assert chapters.split() == [f"{name.removeprefix('ch')}.ipynb" for name in SOLUTIONS] + ["index.ipynb"]


def test_building_chapters_from_a_wheel_says_that_it_needs_a_clone(installed, tmp_path):
    build = "import sys; from mi_tutor.authoring.build import run_build; sys.exit(run_build())"
    done = run(sys.executable, "-P", "-c", build, cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.returncode == 1
    assert "needs a clone of the repository" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_wheel_brings_its_chapters_into_a_learners_folder(installed, tmp_path):
    bring = "import sys; from mi_tutor.workspace.lab import run_lab; sys.exit(run_lab(None, [], open_lab=False))"
    done = run(sys.executable, "-P", "-c", bring, cwd=tmp_path, PYTHONPATH=str(installed))
    assert done.returncode == 0, done.stdout
    brought = {path.name for path in (tmp_path / "my-work").glob("*.ipynb")}
    assert brought == {path.name for path in (ROOT / "chapters").glob("*.ipynb")}


def test_the_gate_runs_the_two_commands_that_readme_gives():
    readme = re.findall(r"^(make (?:learn|test))\b *(?:#.*)?$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    script = (ROOT / ".ci" / "gate.sh").read_text("utf-8")
    gate = re.findall(r"^(make (?!lint).+?) </dev/null", script, re.MULTILINE)
    assert gate == ["make learn", 'make "$tests"']
    assert "${tests:=test}" in script
    assert "tests=" not in (ROOT / ".ci" / "run").read_text("utf-8")
    assert "tests=test-all" in (ROOT / ".ci" / "latest").read_text("utf-8")
    assert set(readme) == {"make learn", "make test"}


def test_every_constraint_names_one_version_and_torch_is_the_tested_one():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []
    assert "torch==2.13.0" in lines


def test_no_index_is_written_down_outside_readme_and_binder():
    """Which index pip asks is the machine's own choice; only the CPU-only variant is spelt out, for people."""
    files = [ROOT / "Makefile", ROOT / "constraints.txt", ROOT / "pyproject.toml", *(ROOT / ".ci").iterdir()]
    files += sorted((ROOT / "tools").rglob("*.py")) + sorted((ROOT / "mi_tutor").rglob("*.py"))
    assert [path.name for path in files if re.search(r"index-url|/whl/|/simple\b", path.read_text("utf-8"))] == []
