"""What exercises of this chapter share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.check.draw import Draw
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


INF = float("inf")


def random_pattern(draw: Draw, batch: int, head: int, position: int, spread: float = 2.0) -> Tensor:
    scores = draw.normal(batch, head, position, position, scale=spread)
    future = torch.ones(position, position, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -INF).softmax(-1)


def shifted_eye(position: int, back: int) -> Tensor:
    """A pattern that looks `back` positions back, and at the first token where there are none."""
    pattern = torch.zeros(position, position, dtype=torch.float64)
    return pattern.scatter(1, (torch.arange(position) - back).clamp(min=0)[:, None], 1.0)


def diagonal(pattern: Tensor, back: int) -> Tensor:
    return pattern.diagonal(-back, dim1=-2, dim2=-1)


def frobenius(W: Tensor) -> Tensor:
    return W.square().sum().sqrt()


def ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below > 0, above / below, torch.zeros_like(below))
