"""The exercise `path_expansion_terms`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch02_attention_circuits._shared import attention_layers, heads_write

if TYPE_CHECKING:
    from torch import Tensor


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic("two layers of one head, three tokens", **attention_layers(draw, 2, 1, 3, 1, 4, 3, 2))
    yield basic("two layers of two heads", **attention_layers(draw, 2, 1, 3, 2, 5, 4, 3))
    for _ in range(3):
        size = draw.sizes("batch", "position", "head", "d_vocab", "d_model", "d_head", low=2, high=8)
        yield general("random weights, two layers", **attention_layers(draw, 2, *size.values()))
    yield general("three layers", **attention_layers(draw, 3, 2, 4, 2, 7, 6, 3))
    uneven = attention_layers(draw, 2, 3, 5, 2, 7, 6, 4)
    rows = 1 + draw.normal(*uneven["patterns"].shape[:-1], 1).abs()
    yield general("patterns whose rows do not sum to 1", **{**uneven, "patterns": uneven["patterns"] * rows})
    yield general("large embeddings", **attention_layers(draw, 2, 2, 4, 3, 9, 6, 5, scale=300.0))
    yield edge("one layer", **attention_layers(draw, 1, 2, 4, 3, 7, 5, 2))
    yield edge("four layers of one head", **attention_layers(draw, 4, 2, 3, 1, 6, 5, 2))
    yield edge("one position", **attention_layers(draw, 2, 3, 1, 2, 7, 4, 3))
    yield edge("one sequence", **attention_layers(draw, 2, 1, 4, 3, 7, 5, 2))
    yield edge("a d_head of 1", **attention_layers(draw, 2, 2, 3, 4, 7, 5, 1))
    yield edge("a d_model of 1", **attention_layers(draw, 2, 2, 3, 4, 7, 1, 5))
    yield edge("sizes of 2 throughout", **attention_layers(draw, 2, 2, 2, 2, 2, 2, 2))
    args = attention_layers(draw, 2, 2, 4, 3, 6, 5, 2)
    for which, looks in (("first", [0.0, 1.0]), ("last", [1.0, 0.0])):
        kept = args["patterns"] * draw.of(looks)[:, None, None, None, None]
        yield edge(f"a {which} layer that looks at nothing", **{**args, "patterns": kept})


def _expanded(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    streams = [W_E[tokens]] + len(patterns) * [torch.zeros_like(W_E[tokens])]
    for layer in zip(patterns, W_V, W_O, strict=True):
        written = [heads_write(x, *layer) for x in streams[:-1]]
        streams = [streams[0], *(old + new for old, new in zip(streams[1:], written, strict=True))]
    return torch.stack(streams) @ W_U


def sums_up_to_an_order(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """These are running sums: entry k holds all orders up to k. Each order by itself is asked for, so that all of them
    together are the logits."""
    return _expanded(tokens, patterns, W_E, W_V, W_O, W_U).cumsum(0)


def terms_by_layer(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Entry k is what layer k - 1 wrote. A head of a late layer that reads an embedding is a path of one head as well, so it
    belongs to order 1."""
    stream, parts = W_E[tokens], [W_E[tokens]]
    for layer in zip(patterns, W_V, W_O, strict=True):
        parts.append(heads_write(stream, *layer))
        stream = stream + parts[-1]
    return torch.stack(parts) @ W_U


def layer_reads_itself(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A layer reads what it has just written itself: an order is updated before the next one is made from it. All heads of a
    layer read the stream as it was before the layer."""
    streams = [W_E[tokens]] + len(patterns) * [torch.zeros_like(W_E[tokens])]
    for layer in zip(patterns, W_V, W_O, strict=True):
        for order in range(len(patterns)):
            streams[order + 1] = streams[order + 1] + heads_write(streams[order], *layer)
    return torch.stack(streams) @ W_U


def only_the_layer_before(
    tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """Each layer reads only what the one before it wrote. The embedding stays in the stream: every later head reads it too,
    and what it makes of it belongs to order 1."""
    parts = [W_E[tokens]]
    for layer in zip(patterns, W_V, W_O, strict=True):
        parts.append(heads_write(parts[-1], *layer))
    return torch.stack(parts) @ W_U


def late_before_early(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The layers come in the wrong order: a path goes through an early head first, and a later one reads what that wrote."""
    return _expanded(tokens, patterns.flip(0), W_E, W_V.flip(0), W_O.flip(0), W_U)


def pattern_transposed(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The patterns are read the wrong way round: rows are queries, where what is moved arrives; columns are keys, which are
    summed over."""
    return _expanded(tokens, patterns.mT, W_E, W_V, W_O, W_U)


def first_pattern_throughout(
    tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """Every layer looks with the first one's patterns: layer l has `patterns[l]`."""
    return _expanded(tokens, patterns[:1].expand_as(patterns), W_E, W_V, W_O, W_U)


def heads_averaged(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The heads of a layer are averaged: what they write is added up."""
    return _expanded(tokens, patterns, W_E, W_V, W_O / W_O.shape[1], W_U)


def rows_made_to_sum_to_one(
    tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """The rows of the patterns are divided by their sums: they are used as they are given."""
    return _expanded(tokens, patterns / patterns.sum(-1, keepdim=True), W_E, W_V, W_O, W_U)


def orders_summed(tokens: Tensor, patterns: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The orders are added up, which gives the logits: one entry an order is asked for."""
    return _expanded(tokens, patterns, W_E, W_V, W_O, W_U).sum(0)


exercise = Exercise(
    __name__,
    further="With the patterns frozen the orders add up exactly. What do they leave out of the question where a head looks?",
    cases=_cases,
    wrong=(
        sums_up_to_an_order,
        terms_by_layer,
        layer_reads_itself,
        only_the_layer_before,
        late_before_early,
        pattern_transposed,
        first_pattern_throughout,
        heads_averaged,
        rows_made_to_sum_to_one,
        orders_summed,
    ),
    hints=(
        "Take two layers and one head in each, and write down every way from a token to the logits. Through how many heads does "
        "each go? Which of them begin with the second layer's head?",
        "Keep one stream for every order instead of one for all. Before the first layer only order 0 has anything in it. What "
        "does a layer make of order k, and to which order does that belong?",
        "A layer reads all orders as they were before it, then adds. Working from the highest order down, or with a new list, "
        "none is changed before it has been read.",
        "`streams = [W_E[tokens]] + n_layers * [zeros]`; for each layer `written = [heads(x) for x in streams]`, where `heads` is "
        "that of `one_layer_logits`, then `streams[k + 1] += written[k]` for every k; at the end `torch.stack(streams) @ W_U`.",
    ),
)
