"""The exercise `composition_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import frobenius, ratio

if TYPE_CHECKING:
    from torch import Tensor


def _composition_cases(draw: Draw) -> Iterator[Case]:
    def on(d_in: int, d_mid: int, d_out: int, scale: float = 1.0) -> dict[str, Tensor]:
        return {"W_A": draw.normal(d_in, d_mid, scale=scale), "W_B": draw.normal(d_mid, d_out, scale=scale)}

    yield basic(
        "two matrices of two by two", W_A=draw.of([[1.0, 2.0], [0.0, 1.0]]), W_B=draw.of([[1.0, 0.0], [3.0, -1.0]])
    )
    yield basic(
        "two matrices with nothing in common",
        W_A=draw.of([[1.0, 0.0], [2.0, 0.0]]),
        W_B=draw.of([[0.0, 0.0], [1.0, 3.0]]),
    )
    yield basic("two random matrices", **on(*draw.sizes("d_in", "d_mid", "d_out", high=4).values()))
    for _ in range(3):
        yield general("random matrices", **on(*draw.sizes("d_in", "d_mid", "d_out", high=12).values()))
    left, right = draw.normal(9, 2), draw.normal(2, 9)
    yield general("matrices of low rank", W_A=left @ right, W_B=draw.normal(9, 1) @ draw.normal(1, 9))
    yield general("large weights", **on(7, 5, 6, 1e4))
    yield general("small weights", **on(6, 7, 5, 1e-5))
    yield edge("a first matrix of zeros", W_A=draw.of(torch.zeros(4, 5)), W_B=draw.normal(5, 3))
    yield edge("a second matrix of zeros", W_A=draw.normal(4, 5), W_B=draw.of(torch.zeros(5, 3)))
    yield edge("two matrices of zeros", W_A=draw.of(torch.zeros(3, 3)), W_B=draw.of(torch.zeros(3, 3)))
    yield edge("a middle of 1", **on(4, 1, 6))
    yield edge("sizes of 1 throughout", **on(1, 1, 1))
    yield edge("square matrices", **on(5, 5, 5))


def matrices_exchanged(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The product is W_B W_A: with row vectors what comes first stands on the left, W_A W_B."""
    return ratio(frobenius(W_B @ W_A), frobenius(W_A) * frobenius(W_B))


def zero_divided_by_zero(W_A: Tensor, W_B: Tensor) -> Tensor:
    """A zero matrix gives 0/0, which is NaN: the score is 0 then. `torch.where`, or an `if`."""
    return frobenius(W_A @ W_B) / (frobenius(W_A) * frobenius(W_B))


def largest_singular_values(W_A: Tensor, W_B: Tensor) -> Tensor:
    """These are spectral norms, the largest singular value each; the Frobenius norm is asked for, the root of the sum of
    squares."""
    norms = [torch.linalg.matrix_norm(W, ord=2) for W in (W_A @ W_B, W_A, W_B)]
    return ratio(norms[0], norms[1] * norms[2])


def sums_of_singular_values(W_A: Tensor, W_B: Tensor) -> Tensor:
    """These are nuclear norms, sums of singular values; the Frobenius norm is the root of the sum of their squares."""
    norms = [torch.linalg.matrix_norm(W, ord="nuc") for W in (W_A @ W_B, W_A, W_B)]
    return ratio(norms[0], norms[1] * norms[2])


def norms_squared(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The norms are left squared: take the root."""
    return ratio((W_A @ W_B).square().sum(), W_A.square().sum() * W_B.square().sum())


def product_not_normalised(W_A: Tensor, W_B: Tensor) -> Tensor:
    """This is the norm of the product alone: divide by the two norms, or large weights look like composition."""
    return frobenius(W_A @ W_B)


def one_norm_forgotten(W_A: Tensor, W_B: Tensor) -> Tensor:
    """It is divided by one of the norms only: both belong below the line."""
    return ratio(frobenius(W_A @ W_B), frobenius(W_A))


def norms_added(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The two norms are added below the line: it is their product."""
    return ratio(frobenius(W_A @ W_B), frobenius(W_A) + frobenius(W_B))


def small_number_below(W_A: Tensor, W_B: Tensor) -> Tensor:
    """A small number added below the line is not small beside small weights: ask whether the norm is 0 instead."""
    return frobenius(W_A @ W_B) / (frobenius(W_A) * frobenius(W_B) + 1e-8)


def norm_over_rows(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The norm runs over one axis, so that a vector is left: it is taken over the whole matrix."""
    return ratio((W_A @ W_B).norm(dim=-1), W_A.norm(dim=-1) * frobenius(W_B))


def baseline_subtracted(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The score of random matrices, 1/√d_mid, is subtracted: a baseline is drawn beside the scores, not taken out of them."""
    return ratio(frobenius(W_A @ W_B), frobenius(W_A) * frobenius(W_B)) - W_A.shape[1] ** -0.5


exercise = Exercise(
    __name__,
    further="What does the identity score with itself in 256 dimensions, where all that is written is read? What do two matrices have to be like for a score of 1?",
    cases=_composition_cases,
    wrong=(
        matrices_exchanged,
        zero_divided_by_zero,
        largest_singular_values,
        sums_of_singular_values,
        norms_squared,
        product_not_normalised,
        one_norm_forgotten,
        norms_added,
        small_number_below,
        norm_over_rows,
        baseline_subtracted,
    ),
    hints=(
        "Three norms: of the product, of the first, of the second. What goes below the line?",
        "`W.norm()` without arguments is the Frobenius norm. What comes out when W_A is zero?",
        "`(W_A @ W_B).norm() / (W_A.norm() * W_B.norm())`; and `torch.where(below > 0, above / below, 0.0)` gives 0 where there is "
        "nothing to divide by.",
    ),
)
