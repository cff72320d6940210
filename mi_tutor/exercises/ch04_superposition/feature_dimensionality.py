"""The exercise `feature_dimensionality`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.check.compare import close_but_for_a_guard
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._shared import (
    geometry_cases,
    shares,
    squared_overlaps,
    sum_over_others,
    unit,
)

if TYPE_CHECKING:
    from torch import Tensor


def itself_left_out_below(W: Tensor) -> Tensor:
    """The feature itself is missing from the sum below, so that one that nobody disturbs is divided by 0: i counts, too."""
    return W.square().sum(1) / sum_over_others(squared_overlaps(W))


def itself_counted_as_one(W: Tensor) -> Tensor:
    """1 stands below for the feature itself, which is right only for columns of length 1: its own term is ‖W_i‖²."""
    return W.square().sum(1) / (1 + sum_over_others(squared_overlaps(W)))


def length_not_squared(W: Tensor) -> Tensor:
    """The length above is not squared."""
    return shares(W.norm(dim=1), squared_overlaps(W).sum(-1))


def direction_not_made_unit(W: Tensor) -> Tensor:
    """W_i is not made a unit vector below: the result then depends on the scale of all weights."""
    return shares(W.square().sum(1), (W.mT @ W).square().sum(-1))


def other_side_made_unit(W: Tensor) -> Tensor:
    """Below, the other features' lengths have dropped out: each W_j is made a unit vector, where W_i alone should be."""
    return shares(W.square().sum(1), squared_overlaps(W).mT.sum(-1))


def both_made_unit(W: Tensor) -> Tensor:
    """Both columns are made unit vectors below: how long the others are counts."""
    return shares(W.square().sum(1), (unit(W).mT @ unit(W)).square().sum(-1))


def upside_down(W: Tensor) -> Tensor:
    """The fraction is upside down: a feature that shares its dimension has less than one."""
    above = W.square().sum(1)
    return torch.where(above > 0, squared_overlaps(W).sum(-1) / above.where(above > 0, 1), 0)


def nan_for_nothing(W: Tensor) -> Tensor:
    """For a column of zero this is 0/0, NaN: a feature that is not represented takes up no dimension, 0."""
    return W.square().sum(1) / ((W / W.norm(dim=1, keepdim=True)).mT @ W).square().sum(-1)


def one_for_nothing(W: Tensor) -> Tensor:
    """A column of zero gets 1, a dimension of its own: it takes up none, 0."""
    below = squared_overlaps(W).sum(-1)
    return torch.where(below > 0, W.square().sum(1) / below.where(below > 0, 1), 1)


def overlaps_below_not_squared(W: Tensor) -> Tensor:
    """The overlaps below are taken by their absolute value: square them."""
    return shares(W.square().sum(1), (unit(W).mT @ W).abs().sum(-1))


def what_is_lost(W: Tensor) -> Tensor:
    """This is the share that the others take: 1 minus it is what the feature has for itself."""
    above = W.square().sum(1)
    return torch.where(above > 0, 1 - shares(above, squared_overlaps(W).sum(-1)), 0)


def lengths_shared_out(W: Tensor) -> Tensor:
    """Each squared length is divided by the sum of all of them: two features at right angles do not share anything. What
    counts is how far W_j lies along W_i."""
    above = W.square().sum(1)
    return shares(above, above.sum(-1, keepdim=True).expand_as(above))


exercise = Exercise(
    __name__,
    further="Take any three arrows in the plane. Can their shares add up to less than 2, and can they add up to more? Find an example, or a reason why there is none.",
    cases=geometry_cases,
    answer=close_but_for_a_guard,
    wrong=(
        itself_left_out_below,
        itself_counted_as_one,
        length_not_squared,
        direction_not_made_unit,
        other_side_made_unit,
        both_made_unit,
        upside_down,
        nan_for_nothing,
        one_for_nothing,
        overlaps_below_not_squared,
        what_is_lost,
        lengths_shared_out,
    ),
    hints=(
        "Below stands the same sum as in `interference`, with the feature itself in it. What is that one term?",
        "The term of i itself is ‖W_i‖², so the whole is ‖W_i‖² / (‖W_i‖² + interference). When is that 0/0?",
        "Where ‖W_i‖² is 0, divide by 1 instead: `below.where(below > 0, 1)`.",
    ),
)
