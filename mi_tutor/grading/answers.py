"""One question across all students: what each of them wrote, and beside it what it earned, on one page and in one table.

nbgrader's formgrader goes by student. A person who marks an open question goes by question: read all answers, write points
and a comment into the table, and put them back into the gradebook with `enter`. The page holds strangers' words as text:
nothing in it is rendered or run, and it says so to the browser.
"""

import csv
import html
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from nbgrader.api import MissingEntry

from mi_tutor.files import notebook_file
from mi_tutor.files.cells import CHECK
from mi_tutor.grading.gradebook import EXERCISE, NOT_GRADED, Book, CourseTrouble, Question, opened, read_book
from mi_tutor.grading.spreadsheet import as_cell

COLUMNS = ("student", "assignment", "question", "points", "max_points", "comment", "answer")
_TAGS = re.compile(r"<[^>]*>")
_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em }}
section {{ display: grid; gap: 0 2em; grid-template-columns: minmax(0, 1fr) 18em; border-top: 1px solid #8886; padding: 1em 0 }}
h2 {{ font-size: 1em; grid-column: 1 / 3; margin: 0 }}
pre {{ overflow-x: auto; white-space: pre-wrap; margin: .5em 0 }}
@media (max-width: 50em) {{ section {{ grid-template-columns: 1fr }} h2 {{ grid-column: 1 }} }}
</style></head><body><h1>{title}</h1>
<p>{count} answers to a question of {worth} points, those with the fewest points first.</p>
{sections}</body></html>
"""
_SECTION = "<section><h2>{student}</h2><pre>{answer}</pre><div><strong>{mark}</strong><p>{said}</p></div></section>\n"


class Answer(NamedTuple):
    """What a student wrote for a question."""

    student: str
    text: str
    points: float | None
    state: str
    said: str
    """What the check said of it, or a person."""


def answers(course: Path, assignment: str, name: str) -> tuple[Question, list[Answer]]:
    """A question, and what was handed in for it and autograded. Raises CourseTrouble."""
    book = read_book(course, [assignment])
    question = _question(book, assignment, name)
    with opened(course) as (gradebook, directory):
        found = []
        for mark in book.marks:
            if mark.question != question or mark.state == NOT_GRADED:
                continue
            submission = gradebook.find_submission(assignment, mark.student.id)
            folder = directory.format_path(directory.autograded_directory, mark.student.id, assignment)
            for notebook in submission.notebooks:
                cells = _cells(Path(folder, f"{notebook.name}.ipynb"))
                if any(grade.name in (name, CHECK + name) for grade in notebook.grades):
                    said = _said(cells, name) if question.kind == EXERCISE else _comment(notebook, name)
                    found.append(Answer(mark.student.id, _answer(cells, name), mark.points, mark.state, said))
    return question, sorted(
        found, key=lambda answer: (answer.points if answer.points is not None else -1, answer.student)
    )


def as_page(question: Question, found: Iterable[Answer]) -> bytes:
    """The answers to be read in a browser."""
    sections = [
        _SECTION.format(
            student=html.escape(answer.student),
            answer=html.escape(answer.text) or "<em>nothing</em>",
            mark=f"{_points(answer.points)} of {question.max_points:g} points"
            if answer.points is not None
            else answer.state,
            said=html.escape(answer.said),
        )
        for answer in found
    ]
    title = html.escape(f"{question.assignment}: {question.name}")
    page = _PAGE.format(title=title, count=len(sections), worth=f"{question.max_points:g}", sections="".join(sections))
    return page.encode(errors="replace")


def as_table(question: Question, found: Iterable[Answer]) -> bytes:
    """The answers to be marked in a spreadsheet, and read back by `enter`."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for answer in found:
        comment = answer.said if question.kind != EXERCISE else ""
        about = (answer.student, question.assignment, question.name, _points(answer.points), f"{question.max_points:g}")
        # Lines stay lines in an answer, where a name is made printable altogether.
        lines = "\n".join(str(as_cell(line)) for line in answer.text.splitlines())
        rows.writerow([*map(as_cell, about), as_cell(comment), lines])
    return text.getvalue().encode(errors="replace")


def enter(course: Path, file: Path) -> int:
    """Put a person's points and comments from such a table into the gradebook; a line without points is passed over.

    Returns:
        How many marks were entered.

    Raises:
        CourseTrouble: a line makes no sense; then nothing is entered.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseTrouble(f"{file} cannot be read: {error}.") from None
    if lines and not set(COLUMNS[:6]) <= set(lines[0]):
        raise CourseTrouble(f"{file} is no such table: its first line should have {', '.join(COLUMNS[:6])}.")
    entered = 0
    with opened(course) as (gradebook, _):
        for number, line in enumerate(lines, 2):
            if (line["points"] or "").strip():
                try:
                    _enter(gradebook, line)
                except (ValueError, MissingEntry) as error:
                    gradebook.db.rollback()
                    raise CourseTrouble(f"{file}, line {number}: {error} Nothing was entered.") from None
                entered += 1
        gradebook.db.commit()
    return entered


def _enter(gradebook: Any, line: dict[str, str]) -> None:
    """Raises ValueError with a sentence."""
    student = line["student"].removeprefix("'") if line["student"][:2] in ("'=", "'+", "'-", "'@") else line["student"]
    points, name = float(line["points"]), line["question"]
    submission = gradebook.find_submission(line["assignment"], student)
    grades = [g for notebook in submission.notebooks for g in notebook.grades if g.name in (name, CHECK + name)]
    if not grades:
        raise ValueError(f"{line['assignment']} has no question {name!r}.")
    (grade,) = grades
    if not 0 <= points <= grade.max_score:
        raise ValueError(f"{student} cannot have {points:g} of {grade.max_score:g} points.")
    grade.manual_score, grade.needs_manual_grade = points, False
    for comment in grade.notebook.comments:
        if comment.name == name and (line["comment"] or "").strip():
            comment.manual_comment = line["comment"].strip()


def _question(book: Book, assignment: str, name: str) -> Question:
    for question in book.questions:
        if question.name == name.removeprefix(CHECK):
            return question
    there = ", ".join(question.name for question in book.questions)
    raise CourseTrouble(f"{assignment} has no question {name!r}; it has {there}.")


def _cells(file: Path) -> list[dict[str, Any]]:
    try:
        return list(notebook_file.read(file.read_bytes())["cells"])
    except (OSError, notebook_file.NotANotebook):
        return []


def _answer(cells: list[dict[str, Any]], name: str) -> str:
    by_name = [cell for cell in cells if notebook_file.part(cell, "nbgrader").get("grade_id") == name]
    by_code = [cell for cell in cells if cell["cell_type"] == "code" and f"def {name}(" in cell["source"]]
    return "\n\n".join(cell["source"] for cell in by_name or by_code)


def _said(cells: list[dict[str, Any]], name: str) -> str:
    """The sentence below an exercise's check."""
    for cell in cells:
        if notebook_file.part(cell, "nbgrader").get("grade_id") == CHECK + name:
            shown = "".join(str(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", ()))
            return html.unescape(_TAGS.sub("", shown.partition("</div>")[0]))
    return ""


def _comment(notebook: Any, name: str) -> str:
    return next((str(c.comment or "") for c in notebook.comments if c.name == name), "")


def _points(points: float | None) -> str:
    return "" if points is None else f"{points:g}"
