"""More time for one student: nbgrader keeps extensions in its gradebook, and has no command to give one."""

from datetime import datetime
from pathlib import Path

from nbgrader.api import MissingEntry

from mi_tutor.grading.gradebook import CourseTrouble, opened


def extend(course: Path, assignment: str, student: str, *, days: float = 0, hours: float = 0) -> datetime:
    """Give a student this much more time for an assignment, in place of what was given before; none takes it back.

    Whoever has handed in nothing yet gets a place in the gradebook for it.

    Returns:
        When it is due for them, in UTC.

    Raises:
        CourseTrouble: there is no such assignment, or it is never due.
    """
    with opened(course) as (gradebook, _):
        try:
            due = gradebook.find_assignment(assignment).duedate
        except MissingEntry:
            known = ", ".join(sorted(found.name for found in gradebook.assignments))
            raise CourseTrouble(
                f"There is no assignment {assignment!r} in the gradebook; there are: {known}."
            ) from None
        if due is None:
            example = f'nbgrader db assignment add {assignment} --duedate "2027-01-31 23:59 UTC"'
            raise CourseTrouble(f"{assignment} has no due date, so nothing is late. First: {example}")
        gradebook.update_or_create_student(student)
        gradebook.update_or_create_submission(assignment, student)
        gradebook.grant_extension(assignment, student, days=days, hours=hours)
        when: datetime = gradebook.find_submission(assignment, student).duedate
        return when
