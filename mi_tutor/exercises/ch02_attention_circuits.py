"""Chapter 02: what one-layer attention computes, its QK and OV circuits, skip-trigrams, copying, what heads write."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from einops import einsum
from torch import Tensor

from mi_tutor.check.compare import Problem, near
from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.factored import factored

if TYPE_CHECKING:
    from transformer_lens import FactoredMatrix

SOLUTIONS = "ch02_attention_circuits"
INF = float("inf")


# --- attention_pattern -----------------------------------------------------------------------------------------------


def _pattern_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three positions, one head", q=draw.normal(1, 3, 1, 4), k=draw.normal(1, 3, 1, 4))
    for spread in (1.0, 1.5, 2.0):
        size = draw.sizes("batch", "position", "head", "d_head", low=2, high=9)
        yield general("random queries and keys", **_queries_and_keys(draw, **size, spread=spread))
    yield general("a wide head", **_queries_and_keys(draw, 2, 5, 3, 32, spread=0.8))
    yield edge("one head", **_queries_and_keys(draw, 2, 5, 1, 3))
    yield edge("one position", **_queries_and_keys(draw, 3, 1, 2, 4))
    yield edge("one sequence", **_queries_and_keys(draw, 1, 4, 3, 2))
    yield edge("a d_head of 1", **_queries_and_keys(draw, 2, 6, 3, 1))
    n = draw.size(3, 5)
    yield edge("as many positions as heads, sequences and dimensions", **_queries_and_keys(draw, n, n, n, n))
    yield edge("an empty batch", **_queries_and_keys(draw, 0, 4, 3, 2))
    # Whole numbers and a d_head of 4, so that no rounding decides which of two large scores is larger.
    for unit, what in ((1e3, "thousands"), (1e6, "millions"), (1e12, "thousands of billions")):
        yield edge(f"scores of {what}", **_far_apart(draw, unit))
    low = _far_apart(draw, 1e12)
    yield edge("scores that are all far below zero", q=low["q"].abs(), k=low["k"] - 10)
    later = torch.arange(1.0, 7.0)[None, :, None, None].expand(1, 6, 2, 4)
    yield edge("later keys that score higher by hundreds", q=draw.of(torch.ones(1, 6, 2, 4)), k=draw.of(300 * later))


def _queries_and_keys(
    draw: Draw, batch: int, position: int, head: int, d_head: int, spread: float = 1.5
) -> dict[str, Tensor]:
    shape = batch, position, head, d_head
    return {"q": draw.normal(*shape, scale=spread), "k": draw.normal(*shape)}


def _far_apart(draw: Draw, size: float) -> dict[str, Tensor]:
    """Scores that are different whole multiples of `size` for every key of a query."""
    batch, position, head = 2, 5, 3
    only_one = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    order = draw.ids((batch, head, position), 2**30).argsort(-1).mT.cpu() - 2
    sign = 2 * draw.ids((batch, position, head), 2).cpu() - 1
    return {"q": draw.of(sign[..., None] * only_one * size), "k": draw.of(order[..., None] * only_one)}


def _scores(q: Tensor, k: Tensor) -> Tensor:
    return einsum(q, k, "b query h d, b key h d -> b h query key") / q.shape[-1] ** 0.5


def _causal(scores: Tensor, fill: float = -INF) -> Tensor:
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), fill)


def not_scaled(q: Tensor, k: Tensor) -> Tensor:
    """The scores are not scaled: divide them by √d_head before the softmax, or wide heads become too sharp."""
    return _causal(einsum(q, k, "b query h d, b key h d -> b h query key")).softmax(-1)


def scaled_by_the_width(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by d_head: its square root is asked for."""
    return _causal(einsum(q, k, "b query h d, b key h d -> b h query key") / q.shape[-1]).softmax(-1)


def scaled_by_the_width_of_all_heads(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by the square root of all heads' dimensions together. Each head is scaled by its own
    width, √d_head."""
    return _causal(_scores(q, k) / q.shape[2] ** 0.5).softmax(-1)


def scaled_by_the_positions(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by the square root of the number of positions, axis 1 of q. What makes a dot product grow is the
    number of terms in it: √d_head, the last axis."""
    return _causal(einsum(q, k, "b query h d, b key h d -> b h query key") / q.shape[1] ** 0.5).softmax(-1)


def future_seen(q: Tensor, k: Tensor) -> Tensor:
    """Positions attend to later ones, too: position i may look at 0 … i only. Set the other scores to -inf before the
    softmax."""
    return _scores(q, k).softmax(-1)


def past_hidden(q: Tensor, k: Tensor) -> Tensor:
    """The mask is the wrong way round: position i looks at itself and what comes after it. `triu(1)` marks the entries that
    have to go."""
    scores = _scores(q, k)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).tril(-1), -INF).softmax(-1)


def itself_hidden(q: Tensor, k: Tensor) -> Tensor:
    """A position cannot attend to itself here, so the first has nothing to look at and its row is NaN. The diagonal stays:
    mask with `triu(1)`, not `triu(0)`."""
    scores = _scores(q, k)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(0), -INF).softmax(-1)


def masked_after_the_softmax(q: Tensor, k: Tensor) -> Tensor:
    """The future is cut away after the softmax, so rows no longer sum to 1: mask the scores, before it."""
    return _scores(q, k).softmax(-1).tril()


def masked_with_zero(q: Tensor, k: Tensor) -> Tensor:
    """Future scores are set to 0, but a score of 0 still gets attention, since e⁰ is 1. The score that gets none is -inf."""
    return _scores(q, k).tril().softmax(-1)


