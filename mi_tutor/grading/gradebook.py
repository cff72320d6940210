"""What nbgrader's gradebook knows of a course, question by question, as plain data."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from traitlets.config.loader import ConfigFileNotFound, PyFileConfigLoader

from mi_tutor.files.cells import CHECK
from mi_tutor.grading.own_exercises import CONFIGURATION

MARKED, WAITING, NOT_GRADED = "marked", "waits for a person", "not graded"
EXERCISE, OPEN, PENALTY = "exercise", "open question", "late penalty"


class CourseTrouble(Exception):
    """Why a course's command cannot be done; one sentence with what helps."""


class Student(NamedTuple):
    """Somebody in the gradebook."""

    id: str
    """The name of the folder that was handed in."""
    last_name: str
    first_name: str
    email: str
    lms_id: str
    """What the learning management system calls them, where nbgrader was told."""


class Question(NamedTuple):
    """Something that earns points."""

    assignment: str
    name: str
    kind: str
    """An exercise, an open question, or the penalty for handing in late."""
    max_points: float


class Mark(NamedTuple):
    """What a student earned for a question."""

    student: Student
    question: Question
    points: float | None
    """None where nobody has graded it yet."""
    state: str


class Book(NamedTuple):
    """A course's marks."""

    students: list[Student]
    assignments: dict[str, float]
    """By name, what each is worth."""
    questions: list[Question]
    marks: list[Mark]
    """Of what was handed in."""

    def score(self, student: Student, assignment: str) -> tuple[float | None, bool]:
        """What an assignment earned, its penalty taken off, and whether a person has something to add.

        None where nothing was graded.
        """
        found = [mark for mark in self.marks if mark.student == student and mark.question.assignment == assignment]
        points = [mark.points for mark in found if mark.points is not None]
        waits = any(mark.state == WAITING for mark in found)
        return (max(0.0, sum(points)) if points else None), waits


@contextmanager
def opened(course: Path) -> Iterator[tuple[Gradebook, CourseDirectory]]:
    """A course's gradebook. Raises CourseTrouble where there is none."""
    directory = directory_of(course)
    file = Path(directory.db_url.removeprefix("sqlite:///"))
    if directory.db_url.startswith("sqlite:///") and not file.exists():
        raise CourseTrouble(f"There is no gradebook {file}: run this in the course's folder, after nbgrader autograde.")
    with Gradebook(directory.db_url, directory.course_id) as gradebook:
        yield gradebook, directory


def directory_of(course: Path) -> CourseDirectory:
    """The course's folders, as its configuration has them. Raises CourseTrouble where there is none."""
    course = course.resolve()
    try:
        config = PyFileConfigLoader(CONFIGURATION, path=str(course)).load_config()
    except ConfigFileNotFound:
        raise CourseTrouble(f"{course} is no course's folder: there is no {CONFIGURATION} in it.") from None
    if "root" not in config.CourseDirectory:
        config.CourseDirectory.root = str(course)
    return CourseDirectory(config=config)


def read_book(course: Path, assignments: list[str] | None = None) -> Book:
    """The marks of a course, of these assignments or of all. Raises CourseTrouble."""
    with opened(course) as (gradebook, _):
        wanted = [a for a in sorted(gradebook.assignments, key=_name) if not assignments or a.name in assignments]
        unknown = sorted(set(assignments or ()) - {assignment.name for assignment in wanted})
        if unknown:
            known = ", ".join(sorted(assignment.name for assignment in gradebook.assignments))
            raise CourseTrouble(f"There is no assignment {unknown[0]!r} in the gradebook; there are: {known}.")
        students = {found.id: _student(found) for found in sorted(gradebook.students, key=lambda found: found.id)}
        questions = [question for assignment in wanted for question in _questions(assignment)]
        marks = [mark for assignment in wanted for mark in _marks(assignment, students, questions)]
        return Book(list(students.values()), {a.name: float(a.max_score) for a in wanted}, questions, marks)


def _name(found: Any) -> str:
    return str(found.name)


def _student(found: Any) -> Student:
    return Student(
        *(str(word or "") for word in (found.id, found.last_name, found.first_name, found.email, found.lms_user_id))
    )


def _questions(assignment: Any) -> list[Question]:
    """In the order of the notebooks' cells."""
    made = []
    for notebook in sorted(assignment.notebooks, key=_name):
        place = {cell.name: number for number, cell in enumerate(notebook.source_cells)}
        graded = [*notebook.grade_cells, *notebook.task_cells]
        for cell in sorted(graded, key=lambda cell: place.get(cell.name, len(place))):
            made.append(Question(assignment.name, cell.name.removeprefix(CHECK), _kind(cell), float(cell.max_score)))
    return made


def _kind(cell: Any) -> str:
    return EXERCISE if cell.cell_type == "code" else OPEN


def _marks(assignment: Any, students: dict[str, Student], questions: list[Question]) -> Iterator[Mark]:
    by_name = {question.name: question for question in questions if question.assignment == assignment.name}
    order = {name: place for place, name in enumerate(by_name)}
    for submission in sorted(assignment.submissions, key=lambda found: found.student.id):
        student = students[submission.student.id]
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        for grade in sorted(grades, key=lambda grade: order[grade.name.removeprefix(CHECK)]):
            graded = grade.auto_score is not None or grade.manual_score is not None
            state = _state(grade, was_autograded=any(other.auto_score is not None for other in grades))
            yield Mark(student, by_name[grade.name.removeprefix(CHECK)], grade.score if graded else None, state)
        if penalty := sum(notebook.late_submission_penalty or 0.0 for notebook in submission.notebooks):
            yield Mark(student, Question(assignment.name, PENALTY, PENALTY, 0.0), -penalty, MARKED)


def _state(grade: Any, *, was_autograded: bool) -> str:
    """Autograde leaves a person's questions without points, and before it there are none at all."""
    if grade.auto_score is None and grade.manual_score is None:
        return WAITING if was_autograded else NOT_GRADED
    return WAITING if grade.needs_manual_grade else MARKED
