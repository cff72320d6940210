"""A course with marks to be trusted, in nbgrader's own commands: from `mi-tutor course init` to the CSV and back again."""

import copy
import csv
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from commands import nbgrader
from isolation import needs_sandbox

NAME = "01_bigrams"
COMMAND = str(Path(sys.executable).with_name("mi-tutor"))
PROSE, OF_THE_TEACHER = "open_question", "check_teachers_own"
FULL = 21
pytestmark = needs_sandbox


def init(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([COMMAND, "course", "init", *map(str, arguments)], capture_output=True, text=True)


def submit(course: Path, student: str, notebook, when: str = "") -> None:
    folder = course / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    if when:
        (folder / "timestamp.txt").write_text(when)


def grades(course: Path) -> dict[str, dict[str, str]]:
    nbgrader(course, "export")
    with (course / "grades.csv").open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def marks_of(cell) -> dict:
    return cell.metadata.get("nbgrader", {})


def without_checks(notebook, *answers: str):
    """What is left when somebody deletes every check, every answer in prose, and these."""
    kept = copy.deepcopy(notebook)
    kept.cells = [cell for cell in kept.cells if not marks_of(cell).get("grade")]
    kept.cells = [cell for cell in kept.cells if marks_of(cell).get("grade_id") not in answers]
    return kept


def forged(released, evidence: Path):
    """No answer, but code that would write where it must not, full marks below every check, and a check of its own."""
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        if marks_of(cell).get("grade") and cell.cell_type == "code":
            cell.source, cell.metadata.nbgrader["points"] = "3.0", 100
            cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "3"}, execution_count=1)]
    own = {"grade": True, "grade_id": "of_my_own", "points": 50, "locked": True, "solution": False, "task": False}
    code = f"open({str(evidence)!r}, 'w').write('run')"
    notebook.cells.insert(1, nbformat.v4.new_code_cell(f"import os\n{code}\nos._exit(0)"))
    notebook.cells.append(nbformat.v4.new_code_cell(code, metadata={"nbgrader": own | {"schema_version": 3}}))
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one assignment and five submissions, autograded once."""
    folder = tmp_path_factory.mktemp("teacher") / "course"
    done = init(folder, "--chapters", "01")
    assert done.returncode == 0, done.stderr
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + 'c.LateSubmissionPlugin.penalty_method = "zero"\n')
    source = folder / "source" / NAME / f"{NAME}.ipynb"
    solved = nbformat.read(source, as_version=4)
    own = {"grade": True, "grade_id": OF_THE_TEACHER, "points": 5, "locked": True, "solution": False, "task": False}
    solved.cells.append(nbformat.v4.new_code_cell("assert True", metadata={"nbgrader": own | {"schema_version": 3}}))
    nbformat.write(solved, source)
    nbgrader(folder, "generate_assignment", NAME)
    nbgrader(folder, "db", "assignment", "add", NAME, "--duedate=2026-01-10 12:00:00 UTC")
    released = nbformat.read(folder / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    early, late = "2026-01-09 12:00:00 UTC", "2026-01-11 12:00:00 UTC"
    submit(folder, "ada", solved, early)
    submit(folder, "bea", without_checks(solved, "mean_kl"), early)
    submit(folder, "cyd", solved, late)
    submit(folder, "dan", forged(released, folder.parent / "evidence"), early)
    submit(folder, "eve", released, early)
    log = nbgrader(folder, "autograde", NAME)
    return folder, solved, log


def test_the_gradebook_has_the_trusted_marks(course):
    folder, _, log = course
    found = {student: (float(row["raw_score"]), float(row["score"])) for student, row in grades(folder).items()}
    assert found == {"ada": (FULL, FULL), "bea": (18, 18), "cyd": (FULL, 0), "dan": (0, 0), "eve": (0, 0)}
    assert not (folder.parent / "evidence").exists()
    assert f"{OF_THE_TEACHER} checks none of mi-tutor's exercises" in log


def test_every_check_is_back_and_says_what_it_found(course):
    folder, solved, _ = course
    asked = {marks_of(cell)["grade_id"] for cell in solved.cells if marks_of(cell).get("grade")}
    seeds = set()
    for student in ("ada", "bea", "dan"):
        graded = nbformat.read(folder / "autograded" / student / NAME / f"{NAME}.ipynb", as_version=4)
        checks = {marks_of(cell)["grade_id"]: cell for cell in graded.cells if marks_of(cell).get("grade")}
        assert set(checks) == asked
        for name in asked - {PROSE, OF_THE_TEACHER}:
            shown = checks[name].outputs[0].data["text/html"]
            found = re.search(rf"check\({name.removeprefix('check_')}, seed=(\d+)\)</code> \(bubblewrap\)", shown)
            assert found, shown
            seeds.add(found[1])
    # Each has inputs of their own, and what one is told says nothing of another's.
    assert len(seeds) == 3


def test_handed_in_again_it_is_marked_again_and_nobody_elses(course):
    folder, solved, _ = course
    submit(folder, "bea", solved, "2026-01-10 11:00:00 UTC")
    log = nbgrader(folder, "autograde", NAME)
    assert log.count("| INFO] Marked ") == 1
    assert f"Marked bea/{NAME}.ipynb: {FULL} points" in log
    assert float(grades(folder)["bea"]["score"]) == FULL


def test_a_second_autograde_keeps_every_mark_and_what_a_person_gave(course):
    from nbgrader.api import Gradebook

    folder, _, _ = course
    before = grades(folder)
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        grade = gradebook.find_grade(PROSE, NAME, NAME, "ada")
        assert grade.needs_manual_grade
        assert not gradebook.find_grade(PROSE, NAME, NAME, "eve").needs_manual_grade  # nothing was answered
        grade.manual_score = 2
        gradebook.db.commit()
    log = nbgrader(folder, "autograde", NAME, "--force")
    assert "] Marked " not in log
    after = grades(folder)
    assert float(after["ada"]["score"]) == FULL + 2
    assert {student: row["score"] for student, row in after.items() if student != "ada"} == {
        student: row["score"] for student, row in before.items() if student != "ada"
    }


def test_feedback_shows_the_sentence(course):
    folder, _, _ = course
    nbgrader(folder, "generate_feedback", NAME)
    page = (folder / "feedback" / "eve" / NAME / f"{NAME}.html").read_text()
    assert "0 of 3 points" in page
    assert "The same inputs again" in page


def test_what_is_there_is_left_as_it_is(course):
    folder, _, _ = course
    before = {path: path.read_bytes() for path in (folder / "source").rglob("*.ipynb")}
    again = init(folder, "--chapters", "00,01_bigrams")
    assert again.returncode == 0
    assert again.stdout.count("yours, left as it is") == 2  # the configuration and the notebook were edited
    assert "00_orientation.ipynb: new" in again.stdout
    assert {path: path.read_bytes() for path in before} == before


def test_a_course_that_cannot_be_made_says_why(tmp_path):
    unknown = init(tmp_path / "course", "--chapters", "77")
    assert unknown.returncode == 1
    assert "There is no chapter '77'; there are: 00_orientation, 01_bigrams," in unknown.stderr
    (tmp_path / "file").write_text("")
    blocked = init(tmp_path / "file")
    assert blocked.returncode == 1
    assert "cannot be written" in blocked.stderr
    pattern = init(tmp_path / "course [2027]")
    assert pattern.returncode == 1
    assert "leave *, ? and [ out of the course's path" in pattern.stderr
    assert "Traceback" not in unknown.stderr + blocked.stderr + pattern.stderr
