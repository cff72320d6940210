"""Trying a function that draws: its generator first, then the law of its results."""

from typing import Any

import torch
from torch import Tensor

from mi_tutor.check.compare import Problem, same
from mi_tutor.check.draw import Case, copy_arguments
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.trial import Function, Trial, detached, guarded, in_a_row, read_result


def run_sampler_trial(
    exercise: Exercise, function: Function, case: Case, dtype: torch.dtype, device: torch.device
) -> Trial:
    """Call it `case.calls` times with one generator, then once more with the generator as it was at first."""
    if exercise.law is None:
        raise ValueError(f"{exercise.name} has no law")
    trial = Trial(case, dtype)
    args = copy_arguments(case.args)
    generator = _generator(args)
    seed, states = generator.initial_seed(), [generator.get_state()]
    results: list[Any] = []
    for trial.outcome, disturbed in in_a_row(exercise, function, args, case.calls, device):
        trial.problem = trial.outcome.problem
        if trial.problem:
            return trial
        if case.expected is None:
            case.expected = exercise.reference(**copy_arguments(case.args))
        trial.expected = case.expected
        trial.outcome.value, trial.problem = read_result(trial.outcome.value, trial.expected, dtype, device)
        trial.problem = trial.problem or _impossible(exercise, args, trial.got)
        if trial.problem:
            return trial
        trial.problem = disturbed
        results.append(trial.got)
        states.append(generator.get_state())
        if disturbed:
            break
    trial.outcome.value = results[0]
    trial.tallies = list(exercise.law.tallies(case.args, results))
    trial.problem = (
        trial.problem
        or _misused(
            states, reseeded=generator.initial_seed() != seed, draws=any(tally.undecided for tally in trial.tallies)
        )
        or _irreproducible(exercise, function, trial, device)
        or next((Problem("law", sentence) for tally in trial.tallies if (sentence := tally.wrong())), None)
    )
    return trial


def _generator(args: dict[str, Any]) -> torch.Generator:
    return next(value for value in args.values() if isinstance(value, torch.Generator))


def _impossible(exercise: Exercise, args: dict[str, Any], result: Any) -> Problem | None:
    """`args` are those that the function was given, so that a law can tell copies from the arguments themselves."""
    sentence = exercise.law.valid(args, result) if exercise.law else None
    return Problem("value", sentence) if sentence else None


def _misused(states: list[Tensor], *, reseeded: bool, draws: bool) -> Problem | None:
    """How the generator was misused. `draws`: anything was left to chance; where only one result is possible, nothing
    need be drawn."""
    repeats = draws and len({state.numpy().tobytes() for state in states}) < len(states)
    if repeats and len(states) > 1 and torch.equal(states[0], states[1]):
        return Problem(
            "generator",
            "It never draws from `generator`: nothing is random here, or it comes from somewhere else, be it a copy of it.",
        )
    if reseeded or repeats:
        return Problem("generator", "It seeds `generator` itself, so every call draws the same. Only draw from it.")
    return None


def _irreproducible(exercise: Exercise, function: Function, trial: Trial, device: torch.device) -> Problem | None:
    outcome, _ = guarded(exercise, function, copy_arguments(trial.case.args), device)
    again, _ = read_result(outcome.value, trial.expected, trial.dtype, device)
    if outcome.problem or same(detached(again), trial.got):
        return None
    return Problem(
        "generator", "The same `generator` gave two different results: something else is drawn from as well."
    )
