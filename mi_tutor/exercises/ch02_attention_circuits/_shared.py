"""What exercises of this chapter share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


INF = float("inf")


def causal(scores: Tensor, fill: float = -INF) -> Tensor:
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), fill)


def ov_weights(draw: Draw, d_vocab: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Tensor]:
    return {
        "W_E": draw.normal(d_vocab, d_model, scale=scale),
        "W_V": draw.normal(d_model, d_head),
        "W_O": draw.normal(d_head, d_model),
        "W_U": draw.normal(d_model, d_vocab),
    }


def attention_layers(
    draw: Draw,
    layer: int,
    batch: int,
    position: int,
    head: int,
    d_vocab: int,
    d_model: int,
    d_head: int,
    *,
    scale: float = 1.0,
) -> dict[str, Tensor]:
    """Tokens and so many layers of an attention-only model with its patterns given."""
    scores = draw.normal(layer, batch, head, position, position, scale=2.0)
    return {
        "tokens": draw.ids((batch, position), d_vocab),
        "patterns": causal(scores).softmax(-1),
        "W_E": draw.normal(d_vocab, d_model, scale=scale),
        "W_V": draw.normal(layer, head, d_model, d_head),
        "W_O": draw.normal(layer, head, d_head, d_model),
        "W_U": draw.normal(d_model, d_vocab),
    }


def heads_write(x: Tensor, pattern: Tensor, W_V: Tensor, W_O: Tensor) -> Tensor:
    """What the heads of a layer together add to the stream [batch position d_model]."""
    v = einsum(x, W_V, "b key m, h m d -> b key h d")
    z = einsum(pattern, v, "b h query key, b key h d -> b query h d")
    return einsum(z, W_O, "b query h d, h d m -> b query m")


def circuit_cases(weights: Callable[..., dict[str, Tensor]], zeroed: str, nothing: str, draw: Draw) -> Iterator[Case]:
    """The cases of a full circuit whose matrices `weights` draws; with the one named `zeroed` at zero it is `nothing`."""
    yield basic("five tokens", **weights(draw, 5, 4, 2))
    for _ in range(2):
        d_head, d_model, d_vocab = sorted(draw.sizes("d_head", "d_model", "d_vocab", low=2, high=16).values())
        yield general("random weights", **weights(draw, d_vocab, d_model, d_head))
    yield general("a head wider than the stream", **weights(draw, 9, 3, 5))
    yield general("large embeddings", **weights(draw, 11, 7, 4, scale=100.0))
    d_vocab = draw.size(500, 700)
    yield Case(
        "general", f"a vocabulary of {d_vocab}, watching memory", weights(draw, d_vocab, 12, 4), no_table=d_vocab
    )
    yield edge("a d_head of 1", **weights(draw, 6, 4, 1))
    yield edge("a d_model of 1", **weights(draw, 6, 1, 2))
    yield edge("a vocabulary smaller than the head", **weights(draw, 2, 5, 4))
    yield edge("a vocabulary of one token", **weights(draw, 1, 4, 2))
    yield edge("sizes of 3 throughout", **weights(draw, 3, 3, 3))
    silent = weights(draw, 7, 5, 3)
    yield edge(nothing, **{**silent, zeroed: silent[zeroed] * 0})
    yield large_table(draw, lambda d_vocab: weights(draw, d_vocab, 12, 4))
