"""From a function to a report: run the cases, give points, find the mistake."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mi_tutor.check.call import NOT_ATTEMPTED, PATIENCE, Outcome, unhindered
from mi_tutor.check.compare import Problem
from mi_tutor.check.conditions import restore_names, take_names
from mi_tutor.check.demonstration import is_untouched
from mi_tutor.check.draw import Case, Draw
from mi_tutor.check.exercise import GROUPS, Exercise
from mi_tutor.check.explain import explain
from mi_tutor.check.factored import is_factored
from mi_tutor.check.report import GroupMark, Report
from mi_tutor.check.sampler import run_sampler_trial
from mi_tutor.check.trial import Elsewhere, Function, Trial, first_failed, run_trial, signature_problem

NOTEBOOK_SEED = 1
"""The same cases at every run, so that a learner meets the same failure again."""
BUDGET_SECONDS = 60.0
"""For all calls of a check together; one call has its own limit."""


def judge(
    exercise: Exercise,
    function: Function,
    seed: int,
    device: torch.device,
    planned: list[tuple[Case, torch.dtype]] | None = None,
) -> Report:
    """Judge one submission of one exercise.

    Args:
        planned: what `plan` gives for such a function, where it is at hand from another submission.
    """
    if problem := signature_problem(exercise.parameters, function):
        return _report(exercise, [], problem.kind, problem.sentence, None)
    if not isinstance(function, Elsewhere) and is_untouched(function):
        return _report(exercise, [], NOT_ATTEMPTED.kind, NOT_ATTEMPTED.sentence, None)
    planned = planned or plan(exercise, seed, device, elsewhere=isinstance(function, Elsewhere))
    inside = run_trials(exercise, function, [pair for pair in planned if not pair[0].seen_from_outside], device)
    failing = {trial.case.group for trial in inside if trial.problem}
    outside = [pair for pair in planned if pair[0].seen_from_outside and pair[0].group not in failing]
    trials = [*inside, *run_trials(exercise, function, outside, device)]

    def rerun(other: Callable[..., Any], trial: Trial) -> Trial:
        tried = trial.case.tried
        if other not in tried:
            tried[other] = _run(exercise)(exercise, other, trial.case, trial.dtype, device)
        known: Trial = tried[other]
        return known

    failed = first_failed(trials)
    if failed is None or failed.problem is None:
        return _report(exercise, trials, None, "", None)
    if failed.case.seen_from_outside:  # too large for a misconception to be tried on
        return _report(exercise, trials, failed.problem.kind, failed.problem.sentence, failed)
    return _report(exercise, trials, *explain(exercise, inside, rerun), failed)


def plan(
    exercise: Exercise, seed: int, device: torch.device, *, elsewhere: bool = False
) -> list[tuple[Case, torch.dtype]]:
    """Every case with the dtype it is tried in: float32 first, then float64 and, where stated, bfloat16.

    Args:
        elsewhere: for a function in a process of its own, whose memory can be seen from outside: those cases as well.
    """
    planned = [(case, torch.float32) for case in exercise.draw_cases(Draw(seed, exercise.name, torch.float32, device))]
    if any(_floating(value) for case, _ in planned for value in case.args.values()):
        for dtype in [torch.float64, torch.bfloat16] if exercise.bf16 else [torch.float64]:
            again = exercise.draw_cases(Draw(seed, exercise.name, dtype, device))
            planned += [(case, dtype) for case in again if case.group == "general" and not case.watched]
    planned = [(case, dtype) for case, dtype in planned if elsewhere or not case.seen_from_outside]
    return sorted(planned, key=lambda pair: GROUPS.index(pair[0].group))


def _floating(value: Any) -> bool:
    return (
        isinstance(value, nn.Module) or is_factored(value) or (isinstance(value, Tensor) and value.is_floating_point())
    )


def run_trials(
    exercise: Exercise, function: Function, planned: list[tuple[Case, torch.dtype]], device: torch.device
) -> list[Trial]:
    """Try every case, and stop early only where going on would hang, flood or exit once more."""
    run, spent = _run(exercise), _stopwatch(function)
    trials: list[Trial] = []
    for case, dtype in planned:
        if trials and trials[-1].outcome.fatal:
            trials.append(Trial(case, dtype, problem=trials[-1].problem, outcome=trials[-1].outcome))
        elif spent() > BUDGET_SECONDS:
            slow = Problem("time", f"Its calls together took more than {BUDGET_SECONDS:g} seconds.")
            trials.append(Trial(case, dtype, problem=slow, outcome=Outcome(problem=slow)))
        else:
            names = take_names()
            trials.append(run(exercise, function, case, dtype, device))
            replaced = restore_names(names)
            trials[-1].problem = trials[-1].problem or replaced
            _attempted_in_part(trials)
    return trials


def _stopwatch(function: Function) -> Callable[[], float]:
    """Seconds that the calls have taken: of processor time here, by the clock, and with patience, where they run elsewhere."""
    begun, worked, ready = time.monotonic(), time.thread_time(), unhindered()
    if isinstance(function, Elsewhere):
        return lambda: (time.monotonic() - begun) / function.patience
    return lambda: max(time.thread_time() - worked, (unhindered() - ready) / PATIENCE)


def _attempted_in_part(trials: list[Trial]) -> None:
    """A branch that still raises NotImplementedError is a mistake, once another branch has answered."""
    problem = trials[-1].outcome.problem
    if problem and problem.kind == "not attempted" and any(trial.outcome.problem is None for trial in trials):
        trials[-1].problem = trials[-1].outcome.problem = Problem(
            "exception", "A part of it still raises NotImplementedError."
        )


def _run(exercise: Exercise) -> Callable[[Exercise, Function, Case, torch.dtype, torch.device], Trial]:
    return run_sampler_trial if exercise.law else run_trial


def _report(
    exercise: Exercise, trials: list[Trial], mistake: str | None, sentence: str, failed: Trial | None
) -> Report:
    marks: list[GroupMark] = []
    for group, points in exercise.points.items():
        of_group = [trial for trial in trials if trial.case.group == group]
        passed = bool(of_group) and not any(trial.problem for trial in of_group)
        # A constant can be right in a corner: without the idea itself, which comes first, nothing else counts.
        earned = points if passed and all(mark.passed for mark in marks[:1]) else 0
        marks.append(GroupMark(group, earned, points, passed, len(of_group)))
    return Report.make(exercise.name, tuple(marks), mistake, sentence, failed)
