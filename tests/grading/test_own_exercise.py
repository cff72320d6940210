"""A course's own exercise, as docs/teachers.md has it: its commands and its file are copied out of there and run whole."""

import copy
import csv
import json
import os
import re
import shlex
import sys
from pathlib import Path

import nbformat
import pytest
from commands import nbgrader, run, teachers
from isolation import needs_sandbox

PAGE = (Path(__file__).parents[2] / "docs" / "teachers.md").read_text(encoding="utf-8")
SECTION = re.search(r"^## An exercise of your own\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
(FILE,) = (text for language, text in BLOCKS if language == "python")
BEGIN, RELEASE, MARK = (
    [line.split("#")[0].strip() for line in text.splitlines()] for language, text in BLOCKS if language == "sh"
)
NAME = "attention_entropy"
RIGHT = "return torch.special.entr(pattern).sum(-1)"
POINTS = {"ada": 4, "bea": 3, "cyd": 0, "dan": 0, "eve": 0, "fay": 0, "gus": 4, "hal": 0}
"""Right; NaN at 0; bits; the examples written down; read out of the course's folder; forged; without its check; not begun."""
pytestmark = needs_sandbox


def command(course: Path, line: str) -> str:
    """What one of the page's commands says. It has to succeed."""
    program, *words = shlex.split(line)
    variables = teachers(course.parent / "home")
    done = run(Path(sys.executable).with_name(program), *words, cwd=course, **variables)
    assert done.returncode == 0, f"{line}\n{done.stdout}"
    return done.stdout


def marks_of(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def cell_of(notebook, name: str):
    return next(cell for cell in notebook.cells if marks_of(cell).get("grade_id") == name)


def answered(released, *lines: str, above: str = ""):
    notebook = copy.deepcopy(released)
    cell = cell_of(notebook, NAME)
    stub = "    # Your code here\n    raise NotImplementedError"
    assert stub in cell.source
    cell.source = above + cell.source.replace(stub, "\n".join(f"    {line}" for line in lines))
    return notebook


def written_down(released):
    """The examples' results in a table, and for everything else the last of them."""
    given = re.search(r"examples=(\[.*\]),\n\)", cell_of(released, f"check_{NAME}").source, re.DOTALL)[1]
    return answered(
        released,
        f"for what, args, result in {given}:",
        "    if args['pattern'].shape == pattern.shape and torch.allclose(args['pattern'], pattern.float()):",
        "        return result.to(pattern.dtype)",
        "return result.to(pattern.dtype)",
    )


def read_out(released, course: Path):
    """Looks for the solution wherever it might be, and says in its error what it found."""
    return answered(
        released,
        "import importlib, os, sys",
        "found = []",
        f"for folder in ({str(course)!r}, {str(course / 'exercises')!r}, os.getcwd(), '/'):",
        "    try:",
        "        found += [name for name in os.listdir(folder) if 'exercise' in name or 'entropy' in name]",
        "    except OSError:",
        "        pass",
        f"for name in ('exercises.{NAME}', 'own_exercises.{NAME}', 'mi_tutor.grading.own_exercises', 'mi_tutor.exercises'):",
        "    try:",
        "        found.append(importlib.import_module(name).__file__)",  # a stand-in has none
        "    except (ImportError, AttributeError):",
        "        pass",
        f"found += [name for name in sys.modules if {NAME!r} in name]",
        "raise ValueError(f'found: {found}')",
    )


def forged(released):
    notebook = copy.deepcopy(released)
    check = cell_of(notebook, f"check_{NAME}")
    check.source, check.metadata.nbgrader["points"] = "4.0", 100
    check.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "4"}, execution_count=1)]
    return notebook


def submit(course: Path, student: str, notebook) -> Path:
    path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def marks_in(course: Path) -> dict[str, dict[str, str]]:
    with (course / "marks.csv").open(newline="") as file:
        return {Path(row["notebook"]).parts[-3]: row for row in csv.DictReader(file)}


