"""One folder of submissions as they come gives the same marks by `mi-tutor grade` and by `nbgrader autograde`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import nbgrader, run, teachers
from isolation import needs_sandbox
from odd_submissions import FILE, IN_GATE, NAME, SUBMISSIONS, answered

from mi_tutor.check.outline import chapter_of

COMMAND = str(Path(sys.executable).with_name("mi-tutor"))
EXERCISES = [task.name for task in chapter_of("count_bigrams").tasks]
pytestmark = needs_sandbox


def each(students):
    return [s if s in IN_GATE else pytest.param(s, marks=pytest.mark.slow) for s in students]


def mi_tutor(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def course(tmp_path_factory, whole) -> Path:
    """A course into which odd submissions were handed in: every one in the long tier."""
    folder = tmp_path_factory.mktemp("teacher") / "course"
    assert mi_tutor("course", "init", folder, "--chapters", "01").returncode == 0
    nbgrader(folder, "generate_assignment", NAME)
    nbgrader(folder, "db", "assignment", "add", NAME, "--duedate=2026-01-10 12:00:00 UTC")
    released = json.loads((folder / "release" / NAME / FILE).read_bytes())
    for student, odd in SUBMISSIONS.items():
        if whole or student in IN_GATE:
            odd.make(folder / "submitted" / student, answered(released))
    return folder


@pytest.fixture(scope="module")
def by_command(course):
    """What `mi-tutor grade submitted` says."""
    done = mi_tutor("grade", course / "submitted", "--json")
    shutil.rmtree(course / "submitted" / ".mi-tutor")
    assert done.returncode == 1, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def autograded(course):
    """What `nbgrader autograde` says; it ends with 1, as some cannot be graded."""
    done = run(sys.executable, "-m", "nbgrader", "autograde", NAME, cwd=course, **teachers(course.parent / "home"))
    assert done.returncode == 1, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def in_gradebook(course, autograded) -> dict[str, dict[str, float]]:
    """By student, what each exercise earned; only of those whose notebook was autograded."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name.removeprefix("check_"): grade.score
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.cell_type == "code"
            }
            for submission in gradebook.assignment_submissions(NAME)
        }


def of_student(found: dict, course: Path, student: str):
    """What there is for a path in a student's folder, or about it."""
    home = course / "submitted" / student
    return next((said for path, said in found.items() if home in (Path(path), *Path(path).parents)), None)


def marks_by_command(by_command: dict, course: Path, student: str) -> dict[str, float]:
    marks = of_student(by_command["notebooks"], course, student) or {"exercises": {}}
    earned = {name: mark["points"] for name, mark in marks["exercises"].items()}
    return {name: earned.get(name, 0.0) for name in EXERCISES}


@pytest.mark.parametrize("student", each(SUBMISSIONS))
def test_both_ways_give_one_mark(course, by_command, in_gradebook, student):
    odd = SUBMISSIONS[student]
    command = marks_by_command(by_command, course, student)
    gradebook = in_gradebook.get(student, dict.fromkeys(EXERCISES, 0.0))
    assert command == gradebook
    assert sum(command.values()) == (odd.points or 0)
    if odd.points is None:
        assert student not in in_gradebook
        assert of_student(by_command["notebooks"], course, student) is None


@pytest.mark.parametrize("student", each(student for student, odd in SUBMISSIONS.items() if odd.told))
def test_what_is_odd_is_told_with_the_student(course, by_command, autograded, student):
    odd = SUBMISSIONS[student]
    said = [line for line in autograded.splitlines() if student in line and odd.told in line]
    marks = of_student(by_command["notebooks"], course, student)
    if odd.points == 0 and marks:
        assert odd.told in marks["exercises"]["count_bigrams"]["message"]
        page = (course / "autograded" / student / NAME / FILE).read_text()
        assert odd.told in page.replace("<code>", "`").replace("</code>", "`")
        return
    assert said, autograded[-3000:]
    if "timestamp" not in said[0]:
        notes = [*by_command["notes"], *(f"{path}: {why}" for path, why in by_command["not_graded"].items())]
        assert any(student in note and odd.told in note for note in notes)


def test_a_timestamp_in_any_writing_counts(course, autograded):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assert str(gradebook.find_submission(NAME, "powershell").timestamp) == "2026-01-09 12:00:00"
        for student in ("german_date", "pipe", "plain"):
            assert gradebook.find_submission(NAME, student).timestamp is None


def test_whoever_handed_in_something_stands_in_the_gradebook(course, autograded):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        there = {student.id for student in gradebook.students}
    handed_in = {path.name for path in (course / "submitted").iterdir()}
    assert there == handed_in - {"nothing", "nothing_at_all"}


def test_nothing_but_pictures_and_the_time_is_copied_to_whoever_marks(course, autograded):
    found = {path.name for path in (course / "autograded" / "uncopyable" / NAME).iterdir()}
    assert found == {FILE}


def test_formgrader_lists_everybody_and_feedback_reaches_them(course, autograded, in_gradebook):
    script = (
        "from nbgrader.apps import NbGrader\nfrom nbgrader.apps.api import NbGraderAPI\n"
        "app = NbGrader(); app.load_config_file()\napi = NbGraderAPI(config=app.config)\n"
        f"print(*sorted(row['student'] for row in api.get_submissions('{NAME}')), sep='|')"
    )
    listed = run(sys.executable, "-c", script, cwd=course, **teachers(course.parent / "home"))
    assert listed.returncode == 0, listed.stdout
    assert set(in_gradebook) <= set(listed.stdout.splitlines()[-1].split("|"))
    nbgrader(course, "generate_feedback", NAME)
    for student in in_gradebook:
        assert (course / "feedback" / student / NAME / f"{NAME}.html").exists(), student


def test_one_student_by_name_whatever_the_name(course, autograded):
    for student in ("x [lab]", "-dash"):
        log = nbgrader(course, "autograde", NAME, f"--student={student}", "--force")
        assert f"submitted/{student}/" in log
        assert log.count("] Autograding ") == 1
