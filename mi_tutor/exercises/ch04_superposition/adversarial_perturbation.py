"""The exercise `adversarial_perturbation`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._shared import before_relu, weights_off_kinks

if TYPE_CHECKING:
    from torch import Tensor


def _cases(draw: Draw) -> Iterator[Case]:
    x, W = draw.of([[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.25]]]), draw.of([[[1.0, 0.5, -1.0]]])
    yield basic("one dimension", x=x, W=W, b=draw.of([[0.1, -0.2, 0.3]]), size=0.5)
    yield basic("one instance", **weights_off_kinks(draw, 4, 1, 2, 3), size=0.1)
    for size in (0.1, 0.3, 2.0):
        yield general(
            "random weights", **weights_off_kinks(draw, *draw.sizes(*"bihf", low=2, high=7).values()), size=size
        )
    yield general("inputs of both signs", **weights_off_kinks(draw, 6, 3, 2, 5, signed=True), size=0.2)
    yield edge("one feature", **weights_off_kinks(draw, 5, 2, 3, 1), size=0.1)
    yield edge("one hidden dimension", **weights_off_kinks(draw, 5, 3, 1, 4), size=0.1)
    yield edge("one sample", **weights_off_kinks(draw, 1, 3, 2, 4), size=0.1)
    yield edge("an empty batch", **weights_off_kinks(draw, 0, 2, 3, 4), size=0.1)
    n = draw.size(3, 4)
    yield edge("every size the same", **weights_off_kinks(draw, n, n, n, n), size=0.1)
    args = weights_off_kinks(draw, 5, 2, 3, 4)
    yield edge("a size of 0", **args, size=0.0)
    yield edge("weights of zero", **{**args, "W": args["W"] * 0}, size=0.1)
    yield edge("biases far below zero, so that every output is 0", **{**args, "b": args["b"] - 100}, size=0.1)
    some = args["b"].clone()
    some[0] -= 100
    yield edge("an instance whose outputs are all 0", **{**args, "b": some}, size=0.1)


def _error(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """Half of the gradient of the squared error in what goes into the ReLU."""
    before = before_relu(x, W, b)
    return (before.relu() - x) * (before > 0)


def _back(error: Tensor, W: Tensor) -> Tensor:
    """WᵀW is its own transpose: back is as forth."""
    return before_relu(error, W, torch.zeros_like(W[:, 0]))


def _of_length(direction: Tensor, size: float) -> Tensor:
    length = direction.norm(dim=-1, keepdim=True)
    return size * direction / length.where(length > 0, 1)


def downhill(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """The sign is turned round: this makes the error smaller."""
    return -_of_length(_back(_error(x, W, b), W), size)


def gradient_as_it_is(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """This is `size` times the gradient. Every perturbation is to be `size` long, however long the gradient is."""
    return 2 * size * _back(_error(x, W, b), W)


def of_length_one(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """The perturbations are 1 long: `size` is how long they should be."""
    return _of_length(_back(_error(x, W, b), W), 1.0)


def signs_of_the_gradient(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """Every entry is moved by `size`, as the fast gradient *sign* method does: that is the steepest where the largest entry is
    bounded. Here the Euclidean length is."""
    return size * _back(_error(x, W, b), W).sign()


def one_length_for_the_whole_batch(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """The length is taken over the whole batch: each sample of each instance has a perturbation that is `size` long."""
    direction = _back(_error(x, W, b), W)
    length = direction.norm()
    return size * direction / length.where(length > 0, 1)


def divided_by_the_square(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """Divided by the squared length: it is the root of it that makes a direction."""
    direction = _back(_error(x, W, b), W)
    length = direction.square().sum(-1, keepdim=True)
    return size * direction / length.where(length > 0, 1)


def target_moved_along(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """What should come back moves with the input here. It stays the sample as it was: the perturbation is noise to the model's user."""
    error = _error(x, W, b)
    return _of_length(_back(error, W) - (before_relu(x, W, b).relu() - x), size)


def relu_let_through(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """Errors are sent back through outputs that the ReLU has cut off: a small change of the input changes nothing there."""
    return _of_length(_back(before_relu(x, W, b).relu() - x, W), size)


def error_in_the_output(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """This points along the error in the output. Which change of the *input* makes that larger? The error has to go back through
    the weights."""
    return _of_length(_error(x, W, b), size)


def outputs_made_larger(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """This raises the outputs, all together. An output that is too small already comes nearer then: raise the squared error."""
    return _of_length(_back((before_relu(x, W, b) > 0).to(x.dtype), W), size)


def perturbed_inputs(x: Tensor, W: Tensor, b: Tensor, size: float) -> Tensor:
    """This is the perturbed input: the perturbation alone is asked for."""
    return x + _of_length(_back(_error(x, W, b), W), size)


exercise = Exercise(
    __name__,
    further="The perturbation is as long as you allow. How does the damage grow when you allow twice the length: twice, or four times?",
    cases=_cases,
    wrong=(
        downhill,
        gradient_as_it_is,
        of_length_one,
        signs_of_the_gradient,
        one_length_for_the_whole_batch,
        divided_by_the_square,
        target_moved_along,
        relu_let_through,
        error_in_the_output,
        outputs_made_larger,
        perturbed_inputs,
    ),
    hints=(
        "Of all directions of equal length, along which does a smooth function grow fastest?",
        "You need the gradient of Σ (x_hat - x)² in what goes into the model. What goes in is x; what should come back is x as well, but "
        "that one does not move.",
        "From the output back to the input: the ReLU lets through where the output is above 0; then W down and Wᵀ up again, for "
        "WᵀW is symmetric.",
        "`error = (x_hat - x) * (x_hat > 0)`, then the direction is WᵀW error; divide by its length over features, where that is "
        "not 0, and multiply by `size`.",
    ),
)
