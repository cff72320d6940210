"""The process in which a learner's file is run and checked: `python -m mi_tutor.running.check_worker FD`.

It reads what to do as JSON from its standard input and tells what happens, also as JSON, on the descriptor FD. Whatever
the learner's code does to this process, the one that started it goes on and knows how far this one came.
"""

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Set
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any, NamedTuple

from mi_tutor.files.cells import Cell
from mi_tutor.files.definitions import Executable, definitions, demonstrated, examples_given, execute


class Job(NamedTuple):
    """What is to be checked."""

    cells: list[Cell]
    exercise: str | None
    """This one only."""
    seed: int | None
    device: str | None
    every_function: bool
    """Check functions of an exercise's name even where no cell asks for it."""
    skip_cells: list[int]
    skip_exercises: list[str]


class Result(NamedTuple):
    """What came of one exercise, in words."""

    exercise: str
    state: str
    """"right", "not yet right", "not attempted yet" or "not checked"."""
    points: float
    max_points: float
    text: str = ""
    case: tuple[str, ...] = ()
    """The arguments that failed, what was expected and what came, a line each."""
    printed: str = ""


Tell = Callable[..., None]


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word; the other process has one
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    pipe = Connection(descriptor, readable=False)
    job = Job(**json.load(sys.stdin))

    def tell(event: str, **details: Any) -> None:
        with contextlib.suppress(Exception):  # a learner may have put anything in their place
            sys.stdout.flush()
            sys.stderr.flush()
        pipe.send_bytes(json.dumps({"event": event, **details}).encode())

    work(job._replace(cells=[Cell(*cell) for cell in job.cells]), tell)
    tell("end")


def work(job: Job, tell: Tell) -> None:
    """Run the cells in order, and check each exercise where its check stands, as the notebook would."""
    import torch

    from mi_tutor.check import _device
    from mi_tutor.check.errors import LearnerError
    from mi_tutor.check.exercise import exercises, find_exercise

    examples = examples_given(job.cells)
    try:
        _device(torch, job.device)
        if job.exercise and job.exercise not in examples:
            find_exercise(job.exercise)
    except LearnerError as error:
        tell("refused", text=str(error))
        return
    parts = definitions(job.cells)
    plan = planned(parts, every_function=job.every_function or bool(job.exercise), known=set(exercises()))
    # A module of its own, for pickle and dataclasses look a class's module up; and its folder is searched, as in Jupyter.
    module = sys.modules["__main__"] = ModuleType("__main__")
    sys.path.insert(0, os.getcwd())
    for part in parts:
        if part.cell.number not in job.skip_cells:
            tell("cell", number=part.cell.number)
            for problem in [part.error] if part.error else execute(part, module.__dict__):
                tell("problem", number=part.cell.number, text=problem)
        for written, exercise in plan.get(part.cell.number, []):
            if job.exercise in (None, exercise) and exercise not in job.skip_exercises:
                tell("check", exercise=exercise)
                tell(
                    "result", **checked(written, exercise, module.__dict__, parts[-1].left_out, job, examples)._asdict()
                )


def planned(parts: list[Executable], *, every_function: bool, known: set[str]) -> dict[int, list[tuple[str, str]]]:
    """By cell: what is checked after it. The last check of an exercise counts, and nbgrader's own cell before others.

    With `every_function`, or where nothing asks for a check, an exercise's function is enough.
    """
    places: dict[str, tuple[int, str]] = {}
    for part in sorted(parts, key=lambda part: part.cell.graded):
        places |= {exercise: (part.cell.number, written) for written, exercise in part.checks}
    if every_function or not places:
        last = {name: part.cell.number for part in parts for name in part.defines if name in known}
        places = {name: (number, name) for name, number in last.items()} | places
    plan: dict[int, list[tuple[str, str]]] = {}
    for exercise, (number, written) in places.items():
        plan.setdefault(number, []).append((written, exercise))
    return plan


def checked(
    written: str,
    exercise: str,
    namespace: dict[str, Any],
    left_out: Set[str],
    job: Job,
    examples: Mapping[str, str],
) -> Result:
    """Check the function that is written so in the namespace; on examples, where their code is there for it."""
    import torch

    from mi_tutor.check import check
    from mi_tutor.check.errors import LearnerError
    from mi_tutor.check.exercise import find_exercise
    from mi_tutor.check.outline import is_starred
    from mi_tutor.check.report import OTHER_INPUTS
    from mi_tutor.check.report import written as as_code

    worth = 0
    try:
        worth = 0 if exercise in examples or is_starred(exercise) else find_exercise(exercise).max_points
        function = eval(written, namespace)
        given = eval(examples[exercise], {"torch": torch}) if exercise in examples else None
        report = check(function, exercise, seed=job.seed, device=job.device, examples=given)
    except LearnerError as error:
        return Result(exercise, "not checked", 0, worth, str(error))
    except (NameError, AttributeError):
        inside = " outside of blocks such as `with` and `for`" if written in left_out else ""
        return Result(exercise, "not checked", 0, worth, f"No function {written} is defined{inside}.")
    if report.passed or report.mistake == "not attempted":
        state = "right" if report.passed else "not attempted yet"
        text = f"On the examples. {OTHER_INPUTS}" if report.passed and report.examples else ""
        return Result(exercise, state, min(report.points, worth), worth, text)
    text = report.message.split(": ", 1)[-1]
    missing = re.search(r"NameError: name '(\w+)' is not defined", text)
    if missing and missing[1] in left_out:
        text += f" {demonstrated(missing[1])}"
    case = [f"{name} = {as_code(value)}" for name, value in report.arguments.items()]
    case += [f"expected: {as_code(report.expected)}"] * (report.expected is not None)
    case += [f"got:      {as_code(report.got)}"] * (report.got is not None)
    printed = report.printed[-600:]
    return Result(exercise, "not yet right", min(report.points, worth), worth, text, tuple(case), printed)


if __name__ == "__main__":
    main()
