"""The exercise `dimensions_per_feature`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.compare import close_but_for_a_guard
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._shared import every_shape, random_columns, shares, squared_overlaps

if TYPE_CHECKING:
    from torch import Tensor


def _frobenius_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two features, each with a dimension", W=draw.of([[[1.0, 0.0], [0.0, 1.0]]]))
    yield basic("two antipodal pairs", W=draw.of([[[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]]]))
    yield basic("three random directions in the plane", W=random_columns(draw, 1, 2, 3))
    traces = [[[1.0, 0.0, 0.2], [0.0, 1.0, 0.1]], [[1.5, -0.3, 0.0], [0.0, 0.1, 0.8]]]
    yield general("two features and a trace of a third", W=draw.of(traces))
    for _ in range(3):
        size = draw.sizes("instance", "hidden", "feature", low=2, high=9)
        yield general("random directions", W=random_columns(draw, *size.values()))
    yield from every_shape(draw)
    some = random_columns(draw, 3, 2, 5)
    some[1] = 0
    yield edge("an instance of zeros between others", W=some)
    yield edge("weights of zero", W=random_columns(draw, 2, 3, 4) * 0)
    columns = random_columns(draw, 2, 3, 4)
    columns[0, :, 1], columns[1, :, 3] = 0, 0
    yield edge("columns of zero", W=columns)
    yield edge("a single column, as short as a thousandth", W=draw.of([[[1.2e-3, 0.0], [0.0, 0.0]]]))


def norm_not_squared(W: Tensor) -> Tensor:
    """The Frobenius norm is not squared."""
    return W.shape[1] / W.square().sum((1, 2)).sqrt()


def features_per_dimension(W: Tensor) -> Tensor:
    """This is features per dimension, the inverse: the hidden dimensions stand above."""
    return W.square().sum((1, 2)) / W.shape[1]


def all_features_counted(W: Tensor) -> Tensor:
    """This is hidden dimensions over the number of features, whether they are represented or not: a feature counts with
    its squared length."""
    return (W.shape[1] / W.new_full((W.shape[0],), W.shape[2])).where(W.square().sum((1, 2)) > 0, torch.inf)


def kept_features_counted(W: Tensor) -> Tensor:
    """This counts the columns that are long enough, each as one: a feature counts with its squared length, so that one of
    length 0.7 is about half a feature."""
    return W.shape[1] / (W.norm(dim=1) > 0.5).to(W.dtype).sum(-1)


def features_for_dimensions(W: Tensor) -> Tensor:
    """The number of features stands above: it is the number of hidden dimensions, axis 1."""
    return W.shape[2] / W.square().sum((1, 2))


def all_instances_together(W: Tensor) -> Tensor:
    """The norm runs over all instances together: each instance has its own."""
    return (W.shape[1] / W.square().sum()).expand(W.shape[0]).clone()


def largest_singular_value(W: Tensor) -> Tensor:
    """This is the spectral norm, the largest singular value: the Frobenius norm is the root of the sum of all squares."""
    return W.shape[1] / torch.linalg.matrix_norm(W, ord=2).square()


def absolute_sum(W: Tensor) -> Tensor:
    """The absolute weights are summed: sum their squares."""
    return W.shape[1] / W.abs().sum((1, 2))


def mean_of_the_squares(W: Tensor) -> Tensor:
    """This is divided by the mean of the squares: it is their sum."""
    return W.shape[1] / W.square().mean((1, 2))


def guarded_against_zero(W: Tensor) -> Tensor:
    """A small number keeps the division finite. An instance that represents nothing has infinitely many dimensions for
    each feature: inf, which plain division gives by itself."""
    return W.shape[1] / (W.square().sum((1, 2)) + 1e-10)


def zero_for_nothing(W: Tensor) -> Tensor:
    """An instance of zeros gets 0: with no feature there, it is inf, which plain division gives by itself."""
    norm = W.square().sum((1, 2))
    return torch.where(norm > 0, W.shape[1] / norm.where(norm > 0, 1), 0)


def mean_dimensionality(W: Tensor) -> Tensor:
    """This is the mean of the features' dimensionalities. It is related, but here the question is about the whole:
    hidden dimensions over the squared Frobenius norm."""
    return shares(W.square().sum(1), squared_overlaps(W).sum(-1)).mean(-1)


exercise = Exercise(
    __name__,
    further="Ten hidden dimensions, five columns of length 2, all others 0: how many features does your number suggest that the model keeps, and how many does it keep?",
    cases=_frobenius_cases,
    answer=close_but_for_a_guard,
    wrong=(
        norm_not_squared,
        features_per_dimension,
        all_features_counted,
        kept_features_counted,
        features_for_dimensions,
        all_instances_together,
        largest_singular_value,
        absolute_sum,
        mean_of_the_squares,
        guarded_against_zero,
        zero_for_nothing,
        mean_dimensionality,
    ),
    hints=(
        "A feature that is represented has a column of length near 1, one that is not has length 0. What does the sum of "
        "all squared lengths count?",
        "The squared Frobenius norm is the sum of the squares of all entries: over both axes, but not over instances.",
        "`W.shape[1] / W.square().sum(…)`. What does torch make of a positive number divided by 0?",
    ),
)
