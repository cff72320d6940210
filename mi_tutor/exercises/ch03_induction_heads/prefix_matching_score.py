"""The exercise `prefix_matching_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import diagonal, random_pattern, shifted_eye

if TYPE_CHECKING:
    from torch import Tensor


def _prefix_cases(draw: Draw) -> Iterator[Case]:
    def on(batch: int, head: int, period: int, spread: float = 2.0) -> dict[str, Any]:
        return {"pattern": random_pattern(draw, batch, head, 1 + 2 * period, spread), "period": period}

    yield basic("a random pattern at period 3", **on(1, 1, 3))
    yield basic("an induction head at period 3", pattern=draw.of(shifted_eye(7, 2)[None, None]), period=3)
    yield basic("two heads at period 2", **on(1, 2, 2))
    for _ in range(3):
        size = draw.sizes("batch", "head", "period", high=8)
        yield general("random patterns", **on(size["batch"], size["head"], size["period"] + 1))
    yield general("sharp patterns", **on(3, 2, draw.size(7, 12), 30.0))
    yield edge("period 1", **on(3, 2, 1))
    yield edge("period 2", **on(2, 3, 2))
    yield edge("one sequence", **on(1, 3, 4))
    yield edge("one head", **on(4, 1, 5))


def _prefix(pattern: Tensor, period: int, back: int, queries: range | None = None) -> Tensor:
    """Attention from the second copy's queries to `back` positions before them, [batch head query]."""
    q = torch.tensor(list(queries or range(1 + period, 1 + 2 * period)), device=pattern.device)
    return pattern[:, :, q, (q - back).clamp(0, pattern.shape[-1] - 1)]


def earlier_occurrence(pattern: Tensor, period: int) -> Tensor:
    """This is the attention to the same token's earlier occurrence, q - period. An induction head looks at what came after
    it, q - period + 1."""
    return _prefix(pattern, period, period).mean((0, -1))


def one_subtracted_for_added(pattern: Tensor, period: int) -> Tensor:
    """The sign of the 1 is the wrong way round: q - period - 1 is the position before the earlier occurrence. What came after
    it stands at q - period + 1."""
    return _prefix(pattern, period, period + 1).mean((0, -1))


def two_after_the_occurrence(pattern: Tensor, period: int) -> Tensor:
    """This is one position too late: q - period + 2. The token after the earlier occurrence stands at q - period + 1."""
    return _prefix(pattern, period, period - 2).mean((0, -1))


def two_queries_too_many(pattern: Tensor, period: int) -> Tensor:
    """The whole diagonal is averaged. It begins two queries too early, before the second copy, where nothing has come twice:
    only the second copy counts, q from 1 + period."""
    return diagonal(pattern, period - 1).mean((0, -1))


def last_query_left_out(pattern: Tensor, period: int) -> Tensor:
    """The last query is left out. Nothing comes after it in the sequence, but it looks back like the others, and counts."""
    queries = range(1 + period, 2 * period) if period > 1 else None
    return _prefix(pattern, period, period - 1, queries).mean((0, -1))


def first_query_left_out(pattern: Tensor, period: int) -> Tensor:
    """The second copy's first query is left out. Its own token could not be predicted, but the one after it can, and the
    query is where that is done: it counts."""
    queries = range(2 + period, 1 + 2 * period) if period > 1 else None
    return _prefix(pattern, period, period - 1, queries).mean((0, -1))


def one_query_too_early(pattern: Tensor, period: int) -> Tensor:
    """The queries begin one position too early, as if there were no BOS: the second copy stands at 1 + period … 2·period."""
    return _prefix(pattern, period, period - 1, range(period, 2 * period)).mean((0, -1))


def one_query_too_many(pattern: Tensor, period: int) -> Tensor:
    """There is one query too many: the first copy's last position is counted, too. The second copy has `period` queries, and
    `[..., -period:]` are the last of the diagonal."""
    return _prefix(pattern, period, period - 1, range(period, 1 + 2 * period)).mean((0, -1))


def whole_diagonal_of_the_occurrence(pattern: Tensor, period: int) -> Tensor:
    """Two things: `diagonal(-period)` is the attention to the same token's earlier occurrence, and what came after it lies on
    `diagonal(1 - period)`; and of a diagonal only the second copy's queries count, the last `period` entries."""
    return diagonal(pattern, period).mean((0, -1))


def divided_by_all_positions(pattern: Tensor, period: int) -> Tensor:
    """The sum is divided by all 1 + 2·period positions: the mean is over the second copy's `period` queries."""
    return _prefix(pattern, period, period - 1).sum(-1).mean(0) / pattern.shape[-1]


def queries_for_keys(pattern: Tensor, period: int) -> Tensor:
    """Rows and columns are exchanged, so all entries lie in the future, and are 0. The row is the query, which comes later."""
    return _prefix(pattern.mT, period, period - 1).mean((0, -1)) if period > 1 else pattern[:, :, 0, 2].mean(0)


def heads_averaged_in_prefix(pattern: Tensor, period: int) -> Tensor:
    """The mean runs over heads, and a number for each sequence is left: a number for each head is asked for."""
    return _prefix(pattern, period, period - 1).mean((1, -1))


def every_query_with_every_key(pattern: Tensor, period: int) -> Tensor:
    """Two slices take every query with every key of a whole square. Each query has one key of its own: two index tensors of
    one length, or a diagonal."""
    square = pattern[:, :, 1 + period :, 2 : 2 + period]
    return square.mean((0, -2, -1))


def most_looked_at(pattern: Tensor, period: int) -> Tensor:
    """This counts how often that position gets most attention: the attention itself is asked for."""
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return (pattern[:, :, q].argmax(-1) == q - period + 1).to(pattern.dtype).mean((0, -1))


exercise = Exercise(
    __name__,
    further="A head always looks 24 positions back, whatever the tokens are. What does it score with period 25, and which second call of your function would give it away?",
    cases=_prefix_cases,
    bf16=True,
    wrong=(
        earlier_occurrence,
        one_subtracted_for_added,
        two_after_the_occurrence,
        two_queries_too_many,
        last_query_left_out,
        first_query_left_out,
        one_query_too_early,
        one_query_too_many,
        whole_diagonal_of_the_occurrence,
        divided_by_all_positions,
        queries_for_keys,
        heads_averaged_in_prefix,
        every_query_with_every_key,
        most_looked_at,
    ),
    hints=(
        "Write out a sequence of period 3: BOS a b c a b c, positions 0 to 6. Where does the second `b` stand, where did `b` stand "
        "before, and which position came after that?",
        "The queries are q = 1 + period … 2·period, and each has one key, q - period + 1. Two index tensors of the same length "
        "pick one cell each.",
        "`q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)`, then `pattern[:, :, q, q - period + 1]`, "
        "which has the axes batch, head, query.",
    ),
)
