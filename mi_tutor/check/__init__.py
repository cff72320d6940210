"""Whether a learner's function is right, and which mistake it makes: `check`, `hint`, `show_solution`, `progress`.

`progress` is `mi_tutor.progress`; here the name is the module that it comes from.
"""

import importlib
import linecache
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any

from mi_tutor.check.demonstration import LAST_CHECK, needs
from mi_tutor.check.errors import LearnerError, NotAFunction, UnknownExercise
from mi_tutor.check.history import earlier_version, missing_when_graded, watch

if TYPE_CHECKING:
    from mi_tutor.check.examples import Example
    from mi_tutor.check.exercise import Exercise
    from mi_tutor.check.help import hint, show_attempt, show_solution, show_stub
    from mi_tutor.check.report import Report

__all__ = [
    "LearnerError",
    "NotAFunction",
    "Report",
    "UnknownExercise",
    "check",
    "hint",
    "needs",
    "show_attempt",
    "show_solution",
    "show_stub",
]
# These load torch, which what is done and what is next can be read without.
_HOMES = {"Report": "report", "hint": "help", "show_attempt": "help", "show_solution": "help", "show_stub": "help"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mi_tutor.check' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mi_tutor.check.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def check(
    function: Callable[..., Any],
    name: str | None = None,
    *,
    seed: int | None = None,
    device: str | None = None,
    examples: "Sequence[Example] | None" = None,
) -> "Report":
    """Check your implementation of an exercise.

    Args:
        function: the function itself: `check(count_bigrams)`.
        name: the exercise; the function's own name when left out.
        seed: draws other inputs; a fixed one when left out, so that a failure can be looked at again.
        device: where the inputs are, such as "cuda"; the CPU when left out.
        examples: for an exercise that a teacher wrote: inputs, and what they give, to be tried in place of drawn ones.

    Returns:
        A report: a card in a notebook, the earned points as its `repr`, one sentence as its `str`.

    Raises:
        UnknownExercise: no exercise has that name; the nearest ones are listed.
        NotAFunction: `function` cannot be called.
    """
    import torch

    from mi_tutor.check.attempts import keep_attempt
    from mi_tutor.check.exercise import find_exercise
    from mi_tutor.check.judge import NOTEBOOK_SEED, judge
    from mi_tutor.check.records import Record, keep

    if not callable(function):
        raise NotAFunction(
            f"check() takes the function itself, without calling it: check(my_function). It was given a {type(function).__name__}."
        )
    if examples is not None:
        return _check_examples(function, name, examples)
    exercise = find_exercise(name) if name is not None else _exercise_of(function, _caller())
    # In inference mode nothing has a gradient to judge, and a learner may well be inside it.
    with torch.inference_mode(False), torch.enable_grad():
        report = judge(exercise, function, NOTEBOOK_SEED if seed is None else int(seed), _device(torch, device))
    report = replace(
        report,
        note=earlier_version(function),
        warning=missing_when_graded(function) if report.passed else "",
        further=exercise.further,
    )
    LAST_CHECK.pop(exercise.name, None)  # so that it is the last one
    LAST_CHECK[exercise.name] = function, report.passed or report.mistake == "not attempted"
    if report.mistake != "not attempted":
        keep_attempt(exercise.name, function, report.points)
        keep(Record(exercise.name, report.points, report.max_points, report.passed))
    return report


def _check_examples(function: Callable[..., Any], name: str | None, examples: "Sequence[Example]") -> "Report":
    """No progress is kept of an exercise that the course itself does not have."""
    import torch

    from mi_tutor.check.examples import judge_examples

    with torch.inference_mode(False), torch.enable_grad():
        report = judge_examples(function, name or str(getattr(function, "__name__", "function")), examples)
    missing = missing_when_graded(function) if report.passed else ""
    return replace(report, note=earlier_version(function), warning=missing)


def _caller() -> FrameType:
    """Whoever wrote `check(…)`, or this room's own frames where nobody did."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _exercise_of(function: Callable[..., Any], caller: FrameType) -> "Exercise":
    """The exercise by the function's own name, or by the one that it is checked by: a decorator may have hidden the first."""
    from mi_tutor.check.exercise import exercises, find_exercise
    from mi_tutor.check.outline import chapter_of

    own = getattr(function, "__name__", "")
    line = linecache.getline(caller.f_code.co_filename, caller.f_lineno)
    called = re.search(r"\bcheck\(\s*(\w+)", line)
    if own not in exercises() and called and called[1] in exercises():
        return find_exercise(called[1])
    if own in exercises() or (own and own not in ("<lambda>", "wrapper", "wrapped", "inner", "decorated")):
        return find_exercise(own)
    last = next(reversed(LAST_CHECK), None)
    chapter = chapter_of(last) if last else None
    names = f" This chapter's are {', '.join(task.name for task in chapter.tasks)}." if chapter else ""
    raise UnknownExercise(
        f"This {type(function).__name__} has no exercise's name{f' (it is called {own!r})' if own else ''}: write "
        f'check(function, "name").{names} A decorator keeps the name of what it wraps with `functools.wraps`.'
    )


def _device(torch: Any, device: str | None) -> Any:
    try:
        chosen = torch.device("cpu" if device is None else device)
        # In double precision, which every exercise is judged in, and which Apple's GPUs do not have.
        torch.empty(1, device=chosen, dtype=torch.float64)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise LearnerError(
            f"Checking is not possible on the device {device!r} here: {str(error).splitlines()[0]}"
        ) from None
    return chosen


class _CallableRoom(ModuleType):
    """`mi_tutor.check` is this room and the function: importing anything below it binds the room to that name."""

    def __call__(self, *args: Any, **kwargs: Any) -> "Report":
        return check(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableRoom
watch()