def mask_multiplied_with_infinity(q: Tensor, k: Tensor) -> Tensor:
    """The mask is ones and zeros times -inf, and 0 · (-inf) is NaN wherever nothing was to be masked. Make the mask Boolean,
    `torch.ones(n, n, dtype=torch.bool).triu(1)`, and use `masked_fill` or `torch.where`."""
    scores = _scores(q, k)
    return (scores + torch.ones_like(scores).triu(1) * -INF).softmax(-1)


def masked_with_a_hundred(q: Tensor, k: Tensor) -> Tensor:
    """The future's scores are set to a finite number such as -100. Where the real scores lie below it, the future gets all the
    attention: a finite number can be outbid, -inf cannot."""
    return _causal(_scores(q, k), -100.0).softmax(-1)


def masked_with_a_large_number(q: Tensor, k: Tensor) -> Tensor:
    """The future's scores are set to a large negative number such as -1e5. Where the real scores lie below it, it wins the
    softmax: use -inf."""
    return _causal(_scores(q, k), -1e5).softmax(-1)


def masked_with_a_billion(q: Tensor, k: Tensor) -> Tensor:
    """-1e9 is a finite score like others: where all real ones lie below it, the future gets all the attention. Use
    -inf."""
    return _causal(_scores(q, k), -1e9).softmax(-1)


def divided_by_the_rest(q: Tensor, k: Tensor) -> Tensor:
    """The softmax over all positions is cut off and divided by what is left. Where a later key scores higher by hundreds,
    nothing is left and this is 0/0: mask the scores, before the softmax."""
    cut = _scores(q, k).softmax(-1).tril()
    return cut / cut.sum(-1, keepdim=True)


def exponentials_overflow(q: Tensor, k: Tensor) -> Tensor:
    """The exponential of a score of a hundred is infinite in float32. `softmax` subtracts the largest score first."""
    powers = _scores(q, k).exp().tril()
    return powers / powers.sum(-1, keepdim=True)


def normalised_over_queries(q: Tensor, k: Tensor) -> Tensor:
    """Columns sum to 1 here: each query shares out its attention among the keys, so the softmax runs over the last
    axis."""
    scores = _scores(q, k)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -1e30).softmax(-2).tril()


def queries_and_keys_exchanged(q: Tensor, k: Tensor) -> Tensor:
    """Queries and keys have changed places: rows belong to queries, so it is q times the transpose of k."""
    return _causal(_scores(k, q)).softmax(-1)


def positions_before_heads(q: Tensor, k: Tensor) -> Tensor:
    """The axes come out as [batch, query, head, key]: the head goes before both positions."""
    return _causal(_scores(q, k)).softmax(-1).transpose(1, 2)


def heads_attend_to_heads(q: Tensor, k: Tensor) -> Tensor:
    """`q @ k.transpose(-1, -2)` compares the heads of one position with each other, since the last axes are [head, d_head].
    Bring the positions there first, or name the axes in an einsum."""
    return _causal(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)


def scores_without_a_softmax(q: Tensor, k: Tensor) -> Tensor:
    """These are scores; a softmax over the keys is missing."""
    return _scores(q, k).tril()


def pattern_cut_from_the_graph(q: Tensor, k: Tensor) -> Tensor:
    """The pattern is right, but no gradient reaches q and k: something on the way detaches them."""
    return _causal(_scores(q, k)).softmax(-1).detach()


attention_pattern = Exercise(
    name="attention_pattern",
    solutions=SOLUTIONS,
    cases=_pattern_cases,
    gradients=("q", "k"),
    bf16=True,
    wrong=(
        not_scaled,
        scaled_by_the_width,
        scaled_by_the_width_of_all_heads,
        scaled_by_the_positions,
        future_seen,
        past_hidden,
        itself_hidden,
        masked_after_the_softmax,
        masked_with_zero,
        mask_multiplied_with_infinity,
        masked_with_a_hundred,
        masked_with_a_large_number,
        masked_with_a_billion,
        divided_by_the_rest,
        exponentials_overflow,
        normalised_over_queries,
        queries_and_keys_exchanged,
        positions_before_heads,
        heads_attend_to_heads,
        scores_without_a_softmax,
        pattern_cut_from_the_graph,
    ),
    hints=(
        "Three steps: compare every query with every key, forbid the future, share out. Which of them changes the shape, and "
        "from which axes to which?",
        'The scores are `einsum(q, k, "batch query head d_head, batch key head d_head -> batch head query key")`, divided by '
        "√d_head.",
        "`torch.ones(n, n, dtype=torch.bool, device=q.device).triu(1)` is True where the key comes after the query. Which "
        "score gets exactly 0 from a softmax?",
        '`scores.masked_fill(future, float("-inf")).softmax(-1)`.',
    ),
)


# --- one_layer_logits ------------------------------------------------------------------------------------------------


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


def _layer(
    draw: Draw,
    batch: int,
    position: int,
    head: int,
    d_vocab: int,
    d_model: int,
    d_head: int,
    scale: float = 1.0,
) -> dict[str, Tensor]:
    scores = draw.normal(batch, head, position, position, scale=2.0)
    return {
        "tokens": draw.ids((batch, position), d_vocab),
        "pattern": _causal(scores).softmax(-1),
        "W_E": draw.normal(d_vocab, d_model, scale=scale),
        "W_V": draw.normal(head, d_model, d_head),
        "W_O": draw.normal(head, d_head, d_model),
        "W_U": draw.normal(d_model, d_vocab),
    }


