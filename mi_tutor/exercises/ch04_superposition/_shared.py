"""What exercises of this chapter share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = 1e-3
"""How far pre-activations keep away from 0, where the ReLU has its kink."""


def random_columns(draw: Draw, instance: int, hidden: int, feature: int) -> Tensor:
    """Random columns of lengths from 0.5 to 2."""
    W = draw.normal(instance, hidden, feature).double()
    length = 0.5 + 1.5 * draw.normal(instance, 1, feature).double().abs().clamp(max=1)
    return draw.of(W / W.norm(dim=1, keepdim=True).clamp(min=1e-6) * length)


def every_shape(draw: Draw) -> Iterator[Case]:
    yield edge("one instance", W=random_columns(draw, 1, 3, 4))
    yield edge("one hidden dimension", W=random_columns(draw, 2, 1, 5))
    yield edge("one feature alone", W=random_columns(draw, 3, 2, 1))
    yield edge("one number", W=random_columns(draw, 1, 1, 1))
    n = draw.size(3, 4)
    yield edge("every size the same", W=random_columns(draw, n, n, n))
    yield edge("weights that are all negative", W=-random_columns(draw, 2, 3, 4).abs())


def geometry_cases(draw: Draw) -> Iterator[Case]:
    digon = [[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]]
    yield basic("an antipodal pair and one at right angles", W=draw.of([digon]))
    triangle = [[1.0, -0.5, -0.5], [0.0, 0.75**0.5, -(0.75**0.5)]]
    yield basic("a triangle, and one twice as large", W=draw.of([triangle, [[2 * v for v in row] for row in triangle]]))
    yield basic("three random directions in the plane", W=random_columns(draw, 1, 2, 3))
    for _ in range(3):
        size = draw.sizes("instance", "hidden", "feature", low=2, high=9)
        yield general("random directions", W=random_columns(draw, *size.values()))
    yield general("many features in two dimensions", W=random_columns(draw, 3, 2, 12))
    yield from every_shape(draw)
    some = random_columns(draw, 3, 2, 5)
    some[0, :, 1], some[1, :, 0], some[1, :, 4] = 0, 0, 0
    yield edge("columns of zero", W=some)
    yield edge("weights of zero", W=random_columns(draw, 2, 3, 4) * 0)
    short = random_columns(draw, 3, 3, 5)
    short[0, :, 2] *= 1e-3 / float(short[0, :, 2].double().norm()) * 1.0001
    short[2, :, 0] *= 2e-3 / float(short[2, :, 0].double().norm())
    short[1, :, 3] = 0
    yield edge("columns as short as a thousandth", W=short)
    yield edge(
        "columns that are all as short as a thousandth",
        W=short / short.norm(dim=1, keepdim=True).clamp(min=1e-6) * 2e-3,
    )
    yield edge("a feature alone, as short as a thousandth", W=draw.of([[[1.2e-3], [0.0]], [[0.0], [3e-3]]]))


def unit(W: Tensor) -> Tensor:
    return torch.nn.functional.normalize(W, dim=1)


def squared_overlaps(W: Tensor) -> Tensor:
    """(unit W_i · W_j)², [instance i j]."""
    return (unit(W).mT @ W).square()


def sum_over_others(overlaps: Tensor) -> Tensor:
    """The sum over j ≠ i."""
    return (overlaps - torch.diag_embed(overlaps.diagonal(dim1=1, dim2=2))).sum(-1)


def shares(above: Tensor, below: Tensor) -> Tensor:
    return above / below.where(above > 0, 1)


def weights_off_kinks(
    draw: Draw, batch: int, instance: int, hidden: int, feature: int, *, signed: bool = False
) -> dict[str, Tensor]:
    """Inputs and weights of a model whose pre-activations all keep away from 0."""
    for _ in range(1000):
        x, gate = draw.normal(batch, instance, feature), draw.normal(batch, instance, feature)
        if not signed:
            x = torch.where(gate > 0, x.abs() % 1, 0)
        args = {"x": x, "W": draw.normal(instance, hidden, feature), "b": draw.normal(instance, feature, scale=0.5)}
        if not batch or float(before_relu(**args).abs().min()) > MARGIN:
            return args
    raise ValueError("no weights away from a kink were found")


def before_relu(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    h = einsum(x, W, "batch i feature, i hidden feature -> batch i hidden")
    return einsum(h, W, "batch i hidden, i hidden feature -> batch i feature") + b
