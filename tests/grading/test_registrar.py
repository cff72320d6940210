"""Marks leave a course whole: our table sums to nbgrader's score, and Canvas's and Moodle's files are as their importers read."""

import contextlib
import csv
import io
import re
from pathlib import Path

import pytest
from commands import teachers
from nbgrader.api import Gradebook
from typer.testing import CliRunner, Result

from mi_tutor.cli import app

NAME = "01_bigrams"
FORMULA = "=HYPERLINK(1)"


def mi_tutor(*arguments: object, cwd: Path) -> Result:
    """The command in this process: importing nbgrader anew for each takes longer than all of its work."""
    with contextlib.chdir(cwd):
        return CliRunner().invoke(app, [str(word) for word in arguments])


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """Five students: marked; waiting for a person; late; nothing handed in; with a name that a spreadsheet would compute."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'x'\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", teachers(folder)["PATH"])  # a new gradebook calls alembic by its name
        book = Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "x")
    with book:
        book.add_assignment(NAME)
        book.add_notebook(NAME, NAME)
        for name, kind in (("check_mean_kl", "code"), ("check_count_bigrams", "code"), ("open_question", "markdown")):
            book.add_grade_cell(name, NAME, NAME, max_score=3, cell_type=kind)
            book.add_source_cell(name, NAME, NAME, cell_type=kind, source="")
        people = {
            "ada": ("Lovelace", "Ada"),
            "bea": ("O'Hara, Jr.", "Bea"),
            "cyd": ("", ""),
            "dan": ("", ""),
            FORMULA: ("", ""),
        }
        for number, (student, (last, first)) in enumerate(people.items()):
            book.add_student(student, last_name=last, first_name=first, lms_user_id=str(100 + number))
            if student != "dan":
                submission = book.add_submission(NAME, student)
                for grade in submission.notebooks[0].grades:
                    grade.auto_score = 2.5 if grade.cell_type == "code" else None
                    grade.needs_manual_grade = grade.cell_type != "code"
                    if grade.cell_type != "code" and student != "bea":
                        grade.manual_score, grade.needs_manual_grade = 1, False
                submission.notebooks[0].late_submission_penalty = 2 if student == "cyd" else None
        book.db.commit()
    return folder


def written(course: Path, *arguments: object) -> tuple[list[list[str]], str]:
    """The file's lines, and what was told."""
    file = course / "out.csv"
    done = mi_tutor("course", "marks", *arguments, file, cwd=course)
    assert done.exit_code == 0, done.stderr
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.reader(opened)), done.stderr


def test_a_students_lines_sum_to_nbgraders_score(course):
    lines, _ = written(course, "--csv")
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "x") as book:
        for student in ("ada", "bea", "cyd"):
            submission = book.find_submission(NAME, student)
            earned = sum(float(row["points"] or 0) for row in rows if row["student"] == student)
            assert earned == submission.score - submission.late_submission_penalty
    assert {(row["question"], row["state"]) for row in rows if row["student"] == "bea"} == {
        ("mean_kl", "marked"),
        ("count_bigrams", "marked"),
        ("open_question", "waits for a person"),
    }
    assert [row["points"] for row in rows if row["kind"] == "late penalty"] == ["-2"]
    assert {row["student"] for row in rows} == {"ada", "bea", "cyd", f"'{FORMULA}"}
    assert mi_tutor("course", "marks", cwd=course).stdout.splitlines()[0] == ",".join(lines[0])


def as_canvas_reads(lines: list[list[str]]) -> dict[str, dict[str, str]]:
    """By ID, the points under each heading: the rules of Canvas's gradebook_importer.rb."""
    head = lines[0]
    assert len(head) > 3
    assert "Student" in head[0]
    assert "ID" in head[1]
    width = 3
    if re.search(r"SIS\s+Login\s+ID", head[2]):
        width += 1
    elif re.search(r"SIS\s+User\s+ID", head[2]) and re.search(r"SIS\s+Login\s+ID", head[3]):
        width += 3 if re.search(r"Integration\s+ID", head[4]) else 2
    assert "Section" in head[width - 1]
    assert "Points Possible" in lines[1][0]
    found = {}
    for line in lines[2:]:
        assert len(line) == len(head)
        found[line[1]] = dict(zip(head[width:], line[width:], strict=True))
    return found


