"""Lateness, extensions and marking again, as the teachers' page has them; and feedback that calls a check by its exercise."""

import json
import re
import sys
from pathlib import Path

import pytest
from commands import nbgrader, run, teachers
from isolation import needs_sandbox
from odd_submissions import FILE, NAME, answered, put, saved

from mi_tutor.authoring.build import clone_root

WHEN = {
    "grace": "2027-02-01 00:09:00 UTC",
    "late": "2027-02-02 23:59:00 UTC",
    "extended": "2027-02-02 23:59:00 UTC",
}
EARNED = 3.0
pytestmark = needs_sandbox


def of_the_guide(begin: str, kind: str) -> str:
    """The block of the teachers' page that holds these words."""
    page = (clone_root() / "docs" / "teachers.md").read_text(encoding="utf-8")
    return next(block for block in re.findall(rf"^```{kind}\n(.*?)^```", page, re.M | re.S) if begin in block)


def shell(course: Path, commands: str) -> str:
    """What commands of the guide say. They have to succeed."""
    done = run("sh", "-ec", commands, cwd=course, **teachers(course.parent / "home"))
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """Three students with the same notebook, handed in at three times; autograded as `course init` configures it."""
    folder = tmp_path_factory.mktemp("teacher") / "course"
    shell(folder.parent, "mi-tutor course init course --chapters 01")
    nbgrader(folder, "generate_assignment", NAME)
    shell(folder, of_the_guide("--duedate", "sh"))
    shell(folder, of_the_guide("course extend", "sh").replace(" ada ", " extended "))
    notebook = answered(json.loads((folder / "release" / NAME / FILE).read_bytes()))
    for student, when in WHEN.items():
        put(folder / "submitted" / student, f"{NAME}/{FILE}", saved(notebook))
        put(folder / "submitted" / student, f"{NAME}/timestamp.txt", when.encode())
    nbgrader(folder, "autograde", NAME)
    return folder


def scores(course: Path) -> dict[str, tuple[float, float]]:
    """By student, the score and the penalty."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        submissions = gradebook.assignment_submissions(NAME)
        return {found.student.id: (found.score, found.late_submission_penalty or 0.0) for found in submissions}


def test_by_default_nothing_is_deducted(course):
    assert scores(course) == dict.fromkeys(WHEN, (EARNED, 0.0))


def test_the_guides_rule_takes_a_point_a_day_but_not_in_grace_nor_before_an_extension_ends(course):
    config = course / "nbgrader_config.py"
    config.write_text(config.read_text() + of_the_guide("APointADay", "python"))
    log = nbgrader(course, "autograde", NAME, "--force")
    assert "] Marked " not in log
    assert scores(course) == {student: (EARNED, 2.0 if student == "late" else 0.0) for student in WHEN}
    shell(course, f"mi-tutor course extend {NAME} extended")
    nbgrader(course, "autograde", NAME, "--force", "--student=extended")
    assert scores(course)["extended"] == (EARNED, 2.0)


def test_without_a_due_date_or_an_assignment_there_is_no_extension(course):
    done = run(
        sys.executable, "-m", "nbgrader", "db", "assignment", "add", "never", cwd=course, **teachers(course.parent)
    )
    assert done.returncode == 0, done.stdout
    for assignment, sentence in (("never", "never has no due date"), ("nothing", "There is no assignment 'nothing'")):
        done = run("mi-tutor", "course", "extend", assignment, "late", cwd=course, **teachers(course.parent))
        assert done.returncode == 1
        assert sentence in done.stdout


def test_one_exercise_is_marked_again_and_no_other(course):
    log = shell(course, of_the_guide("TrustedMarks.exercise", "sh").replace("mean_kl", "count_bigrams --student=late"))
    assert "late: count_bigrams marked again: 3 → 3 points" in log
    assert {score for score, _ in scores(course).values()} == {EARNED}
    wrong = run(
        *(sys.executable, "-m", "nbgrader", "autograde", NAME, "--force", "--TrustedMarks.exercise=count"),
        cwd=course,
        **teachers(course.parent / "home"),
    )
    assert wrong.returncode == 1
    assert "has no exercise 'count'; it has " in wrong.stdout
    assert {path.name for path in (course / "autograded").iterdir()} == set(WHEN)


def test_feedback_calls_a_check_by_its_exercise(course):
    nbgrader(course, "generate_feedback", NAME, "--student=grace")
    page = (course / "feedback" / "grace" / NAME / f"{NAME}.html").read_text()
    assert '<a href="#count_bigrams"><code>count_bigrams</code></a>' in page
    assert 'name="count_bigrams"' in page
    assert "Test cell" not in page
    assert "check_count_bigrams" not in re.sub(r"<[^>]*>", "", page)  # tags keep the cell's id, which nobody reads


def test_everybodys_code_stands_beside_its_mark_on_a_page_that_runs_nothing(course):
    shell(course, f"mi-tutor course answers {NAME} count_bigrams --page page.html")
    page = (course / "page.html").read_text()
    for student in WHEN:
        section = page.partition(f"<h2>{student}</h2>")[2].partition("</section>")[0]
        assert "def count_bigrams(tokens, d_vocab):" in section
        assert "3 of 3 points" in section
        assert "count_bigrams: right." in section
    assert "default-src 'none'" in page
    assert "<script" not in page
