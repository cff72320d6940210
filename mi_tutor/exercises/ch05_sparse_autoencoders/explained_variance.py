"""The exercise `explained_variance`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _variance_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two inputs", x=draw.of([[1.0, 2.0], [3.0, 6.0]]), x_hat=draw.of([[1.0, 2.5], [2.5, 5.0]]))
    yield basic("three inputs", **_reconstructed(draw, 3, 2))
    for noise in (0.2, 0.5, 0.8):
        size = draw.sizes("batch", "d_in", low=3, high=12)
        yield general("a fair reconstruction", **_reconstructed(draw, size["batch"], size["d_in"], noise))
    yield general("dimensions of very different spread", **_reconstructed(draw, 20, 6, uneven=True))
    yield edge("one dimension", **_reconstructed(draw, 9, 1))
    yield edge("two inputs", **_reconstructed(draw, 2, 7))
    yield edge("as many inputs as dimensions", **_reconstructed(draw, 5, 5))
    args = _reconstructed(draw, 8, 5)
    x = args["x"]
    yield edge("a perfect reconstruction", x=x, x_hat=x.clone())
    yield edge("the mean for everything", x=x, x_hat=x.mean(0, keepdim=True).expand_as(x).clone())
    yield edge("zeros for everything", x=x, x_hat=x * 0)
    yield edge("worse than the mean", x=x, x_hat=-3 * x)
    yield edge("too short by half", x=x, x_hat=x * 0.5)
    level = x.clone()
    level[:, 2] = 4.0
    yield edge("a dimension that never changes", x=level, x_hat=args["x_hat"])
    yield edge("every dimension at its own level", **_reconstructed(draw, 10, 6, level=5.0))


def _reconstructed(
    draw: Draw, batch: int, d_in: int, noise: float = 0.4, level: float = 1.0, uneven: bool = False
) -> dict[str, Tensor]:
    size = torch.logspace(-1, 1, d_in) if uneven else torch.ones(d_in)
    spread = draw.of(size)
    x = draw.normal(batch, d_in) * spread + draw.normal(d_in, scale=level)
    return {"x": x, "x_hat": x + draw.normal(batch, d_in, scale=noise) * spread}


def _ratio(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()


def unexplained_share(x: Tensor, x_hat: Tensor) -> Tensor:
    """This is the share that is *not* explained: subtract it from 1."""
    return _ratio(x, x_hat)


def one_mean_for_all_dimensions(x: Tensor, x_hat: Tensor) -> Tensor:
    """One mean is taken over all entries of x: each dimension has its own, `x.mean(0)`."""
    return 1 - (x - x_hat).square().sum() / (x - x.mean()).square().sum()


def mean_of_each_input(x: Tensor, x_hat: Tensor) -> Tensor:
    """The mean is that of each input over its dimensions: take that of each dimension over the batch, `x.mean(0)`."""
    below = (x - x.mean(-1, keepdim=True)).square().sum()
    return 1 - (x - x_hat).square().sum() / torch.where(below > 0, below, 1)


def no_mean_taken(x: Tensor, x_hat: Tensor) -> Tensor:
    """The error is held against the size of x, not against its spread: subtract the mean of each dimension from x first.
    Otherwise a large constant makes every reconstruction look good."""
    return 1 - (x - x_hat).square().sum() / x.square().sum()


def clamped_at_zero(x: Tensor, x_hat: Tensor) -> Tensor:
    """A reconstruction that is worse than the mean explains less than nothing: do not cut it off at 0."""
    return (1 - _ratio(x, x_hat)).clamp(min=0)


def mean_over_dimensions(x: Tensor, x_hat: Tensor) -> Tensor:
    """The share is taken for each dimension and then averaged, so that one which hardly varies counts as much as the
    others: sum both over the whole batch and all dimensions, and divide once."""
    below = (x - x.mean(0)).square().sum(0)
    shares = (x - x_hat).square().sum(0) / torch.where(below > 0, below, 1)
    return (1 - shares).mean()


def mean_over_inputs(x: Tensor, x_hat: Tensor) -> Tensor:
    """The share is taken for each input and then averaged: sum both over the whole batch, and divide once."""
    return 1 - ((x - x_hat).square().sum(-1) / (x - x.mean(0)).square().sum(-1)).mean()


def variance_of_the_reconstruction(x: Tensor, x_hat: Tensor) -> Tensor:
    """This compares how much the two vary. A reconstruction can vary as much as x and have nothing to do with it: take the
    errors, x - x_hat."""
    return (x_hat - x_hat.mean(0)).square().sum() / (x - x.mean(0)).square().sum()


def squared_correlation(x: Tensor, x_hat: Tensor) -> Tensor:
    """This is a squared correlation. It forgives a reconstruction that is too short or shifted; explained variance does
    not."""
    a, b = x - x.mean(0), x_hat - x_hat.mean(0)
    below = (a.square().sum() * b.square().sum()).sqrt()
    return ((a * b).sum() / torch.where(below > 0, below, 1)).square()


def errors_centred(x: Tensor, x_hat: Tensor) -> Tensor:
    """The errors' own mean is taken away, as if a reconstruction that is off by a constant were right: use the errors as
    they are."""
    error = x - x_hat
    return 1 - (error - error.mean(0)).square().sum() / (x - x.mean(0)).square().sum()


def spread_around_the_reconstruction(x: Tensor, x_hat: Tensor) -> Tensor:
    """The mean subtracted below is that of x_hat: take that of x."""
    return 1 - (x - x_hat).square().sum() / (x - x_hat.mean(0)).square().sum()


def ratio_of_lengths(x: Tensor, x_hat: Tensor) -> Tensor:
    """The square root of the ratio is subtracted: variances are squares, so no root."""
    return 1 - _ratio(x, x_hat).sqrt()


def divided_by_one_fewer(x: Tensor, x_hat: Tensor) -> Tensor:
    """`var` divides by one less than the number of inputs, the mean error by all of them: take sums on both sides, or
    `correction=0`."""
    return 1 - (x - x_hat).square().mean(0).sum() / x.var(0).sum()


def variance_of_all_entries(x: Tensor, x_hat: Tensor) -> Tensor:
    """`x.var()` is the variance of all entries together: it takes one mean for all dimensions, where each has its own, and
    divides by one fewer, which the error does not. Take the sum of `(x - x.mean(0)).square()` instead."""
    return 1 - (x - x_hat).square().mean() / x.var()


exercise = Exercise(
    __name__,
    further="One dimension has a variance of 100, and 99 others 0.01 each. What does a reconstruction explain that has the first right and the others at their means, and how would you notice what is missing?",
    cases=_variance_cases,
    wrong=(
        unexplained_share,
        one_mean_for_all_dimensions,
        mean_of_each_input,
        no_mean_taken,
        clamped_at_zero,
        mean_over_dimensions,
        mean_over_inputs,
        variance_of_the_reconstruction,
        squared_correlation,
        errors_centred,
        spread_around_the_reconstruction,
        ratio_of_lengths,
        divided_by_one_fewer,
        variance_of_all_entries,
    ),
    hints=(
        "What is the best you could do without looking at x at all? That guess should score 0.",
        "The best constant guess is the mean of every dimension over the batch, `x.mean(0)`.",
        "Two sums over everything: `(x - x_hat).square().sum()` and `(x - x.mean(0)).square().sum()`.",
        "`1 - (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()`.",
    ),
)
