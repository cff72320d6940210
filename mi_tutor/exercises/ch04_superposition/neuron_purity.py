"""The exercise `neuron_purity`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.compare import close_but_for_a_guard
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _purity_cases(draw: Draw) -> Iterator[Case]:
    yield basic("one pure neuron and one of two features", W=draw.of([[[2.0, 0.0, 0.0], [0.0, 0.5, -1.5]]]))
    yield basic("random weights", W=draw.normal(2, 3, 4))
    for _ in range(3):
        size = draw.sizes("instance", "neuron", "feature", low=2, high=9)
        yield general("random weights", W=draw.normal(*size.values()))
    yield general("large weights", W=draw.normal(2, 3, 5, scale=1000.0))
    yield edge("one instance", W=draw.normal(1, 3, 4))
    yield edge("one neuron", W=draw.normal(3, 1, 4))
    yield edge("one feature", W=draw.normal(3, 2, 1))
    yield edge("one number", W=draw.of([[[-0.7]]]))
    n = draw.size(3, 5)
    yield edge("every size the same", W=draw.normal(n, n, n))
    yield edge("weights that are all negative", W=-draw.normal(2, 3, 4).abs())
    some = draw.normal(2, 3, 4)
    some[0, 1], some[1, 2] = 0, 0
    yield edge("silent neurons", W=some)
    yield edge("weights of zero", W=some * 0)
    short = draw.normal(2, 3, 4)
    short[:, 1] *= 1e-3 / short[:, 1].norm(dim=-1, keepdim=True) * 1.0001
    yield edge("neurons as short as a thousandth", W=short)
    yield edge("a feature that no neuron reads", W=draw.normal(2, 3, 4) * draw.of([1.0, 1.0, 0.0, 1.0]))


def _purity(top: Tensor, total: Tensor) -> Tensor:
    return torch.where(total > 0, top / total.where(total > 0, 1), 0)


def largest_without_its_sign(W: Tensor) -> Tensor:
    """The largest weight is looked for with its sign: a strong negative weight counts as much, so take absolute values
    first."""
    return _purity(W.amax(-1), W.abs().sum(-1))


def signs_cancel_below(W: Tensor) -> Tensor:
    """The weights are summed with their signs, so that they cancel: sum the absolute values."""
    below = W.sum(-1)
    return W.abs().amax(-1) / below.where(below != 0, 1)


def signs_never_dropped(W: Tensor) -> Tensor:
    """No absolute value is taken anywhere, so that negative weights cancel below and are passed over above: begin with
    `W.abs()`."""
    below = W.sum(-1)
    return W.amax(-1) / below.where(below != 0, 1)


def over_neurons(W: Tensor) -> Tensor:
    """This is taken over neurons: how pure a *feature* is. A neuron's purity goes over its features, the last axis."""
    size = W.abs()
    return _purity(size.amax(1), size.sum(1))


def shares_of_squares(W: Tensor) -> Tensor:
    """These are shares of the squares: take the absolute values themselves."""
    return _purity(W.square().amax(-1), W.square().sum(-1))


def against_the_length(W: Tensor) -> Tensor:
    """Below stands the neuron's Euclidean length: it is the sum of absolute values."""
    return _purity(W.abs().amax(-1), W.norm(dim=-1))


def nan_for_a_silent_neuron(W: Tensor) -> Tensor:
    """For a silent neuron this is 0/0, NaN: its purity is 0."""
    return W.abs().amax(-1) / W.abs().sum(-1)


def one_for_a_silent_neuron(W: Tensor) -> Tensor:
    """A silent neuron gets 1: it reads no feature at all, and its purity is 0."""
    return torch.where(W.abs().sum(-1) > 0, nan_for_a_silent_neuron(W), 1)


def mean_share(W: Tensor) -> Tensor:
    """This is the mean weight over the sum, the same for all neurons: the *largest* is asked for."""
    return _purity(W.abs().mean(-1), W.abs().sum(-1))


def largest_against_the_rest(W: Tensor) -> Tensor:
    """Below, the largest weight itself is left out: it belongs to the sum."""
    top = W.abs().amax(-1)
    return top / (W.abs().sum(-1) - top)


def impurity(W: Tensor) -> Tensor:
    """This is 1 minus the purity: a neuron that reads a single feature has 1."""
    total = W.abs().sum(-1)
    return torch.where(total > 0, 1 - _purity(W.abs().amax(-1), total), 0)


def which_feature(W: Tensor) -> Tensor:
    """This is the index of the strongest feature: its share is asked for."""
    return W.abs().argmax(-1)


exercise = Exercise(
    __name__,
    further="One neuron has the weights 1 and 1, another a 1 and a hundred of 0.01. What is the purity of each, and which of the two could you still name from its strongest inputs?",
    cases=_purity_cases,
    answer=close_but_for_a_guard,
    wrong=(
        largest_without_its_sign,
        signs_cancel_below,
        signs_never_dropped,
        over_neurons,
        shares_of_squares,
        against_the_length,
        nan_for_a_silent_neuron,
        one_for_a_silent_neuron,
        mean_share,
        largest_against_the_rest,
        impurity,
        which_feature,
    ),
    hints=(
        "A neuron is a row of W. What is the share of its strongest weight, when signs do not matter?",
        "`W.abs()`, then `amax(-1)` above and `sum(-1)` below. When is that 0/0?",
        "Where the sum is 0 divide by 1 instead: `total.where(total > 0, 1)`.",
    ),
)
