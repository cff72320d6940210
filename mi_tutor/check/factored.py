"""TransformerLens's FactoredMatrix as an argument and as a result: two factors, whose product is never built whole.

The class is imported when one is made, not before: most exercises have none, and TransformerLens takes seconds to load.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens import FactoredMatrix

BLOCK = 2**17
"""Entries of a product that are looked at together."""
SMALL = 2**20
"""Entries up to which a product may be built whole."""
LARGE = 2**26
"""Entries from which a product is not gone through either, unless something is wrong with it."""


def is_factored(value: Any) -> bool:
    """Whether it is a FactoredMatrix; nothing is imported to find out."""
    module = sys.modules.get("transformer_lens.FactoredMatrix")
    return module is not None and isinstance(value, module.FactoredMatrix)


def factored(A: Tensor, B: Tensor) -> FactoredMatrix:
    """The matrix A @ B, kept as its two factors."""
    from transformer_lens import FactoredMatrix

    return FactoredMatrix(A, B)


def in_factors(value: FactoredMatrix, change: Any) -> FactoredMatrix:
    """The same with both factors changed, as by `torch.Tensor.double`."""
    return factored(change(value.A), change(value.B))


def blocks(value: FactoredMatrix) -> Iterator[Tensor]:
    """The product in double precision, some rows at a time."""
    A, B = value.A.detach().double(), value.B.detach().double()
    for rows in A.split(max(1, BLOCK // max(1, B.shape[-1]))):
        yield rows @ B


def root_mean_square(value: FactoredMatrix) -> float:
    """Of all entries of the product, from the factors' inner products."""
    A, B = value.A.detach().double(), value.B.detach().double()
    total = float(((A.mT @ A) * (B @ B.mT)).sum().clamp(min=0))
    return (total / max(1, A.shape[0] * B.shape[1])) ** 0.5


def whole(value: FactoredMatrix) -> Tensor | None:
    """The product in double precision where it is small; None where it is not."""
    if value.A.shape[0] * value.B.shape[1] > SMALL:
        return None
    return torch.cat([*blocks(value), value.B.new_empty(0, value.B.shape[1], dtype=torch.float64)])
