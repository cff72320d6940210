"""The exercise `attention_pattern`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch02_attention_circuits._shared import INF, causal

if TYPE_CHECKING:
    from torch import Tensor


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


def not_scaled(q: Tensor, k: Tensor) -> Tensor:
    """The scores are not scaled: divide them by √d_head before the softmax, or wide heads become too sharp."""
    return causal(einsum(q, k, "b query h d, b key h d -> b h query key")).softmax(-1)


def scaled_by_the_width(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by d_head: its square root is asked for."""
    return causal(einsum(q, k, "b query h d, b key h d -> b h query key") / q.shape[-1]).softmax(-1)


def scaled_by_the_width_of_all_heads(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by the square root of all heads' dimensions together. Each head is scaled by its own
    width, √d_head."""
    return causal(_scores(q, k) / q.shape[2] ** 0.5).softmax(-1)


def scaled_by_the_heads(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by √n_heads, the size of q's axis 2: it is √d_head, the size of its last one."""
    return causal(_scores(q, k) * (q.shape[-1] / q.shape[2]) ** 0.5).softmax(-1)


def scaled_by_the_positions(q: Tensor, k: Tensor) -> Tensor:
    """The scores are divided by the square root of the number of positions, axis 1 of q. What makes a dot product grow is the
    number of terms in it: √d_head, the last axis."""
    return causal(einsum(q, k, "b query h d, b key h d -> b h query key") / q.shape[1] ** 0.5).softmax(-1)


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
    return causal(_scores(q, k), -100.0).softmax(-1)


def masked_with_a_large_number(q: Tensor, k: Tensor) -> Tensor:
    """The future's scores are set to a large negative number such as -1e5. Where the real scores lie below it, it wins the
    softmax: use -inf."""
    return causal(_scores(q, k), -1e5).softmax(-1)


def masked_with_a_billion(q: Tensor, k: Tensor) -> Tensor:
    """-1e9 is a finite score like others: where all real ones lie below it, the future gets all the attention. Use
    -inf."""
    return causal(_scores(q, k), -1e9).softmax(-1)


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
    return causal(_scores(k, q)).softmax(-1)


def positions_before_heads(q: Tensor, k: Tensor) -> Tensor:
    """The axes come out as [batch, query, head, key]: the head goes before both positions."""
    return causal(_scores(q, k)).softmax(-1).transpose(1, 2)


def heads_attend_to_heads(q: Tensor, k: Tensor) -> Tensor:
    """`q @ k.transpose(-1, -2)` compares the heads of one position with each other, since the last axes are [head, d_head].
    Bring the positions there first, or name the axes in an einsum."""
    return causal(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(-1)


def scores_without_a_softmax(q: Tensor, k: Tensor) -> Tensor:
    """These are scores; a softmax over the keys is missing."""
    return _scores(q, k).tril()


def pattern_cut_from_the_graph(q: Tensor, k: Tensor) -> Tensor:
    """The pattern is right, but no gradient reaches q and k: something on the way detaches them."""
    return causal(_scores(q, k)).softmax(-1).detach()


exercise = Exercise(
    __name__,
    further="One key's score is 10, after the division, and all others are 0. What is its share of the attention among 8 keys, among 2,048, among a million? What does a long text demand of a sharp head?",
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
        scaled_by_the_heads,
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
