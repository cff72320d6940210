"""What exercises of this chapter share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


INF = float("inf")


def pair_counts(tokens: Tensor, nexts: Tensor, d_vocab: int) -> Tensor:
    return torch.bincount(tokens * d_vocab + nexts, minlength=d_vocab**2).reshape(d_vocab, d_vocab)


def with_impossible(log_probs: Tensor, row: int, column: int) -> Tensor:
    changed = log_probs.clone()
    changed[row, column] = -INF
    changed[row] = changed[row].log_softmax(-1)
    return changed
