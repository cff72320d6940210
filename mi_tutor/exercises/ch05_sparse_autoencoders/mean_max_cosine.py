"""The exercise `mean_max_cosine`: its inputs, how an answer is judged, its mistakes and hints."""

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


def _cosine_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two true features, three rows",
        W_dec=draw.of([[2.0, 0.0], [0.0, -1.0], [3.0, 4.0]]),
        truth=draw.of([[1.0, 0.0], [0.0, 5.0]]),
    )
    yield basic("three true features", W_dec=random_rows(draw, 4, 3), truth=random_rows(draw, 3, 3))
    for _ in range(3):
        size = draw.sizes("d_sae", "feature", "d_in", low=3, high=9)
        yield general("random directions", **_directions(draw, *size.values()))
    yield general("a large dictionary", **_directions(draw, 40, 6, 4))
    yield general("fewer rows than true features", **_directions(draw, 3, 20, 5))
    yield edge("one row", **_directions(draw, 1, 4, 3))
    yield edge("one true feature", **_directions(draw, 5, 1, 3))
    yield edge("one dimension", **_directions(draw, 3, 4, 1))
    n = draw.size(3, 4)
    yield edge("every size the same", **_directions(draw, n, n, n))
    truth = random_rows(draw, 5, 4)
    yield edge("the truth itself, at other lengths", W_dec=draw.of(truth.flip(0) * 7), truth=truth)
    yield edge("the truth turned round", W_dec=-truth, truth=truth)
    rows = random_rows(draw, 4, 3)
    rows[1] = 0
    yield edge("a row of zeros", W_dec=rows, truth=random_rows(draw, 3, 3))
    opposite = draw.of([[-1.0, -2.0], [-3.0, -0.5], [0.0, 0.0]])
    yield edge("a row of zeros among rows that all point away", W_dec=opposite, truth=draw.of([[1.0, 0.0], [1.0, 1.0]]))
    yield edge("nothing but zeros", W_dec=rows * 0, truth=random_rows(draw, 3, 3))
    yield edge("every row points away", W_dec=opposite[:2].clone(), truth=draw.of([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))


def _directions(draw: Draw, d_sae: int, feature: int, d_in: int) -> dict[str, Tensor]:
    return {"W_dec": random_rows(draw, d_sae, d_in), "truth": random_rows(draw, feature, d_in)}


def _cosines(W_dec: Tensor, truth: Tensor) -> Tensor:
    return F.normalize(truth, dim=-1) @ F.normalize(W_dec, dim=-1).T


def best_truth_for_each_row(W_dec: Tensor, truth: Tensor) -> Tensor:
    """This takes the best true feature for each row, and the mean over rows: it asks whether every row is a feature. Asked
    for is whether every true feature has been found, so take the best row for each."""
    return _cosines(W_dec, truth).amax(0).mean()


def signs_ignored(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The signs of the cosines are ignored. Features are never negative, so a row that points the other way is no match."""
    return _cosines(W_dec, truth).abs().amax(-1).mean()


def dot_products(W_dec: Tensor, truth: Tensor) -> Tensor:
    """These are dot products: divide by the lengths of both vectors to get cosines."""
    return (truth @ W_dec.T).amax(-1).mean()


def truth_not_normalised(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The true directions are not brought to length 1: a cosine divides by both lengths."""
    return (truth @ F.normalize(W_dec, dim=-1).T).amax(-1).mean()


def rows_not_normalised(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The decoder's rows are not brought to length 1: a cosine divides by both lengths, or the longest row wins."""
    return (F.normalize(truth, dim=-1) @ W_dec.T).amax(-1).mean()


def mean_of_all_cosines(W_dec: Tensor, truth: Tensor) -> Tensor:
    """This is the mean of all cosines: take the largest for each true feature first."""
    return _cosines(W_dec, truth).mean()


def best_of_all_cosines(W_dec: Tensor, truth: Tensor) -> Tensor:
    """This is the single best cosine: take the best for each true feature, then the mean of these."""
    return _cosines(W_dec, truth).max()


def worst_true_feature(W_dec: Tensor, truth: Tensor) -> Tensor:
    """This is the best cosine of the true feature that is found worst: take the mean over true features."""
    return _cosines(W_dec, truth).amax(-1).min()


def each_row_serves_once(W_dec: Tensor, truth: Tensor) -> Tensor:
    """A row that has been given to one true feature is not given to another: it may serve several."""
    table, found = _cosines(W_dec, truth).clone(), []
    for row in table:
        best = int(row.argmax())
        found.append(row[best].clone())
        table[:, best] = -2 if len(found) < table.shape[1] else table[:, best]
    return torch.stack(found).mean()


def each_row_used_up(W_dec: Tensor, truth: Tensor) -> Tensor:
    """A row that has been given to one true feature is used up for the others: it may serve several."""
    table, found = _cosines(W_dec, truth).clone(), []
    for row in table:
        best = int(row.argmax())
        found.append(row[best].clone())
        table[:, best] = -1
    return torch.stack(found).mean()


def best_pairs_used_up(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The best pair is taken first, and its row is then gone, so that each row serves one true feature: here a row may serve
    several. Take each true feature's largest cosine by itself."""
    cosines = _cosines(W_dec, truth).clone()
    total = cosines.new_zeros(())
    for _ in range(min(cosines.shape)):
        i, j = divmod(int(cosines.argmax()), cosines.shape[1])
        total = total + cosines[i, j]
        cosines[i], cosines[:, j] = -2, -2
    return total / len(truth)


def nearest_by_dot_product(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The nearest row is chosen by its dot product, so that a long row wins over one that points the right way: the largest of the
    cosines themselves is asked for."""
    chosen = (truth @ W_dec.mT).argmax(-1)
    return _cosines(W_dec, truth).gather(-1, chosen[:, None]).mean()


def columns_for_rows(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The columns are brought to length 1: a direction is a row of either matrix, so normalise over the last axis."""
    return (F.normalize(truth, dim=0) @ F.normalize(W_dec, dim=0).T).amax(-1).mean()


def zero_by_zero_cosine(W_dec: Tensor, truth: Tensor) -> Tensor:
    """A row of zeros has no direction, and 0/0 is NaN: its cosine is 0."""
    rows = W_dec / W_dec.norm(dim=-1, keepdim=True)
    return (F.normalize(truth, dim=-1) @ rows.T).amax(-1).mean()


def zero_rows_left_out(W_dec: Tensor, truth: Tensor) -> Tensor:
    """Rows of zeros are left out: they stay, with a cosine of 0, which is better than a negative one."""
    rows = W_dec[W_dec.norm(dim=-1) > 0]
    if not len(rows):
        return W_dec.new_zeros(())
    return _cosines(rows, truth).amax(-1).mean()


def one_cosine_for_each_feature(W_dec: Tensor, truth: Tensor) -> Tensor:
    """There is a number for each true feature: take their mean."""
    return _cosines(W_dec, truth).amax(-1)


exercise = Exercise(
    __name__,
    further="Exchange the arguments: which question does `mean_max_cosine(truth, W_dec)` answer? Which of the two numbers would notice a thousand useless rows?",
    cases=_cosine_cases,
    answer=close_but_for_a_guard,
    wrong=(
        best_truth_for_each_row,
        signs_ignored,
        dot_products,
        truth_not_normalised,
        rows_not_normalised,
        mean_of_all_cosines,
        best_of_all_cosines,
        worst_true_feature,
        each_row_serves_once,
        columns_for_rows,
        zero_by_zero_cosine,
        zero_rows_left_out,
        one_cosine_for_each_feature,
        each_row_used_up,
        best_pairs_used_up,
        nearest_by_dot_product,
    ),
    hints=(
        "Make a table: a row for each true feature, a column for each row of the decoder, cosines in it. Over which axis do "
        "you look for the best, over which do you average?",
        "`torch.nn.functional.normalize(v, dim=-1)` brings rows to length 1 and leaves a row of zeros as it is.",
        "`(normalize(truth, dim=-1) @ normalize(W_dec, dim=-1).T).amax(-1).mean()`.",
    ),
)
