"""`mi-tutor course exercise`: begin an exercise that stays in the course's folder, or look at one that is there."""

import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from mi_tutor.authoring.build import NOTEBOOK_METADATA
from mi_tutor.files import safe_write
from mi_tutor.files.cells import CHECK
from mi_tutor.grading.own_audit import fit
from mi_tutor.grading.own_exercises import (
    CONFIGURATION,
    EXERCISES,
    SOURCE,
    Course,
    WrongDeclaration,
    name_problem,
    read_course,
)

CANNOT = 2
"""The exit status when nothing could be begun."""


def run_exercise(course: Path, name: str, assignment: str | None) -> int:
    """Write `exercises/NAME.py` where there is none, and its cells into the assignment; then look at what is there.

    Args:
        course: the course's folder.
        assignment: where it is to be given out; one of its own name when left out, and it stands in none.

    Returns:
        0 when it can be given out as it is, 1 when its declaration is wrong, 2 when it cannot be begun.
    """
    try:
        return _run(course, name, assignment)
    except OSError as error:
        print(f"{error.filename or course} cannot be written: {error.strerror}.", file=sys.stderr)
        return CANNOT


def _run(course: Path, name: str, assignment: str | None) -> int:
    trouble = name_problem(name)
    if not trouble and not (course / CONFIGURATION).is_file():
        trouble = f"{course} is no course: it has no {CONFIGURATION}. `mi-tutor course init DIR` makes one."
    if trouble:
        print(trouble, file=sys.stderr)
        return CANNOT
    file = course / EXERCISES / f"{name}.py"
    # For nobody else: without bubblewrap a submission runs as another user of this machine.
    file.parent.mkdir(mode=0o700, exist_ok=True)
    if not file.exists():
        text = files("mi_tutor.grading").joinpath("own_exercise.py.txt").read_text("utf-8")
        safe_write.create(file, Template(text).substitute(name=name).encode())
        print(f"{file}: new; an exercise that works, for you to make yours.")
    try:
        known = read_course(course)
        (own,) = known.own_among([name])
        made = fit(own)
    except WrongDeclaration as error:
        print(error, file=sys.stderr)
        return 1
    count = len(made.exercise.wrong)
    print(
        f"{file}: right. {made.exercise.max_points} points, {made.examples} examples for students, {count} "
        f"mistake{'' if count == 1 else 's'} told apart."
    )
    where = _asked_in(known, name)
    if assignment or not where:
        assignment = assignment or name
        print(_put_into(course / SOURCE / assignment / f"{assignment}.ipynb", name, made.exercise.max_points))
        where = [assignment, *where]
    at = "" if course.resolve() == Path.cwd() else f"cd {course} && "
    print(f"\nNext: edit it, run this again, then {at}nbgrader generate_assignment {where[0]}")
    return 0


def _asked_in(course: Course, name: str) -> list[str]:
    """The assignments whose notebooks ask for it."""
    assert course.root
    files = [chapter.file for chapter in course.outline if any(task.name == name for task in chapter.tasks)]
    return [path.parent.name for file in files for path in sorted((course.root / SOURCE).glob(f"*/{file}"))]


def _put_into(path: Path, name: str, points: int) -> str:
    """Add the exercise's cells at the end of a notebook, or to a new one. Returns what was done, as a sentence."""
    import nbformat

    from mi_tutor.grading.own_release import empty_cells

    if path.exists():
        notebook = nbformat.read(path, as_version=4)
        if any(cell.metadata.get("nbgrader", {}).get("grade_id") == CHECK + name for cell in notebook.cells):
            return f"{path}: asks for it already."
        done = "its cells stand at the end; move them where they belong."
    else:
        title = nbformat.v4.new_markdown_cell(f"# {path.stem}", id="title")
        notebook = nbformat.v4.new_notebook(cells=[title], metadata=nbformat.from_dict(NOTEBOOK_METADATA))
        done = "new; write around its cells what students should read."
    notebook.cells += empty_cells(name, points)
    written: Any = nbformat.writes(notebook, version=4).rstrip("\n") + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    safe_write.replace(path, written.encode()) if path.exists() else safe_write.create(path, written.encode())
    return f"{path}: {done}"