def test_canvas_finds_students_and_points(course):
    lines, told = written(course, "--canvas")
    assert lines[1][5:] == ["9"]
    assert as_canvas_reads(lines) == {
        "100": {NAME: "6"},
        "101": {NAME: ""},
        "102": {NAME: "4"},
        "103": {NAME: ""},
        "104": {NAME: "6"},
    }
    assert [line[3] for line in lines[2:]] == [f"'{FORMULA}", "ada", "bea", "cyd", "dan"]
    assert "Waits for a person: bea" in told
    assert "dan" not in told
    unfinished, _ = written(course, "--unfinished", "--canvas")
    assert as_canvas_reads(unfinished)["101"] == {NAME: "5"}


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("integration", [[], ["Integration ID"]])
def test_canvass_own_export_keeps_its_numbers_headings_and_names(course, separator, integration):
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", *integration, "Section", f"{NAME} (77)", "Final Score"]
    blank = [""] * len(integration)
    lines = [
        head,
        ["", "", "", "", *blank, "", "Manual Posting", ""],
        ["    Points Possible", "", "", "", *blank, "", "9.0", "(read only)"],
        ["Lovelace, Ada", "9001", "s-1", "ada", *blank, "A", "", ""],
        ["Hara, Bea", "9002", "bea", "", *blank, "A", "3", ""],
        ["Nobody, N.", "9003", "s-3", "nobody", *blank, "B", "", ""],
    ]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator).writerows(lines)
    (course / "roster.csv").write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
    made, told = written(course, "--roster", "roster.csv", "--unfinished", "--canvas")
    assert as_canvas_reads(made) == {"9001": {f"{NAME} (77)": "6"}, "9002": {f"{NAME} (77)": "5"}}
    assert made[2][: 5 + len(integration)] == lines[3][: 5 + len(integration)]
    assert "In Canvas but not in the gradebook, and left out: Nobody, N." in told
    assert "In the gradebook but not in Canvas, and left out: cyd" in told


def test_a_column_for_each_exercise_and_open_question(course):
    lines, told = written(course, "--questions", "--moodle")
    titles = [f"{NAME}: {name}" for name in ("mean_kl", "count_bigrams", "open_question")]
    assert sorted(lines[0][5:]) == sorted(titles)
    rows = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[1:]}
    assert [rows["bea"][title] for title in titles] == ["2.5", "2.5", ""]
    assert [rows["cyd"][title] for title in titles] == ["2.5", "2.5", "1"]
    assert [rows["dan"][title] for title in titles] == ["", "", ""]
    assert "No question's column shows a penalty; these have one: cyd." in told


def test_moodle_can_tell_who_it_is_by_name_number_or_address(course):
    lines, _ = written(course, "--moodle")
    assert lines[0] == ["Username", "ID number", "First name", "Last name", "Email address", NAME]
    rows = {line[0]: line for line in lines[1:]}
    assert rows["ada"] == ["ada", "100", "Ada", "Lovelace", "", "6"]
    assert rows["bea"][3] == "O'Hara, Jr."
    assert rows["cyd"][5] == "4"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--assignment", "02_x"), "There is no assignment '02_x' in the gradebook; there are: 01_bigrams."),
        (("--roster", "x.csv"), "it goes with --canvas"),
        (("--canvas", "out.csv", "--roster", "gone.csv"), "gone.csv cannot be read"),
        (("--canvas", "out.csv", "--roster", "nbgrader_config.py"), "is no export of Canvas's gradebook"),
        (("--course", ".."), "is no course's folder"),
        (("--csv", "no/such/folder.csv"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(course, arguments, sentence):
    done = mi_tutor("course", "marks", *arguments, cwd=course)
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_before_the_first_autograde_there_is_no_gradebook_and_none_is_made(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    done = mi_tutor("course", "marks", cwd=tmp_path)
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [tmp_path / "nbgrader_config.py"])
    assert "There is no gradebook" in done.stderr


def test_points_come_back_from_the_table_of_answers(course):
    table = course / "open.csv"
    done = mi_tutor("course", "answers", NAME, "open_question", "--csv", table, cwd=course)
    assert done.exit_code == 0, done.stderr
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["student"] for row in rows] == ["bea", f"'{FORMULA}", "ada", "cyd"]
    assert [row["points"] for row in rows] == ["", "1", "1", "1"]
    for row, points in zip(rows, ("2", "3", "", "4"), strict=True):
        row["points"] = points
    write(table, rows)
    refused = mi_tutor("course", "enter", table, cwd=course)
    assert refused.exit_code == 1
    assert "line 5: cyd cannot have 4 of 3 points. Nothing was entered." in refused.stderr
    assert points_of(course, "bea") is None
    rows[3]["points"] = " "
    write(table, rows)
    entered = mi_tutor("course", "enter", table, cwd=course)
    assert "2 marks entered" in entered.stderr
    assert [points_of(course, student) for student in ("bea", FORMULA, "ada", "cyd")] == [2, 3, 1, 1]
    assert "Waits" not in written(course, "--canvas")[1]


def write(table: Path, rows: list[dict[str, str]]) -> None:
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def points_of(course: Path, student: str) -> float | None:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "x") as book:
        return book.find_grade("open_question", NAME, NAME, student).manual_score
