"""The exercise `toy_model`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._shared import before_relu, weights_off_kinks

if TYPE_CHECKING:
    from torch import Tensor


def _model_cases(draw: Draw) -> Iterator[Case]:
    cross = draw.of([[[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]]])
    x = draw.of([[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.25]]])
    yield basic("three features in two dimensions", x=x, W=cross, b=draw.of([[0.1, -0.2, 0.3]]))
    yield basic("one instance", **weights_off_kinks(draw, 4, 1, 2, 3))
    for _ in range(3):
        size = draw.sizes("batch", "instance", "hidden", "feature", low=2, high=7)
        yield general("random weights", **weights_off_kinks(draw, *size.values()))
    yield general("more dimensions than features", **weights_off_kinks(draw, 5, 2, 6, 3))
    yield general("inputs of both signs", **weights_off_kinks(draw, 6, 3, 2, 5, signed=True))
    yield edge("one feature", **weights_off_kinks(draw, 5, 2, 3, 1))
    yield edge("one hidden dimension", **weights_off_kinks(draw, 5, 3, 1, 4))
    yield edge("one sample", **weights_off_kinks(draw, 1, 3, 2, 4))
    yield edge("a single instance", **weights_off_kinks(draw, 5, 1, 2, 4))
    n = draw.size(3, 4)
    yield edge("every size the same", **weights_off_kinks(draw, n, n, n, n))
    yield edge("an empty batch", **weights_off_kinks(draw, 0, 2, 3, 4))
    args = weights_off_kinks(draw, 5, 2, 3, 4)
    yield edge("weights that are all negative", **{**args, "W": -args["W"].abs()})
    yield edge("weights of zero", **{**args, "W": args["W"] * 0})
    yield edge("biases far below zero", **{**args, "b": args["b"] - 100})
    yield edge("inputs of zero", **{**args, "x": args["x"] * 0})


def relu_left_out(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """There is no ReLU: it comes last, and without it nothing that interferes is ever cut off."""
    return before_relu(x, W, b)


def each_feature_by_itself(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Only the diagonal of WᵀW is there, as if features did not meet in the hidden layer: each comes back with what the others
    add. (In an einsum, the features that go in and those that come out need two names.)"""
    return (W.square().sum(-2) * x + b).relu()


def bias_left_out(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is missing: it is added before the ReLU."""
    return (before_relu(x, W, b) - b).relu()


def bias_after_the_relu(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is added after the ReLU: inside it, a negative bias cuts off what is small."""
    return (before_relu(x, W, b) - b).relu() + b


def bias_subtracted(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is subtracted: it is added."""
    return (before_relu(x, W, b) - 2 * b).relu()


def bias_on_the_input(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The bias is added to the input: it is added to what comes back, before the ReLU."""
    return before_relu(x + b, W, torch.zeros_like(b)).relu()


def relu_on_the_hidden_layer(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """There is a ReLU on the hidden layer, too. In this model it is linear: the only ReLU is the last step."""
    h = einsum(x, W, "batch i feature, i hidden feature -> batch i hidden").relu()
    return (einsum(h, W, "batch i hidden, i hidden feature -> batch i feature") + b).relu()


def only_the_hidden_layer_rectified(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The ReLU stands on the hidden layer: it belongs on the output, after the bias."""
    h = einsum(x, W, "batch i feature, i hidden feature -> batch i hidden").relu()
    return einsum(h, W, "batch i hidden, i hidden feature -> batch i feature") + b


def columns_made_unit(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The columns of W are brought to length 1 here: their lengths say which features are kept, so use W as it is."""
    return before_relu(x, W / W.norm(dim=1, keepdim=True).clamp(min=1e-12), b).relu()


def same_weights_for_all_instances(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Every instance uses the weights of the first: instance i has its own, `W[i]` and `b[i]`."""
    return before_relu(x, W[:1].expand_as(W), b[:1].expand_as(b)).relu()


def instances_added_up(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The hidden layers of different instances are added up. Name the instance axis in the result of both einsums."""
    h = einsum(x, W, "batch i feature, i hidden feature -> batch hidden")
    return (einsum(h, W, "batch hidden, i hidden feature -> batch i feature") + b).relu()


def inputs_added_back(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The input is added to the output: there is no way around the hidden layer in this model."""
    return (before_relu(x, W, b) + x).relu()


def model_cut_from_the_graph(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The output is right, but no gradient reaches the weights: something on the way detaches them."""
    return before_relu(x, W, b).relu().detach()


exercise = Exercise(
    __name__,
    further="One hidden dimension, W = (1, -1), b = 0, and inputs from 0 to 1: which inputs come back exactly as they were, and what comes back of (0.8, 0.5)?",
    cases=_model_cases,
    gradients=("x", "W", "b"),
    wrong=(
        relu_left_out,
        bias_left_out,
        bias_after_the_relu,
        bias_subtracted,
        bias_on_the_input,
        relu_on_the_hidden_layer,
        only_the_hidden_layer_rectified,
        columns_made_unit,
        same_weights_for_all_instances,
        instances_added_up,
        inputs_added_back,
        model_cut_from_the_graph,
        each_feature_by_itself,
    ),
    hints=(
        "Two products, one down and one up again, with the same W. Which axis does each of them sum over?",
        'Down: `einsum(x, W, "batch instance feature, instance hidden feature -> batch instance hidden")`.',
        "Up again with the same W, summing over hidden; then the bias, then `.relu()`.",
    ),
)