def grades(course: Path) -> dict[str, float]:
    nbgrader(course, "export")
    with (course / "grades.csv").open(newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The page, from the first command to the last, with a class of eight."""
    folder = tmp_path_factory.mktemp("teacher") / "course"
    folder.parent.mkdir(exist_ok=True)
    run(Path(sys.executable).with_name("mi-tutor"), "course", "init", folder, "--chapters", "01", cwd=folder.parent)
    said = [command(folder, line) for line in BEGIN]
    (folder / "exercises" / f"{NAME}.py").write_text(FILE, encoding="utf-8")
    said += [command(folder, line) for line in RELEASE]
    released = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    without_check = answered(released, RIGHT)
    without_check.cells = [cell for cell in without_check.cells if marks_of(cell).get("grade_id") == NAME]
    submit(folder, "ada", answered(released, RIGHT))
    submit(folder, "bea", answered(released, "return -(pattern * pattern.log()).sum(-1)"))
    submit(
        folder, "cyd", answered(released, "return -pattern.xlogy(pattern).sum(-1) / math.log(2)", above="import math\n")
    )
    submit(folder, "dan", written_down(released))
    submit(folder, "eve", read_out(released, folder))
    submit(folder, "fay", forged(released))
    submit(folder, "gus", without_check)
    submit(folder, "hal", released)
    said += [command(folder, line) for line in MARK]
    return folder, released, said


def test_the_page_says_how_it_begins_and_goes_on(course):
    folder, _, said = course
    assert "an exercise that works" in said[0]
    assert f"nbgrader generate_assignment {NAME}" in said[0]
    assert "right. 4 points, 2 examples for students, 3 mistakes told apart." in said[1]
    assert f"{NAME}.ipynb: asks for it already" not in said[1]
    assert (folder / "exercises").stat().st_mode & 0o077 == 0


def test_students_get_the_head_the_hint_and_examples_and_nothing_else_of_the_file(course):
    folder, released, _ = course
    everything = "\n".join(path.read_text("utf-8") for path in (folder / "release").rglob("*") if path.is_file())
    solution = "return -pattern.xlogy(pattern).sum(-1)"
    assert solution in FILE
    for secret in (
        solution,
        "in_bits",
        "zero_times",
        "These are bits",
        "draw",
        "Exercise(",
        "jaxtyping import Float, ",
    ):
        assert secret not in everything, secret
    assert [path.name for path in (folder / "release").rglob("*.py")] == []
    head = cell_of(released, NAME).source
    assert 'def attention_entropy(pattern: Float[Tensor, "query key"]) -> Float[Tensor, "query"]:' in head
    assert "an entry of 0, adds nothing" in head
    assert any("<summary>Hint 1</summary>" in cell.source for cell in released.cells)
    check = cell_of(released, f"check_{NAME}")
    assert (check.metadata.nbgrader.points, check.metadata.nbgrader.locked) == (4, True)


def test_a_students_notebook_runs_with_the_package_alone_and_checks_the_examples(course, tmp_path):
    folder, _, _ = course
    for student, word in (("ada", "right on these examples"), ("bea", "right on these examples"), ("hal", "0")):
        cells = nbformat.read(folder / "submitted" / student / NAME / f"{NAME}.ipynb", as_version=4).cells
        code = [cell.source for cell in cells if cell.cell_type == "code"]
        program = "\n".join([*code[:-1], code[-1].replace("\ncheck(", "\nreport = check("), "print(repr(report))"])
        done = run(sys.executable, "-c", program, cwd=tmp_path)
        assert done.returncode == 0, done.stdout
        assert word in done.stdout.splitlines()[-1]


def test_both_ways_of_marking_give_the_points_that_are_due(course):
    folder, _, _ = course
    rows = marks_in(folder)
    assert {student: float(row["points"]) for student, row in rows.items()} == POINTS
    assert {float(row["max_points"]) for row in rows.values()} == {4}
    assert grades(folder) == POINTS
    assert rows["cyd"]["mistake"] == "in_bits"
    assert "These are bits" in rows["cyd"]["message"]
    assert "zero_times_minus_infinity" in rows["bea"]["mistake"]
    assert rows["hal"]["mistake"] == "not attempted"


def test_nothing_of_it_is_within_a_submissions_reach(course):
    folder, _, _ = course
    assert "found: []" in marks_in(folder)["eve"]["message"]


def test_feedback_tells_the_mistake_and_offers_no_inputs_that_a_student_cannot_draw(course):
    folder, _, _ = course
    page = (folder / "feedback" / "cyd" / NAME / f"{NAME}.html").read_text("utf-8")
    assert "0 of 4 points" in page
    assert "These are bits" in page
    assert f"check({NAME}, seed=" not in page


def test_marks_are_kept_until_the_file_changes(course):
    folder, _, _ = course
    file, mark = folder / "exercises" / f"{NAME}.py", "mi-tutor grade submitted --csv marks.csv"
    assert "4 of 4 points" not in command(folder, mark)
    file.write_text(FILE.replace('"general": 2', '"general": 5'), encoding="utf-8")
    try:
        assert "7 of 7 points" in command(folder, mark)
        again = nbgrader(folder, "autograde", NAME, "--force")
        assert again.count("| INFO] Marked ") == len(POINTS)
        # The gradebook's cells are worth what they were given out with, until the assignment is generated again.
        assert grades(folder)["ada"] == 4
    finally:
        file.write_text(FILE, encoding="utf-8")


def test_notebooks_elsewhere_are_marked_by_the_course_that_is_named(course, tmp_path):
    folder, released, _ = course
    nbformat.write(answered(released, RIGHT), tmp_path / f"ada-{NAME}.ipynb")
    program = Path(sys.executable).with_name("mi-tutor")
    alone = run(program, "grade", tmp_path, cwd=tmp_path)
    assert alone.returncode == 1
    assert "--course" in alone.stdout
    named = run(program, "grade", tmp_path, "--course", folder, "--exercise", NAME, cwd=tmp_path)
    assert named.returncode == 0, named.stdout
    assert "4 of 4 points" in named.stdout


@pytest.mark.when_touched("mi_tutor.grading.own_release", "mi_tutor.grading.own_exercises")
def test_it_may_stand_in_a_chapters_assignment(course):
    folder, _, _ = course
    said = command(folder, f"mi-tutor course exercise {NAME} --assignment 01_bigrams")
    assert "at the end" in said
    assert "asks for it already" in command(folder, f"mi-tutor course exercise {NAME} --assignment 01_bigrams")
    nbgrader(folder, "generate_assignment", "01_bigrams")
    released = nbformat.read(folder / "release" / "01_bigrams" / "01_bigrams.ipynb", as_version=4)
    notebook = answered(released, RIGHT)
    cell = cell_of(notebook, "direct_path_logits")
    cell.source = "def direct_path_logits(W_E, W_U):\n    return W_E @ W_U"
    path = folder / "submitted" / "ada" / "01_bigrams" / "01_bigrams.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    variables = teachers(folder.parent / "home")
    done = run(Path(sys.executable).with_name("mi-tutor"), "grade", path, "--json", cwd=folder, **variables)
    (found,) = json.loads(done.stdout[done.stdout.index("{\n") :])["notebooks"].values()
    assert (found["points"], found["max_points"]) == (7, 25)
    nbgrader(folder, "autograde", "01_bigrams", "--student", "ada")
    with (folder / "grades.csv").open("w"):
        pass
    nbgrader(folder, "export")
    with (folder / "grades.csv").open(newline="") as file:
        scores = {(row["student_id"], row["assignment"]): float(row["score"]) for row in csv.DictReader(file)}
    assert scores["ada", "01_bigrams"] == 7


def test_a_course_planted_in_a_submission_is_not_the_course(course):
    from mi_tutor.grading.own_exercises import find_course

    folder, _, _ = course
    planted = folder / "submitted" / "eve"
    (planted / "submitted" / "x").mkdir(parents=True)
    (planted / "nbgrader_config.py").write_text("")
    assert find_course(planted / "submitted" / "x") == folder
    assert find_course(folder / "submitted") == folder
    assert find_course(folder) is None
    assert find_course(Path(os.sep)) is None
