"""Every chapter runs from top to bottom, solved and as it is handed out, and keeps to what a chapter promises."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from touched import chapter_is_touched

from mi_tutor.authoring.build import run_build
from mi_tutor.check.exercise import exercises

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted(path.name for path in (ROOT / "chapters").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def solved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("solved")
    assert run_build(solved=folder) == 0
    return folder


PRETEND = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pretend_gpu import PretendGpu
PretendGpu().__enter__()
"""


def run(path: Path, before: str = "", until: str = "") -> nbformat.NotebookNode:
    """Run a notebook; with a cell in front of its own, or only up to the first cell that has a certain text."""
    notebook = nbformat.read(path, as_version=4)
    if until:
        last = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and until in cell.source)
        del notebook.cells[last + 1 :]
    if before:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(before))
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(path.parent))
    return notebook


def checks(notebook: nbformat.NotebookNode) -> dict[str, tuple[str, int]]:
    """By exercise: what its check cell answered as plain text, and the points it can give."""
    found = {}
    for cell in notebook.cells:
        metadata = cell.metadata.get("nbgrader", {})
        if metadata.get("grade") and cell.cell_type == "code":
            answer = next(o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")
            found[metadata["grade_id"].removeprefix("check_")] = answer, metadata["points"]
    return found


def printed(notebook: nbformat.NotebookNode, stream: str) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == stream)


@pytest.fixture
def touched(chapter, whole) -> None:
    """For what is asked of a chapter only when it, or what it stands on, was touched, or everything is tested."""
    if not whole and not chapter_is_touched(f"ch{chapter.removesuffix('.ipynb')}"):
        pytest.skip("nothing of this chapter was touched")


@pytest.mark.usefixtures("touched")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_solved_chapter_earns_every_point_and_draws_every_figure(chapter, solved):
    notebook = run(solved / chapter)
    marks = checks(notebook)
    assert marks
    for name, (answer, points) in marks.items():
        assert float(answer) == points == exercises()[name].max_points
    assert "This chapter runs on " in printed(notebook, "stdout")
    assert printed(notebook, "stderr") == ""
    assert "This demonstration needs" not in printed(notebook, "stdout")


@pytest.mark.parametrize(
    ("chapter", "until"),
    [
        pytest.param("04_superposition.ipynb", "backward()", id="the first training of chapter 04"),
        *(pytest.param(chapter, "", marks=pytest.mark.slow, id=chapter) for chapter in CHAPTERS),
    ],
)
def test_a_solved_chapter_lives_on_the_gpu_and_says_so(chapter, until, solved):
    notebook = run(solved / chapter, PRETEND, until)
    for name, (answer, points) in checks(notebook).items():
        assert float(answer) == points == exercises()[name].max_points
    assert "This chapter runs on a GPU: Pretend GPU." in printed(notebook, "stdout")
    assert printed(notebook, "stderr") == ""
    assert "This demonstration needs" not in printed(notebook, "stdout")


@pytest.mark.usefixtures("touched")
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_an_unsolved_chapter_runs_and_says_what_to_do_first(chapter):
    notebook = run(ROOT / "chapters" / chapter)
    marks = checks(notebook)
    assert marks
    assert all(float(answer) == 0 for answer, _ in marks.values())
    assert printed(notebook, "stderr") == ""
    named = set(re.findall(r"`(\w+)`", printed(notebook, "stdout")))
    assert named <= set(checks_of(ROOT / "chapters" / chapter))  # starred ones too
    assert named


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_exercise_says_how_hard_it_is_and_how_long_it_takes(chapter, solved):
    text = "\n".join(c.source for c in nbformat.read(solved / chapter, as_version=4).cells if c.cell_type == "markdown")
    announced = re.findall(r"### (?:Exercise|Starred): `(\w+)`\n\*Difficulty [1-5] of 5, about \d+ minutes\.\*", text)
    assert set(announced) == set(checks_of(solved / chapter))
    assert "## Sources" in text
    assert "## An open question" in text


def checks_of(path: Path) -> list[str]:
    cells = nbformat.read(path, as_version=4).cells
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id", "") for cell in cells]
    return [grade_id.removeprefix("check_") for grade_id in ids if grade_id.startswith("check_")]
