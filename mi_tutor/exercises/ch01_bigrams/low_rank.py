"""The exercise `low_rank`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic("a diagonal table", table=draw.of([[3.0, 0.0], [0.0, 2.0]]), weights=draw.of([1.0, 1.0]), rank=1)
    yield basic(
        "a diagonal table whose smaller entry weighs more",
        table=draw.of([[3.0, 0.0], [0.0, 2.0]]),
        weights=draw.of([1.0, 4.0]),
        rank=1,
    )
    yield basic("three rows of two", **_table(draw, 3, 2, 1))
    for rows, columns, rank in ((6, 4, 2), (5, 8, 3), (9, 9, 2)):
        yield general(f"rank {rank} of {min(rows, columns)}", **_table(draw, rows, columns, rank))
    yield general("weights far apart", **_table(draw, 7, 6, 2, spread=3.0))
    yield general("a table far from zero", **_table(draw, 6, 5, 2, shift=-6.0))
    yield edge("rank 0", **_table(draw, 4, 5, 0))
    yield edge("the rank of the table", **_table(draw, 4, 6, 4))
    yield edge("one row", **_table(draw, 1, 5, 1))
    yield edge("one column", **_table(draw, 5, 1, 1))
    yield edge("a table of lower rank than allowed", **_deficient(draw))


def _table(draw: Draw, rows: int, columns: int, rank: int, spread: float = 1.0, shift: float = 0.0) -> dict[str, Any]:
    """A table whose weighted singular values lie well apart, so that there is one best answer."""
    weights = (draw.normal(rows).double() * spread).exp()
    raw = draw.normal(rows, columns).double() + shift
    U, S, Vh = torch.linalg.svd(raw * weights.sqrt()[:, None], full_matrices=False)
    apart = S[0] * 0.6 ** torch.arange(len(S), device=S.device)
    table = (U * apart) @ Vh / weights.sqrt()[:, None]
    return {"table": draw.of(table), "weights": draw.of(weights), "rank": rank}


def _deficient(draw: Draw) -> dict[str, Any]:
    column, row = draw.normal(5, 1), draw.normal(1, 6)
    return {"table": column @ row, "weights": draw.of([1.0, 2.0, 3.0, 4.0, 5.0]), "rank": 3}


def _cut(table: Tensor, rank: int) -> Tensor:
    U, S, Vh = torch.linalg.svd(table, full_matrices=False)
    return (U[:, :rank] * S[:rank]) @ Vh[:rank]


def weights_not_used(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The rows count alike: `weights` is not used. An error in a row costs its weight times the square."""
    return _cut(table, rank)


def weights_for_their_roots(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The rows are scaled by their weights, and errors count the square of these: what is squared is to be scaled by the
    root."""
    scale = weights[:, None]
    return _cut(table * scale, rank) / scale


def scaling_not_undone(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """This is near the scaled table: undo the scaling of the rows at the end."""
    return _cut(table * weights.sqrt()[:, None], rank)


def scaled_twice(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The rows are scaled once more at the end, where the scaling has to be undone."""
    scale = weights.sqrt()[:, None]
    return _cut(table * scale, rank) * scale


def divided_by_the_roots_first(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The rows are divided by the roots of their weights, so that a heavy row counts little: multiply first, divide at the
    end."""
    scale = weights.sqrt()[:, None]
    return _cut(table / scale, rank) * scale


def smallest_kept(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The smallest singular values are kept: the largest carry most of the table, and they come first."""
    scale = weights.sqrt()[:, None]
    U, S, Vh = torch.linalg.svd(table * scale, full_matrices=False)
    first = len(S) - rank
    return (U[:, first:] * S[first:]) @ Vh[first:] / scale


def largest_dropped(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """This is what is left of the table when its best part has been taken away."""
    scale = weights.sqrt()[:, None]
    return table - _cut(table * scale, rank) / scale


def one_too_many(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The rank is one too high: `[: rank]` keeps so many, from 0 on."""
    scale = weights.sqrt()[:, None]
    return _cut(table * scale, rank + 1) / scale


def singular_values_left_out(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The singular values are missing: U and Vh alone have directions, all of length 1."""
    scale = weights.sqrt()[:, None]
    U, _, Vh = torch.linalg.svd(table * scale, full_matrices=False)
    return U[:, :rank] @ Vh[:rank] / scale


def singular_values_twice(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The singular values are used twice, in both factors; a root of each in both, or all of each in one."""
    scale = weights.sqrt()[:, None]
    U, S, Vh = torch.linalg.svd(table * scale, full_matrices=False)
    return (U[:, :rank] * S[:rank].square()) @ Vh[:rank] / scale


def columns_centred(table: Tensor, weights: Tensor, rank: int) -> Tensor:
    """The mean row is taken out first and put back at the end, which makes the rank one higher: nothing is centred."""
    mean = (weights[:, None] * table).sum(0) / weights.sum()
    scale = weights.sqrt()[:, None]
    return _cut((table - mean) * scale, rank) / scale + mean


exercise = Exercise(
    __name__,
    further="Multiply the weight of one row by a hundred: which row does the nearest table of rank 2 then get right, and who pays?",
    cases=_cases,
    wrong=(
        weights_not_used,
        weights_for_their_roots,
        scaling_not_undone,
        scaled_twice,
        divided_by_the_roots_first,
        smallest_kept,
        largest_dropped,
        one_too_many,
        singular_values_left_out,
        singular_values_twice,
        columns_centred,
    ),
    hints=(
        "With all weights 1 it is a theorem (Eckart and Young 1936): a singular value decomposition, and of it the largest "
        "singular values. How can rows be made to count more in a sum of squares?",
        "w · (a - b)² is (√w · a - √w · b)². So scale the rows, find the best table for those, and scale back.",
        "`U, S, Vh = torch.linalg.svd(scaled, full_matrices=False)`; the singular values come in falling order, and Vh has "
        "its directions as rows.",
        "`(U[:, :rank] * S[:rank]) @ Vh[:rank] / scale`, where `scale = weights.sqrt()[:, None]` has multiplied the table "
        "before.",
    ),
)
