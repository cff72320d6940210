"""The exercise `sae_loss`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import activations, random_rows

if TYPE_CHECKING:
    from torch import Tensor


def _loss_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "one input",
        x=draw.of([[1.0, 2.0]]),
        x_hat=draw.of([[1.5, 0.0]]),
        f=draw.of([[0.0, 2.0, 1.0]]),
        W_dec=draw.of([[1.0, 0.0], [3.0, 4.0], [0.0, 0.5]]),
        l1_coefficient=0.5,
    )
    yield basic("three inputs", **_scored(draw, 3, 2, 4, 0.25))
    for coefficient in (0.1, 1.0, 4.0):
        size = draw.sizes("batch", "d_in", "d_sae", low=2, high=9)
        yield general(
            "random features", **_active(_scored(draw, size["batch"], size["d_in"], size["d_sae"], coefficient))
        )
    yield general("large errors", **_active(_scored(draw, 4, 5, 7, 2.0, scale=100.0)))
    sparse = general("features of which some are 0", **_scored(draw, 5, 4, 8, 0.7))
    sparse.smooth = False  # a feature is never negative, so 0 is a kink: `f.abs()` is as good as f
    yield sparse
    yield edge("a coefficient of 0", **_scored(draw, 4, 5, 7, 0.0))
    yield edge("one input", **_scored(draw, 1, 5, 7, 0.7))
    yield edge("one feature", **_scored(draw, 5, 3, 1, 0.7))
    yield edge("one input dimension", **_scored(draw, 5, 1, 4, 0.7))
    n = draw.size(3, 4)
    yield edge("every size the same", **_scored(draw, n, n, n, 0.7))
    args = _scored(draw, 4, 5, 6, 0.7)
    yield edge("a perfect reconstruction", **{**args, "x_hat": args["x"].clone()})
    yield edge("no feature active", **{**args, "f": args["f"] * 0})
    rows = args["W_dec"].clone()
    rows[1] = 0
    yield edge("a decoder row of zero", **{**args, "W_dec": rows})
    yield edge("long decoder rows", **{**args, "W_dec": args["W_dec"] * 50})


def _scored(draw: Draw, batch: int, d_in: int, d_sae: int, l1_coefficient: float, scale: float = 1.0) -> dict[str, Any]:
    return {
        "x": draw.normal(batch, d_in, scale=scale),
        "x_hat": draw.normal(batch, d_in, scale=scale),
        "f": activations(draw, batch, d_sae, scale),
        "W_dec": random_rows(draw, d_sae, d_in),
        "l1_coefficient": l1_coefficient,
    }


def _active(args: dict[str, Any]) -> dict[str, Any]:
    """The same with every feature above 0, where the loss has one gradient in f however it is written."""
    return {**args, "f": args["f"] + 0.1 * args["f"].max()}


def _parts(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor) -> tuple[Tensor, Tensor]:
    return (x - x_hat).square().sum(-1), (f * W_dec.norm(dim=-1)).sum(-1)


def error_averaged_over_dimensions(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The squared error is averaged over the dimensions of x: it is summed over them, and averaged over the batch alone."""
    _, penalty = _parts(x, x_hat, f, W_dec)
    return (x - x_hat).square().mean() + l1_coefficient * penalty.mean()


def penalty_averaged_over_features(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The penalty is averaged over features: it is summed over them, and averaged over the batch alone."""
    error, penalty = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * penalty / f.shape[-1]).mean()


def averaged_over_everything(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """Error and penalty are both averaged over everything: sum the error over dimensions and the penalty over features, and take
    the mean over the batch alone."""
    return (x - x_hat).square().mean() + l1_coefficient * (f * W_dec.norm(dim=-1)).mean()


def summed_over_the_batch(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The loss is summed over the batch: take the mean, so that it does not grow with the batch."""
    error, penalty = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * penalty).sum()


