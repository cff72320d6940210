"""The exercise `interference`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.check.compare import close_but_for_a_guard
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._shared import geometry_cases, squared_overlaps, sum_over_others, unit

if TYPE_CHECKING:
    from torch import Tensor


def itself_counted(W: Tensor) -> Tensor:
    """The feature itself is counted, too: interference comes from the others, j ≠ i."""
    return squared_overlaps(W).sum(-1)


def itself_taken_for_one(W: Tensor) -> Tensor:
    """1 is taken off for the feature itself, which is right only for columns of length 1: its own term is ‖W_i‖²."""
    return squared_overlaps(W).sum(-1) - 1


def itself_taken_for_one_and_cut_off(W: Tensor) -> Tensor:
    """1 is taken off for the feature itself, which is right only for columns of length 1: its own term is ‖W_i‖². Where that was
    too much, cutting off at 0 hides it."""
    return itself_taken_for_one(W).clamp(min=0)


def no_direction_made_unit(W: Tensor) -> Tensor:
    """Neither column is made a unit vector: W_i is, so that the result does not grow with its own length."""
    return sum_over_others((W.mT @ W).square())


def wrong_direction_made_unit(W: Tensor) -> Tensor:
    """W_j is made a unit vector where W_i should be: how strongly the others are written counts, one's own length does
    not."""
    return sum_over_others(squared_overlaps(W).mT)


def both_directions_made_unit(W: Tensor) -> Tensor:
    """Both columns are made unit vectors: only W_i is, since a short W_j disturbs little."""
    return sum_over_others((unit(W).mT @ unit(W)).square())


def overlaps_not_squared(W: Tensor) -> Tensor:
    """The overlaps are not squared, so that opposite directions cancel: interference in either direction is interference."""
    return sum_over_others(unit(W).mT @ W)


def overlaps_by_absolute_value(W: Tensor) -> Tensor:
    """The overlaps are taken by their absolute value: square them."""
    return sum_over_others((unit(W).mT @ W).abs())


def summed_before_the_square(W: Tensor) -> Tensor:
    """The overlaps are added up before they are squared, so that opposite signs cancel: square each of them, then sum."""
    return sum_over_others(unit(W).mT @ W).square()


def averaged_over_the_others(W: Tensor) -> Tensor:
    """This is a mean over features: it should be their sum."""
    return sum_over_others(squared_overlaps(W)) / W.shape[-1]


def every_pair_once(W: Tensor) -> Tensor:
    """Only features that come later count: every j other than i does, the earlier ones too."""
    return squared_overlaps(W).triu(1).sum(-1)


def only_negative_overlaps(W: Tensor) -> Tensor:
    """Positive overlaps are left out: they interfere like negative ones."""
    overlap = unit(W).mT @ W
    return (overlap.square() * (overlap < 0)).sum(-1)


def nan_for_a_zero_column(W: Tensor) -> Tensor:
    """A column of zero has no direction, and 0/0 is NaN: its interference is 0. Divide by something that is not 0 there."""
    return sum_over_others(((W / W.norm(dim=1, keepdim=True)).mT @ W).square())


def rows_made_unit(W: Tensor) -> Tensor:
    """The rows of W are made unit vectors: a feature is a column, [hidden, feature], so the norm runs over the hidden
    axis."""
    return sum_over_others((torch.nn.functional.normalize(W, dim=2).mT @ W).square())


def dimensions_for_features(W: Tensor) -> Tensor:
    """Hidden dimensions are compared with each other here: `W @ W.mT` sums over features. It is the features that
    interfere, `W.mT @ W`."""
    return sum_over_others((torch.nn.functional.normalize(W, dim=2) @ W.mT).square())


exercise = Exercise(
    __name__,
    further="Double the length of one column. Whose interference changes, its own or the others', and by which factor at most?",
    cases=geometry_cases,
    answer=close_but_for_a_guard,
    wrong=(
        itself_counted,
        itself_taken_for_one,
        itself_taken_for_one_and_cut_off,
        no_direction_made_unit,
        wrong_direction_made_unit,
        both_directions_made_unit,
        overlaps_not_squared,
        overlaps_by_absolute_value,
        summed_before_the_square,
        averaged_over_the_others,
        every_pair_once,
        only_negative_overlaps,
        nan_for_a_zero_column,
        rows_made_unit,
        dimensions_for_features,
    ),
    hints=(
        "Make a table first: for each i and j, how much of W_j lies along the direction of W_i. What stands on its diagonal?",
        "`torch.nn.functional.normalize(W, dim=1)` makes every column a unit vector and leaves a zero column zero. "
        "`unit.mT @ W` is the table, row i, column j.",
        "Square the table, put 0 on its diagonal, sum the rows. `torch.eye(n, dtype=torch.bool, device=W.device)` marks the "
        "diagonal for `masked_fill`.",
    ),
)
