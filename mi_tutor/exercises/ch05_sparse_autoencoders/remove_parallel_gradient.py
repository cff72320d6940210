"""The exercise `remove_parallel_gradient`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.compare import close_but_for_a_guard
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import random_rows

if TYPE_CHECKING:
    from torch import Tensor


def _gradient_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two rows",
        W_dec=draw.of([[2.0, 0.0], [3.0, 4.0]]),
        grad=draw.of([[1.0, 5.0], [1.0, 0.0]]),
    )
    yield basic("three rows", **_to_clean(draw, 3, 4))
    for _ in range(3):
        size = draw.sizes("d_sae", "d_in", low=2, high=12)
        yield general("random rows", **_to_clean(draw, *size.values()))
    wide = _to_clean(draw, 6, 5)
    yield general("large gradients", **{**wide, "grad": wide["grad"] * 1e3})
    yield edge("one row", **_to_clean(draw, 1, 5))
    yield edge("one dimension", **_to_clean(draw, 4, 1))
    n = draw.size(3, 5)
    yield edge("as many rows as dimensions", **_to_clean(draw, n, n))
    args = _to_clean(draw, 5, 4)
    rows = args["W_dec"].clone()
    rows[2] = 0
    yield edge("a row of zeros", **{**args, "W_dec": rows})
    yield edge("nothing but rows of zeros", **{**args, "W_dec": rows * 0})
    yield edge("rows of length 1", **{**args, "W_dec": F.normalize(args["W_dec"], dim=-1)})
    yield edge("short rows", **{**args, "W_dec": F.normalize(args["W_dec"], dim=-1) * 0.03})
    yield edge("long rows", **{**args, "W_dec": args["W_dec"] * 1e3})
    yield edge("gradients along the rows", **{**args, "grad": args["W_dec"] * draw.normal(5, 1)})
    yield edge("gradients of zero", **{**args, "grad": args["grad"] * 0})


def _to_clean(draw: Draw, d_sae: int, d_in: int) -> dict[str, Tensor]:
    return {"W_dec": random_rows(draw, d_sae, d_in), "grad": draw.normal(d_sae, d_in)}


def _along(W_dec: Tensor, grad: Tensor) -> Tensor:
    return (grad * F.normalize(W_dec, dim=-1)).sum(-1, keepdim=True)


def rows_taken_for_unit(W_dec: Tensor, grad: Tensor) -> Tensor:
    """This is right for rows of length 1 only: divide by the row's squared length, or bring it to length 1 first."""
    return grad - (grad * W_dec).sum(-1, keepdim=True) * W_dec


def divided_by_the_length_once(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The row occurs twice in its own part of the gradient, so it is divided by its length twice: by the square of it."""
    length = W_dec.norm(dim=-1, keepdim=True)
    return grad - (grad * W_dec).sum(-1, keepdim=True) * W_dec / torch.where(length > 0, length, 1)


def parallel_part_kept(W_dec: Tensor, grad: Tensor) -> Tensor:
    """This is the part along the rows: it is the part to be taken away."""
    return _along(W_dec, grad) * F.normalize(W_dec, dim=-1)


def parallel_part_added(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along the rows is added once more: subtract it."""
    return grad + _along(W_dec, grad) * F.normalize(W_dec, dim=-1)


def parallel_part_taken_twice(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along the rows is subtracted twice, so it is there with the other sign: a reflection, not a projection."""
    return grad - 2 * _along(W_dec, grad) * F.normalize(W_dec, dim=-1)


def whole_rows_subtracted(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The unit row itself is subtracted, however much or little of the gradient lies along it: multiply it by that part
    first."""
    return grad - F.normalize(W_dec, dim=-1)


def columns_cleaned(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along each column is taken away: a feature's direction is its row."""
    direction = F.normalize(W_dec, dim=0)
    return grad - (grad * direction).sum(0, keepdim=True) * direction


def one_direction_for_the_whole_matrix(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The two matrices are treated as one long vector each: every row has its own part along itself."""
    total = W_dec.square().sum()
    return grad - (grad * W_dec).sum() / torch.where(total > 0, total, 1) * W_dec


def rows_cleaned_of_the_gradient(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The roles are exchanged: this takes out of the rows what lies along the gradient."""
    direction = F.normalize(grad, dim=-1)
    return W_dec - (W_dec * direction).sum(-1, keepdim=True) * direction


def zero_rows_make_nan(W_dec: Tensor, grad: Tensor) -> Tensor:
    """A row of zeros gives 0/0, which is NaN. It has no direction, so nothing is taken from its gradient."""
    return grad - (grad * W_dec).sum(-1, keepdim=True) / W_dec.square().sum(-1, keepdim=True) * W_dec


def zero_rows_lose_their_gradient(W_dec: Tensor, grad: Tensor) -> Tensor:
    """A row of zeros loses its gradient: it has no direction, so its gradient stays whole, or it could never grow."""
    cleaned = grad - _along(W_dec, grad) * F.normalize(W_dec, dim=-1)
    return torch.where(W_dec.norm(dim=-1, keepdim=True) > 0, cleaned, 0)


def gradient_made_unit(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The gradient is brought to length 1 as well before its part along the row is measured: only the row is, or a long
    gradient keeps most of that part."""
    return grad - _along(W_dec, F.normalize(grad, dim=-1)) * F.normalize(W_dec, dim=-1)


def cleaned_to_length_one(W_dec: Tensor, grad: Tensor) -> Tensor:
    """What is left is brought to length 1: leave it as it is, or all rows would move by the same amount."""
    return F.normalize(grad - _along(W_dec, grad) * F.normalize(W_dec, dim=-1), dim=-1)


def only_growth_removed(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along the row is taken away only where it has one sign: it goes in both cases."""
    return grad - _along(W_dec, grad).relu() * F.normalize(W_dec, dim=-1)


def gradient_overwritten(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The result is right, but `grad` itself has been changed: make a new tensor."""
    grad -= _along(W_dec, grad) * F.normalize(W_dec, dim=-1)
    return grad


exercise = Exercise(
    __name__,
    further="Your gradient is at right angles to its row. Adam divides each entry by a scale of its own: is its step at right angles, too, and what is it that keeps the rows at length 1?",
    cases=_gradient_cases,
    answer=close_but_for_a_guard,
    wrong=(
        rows_taken_for_unit,
        divided_by_the_length_once,
        parallel_part_kept,
        parallel_part_added,
        parallel_part_taken_twice,
        whole_rows_subtracted,
        columns_cleaned,
        one_direction_for_the_whole_matrix,
        rows_cleaned_of_the_gradient,
        zero_rows_make_nan,
        zero_rows_lose_their_gradient,
        gradient_made_unit,
        cleaned_to_length_one,
        only_growth_removed,
        gradient_overwritten,
    ),
    hints=(
        "Split each row of the gradient into a part along its decoder row and a part at right angles to it. Which one "
        "changes the row's length?",
        "With u the decoder row at length 1, the part of g along it is (g · u) u.",
        "`normalize` of torch.nn.functional leaves a row of zeros at 0, and then nothing is subtracted.",
        "`grad - (grad * u).sum(-1, keepdim=True) * u`.",
    ),
)
