"""An exercise from nothing to green, as the contributors' page says: the template works, and three files are enough."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOL = runpy.run_path(str(ROOT / "tools" / "new_exercise.py"))


@pytest.fixture
def copy(tmp_path):
    """What of the repository an exercise is made of, importable from there."""
    copy = tmp_path / "copy"
    leave_out = shutil.ignore_patterns("__pycache__", "assets", "browser", "*.ipynb")
    for folder in ("mi_tutor", "solutions", "tests", "chapters"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=leave_out)
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, copy)
    (copy / "mi_tutor" / "assets").symlink_to(ROOT / "mi_tutor" / "assets")
    # The clone's environment finds the clone's own solutions; here the package has the copy's inside it.
    (copy / "mi_tutor" / "solutions").symlink_to(copy / "solutions")
    return copy


def python(copy, *arguments):
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


@pytest.mark.parametrize(
    "number", ["01", "03"]
)  # the ending begins a cell in the one, and stands inside one in the other
def test_a_new_exercise_is_green_touches_three_files_and_belongs_to_its_chapter(copy, number):
    before = {path: path.read_bytes() for path in copy.rglob("*.py") if "assets" not in path.parts}
    made = TOOL["begin"](number, "row_lengths", copy)
    after = {path: path.read_bytes() for path in copy.rglob("*.py") if "assets" not in path.parts}
    assert {path for path in after if before.get(path) != after[path]} >= set(made)
    assert len({path.resolve() for path in after if before.get(path) != after[path]}) == 3

    tried = python(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "tests/exercises", "-k", "row_lengths"
    )
    assert " passed" in tried.stdout, tried.stdout
    assert not {"failed", "error"} & set(tried.stdout.split()), tried.stdout
    outline = python(copy, "-c", "from mi_tutor.check.outline import chapter_of; print(chapter_of('row_lengths').file)")
    assert outline.stdout.startswith(number), outline.stdout
    built = python(copy, "-c", "from mi_tutor.authoring.build import run_build; raise SystemExit(run_build())")
    assert built.returncode == 0, built.stdout
    assert any(
        "check(row_lengths)" in path.read_text("utf-8") for path in (copy / "chapters").glob(f"{number}_*.ipynb")
    )


@pytest.mark.parametrize(
    ("number", "name", "says"),
    [
        ("77", "row_lengths", "there are: 00, 01"),
        ("", "", "make exercise CH=01 NAME=row_lengths"),
        ("01", "Row Lengths", "small letters"),
        ("01", "lambda", "small letters"),
        ("01", "count_bigrams", "already: mi_tutor/exercises/ch01_bigrams/count_bigrams.py"),
    ],
)
def test_what_cannot_begin_is_said_and_nothing_is_written(number, name, says):
    with pytest.raises(TOOL["CannotBegin"], match=says):
        TOOL["begin"](number, name)