def _uneven(draw: Draw, args: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same with every row of the pattern multiplied by a number of its own."""
    pattern = args["pattern"]
    return {**args, "pattern": pattern * (1 + draw.normal(*pattern.shape[:-1], 1).abs())}


def _heads(x: Tensor, pattern: Tensor, W_V: Tensor, W_O: Tensor) -> Tensor:
    v = einsum(x, W_V, "b key m, h m d -> b key h d")
    z = einsum(pattern, v, "b h query key, b key h d -> b query h d")
    return einsum(z, W_O, "b query h d, h d m -> b query m")


def direct_path_left_out(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The direct path is missing: the current token's own embedding goes to the unembedding, too. Heads add to the stream,
    they do not replace it."""
    return _heads(W_E[tokens], pattern, W_V, W_O) @ W_U


def heads_left_out(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """This is the direct path alone, the zero-layer model of chapter 01: add what the heads write."""
    return W_E[tokens] @ W_U


def direct_path_once_a_head(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """The direct path is counted once for every head: the embedding is in the stream once."""
    x = W_E[tokens]
    return (len(W_V) * x + _heads(x, pattern, W_V, W_O)) @ W_U


def pattern_transposed(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The pattern is read the wrong way round: its rows are queries, where the information arrives, and its columns are
    keys, which are summed over."""
    x = W_E[tokens]
    return (x + _heads(x, pattern.mT, W_V, W_O)) @ W_U


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
    return (x + _heads(x, pattern, W_V, W_O) / len(W_V)) @ W_U


def one_pattern_for_all(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Every head uses the first head's pattern: head h looks with `pattern[:, h]`."""
    x = W_E[tokens]
    return (x + _heads(x, pattern[:, :1].expand_as(pattern), W_V, W_O)) @ W_U


def heads_mixed(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Patterns, values and outputs of different heads are mixed: each is summed over heads before the next is multiplied.
    Head h uses its own three all the way; only what the heads have written is summed."""
    x = W_E[tokens]
    return (x + pattern.sum(1) @ (x @ W_V.sum(0)) @ W_O.sum(0)) @ W_U


def softmax_of_a_pattern(tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A softmax is taken of the pattern, which has been through one already: use it as it is."""
    x = W_E[tokens]
    return (x + _heads(x, pattern.softmax(-1), W_V, W_O)) @ W_U


def rows_made_to_sum_to_one(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """The pattern's rows are divided by their sums. It is used as it is given, also where somebody has changed it."""
    x = W_E[tokens]
    return (x + _heads(x, pattern / pattern.sum(-1, keepdim=True), W_V, W_O)) @ W_U


def one_head_after_another(
    tokens: Tensor, pattern: Tensor, W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor
) -> Tensor:
    """Each head reads what the one before it has written. Heads of one layer all read the same stream, the embeddings; that
    would be a layer for each head."""
    x = W_E[tokens]
    for head in range(len(W_V)):
        x = x + _heads(x, pattern[:, head : head + 1], W_V[head : head + 1], W_O[head : head + 1])
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
    return (x + _heads(x, pattern.detach(), W_V, W_O)) @ W_U


one_layer_logits = Exercise(
    name="one_layer_logits",
    solutions=SOLUTIONS,
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


# --- ov_circuit ------------------------------------------------------------------------------------------------------


def _ov_weights(draw: Draw, d_vocab: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Tensor]:
    return {
        "W_E": draw.normal(d_vocab, d_model, scale=scale),
        "W_V": draw.normal(d_model, d_head),
        "W_O": draw.normal(d_head, d_model),
        "W_U": draw.normal(d_model, d_vocab),
    }


def _circuit_cases(weights: Callable[..., dict[str, Tensor]], zeroed: str, nothing: str, draw: Draw) -> Iterator[Case]:
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


def sources_and_outputs_exchanged(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """Rows and columns are exchanged: a row for each source token, a column for each output token."""
    return factored((W_O @ W_U).mT, (W_E @ W_V).mT)


def ov_ends_inside_the_stream(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """The two factors meet in the residual stream, so the inner dimension is d_model. Cut at the head, where the product is
    narrowest: everything up to W_V in one factor, everything from W_O on in the other."""
    return factored(W_E @ W_V @ W_O, W_U)


def unembedding_left_out(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """This ends in the residual stream: go on to logits with W_U, so that columns are output tokens."""
    return factored(W_E @ W_V, W_O)


def embedding_left_out(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """This begins in the residual stream: begin at the tokens with W_E, so that rows are source tokens."""
    return factored(W_V, W_O @ W_U)


def embedding_for_unembedding(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """The output is read off with the embedding, transposed: this model has an unembedding of its own, W_U."""
    return factored(W_E @ W_V, W_O @ W_E.mT)


def value_and_output_exchanged(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """W_V and W_O have changed places, transposed so that they fit. A head reads the stream with W_V and writes to it with
    W_O."""
    return factored(W_E @ W_O.mT, W_V.mT @ W_U)


def direct_path_added(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """The direct path W_E W_U is in it as well: the OV circuit is only what the head writes."""
    return factored(torch.cat([W_E @ W_V, W_E], dim=1), torch.cat([W_O @ W_U, W_U]))


def ov_scaled(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """It is divided by √d_head: that belongs to attention scores. What is moved is moved as it is."""
    return factored(W_E @ W_V / W_V.shape[-1] ** 0.5, W_O @ W_U)


def outputs_centred(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """The mean over output tokens is taken out of each row: nothing is centred here."""
    return factored(W_E @ W_V, W_O @ (W_U - W_U.mean(-1, keepdim=True)))


def ov_embeddings_normalised(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """The embeddings are brought to length 1 first: W_E is used as it is given."""
    return factored(W_E / W_E.norm(dim=-1, keepdim=True) @ W_V, W_O @ W_U)


def ov_through_the_table(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> "FactoredMatrix":
    """The whole d_vocab × d_vocab table is built and then taken apart again. Its factors lie before you: W_E W_V is one."""
    table = (W_E @ W_V @ W_O @ W_U).float()
    U, S, Vh = torch.linalg.svd(table, full_matrices=False)
    kept = min(W_V.shape[-1], len(S))
    return factored((U * S)[:, :kept].to(W_E.dtype), Vh[:kept].to(W_E.dtype))


ov_circuit = Exercise(
    name="ov_circuit",
    solutions=SOLUTIONS,
    cases=partial(_circuit_cases, _ov_weights, "W_V", "a head that reads nothing"),
    bf16=True,
    wrong=(
        sources_and_outputs_exchanged,
        ov_ends_inside_the_stream,
        unembedding_left_out,
        embedding_left_out,
        embedding_for_unembedding,
        value_and_output_exchanged,
        direct_path_added,
        ov_scaled,
        outputs_centred,
        ov_embeddings_normalised,
        ov_through_the_table,
    ),
    hints=(
        "Follow a source token: its embedding, what the head reads of it, what the head writes, the logits. These are four "
        "matrices in a row.",
        "The product of the four is [d_vocab, d_vocab] and is not to be made. Where in the row is it narrowest?",
        "`FactoredMatrix(A, B)` stands for A @ B. With A ending and B beginning at the head, A is [d_vocab, d_head]: "
        "`A = W_E @ W_V`. What is left over is B.",
    ),
)


# --- qk_circuit ------------------------------------------------------------------------------------------------------


def _qk_weights(draw: Draw, d_vocab: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Tensor]:
    return {
        "W_E": draw.normal(d_vocab, d_model, scale=scale),
        "W_Q": draw.normal(d_model, d_head),
        "W_K": draw.normal(d_model, d_head),
    }


def keys_in_rows(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """Queries and keys are exchanged: a row for each query token, a column for each key token."""
    return factored(W_E @ W_K, (W_E @ W_Q).mT)


def qk_scaled(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """It is divided by √d_head: the circuit is asked for unscaled."""
    return factored(W_E @ W_Q / W_Q.shape[-1] ** 0.5, (W_E @ W_K).mT)


def keys_made_by_the_query_matrix(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """Both sides use W_Q: queries are made by W_Q, keys by W_K."""
    return factored(W_E @ W_Q, (W_E @ W_Q).mT)


def queries_made_by_the_key_matrix(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """Both sides use W_K: queries are made by W_Q, keys by W_K."""
    return factored(W_E @ W_K, (W_E @ W_K).mT)


def qk_starts_inside_the_stream(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """The two factors meet in the residual stream, so the inner dimension is d_model. Queries are one factor, W_E W_Q, and
    keys the other: then they meet at the head."""
    return factored(W_E, W_Q @ (W_E @ W_K).mT)


def keys_not_transposed(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """A transpose is missing: every query with every key is the queries times the transpose of the keys,
    `(W_E @ W_Q) @ (W_E @ W_K).T`."""
    return factored(W_E @ W_Q, W_E @ W_K)


def key_matrix_not_transposed(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """The keys' factor is W_Kᵀ W_Eᵀ, the transpose of W_E W_K: W_K has to be transposed, too."""
    return factored(W_E @ W_Q, W_K @ W_E.mT)


def query_matrix_times_key_matrix(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """Between the tokens stands W_Q W_Kᵀ: W_K has to be transposed, so that queries and keys meet at the head."""
    return factored(W_E @ W_Q @ W_K, W_E.mT)


def keys_in_the_stream(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """The key side ends in the residual stream: W_E stands on both sides, since keys are tokens, too."""
    return factored(W_E @ W_Q, W_K.mT)


def tokens_left_out(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """This compares directions of the residual stream, not tokens: W_E stands on both sides."""
    return factored(W_Q, W_K.mT)


def keys_centred(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """The mean over key tokens is taken out of each row. A softmax would not notice, but the circuit is asked for as it
    is."""
    k = W_E @ W_K
    return factored(W_E @ W_Q, (k - k.mean(0)).mT)


def qk_embeddings_normalised(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """The embeddings are brought to length 1 first: W_E is used as it is given."""
    unit = W_E / W_E.norm(dim=-1, keepdim=True)
    return factored(unit @ W_Q, (unit @ W_K).mT)


def qk_through_the_table(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> "FactoredMatrix":
    """The whole d_vocab × d_vocab table is built and then taken apart again. Its factors lie before you: W_E W_Q is one."""
    table = (W_E @ W_Q @ (W_E @ W_K).mT).float()
    U, S, Vh = torch.linalg.svd(table, full_matrices=False)
    kept = min(W_Q.shape[-1], len(S))
    return factored((U * S)[:, :kept].to(W_E.dtype), Vh[:kept].to(W_E.dtype))


qk_circuit = Exercise(
    name="qk_circuit",
    solutions=SOLUTIONS,
    cases=partial(_circuit_cases, _qk_weights, "W_K", "keys that are all zero"),
    bf16=True,
    wrong=(
        keys_in_rows,
        qk_scaled,
        keys_made_by_the_query_matrix,
        queries_made_by_the_key_matrix,
        qk_starts_inside_the_stream,
        keys_not_transposed,
        key_matrix_not_transposed,
        query_matrix_times_key_matrix,
        keys_in_the_stream,
        tokens_left_out,
        keys_centred,
        qk_embeddings_normalised,
        qk_through_the_table,
    ),
    hints=(
        "The score of one query token with one key token is the dot product of a query and a key. What makes each of them "
        "from its token?",
        "All queries at once are `W_E @ W_Q`, all keys `W_E @ W_K`. Every query with every key is one of them times the "
        "transpose of the other.",
        "Both factors end at the head: `FactoredMatrix(queries, keys.T)`, with queries in the rows.",
    ),
)


# --- top_skip_trigrams -----------------------------------------------------------------------------------------------


def _trigram_cases(draw: Draw) -> Iterator[Case]:
    yield basic("six tokens", **_circuits(draw, 6, 2, 2), source=4, k=2)
    yield basic("the first token as source", **_circuits(draw, 7, 3, 2), source=0, k=3)
    for _ in range(3):
        d_vocab = draw.size(9, 30)
        circuits = _circuits(draw, d_vocab, draw.size(2, 6), draw.size(2, 6))
        yield general(
            "random circuits", **circuits, source=draw.size(1, d_vocab - 2), k=draw.size(2, max(2, d_vocab // 3))
        )
    yield general("large scores", **_circuits(draw, 15, 3, 4, scale=1000.0), source=6, k=5)
    for vocabulary in ((500, 600), (600, 700)):
        d_vocab = draw.size(*vocabulary)
        args = {**_circuits(draw, d_vocab, 4, 3), "source": draw.size(0, d_vocab - 1), "k": 5}
        yield Case("general", f"a vocabulary of {d_vocab}, watching memory", args, no_table=d_vocab)
    circuits = _circuits(draw, 8, 3, 3)
    yield edge("k = 1", **circuits, source=3, k=1)
    yield edge("k = d_vocab", **circuits, source=5, k=8)
    yield edge("the last token as source", **circuits, source=7, k=3)
    yield edge("a vocabulary of one token", **_circuits(draw, 1, 2, 2), source=0, k=1)
    yield edge("inner dimensions of 1", **_circuits(draw, 9, 1, 1), source=2, k=4)
    n = 5
    copying = draw.of(torch.eye(n) + torch.arange(n) / 100)
    same = factored(copying, draw.of(torch.eye(n)))
    yield edge("a source among its own destinations and outputs", ov=same, qk=same, source=2, k=2)
    below = factored(-draw.normal(n, 1).abs() - 0.1, draw.normal(1, n).abs() + 0.1)
    yield edge("entries that are all below zero", ov=below, qk=below, source=1, k=3)
    tied = factored(draw.of([[1.0], [1.0], [2.0], [2.0], [0.0]]), draw.of([[1.0, 3.0, 3.0, 1.0, 0.0]]))
    yield edge("equal scores", ov=tied, qk=tied, source=1, k=3)
    yield large_table(
        draw, lambda d_vocab: {**_circuits(draw, d_vocab, 4, 3), "source": draw.size(0, d_vocab - 1), "k": 5}
    )


def _circuits(draw: Draw, d_vocab: int, ov: int, qk: int, scale: float = 1.0) -> dict[str, Any]:
    return {
        "ov": draw.factored(d_vocab, ov, d_vocab, scale=scale),
        "qk": draw.factored(d_vocab, qk, d_vocab, scale=scale),
    }


def _outputs_of(ov: "FactoredMatrix", source: int) -> Tensor:
    return ov.A[source] @ ov.B


def _destinations_of(qk: "FactoredMatrix", source: int) -> Tensor:
    return qk.A @ qk.B[:, source]


def _by_scores(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Ids are judged by the scores they point to, best first."""
    columns = (
        ("destinations", _destinations_of(args["qk"], args["source"])),
        ("outputs", _outputs_of(args["ov"], args["source"])),
    )
    for place, (what, scores) in enumerate(columns):
        ids, best = got[place].to(scores.device), scores.topk(args["k"]).values
        if ids.min() < 0 or ids.max() >= len(scores):
            return Problem("value", f"Result {place}, the {what}: some ids lie outside 0 … {len(scores) - 1}.")
        if len(ids.unique()) < len(ids):
            return Problem("value", f"Result {place}, the {what}: an id stands twice.")
        pointed = scores[ids]
        size = float(scores.square().mean().sqrt())
        wrong = ~near(pointed.float(), best, scale=size)
        if wrong.any():
            at = int(wrong.nonzero()[0])
            return Problem(
                "value",
                f"Result {place}, the {what}: token {int(ids[at])} at [{at}] has the score {float(pointed[at]):.4g}; one with "
                f"{float(best[at]):.4g} belongs there.",
            )
    return None


def destinations_in_the_row(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The destinations come from the source's row of `qk`, which says what the source would look at. Who looks at the source
    stands in its column."""
    return (qk.A[source] @ qk.B).topk(k).indices, _outputs_of(ov, source).topk(k).indices


def outputs_in_the_column(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The outputs come from the source's column of `ov`, which says which tokens raise the source. What the source raises
    stands in its row."""
    return _destinations_of(qk, source).topk(k).indices, (ov.A @ ov.B[:, source]).topk(k).indices


def outputs_before_destinations(
    ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int
) -> tuple[Tensor, Tensor]:
    """The two results are the wrong way round: destinations first, then outputs."""
    return _outputs_of(ov, source).topk(k).indices, _destinations_of(qk, source).topk(k).indices


def circuits_exchanged(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The circuits have changed roles: `qk` decides who looks, the destinations; `ov` decides what that does, the
    outputs."""
    return _destinations_of(ov, source).topk(k).indices, _outputs_of(qk, source).topk(k).indices


def largest_by_magnitude(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The largest in magnitude are chosen: a strongly negative entry is a token that is pushed down, or that looks away."""
    return _destinations_of(qk, source).abs().topk(k).indices, _outputs_of(ov, source).abs().topk(k).indices


def outputs_by_magnitude(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The outputs are the largest in magnitude: a strongly negative entry is a token that the source pushes down. Rank the row of
    `ov` with its sign."""
    return _destinations_of(qk, source).topk(k).indices, _outputs_of(ov, source).abs().topk(k).indices


def destinations_by_magnitude(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The destinations are the largest in magnitude: a strongly negative score is a token that looks away from the source. Rank
    the column of `qk` with its sign."""
    return _destinations_of(qk, source).abs().topk(k).indices, _outputs_of(ov, source).topk(k).indices


def smallest_for_largest(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """These are the smallest scores; the largest are asked for."""
    return (
        _destinations_of(qk, source).topk(k, largest=False).indices,
        _outputs_of(ov, source).topk(k, largest=False).indices,
    )


def best_last(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The right tokens, but the best comes last: best first."""
    return _destinations_of(qk, source).topk(k).indices.flip(0), _outputs_of(ov, source).topk(k).indices.flip(0)


def source_left_out(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The source itself is left out. It may well be among its own destinations and outputs: that is what copying looks
    like."""
    destinations, outputs = _destinations_of(qk, source), _outputs_of(ov, source)
    destinations[source] = outputs[source] = -INF
    return destinations.topk(k).indices, outputs.topk(k).indices


def softmax_over_keys_first(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """A softmax over all key tokens is taken before the column is ranked: no text holds the whole vocabulary at once. Rank
    the scores as they are; the whole table is not needed either."""
    pattern = (qk.A @ qk.B).softmax(-1)
    return pattern[:, source].topk(k).indices, _outputs_of(ov, source).topk(k).indices


def tables_built(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """`.AB` multiplies the whole d_vocab × d_vocab table out, for one row or column of it. Pick the row of A or the column of
    B first: `ov.A[source] @ ov.B` and `qk.A @ qk.B[:, source]`."""
    return qk.AB[:, source].topk(k).indices, ov.AB[source].topk(k).indices


def factors_not_multiplied(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """`qk[:, source]` and `ov[source]` are not multiplied out: they are FactoredMatrices still, and no vectors that could be
    ranked. Multiply them yourself: `qk.A @ qk.B[:, source]` and `ov.A[source] @ ov.B`."""
    column: Any = qk[:, source]
    row: Any = ov[source]
    return column.topk(k).indices, row.topk(k).indices


def sorted_by_id(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """The right tokens, in the order of their ids: the best belongs first."""
    return _destinations_of(qk, source).topk(k).indices.sort().values, _outputs_of(ov, source).topk(
        k
    ).indices.sort().values


def scores_for_ids(ov: "FactoredMatrix", qk: "FactoredMatrix", source: int, k: int) -> tuple[Tensor, Tensor]:
    """These are the scores; the ids of the tokens are asked for: `topk` returns both, and `.indices` are the ids."""
    return _destinations_of(qk, source).topk(k).values, _outputs_of(ov, source).topk(k).values


top_skip_trigrams = Exercise(
    name="top_skip_trigrams",
    solutions=SOLUTIONS,
    cases=_trigram_cases,
    answer=_by_scores,
    wrong=(
        destinations_in_the_row,
        outputs_in_the_column,
        outputs_before_destinations,
        circuits_exchanged,
        largest_by_magnitude,
        outputs_by_magnitude,
        destinations_by_magnitude,
        smallest_for_largest,
        best_last,
        source_left_out,
        softmax_over_keys_first,
        tables_built,
        factors_not_multiplied,
        sorted_by_id,
        scores_for_ids,
    ),
    hints=(
        "The source is the token that is read. In `qk` rows read and columns are read; in `ov` rows are read and columns are "
        "raised. Where does the source stand in each?",
        "One column of A @ B is `A @ B[:, source]`; one row is `A[source] @ B`. A FactoredMatrix has `.A` and `.B`.",
        "Twice the same: a vector of d_vocab scores, then `.topk(k).indices`. Destinations from `qk.A @ qk.B[:, source]`.",
    ),
)


# --- copying_score ---------------------------------------------------------------------------------------------------


def _copying_cases(draw: Draw) -> Iterator[Case]:
    yield basic("five tokens", **_ov_weights(draw, 5, 4, 2))
    yield basic("a head that copies", **_turning(draw, 6, 4, 2, "copy"))
    for _ in range(3):
        d_head, d_model = sorted(draw.sizes("d_head", "d_model", low=2, high=7).values())
        yield general("random weights", **_ov_weights(draw, draw.size(9, 20), d_model, d_head))
    # Every second eigenvalue is half of a complex pair: real parts and magnitudes differ.
    yield general("complex eigenvalues", **_turning(draw, 11, 8, 4, "turn"))
    yield general("large weights", **_ov_weights(draw, 12, 6, 3, scale=1000.0))
    d_vocab = draw.size(400, 500)
    yield Case(
        "general", f"a vocabulary of {d_vocab}, watching memory", _ov_weights(draw, d_vocab, 12, 4), no_table=d_vocab
    )
    yield edge("a head that deletes", **_turning(draw, 7, 5, 3, "delete"))
    yield edge("a quarter turn", **_turning(draw, 7, 5, 2, "quarter"))
    yield edge("a d_head of 1", **_ov_weights(draw, 6, 4, 1))
    yield edge("a d_model as narrow as the head", **_ov_weights(draw, 6, 3, 3))
    yield edge("a vocabulary as small as the head", **_ov_weights(draw, 3, 5, 3))
    yield edge("sizes of 1 throughout", **_ov_weights(draw, 1, 1, 1))
    weights = _ov_weights(draw, 8, 5, 3)
    yield edge("a head that reads nothing", **{**weights, "W_V": weights["W_V"] * 0})
    yield edge("weights that are all zero", **{name: weight * 0 for name, weight in weights.items()})
    yield edge("small weights", **{name: weight * 0.003 for name, weight in weights.items()})
    yield large_table(draw, lambda d_vocab: _ov_weights(draw, d_vocab, 12, 4))


def _turning(draw: Draw, d_vocab: int, d_model: int, d_head: int, what: str) -> dict[str, Tensor]:
    """A circuit whose eigenvalues are known: those of a d_head × d_head matrix between two inverse maps."""
    E = draw.normal(d_vocab, d_model).double().cpu()
    V = draw.normal(d_model, d_head).double().cpu()
    inverse = torch.linalg.pinv(E @ V)
    if what == "copy":
        middle = torch.diag(torch.arange(1.0, d_head + 1))
    elif what == "delete":
        middle = -torch.diag(torch.arange(1.0, d_head + 1))
    else:
        middle, turn = torch.zeros(d_head, d_head), torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
        for i in range(0, d_head, 2):
            middle[i : i + 2, i : i + 2] = turn * (i + 1) + (0.0 if what == "quarter" else 0.5) * torch.eye(2)
    # W_O carries the middle and W_U the inverse, through a random basis of the stream.
    basis = torch.linalg.qr(draw.normal(d_model, d_model).double().cpu()).Q[:d_head]
    return {
        "W_E": draw.of(E),
        "W_V": draw.of(V),
        "W_O": draw.of(middle.double() @ basis),
        "W_U": draw.of(basis.mT @ inverse),
    }


def _to_a_thousandth(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    if got.isnan():
        return Problem("nan", f"It is NaN, where {float(expected):.4g} is expected.")
    if abs(float(got) - float(expected)) > 1e-3:
        return Problem("value", f"Expected {float(expected):.4g}, got {float(got):.4g}.")
    return None


def _small_square(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    return (W_O @ W_U) @ (W_E @ W_V)


def _share(over: Tensor, under: Tensor) -> Tensor:
    return torch.where(under > 0, over / under, torch.zeros_like(under))


def singular_values_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The sum of the eigenvalues is divided by that of the singular values: their own magnitudes are asked for."""
    square = _small_square(W_E, W_V, W_O, W_U)
    return _share(square.trace(), torch.linalg.svdvals(square).sum())


def norm_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The trace is divided by the circuit's Frobenius norm: divide the sum of the eigenvalues by the sum of their
    magnitudes."""
    A, B = W_E @ W_V, W_O @ W_U
    return _share(_small_square(W_E, W_V, W_O, W_U).trace(), ((A.mT @ A) * (B @ B.mT)).sum().sqrt())


def norm_of_the_square_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The trace of the d_head × d_head matrix is divided by that matrix's Frobenius norm: divide the sum of the eigenvalues by
    the sum of their magnitudes."""
    square = _small_square(W_E, W_V, W_O, W_U)
    return _share(square.trace(), square.norm())


def real_parts_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The magnitudes are taken of the real parts alone: a complex eigenvalue's magnitude counts its imaginary part, too.
    Take `.abs()` before `.real`."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return _share(values.real.sum(), values.real.abs().sum())


def share_of_positive_ones(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """This is the share of eigenvalues with a positive real part: large ones have to count more than small ones."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return (values.real > 0).to(W_E.dtype).mean()


def sign_lost(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The magnitude of the sum is taken, so that a head that deletes looks like one that copies: take its real part."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return _share(values.sum().abs(), values.abs().sum())


def divided_by_their_number(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The sum of the eigenvalues is divided by how many there are: divide it by the sum of their magnitudes, so that the
    score lies between -1 and 1."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return values.real.sum() / len(values)


def stream_for_tokens(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """These are the eigenvalues of W_V W_O, from stream to stream. The full circuit goes from tokens to tokens: W_E and W_U
    belong to it."""
    values = torch.linalg.eigvals(W_O @ W_V)
    return _share(values.real.sum(), values.abs().sum())


def eigenvalues_of_the_table(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The eigenvalues are those of the whole d_vocab × d_vocab table. AB and BA have the same ones, but for zeros: take those
    of BA, which is as small as the head."""
    values = torch.linalg.eigvals(W_E @ W_V @ W_O @ W_U)
    score = _share(values.real.sum(), values.abs().sum())
    return score.clamp(-1, 1)


def symmetric_by_force(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """`eigvalsh` takes one triangle and presumes that the matrix is symmetric, which this is not: use `eigvals`, whose values
    may be complex."""
    values = torch.linalg.eigvalsh(_small_square(W_E, W_V, W_O, W_U))
    return _share(values.sum(), values.abs().sum())


def complex_score(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The score is a complex number. The eigenvalues of a real matrix come in conjugate pairs, so the imaginary parts cancel
    in the sum: return its `.real`."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    below = values.abs().sum()
    return values.sum() / torch.where(below > 0, below, 1)


def zero_by_zero(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A head that writes nothing has eigenvalues of 0, and 0/0 is NaN: its score is 0."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return values.real.sum() / values.abs().sum()


def epsilon_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A small number is added to the denominator. Where the weights are small it is not small beside them: ask whether the
    denominator is 0 instead."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return values.real.sum() / (values.abs().sum() + 1e-8)


copying_score = Exercise(
    name="copying_score",
    solutions=SOLUTIONS,
    cases=_copying_cases,
    answer=_to_a_thousandth,
    wrong=(
        singular_values_below,
        norm_below,
        norm_of_the_square_below,
        real_parts_below,
        share_of_positive_ones,
        sign_lost,
        divided_by_their_number,
        stream_for_tokens,
        eigenvalues_of_the_table,
        symmetric_by_force,
        complex_score,
        zero_by_zero,
        epsilon_below,
    ),
    hints=(
        "The full circuit is A @ B with A = W_E W_V and B = W_O W_U. If v is an eigenvector of B @ A, what does A @ B do to "
        "A @ v?",
        "So the eigenvalues of A @ B that are not 0 are those of B @ A, which is [d_head, d_head]: "
        "`torch.linalg.eigvals(B @ A)`.",
        "They are complex. `.abs()` gives magnitudes; the sum of all is real but for rounding, so take `.real` of it.",
        "When the sum of the magnitudes is 0, return a 0 of the right dtype; otherwise `values.sum().real / values.abs().sum()`.",
    ),
)


# --- direct_logit_attribution ----------------------------------------------------------------------------------------


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


direct_logit_attribution = Exercise(
    name="direct_logit_attribution",
    solutions=SOLUTIONS,
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


# --- value_weighted_pattern ------------------------------------------------------------------------------------------


def _weighted_cases(draw: Draw) -> Iterator[Case]:
    yield basic("one head, two keys", **_reading(draw, 1, 2, 2, 3, 2))
    yield basic("two heads, three keys", **_reading(draw, 2, 3, 3, 4, 3))
    for _ in range(3):
        size = draw.sizes("head", "query", "key", "d_model", "d_head", low=2, high=9)
        yield general("random values", **_reading(draw, *size.values()))
    yield general("large values", **_reading(draw, 3, 4, 5, 7, 6, scale=100.0))
    yield edge("one head", **_reading(draw, 1, 4, 5, 6, 3))
    yield edge("one query", **_reading(draw, 3, 1, 5, 6, 2))
    yield edge("one key", **_reading(draw, 3, 4, 1, 6, 2))
    yield edge("a d_head of 1", **_reading(draw, 3, 4, 5, 6, 1))
    yield edge("a d_model of 1", **_reading(draw, 3, 4, 5, 1, 2))
    n = draw.size(3, 4)
    yield edge("sizes that are all the same", **_reading(draw, n, n, n, n, n))
    args = _reading(draw, 3, 4, 4, 6, 2)
    nothing = args["v"].clone()
    nothing[0], nothing[2, 1] = 0, 0
    yield edge("keys that write nothing", **{**args, "v": nothing})
    yield edge("a head that writes nothing", **{**args, "W_O": args["W_O"] * draw.of([[[1.0]], [[0.0]], [[1.0]]])})
    yield edge(
        "rows that do not sum to 1", **{**args, "pattern": args["pattern"] * draw.of([[[0.5]], [[2.0]], [[0.0]]])}
    )


def _reading(
    draw: Draw, head: int, query: int, key: int, d_model: int, d_head: int, scale: float = 1.0
) -> dict[str, Tensor]:
    return {
        "pattern": draw.normal(head, query, key, scale=1.5).softmax(-1),
        "v": draw.normal(key, head, d_head, scale=scale),
        "W_O": draw.normal(head, d_head, d_model),
    }


def _by_head(v: Tensor, W_O: Tensor) -> Tensor:
    return einsum(v, W_O, "key h d, h d m -> h key m")


def values_not_yet_written(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """These are the norms of the values inside the head: W_O decides how much of them reaches the stream."""
    return pattern * v.norm(dim=-1).mT[:, None]


def norms_multiplied(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The norm of v is multiplied by the norm of W_O, which is only a bound: multiply first, then take the norm."""
    return pattern * v.norm(dim=-1).mT[:, None] * W_O.flatten(1).norm(dim=-1)[:, None, None]


def norm_squared(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """This is the squared norm: its square root is missing."""
    return pattern * _by_head(v, W_O).square().sum(-1)[:, None]


def sum_of_magnitudes(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The magnitudes of the entries are added up: the Euclidean norm is the root of the sum of squares."""
    return pattern * _by_head(v, W_O).abs().sum(-1)[:, None]


def root_mean_square_for_norm(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """This is the root of the mean square: the norm is the root of the sum."""
    return pattern * _by_head(v, W_O).square().mean(-1).sqrt()[:, None]


def rows_brought_back_to_one(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The rows are divided by their sums, so that how much is written at all is lost: leave them as they are."""
    weighted = pattern * _by_head(v, W_O).norm(dim=-1)[:, None]
    return weighted / weighted.sum(-1, keepdim=True)


def queries_values(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """Each row is multiplied by the norm of the query's own value: what is moved is the key's, so the norm belongs to
    columns."""
    return pattern * _by_head(v, W_O).norm(dim=-1)[:, :, None]


def one_output_matrix_for_all(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """Every head goes through the first head's W_O: each has its own."""
    return pattern * _by_head(v, W_O[:1].expand_as(W_O)).norm(dim=-1)[:, None]


def all_heads_together(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """What all heads would write from a key is added up before the norm is taken: head h is weighted by what it writes
    alone."""
    return pattern * _by_head(v, W_O).sum(0).norm(dim=-1)[None, None]


def heads_met_keys(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """`v @ W_O` lines up v's keys with W_O's heads. Head h of v belongs to W_O[h]: name the axes in an einsum, or bring the
    heads to the front first."""
    return pattern * (v @ W_O).norm(dim=-1)[:, None]


def nothing_weighted(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """This is the pattern itself: multiply every entry by how much its key writes."""
    return pattern.clone()


def norm_of_what_arrives(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The norm is that of the sum over keys, what arrives at a query: one number for every key is asked for, before they are
    added."""
    arrives = pattern @ _by_head(v, W_O)
    return arrives.norm(dim=-1, keepdim=True).expand_as(pattern).clone()


value_weighted_pattern = Exercise(
    name="value_weighted_pattern",
    solutions=SOLUTIONS,
    cases=_weighted_cases,
    bf16=True,
    wrong=(
        values_not_yet_written,
        norms_multiplied,
        norm_squared,
        sum_of_magnitudes,
        root_mean_square_for_norm,
        rows_brought_back_to_one,
        queries_values,
        one_output_matrix_for_all,
        all_heads_together,
        heads_met_keys,
        nothing_weighted,
        norm_of_what_arrives,
    ),
    hints=(
        "If head h gave a key all of its attention, which vector would it write? How long is that vector?",
        'What each key would write: `einsum(v, W_O, "key head d_head, head d_head d_model -> head key d_model")`.',
        "`.norm(dim=-1)` of it is [head, key]. With an axis of size 1 for the query it multiplies the pattern.",
    ),
)

EXERCISES = (
    attention_pattern,
    one_layer_logits,
    ov_circuit,
    qk_circuit,
    top_skip_trigrams,
    copying_score,
    direct_logit_attribution,
    value_weighted_pattern,
)
