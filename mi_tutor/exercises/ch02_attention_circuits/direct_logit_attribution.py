"""The exercise `direct_logit_attribution`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _attribution_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two components",
        components=draw.of([[[1.0, 2.0, 3.0]], [[0.0, 4.0, -1.0]]]),
        ln_scale=draw.of([[2.0]]),
        direction=draw.of([1.0, 0.0, -1.0]),
    )
    yield basic("three components", **_written(draw, 3, 2, 4))
    for _ in range(3):
        size = draw.sizes("component", "batch", "d_model", low=5, high=14)
        yield general("random components", **_written(draw, *size.values()))
    wide = _written(draw, 4, 3, 20)
    yield general("components of very different size", **{**wide, "components": wide["components"] * _steps(draw, 4)})
    yield edge("one component", **_written(draw, 1, 3, 5))
    yield edge("a batch of one", **_written(draw, 4, 1, 5))
    yield edge("a d_model of 1", **_written(draw, 3, 2, 1))
    n = draw.size(3, 5)
    yield edge("sizes that are all the same", **_written(draw, n, n, n))
    small = _written(draw, 3, 4, 6)
    yield edge("small scales", **{**small, "ln_scale": small["ln_scale"] * 1e-3})
    yield edge("components far from the origin", **{**small, "components": small["components"] + 5})
    yield edge(
        "a component that is zero",
        **{**small, "components": small["components"] * draw.of([[[1.0]], [[0.0]], [[2.0]]])},
    )
    yield edge("a long direction", **{**small, "direction": small["direction"] * 100})


def _written(draw: Draw, component: int, batch: int, d_model: int) -> dict[str, Tensor]:
    return {
        "components": draw.normal(component, batch, d_model) + draw.normal(component, batch, 1, scale=0.5),
        # No small scales, no large means: in bfloat16 the rounding of a mean is multiplied by the direction's sum.
        "ln_scale": draw.normal(batch, 1).abs() + 0.7,
        "direction": draw.normal(d_model, scale=2.0),
    }


def _steps(draw: Draw, count: int) -> Tensor:
    return draw.of([2.0**-i for i in range(count)])[:, None, None]


def _centred(x: Tensor, axis: int = -1) -> Tensor:
    return x - x.mean(axis, keepdim=True)


def not_centred(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The components are not centred. The final norm takes the mean over d_model out of the stream, and so out of each of its
    parts: subtract it."""
    return components / ln_scale @ direction


def scale_left_out(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The components are not divided by `ln_scale`: without it these are not logits."""
    return _centred(components) @ direction


def each_by_its_own_norm(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """Every component is brought to a size of its own, as if each went through the norm alone; then they no longer add up to
    the logit. All are divided by the one scale that the norm had, `ln_scale`."""
    x = _centred(components)
    own = x.square().mean(-1, keepdim=True).sqrt()
    return torch.where(own > 0, x / own.clamp(min=1e-30), x) @ direction


def each_by_its_own_deviation(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """Every component is divided by its own standard deviation, as if each went through the norm alone; then they no longer add
    up to the logit. All are divided by the one scale that the norm had, `ln_scale`."""
    return _centred(components) / components.std(-1, keepdim=True) @ direction


def each_by_its_own_length(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """Every component is divided by its own length, so that the parts no longer add up to the logit, and a small part counts as
    much as a large one. All are divided by the one scale that the norm had, `ln_scale`."""
    x = _centred(components)
    return x / x.norm(dim=-1, keepdim=True) @ direction


def each_by_its_own_length_uncentred(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """Every component is brought to length 1, so that the parts no longer add up to the logit, and a small part counts as much as
    a large one. Take out each one's mean, and divide all by the one scale that the norm had, `ln_scale`."""
    return components / components.norm(dim=-1, keepdim=True) @ direction


def scale_met_components(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """After the dot product the axes are [component, batch], and `ln_scale`, [batch, 1], meets the components instead of the
    batch. Divide before the dot product, where it broadcasts as it stands, or use `ln_scale[:, 0]`."""
    return (_centred(components) @ direction) / ln_scale


def multiplied_by_the_scale(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The components are multiplied by the scale: the norm divides by it."""
    return _centred(components) * ln_scale @ direction


def scale_squared(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The components are divided by the square of the scale: `ln_scale` is a standard deviation, not a variance."""
    return _centred(components) / ln_scale.square() @ direction


def scale_taken_for_a_variance(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The components are divided by the square root of the scale: `ln_scale` is the standard deviation already."""
    return _centred(components) / ln_scale.sqrt() @ direction


def direction_of_length_one(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The direction is brought to length 1: it is used as given, or the numbers are not logits."""
    return _centred(components) / ln_scale @ (direction / direction.norm())


def centred_over_components(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The mean over components is taken out: each component loses its own mean over d_model."""
    return _centred(components, 0) / ln_scale @ direction


def centred_over_the_batch(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The mean over the batch is taken out: each component loses its own mean over d_model."""
    return _centred(components, 1) / ln_scale @ direction


def components_added_up(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The components are added up, which gives the whole logit: one number for each component is asked for."""
    return (_centred(components) / ln_scale @ direction).sum(0)


def batch_before_components(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The axes come out as [batch, component]: components stay first."""
    return (_centred(components) / ln_scale @ direction).mT


def norm_of_the_sum(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The scale is computed anew from the sum of the components. These need not be all parts of the stream: use `ln_scale`,
    which was frozen from a run."""
    own = _centred(components.sum(0)).square().mean(-1, keepdim=True).sqrt()
    return _centred(components) / own.clamp(min=1e-30) @ direction


def attribution_cut_from_the_graph(components: Tensor, ln_scale: Tensor, direction: Tensor) -> Tensor:
    """The numbers are right, but no gradient reaches the components: something on the way detaches them."""
    return _centred(components.detach()) / ln_scale @ direction


exercise = Exercise(
    __name__,
    further="A component's attribution is exactly 0. In a model of one layer, can taking it out of the stream still change that logit, and by which way?",
    cases=_attribution_cases,
    gradients=("components",),
    bf16=True,
    wrong=(
        not_centred,
        scale_left_out,
        each_by_its_own_norm,
        each_by_its_own_deviation,
        each_by_its_own_length,
        each_by_its_own_length_uncentred,
        scale_met_components,
        multiplied_by_the_scale,
        scale_squared,
        scale_taken_for_a_variance,
        direction_of_length_one,
        centred_over_components,
        centred_over_the_batch,
        components_added_up,
        batch_before_components,
        norm_of_the_sum,
        attribution_cut_from_the_graph,
    ),
    hints=(
        "The final norm does two things to the stream: it takes away a mean and it divides. Which of them can be done to each "
        "part alone, and what must be the same for all parts?",
        "The mean is over the last axis, with `keepdim=True`. `ln_scale` is [batch, 1], which broadcasts against "
        "[component, batch, d_model] as it stands.",
        "`centred / ln_scale @ direction` is [component, batch].",
    ),
)