def norms_left_out(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The features are not weighted by the norms of their decoder rows. Then the penalty can be cheated: halve every feature
    and double its row, and the reconstruction stays as it is."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * f.sum(-1)).mean()


def norms_squared(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The features are weighted by the squared norms of their decoder rows: the norms themselves are asked for."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * (f * W_dec.square().sum(-1)).sum(-1)).mean()


def one_norm_for_all_rows(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """All features are weighted by the norm of the whole matrix: each has the norm of its own row, `W_dec.norm(dim=-1)`."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * f.sum(-1) * W_dec.norm()).mean()


def norms_of_columns(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The norms are those of the columns of `W_dec`: a feature's direction is its row, `W_dec.norm(dim=-1)`."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * (f * W_dec.norm(dim=0)).sum(-1)).mean()


def magnitudes_for_norms(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The features are weighted by the sums of magnitudes of their rows: the Euclidean norm is asked for. The "L1" of the
    penalty is the sum over features."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * (f * W_dec.abs().sum(-1)).sum(-1)).mean()


def squares_penalised(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The penalty takes the squares of the features. A square hardly minds small values, so it makes all features weak
    instead of most of them 0: take the features themselves."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * (f.square() * W_dec.norm(dim=-1)).sum(-1)).mean()


def active_features_counted(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The penalty counts active features. That is what one wants, but a count has no gradient: take the features themselves."""
    error, _ = _parts(x, x_hat, f, W_dec)
    return (error + l1_coefficient * ((f > 0).to(f.dtype) * W_dec.norm(dim=-1)).sum(-1)).mean()


def error_not_squared(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """This takes the length of the error: its square is asked for, the sum of the squared differences."""
    _, penalty = _parts(x, x_hat, f, W_dec)
    return ((x - x_hat).norm(dim=-1) + l1_coefficient * penalty).mean()


def magnitudes_of_errors(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The magnitudes of the errors are added up: their squares are asked for."""
    _, penalty = _parts(x, x_hat, f, W_dec)
    return ((x - x_hat).abs().sum(-1) + l1_coefficient * penalty).mean()


def coefficient_on_the_error(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The coefficient multiplies the error: it belongs to the penalty."""
    error, penalty = _parts(x, x_hat, f, W_dec)
    return (l1_coefficient * error + penalty).mean()


def penalty_left_out(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """This is the error alone: without the penalty nothing asks the features to be sparse."""
    return _parts(x, x_hat, f, W_dec)[0].mean()


def one_loss_for_each_input(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """There is a loss for each input: take the mean over the batch."""
    error, penalty = _parts(x, x_hat, f, W_dec)
    return error + l1_coefficient * penalty


def norms_without_a_gradient(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The value is right, but the penalty does not reach the decoder: with its norms detached, training can still cheat by
    making the rows long. Let the gradient through."""
    error, penalty = _parts(x, x_hat, f, W_dec.detach())
    return (error + l1_coefficient * penalty + 0 * W_dec.sum()).mean()


def features_without_a_gradient(x: Tensor, x_hat: Tensor, f: Tensor, W_dec: Tensor, l1_coefficient: float) -> Tensor:
    """The value is right, but the penalty does not reach the features: do not detach them, or nothing makes them sparse."""
    error, penalty = _parts(x, x_hat, f.detach(), W_dec)
    return (error + l1_coefficient * penalty + 0 * f.sum()).mean()


exercise = Exercise(
    __name__,
    further="There is one feature, with a row of length 1, and the input is twice that row. Which f has the lowest loss at a price of 0.3? And which, if the input is a tenth of the row?",
    cases=_loss_cases,
    gradients=("x_hat", "f", "W_dec"),
    wrong=(
        error_averaged_over_dimensions,
        penalty_averaged_over_features,
        averaged_over_everything,
        summed_over_the_batch,
        norms_left_out,
        norms_squared,
        one_norm_for_all_rows,
        norms_of_columns,
        magnitudes_for_norms,
        squares_penalised,
        active_features_counted,
        error_not_squared,
        magnitudes_of_errors,
        coefficient_on_the_error,
        penalty_left_out,
        one_loss_for_each_input,
        norms_without_a_gradient,
        features_without_a_gradient,
    ),
    hints=(
        "Two sums for each input: one over the dimensions of x, one over features. Only then a mean, over inputs.",
        "The length of every decoder row is `W_dec.norm(dim=-1)`, one number for each feature, so it multiplies f.",
        "`error = (x - x_hat).square().sum(-1)`, `penalty = (f * W_dec.norm(dim=-1)).sum(-1)`.",
        "`(error + l1_coefficient * penalty).mean()`.",
    ),
)
