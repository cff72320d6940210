"""Marks as files for others: a table of our own, and what Canvas and Moodle import.

Canvas: "How do I import grades in the Gradebook?" (Canvas Instructor Guide) says to begin from an export, for Canvas knows
students by its own numbers; `lib/gradebook_importer.rb` in its public source is what reads the file. The first columns are
Student, ID, SIS User ID, SIS Login ID and Section, the second row is "Points Possible", a column that is no assignment yet
becomes a new one, and an empty cell changes nothing.

Moodle: "Grade import" (MoodleDocs): a CSV file whose columns are mapped by hand, one to whom it is about (user name, ID number
or email address), the others to grade items, which may be new.

nbgrader's `export` gives one sum for each assignment and quotes nothing, so a name with a comma breaks it.
"""

import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from mi_tutor.grading.gradebook import PENALTY, WAITING, Book, CourseTrouble, Question, Student
from mi_tutor.grading.spreadsheet import as_cell

OURS = (
    *("student", "last_name", "first_name", "email", "assignment", "question", "kind"),
    *("points", "max_points", "state"),
)
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE = ("Username", "ID number", "First name", "Last name", "Email address")
_PLAIN = re.compile(r"[-+@]?[\w.@-]+")


class Column(NamedTuple):
    """Of a file with a line a student."""

    title: str
    max_points: float
    points: Callable[[Student], tuple[float | None, bool]]
    """What a student has there, and whether a person has something to add."""


class Made(NamedTuple):
    """A file's content, and what its maker has to know."""

    content: bytes
    notes: list[str]


def our_table(book: Book) -> bytes:
    """One line for each student and question as CSV, and one for a penalty: the points of a student's lines sum to the score."""
    rows = [
        (*mark.student[:4], *mark.question[:3], _number(mark.points), _number(mark.question.max_points), mark.state)
        for mark in book.marks
    ]
    return _csv([OURS, *rows])


def for_canvas(book: Book, columns: Sequence[Column], roster: Sequence[Sequence[str]] = ()) -> Made:
    """What Canvas imports.

    Args:
        roster: the lines of a file that Canvas exported. Its students come as they stand there, and an assignment that it has
            already is met under its own heading; without it Canvas has to know the students' folders as login names.

    Raises:
        CourseTrouble: the roster is no export of Canvas's gradebook.
    """
    head, lines, notes = _canvas_students(book, roster)
    titles = [next((t for t in head.rest if _is_heading_of(t, column.title)), column.title) for column in columns]
    possible = [
        "    Points Possible",
        *[""] * (len(head.fixed) - 1),
        *(_number(column.max_points) for column in columns),
    ]
    rows = [[*fixed, *_cells(student, columns)] for fixed, student in lines]
    return Made(_csv([[*head.fixed, *titles], possible, *rows]), [*notes, *_unfinished(book, columns)])


def for_moodle(book: Book, columns: Sequence[Column]) -> Made:
    """What Moodle imports: the student's folder as user name, nbgrader's LMS number, name and address to choose from."""
    rows = [
        (student.id, student.lms_id, student.first_name, student.last_name, student.email, *_cells(student, columns))
        for student in book.students
    ]
    titles = [column.title for column in columns]
    return Made(_csv([[*MOODLE, *titles], *rows]), _unfinished(book, columns))


def columns_of(book: Book, *, each_question: bool, unfinished: bool) -> list[Column]:
    """A column for each assignment, its penalty taken off; or for each of its questions, without any penalty.

    Args:
        unfinished: give also the sums to which a person has something to add; otherwise they are left out.
    """

    def _kept(points: float | None, waits: bool) -> tuple[float | None, bool]:
        return (None if waits and not unfinished else points), waits

    if not each_question:

        def score(assignment: str) -> Callable[[Student], tuple[float | None, bool]]:
            return lambda student: _kept(*book.score(student, assignment))

        return [Column(assignment, worth, score(assignment)) for assignment, worth in book.assignments.items()]
    by_mark = {(mark.student.id, mark.question): mark for mark in book.marks}

    def points(question: Question) -> Callable[[Student], tuple[float | None, bool]]:
        def found(student: Student) -> tuple[float | None, bool]:
            mark = by_mark.get((student.id, question))
            return (None, False) if mark is None else _kept(mark.points, mark.state == WAITING)

        return found

    return [Column(f"{q.assignment}: {q.name}", q.max_points, points(q)) for q in book.questions]


def penalties(book: Book) -> list[str]:
    """The students who have a penalty: files with a column for each question cannot show it."""
    return sorted({mark.student.id for mark in book.marks if mark.question.kind == PENALTY})


def read_roster(file: Path) -> list[list[str]]:
    """The lines of a file that Canvas exported, whichever of its two separators it has. Raises CourseTrouble."""
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseTrouble(f"{file} cannot be read: {error}.") from None
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    return [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if line]


class _Head(NamedTuple):
    """The first line of Canvas's file."""

    fixed: list[str]
    """What stands about a student, to Section."""
    rest: list[str]
    """The assignments that Canvas has."""


def _canvas_students(
    book: Book, roster: Sequence[Sequence[str]]
) -> tuple[_Head, list[tuple[list[str], Student]], list[str]]:
    """The heading, each student's first cells, and who is on one side only."""
    if not roster:
        lines = [([_name(s), s.lms_id, "", s.id, ""], s) for s in book.students]
        return _Head(list(CANVAS), []), lines, []
    head = list(roster[0])
    if "Section" not in head or "ID" not in head:
        raise CourseTrouble('The roster is no export of Canvas\'s gradebook: its first line has no "ID" and "Section".')
    width = head.index("Section") + 1
    known = {key: student for student in book.students for key in (student.id, student.lms_id) if key}
    columns = [place for place, title in enumerate(head[:width]) if title in ("ID", "SIS User ID", "SIS Login ID")]
    lines, missing = [], []
    for line in roster[1:]:
        keys = [line[place].strip() for place in columns if place < len(line) and line[place].strip()]
        if not keys:
            continue  # points possible, posting policies
        student = next((known[key] for key in keys if key in known), None)
        if student is None:
            missing.append(line[0])
        else:
            lines.append((list(line[:width]), student))
    unknown = sorted({student.id for student in book.students} - {student.id for _, student in lines})
    notes = [f"In Canvas but not in the gradebook, and left out: {name}" for name in missing]
    notes += [f"In the gradebook but not in Canvas, and left out: {name}" for name in unknown]
    return _Head(head[:width], head[width:]), lines, notes


def _is_heading_of(heading: str, title: str) -> bool:
    """Canvas's own headings end in the assignment's number."""
    return re.fullmatch(re.escape(title) + r"(?: \(\d+\))?", heading) is not None


def _cells(student: Student, columns: Sequence[Column]) -> list[str]:
    return [_number(column.points(student)[0]) for column in columns]


def _unfinished(book: Book, columns: Sequence[Column]) -> list[str]:
    waiting = [s.id for s in book.students if any(column.points(s)[1] for column in columns)]
    return [f"Waits for a person: {student}" for student in waiting]


def _name(student: Student) -> str:
    return ", ".join(part for part in (student.last_name, student.first_name) if part) or student.id


def _number(points: float | None) -> str:
    return "" if points is None else f"{points:g}"


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_safe(word) for word in row] for row in rows)
    return text.getvalue().encode()


def _safe(word: str) -> str:
    """An importer has to find a number or a name as it is; what a spreadsheet would compute is made harmless."""
    return word if _PLAIN.fullmatch(word) or word.startswith("    ") else str(as_cell(word))
