"""The exercise `one_layer_logits`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.check.exercise import Exercise
from mi_tutor.exercises.ch02_attention_circuits._shared import attention_layers, heads_write

if TYPE_CHECKING:
    from torch import Tensor


def _layer_cases(draw: Draw) -> Iterator[Case]:
    three = _layer(draw, 1, 3, 1, 4, 3, 2)
    yield basic("three tokens, one head", **{**three, "tokens": draw.integers([[2, 0, 3]])})
    yield basic("three tokens, two heads", **_layer(draw, 1, 3, 2, 5, 4, 3))
    yield general("a pattern whose rows do not sum to 1", **_uneven(draw, _layer(draw, 3, 4, 2, 7, 6, 5)))
    for _ in range(3):
        size = draw.sizes("batch", "position", "head", "d_vocab", "d_model", "d_head", low=2, high=9)
        yield general("random weights", **_layer(draw, *size.values()))
    yield general("large embeddings", **_layer(draw, 2, 4, 3, 9, 6, 5, scale=300.0))
    d_vocab = draw.size(500, 700)
    args = _layer(draw, 2, 4, 3, d_vocab, 6, 4)
    yield Case("general", f"a vocabulary of {d_vocab}, watching memory", args, no_table=d_vocab, smooth=False)
    yield edge("one head", **_layer(draw, 2, 5, 1, 7, 4, 3))
    yield edge("one position", **_layer(draw, 3, 1, 2, 7, 4, 3))
    yield edge("one sequence", **_layer(draw, 1, 4, 3, 7, 5, 2))
    yield edge("a d_head of 1", **_layer(draw, 2, 3, 4, 7, 5, 1))
    yield edge("a d_model of 1", **_layer(draw, 2, 3, 4, 7, 1, 5))
    yield edge("a vocabulary of one token", **_layer(draw, 2, 3, 2, 1, 4, 3))
    n = draw.size(3, 4)
    yield edge("sizes that are all the same", **_layer(draw, n, n, n, n, n, n))
    args = _layer(draw, 2, 4, 3, 6, 5, 2)
    yield edge("a pattern of zeros", **{**args, "pattern": args["pattern"] * 0})
    yield large_table(draw, lambda d_vocab: _layer(draw, 2, 4, 3, d_vocab, 6, 4))
    yield edge("one head and a pattern whose rows do not sum to 1", **_uneven(draw, _layer(draw, 2, 5, 1, 6, 4, 3)))
    yield edge("a token that repeats", **{**args, "tokens": draw.integers([[3, 3, 1, 3], [0, 0, 0, 0]])})
    yield edge("heads that write nothing", **{**args, "W_O": args["W_O"] * 0})


def _layer(draw: Draw, *sizes: int, scale: float = 1.0) -> dict[str, Tensor]:
    """One layer: the sizes of `attention_layers` but the first."""
    drawn = attention_layers(draw, 1, *sizes, scale=scale)
    of_layer = {name: drawn[name][0] for name in ("W_V", "W_O")}
    return {
        "tokens": drawn["tokens"],
        "pattern": drawn["patterns"][0],
        "W_E": drawn["W_E"],
        **of_layer,
        "W_U": drawn["W_U"],
    }


def _uneven(draw: Draw, args: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with every row of the pattern multiplied by a number of its own."""
    pattern = args["pattern"]
    return {**args, "pattern": pattern * (1 + draw.normal(*pattern.shape[:-1], 1).abs())}


