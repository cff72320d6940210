"""Tensors for CircuitsVis in few bytes: whole thousandths of the largest value, and no zeros above the diagonal."""

from typing import Any

import torch
from torch import Tensor


def packed(values: Tensor) -> dict[str, Any]:
    """The values with three digits, as the page unpacks them; what is not finite becomes 0."""
    finite = values.nan_to_num(0.0, 0.0, 0.0)
    largest = float(finite.abs().max()) or 1.0
    by = float(f"{largest / 999:.3g}")
    below = is_causal(finite)
    kept = finite[..., torch.tril(torch.ones(finite.shape[-2:], dtype=torch.bool))] if below else finite
    numbers = [round(value / by) for value in kept.flatten().tolist()]
    return {"n": numbers, "by": by, "shape": list(values.shape), **({"low": 1} if below else {})}


def is_causal(values: Tensor) -> bool:
    """Whether nothing stands above the diagonal of the last two axes, which are as long as each other."""
    square = values.ndim > 1 and values.shape[-1] == values.shape[-2] > 1
    return square and not bool(values.triu(1).any())
