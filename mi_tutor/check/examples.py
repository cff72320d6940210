"""`check(function, examples=[…])`: an exercise of which this package knows nothing but a few inputs and what they give.

A course's own exercise is released with these, and with nothing else: its solution and its mistakes stay with the teacher.
They are tried as the cases of any exercise are, with the same limits, side conditions and general detectors.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from mi_tutor.check.draw import Case
from mi_tutor.check.errors import LearnerError
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.judge import judge
from mi_tutor.check.report import Report

Example = tuple[str, dict[str, Any], Any]
"""What is particular about it, the arguments by name in order, and what they give."""


def judge_examples(function: Callable[..., Any], name: str, examples: Sequence[Example]) -> Report:
    """A report on these alone: it earns nothing.

    Raises:
        LearnerError: they are none, or not written as examples are.
    """
    cases = [_case(example) for example in examples]
    if not cases:
        raise LearnerError("There are no examples to check it on.")

    def unknown(*args: Any, **named: Any) -> None:
        """In the solution's place; it is never asked, for every case has its answer."""

    parameters = [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in cases[0].args]
    unknown.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    exercise = Exercise(
        f"examples.{name}", wrong=(), cases=lambda draw: iter(cases), points={"basic": 1}, solution=unknown
    )
    report = judge(exercise, function, 0, torch.device("cpu"))
    message = f"{name}: right on these examples." if report.passed else report.message
    return replace(report, points=0.0, max_points=0.0, message=message, groups=(), examples=len(cases))


def _case(example: object) -> Case:
    match example:
        case (str(what), dict(args), expected) if all(isinstance(name, str) for name in args):
            return Case("basic", what, args, expected=expected)
    raise LearnerError(
        'An example is (what, arguments, result), such as ("a row", {"x": torch.ones(3)}, torch.ones(1)).'
    )
