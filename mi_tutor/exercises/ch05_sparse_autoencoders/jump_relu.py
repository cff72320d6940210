"""The exercise `jump_relu`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _jump_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two inputs, three features",
        pre=draw.of([[1.0, 0.5, -2.0], [0.25, 3.0, 2.0]]),
        threshold=draw.of([0.5, 1.0, 0.0]),
    )
    yield basic("two inputs, four features", **_jumping(draw, 2, 4))
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=3, high=12)
        yield general("random values", **_jumping(draw, *size.values()))
    yield general("many features", **_jumping(draw, 5, 200))
    yield edge(
        "values exactly at the threshold",
        pre=draw.of([[0.5, 1.0, 2.0], [0.5, 1.5, 1.0]]),
        threshold=draw.of([0.5, 1.0, 2.0]),
    )
    yield edge("thresholds of 0", pre=draw.of([[0.0, 1.0, -1.0], [2.0, 0.0, 0.5]]), threshold=draw.of([0.0, 0.0, 0.0]))
    args = _jumping(draw, 5, 6)
    yield edge("thresholds that nothing reaches", **{**args, "threshold": args["threshold"] + 100})
    yield edge("values far above", **{**args, "pre": args["pre"].abs() + 50})
    yield edge("values that are all negative", **{**args, "pre": -args["pre"].abs() - 3})
    yield edge("an empty batch", pre=draw.of(torch.zeros(0, 4)), threshold=draw.of([0.5, 1.0, 0.0, 2.0]))
    yield edge("one input", **_jumping(draw, 1, 6))
    yield edge("one feature", **_jumping(draw, 6, 1))
    yield edge("as many inputs as features", **_jumping(draw, 5, 5))
    yield edge("small values", pre=args["pre"] * 1e-4, threshold=args["threshold"] * 1e-4)


def _jumping(draw: Draw, batch: int, d_sae: int) -> dict[str, Tensor]:
    return {"pre": draw.normal(batch, d_sae, scale=1.5), "threshold": draw.normal(d_sae, scale=0.7).abs()}


def plain_relu(pre: Tensor, threshold: Tensor) -> Tensor:
    """This is a ReLU: values between 0 and the threshold become 0 as well."""
    return pre.relu() + 0 * threshold


def threshold_included(pre: Tensor, threshold: Tensor) -> Tensor:
    """A value exactly at its threshold is kept: it has to be above it, strictly."""
    return torch.where(pre >= threshold, pre, 0)


def threshold_subtracted(pre: Tensor, threshold: Tensor) -> Tensor:
    """The threshold is subtracted from what passes, so that every value is too small. It jumps: what passes, passes whole."""
    return (pre - threshold).relu()


def smooth_jump(pre: Tensor, threshold: Tensor) -> Tensor:
    """The jump is a steep sigmoid, which lets a part through on either side of the threshold. A smooth step may stand in for the
    gradient in training; the activation itself jumps, from 0 to all."""
    return pre * torch.sigmoid((pre - threshold) / 0.001)


def step_returned(pre: Tensor, threshold: Tensor) -> Tensor:
    """These are ones and zeros: what is above the threshold keeps its value."""
    return (pre > threshold).to(pre.dtype) + 0 * pre


def threshold_returned(pre: Tensor, threshold: Tensor) -> Tensor:
    """What does not pass becomes the threshold: it becomes 0."""
    return torch.maximum(pre, threshold.expand_as(pre))


def cut_above(pre: Tensor, threshold: Tensor) -> Tensor:
    """What is *above* the threshold is set to 0: it is what stays."""
    return torch.where(pre > threshold, 0, pre.relu())


def negative_kept(pre: Tensor, threshold: Tensor) -> Tensor:
    """Large negative values pass too, as in a hard shrinkage: only what is above the threshold passes."""
    return torch.where(pre.abs() > threshold, pre, 0)


def negative_not_touched(pre: Tensor, threshold: Tensor) -> Tensor:
    """Negative values are left as they are: they lie below the threshold and become 0."""
    return torch.where((pre > threshold) | (pre < 0), pre, 0)


def one_threshold_for_all(pre: Tensor, threshold: Tensor) -> Tensor:
    """One threshold, their mean, is used for all features: each has its own."""
    return torch.where(pre > threshold.mean(), pre, 0)


def first_threshold_for_all(pre: Tensor, threshold: Tensor) -> Tensor:
    """The first threshold is used for all features: each has its own."""
    return torch.where(pre > threshold[0], pre, 0)


def values_clipped_at_the_threshold(pre: Tensor, threshold: Tensor) -> Tensor:
    """Values above the threshold are cut down to it: they stay as they are."""
    return torch.minimum(pre.relu(), threshold.expand_as(pre))


def jump_cut_from_the_graph(pre: Tensor, threshold: Tensor) -> Tensor:
    """The values are right, but no gradient reaches `pre`: what passes is passed on with its gradient."""
    return torch.where(pre > threshold, pre, 0).detach()


exercise = Exercise(
    __name__,
    further="`relu(pre - 2)` is silent on just the inputs on which a threshold of 2 is. What do the two give for 2.5 and for 10, and could a longer decoder row make up for the difference?",
    cases=_jump_cases,
    gradients=("pre",),
    bf16=True,
    wrong=(
        plain_relu,
        threshold_included,
        threshold_subtracted,
        smooth_jump,
        step_returned,
        threshold_returned,
        cut_above,
        negative_kept,
        negative_not_touched,
        one_threshold_for_all,
        first_threshold_for_all,
        values_clipped_at_the_threshold,
        jump_cut_from_the_graph,
    ),
    hints=(
        "A ReLU with a gate: the gate is open or shut, and what goes through an open gate is not made smaller.",
        "`pre > threshold` compares each feature with its own threshold: [batch, d_sae] with [d_sae].",
        "`torch.where(condition, a, 0)` is a where the condition holds.",
    ),
)
