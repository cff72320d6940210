"""The exercise `previous_token_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import diagonal, random_pattern, shifted_eye

if TYPE_CHECKING:
    from torch import Tensor


def _previous_cases(draw: Draw) -> Iterator[Case]:
    yield basic("one head that always looks back", pattern=draw.of(shifted_eye(4, 1)[None, None]))
    yield basic("two heads, four positions", pattern=random_pattern(draw, 1, 2, 4))
    for _ in range(3):
        size = draw.sizes("batch", "head", "position", high=11)
        yield general(
            "random patterns", pattern=random_pattern(draw, size["batch"], size["head"], size["position"] + 2)
        )
    yield general("sharp patterns", pattern=random_pattern(draw, 3, 4, 12, spread=30.0))
    yield edge("two positions", pattern=random_pattern(draw, 3, 2, 2))
    yield edge("three positions", pattern=random_pattern(draw, 4, 2, 3))
    yield edge("one sequence", pattern=random_pattern(draw, 1, 3, 6))
    yield edge("one head", pattern=random_pattern(draw, 4, 1, 6))
    n = draw.size(3, 5)
    yield edge("as many positions as heads and sequences", pattern=random_pattern(draw, n, n, n))


def looks_at_itself(pattern: Tensor) -> Tensor:
    """This is the attention of each position to itself: the entries wanted lie one below the diagonal, `offset=-1`."""
    return diagonal(pattern, 0)[..., 1:].mean((0, -1))


def next_token(pattern: Tensor) -> Tensor:
    """These are the entries above the diagonal, where a position would look at the next one: in a causal pattern they are 0.
    Rows are queries, so it is `offset=-1`."""
    return pattern.diagonal(1, dim1=-2, dim2=-1).mean((0, -1))


def first_query_counted(pattern: Tensor) -> Tensor:
    """The sum is divided by the number of positions. The first has no position before it: there is one query fewer."""
    return diagonal(pattern, 1).sum(-1).mean(0) / pattern.shape[-1]


def bos_left_out(pattern: Tensor) -> Tensor:
    """The query at position 1 is left out. What it looks at is BOS, but that is the position before, too: it counts."""
    return diagonal(pattern, 1)[..., 1:].mean((0, -1))


def first_token_for_previous(pattern: Tensor) -> Tensor:
    """This is the attention to the first token, column 0."""
    return pattern[..., 1:, 0].mean((0, -1))


def summed_over_positions(pattern: Tensor) -> Tensor:
    """This is the sum over positions: the mean is asked for."""
    return diagonal(pattern, 1).sum(-1).mean(0)


def heads_averaged(pattern: Tensor) -> Tensor:
    """The mean runs over heads, and a number for each sequence is left: a number for each head is asked for."""
    return diagonal(pattern, 1).mean((1, -1))


def two_back(pattern: Tensor) -> Tensor:
    """These are the entries two below the diagonal: the position before the last one."""
    return diagonal(pattern, 2).sum(-1).mean(0) / (pattern.shape[-1] - 2)


def how_often_it_wins(pattern: Tensor) -> Tensor:
    """This counts how often the previous token gets most attention. Its share of the attention is asked for, and a mean of
    that."""
    best = pattern[..., 1:, :].argmax(-1) == torch.arange(pattern.shape[-1] - 1, device=pattern.device)
    return best.to(pattern.dtype).mean((0, -1))


def best_position(pattern: Tensor) -> Tensor:
    """This is the largest entry over positions: their mean is asked for."""
    return diagonal(pattern, 1).amax(-1).mean(0)


exercise = Exercise(
    __name__,
    further="A head attends evenly to everything so far, itself included. What does it score with 2 positions, with 10, with 51? May scores on texts of different lengths be compared?",
    cases=_previous_cases,
    bf16=True,
    wrong=(
        looks_at_itself,
        next_token,
        first_query_counted,
        bos_left_out,
        first_token_for_previous,
        summed_over_positions,
        heads_averaged,
        two_back,
        how_often_it_wins,
        best_position,
    ),
    hints=(
        "Draw a pattern of four positions as a square, queries down, keys across, and mark the cells that are asked for. They "
        "lie on a line.",
        "`pattern.diagonal(offset, dim1=-2, dim2=-1)` takes a line out of each square, and puts it last. An offset above 0 is to "
        "the right.",
        "`pattern.diagonal(-1, dim1=-2, dim2=-1)` has the axes batch, head, query; which of them should be left?",
    ),
)
