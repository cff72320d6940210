"""Finding the mistake: first among the exercise's misconceptions, then by general detectors."""

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mi_tutor.check.call import call
from mi_tutor.check.compare import Problem, same
from mi_tutor.check.detect import detect
from mi_tutor.check.draw import copy_arguments, in_double
from mi_tutor.check.exercise import Exercise, Misconception
from mi_tutor.check.law import alike
from mi_tutor.check.report import PLAIN_KINDS
from mi_tutor.check.trial import Trial, first_failed, read_result
from mi_tutor.check.variations import Variation, variations

SIDE_EFFECTS = (
    "changed argument",
    "changed model",
    "changed random state",
    "changed settings",
    "too large a tensor",
    "too many blocks alive",
    "too large outside torch",
    "generator",
    "gradient",
)
"""Kinds of problem that a result itself does not show."""


VAGUE = ("constant offset", "infinity made finite", "lost precision", "guarded division")
"""Differences that a change of the solution explains better, where one gives the same."""
SEVERAL = 4
"""Failing cases from which on it tells something that a known mistake explains them all."""
PATIENCE_SECONDS = 3.0
"""Of processor time, for changes of the solution to be tried."""

Rerun = Callable[[Callable[..., Any], Trial], Trial]
"""Tries a misconception on the case of a trial."""


def explain(exercise: Exercise, trials: list[Trial], rerun: Rerun) -> tuple[str, str]:
    """The name of the mistake and what to tell the learner about it."""
    failed = first_failed(trials)
    if failed is None or failed.problem is None:
        raise ValueError("nothing failed")
    if failed.outcome.fatal:
        return failed.problem.kind, failed.problem.sentence
    if known := recognise(exercise, trials, rerun):
        return known.name, known.sentence
    if exercise.parts and (several := recognise_parts(exercise, trials, rerun)):
        return several
    # Two right draws differ: a detector has nothing to compare.
    if exercise.law is None and failed.problem.kind in ("value", "nan", "shape", "dtype"):
        general = detect(trials)
        found = next(general, None)
        if (found is None or found[0] in VAGUE) and (varied := vary(exercise, trials, rerun)):
            return varied.name, varied.sentence
        if found and not (found[0] in VAGUE and failed.problem.kind == "dtype"):
            return found
    return failed.problem.kind, failed.problem.sentence


def recognise(exercise: Exercise, trials: list[Trial], rerun: Rerun) -> Misconception | None:
    """The misconception that does what the learner's function does: on the first failing case, on most others or on more of
    them than another, and nowhere against it. What makes a mistake where the function is right is not the function's.

    A function with two mistakes is still told the one that shows first, where the other is known too: half of the failing
    cases have to be like one known mistake or another. One coinciding case names nothing. What explains three of
    four failing cases may be contradicted at the edge, which the learner may have seen to while making it.
    """
    # What there was no time left for tells nothing: on a busy machine a slow function is still the mistake that it is.
    trials = [trial for trial in trials if _kind(trial) != "time"]
    first = first_failed(trials)
    if first is None:
        return None

    def makes(misconception: Misconception, trial: Trial) -> bool:
        theirs = rerun(misconception.function, trial)
        return (theirs.problem is None) == (trial.problem is None) and same_outcome(trial, theirs)

    def contradicted(misconception: Misconception) -> bool:
        for trial in trials:
            if trial.problem is not None or rerun(misconception.function, trial).problem is None:
                continue
            forgivable = trial.case.group == "edge" and len(failing) >= SEVERAL
            if not forgivable or 4 * sum(makes(misconception, each) for each in failing) < 3 * len(failing):
                return True
        return False

    failing = [trial for trial in trials if trial.problem is not None]
    # An answer may tell by itself which mistakes there are: then what each does need not be asked, and the first is told.
    named = {each.name: each for each in exercise.misconceptions}
    if all(_kind(trial) in named for trial in failing):
        return named[str(_kind(first))]
    best = None
    # By chance two samplers may do the same once, so that another case is asked where the first misled.
    for telling in [first] if exercise.law is None else failing[:2]:
        candidates = [each for each in exercise.misconceptions if makes(each, telling)]
        if exercise.law is None:  # by chance the same mistake may pass here and fail there
            candidates = [each for each in candidates if not contradicted(each)]
        best = max(candidates, key=lambda each: sum(makes(each, trial) for trial in trials), default=None)
        if best and 2 * sum(makes(best, trial) for trial in failing) >= len(failing):
            return best
    if best is None or exercise.law is not None:
        return None
    known = sum(any(makes(each, trial) for each in exercise.misconceptions) for trial in failing)
    return best if 2 * known >= len(failing) else None