def direct_path_left_out(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The direct path is missing: the current token's own embedding goes to the unembedding, too. Heads add to the stream,
    they do not replace it."""
    return heads_write(W_E[tokens], pattern, W_V, W_O) @ W_U


def heads_left_out(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """This is the direct path alone, the zero-layer model of chapter 01: add what the heads write."""
    return W_E[tokens] @ W_U


def direct_path_once_a_head(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """The direct path is counted once for every head: the embedding is in the stream once."""
    x = W_E[tokens]
    return (len(W_V) * x + heads_write(x, pattern, W_V, W_O)) @ W_U


def pattern_transposed(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The pattern is read the wrong way round: its rows are queries, where the information arrives, and its columns are
    keys, which are summed over."""
    x = W_E[tokens]
    return (x + heads_write(x, pattern.mT, W_V, W_O)) @ W_U


def values_of_the_query(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Each position gets its own token back, whatever it attends to: what is moved are the values of the keys, the source
    tokens."""
    x = W_E[tokens]
    v = einsum(x, W_V, "b query m, h m d -> b query h d")
    z = einsum(pattern, v, "b h query key, b query h d -> b query h d")
    return (x + einsum(z, W_O, "b query h d, h d m -> b query m")) @ W_U


def heads_averaged(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The heads' outputs are averaged: they add up."""
    x = W_E[tokens]
    return (x + heads_write(x, pattern, W_V, W_O) / len(W_V)) @ W_U


def one_pattern_for_all(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Every head uses the first head's pattern: head h looks with `pattern[:, h]`."""
    x = W_E[tokens]
    return (x + heads_write(x, pattern[:, :1].expand_as(pattern), W_V, W_O)) @ W_U


def heads_mixed(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Patterns, values and outputs of different heads are mixed: each is summed over heads before the next is multiplied.
    Head h uses its own three all the way; only what the heads have written is summed."""
    x = W_E[tokens]
    return (x + pattern.sum(1) @ (x @ W_V.sum(0)) @ W_O.sum(0)) @ W_U


def softmax_of_a_pattern(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A softmax is taken of the pattern, which has been through one already: use it as it is."""
    x = W_E[tokens]
    return (x + heads_write(x, pattern.softmax(-1), W_V, W_O)) @ W_U


def rows_made_to_sum_to_one(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """The pattern's rows are divided by their sums. It is used as it is given, also where somebody has changed it."""
    x = W_E[tokens]
    return (x + heads_write(x, pattern / pattern.sum(-1, keepdim=True), W_V, W_O)) @ W_U


def one_head_after_another(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """Each head reads what the one before it has written. Heads of one layer all read the same stream, the embeddings; that
    would be a layer for each head."""
    x = W_E[tokens]
    for head in range(len(W_V)):
        x = x + heads_write(x, pattern[:, head : head + 1], W_V[head : head + 1], W_O[head : head + 1])
    return x @ W_U


def circuit_built_whole(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The OV circuits are built for the whole vocabulary, d_vocab × d_vocab, to look a few rows up. Look the tokens up in W_E
    first; then every product is small."""
    logits = W_E[tokens] @ W_U
    for head in range(len(W_V)):
        logits = logits + pattern[:, head] @ (W_E @ W_V[head] @ W_O[head] @ W_U)[tokens]
    return logits


def layer_cut_from_the_graph(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """The logits are right, but the pattern gets no gradient: it is detached on the way."""
    x = W_E[tokens]
    return (x + heads_write(x, pattern.detach(), W_V, W_O)) @ W_U


exercise = Exercise(
    __name__,
    further="Replace one earlier token and use the old `pattern` again. Which effects of the replacement on the last position do your logits show, and which do they miss?",
    cases=_layer_cases,
    gradients=("pattern", "W_E", "W_V", "W_O", "W_U"),
    bf16=True,
    wrong=(
        direct_path_left_out,
        heads_left_out,
        direct_path_once_a_head,
        pattern_transposed,
        values_of_the_query,
        heads_averaged,
        one_pattern_for_all,
        heads_mixed,
        softmax_of_a_pattern,
        rows_made_to_sum_to_one,
        one_head_after_another,
        circuit_built_whole,
        layer_cut_from_the_graph,
    ),
    hints=(
        "Follow one token through the model. What is in the stream before the layer, what does each head add to it, and where "
        "does the sum go?",
        "`x = W_E[tokens]`. Values are `x` through each head's W_V; z is their sum over keys, weighted by the pattern; W_O[head] "
        "turns z into what the head writes.",
        'Three einsums: "batch key d_model, head d_model d_head -> batch key head d_head" for the values; "batch head query '
        'key, batch key head d_head -> batch query head d_head" for z; "batch query head d_head, head d_head d_model -> '
        'batch query d_model" for what all heads write together.',
        "The answer is `(x + written) @ W_U`.",
    ),
)
