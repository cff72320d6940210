"""The exercise `in_context_learning_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise

if TYPE_CHECKING:
    from torch import Tensor


def _context_cases(draw: Draw) -> Iterator[Case]:
    def on(batch: int, position: int, early: int, late: int, scale: float = 1.0) -> dict[str, Any]:
        return {"loss": scale * draw.normal(batch, position).abs(), "early": early, "late": late}

    six = [[5.0, 3.0, 3.5, 2.0, 1.5, 1.0], [4.0, 3.5, 2.0, 2.5, 1.0, 0.25]]
    yield basic("two sequences of six", loss=draw.of(six), early=2, late=4)
    yield basic("context that hurts", loss=draw.of([[1.0, 1.5, 3.0], [2.0, 1.0, 2.5]]), early=0, late=2)
    yield basic("three sequences of five", **on(3, 5, draw.size(0, 1), draw.size(2, 3)))
    for _ in range(3):
        position = draw.size(6, 20)
        yield general("random losses", **on(draw.size(2, 9), position, draw.size(0, 2), draw.size(3, position - 2)))
    yield general("large losses", **on(5, 9, 2, 7, 1000.0))
    yield edge("the late index before the early one", **on(4, 8, 6, 1))
    yield edge("the same index twice", **on(3, 5, 2, 2))
    yield edge("the last column", **on(3, 6, 1, 5))
    yield edge("one sequence", **on(1, 7, 0, 4))
    yield edge("one position", **on(4, 1, 0, 0))


def early_less_late(loss: Tensor, early: int, late: int) -> Tensor:
    """The sign is the wrong way round: late less early, so that it is negative when context helps."""
    return (loss[:, early] - loss[:, late]).mean()


def ratio_for_difference(loss: Tensor, early: int, late: int) -> Tensor:
    """This is a ratio of two losses: their difference is asked for."""
    return loss[:, late].mean() / loss[:, early].mean()


def columns_counted_from_one(loss: Tensor, early: int, late: int) -> Tensor:
    """The columns are counted from 1: `early` and `late` are indices of `loss`, from 0."""
    return (loss[:, late - 1] - loss[:, early - 1]).mean()


def everything_up_to_and_from(loss: Tensor, early: int, late: int) -> Tensor:
    """These are means over all positions up to `early` and from `late` on: two single columns are asked for."""
    return loss[:, late:].mean() - loss[:, : early + 1].mean()


def means_of_both_ends(loss: Tensor, early: int, late: int) -> Tensor:
    """These are means over all positions before `early` and from `late` on, `[:, :early]` and `[:, late:]`: two single columns
    are asked for, `[:, early]` and `[:, late]`."""
    return loss[:, late:].mean() - loss[:, :early].mean()


def last_less_first(loss: Tensor, early: int, late: int) -> Tensor:
    """This is the last column less the first, whatever `early` and `late` are."""
    return (loss[:, -1] - loss[:, 0]).mean()


def size_without_sign(loss: Tensor, early: int, late: int) -> Tensor:
    """The sign is lost: it says whether context helps or hurts."""
    return (loss[:, late] - loss[:, early]).mean().abs()


def summed_over_the_batch(loss: Tensor, early: int, late: int) -> Tensor:
    """This is the sum over the batch: the mean is asked for."""
    return (loss[:, late] - loss[:, early]).sum()


def one_number_a_sequence(loss: Tensor, early: int, late: int) -> Tensor:
    """This is a number for each sequence: the mean over the batch is asked for."""
    return loss[:, late] - loss[:, early]


def rows_for_columns(loss: Tensor, early: int, late: int) -> Tensor:
    """These are two sequences rather than two positions: positions are the second axis."""
    return (loss[late % len(loss)] - loss[early % len(loss)]).mean()


exercise = Exercise(
    __name__,
    further="One model guesses evenly everywhere, another is certain and right everywhere. What does each score, and what has to be told beside the score?",
    cases=_context_cases,
    wrong=(
        early_less_late,
        ratio_for_difference,
        columns_counted_from_one,
        everything_up_to_and_from,
        means_of_both_ends,
        last_less_first,
        size_without_sign,
        summed_over_the_batch,
        one_number_a_sequence,
        rows_for_columns,
    ),
    hints=(
        "Two columns of `loss`. Which of them is subtracted, if the result is to be negative when later tokens are easier?",
        "`loss[:, late]` is a column: one entry for each sequence.",
        "The difference of the two columns, then its mean: `(loss[:, late] - loss[:, early]).mean()`.",
    ),
)