def vary(exercise: Exercise, trials: list[Trial], rerun: Rerun) -> Variation | None:
    """The change of the solution that does, on every case, what the learner's function does where it gives a result."""
    first = first_failed(trials)
    if first is None or isinstance(first.got, dict):
        return None
    answered = [trial for trial in trials if not trial.outcome.problem]
    begun, args = time.process_time(), first.case.args.values()
    device = next((arg.device for arg in args if isinstance(arg, Tensor)), torch.device("cpu"))
    for variation in variations(exercise.reference, in_double(first.case.args)):
        if time.process_time() - begun > PATIENCE_SECONDS:
            return None
        tried = call(variation.function, tuple(copy_arguments(first.case.args).values()), limit_memory=False)
        if tried.problem or not same(first.got, read_result(tried.value, first.expected, first.dtype, device)[0]):
            continue
        if all(same_outcome(trial, rerun(variation.function, trial)) for trial in [first, *answered]):
            return variation
    return None


def recognise_parts(exercise: Exercise, trials: list[Trial], rerun: Rerun) -> tuple[str, str] | None:
    """A misconception for each wrong entry of a result, where the entries are answers of their own."""
    if not all(
        isinstance(t.got, Tensor) and isinstance(t.expected, Tensor) and t.got.shape == t.expected.shape for t in trials
    ):
        return None
    right = [trial.expected.to(trial.got) for trial in trials]
    wrong = [i for i in range(len(exercise.parts)) if not all(map(same, _part(trials, i), (r[i] for r in right)))]
    found: dict[Misconception, list[str]] = {}
    for misconception in exercise.misconceptions if wrong else ():
        theirs = [rerun(misconception.function, trial) for trial in trials]
        if any(trial.outcome.problem for trial in theirs):
            continue
        made = [i for i in wrong if all(map(same, _part(trials, i), _part(theirs, i)))]
        if made:
            found[misconception] = [exercise.parts[i] for i in made]
            wrong = [i for i in wrong if i not in made]
    if not found:
        return None
    told = [f"For {' and '.join(f'“{part}”' for part in parts)}: {m.sentence}" for m, parts in found.items()]
    return " and ".join(m.name for m in found), " ".join(told)


def _part(trials: list[Trial], i: int) -> list[Tensor]:
    return [trial.got[i] for trial in trials]


def same_outcome(mine: Trial, theirs: Trial) -> bool:
    """Whether two functions did the same thing on one case."""
    if mine.outcome.problem or theirs.outcome.problem:
        return _raised(mine) == _raised(theirs)
    if _side_effect(mine) != _side_effect(theirs):
        return False
    if mine.tallies or theirs.tallies:
        return alike(mine.tallies, theirs.tallies)
    if isinstance(mine.case.args.get("generator"), torch.Generator):
        # Draws differ, so what can be compared is what was wrong with them.
        return mine.problem == theirs.problem
    if isinstance(mine.got, dict) and not (mine.problem and mine.problem.kind in PLAIN_KINDS):
        # Weights are judged by what they do, and no two people choose the same ones: the answer names what is wrong.
        return _kind(mine) == _kind(theirs)
    return same(mine.got, theirs.got)


def _kind(trial: Trial) -> str | None:
    return trial.problem.kind if trial.problem else None


def _raised(trial: Trial) -> str | None:
    problem = trial.outcome.problem
    return problem.sentence.split(" (in line")[0] if problem else None


def _side_effect(trial: Trial) -> Problem | None:
    return trial.problem if trial.problem and trial.problem.kind in SIDE_EFFECTS else None
