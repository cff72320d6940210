"""The exercise `straight_through_step`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two inputs, three features",
        pre=draw.of([[1.0, 0.5, -2.0], [0.25, 3.0, 2.0]]),
        threshold=draw.of([0.5, 1.0, 0.0]),
        width=0.5,
    )
    yield basic("two inputs, four features", **_near_their_thresholds(draw, 2, 4), width=0.5)
    for width in (0.5, 1.0, 2.5):
        size = draw.sizes("batch", "d_sae", low=4, high=12)
        yield general("random values", **_near_their_thresholds(draw, *size.values()), width=width)
    yield general("many inputs", **_near_their_thresholds(draw, 200, 5), width=0.8)
    yield general("a narrow window", **_near_their_thresholds(draw, 300, 4), width=0.1)
    args = _near_their_thresholds(draw, 5, 6)
    yield edge("values exactly at the threshold", pre=args["threshold"].expand(2, 6).clone(), **_rest(args))
    yield edge("values far above", pre=args["pre"] + 50, **_rest(args))
    yield edge("values far below", pre=args["pre"] - 50, **_rest(args))
    yield edge("thresholds of 0", pre=args["pre"], threshold=args["threshold"] * 0, width=0.5)
    yield edge("an empty batch", pre=draw.of(torch.zeros(0, 6)), **_rest(args))
    yield edge("one input and one feature", **_near_their_thresholds(draw, 1, 1), width=0.5)


def _near_their_thresholds(draw: Draw, batch: int, d_sae: int) -> dict[str, Tensor]:
    threshold = draw.normal(d_sae).abs() + 0.3
    return {"pre": threshold + draw.normal(batch, d_sae, scale=0.7), "threshold": threshold}


def _rest(args: dict[str, Tensor]) -> dict[str, Tensor | float]:
    return {"threshold": args["threshold"], "width": 0.5}


def _with_slope(pre: Tensor, threshold: Tensor, slope: Tensor) -> Tensor:
    """The step, with that derivative in the distance to the threshold."""
    return (pre > threshold).to(pre.dtype) + slope.detach() * (threshold.detach() - threshold)


def _window(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    return ((pre - threshold).abs() < width / 2).to(pre.dtype) / width


def no_gradient(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The values are right, but the threshold gets no gradient: a comparison has none, so the window has to bring one."""
    return (pre > threshold).to(pre.dtype)


def sign_exchanged(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The gradient has the wrong sign. A higher threshold switches features off, so the step falls where it rises."""
    return _with_slope(pre, threshold, -_window(pre, threshold, width))


def window_of_height_one(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The window is 1 high, whatever its width. The step rises by 1 in all, so its area has to be 1."""
    return _with_slope(pre, threshold, width * _window(pre, threshold, width))


def window_twice_as_wide(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The window reaches a whole width to either side of the threshold: half a width is asked for."""
    near = ((pre - threshold).abs() < width).to(pre.dtype) / width
    return _with_slope(pre, threshold, near)


def window_above_only(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """Only inputs above the threshold move it. Those just below count as well: lowering it would let them in."""
    return _with_slope(pre, threshold, _window(pre, threshold, width) * (pre > threshold))


def window_around_zero(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The window lies around 0 and not around the threshold."""
    return _with_slope(pre, threshold, _window(pre, threshold * 0, width))


def slope_of_a_sigmoid(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The pretended slope is that of a sigmoid, which reaches every input. Here it is a window with sharp ends."""
    soft = torch.sigmoid((pre - threshold) * 4 / width)
    return _with_slope(pre, threshold, soft * (1 - soft) * 4 / width)


def averaged_over_the_batch(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The gradients of all inputs are averaged: they add up, and whoever wants a mean takes it of the loss."""
    return _with_slope(pre, threshold, _window(pre, threshold, width) / max(1, len(pre)))


def times_the_threshold(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The slope is multiplied by the threshold. That belongs to JumpReLU, which rises by its threshold; a step rises by 1."""
    return _with_slope(pre, threshold, _window(pre, threshold, width) * threshold)


def values_passed_on(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """This is JumpReLU: what is above the threshold keeps its value. A step gives 1 there."""
    return pre * _with_slope(pre, threshold, _window(pre, threshold, width))


def soft_step(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """The step itself has become a slope: forwards it gives 0 or 1 and nothing between, only backwards it pretends."""
    return ((pre - threshold) / width + 0.5).clamp(0, 1)


def threshold_included(pre: Tensor, threshold: Tensor, width: float) -> Tensor:
    """A value exactly at its threshold gives 1: it has to be above it, strictly."""
    slope = _window(pre, threshold, width)
    return (pre >= threshold).to(pre.dtype) + slope.detach() * (threshold.detach() - threshold)


exercise = Exercise(
    __name__,
    cases=_cases,
    gradients=("threshold",),
    wrong=(
        no_gradient,
        sign_exchanged,
        window_of_height_one,
        window_twice_as_wide,
        window_above_only,
        window_around_zero,
        slope_of_a_sigmoid,
        averaged_over_the_batch,
        times_the_threshold,
        values_passed_on,
        soft_step,
        threshold_included,
    ),
    hints=(
        "Draw the step over pre - threshold, and under it a window of area 1. Which way does the step move when the "
        "threshold rises a little?",
        "`x.detach()` has the value of x and no gradient. So `threshold.detach() - threshold` is 0, and its gradient in "
        "the threshold is -1: whatever it is multiplied by becomes a gradient and no value.",
        "`near = ((pre - threshold).abs() < width / 2).to(pre.dtype) / width` is the window.",
        "`(pre > threshold).to(pre.dtype) + near * (threshold.detach() - threshold)`.",
    ),
    further="What does a very narrow window do to the noise of the gradient, and a very wide one to what it points at?",
)
