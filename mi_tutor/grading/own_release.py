"""nbgrader's generate_assignment with a course's own exercises: their cells are written when students' copies are made.

In source/ stand two empty cells for each, known by their grade_id, which may be moved, and have prose around them; what
they say comes from exercises/NAME.py, so that there is one place to change it and nothing to keep in step.
"""

from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader import preprocessors
from nbgrader.converters.base import NbGraderException

from mi_tutor.files.cells import CHECK
from mi_tutor.grading.own_audit import fit
from mi_tutor.grading.own_exercises import Own, WrongDeclaration, read_course


class OwnExercises(preprocessors.base.NbGraderPreprocessor):
    """Writes head, examples and points of a course's own exercises into their cells; stops where one is not fit."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        try:
            course = read_course(Path(self.parent.parent.coursedir.root))
            for own in course.own:
                self._write(nb, own)
        except WrongDeclaration as error:
            raise NbGraderException(str(error)) from None
        return nb, resources

    def _write(self, nb: Any, own: Own) -> None:
        places = {cell.metadata.get("nbgrader", {}).get("grade_id"): place for place, cell in enumerate(nb.cells)}
        solution, check = (places.get(name) for name in (own.name, CHECK + own.name))
        if solution is None and check is None:
            return
        if solution is None or check is None:
            missing = own.name if solution is None else CHECK + own.name
            raise WrongDeclaration(
                f"The notebook has no cell {missing}: `mi-tutor course exercise {own.name}` puts both into an assignment."
            )
        made = fit(own)
        nb.cells[solution].source = made.stub
        nb.cells[check].source = made.check
        if nb.cells[check].metadata.nbgrader.get("grade"):
            nb.cells[check].metadata.nbgrader["points"] = made.exercise.max_points
        if made.exercise.hints:
            nb.cells.insert(solution + 1, new_markdown_cell(_folded(made.exercise.hints), id=f"hints_{own.name}"))


def empty_cells(name: str, points: int) -> list[Any]:
    """What stands in source/ for one: a heading, the cell to write in, the cell that checks it."""
    both = {"locked": False, "schema_version": 3, "task": False}
    solution = both | {"grade_id": name, "grade": False, "solution": True}
    check = both | {"grade_id": CHECK + name, "grade": True, "solution": False, "locked": True, "points": points}
    return [
        new_markdown_cell(f"### Exercise: `{name}`\n\n*What it is for, and how it goes on.*", id=f"about_{name}"),
        new_code_cell(
            f"# exercises/{name}.py: its head stands here in release/.", id=name, metadata={"nbgrader": solution}
        ),
        new_code_cell(
            f"# exercises/{name}.py: its examples stand here in release/.",
            id=CHECK + name,
            metadata={"nbgrader": check},
        ),
    ]


def _folded(hints: tuple[str, ...]) -> str:
    return "\n\n".join(
        f"<details><summary>Hint {number}</summary>\n\n{hint}\n\n</details>" for number, hint in enumerate(hints, 1)
    )
