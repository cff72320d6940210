"""The exercise `strategy_losses`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


STRATEGIES = "only the first kept", "only the second kept", "both, in opposite directions"


def _in_proportion(args: dict[str, Any], expected: Tensor, got: Tensor) -> Problem | None:
    """Each loss to one part in ten thousand, however small it is; a loss of 0 is 0."""
    for name, right, theirs in zip(STRATEGIES, expected.double().tolist(), got.double().tolist(), strict=True):
        if not abs(theirs - right) <= 1e-4 * abs(right) + 1e-12:
            kind = "nan" if theirs != theirs else "value"
            return Problem(kind, f"The loss of the strategy “{name}” should be {right:.6g}; it is {theirs:.6g}.")
    return None


def _strategy_cases(draw: Draw) -> Iterator[Case]:
    def thousandths(low: int, high: int) -> float:
        return draw.size(low, high) / 1000

    yield basic("features that are always active", probability=1.0, importance=1.0)
    yield basic("features active half of the time", probability=0.5, importance=0.5)
    yield basic("an activity and an importance", probability=thousandths(200, 900), importance=thousandths(200, 2000))
    for low, high in ((0.05, 0.3), (0.3, 0.9), (0.01, 0.05), (0.1, 0.9)):
        share, weight = (thousandths(1, 1000) for _ in range(2))
        yield general("random numbers", probability=low + (high - low) * share, importance=10 ** (2 * weight - 1))
    yield edge("very sparse features", probability=thousandths(1, 10) / 10, importance=thousandths(500, 2000))
    yield edge("features that are never active", probability=0.0, importance=thousandths(500, 2000))
    yield edge("a second feature of no importance", probability=thousandths(200, 900), importance=0.0)
    yield edge("a second feature of great importance", probability=thousandths(100, 500), importance=draw.size(50, 200))


def _variance(p: float) -> float:
    return p / 3 - p**2 / 4


def _three(*losses: float) -> Tensor:
    return torch.tensor(losses, dtype=torch.float32)


def no_bias_for_the_lost(probability: float, importance: float) -> Tensor:
    """The feature that is left out is answered with 0, which costs the mean of its square. The best bias answers with its
    mean and leaves the variance."""
    p = probability
    return _three(importance * p / 3, p / 3, (1 + importance) * p**2 / 6)


def mean_over_the_two(probability: float, importance: float) -> Tensor:
    """This is the mean over the two features: here it is the sum, as in the source."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p**2 / 6) / 2


def importance_on_the_kept(probability: float, importance: float) -> Tensor:
    """The first two are exchanged: keeping the first costs what the second is worth."""
    p = probability
    return _three(_variance(p), importance * _variance(p), (1 + importance) * p**2 / 6)


def variance_of_an_active_one(probability: float, importance: float) -> Tensor:
    """Its variance is taken to be p/12, but 1/12 is that of a uniform number. A feature that is 0 most of the time has
    E[x²] - E[x]² = p/3 - (p/2)²: mind the square of p."""
    p = probability
    return _three(importance * p / 12, p / 12, (1 + importance) * p**2 / 6)


def bias_of_an_active_one(probability: float, importance: float) -> Tensor:
    """The bias is 1/2, the mean of an active value: it is paid where the feature is inactive, too, so the best one is the
    mean over everything, p/2."""
    p = probability
    lost = p / 12 + (1 - p) / 4
    return _three(importance * lost, lost, (1 + importance) * p**2 / 6)


def both_without_the_relu(probability: float, importance: float) -> Tensor:
    """In the third, the ReLU is forgotten: without it each feature would be off by the whole of the other. The ReLU cuts
    that off wherever only one is active."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p / 3)


def both_by_one_value(probability: float, importance: float) -> Tensor:
    """In the third, the loss of one uniform value is taken, E[x²] = 1/3: what is lost is the *smaller* of two, squared."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p**2 / 3)


def both_by_the_mean_minimum(probability: float, importance: float) -> Tensor:
    """In the third, the mean of the smaller value, 1/3, is squared: it is the mean of its square, 1/6."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p**2 * (1 / 3) ** 2)


def clash_counted_once(probability: float, importance: float) -> Tensor:
    """In the third, only one feature's error counts: when both are active, both come back too small."""
    p = probability
    return _three(importance * _variance(p), _variance(p), p**2 / 6)


def both_without_importance(probability: float, importance: float) -> Tensor:
    """In the third, both errors count as much: the second feature's counts with its importance."""
    p = probability
    return _three(importance * _variance(p), _variance(p), 2 * p**2 / 6)


def clash_at_every_activity(probability: float, importance: float) -> Tensor:
    """In the third, the clash is taken to happen with p: both are active at once with p²."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) * p / 6)


def clash_as_if_always(probability: float, importance: float) -> Tensor:
    """In the third, both are taken to be active always: that happens with p²."""
    p = probability
    return _three(importance * _variance(p), _variance(p), (1 + importance) / 6)


def the_kept_feature_pays(probability: float, importance: float) -> Tensor:
    """The feature that is kept is counted as lost, too: it comes back exactly, and costs nothing."""
    p = probability
    lost = (1 + importance) * _variance(p)
    return _three(lost, lost, (1 + importance) * p**2 / 6)


exercise = Exercise(
    __name__,
    further="Take the ReLU away. What does the third strategy, W = (1, -1) without a bias, cost then, and is there any probability at which it wins?",
    cases=_strategy_cases,
    answer=_in_proportion,
    parts=STRATEGIES,
    wrong=(
        no_bias_for_the_lost,
        mean_over_the_two,
        importance_on_the_kept,
        variance_of_an_active_one,
        bias_of_an_active_one,
        both_without_the_relu,
        both_by_one_value,
        both_by_the_mean_minimum,
        clash_counted_once,
        both_without_importance,
        clash_at_every_activity,
        clash_as_if_always,
        the_kept_feature_pays,
    ),
    hints=(
        "Take the strategies one by one. What comes back for the feature that is left out, whatever goes in? Which constant "
        "has the smallest mean squared error?",
        "The best constant is the mean, E[x] = p/2, and what is left is the variance, E[x²] - E[x]², with E[x²] = p/3.",
        "With W = (1, -1) the two come back as ReLU(x1 - x2) and ReLU(x2 - x1). When only one is active, nothing is lost. "
        "When both are, each comes back too small by the same number. Which?",
        "By the smaller of the two. For two independent uniform numbers the mean of its square is ∫ t² · 2(1 - t) dt = 1/6, "
        "and both are active with p².",
    ),
)
