"""A course, for real: source, release, three submissions, marks in the CSV. No part of nbgrader is replaced."""

import ast
import csv

import nbformat
import pytest
from commands import nbgrader

from mi_tutor.authoring.build import clone_root, run_build
from mi_tutor.authoring.conventions import ANSWER_STUB
from mi_tutor.check.exercise import find_exercise

SOURCES = sorted(path.stem for path in (clone_root() / "solutions").glob("ch*.py"))
# An answer that earns some of its points, by chapter: the exercise, the code in place of its solution, what it earns.
PARTLY_RIGHT = {
    "ch01_stand_in": ("larger_root", "return (math.sqrt(abs(b * b - 4 * c)) - b) / 2", 2),
    # Right but for texts of fewer than three tokens, which are edge cases.
    "ch01_bigrams": (
        "count_bigrams",
        "first, second = tokens[:-1].tolist(), tokens[1:].tolist()\n"
        "    assert len(second) > 1\n"
        "    pairs = list(zip(first, second))\n"
        "    return torch.tensor([[pairs.count((a, b)) for b in range(d_vocab)] for a in range(d_vocab)])",
        2,
    ),
}


def exercises(notebook) -> dict[str, int]:
    """Every exercise that `check` marks and its points, in order."""
    return {
        cell.metadata.nbgrader.grade_id.removeprefix("check_"): cell.metadata.nbgrader.points
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
    }


def is_prose(cell) -> bool:
    """Whether a person marks it."""
    return cell.cell_type == "markdown" and cell.metadata.nbgrader.grade


def cells(notebook) -> dict[str, nbformat.NotebookNode]:
    return {cell.metadata.nbgrader.grade_id: cell for cell in notebook.cells if "nbgrader" in cell.metadata}


def solution_body(source: str) -> list[str]:
    return source[source.index("### BEGIN SOLUTION") : source.index("### END SOLUTION")].splitlines()[1:]


def half_correct(solved, released, chapter: str) -> tuple[nbformat.NotebookNode, float]:
    """A submission with every second answer, and one that is partly right where we have one; with what it earns."""
    submission, answers, points = nbformat.from_dict(released), cells(solved), exercises(solved)
    partly, code, earned = PARTLY_RIGHT.get(chapter, ("", "", 0))
    total = 0.0
    for position, name in enumerate(points):
        if name == partly:
            before, _, rest = answers[name].source.partition("### BEGIN SOLUTION")
            cells(submission)[name].source = before + code + rest.partition("### END SOLUTION")[2]
            total += earned
        elif position % 2 == 0:
            cells(submission)[name].source = answers[name].source
            total += points[name]
    return submission, total


# A real chapter three times over takes a minute or more: those are in the long tier. In the gate stand-ins go this way, and a
# real one goes through a course with trusted marks (test_course.py).


@pytest.fixture(
    params=[
        "ch01_stand_in",
        *(pytest.param(name, marks=pytest.mark.slow) for name in SOURCES),
    ]
)
def course(request, tmp_path, stand_in):
    """The course's folder with one assignment in source/, and the chapter's name."""
    sources = tmp_path / "clone" / "solutions"
    sources.mkdir(parents=True)
    if request.param == "ch01_stand_in":
        text = stand_in
    else:
        text = (clone_root() / "solutions" / f"{request.param}.py").read_text(encoding="utf-8")
    (sources / f"{request.param}.py").write_text(text, encoding="utf-8")
    assignment = request.param.removeprefix("ch")
    folder = tmp_path / "course"
    assert run_build(root=tmp_path / "clone", solved=folder / "source" / assignment) == 0
    return folder, request.param


def test_marks_are_exact_from_the_source_to_the_csv(course):
    folder, chapter = course
    name = chapter.removeprefix("ch")
    nbgrader(folder, "generate_assignment", name)
    solved = nbformat.read(folder / "source" / name / f"{name}.ipynb", as_version=4)
    released = nbformat.read(folder / "release" / name / f"{name}.ipynb", as_version=4)
    for exercise in exercises(solved):
        assert_stub(cells(solved)[exercise].source, cells(released)[exercise].source, exercise)

    half, half_total = half_correct(solved, released, chapter)
    full_total = sum(exercises(solved).values())
    for student, notebook in {"correct": solved, "half": half, "empty": released}.items():
        (folder / "submitted" / student / name).mkdir(parents=True)
        nbformat.write(notebook, folder / "submitted" / student / name / f"{name}.ipynb")
    nbgrader(folder, "autograde", name)
    nbgrader(folder, "generate_feedback", name)
    nbgrader(folder, "export")

    with (folder / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert {student: float(row["score"]) for student, row in rows.items()} == {
        "correct": full_total,
        "half": half_total,
        "empty": 0,
    }
    for_prose = sum(cell.metadata.nbgrader.points for cell in cells(solved).values() if is_prose(cell))
    assert {float(row["max_score"]) for row in rows.values()} == {full_total + for_prose}
    for student in rows:
        assert (folder / "feedback" / student / name / f"{name}.html").stat().st_size > 1000


def assert_stub(solved: str, released: str, exercise: str) -> None:
    """The release keeps an exercise's signature and docstring, and no line of its solution."""
    ours, theirs = (
        next(node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == exercise)
        for text in (solved, released)
    )
    assert ast.unparse(ours.args) == ast.unparse(theirs.args)
    assert ours.returns is None or ast.unparse(ours.returns) == ast.unparse(theirs.returns)
    assert ast.get_docstring(ours) == ast.get_docstring(theirs)
    left = [line for line in solution_body(solved) if line.strip() and line in released.splitlines()]
    assert not left, f"{exercise}: {left}"
    assert "SOLUTION" not in released


@pytest.mark.parametrize("source", SOURCES)
def test_a_check_cell_is_worth_what_its_exercise_is_worth(source, tmp_path):
    """nbgrader fails a cell that earns more than its points, and export would show less than full marks."""
    run_build(solved=tmp_path)
    solved = nbformat.read(tmp_path / f"{source.removeprefix('ch')}.ipynb", as_version=4)
    assert exercises(solved) == {name: find_exercise(name).max_points for name in exercises(solved)}


@pytest.mark.parametrize(
    "source", [pytest.param(name, marks=[pytest.mark.slow] if name != "ch01_bigrams" else []) for name in SOURCES]
)
def test_the_committed_chapter_is_what_nbgrader_would_release_but_for_the_stubs_words(source, tmp_path):
    name = source.removeprefix("ch")
    course = tmp_path / "course"
    run_build(solved=course / "source" / name)
    nbgrader(course, "generate_assignment", name)
    released = nbformat.read(course / "release" / name / f"{name}.ipynb", as_version=4)
    committed = nbformat.read(clone_root() / "chapters" / f"{name}.ipynb", as_version=4)
    theirs = [
        without_stub(c, "# YOUR CODE HERE\n    raise NotImplementedError()", "YOUR ANSWER HERE") for c in released.cells
    ]
    ours = [without_stub(c, "# Your code here\n    raise NotImplementedError", ANSWER_STUB) for c in committed.cells]
    assert ours == theirs


def without_stub(cell, code: str, prose: str) -> str:
    return "" if cell.source == prose else cell.source.replace(code, "")
