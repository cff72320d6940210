"""`mi-tutor course marks`, `answers`, `enter` and `extend`: what a course needs of its gradebook beside nbgrader's commands."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.files import safe_write
from mi_tutor.grading.printable import printable

if TYPE_CHECKING:
    from mi_tutor.grading.registrar import Made


class Files(NamedTuple):
    """Where marks are written to; what is left out is not written."""

    ours: Path | None = None
    canvas: Path | None = None
    moodle: Path | None = None
    roster: Path | None = None
    """What Canvas exported."""


def run_marks(course: Path, files: Files, assignments: Sequence[str], *, each_question: bool, unfinished: bool) -> int:
    """Write the marks of a course; to standard output, in our own form, where no file is named.

    Returns:
        The command's exit status.
    """

    def work() -> None:
        from mi_tutor.grading import registrar
        from mi_tutor.grading.gradebook import CourseTrouble, read_book

        if files.roster and not files.canvas:
            raise CourseTrouble("--roster is what Canvas exported: it goes with --canvas.")
        book = read_book(course, list(assignments))
        table = registrar.our_table(book)
        if files == Files():
            sys.stdout.write(table.decode())
            return
        if files.ours:
            _write(files.ours, table)
        if files.canvas or files.moodle:
            columns = registrar.columns_of(book, each_question=each_question, unfinished=unfinished)
            if each_question and (late := registrar.penalties(book)):
                _tell(f"No question's column shows a penalty; these have one: {', '.join(late)}.")
            if files.canvas:
                roster = registrar.read_roster(files.roster) if files.roster else ()
                _write_made(files.canvas, registrar.for_canvas(book, columns, roster), unfinished)
            if files.moodle:
                _write_made(files.moodle, registrar.for_moodle(book, columns), unfinished)

    return _run(work)


def run_answers(course: Path, assignment: str, question: str, page: Path | None, table: Path | None) -> int:
    """Write what all students wrote for a question. Returns the command's exit status."""

    def work() -> None:
        from mi_tutor.grading import answers

        asked, found = answers.answers(course, assignment, question)
        if page or not table:
            _write(page or Path(f"{assignment}-{asked.name}.html"), answers.as_page(asked, found))
        if table:
            _write(table, answers.as_table(asked, found))
        _tell(f"{len(found)} answers.")

    return _run(work)


def run_enter(course: Path, file: Path) -> int:
    """Put a person's marks from a table into the gradebook. Returns the command's exit status."""

    def work() -> None:
        from mi_tutor.grading.answers import enter

        _tell(f"{enter(course, file)} marks entered.")

    return _run(work)


def run_extend(course: Path, assignment: str, student: str, days: float, hours: float) -> int:
    """Give a student more time, or with no time take it back. Returns the command's exit status."""

    def work() -> None:
        from mi_tutor.grading.extensions import extend

        due = extend(course, assignment, student, days=days, hours=hours)
        _tell(f"{student} hands in {assignment} by {due:%Y-%m-%d %H:%M:%S} UTC.")
        _tell(f"What is graded already: nbgrader autograde {assignment} --student={student} --force")

    return _run(work)


def _run(work: Callable[[], None]) -> int:
    if find_spec("nbgrader") is None:
        print("A course needs nbgrader: pip install 'mi-tutor[course]'", file=sys.stderr)
        return 1
    from mi_tutor.grading.gradebook import CourseTrouble

    try:
        work()
    except CourseTrouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _write_made(file: Path, made: "Made", unfinished: bool) -> None:
    _write(file, made.content)
    for note in made.notes:
        _tell(note)
    if any(note.startswith("Waits") for note in made.notes) and not unfinished:
        _tell("Their cells are empty, which changes nothing there; --unfinished writes what there is.")


def _write(file: Path, content: bytes) -> None:
    safe_write.replace(file, content) if os.path.lexists(file) else safe_write.create(file, content)
    _tell(f"{file}: written.")


def _tell(sentence: str) -> None:
    """On standard error: standard output may be a table, and names are students'."""
    print(printable(sentence), file=sys.stderr)
