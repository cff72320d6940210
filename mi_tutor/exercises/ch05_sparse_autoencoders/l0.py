"""The exercise `l0`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.compare import close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import activations

if TYPE_CHECKING:
    from torch import Tensor


def _l0_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two inputs", f=draw.of([[0.0, 2.0, 0.5, 0.0], [0.0, 0.0, 3.0, 0.0]]))
    # No feature is weak here: that it counts is a corner.
    yield basic("a few inputs", f=draw.of(draw.ids((draw.size(3, 6), 5), 4)) / 2)
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=2, high=12)
        yield general("random features", f=activations(draw, *size.values()))
    yield general("many features", f=activations(draw, 30, 200))
    yield edge("weak features", f=draw.of([[1e-30, 0.0, 2.0], [0.0, 1e-12, 1e-6]]))
    yield edge("strong features", f=activations(draw, 4, 6, scale=1e4))
    yield edge("nothing active", f=draw.of(torch.zeros(3, 5)))
    yield edge("everything active", f=activations(draw, 3, 5) + 1)
    yield edge("one input", f=activations(draw, 1, 7))
    yield edge("one feature", f=draw.of([[0.0], [1.5], [0.0], [0.25]]))
    yield edge("as many inputs as features", f=activations(draw, 4, 4))
    yield edge("a feature that is always active", f=draw.of([[1.0, 0.0, 0.0], [2.0, 0.0, 1.0], [3.0, 4.0, 0.0]]))


def _on(f: Tensor) -> Tensor:
    return (f > 0).to(f.dtype)


def active_anywhere(f: Tensor) -> Tensor:
    """This counts the features that are active on some input: count on each input, then take the mean."""
    return _on(f).amax(0).sum()


def all_active_entries(f: Tensor) -> Tensor:
    """This counts over the whole batch: take the mean over its inputs."""
    return _on(f).sum()


def share_of_active_features(f: Tensor) -> Tensor:
    """This is the share of features that are active: their number is asked for, so sum over features."""
    return _on(f).mean()


def inputs_for_each_feature(f: Tensor) -> Tensor:
    """This is on how many inputs a feature is active: sum over features, the last axis, and take the mean over the batch."""
    return _on(f).sum(0).mean()


def features_added_up(f: Tensor) -> Tensor:
    """This adds up how strongly features are active, which is an L1 norm: L0 only counts them."""
    return f.sum(-1).mean()


def weak_features_not_counted(f: Tensor) -> Tensor:
    """Features that are active only weakly are not counted: everything above 0 counts."""
    return (f > 1e-3).to(f.dtype).sum(-1).mean()


def barely_active_not_counted(f: Tensor) -> Tensor:
    """Features that are barely active are not counted: everything above 0 counts, however small."""
    return (f > 1e-8).to(f.dtype).sum(-1).mean()


def zeros_counted(f: Tensor) -> Tensor:
    """Every feature is counted, since 0 ≥ 0: count those above 0."""
    return (f >= 0).to(f.dtype).sum(-1).mean()


def inactive_counted(f: Tensor) -> Tensor:
    """This counts the features that are 0: count the others."""
    return (f == 0).to(f.dtype).sum(-1).mean()


def one_count_for_each_input(f: Tensor) -> Tensor:
    """There is a count for each input: take their mean."""
    return _on(f).sum(-1)


def mean_of_whole_numbers(f: Tensor) -> Tensor:
    """torch takes no mean of whole numbers. Make the counts floating first, with `.to(f.dtype)`."""
    return (f > 0).sum(-1).mean()


def always_single_precision(f: Tensor) -> Tensor:
    """The result is float32 whatever `f` is: convert with `.to(f.dtype)` instead of `.float()`."""
    return (f > 0).float().sum(-1).mean()


def median_count(f: Tensor) -> Tensor:
    """This is the median over the batch: the mean is asked for."""
    return _on(f).sum(-1).median()


exercise = Exercise(
    __name__,
    further="Ten features that are on for every input, or ten others for each input: both dictionaries have an L0 of 10. Which mean over the same `f` tells them apart?",
    cases=_l0_cases,
    answer=close_to_single_precision,
    wrong=(
        active_anywhere,
        all_active_entries,
        share_of_active_features,
        inputs_for_each_feature,
        features_added_up,
        weak_features_not_counted,
        barely_active_not_counted,
        zeros_counted,
        inactive_counted,
        one_count_for_each_input,
        mean_of_whole_numbers,
        always_single_precision,
        median_count,
    ),
    hints=(
        "How many features does one input need? And on average?",
        "`f > 0` is True where a feature is active. True counts as 1 when you sum.",
        "The sum of Booleans is a whole number, of which torch takes no mean: `.to(f.dtype)` first.",
    ),
)
