"""Whether a course's own exercise is fit to be given out: what the package's tests ask of every exercise of its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import torch

from mi_tutor.check.draw import Draw
from mi_tutor.check.examples import Example, judge_examples
from mi_tutor.check.exercise import GROUPS, Exercise
from mi_tutor.check.judge import judge
from mi_tutor.check.report import Report
from mi_tutor.grading.own_exercises import Own, WrongDeclaration, load
from mi_tutor.grading.own_released import as_code, check_cell, examples, stub

SEEDS = 7, 8
"""As marks are drawn from others than a notebook's, so are these."""
_CPU = torch.device("cpu")


class Fit(NamedTuple):
    """An exercise that can be given out."""

    exercise: Exercise
    stub: str
    """The cell that students write in."""
    check: str
    """The cell that checks it."""
    examples: int


def fit(own: Own) -> Fit:
    """Look at everything that can be wrong with it. Takes some seconds.

    Raises:
        WrongDeclaration: with the first thing that is, and what to do.
    """
    exercise = load(own)
    _parts(own, exercise)
    _cases(own, exercise)
    for seed in SEEDS:
        # Without its mistakes: which of them the solution looks like tells nothing.
        report = _judged(own, replace(exercise, wrong=()), exercise.reference, seed, "the solution")
        if not report.passed:
            raise WrongDeclaration(f"{own.file}: the solution itself is not right by its cases. {report}")
    head = stub(own)
    given = examples(own, exercise)
    report = judge_examples(exercise.reference, own.name, given)
    if not report.passed:
        raise WrongDeclaration(f"{own.file}: the solution is not right on the examples that students get. {report}")
    _examples_do_not_give_marks_away(own, exercise, given)
    for seed in SEEDS:
        for wrong in exercise.misconceptions:
            report = _judged(own, exercise, wrong.function, seed, wrong.name)
            if report.passed:
                raise WrongDeclaration(
                    f"{own.file}: the mistake {wrong.name} passes: no case tells it from the solution. Draw one that does."
                )
            if report.mistake != wrong.name:
                raise WrongDeclaration(
                    f"{own.file}: the mistake {wrong.name} is told as {report.mistake!r}: draw a case on which the two "
                    "differ, or make them one."
                )
    return Fit(exercise, head, check_cell(own.name, given), len(given))


def _parts(own: Own, exercise: Exercise) -> None:
    if exercise.law is not None:
        raise WrongDeclaration(
            f"{own.file}: a function that draws has no examples to be given out, so it has no `law`."
        )
    groups = list(exercise.points)
    if groups[:1] != ["basic"] or not set(groups) <= set(GROUPS):
        raise WrongDeclaration(f"{own.file}: points are for 'basic' first, then for others of {', '.join(GROUPS)}.")
    if not all(type(points) is int and points > 0 for points in exercise.points.values()):
        raise WrongDeclaration(f"{own.file}: points are whole numbers above 0, not {dict(exercise.points)}.")
    if not exercise.wrong:
        raise WrongDeclaration(f"{own.file} knows no mistake: write one or more, and put them into `wrong`.")
    for wrong in exercise.misconceptions:
        if not wrong.sentence:
            raise WrongDeclaration(
                f"{own.file}: the mistake {wrong.name} has no docstring, which is what it is told by."
            )


def _cases(own: Own, exercise: Exercise) -> None:
    try:
        cases = [case for seed in SEEDS for case in exercise.draw_cases(Draw(seed, exercise.name))]
    except Exception as error:
        raise WrongDeclaration(f"{own.file}: drawing its cases raises {type(error).__name__}: {error}.") from None
    for group in exercise.points:
        if not any(case.group == group for case in cases):
            raise WrongDeclaration(f"{own.file} has points for {group!r}, and no {group} case.")
    for case in cases:
        if case.group not in exercise.points:
            raise WrongDeclaration(f"{own.file} has {case.group} cases, and no points for {case.group!r}.")
        if tuple(case.args) != exercise.parameters:
            raise WrongDeclaration(
                f"{own.file}: the case {case.what!r} has the arguments ({', '.join(case.args)}); the solution takes "
                f"({', '.join(exercise.parameters)})."
            )


def _examples_do_not_give_marks_away(own: Own, exercise: Exercise, given: list[Example]) -> None:
    """Whoever writes the examples' results down has to fail a basic case, without which nothing is earned."""
    known = {as_code(args) for _, args, _ in given}
    for seed in SEEDS:
        basic = [case for case in exercise.draw_cases(Draw(seed, exercise.name)) if case.group == "basic"]
        if all(not case.watched and as_code(case.args) in known for case in basic):
            raise WrongDeclaration(
                f"{own.file}: its basic cases are the same whatever the seed, and students get them as examples, so that "
                "points could be had by writing the results down. Draw one of them: `draw.normal(2, 3)`, `draw.size(2, 5)`."
            )


def _judged(own: Own, exercise: Exercise, function: Callable[..., Any], seed: int, which: str) -> Report:
    try:
        return judge(exercise, function, seed, _CPU)
    except Exception as error:
        raise WrongDeclaration(
            f"{own.file}: judging {which} breaks off with {type(error).__name__}: {error}."
        ) from None
