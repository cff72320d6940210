"""Chapter 05: sparse autoencoders: what one computes, how it is trained and measured, what its features mean and do."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mi_tutor.check.compare import Problem, close, close_but_for_a_guard, close_to_single_precision, near
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Law, Score, Tally
from mi_tutor.check.small_model import edited_in_place

SOLUTIONS = "ch05_sparse_autoencoders"
MARGIN = 1e-3
"""How far inputs keep away from a ReLU's kink, where gradients are judged."""


def _rows(draw: Draw, *shape: int, low: float = 0.5, high: float = 3.0) -> Tensor:
    """Rows of random direction whose lengths are spread evenly between two bounds."""
    direction = normalize(draw.normal(*shape).double(), dim=-1)
    count = shape[-2]
    lengths = torch.linspace(low, high, count, dtype=torch.float64) if count > 1 else torch.tensor([high]).double()
    return draw.of(direction.cpu() * lengths[:, None])


def _activations(draw: Draw, batch: int, d_sae: int, scale: float = 1.0) -> Tensor:
    """What an encoder puts out: not negative, about a third of it zero."""
    return (draw.normal(batch, d_sae, scale=scale) + 0.4 * scale).relu()


# --- sae_encode ------------------------------------------------------------------------------------------------------


def _encode_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two inputs, three features",
        x=draw.of([[1.0, 2.0], [3.0, 0.0]]),
        W_enc=draw.of([[1.0, 0.0, -1.0], [0.0, 1.0, 0.5]]),
        b_enc=draw.of([0.25, -1.5, 0.0]),
        b_dec=draw.of([0.5, -1.0]),
    )
    yield basic("one input", **_encoder(draw, 1, 3, 4))
    for _ in range(3):
        size = draw.sizes("batch", "d_in", "d_sae", low=2, high=9)
        yield general("random weights", **_encoder(draw, *size.values()))
    yield general("many features", **_encoder(draw, 4, 5, 40))
    yield edge("large activations", **_encoder(draw, 4, 5, 7, scale=300.0))
    yield edge("one feature", **_encoder(draw, 5, 3, 1))
    yield edge("one input dimension", **_encoder(draw, 4, 1, 6))
    n = draw.size(3, 4)
    yield edge("every size the same", **_encoder(draw, n, n, n))
    yield edge("an empty batch", **_encoder(draw, 0, 3, 5))
    args = _encoder(draw, 5, 4, 6)
    yield edge("inputs equal to b_dec", **{**args, "x": args["b_dec"].expand(5, 4).clone()})
    yield edge("biases that silence every feature", **{**args, "b_enc": args["b_enc"] - 100})
    yield edge("biases that keep every feature on", **{**args, "b_enc": args["b_enc"] + 100})
    yield edge("a b_dec far from zero", **{**args, "x": args["x"] + 20, "b_dec": args["b_dec"] + 20})


def _encoder(draw: Draw, batch: int, d_in: int, d_sae: int, scale: float = 1.0) -> dict[str, Tensor]:
    """Inputs and weights for which no feature is at its kink."""
    for _ in range(1000):
        args = {
            "x": draw.normal(batch, d_in, scale=scale),
            "W_enc": draw.normal(d_in, d_sae, scale=0.8),
            "b_enc": draw.normal(d_sae, scale=0.5 * scale),
            "b_dec": draw.normal(d_in, scale=scale),
        }
        if not batch or float(_pre(**args).abs().min()) > MARGIN * scale:
            break
    return args


def _pre(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    return (x - b_dec) @ W_enc + b_enc


def no_rectification(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """Some features come out negative: a ReLU at the end is missing. Without it nothing would ever be 0, and nothing
    sparse."""
    return _pre(x, W_enc, b_enc, b_dec)


def decoder_bias_not_subtracted(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` is not used. The encoder reads how x differs from what the decoder gives when no feature is active: subtract
    `b_dec` first."""
    return (x @ W_enc + b_enc).relu()


def decoder_bias_added(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` is added to x; it is subtracted here, and added again by the decoder."""
    return _pre(x, W_enc, b_enc, -b_dec).relu()


def encoder_bias_left_out(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`b_enc` is not used. It is what keeps a feature off until enough speaks for it."""
    return ((x - b_dec) @ W_enc).relu()


def encoder_bias_subtracted(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`b_enc` is subtracted: add it before the ReLU."""
    return _pre(x, W_enc, -b_enc, b_dec).relu()


def encoder_bias_after_the_relu(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`b_enc` is added after the ReLU, where a negative one makes features negative: add it before."""
    return ((x - b_dec) @ W_enc).relu() + b_enc


def encoder_reads_backwards(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`W_enc` is transposed. It is [d_in, d_sae] and vectors are rows here, so it is `x @ W_enc`."""
    return ((x - b_dec) @ W_enc.T + b_enc).relu()


def magnitude_taken(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """Negative values lose their sign: they should become 0. That is what a ReLU does."""
    return _pre(x, W_enc, b_enc, b_dec).abs()


def sigmoid_for_relu(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """A sigmoid squeezes everything between 0 and 1 and makes nothing 0: use a ReLU."""
    return _pre(x, W_enc, b_enc, b_dec).sigmoid()


def softplus_for_relu(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """A smooth ReLU (softplus, GELU, SiLU) is never exactly 0, so that every feature would always be a little active: use
    a ReLU."""
    return torch.nn.functional.softplus(_pre(x, W_enc, b_enc, b_dec))


def inputs_of_length_one(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """The inputs are brought to length 1: use them as they are, or how strong a feature is would be lost."""
    return (normalize(x - b_dec, dim=-1) @ W_enc + b_enc).relu()


def decoder_bias_after_the_encoder(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` is subtracted after the encoder. It lives in the space of x: subtract it before `W_enc`."""
    return (x @ W_enc - b_dec + b_enc).relu()


def features_cut_from_the_graph(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """The values are right, but no gradient reaches the weights: something on the way detaches them, and training would
    stand still."""
    return _pre(x, W_enc, b_enc, b_dec).relu().detach()


def b_dec_cut_from_the_graph(x: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor) -> Tensor:
    """The values are right, but no gradient reaches `b_dec`. It is learnt through the encoder too: do not detach it."""
    return _pre(x, W_enc, b_enc, b_dec.detach()).relu()


sae_encode = Exercise(
    name="sae_encode",
    solutions=SOLUTIONS,
    cases=_encode_cases,
    gradients=("x", "W_enc", "b_enc", "b_dec"),
    bf16=True,
    wrong=(
        no_rectification,
        decoder_bias_not_subtracted,
        decoder_bias_added,
        encoder_bias_left_out,
        encoder_bias_subtracted,
        encoder_bias_after_the_relu,
        encoder_reads_backwards,
        magnitude_taken,
        sigmoid_for_relu,
        softplus_for_relu,
        inputs_of_length_one,
        decoder_bias_after_the_encoder,
        features_cut_from_the_graph,
        b_dec_cut_from_the_graph,
    ),
    hints=(
        "Four things happen, in this order: shift x, multiply, shift again, cut. Which shift belongs to which space?",
        "`b_dec` has the size of x, so it comes off x. `b_enc` has one entry for each feature, so it goes onto the product.",
        "`((x - b_dec) @ W_enc + b_enc).relu()`.",
    ),
)


# --- sae_decode ------------------------------------------------------------------------------------------------------


def _decode_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two features",
        f=draw.of([[0.0, 2.0], [1.0, 0.5]]),
        W_dec=draw.of([[1.0, 0.0, -1.0], [0.5, 1.0, 0.0]]),
        b_dec=draw.of([0.25, -1.0, 3.0]),
    )
    yield basic("one input", **_decoder(draw, 1, 4, 3))
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", "d_in", low=2, high=9)
        yield general("random weights", **_decoder(draw, *size.values()))
    yield general("strong features", **_decoder(draw, 4, 7, 5, scale=100.0))
    yield edge("one feature", **_decoder(draw, 5, 1, 3))
    yield edge("one input dimension", **_decoder(draw, 4, 6, 1))
    n = draw.size(3, 4)
    yield edge("every size the same", **_decoder(draw, n, n, n))
    yield edge("an empty batch", **_decoder(draw, 0, 5, 3))
    args = _decoder(draw, 4, 6, 3)
    yield edge("no feature active", **{**args, "f": args["f"] * 0})
    yield edge("rows of zero", **{**args, "W_dec": args["W_dec"] * 0})
    yield edge("a b_dec far below zero", **{**args, "b_dec": args["b_dec"] - 50})


def _decoder(draw: Draw, batch: int, d_sae: int, d_in: int, scale: float = 1.0) -> dict[str, Tensor]:
    return {
        "f": _activations(draw, batch, d_sae, scale),
        "W_dec": draw.normal(d_sae, d_in),
        "b_dec": draw.normal(d_in, scale=scale),
    }


def decoder_bias_left_out(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` is missing: the encoder has subtracted it, so the decoder adds it again."""
    return f @ W_dec


def decoder_bias_subtracted(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` is subtracted: that is the encoder's part, the decoder adds it again."""
    return f @ W_dec - b_dec


def decoder_reads_backwards(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """`W_dec` is transposed. Row i is the direction of feature i, and vectors are rows here, so it is `f @ W_dec`."""
    return f @ W_dec.T + b_dec


def reconstruction_rectified(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """Negative values have been cut off at 0: only the encoder has a ReLU, the decoder is linear."""
    return (f @ W_dec + b_dec).relu()


def rows_brought_to_length_one(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """The decoder's rows are brought to length 1: use them as they are."""
    return f @ normalize(W_dec, dim=-1) + b_dec


def features_counted_as_one(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """Every active feature counts as 1: how strongly it is active decides how much of its row is added."""
    return (f > 0).to(f.dtype) @ W_dec + b_dec


def features_averaged(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """The features' contributions are averaged: they add up."""
    return f @ W_dec / f.shape[-1] + b_dec


def features_made_to_sum_to_one(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """The features are divided by their sum, as if they were attention: use them as they are."""
    total = f.sum(-1, keepdim=True)
    return f / torch.where(total > 0, total, 1) @ W_dec + b_dec


def bias_once_for_each_feature(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` is scaled with the features, as if every one of them brought it along: it is added once."""
    return f @ (W_dec + b_dec)


def bias_before_the_decoder(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """`b_dec` meets the features, before `W_dec`. It has an entry for each dimension of x, not for each feature: it comes
    after the product."""
    return (f + b_dec) @ W_dec


def strongest_feature_alone(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """Only the strongest feature is decoded: all active ones add up."""
    strongest = f.amax(-1, keepdim=True)
    return torch.where(f == strongest, f, 0) @ W_dec + b_dec


def reconstruction_cut_from_the_graph(f: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    """The values are right, but no gradient reaches the decoder: something on the way detaches it."""
    return (f @ W_dec + b_dec).detach()


sae_decode = Exercise(
    name="sae_decode",
    solutions=SOLUTIONS,
    cases=_decode_cases,
    gradients=("f", "W_dec", "b_dec"),
    bf16=True,
    wrong=(
        decoder_bias_left_out,
        decoder_bias_subtracted,
        decoder_reads_backwards,
        reconstruction_rectified,
        rows_brought_to_length_one,
        features_counted_as_one,
        features_averaged,
        features_made_to_sum_to_one,
        bias_once_for_each_feature,
        bias_before_the_decoder,
        strongest_feature_alone,
        reconstruction_cut_from_the_graph,
    ),
    hints=(
        "A reconstruction is a sum of directions: which rows, each how often? And what is there when no feature is active?",
        "The sum over features of f_i times row i is one matrix product.",
        "`f @ W_dec + b_dec`.",
    ),
)


# --- sae_loss --------------------------------------------------------------------------------------------------------


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
        yield general("random features", **_scored(draw, size["batch"], size["d_in"], size["d_sae"], coefficient))
    yield general("large errors", **_scored(draw, 4, 5, 7, 2.0, scale=100.0))
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
        "f": _activations(draw, batch, d_sae, scale),
        "W_dec": _rows(draw, d_sae, d_in),
        "l1_coefficient": l1_coefficient,
    }


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


sae_loss = Exercise(
    name="sae_loss",
    solutions=SOLUTIONS,
    cases=_loss_cases,
    gradients=("x_hat", "f", "W_dec"),
    wrong=(
        error_averaged_over_dimensions,
        penalty_averaged_over_features,
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


# --- mean_max_cosine -------------------------------------------------------------------------------------------------


def _cosine_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two true features, three rows",
        W_dec=draw.of([[2.0, 0.0], [0.0, -1.0], [3.0, 4.0]]),
        truth=draw.of([[1.0, 0.0], [0.0, 5.0]]),
    )
    yield basic("three true features", W_dec=_rows(draw, 4, 3), truth=_rows(draw, 3, 3))
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
    truth = _rows(draw, 5, 4)
    yield edge("the truth itself, at other lengths", W_dec=draw.of(truth.flip(0) * 7), truth=truth)
    yield edge("the truth turned round", W_dec=-truth, truth=truth)
    rows = _rows(draw, 4, 3)
    rows[1] = 0
    yield edge("a row of zeros", W_dec=rows, truth=_rows(draw, 3, 3))
    opposite = draw.of([[-1.0, -2.0], [-3.0, -0.5], [0.0, 0.0]])
    yield edge("a row of zeros among rows that all point away", W_dec=opposite, truth=draw.of([[1.0, 0.0], [1.0, 1.0]]))
    yield edge("nothing but zeros", W_dec=rows * 0, truth=_rows(draw, 3, 3))
    yield edge("every row points away", W_dec=opposite[:2].clone(), truth=draw.of([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]))


def _directions(draw: Draw, d_sae: int, feature: int, d_in: int) -> dict[str, Tensor]:
    return {"W_dec": _rows(draw, d_sae, d_in), "truth": _rows(draw, feature, d_in)}


def _cosines(W_dec: Tensor, truth: Tensor) -> Tensor:
    return normalize(truth, dim=-1) @ normalize(W_dec, dim=-1).T


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
    return (truth @ normalize(W_dec, dim=-1).T).amax(-1).mean()


def rows_not_normalised(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The decoder's rows are not brought to length 1: a cosine divides by both lengths, or the longest row wins."""
    return (normalize(truth, dim=-1) @ W_dec.T).amax(-1).mean()


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


def columns_for_rows(W_dec: Tensor, truth: Tensor) -> Tensor:
    """The columns are brought to length 1: a direction is a row of either matrix, so normalise over the last axis."""
    return (normalize(truth, dim=0) @ normalize(W_dec, dim=0).T).amax(-1).mean()


def zero_by_zero_cosine(W_dec: Tensor, truth: Tensor) -> Tensor:
    """A row of zeros has no direction, and 0/0 is NaN: its cosine is 0."""
    rows = W_dec / W_dec.norm(dim=-1, keepdim=True)
    return (normalize(truth, dim=-1) @ rows.T).amax(-1).mean()


def zero_rows_left_out(W_dec: Tensor, truth: Tensor) -> Tensor:
    """Rows of zeros are left out: they stay, with a cosine of 0, which is better than a negative one."""
    rows = W_dec[W_dec.norm(dim=-1) > 0]
    if not len(rows):
        return W_dec.new_zeros(())
    return _cosines(rows, truth).amax(-1).mean()


def one_cosine_for_each_feature(W_dec: Tensor, truth: Tensor) -> Tensor:
    """There is a number for each true feature: take their mean."""
    return _cosines(W_dec, truth).amax(-1)


mean_max_cosine = Exercise(
    name="mean_max_cosine",
    solutions=SOLUTIONS,
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
    ),
    hints=(
        "Make a table: a row for each true feature, a column for each row of the decoder, cosines in it. Over which axis do "
        "you look for the best, over which do you average?",
        "`torch.nn.functional.normalize(v, dim=-1)` brings rows to length 1 and leaves a row of zeros as it is.",
        "`(normalize(truth, dim=-1) @ normalize(W_dec, dim=-1).T).amax(-1).mean()`.",
    ),
)


# --- remove_parallel_gradient ----------------------------------------------------------------------------------------


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
    yield edge("rows of length 1", **{**args, "W_dec": normalize(args["W_dec"], dim=-1)})
    yield edge("short rows", **{**args, "W_dec": normalize(args["W_dec"], dim=-1) * 0.03})
    yield edge("long rows", **{**args, "W_dec": args["W_dec"] * 1e3})
    yield edge("gradients along the rows", **{**args, "grad": args["W_dec"] * draw.normal(5, 1)})
    yield edge("gradients of zero", **{**args, "grad": args["grad"] * 0})


def _to_clean(draw: Draw, d_sae: int, d_in: int) -> dict[str, Tensor]:
    return {"W_dec": _rows(draw, d_sae, d_in), "grad": draw.normal(d_sae, d_in)}


def _along(W_dec: Tensor, grad: Tensor) -> Tensor:
    return (grad * normalize(W_dec, dim=-1)).sum(-1, keepdim=True)


def rows_taken_for_unit(W_dec: Tensor, grad: Tensor) -> Tensor:
    """This is right for rows of length 1 only: divide by the row's squared length, or bring it to length 1 first."""
    return grad - (grad * W_dec).sum(-1, keepdim=True) * W_dec


def divided_by_the_length_once(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The row occurs twice in its own part of the gradient, so it is divided by its length twice: by the square of it."""
    length = W_dec.norm(dim=-1, keepdim=True)
    return grad - (grad * W_dec).sum(-1, keepdim=True) * W_dec / torch.where(length > 0, length, 1)


def parallel_part_kept(W_dec: Tensor, grad: Tensor) -> Tensor:
    """This is the part along the rows: it is the part to be taken away."""
    return _along(W_dec, grad) * normalize(W_dec, dim=-1)


def parallel_part_added(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along the rows is added once more: subtract it."""
    return grad + _along(W_dec, grad) * normalize(W_dec, dim=-1)


def parallel_part_taken_twice(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along the rows is subtracted twice, so it is there with the other sign: a reflection, not a projection."""
    return grad - 2 * _along(W_dec, grad) * normalize(W_dec, dim=-1)


def whole_rows_subtracted(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The unit row itself is subtracted, however much or little of the gradient lies along it: multiply it by that part
    first."""
    return grad - normalize(W_dec, dim=-1)


def columns_cleaned(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along each column is taken away: a feature's direction is its row."""
    direction = normalize(W_dec, dim=0)
    return grad - (grad * direction).sum(0, keepdim=True) * direction


def one_direction_for_the_whole_matrix(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The two matrices are treated as one long vector each: every row has its own part along itself."""
    total = W_dec.square().sum()
    return grad - (grad * W_dec).sum() / torch.where(total > 0, total, 1) * W_dec


def rows_cleaned_of_the_gradient(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The roles are exchanged: this takes out of the rows what lies along the gradient."""
    direction = normalize(grad, dim=-1)
    return W_dec - (W_dec * direction).sum(-1, keepdim=True) * direction


def zero_rows_make_nan(W_dec: Tensor, grad: Tensor) -> Tensor:
    """A row of zeros gives 0/0, which is NaN. It has no direction, so nothing is taken from its gradient."""
    return grad - (grad * W_dec).sum(-1, keepdim=True) / W_dec.square().sum(-1, keepdim=True) * W_dec


def zero_rows_lose_their_gradient(W_dec: Tensor, grad: Tensor) -> Tensor:
    """A row of zeros loses its gradient: it has no direction, so its gradient stays whole, or it could never grow."""
    cleaned = grad - _along(W_dec, grad) * normalize(W_dec, dim=-1)
    return torch.where(W_dec.norm(dim=-1, keepdim=True) > 0, cleaned, 0)


def gradient_made_unit(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The gradient is brought to length 1 as well before its part along the row is measured: only the row is, or a long
    gradient keeps most of that part."""
    return grad - _along(W_dec, normalize(grad, dim=-1)) * normalize(W_dec, dim=-1)


def cleaned_to_length_one(W_dec: Tensor, grad: Tensor) -> Tensor:
    """What is left is brought to length 1: leave it as it is, or all rows would move by the same amount."""
    return normalize(grad - _along(W_dec, grad) * normalize(W_dec, dim=-1), dim=-1)


def only_growth_removed(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The part along the row is taken away only where it has one sign: it goes in both cases."""
    return grad - _along(W_dec, grad).relu() * normalize(W_dec, dim=-1)


def gradient_overwritten(W_dec: Tensor, grad: Tensor) -> Tensor:
    """The result is right, but `grad` itself has been changed: make a new tensor."""
    grad -= _along(W_dec, grad) * normalize(W_dec, dim=-1)
    return grad


remove_parallel_gradient = Exercise(
    name="remove_parallel_gradient",
    solutions=SOLUTIONS,
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


# --- l0 --------------------------------------------------------------------------------------------------------------


def _l0_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two inputs", f=draw.of([[0.0, 2.0, 0.5, 0.0], [0.0, 0.0, 3.0, 0.0]]))
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=2, high=12)
        yield general("random features", f=_activations(draw, *size.values()))
    yield general("many features", f=_activations(draw, 30, 200))
    yield edge("weak features", f=draw.of([[1e-30, 0.0, 2.0], [0.0, 1e-12, 1e-6]]))
    yield edge("strong features", f=_activations(draw, 4, 6, scale=1e4))
    yield edge("nothing active", f=draw.of(torch.zeros(3, 5)))
    yield edge("everything active", f=_activations(draw, 3, 5) + 1)
    yield edge("one input", f=_activations(draw, 1, 7))
    yield edge("one feature", f=draw.of([[0.0], [1.5], [0.0], [0.25]]))
    yield edge("as many inputs as features", f=_activations(draw, 4, 4))
    yield edge("a feature that is always active", f=draw.of([[1.0, 0.0, 0.0], [2.0, 0.0, 1.0], [3.0, 4.0, 0.0]]))


def _on(f: Tensor) -> Tensor:
    return (f > 0).to(f.dtype)


def active_anywhere(f: Tensor) -> Tensor:
    """This counts the features that are active on some input: count on each input, then take the mean."""
    return _on(f).amax(0).sum()


def all_active_entries(f: Tensor) -> Tensor:
    """This counts over the whole batch: take the mean over its inputs."""
    return _on(f).sum()


def share_of_active_features(f: Tensor) -> Tensor:
    """This is the share of features that are active: their number is asked for, so sum over features."""
    return _on(f).mean()


def inputs_for_each_feature(f: Tensor) -> Tensor:
    """This is on how many inputs a feature is active: sum over features, the last axis, and take the mean over the batch."""
    return _on(f).sum(0).mean()


def features_added_up(f: Tensor) -> Tensor:
    """This adds up how strongly features are active, which is an L1 norm: L0 only counts them."""
    return f.sum(-1).mean()


def weak_features_not_counted(f: Tensor) -> Tensor:
    """Features that are active only weakly are not counted: everything above 0 counts."""
    return (f > 1e-3).to(f.dtype).sum(-1).mean()


def barely_active_not_counted(f: Tensor) -> Tensor:
    """Features that are barely active are not counted: everything above 0 counts, however small."""
    return (f > 1e-8).to(f.dtype).sum(-1).mean()


def zeros_counted(f: Tensor) -> Tensor:
    """Every feature is counted, since 0 ≥ 0: count those above 0."""
    return (f >= 0).to(f.dtype).sum(-1).mean()


def inactive_counted(f: Tensor) -> Tensor:
    """This counts the features that are 0: count the others."""
    return (f == 0).to(f.dtype).sum(-1).mean()


def one_count_for_each_input(f: Tensor) -> Tensor:
    """There is a count for each input: take their mean."""
    return _on(f).sum(-1)


def mean_of_whole_numbers(f: Tensor) -> Tensor:
    """torch takes no mean of whole numbers. Make the counts floating first, with `.to(f.dtype)`."""
    return (f > 0).sum(-1).mean()


def always_single_precision(f: Tensor) -> Tensor:
    """The result is float32 whatever `f` is: convert with `.to(f.dtype)` instead of `.float()`."""
    return (f > 0).float().sum(-1).mean()


def median_count(f: Tensor) -> Tensor:
    """This is the median over the batch: the mean is asked for."""
    return _on(f).sum(-1).median()


l0 = Exercise(
    name="l0",
    solutions=SOLUTIONS,
    cases=_l0_cases,
    answer=close_to_single_precision,
    wrong=(
        active_anywhere,
        all_active_entries,
        share_of_active_features,
        inputs_for_each_feature,
        features_added_up,
        weak_features_not_counted,
        barely_active_not_counted,
        zeros_counted,
        inactive_counted,
        one_count_for_each_input,
        mean_of_whole_numbers,
        always_single_precision,
        median_count,
    ),
    hints=(
        "How many features does one input need? And on average?",
        "`f > 0` is True where a feature is active. True counts as 1 when you sum.",
        "The sum of Booleans is a whole number, of which torch takes no mean: `.to(f.dtype)` first.",
    ),
)


# --- explained_variance ----------------------------------------------------------------------------------------------


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


explained_variance = Exercise(
    name="explained_variance",
    solutions=SOLUTIONS,
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
    ),
)


# --- loss_recovered --------------------------------------------------------------------------------------------------


def _recovered_cases(draw: Draw) -> Iterator[Case]:
    def case(group: str, what: str, clean: float, spliced: float, ablated: float) -> Case:
        values = {"clean": clean, "spliced": spliced, "ablated": ablated}
        return Case(group, what, {name: draw.of(torch.tensor(v).double()) for name, v in values.items()})

    yield case("basic", "three losses", 2.0, 2.5, 4.0)
    yield case("basic", "three other losses", 3.0, 3.75, 8.0)
    for _ in range(4):
        base, gap, share = (float(draw.normal().abs()) for _ in range(3))
        yield case("general", "random losses", 1 + base, 1 + base + (0.5 + gap) * share / 2, 1.5 + base + gap)
    yield case("edge", "nothing lost", 2.0, 2.0, 5.0)
    yield case("edge", "everything lost", 2.0, 5.0, 5.0)
    yield case("edge", "worse than the ablation", 2.0, 7.0, 5.0)
    yield case("edge", "better than the model", 2.0, 1.5, 5.0)
    yield case("edge", "an ablation that helps", 3.0, 2.75, 2.5)
    yield case("edge", "a model without loss", 0.0, 0.5, 4.0)
    yield case("edge", "an ablation that hardly matters", 2.0, 2.03125, 2.0625)


def recovered_clamped(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """The result is kept between 0 and 1. An SAE can do worse than the ablation, and that should be seen: do not clamp."""
    return ((ablated - spliced) / (ablated - clean)).clamp(0, 1)


def loss_lost(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is the share that is *lost*: 1 should mean that nothing is."""
    return (spliced - clean) / (ablated - clean)


def share_of_the_ablated_loss(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This divides by the ablated loss: divide by what there was to be recovered, `ablated - clean`."""
    return (ablated - spliced) / ablated


def share_of_the_clean_loss(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This holds the increase against the clean loss: hold what is recovered against what there was to be recovered,
    `ablated - clean`."""
    return 1 - (spliced - clean) / torch.where(clean != 0, clean, 1)


def ratio_of_losses(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is a ratio of two losses. It is near 1 for any SAE, even for one that destroys everything: the ablation is the
    yardstick."""
    return clean / spliced


def upside_down(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """The fraction is upside down: what is recovered stands above, what there was to be recovered below."""
    return (ablated - clean) / (ablated - spliced)


def recovered_in_nats(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is what is recovered in nats: divide by what there was to be recovered."""
    return ablated - spliced


def recovered_in_percent(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is in percent: a share is asked for, 1 when nothing is lost."""
    return 100 * (ablated - spliced) / (ablated - clean)


def recovered_by_magnitude(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """The differences lose their signs, so that worse than the ablation looks like better: keep them."""
    return (ablated - spliced).abs() / (ablated - clean).abs()


def spliced_and_clean_exchanged(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """Clean and spliced have changed places in the difference below: what there was to be recovered is `ablated - clean`."""
    below = spliced - clean
    return (ablated - clean) / torch.where(below != 0, below, 1)


def small_constant_below(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """A constant is added to the denominator, which changes the share where ablation costs little: leave it out."""
    return (ablated - spliced) / (ablated - clean + 1e-2)


loss_recovered = Exercise(
    name="loss_recovered",
    solutions=SOLUTIONS,
    cases=_recovered_cases,
    wrong=(
        recovered_clamped,
        loss_lost,
        share_of_the_ablated_loss,
        share_of_the_clean_loss,
        ratio_of_losses,
        upside_down,
        recovered_in_nats,
        recovered_in_percent,
        recovered_by_magnitude,
        spliced_and_clean_exchanged,
        small_constant_below,
    ),
    hints=(
        "Put the three losses on a line. When should the answer be 1, when 0?",
        "Without the activation, `ablated - clean` is lost. With the reconstruction, `ablated - spliced` of it is back.",
        "`(ablated - spliced) / (ablated - clean)`.",
    ),
)


# --- dead_features ---------------------------------------------------------------------------------------------------


def _dead_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three inputs", f=draw.of([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.5, 0.0, 0.0]]))
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=3, high=12)
        yield general("random features", f=_partly_dead(draw, *size.values()))
    yield general("many features", f=_partly_dead(draw, 20, 150))
    yield edge("features that are hardly ever active", f=_rarely(draw, 40, 6))
    yield edge("weak features", f=draw.of([[1e-30, 0.0, 2.0, 0.0], [0.0, 0.0, 1e-12, 1e-6]]))
    yield edge("strong features", f=_partly_dead(draw, 5, 7) * 1e4)
    yield edge("all dead", f=draw.of(torch.zeros(4, 5)))
    yield edge("none dead", f=_activations(draw, 4, 5) + 1)
    yield edge("an empty batch", f=draw.of(torch.zeros(0, 6)))
    yield edge("one input", f=draw.of([[0.0, 1.0, 0.0, 3.0]]))
    yield edge("one feature, alive", f=draw.of([[0.0], [2.0], [0.0]]))
    yield edge("one feature, dead", f=draw.of([[0.0], [0.0]]))
    yield edge("as many inputs as features", f=draw.of([[0.0, 1.0, 2.0], [0.0, 0.0, 1.0], [0.0, 3.0, 0.0]]))


def _partly_dead(draw: Draw, batch: int, d_sae: int) -> Tensor:
    f = _activations(draw, batch, d_sae)
    f[:, draw.ids(max(1, d_sae // 3), d_sae)] = 0
    return f


def _rarely(draw: Draw, batch: int, d_sae: int) -> Tensor:
    f = torch.zeros(batch, d_sae)
    f[draw.ids(d_sae - 1, batch).cpu(), torch.arange(d_sae - 1)] = 0.1
    return draw.of(f)


def living_features(f: Tensor) -> Tensor:
    """This marks the living: True belongs to those that are never active."""
    return (f > 0).any(0)


def inactive_somewhere(f: Tensor) -> Tensor:
    """A feature counts as dead here when it is 0 on any input. Being off is what features do most of the time: dead is one
    that is 0 on all of them."""
    return (f == 0).any(0)


def empty_inputs(f: Tensor) -> Tensor:
    """This asks of every input whether it has no feature: ask of every feature whether it has no input, along the batch."""
    return ~(f > 0).any(-1)


def weak_counted_as_dead(f: Tensor) -> Tensor:
    """Weak features count as dead here: everything above 0 is a sign of life, however weak."""
    return (f <= 1e-3).all(0)


def nearly_zero_counted_as_dead(f: Tensor) -> Tensor:
    """Very weak features count as dead here: everything above 0 is a sign of life, however weak."""
    return (f <= 1e-8).all(0)


def rare_counted_as_dead(f: Tensor) -> Tensor:
    """Features that are active on few inputs count as dead here: one input is enough to be alive."""
    return (f > 0).to(f.dtype).mean(0) <= 0.05


def last_input_only(f: Tensor) -> Tensor:
    """Only the last input is looked at: a feature is dead when no input of the batch wakes it."""
    return f[-1] <= 0


def maximum_of_an_empty_batch(f: Tensor) -> Tensor:
    """An empty batch has no maximum, and torch refuses to take it. `any` and `all` know what to say: in an empty batch no
    feature is ever active."""
    return f.amax(0) <= 0


def none_dead_in_an_empty_batch(f: Tensor) -> Tensor:
    """In an empty batch no feature is ever above 0, so all are dead."""
    return ~(f > 0).any(0) if len(f) else torch.zeros(f.shape[1], dtype=torch.bool, device=f.device)


def zeros_and_ones(f: Tensor) -> Tensor:
    """These are numbers, 0 and 1: the result is Boolean."""
    return 1 - (f > 0).to(f.dtype).amax(0) if len(f) else f.new_ones(f.shape[1])


def numbers_of_the_dead(f: Tensor) -> Tensor:
    """These are the numbers of the dead features: a Boolean for every feature is asked for."""
    return (~(f > 0).any(0)).nonzero()[:, 0]


def how_many_are_dead(f: Tensor) -> Tensor:
    """This is how many are dead: a Boolean for every feature is asked for."""
    return (~(f > 0).any(0)).sum()


dead_features = Exercise(
    name="dead_features",
    solutions=SOLUTIONS,
    cases=_dead_cases,
    wrong=(
        living_features,
        inactive_somewhere,
        empty_inputs,
        weak_counted_as_dead,
        nearly_zero_counted_as_dead,
        rare_counted_as_dead,
        last_input_only,
        maximum_of_an_empty_batch,
        none_dead_in_an_empty_batch,
        zeros_and_ones,
        numbers_of_the_dead,
        how_many_are_dead,
    ),
    hints=(
        "A feature is alive when there is *any* input on which it is above 0. Along which axis is that?",
        "`(f > 0).any(dim)` also works on an empty batch, where nothing is ever active.",
        "`~` turns a Boolean tensor round.",
    ),
)


# --- resample_dead ---------------------------------------------------------------------------------------------------


Weights = tuple[Tensor, Tensor, Tensor]


def _resample_cases(draw: Draw) -> Iterator[Case]:
    def case(group: str, what: str, calls: int, **args: Any) -> Case:
        return Case(group, what, {**args, "generator": draw.generator()}, calls=calls)

    most = [i for i in range(900) if i % 10]
    rest = list(range(1, 60))
    yield case("basic", "three inputs, two of four features dead", 12, **_dictionary(draw, 3, 2, 4, [1, 3]))
    yield case("general", "hundreds of dead features", 16, **_dictionary(draw, 6, 3, 900, most))
    yield case("general", "more inputs than dead features", 110, **_dictionary(draw, 4, 5, 7, [1, 2, 4]))
    yield case("general", "as many of everything", 10, **_dictionary(draw, 4, 4, 4, [0, 2]))
    yield case("edge", "nothing dead", 2, **_dictionary(draw, 4, 3, 5, []))
    yield case("edge", "everything dead", 6, **_dictionary(draw, 4, 3, 60, [0, *rest]))
    yield case("edge", "one feature, dead", 10, **_dictionary(draw, 4, 3, 1, [0]))
    yield case("edge", "one input", 2, **_dictionary(draw, 1, 3, 5, [0, 4]))
    yield case("edge", "more dead features than inputs", 6, **_dictionary(draw, 2, 3, 60, rest))
    perfect = _dictionary(draw, 4, 3, 5, [1, 2])
    yield case("edge", "every loss 0", 2, **{**perfect, "x_hat": perfect["x"].clone()})
    some = _dictionary(draw, 5, 3, 60, rest)
    x_hat = some["x_hat"].clone()
    x_hat[1], x_hat[3] = some["x"][1], some["x"][3]
    yield case("edge", "some losses 0", 6, **{**some, "x_hat": x_hat})
    small = _dictionary(draw, 4, 3, 60, rest)
    small = {**small, "x": small["x"] * 1e-3, "x_hat": small["x_hat"] * 1e-3}
    yield case("edge", "small activations", 6, **small)


def _dictionary(draw: Draw, batch: int, d_in: int, d_sae: int, dead: list[int]) -> dict[str, Tensor]:
    """Inputs in directions far from each other, with errors of different sizes, and an autoencoder with dead features."""
    count = torch.arange(batch)
    for _ in range(1000):
        x = draw.normal(batch, d_in) + 0.5
        unit = normalize(x, dim=-1)
        cosines = (unit @ unit.T).masked_fill(torch.eye(batch, dtype=torch.bool, device=x.device), -1)
        if float(cosines.max()) < 0.98 or batch == 1:
            break
    x = x * draw.of(1 + count * 0.5)[:, None]
    sizes = draw.of(1.0 + 0.9 * ((count * 3) % 5) / 4)
    error = normalize(draw.normal(batch, d_in), dim=-1) * sizes[:, None]
    marks = torch.zeros(d_sae, dtype=torch.bool)
    marks[dead] = True
    return {
        "x": x,
        "x_hat": x - error,
        "W_enc": (_rows(draw, d_sae, d_in, low=0.3, high=4.0)).T.contiguous(),
        "b_enc": draw.normal(d_sae) + 0.1,
        "W_dec": _rows(draw, d_sae, d_in, low=0.6, high=2.0),
        "dead": marks.to(draw.device),
    }


def _chances(args: dict[str, Any]) -> Tensor:
    loss = (args["x"] - args["x_hat"]).double().square().sum(-1).cpu()
    return (loss / loss.max().clamp(min=1e-300)).square() if len(loss) else loss


def _wrong_weights(args: dict[str, Any], result: Weights) -> str | None:
    """What is wrong with the new weights whatever was drawn."""
    given = {args[name].untyped_storage().data_ptr() for name in ("W_enc", "b_enc", "W_dec")}
    if any(part.numel() and part.untyped_storage().data_ptr() in given for part in result):
        return "What it returned is one of its arguments, or a view of it: return copies."
    W_enc, b_enc, W_dec = (part.double().cpu() for part in result)
    before = [args[name].double().cpu() for name in ("W_enc", "b_enc", "W_dec")]
    dead, x = args["dead"].cpu(), args["x"].double().cpu()
    if not all(bool(part.isfinite().all()) for part in (W_enc, b_enc, W_dec)):
        return "Some of the new weights are NaN or infinite."
    untouched = not bool(dead.any()) or not float(_chances(args).sum())
    same_as_before = [torch.equal(a, b) for a, b in zip((W_enc, b_enc, W_dec), before, strict=True)]
    if untouched:
        if not all(same_as_before):
            what = "no feature is dead" if not bool(dead.any()) else "every loss is 0"
            return f"Weights changed although {what}: return copies of all three."
        return None
    if all(same_as_before):
        return "Nothing has changed: the dead features still have their old weights."
    kept = [
        torch.equal(a[~dead], b[~dead]) for a, b in ((W_dec, before[2]), (W_enc.T, before[0].T), (b_enc, before[1]))
    ]
    for good, name in zip(kept, ("decoder rows", "encoder columns", "encoder biases"), strict=True):
        if not good:
            return f"The {name} of living features have changed: they stay as they are, bit for bit."
    rows, columns = W_dec[dead], W_enc.T[dead]
    unit, lengths = normalize(x, dim=-1), rows.norm(dim=-1)
    tolerance = 1e-3 if result[0].dtype != torch.float64 else 1e-6
    if sentence := _wrong_rows(args, rows, lengths, unit, tolerance):
        return sentence
    if not bool(((normalize(columns, dim=-1) - rows).norm(dim=-1) < 5 * tolerance).all()):
        return "The encoder column of a resampled feature does not point along its new decoder row."
    if sentence := _wrong_columns(before[0], dead, columns.norm(dim=-1), tolerance):
        return sentence
    if bool((b_enc[dead] != 0).any()):
        return "The encoder bias of a resampled feature is not 0."
    return None


def _wrong_rows(args: dict[str, Any], rows: Tensor, lengths: Tensor, unit: Tensor, tolerance: float) -> str | None:
    def are(directions: Tensor) -> bool:
        cosines = normalize(rows, dim=-1) @ normalize(directions, dim=-1).T
        return bool((cosines.amax(-1) > 1 - tolerance**2).all())

    x = args["x"].double().cpu()
    residual = x - args["x_hat"].double().cpu()
    if not are(unit):
        for name, directions in (("errors x - x_hat", residual), ("reconstructions", args["x_hat"].double().cpu())):
            if are(directions):
                return f"The new decoder rows point along {name}: the inputs themselves are asked for."
        if are(x - x.mean(0)) and len(x) > 1:
            return "The new decoder rows point along inputs less their mean: the inputs themselves are asked for."
        return "The new decoder row of a resampled feature points along none of the inputs."
    if not bool(((lengths - 1).abs() < tolerance).all()):
        return "The new decoder rows are not of length 1."
    return None


def _wrong_columns(W_enc: Tensor, dead: Tensor, lengths: Tensor, tolerance: float) -> str | None:
    norms = W_enc.norm(dim=0)
    living = float(norms[~dead].mean()) if bool((~dead).any()) else 1.0
    if bool(((lengths - 0.2 * living).abs() < tolerance * living).all()):
        return None
    known = {
        "a fifth of the mean over all features, the dead ones included": 0.2 * float(norms.mean()),
        "the mean itself, not a fifth of it": living,
        "a fifth, whatever the living ones are": 0.2,
        "1, whatever the living ones are": 1.0,
        "a fifth of the norm of the mean column": 0.2 * float(W_enc[:, ~dead].mean(1).norm()),
        "a fifth of the largest of them": 0.2 * float(norms[~dead].max()) if bool((~dead).any()) else 0.0,
    }
    for what, length in known.items():
        if bool(((lengths - length).abs() < tolerance * max(length, 1e-3)).all()):
            return f"The norms of the new encoder columns should be a fifth of the mean norm of the living ones; they are {what}."
    return "The norms of the new encoder columns are not a fifth of the mean norm of the living ones."


def _resample_tallies(args: dict[str, Any], results: list[Weights]) -> Iterator[Tally | Score]:
    chances = _chances(args)
    dead = args["dead"].cpu()
    if not float(chances.sum()) or not bool(dead.any()):
        return
    p = chances / chances.sum()
    n = len(p)
    unit = normalize(args["x"].double().cpu(), dim=-1)
    rows = torch.stack([result[2].double().cpu()[dead] for result in results])
    drawn = (rows @ unit.T).argmax(-1)  # [call, dead feature]
    sentence = "Inputs are not drawn in proportion to the squares of their losses."
    inputs = [f"input {i}" for i in range(n)]
    yield Tally("the inputs drawn", torch.bincount(drawn.flatten(), minlength=n), p, sentence, inputs)
    for i in range(min(3, drawn.shape[1])):
        if len(drawn) >= 30:
            counts = torch.bincount(drawn[:, i], minlength=n)
            yield Tally(f"the inputs drawn for dead feature {i}", counts, p, sentence, inputs)
    # One number that notices a power a little too high or too low.
    terms = (chances.clamp(min=1e-12)).log()
    mean = float((p * terms).sum())
    variance = float((p * (terms - mean).square()).sum()) * drawn.numel()
    if variance > 100:
        yield Score("log-weights", float(terms[drawn].sum()), mean * drawn.numel(), variance, sentence)
    joint = (p[:, None] * p).flatten()
    pairs = [f"{first} for the first, {second} for the second" for first in inputs for second in inputs]
    together = "The inputs drawn for different dead features are not independent, or not drawn with replacement."
    if 2 < drawn.shape[1] < 6 and len(drawn) >= 100:
        same = float(p.square().sum())
        for i in range(drawn.shape[1]):
            for j in range(i):
                agree = int((drawn[:, i] == drawn[:, j]).sum())
                counts = torch.tensor([agree, len(drawn) - agree])
                either, chances = ("the same input for both", "another for each"), torch.tensor([same, 1 - same])
                yield Tally(f"dead features {j} and {i}", counts, chances, together, either)
    for lag in (1, 2):
        if drawn.shape[1] > lag:
            # Blocks that do not overlap, so that the pairs are independent of each other.
            first = [i for i in range(drawn.shape[1] - lag) if i % (2 * lag) < lag]
            a, b = drawn[:, first], drawn[:, [i + lag for i in first]]
            yield Tally(
                f"pairs of dead features {lag} apart",
                torch.bincount((a * n + b).flatten(), minlength=n * n),
                joint,
                together,
                pairs,
            )
    half = len(drawn) // 2
    if half >= 30:
        a, b = drawn[0 : 2 * half : 2, 0], drawn[1 : 2 * half : 2, 0]
        again = "Two calls in a row are not independent."
        yield Tally("two calls in a row", torch.bincount(a * n + b, minlength=n * n), joint, again, pairs)


Draws = Callable[[Tensor, int, torch.Generator], Tensor]


def _by_squares(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return torch.multinomial((loss / loss.max()).square(), count, replacement=True, generator=generator)


def _resampled(
    x: Tensor,
    x_hat: Tensor,
    W_enc: Tensor,
    b_enc: Tensor,
    W_dec: Tensor,
    dead: Tensor,
    generator: torch.Generator,
    *,
    draws: Draws = _by_squares,
    toward: Tensor | None = None,
    row_length: float | None = 1.0,
    size: Callable[[Tensor, Tensor], Tensor | float] | None = None,
    bias: float | None = 0.0,
) -> Weights:
    """The right answer, with places where it can be made wrong."""
    loss = (x - x_hat).square().sum(-1)
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    if not dead.any() or not loss.any():
        return W_enc, b_enc, W_dec
    chosen = draws(loss, int(dead.sum()), generator)
    raw = (x if toward is None else toward)[chosen]
    direction = normalize(raw, dim=-1)
    length = _fifth(W_enc, dead) if size is None else size(W_enc, dead)
    W_dec[dead] = raw if row_length is None else row_length * direction
    W_enc[:, dead] = length * direction.T
    if bias is not None:
        b_enc[dead] = bias
    return W_enc, b_enc, W_dec


def _fifth(W_enc: Tensor, dead: Tensor) -> Tensor | float:
    living = W_enc[:, ~dead].norm(dim=0)
    return 0.2 * (living.mean() if len(living) else 1.0)


def drawn_by_loss(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The inputs are drawn in proportion to their losses: to the squares of their losses, (‖x - x_hat‖²)²."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(loss, count, replacement=True, generator=generator)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def drawn_by_length_of_error(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The inputs are drawn in proportion to the lengths of their errors. The loss is the squared length, and it is squared
    once more."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(loss.sqrt(), count, replacement=True, generator=generator)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def drawn_evenly(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Every input is equally likely: those that are reconstructed badly should come more often."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.randint(len(loss), (count,), generator=generator, device=loss.device)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def worst_input_for_all(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Every dead feature gets the input with the largest loss, and nothing is drawn: then they all become the same feature.
    Draw one for each."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return loss.argmax().expand(count)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def one_input_for_all(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """One input is drawn and given to all dead features, so that they become the same feature: draw one for each."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return _by_squares(loss, 1, generator).expand(count)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def drawn_without_replacement(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The inputs are drawn without replacement. An input may come several times: with `replacement=True` each dead feature
    draws independently."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial((loss / loss.max()).square(), count, generator=generator)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def rows_toward_errors(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new rows point along the errors, x - x_hat. That is another recipe; here the input itself is taken."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, toward=x - x_hat)


def rows_toward_centred_inputs(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The mean of the inputs has been taken away first: the input is taken as it is."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, toward=x - x.mean(0))


def rows_not_of_length_one(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new decoder rows are as long as their inputs: bring them to length 1."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, row_length=None)


def columns_as_long_as_the_living(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new encoder columns are as long as the living ones: a fifth of that, so that a new feature starts weak and does
    not disturb the others."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, size=lambda W_enc, dead: 5 * _fifth(W_enc, dead))


def dead_columns_counted(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The mean norm is taken over all encoder columns: over those of living features only."""
    return _resampled(
        x,
        x_hat,
        W_enc,
        b_enc,
        W_dec,
        dead,
        generator,
        size=lambda W_enc, dead: 0.2 * (1.0 if bool(dead.all()) else W_enc.norm(dim=0).mean()),
    )


def columns_of_length_a_fifth(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new encoder columns have length 0.2: a fifth of the mean norm of the living ones is asked for."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, size=lambda W_enc, dead: 0.2)


def norm_of_the_mean_column(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """This takes the norm of the mean of the living columns, which is shorter than they are: take the mean of their norms."""
    return _resampled(
        x,
        x_hat,
        W_enc,
        b_enc,
        W_dec,
        dead,
        generator,
        size=lambda W_enc, dead: 0.2 * (1.0 if bool(dead.all()) else W_enc[:, ~dead].mean(1).norm()),
    )


def nan_when_none_lives(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The mean over no columns is NaN. Where no feature lives, take 1 instead of it."""
    return _resampled(
        x,
        x_hat,
        W_enc,
        b_enc,
        W_dec,
        dead,
        generator,
        size=lambda W_enc, dead: 0.2 * W_enc[:, ~dead].norm(dim=0).mean(),
    )


def biases_kept(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Resampled features keep their encoder bias, which may be what had killed them: set it to 0."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, bias=None)


def living_resampled(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The living features are resampled and the dead ones kept: it is the other way round."""
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, ~dead, generator)


def all_resampled(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """All features are resampled, and what was learnt is lost: the living stay as they are, bit for bit."""
    everything = torch.ones_like(dead) if bool(dead.any()) else dead
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, everything, generator)


def encoder_left_alone(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Only the decoder's rows are new. It is the encoder that decides whether a feature is active: its columns need the
    same directions."""
    new = _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator)
    return W_enc.clone(), new[1], new[2]


def weights_written_over(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The new weights are right, but they have been written into the arguments: work on clones."""
    for old, new in zip((W_enc, b_enc, W_dec), _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator), strict=True):
        old.copy_(new)
    return W_enc, b_enc, W_dec


def arguments_returned(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Where there is nothing to do, the arguments themselves are returned: return copies, so that whoever changes the result
    does not change what was given."""
    if not dead.any() or torch.equal(x, x_hat):
        return W_enc, b_enc, W_dec
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator)


def no_loss_not_foreseen(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Where every loss is 0 there is nothing to draw from, and `multinomial` refuses: return copies then."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    if dead.any():
        weights = (x - x_hat).square().sum(-1).square()
        chosen = torch.multinomial(weights, int(dead.sum()), replacement=True, generator=generator)
        direction = normalize(x[chosen], dim=-1)
        W_dec[dead], b_enc[dead] = direction, 0
        W_enc[:, dead] = _fifth(W_enc, dead) * direction.T
    return W_enc, b_enc, W_dec


def nothing_dead_not_foreseen(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """Where nothing is dead there is nothing to draw, and `multinomial` refuses to draw 0 inputs: return copies then."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).square().sum(-1)
    if loss.any():
        chosen = torch.multinomial(loss.square(), int(dead.sum()), replacement=True, generator=generator)
        direction = normalize(x[chosen], dim=-1)
        W_dec[dead], b_enc[dead] = direction, 0
        W_enc[:, dead] = _fifth(W_enc, dead) * direction.T
    return W_enc, b_enc, W_dec


def resampling_ignores_the_generator(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""

    def draws(loss: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial((loss / loss.max()).square(), count, replacement=True)

    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator, draws=draws)


def resampling_seeds_the_generator(
    x: Tensor, x_hat: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, dead: Tensor, generator: torch.Generator
) -> Weights:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    return _resampled(x, x_hat, W_enc, b_enc, W_dec, dead, generator)


resample_dead = Exercise(
    name="resample_dead",
    solutions=SOLUTIONS,
    cases=_resample_cases,
    law=Law(_resample_tallies, _wrong_weights),
    wrong=(
        drawn_by_loss,
        drawn_by_length_of_error,
        drawn_evenly,
        worst_input_for_all,
        one_input_for_all,
        drawn_without_replacement,
        rows_toward_errors,
        rows_toward_centred_inputs,
        rows_not_of_length_one,
        columns_as_long_as_the_living,
        dead_columns_counted,
        columns_of_length_a_fifth,
        norm_of_the_mean_column,
        nan_when_none_lives,
        biases_kept,
        living_resampled,
        all_resampled,
        encoder_left_alone,
        weights_written_over,
        arguments_returned,
        no_loss_not_foreseen,
        nothing_dead_not_foreseen,
        resampling_ignores_the_generator,
        resampling_seeds_the_generator,
    ),
    hints=(
        "Three steps: how badly is each input reconstructed; which inputs are drawn; where do they go? Begin with clones of "
        "the three weights, and return them at once when there is nothing to do.",
        "`loss = (x - x_hat).square().sum(-1)`, and `torch.multinomial(loss.square(), n, replacement=True, "
        "generator=generator)` draws n inputs in proportion to the squares.",
        "`normalize(x[chosen], dim=-1)` are the new directions. They go into `W_dec[dead]` as rows, and transposed into "
        "`W_enc[:, dead]`.",
        "The size of the columns is `0.2 * W_enc[:, ~dead].norm(dim=0).mean()`, and 0.2 when `~dead` is empty.",
    ),
)


# --- splice ----------------------------------------------------------------------------------------------------------


SITES = ("mlp.hook_post", "hook_resid_pre", "hook_resid_post")


def _splice_cases(draw: Draw) -> Iterator[Case]:
    def on(site: str, layer: int, batch: int, position: int, d_sae: int, **choices: Any) -> dict[str, Any]:
        model, d_in = _with_mlp(draw, site, **choices)
        return {
            "model": model,
            "tokens": draw.ids((batch, position), model.cfg.d_vocab),
            "hook_name": f"blocks.{layer}.{site}",
            "W_enc": draw.normal(d_in, d_sae, scale=0.7),
            "b_enc": draw.normal(d_sae, scale=0.5),
            "W_dec": draw.normal(d_sae, d_in, scale=0.7),
            "b_dec": draw.normal(d_in, scale=0.7),
        }

    yield basic("the neurons of layer 0", **on("mlp.hook_post", 0, 2, 5, 6))
    yield basic("the neurons of layer 1", **on("mlp.hook_post", 1, 2, 4, 8))
    yield general("a stream that goes on", **on("hook_resid_post", 0, 3, draw.size(4, 7), 12))
    yield general("a stream that comes in", **on("hook_resid_pre", 1, 2, 6, 5, n_layers=3))
    yield general("the neurons of a middle layer", **on("mlp.hook_post", 1, 2, 5, 20, n_layers=3, n_heads=2))
    yield edge("one layer", **on("mlp.hook_post", 0, 2, 5, 7, n_layers=1))
    yield edge("one feature", **on("mlp.hook_post", 1, 2, 5, 1))
    yield edge("one sequence", **on("mlp.hook_post", 0, 1, 6, 5))
    yield edge("one token", **on("hook_resid_post", 0, 2, 1, 5))
    yield edge("as many features as dimensions", **on("mlp.hook_post", 0, 2, 4, 9))
    yield edge("as many sequences as positions", **on("hook_resid_pre", 0, 4, 4, 5))
    yield edge("a model that carries a hook of yours", **on("mlp.hook_post", 1, 2, 4, 6, hooked=True))
    yield edge("a model in training mode", **on("mlp.hook_post", 0, 2, 4, 6, training=True))
    silent = on("mlp.hook_post", 0, 2, 5, 6)
    yield edge("no feature ever active", **{**silent, "b_enc": silent["b_enc"] - 1000})


def _with_mlp(draw: Draw, site: str, d_mlp: int = 9, **choices: Any) -> tuple[Any, int]:
    """A small model, and how wide it is at that place."""
    model = draw.model(d_mlp=d_mlp, **choices)
    return model, d_mlp if site == "mlp.hook_post" else model.cfg.d_model


def _hooked(model: Any, tokens: Tensor, hook_name: str, edit: Callable[[Tensor], Tensor]) -> Tensor:
    def hook(value: Tensor, hook: Any) -> Tensor:
        return edit(value.clone())

    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])
    return logits


def _clean(model: Any, tokens: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(tokens)
    return logits


def _rebuilt(x: Tensor, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor) -> Tensor:
    return ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec


def nothing_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """These are the logits of the model as it is: your hook has to return the reconstruction, and run with the model."""
    return _clean(model, tokens)


def errors_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """What is put in is the error, the activation less its reconstruction: put in the reconstruction."""
    return _hooked(model, tokens, hook_name, lambda x: x - _rebuilt(x, W_enc, b_enc, W_dec, b_dec))


def reconstruction_on_top(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The reconstruction is added to the activation: it takes its place."""
    return _hooked(model, tokens, hook_name, lambda x: x + _rebuilt(x, W_enc, b_enc, W_dec, b_dec))


def spliced_at_the_last_position(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """Only the last position is replaced: replace them all."""

    def edit(x: Tensor) -> Tensor:
        x[:, -1] = _rebuilt(x[:, -1], W_enc, b_enc, W_dec, b_dec)
        return x

    return _hooked(model, tokens, hook_name, edit)


def first_position_spared(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The first position keeps its activation: replace them all, the first too."""

    def edit(x: Tensor) -> Tensor:
        x[:, 1:] = _rebuilt(x[:, 1:], W_enc, b_enc, W_dec, b_dec)
        return x

    return _hooked(model, tokens, hook_name, edit)


def first_sequence_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """Only the first sequence is replaced: replace them in every sequence."""

    def edit(x: Tensor) -> Tensor:
        x[0] = _rebuilt(x[0], W_enc, b_enc, W_dec, b_dec)
        return x

    return _hooked(model, tokens, hook_name, edit)


def encoded_without_b_dec(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """`b_dec` is not subtracted before encoding: the same autoencoder as in `sae_encode` and `sae_decode` is meant."""
    return _hooked(model, tokens, hook_name, lambda x: (x @ W_enc + b_enc).relu() @ W_dec + b_dec)


def decoded_without_b_dec(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """`b_dec` is not added after decoding: the same autoencoder as in `sae_encode` and `sae_decode` is meant."""
    return _hooked(model, tokens, hook_name, lambda x: ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec)


def spliced_without_a_relu(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The features are not cut off at 0: a ReLU is missing between encoder and decoder."""
    return _hooked(model, tokens, hook_name, lambda x: ((x - b_dec) @ W_enc + b_enc) @ W_dec + b_dec)


def zeros_spliced(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The activation is replaced by zeros: that is an ablation. Put in the reconstruction."""
    return _hooked(model, tokens, hook_name, torch.zeros_like)


def always_in_layer_0(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The reconstruction is put into layer 0, whatever `hook_name` says: hook the place that it names."""
    at = "blocks.0." + hook_name.split(".", 2)[2]
    return _hooked(model, tokens, at, lambda x: _rebuilt(x, W_enc, b_enc, W_dec, b_dec))


def reconstruction_returned(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """This is the reconstruction of the activation: put it in with a hook, and return the logits that the model comes to
    with it."""
    seen: list[Tensor] = []

    def look(x: Tensor) -> Tensor:
        seen.append(x)
        return x

    _hooked(model, tokens, hook_name, look)
    return _rebuilt(seen[0], W_enc, b_enc, W_dec, b_dec)


def spliced_log_probs(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """These are log-probabilities: logits are asked for, as the model gives them."""
    return _hooked(model, tokens, hook_name, lambda x: _rebuilt(x, W_enc, b_enc, W_dec, b_dec)).log_softmax(-1)


def spliced_less_clean(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """This is the change in the logits: the logits themselves are asked for."""
    changed = _hooked(model, tokens, hook_name, lambda x: _rebuilt(x, W_enc, b_enc, W_dec, b_dec))
    return changed - _clean(model, tokens)


def splice_left_in(
    model: Any, tokens: Tensor, hook_name: str, W_enc: Tensor, b_enc: Tensor, W_dec: Tensor, b_dec: Tensor
) -> Tensor:
    """The logits are right, but the hook stays on the model: from now on every run goes through the autoencoder.
    `run_with_hooks` takes it off again."""
    model.add_hook(hook_name, lambda x, hook: _rebuilt(x, W_enc, b_enc, W_dec, b_dec))
    return _clean(model, tokens)


splice = Exercise(
    name="splice",
    solutions=SOLUTIONS,
    cases=_splice_cases,
    answer=close_to_single_precision,
    wrong=(
        nothing_spliced,
        errors_spliced,
        reconstruction_on_top,
        spliced_at_the_last_position,
        first_position_spared,
        first_sequence_spliced,
        encoded_without_b_dec,
        decoded_without_b_dec,
        spliced_without_a_relu,
        zeros_spliced,
        always_in_layer_0,
        reconstruction_returned,
        spliced_log_probs,
        spliced_less_clean,
        splice_left_in,
    ),
    hints=(
        "A hook is a function that gets the activation while the model runs; what it returns is what the model goes on with. "
        "What should it return?",
        "The activation is [batch, position, d_in], and matrix products work on the last axis: `sae_encode` and "
        "`sae_decode` can take it as it is.",
        "`model.run_with_hooks(tokens, fwd_hooks=[(hook_name, function)])`; the function is called as `function(x, hook)`.",
    ),
)


# --- top_k_activation ------------------------------------------------------------------------------------------------


def _top_k_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two inputs, two of four", pre=draw.of([[1.0, -2.0, 3.0, 0.5], [-1.0, 4.0, -3.0, 2.0]]), k=2)
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=4, high=12)
        yield general("random values", pre=draw.normal(*size.values()), k=draw.size(1, size["d_sae"] - 1))
    yield general("many features", pre=draw.normal(6, 300), k=draw.size(10, 40))
    yield edge("k = 0", pre=draw.normal(4, 5), k=0)
    yield edge("k = 1", pre=draw.normal(4, 5), k=1)
    yield edge("k = d_sae", pre=draw.normal(4, 6), k=6)
    yield edge("an empty batch", pre=draw.of(torch.zeros(0, 5)), k=2)
    yield edge("one input", pre=draw.normal(1, 7), k=3)
    yield edge("one feature", pre=draw.normal(5, 1), k=1)
    yield edge("as many inputs as features", pre=draw.normal(4, 4), k=2)
    yield edge("values that are all negative", pre=-draw.normal(4, 6).abs() - 0.5, k=3)
    yield edge("fewer positive values than k", pre=draw.of([[2.0, -1.0, -3.0, -0.5], [-1.0, -2.0, 0.25, 3.0]]), k=3)
    yield edge("ties at the border", pre=draw.of([[1.0, 3.0, 1.0, 1.0, 0.5], [2.0, 2.0, 2.0, 2.0, 2.0]]), k=3)
    yield edge("ties at the top", pre=draw.of([[3.0, 3.0, 3.0, 1.0], [0.0, 5.0, 5.0, 5.0]]), k=1)
    yield edge("zeros among them", pre=draw.of([[0.0, 0.0, 1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]), k=2)
    yield edge("rows of very different size", pre=draw.normal(4, 6) * draw.of([[1e-3], [1.0], [1e3], [10.0]]), k=2)
    yield edge("one input with all the large values", pre=draw.of([[9.0, 8.0, 7.0, 6.0], [0.4, 0.3, 0.2, 0.1]]), k=2)


def _exactly_k(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """The values of each row, in whatever place among equal ones."""
    allowed = args["pre"].relu()
    placed = torch.where(got.cpu() != 0, allowed.to(got.device).cpu(), 0)
    fits = near(got.sort(-1).values, expected.sort(-1).values).all() and near(got.cpu(), placed).all()
    if bool(fits):
        return None
    if problem := close(args, expected, got):
        if problem.kind == "value" and got.numel():
            counts = (got != 0).sum(-1), (expected != 0).sum(-1).to(got.device)
            rows = (counts[0] != counts[1]).nonzero()[:, 0]
            if len(rows):
                row = int(rows[0])
                return Problem(
                    "value",
                    f"{problem.sentence} Row {row} has {int(counts[0][row])} values other than 0; it should have {int(counts[1][row])}.",
                )
        return problem
    return None


def candidates_not_rectified(pre: Tensor, k: int) -> Tensor:
    """Negative values are kept where they are among the k largest: features are never negative, so a ReLU follows."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values)


def everything_at_least_the_kth(pre: Tensor, k: int) -> Tensor:
    """Everything at least as large as the k-th is kept, so that ties keep more than k: keep exactly k candidates, by their
    indices."""
    if k == 0:
        return torch.zeros_like(pre)
    border = pre.topk(k, dim=-1).values[..., -1:] if len(pre) else pre[..., :1]
    return torch.where(pre >= border, pre.relu(), 0)


def everything_above_the_kth(pre: Tensor, k: int) -> Tensor:
    """The k-th largest is left out: only what is larger than it is kept."""
    if k == 0 or not len(pre):
        return torch.zeros_like(pre)
    border = pre.topk(k, dim=-1).values[..., -1:]
    return torch.where(pre > border, pre.relu(), 0)


def top_k_of_the_whole_batch(pre: Tensor, k: int) -> Tensor:
    """The largest values of the whole batch are kept, k on average: another method (BatchTopK). Here each row has its own k."""
    flat = pre.flatten()
    best = flat.topk(k * len(pre))
    return torch.zeros_like(flat).scatter(0, best.indices, best.values.relu()).view_as(pre)


def top_k_over_the_batch(pre: Tensor, k: int) -> Tensor:
    """The k largest inputs of each feature are kept: choose among the features of each input, along the last axis."""
    best = pre.topk(min(k, len(pre)), dim=0)
    return torch.zeros_like(pre).scatter(0, best.indices, best.values.relu())


def k_smallest(pre: Tensor, k: int) -> Tensor:
    """The k smallest values are kept: the largest are asked for."""
    worst = pre.topk(k, dim=-1, largest=False)
    return torch.zeros_like(pre).scatter(-1, worst.indices, worst.values.relu())


def k_largest_magnitudes(pre: Tensor, k: int) -> Tensor:
    """The candidates are chosen by magnitude, so that a large negative value takes the place of a positive one: choose by
    value."""
    best = pre.abs().topk(k, dim=-1).indices
    return torch.zeros_like(pre).scatter(-1, best, pre.gather(-1, best).relu())


def one_more_than_k(pre: Tensor, k: int) -> Tensor:
    """One candidate too many is kept."""
    best = pre.topk(min(k + 1, pre.shape[-1]), dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())


def at_least_one_kept(pre: Tensor, k: int) -> Tensor:
    """With k = 0 nothing is kept, and everything is 0."""
    best = pre.topk(max(k, 1), dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())


def candidates_marked(pre: Tensor, k: int) -> Tensor:
    """The candidates are marked with 1: they keep their values."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, (best.values > 0).to(pre.dtype))


def candidates_alone(pre: Tensor, k: int) -> Tensor:
    """These are the k values without their places: put them back where they came from, and 0 everywhere else."""
    return pre.topk(k, dim=-1).values.relu()


def rest_not_set_to_zero(pre: Tensor, k: int) -> Tensor:
    """Only the negative values are set to 0: this is a ReLU. All but k candidates of each row become 0."""
    return pre.relu()


def softmax_over_candidates(pre: Tensor, k: int) -> Tensor:
    """A softmax is taken over the candidates, as in a mixture of experts: they keep their own values."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.softmax(-1))


def top_k_cut_from_the_graph(pre: Tensor, k: int) -> Tensor:
    """The values are right, but no gradient reaches them: take the values that `topk` returns, not a detached copy."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu()).detach()


top_k_activation = Exercise(
    name="top_k_activation",
    solutions=SOLUTIONS,
    cases=_top_k_cases,
    answer=_exactly_k,
    gradients=("pre",),
    bf16=True,
    wrong=(
        candidates_not_rectified,
        everything_at_least_the_kth,
        everything_above_the_kth,
        top_k_of_the_whole_batch,
        top_k_over_the_batch,
        k_smallest,
        k_largest_magnitudes,
        one_more_than_k,
        at_least_one_kept,
        candidates_marked,
        candidates_alone,
        rest_not_set_to_zero,
        softmax_over_candidates,
        top_k_cut_from_the_graph,
    ),
    hints=(
        "Find the k largest of each row, then put them back where they stood in a row of zeros.",
        "`pre.topk(k, dim=-1)` gives values and indices. Comparing with the k-th value would keep too many where values are "
        "equal.",
        "`torch.zeros_like(pre).scatter(-1, indices, values)` puts values into their places.",
        "The values go through a ReLU on the way: `values.relu()`.",
    ),
)


# --- jump_relu -------------------------------------------------------------------------------------------------------


def _jump_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two inputs, three features",
        pre=draw.of([[1.0, 0.5, -2.0], [0.25, 3.0, 2.0]]),
        threshold=draw.of([0.5, 1.0, 0.0]),
    )
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=3, high=12)
        yield general("random values", **_jumping(draw, *size.values()))
    yield general("many features", **_jumping(draw, 5, 200))
    yield edge(
        "values exactly at the threshold",
        pre=draw.of([[0.5, 1.0, 2.0], [0.5, 1.5, 1.0]]),
        threshold=draw.of([0.5, 1.0, 2.0]),
    )
    yield edge("thresholds of 0", pre=draw.of([[0.0, 1.0, -1.0], [2.0, 0.0, 0.5]]), threshold=draw.of([0.0, 0.0, 0.0]))
    args = _jumping(draw, 5, 6)
    yield edge("thresholds that nothing reaches", **{**args, "threshold": args["threshold"] + 100})
    yield edge("values far above", **{**args, "pre": args["pre"].abs() + 50})
    yield edge("values that are all negative", **{**args, "pre": -args["pre"].abs() - 3})
    yield edge("an empty batch", pre=draw.of(torch.zeros(0, 4)), threshold=draw.of([0.5, 1.0, 0.0, 2.0]))
    yield edge("one input", **_jumping(draw, 1, 6))
    yield edge("one feature", **_jumping(draw, 6, 1))
    yield edge("as many inputs as features", **_jumping(draw, 5, 5))
    yield edge("small values", pre=args["pre"] * 1e-4, threshold=args["threshold"] * 1e-4)


def _jumping(draw: Draw, batch: int, d_sae: int) -> dict[str, Tensor]:
    return {"pre": draw.normal(batch, d_sae, scale=1.5), "threshold": draw.normal(d_sae, scale=0.7).abs()}


def plain_relu(pre: Tensor, threshold: Tensor) -> Tensor:
    """This is a ReLU: values between 0 and the threshold become 0 as well."""
    return pre.relu() + 0 * threshold


def threshold_included(pre: Tensor, threshold: Tensor) -> Tensor:
    """A value exactly at its threshold is kept: it has to be above it, strictly."""
    return torch.where(pre >= threshold, pre, 0)


def threshold_subtracted(pre: Tensor, threshold: Tensor) -> Tensor:
    """The threshold is subtracted from what passes, so that every value is too small. It jumps: what passes, passes whole."""
    return (pre - threshold).relu()


def step_returned(pre: Tensor, threshold: Tensor) -> Tensor:
    """These are ones and zeros: what is above the threshold keeps its value."""
    return (pre > threshold).to(pre.dtype) + 0 * pre


def threshold_returned(pre: Tensor, threshold: Tensor) -> Tensor:
    """What does not pass becomes the threshold: it becomes 0."""
    return torch.maximum(pre, threshold.expand_as(pre))


def cut_above(pre: Tensor, threshold: Tensor) -> Tensor:
    """What is *above* the threshold is set to 0: it is what stays."""
    return torch.where(pre > threshold, 0, pre.relu())


def negative_kept(pre: Tensor, threshold: Tensor) -> Tensor:
    """Large negative values pass too, as in a hard shrinkage: only what is above the threshold passes."""
    return torch.where(pre.abs() > threshold, pre, 0)


def negative_not_touched(pre: Tensor, threshold: Tensor) -> Tensor:
    """Negative values are left as they are: they lie below the threshold and become 0."""
    return torch.where((pre > threshold) | (pre < 0), pre, 0)


def one_threshold_for_all(pre: Tensor, threshold: Tensor) -> Tensor:
    """One threshold, their mean, is used for all features: each has its own."""
    return torch.where(pre > threshold.mean(), pre, 0)


def first_threshold_for_all(pre: Tensor, threshold: Tensor) -> Tensor:
    """The first threshold is used for all features: each has its own."""
    return torch.where(pre > threshold[0], pre, 0)


def values_clipped_at_the_threshold(pre: Tensor, threshold: Tensor) -> Tensor:
    """Values above the threshold are cut down to it: they stay as they are."""
    return torch.minimum(pre.relu(), threshold.expand_as(pre))


def jump_cut_from_the_graph(pre: Tensor, threshold: Tensor) -> Tensor:
    """The values are right, but no gradient reaches `pre`: what passes is passed on with its gradient."""
    return torch.where(pre > threshold, pre, 0).detach()


jump_relu = Exercise(
    name="jump_relu",
    solutions=SOLUTIONS,
    cases=_jump_cases,
    gradients=("pre",),
    bf16=True,
    wrong=(
        plain_relu,
        threshold_included,
        threshold_subtracted,
        step_returned,
        threshold_returned,
        cut_above,
        negative_kept,
        negative_not_touched,
        one_threshold_for_all,
        first_threshold_for_all,
        values_clipped_at_the_threshold,
        jump_cut_from_the_graph,
    ),
    hints=(
        "A ReLU with a gate: the gate is open or shut, and what goes through an open gate is not made smaller.",
        "`pre > threshold` compares each feature with its own threshold: [batch, d_sae] with [d_sae].",
        "`torch.where(condition, a, 0)` is a where the condition holds.",
    ),
)


# --- max_activating --------------------------------------------------------------------------------------------------


def _max_cases(draw: Draw) -> Iterator[Case]:
    first = [[0.0, 2.0, 0.5, 1.0], [3.0, 0.0, 0.0, 2.5], [0.0, 0.0, 1.5, 0.0]]
    yield basic("three sequences, the best two", f=draw.of(first), k=2)
    for _ in range(3):
        size = draw.sizes("batch", "position", low=3, high=12)
        yield general("random activations", f=_activations(draw, *size.values()), k=draw.size(2, size["batch"] - 1))
    yield general("many sequences", f=_activations(draw, 60, 9), k=draw.size(5, 20))
    yield edge("every sequence", f=_activations(draw, 5, 4), k=5)
    yield edge("the best one", f=_activations(draw, 5, 6), k=1)
    yield edge("one sequence", f=_activations(draw, 1, 6), k=1)
    yield edge("one position", f=_activations(draw, 6, 1), k=3)
    yield edge("as many sequences as positions", f=_activations(draw, 4, 4), k=3)
    yield edge(
        "one sequence that has all the large values",
        f=draw.of([[9.0, 8.0, 7.0], [0.0, 1.0, 0.5], [0.25, 0.0, 0.0]]),
        k=3,
    )
    yield edge("equal values", f=draw.of([[1.0, 2.0, 2.0], [2.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.0, 0.0, 2.0]]), k=3)
    yield edge("a feature that is never active", f=draw.of(torch.zeros(4, 5)), k=2)
    yield edge("strong activations", f=_activations(draw, 5, 6, scale=1e4), k=3)


def _best_places(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Values as expected; places judged by the values they point to, each sequence at most once."""
    f = args["f"]
    if problem := close(args, expected[0], got[0]):
        return Problem(problem.kind, f"Result 0: {problem.sentence}")
    places = got[1].to(f.device)
    rows, columns = places[:, 0], places[:, 1]
    if int(rows.min()) < 0 or int(rows.max()) >= f.shape[0]:
        return Problem("value", f"Result 1: some sequences lie outside 0 … {f.shape[0] - 1}.")
    if int(columns.min()) < 0 or int(columns.max()) >= f.shape[1]:
        return Problem("value", f"Result 1: some positions lie outside 0 … {f.shape[1] - 1}.")
    if len(rows.unique()) < len(rows):
        return Problem("value", "Result 1: a sequence stands there twice.")
    wrong = ~near(f[rows, columns].to(got[0].dtype), expected[0])
    if bool(wrong.any()):
        at = int(wrong.nonzero()[0])
        return Problem(
            "value",
            f"Result 1: at {places[at].tolist()} the activation is {float(f[rows[at], columns[at]]):.6g}, "
            f"not {float(expected[0][at]):.6g}.",
        )
    return None


def _pairs(flat: Tensor, position: int) -> Tensor:
    return torch.stack([flat // position, flat % position], -1)


def several_from_one_sequence(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Several come from one sequence. The neighbours of a maximum are often as strong, and show the same text again: take
    the best of each sequence first."""
    best = f.flatten().topk(k)
    return best.values, _pairs(best.indices, f.shape[1])


def position_before_sequence(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The pairs are (position, batch): the sequence comes first."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([peaks.indices[best.indices], best.indices], 1)


def weakest_first(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The right ones, with the weakest first: turn the order round."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    rows = best.indices.flip(0)
    return best.values.flip(0), torch.stack([rows, peaks.indices[rows]], 1)


def in_order_of_the_text(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The right ones, in the order in which they stand in the batch: the strongest comes first."""
    peaks = f.max(1)
    rows = peaks.values.topk(k).indices.sort().values
    return peaks.values[rows], torch.stack([rows, peaks.indices[rows]], 1)


def first_sequences(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the first k sequences: choose those with the strongest activation."""
    peaks = f[:k].max(1)
    order = peaks.values.argsort(descending=True)
    return peaks.values[order], torch.stack([order, peaks.indices[order]], 1)


def places_before_values(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The two results have changed places: values first, then where they are."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return torch.stack([best.indices, peaks.indices[best.indices]], 1), best.values


def positions_of_the_first_k(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The positions belong to the first k sequences, not to the best ones: index them with the sequences that were chosen."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[:k]], 1)


def best_positions_of_all(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The best sequence is taken for each position: take the best position of each sequence, along the last axis."""
    peaks = f.max(0)
    best = peaks.values.topk(min(k, f.shape[1]))
    return best.values, torch.stack([peaks.indices[best.indices], best.indices], 1)


def flat_places(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These places count through the whole batch: divide them into (batch, position)."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, best.indices * f.shape[1] + peaks.indices[best.indices]


def strongest_on_average(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The sequences are chosen by their mean activation: by their strongest."""
    rows = f.mean(1).topk(k).indices
    peaks = f[rows].max(1)
    return peaks.values, torch.stack([rows, peaks.indices], 1)


def sequences_alone(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The position is missing: each row of the second result is (batch, position)."""
    best = f.amax(1).topk(k)
    return best.values, best.indices[:, None]


def maximum_and_its_position(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The second result is [2, k]: a row for each maximum, [k, 2]."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]])


max_activating = Exercise(
    name="max_activating",
    solutions=SOLUTIONS,
    cases=_max_cases,
    answer=_best_places,
    wrong=(
        several_from_one_sequence,
        position_before_sequence,
        weakest_first,
        in_order_of_the_text,
        first_sequences,
        places_before_values,
        positions_of_the_first_k,
        best_positions_of_all,
        flat_places,
        strongest_on_average,
        sequences_alone,
        maximum_and_its_position,
    ),
    hints=(
        "One for each sequence: so first the best position of each, then the best sequences.",
        "`peaks = f.max(dim=1)` has `.values` and `.indices`, one for each sequence; `peaks.values.topk(k)` then chooses "
        "sequences.",
        "`torch.stack([sequences, positions], dim=1)` makes pairs of them. The positions are those of the chosen sequences.",
    ),
)


# --- feature_logits --------------------------------------------------------------------------------------------------


def _logit_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two neurons",
        decoder_row=draw.of([1.0, -2.0]),
        W_out=draw.of([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]]),
        W_U=draw.of([[1.0, 0.0], [0.0, 3.0], [1.0, 1.0]]),
    )
    for _ in range(3):
        size = draw.sizes("d_mlp", "d_model", "d_vocab", low=3, high=12)
        yield general("random weights", **_path(draw, *size.values()))
    yield general("a large vocabulary", **_path(draw, 12, 5, 300))
    yield edge("a long row", **{**(args := _path(draw, 5, 4, 7)), "decoder_row": args["decoder_row"] * 1e3})
    yield edge("a row of zeros", **{**args, "decoder_row": args["decoder_row"] * 0})
    yield edge("one neuron", **_path(draw, 1, 4, 6))
    yield edge("a d_model of 1", **_path(draw, 5, 1, 6))
    yield edge("a vocabulary of one token", **_path(draw, 5, 4, 1))
    n = draw.size(3, 5)
    yield edge("every size the same", **_path(draw, n, n, n))
    yield edge("a W_U far from zero", **{**args, "W_U": args["W_U"] + 10})


def _path(draw: Draw, d_mlp: int, d_model: int, d_vocab: int) -> dict[str, Tensor]:
    return {
        "decoder_row": draw.normal(d_mlp),
        "W_out": draw.normal(d_mlp, d_model) + draw.normal(d_mlp, 1, scale=0.5),
        "W_U": draw.normal(d_model, d_vocab),
    }


def logits_made_log_probs(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """These are log-probabilities: the direct path is linear, so leave out the softmax."""
    return (decoder_row @ W_out @ W_U).log_softmax(-1)


def logits_made_probabilities(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """These are probabilities: the direct path is linear, so leave out the softmax."""
    return (decoder_row @ W_out @ W_U).softmax(-1)


def row_of_length_one(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """The row is brought to length 1: use it as given."""
    return normalize(decoder_row, dim=0) @ W_out @ W_U


def logits_centred(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """The mean over the vocabulary is taken away: nothing is centred here."""
    logits = decoder_row @ W_out @ W_U
    return logits - logits.mean()


def write_centred(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """What the feature writes is centred over d_model: nothing is centred here. Whoever calls may centre `W_out` first."""
    written = decoder_row @ W_out
    return (written - written.mean()) @ W_U


def write_normalised(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """What the feature writes goes through a norm of its own: the direct path has none, or it would not be linear."""
    written = decoder_row @ W_out
    written = written - written.mean()
    size = written.square().mean().sqrt()
    return written / torch.where(size > 0, size, 1) @ W_U


def write_rectified(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """The row is cut off at 0. It stands behind the neurons' ReLU and may be negative: use it as given."""
    return decoder_row.relu() @ W_out @ W_U


def unembedding_left_out(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """This is what the feature writes into the stream: `W_U` turns it into logits."""
    return decoder_row @ W_out


def output_matrix_transposed(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """`W_out` is transposed. It is [d_mlp, d_model], and vectors are rows here: `decoder_row @ W_out`."""
    return W_out.T @ decoder_row @ W_U if W_out.shape[0] != W_out.shape[1] else W_out @ decoder_row @ W_U


def unembedding_transposed(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """`W_U` is transposed: it is [d_model, d_vocab], and vectors are rows here."""
    return decoder_row @ W_out @ W_U.T


def unembedding_normalised(decoder_row: Tensor, W_out: Tensor, W_U: Tensor) -> Tensor:
    """Each token's column of `W_U` is brought to length 1, so that these are cosines: use it as it is."""
    return decoder_row @ W_out @ normalize(W_U, dim=0)


feature_logits = Exercise(
    name="feature_logits",
    solutions=SOLUTIONS,
    cases=_logit_cases,
    bf16=True,
    wrong=(
        logits_made_log_probs,
        logits_made_probabilities,
        row_of_length_one,
        logits_centred,
        write_centred,
        write_normalised,
        write_rectified,
        unembedding_left_out,
        output_matrix_transposed,
        unembedding_transposed,
        unembedding_normalised,
    ),
    hints=(
        "What does a feature of activation 1 add to the neurons? What do these write? What does that do to the logits?",
        "`decoder_row @ W_out` is what it writes into the residual stream.",
        "`decoder_row @ W_out @ W_U`.",
    ),
)


# --- match_features --------------------------------------------------------------------------------------------------


def _match_cases(draw: Draw) -> Iterator[Case]:
    a = [[1.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 1.0]]
    b = [[0.0, 3.0, 1.0], [1.0, 0.0, 1.0], [0.0, 5.0, 1.0], [2.0, 1.0, 1.0]]
    yield basic("four tokens", f_a=draw.of(a), f_b=draw.of(b))
    yield basic("six tokens", **_two_dictionaries(draw, 6, 2, 3))
    for _ in range(3):
        size = draw.sizes("token", "d_a", "d_b", low=5, high=12)
        yield general("random features", **_two_dictionaries(draw, *size.values()))
    yield general("many tokens", **_two_dictionaries(draw, 200, 6, 8))
    yield general("features of very different strength", **_uneven(draw))
    yield edge("two tokens", f_a=draw.of([[0.0, 1.0, 2.0], [1.0, 0.5, 3.0]]), f_b=draw.of([[2.0, 0.0], [1.0, 4.0]]))
    yield edge("one feature each", **_two_dictionaries(draw, 7, 1, 1))
    yield edge("as many tokens as features", **_two_dictionaries(draw, 5, 5, 5))
    args = _two_dictionaries(draw, 9, 4, 5)
    silent_a, silent_b = args["f_a"].clone(), args["f_b"].clone()
    silent_a[:, 1], silent_b[:, 3], silent_b[:, 0] = 0, 0, 2.0
    yield edge("dead features of a", **{**args, "f_a": silent_a})
    yield edge("constant features of b", **{**args, "f_b": silent_b})
    yield edge("dead features on both sides", f_a=silent_a, f_b=silent_b)
    yield edge("nothing but dead features", f_a=args["f_a"] * 0, f_b=args["f_b"] * 0)
    against = draw.of([[3.0, 1.0], [2.0, 2.0], [1.0, 2.5], [0.0, 4.0]])
    yield edge("only negative correlations", f_a=against[:, :1].clone(), f_b=against[:, 1:].clone())
    turned = torch.cat([against[:, 1:], against[:, :1] * 0], 1)
    yield edge("negative correlations and a dead feature", f_a=against[:, :1].clone(), f_b=turned)
    yield edge("the same features, shuffled and rescaled", f_a=args["f_a"], f_b=args["f_a"].flip(1) * 7)
    twice = torch.cat([args["f_b"], args["f_b"]], 1)
    yield edge("features of b that are equal", **{**args, "f_b": twice})


def _two_dictionaries(draw: Draw, token: int, d_a: int, d_b: int) -> dict[str, Tensor]:
    """Features of two autoencoders that share some of what they see; none of them is constant."""
    common = draw.normal(token, max(d_a, d_b))
    for _ in range(100):
        f_a = (common[:, :d_a] + draw.normal(token, d_a, scale=0.6) + 0.4).relu()
        f_b = (common.flip(1)[:, :d_b] + draw.normal(token, d_b, scale=0.6) + 0.4).relu()
        if bool((f_a.amax(0) > f_a.amin(0)).all()) and bool((f_b.amax(0) > f_b.amin(0)).all()):
            break
    return {"f_a": f_a, "f_b": f_b}


def _uneven(draw: Draw) -> dict[str, Tensor]:
    args = _two_dictionaries(draw, 30, 5, 7)
    return {
        "f_a": args["f_a"] * draw.of(torch.logspace(-1, 1, 5)),
        "f_b": args["f_b"] * draw.of(torch.logspace(1, -1, 7)),
    }


def _standardised(f: Tensor) -> Tensor:
    constant = (f == f[0]).all(0)
    return normalize((f - f.mean(0)).masked_fill(constant, 0), dim=0)


def _correlations(f_a: Tensor, f_b: Tensor) -> Tensor:
    return _standardised(f_a).T @ _standardised(f_b)


def _best(table: Tensor) -> tuple[Tensor, Tensor]:
    best = table.max(dim=1)
    return best.indices, best.values


def _same_matches(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Correlations as expected; ids judged by the correlations they point to."""
    table = _correlations(args["f_a"], args["f_b"])
    ids = got[0].to(table.device)
    slack = 100.0 if got[1].dtype == torch.float64 else 1.0
    if not bool(near(got[1], expected[1], slack=slack).all()):
        problem = close(args, expected[1], got[1]) or Problem("value", "a correlation is wrong.")
        return Problem(problem.kind, f"Result 1: {problem.sentence}")
    if int(ids.min()) < 0 or int(ids.max()) >= table.shape[1]:
        return Problem("value", f"Result 0: some ids lie outside 0 … {table.shape[1] - 1}.")
    pointed = table.gather(1, ids[:, None])[:, 0]
    wrong = ~near(pointed.to(got[1].dtype), expected[1], slack=slack)
    if bool(wrong.any()):
        at = int(wrong.nonzero()[0])
        return Problem(
            "value",
            f"Result 0: feature {at} of a correlates {float(pointed[at]):.6g} with feature {int(ids[at])} of b; there is "
            f"one with {float(expected[1][at]):.6g}.",
        )
    return None


def not_centred_over_tokens(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are cosines: subtract each feature's mean over tokens first. Two features that are nearly always on have a large
    cosine whatever they do."""
    return _best(normalize(f_a, dim=0).T @ normalize(f_b, dim=0))


def covariances(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are covariances: divide by both standard deviations, or the strongest feature wins everywhere."""
    return _best((f_a - f_a.mean(0)).T @ (f_b - f_b.mean(0)) / len(f_a))


def magnitudes_of_correlations(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The best match is chosen by magnitude: a feature that is off whenever this one is on is no match. Keep the sign."""
    return _best(_correlations(f_a, f_b).abs())


def chosen_by_magnitude(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The correlations keep their sign, but the best match is still chosen by magnitude, so that a feature which is off
    whenever this one is on can win: take the highest, `max`, of the signed ones."""
    table = _correlations(f_a, f_b)
    ids = table.abs().argmax(1)
    return ids, table.gather(1, ids[:, None])[:, 0]


def deviations_by_one_fewer(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """`std` divides by one fewer than there are tokens, the covariance by all of them, so that even a perfect match stays
    below 1: divide both alike, `correction=0`."""
    ids, values = _best(_correlations(f_a, f_b))
    return ids, values * (len(f_a) - 1) / len(f_a)


def covariances_by_one_fewer(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The covariance is divided by one fewer than there are tokens, the deviations by all of them, so that a perfect match
    comes out above 1: divide both alike."""
    ids, values = _best(_correlations(f_a, f_b))
    return ids, values * len(f_a) / (len(f_a) - 1)


def matches_of_b(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """This gives for each feature of b the best of a: it is asked the other way round, for each feature of a."""
    return _best(_correlations(f_b, f_a))


def correlated_over_features(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The means are taken over features: a correlation is over tokens, so subtract each feature's mean over them."""
    a, b = f_a - f_a.mean(-1, keepdim=True), f_b - f_b.mean(-1, keepdim=True)
    return _best(normalize(a, dim=0).T @ normalize(b, dim=0))


def correlations_before_ids(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The two results have changed places: ids first, then correlations."""
    ids, values = _best(_correlations(f_a, f_b))
    return values, ids


def constant_gives_nan(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """A feature that never changes has a standard deviation of 0, and 0/0 is NaN: it correlates 0 with everything."""
    a, b = (f - f.mean(0) for f in (f_a, f_b))
    return _best((a / a.norm(dim=0)).T @ (b / b.norm(dim=0)))


def each_match_used_once(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """A feature of b that has been given away is not given again: several features of a may have the same best match."""
    table = _correlations(f_a, f_b).clone()
    ids, values = [], []
    for row in table:
        best = int(row.argmax())
        ids.append(best)
        values.append(row[best].clone())
        if len(ids) < table.shape[1]:
            table[:, best] = -2
    return torch.tensor(ids, device=f_a.device), torch.stack(values)


def worst_matches(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are the lowest correlations: the highest are asked for."""
    worst = _correlations(f_a, f_b).min(dim=1)
    return worst.indices, worst.values


def correlated_when_active(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """Only whether features are active is compared: how strongly counts too, so correlate the activations themselves."""
    return _best(_correlations((f_a > 0).to(f_a.dtype), (f_b > 0).to(f_b.dtype)))


def correlation_squared(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are squared correlations: the correlations themselves are asked for."""
    ids, values = _best(_correlations(f_a, f_b))
    return ids, values.square()


def whole_table_of_correlations(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The second result is the whole table: only the highest correlation of each feature of a is asked for."""
    table = _correlations(f_a, f_b)
    return table.argmax(1), table


match_features = Exercise(
    name="match_features",
    solutions=SOLUTIONS,
    cases=_match_cases,
    answer=_same_matches,
    wrong=(
        not_centred_over_tokens,
        covariances,
        magnitudes_of_correlations,
        chosen_by_magnitude,
        deviations_by_one_fewer,
        covariances_by_one_fewer,
        matches_of_b,
        correlated_over_features,
        correlations_before_ids,
        constant_gives_nan,
        each_match_used_once,
        worst_matches,
        correlated_when_active,
        correlation_squared,
        whole_table_of_correlations,
    ),
    hints=(
        "A correlation is a cosine between two columns after each has lost its own mean. What is left of a feature that "
        "never changes?",
        "`normalize(f - f.mean(0), dim=0)` makes columns of length 1, and leaves a column of zeros at 0. The product "
        "`a.T @ b` is then the whole table, [d_a, d_b].",
        "`table.max(dim=1)` has `.indices` and `.values`.",
    ),
)


# --- steer -----------------------------------------------------------------------------------------------------------


def _steer_cases(draw: Draw) -> Iterator[Case]:
    def on(site: str, layer: int, batch: int, position: int, coefficient: float, **choices: Any) -> dict[str, Any]:
        hook_name = f"blocks.{layer}.{site}"
        model, d_in = _with_mlp(draw, site, watched=hook_name, **choices)
        return {
            "model": model,
            "tokens": draw.ids((batch, position), model.cfg.d_vocab),
            "hook_name": hook_name,
            "direction": draw.normal(d_in, scale=1.5),
            "coefficient": coefficient,
        }

    yield basic("the neurons of layer 0", **on("mlp.hook_post", 0, 2, 5, 2.0))
    yield basic("the neurons of layer 1", **on("mlp.hook_post", 1, 2, 4, 1.5))
    yield general("a stream that goes on", **on("hook_resid_post", 0, 3, draw.size(4, 7), 0.8))
    yield general("a stream that comes in", **on("hook_resid_pre", 1, 2, 6, 3.0, n_layers=3))
    yield general("the neurons of a middle layer", **on("mlp.hook_post", 1, 2, 5, -1.5, n_layers=3, n_heads=2))
    yield edge("a negative coefficient", **on("mlp.hook_post", 0, 2, 5, -2.5))
    yield edge("a coefficient of 0", **on("mlp.hook_post", 0, 2, 5, 0.0))
    yield edge("a large coefficient", **on("mlp.hook_post", 0, 2, 5, 50.0))
    yield edge("one layer", **on("hook_resid_pre", 0, 2, 5, 1.2, n_layers=1))
    yield edge("the last stream", **on("hook_resid_post", 1, 2, 5, 1.2))
    yield edge("one sequence", **on("mlp.hook_post", 0, 1, 6, 2.0))
    yield edge("one token", **on("hook_resid_post", 0, 2, 1, 2.0))
    yield edge("as many sequences and positions as dimensions", **on("mlp.hook_post", 0, 4, 4, 2.0, d_mlp=4))
    yield edge("a model that carries a hook of yours", **on("mlp.hook_post", 1, 2, 4, 2.0, hooked=True))
    yield edge("a model in training mode", **on("hook_resid_pre", 0, 2, 4, 2.0, training=True))
    still = on("mlp.hook_post", 0, 2, 5, 2.0)
    yield edge("a direction of zeros", **{**still, "direction": still["direction"] * 0})


def _steered(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    edited = edited_in_place(args["model"])
    if problem := close_to_single_precision(args, expected, got):
        return problem
    if edited:
        return Problem(
            "changed argument",
            "The hook changes the activation that it is given. Others may hold the same tensor: return a new one, `x + …`, "
            "and avoid `+=`.",
        )
    return None


def nothing_added(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """These are the logits of the model as it is: your hook has to return the new activation."""
    return _clean(model, tokens)


def coefficient_left_out(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is added once, whatever the coefficient: multiply it by the coefficient."""
    return _hooked(model, tokens, hook_name, lambda x: x + direction)


def direction_made_unit(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is brought to length 1: use it as given."""
    return _hooked(model, tokens, hook_name, lambda x: x + coefficient * normalize(direction, dim=0))


def direction_put_in_place(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The activation is replaced by the direction: add it to what is there."""
    return _hooked(model, tokens, hook_name, lambda x: (coefficient * direction).expand_as(x).clone())


def steered_at_the_last_position(
    model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float
) -> Tensor:
    """The direction is added at the last position only: at every position."""

    def edit(x: Tensor) -> Tensor:
        x[:, -1] += coefficient * direction
        return x

    return _hooked(model, tokens, hook_name, edit)


def steered_after_the_first_position(
    model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float
) -> Tensor:
    """The first position is left out: add the direction at every position."""

    def edit(x: Tensor) -> Tensor:
        x[:, 1:] += coefficient * direction
        return x

    return _hooked(model, tokens, hook_name, edit)


def first_sequence_steered(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is added in the first sequence only: in every one."""

    def edit(x: Tensor) -> Tensor:
        x[0] += coefficient * direction
        return x

    return _hooked(model, tokens, hook_name, edit)


def direction_subtracted(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is subtracted: add it; a negative coefficient subtracts."""
    return _hooked(model, tokens, hook_name, lambda x: x - coefficient * direction)


def component_set(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """What was there along the direction is removed first, so that everywhere the same amount is present: this adds, and
    removes nothing."""
    unit = normalize(direction, dim=0)
    return _hooked(model, tokens, hook_name, lambda x: x - (x @ unit)[..., None] * unit + coefficient * direction)


def scaled_by_the_activation(
    model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float
) -> Tensor:
    """The direction is scaled with the size of each activation: the same vector is added everywhere."""
    return _hooked(
        model, tokens, hook_name, lambda x: x + coefficient * x.norm(dim=-1, keepdim=True) * normalize(direction, dim=0)
    )


def steered_in_layer_0(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The direction is added in layer 0, whatever `hook_name` says: hook the place that it names."""
    at = "blocks.0." + hook_name.split(".", 2)[2]
    return _hooked(model, tokens, at, lambda x: x + coefficient * direction)


def steered_log_probs(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """These are log-probabilities: logits are asked for, as the model gives them."""
    return _hooked(model, tokens, hook_name, lambda x: x + coefficient * direction).log_softmax(-1)


def steered_less_clean(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """This is the change in the logits: the logits themselves are asked for."""
    changed = _hooked(model, tokens, hook_name, lambda x: x + coefficient * direction)
    return changed - _clean(model, tokens)


def steering_left_on(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The logits are right, but the hook stays on the model: from now on everybody is steered. `run_with_hooks` takes it
    off again."""
    model.add_hook(hook_name, lambda x, hook: x + coefficient * direction)
    return _clean(model, tokens)


def activation_edited(model: Any, tokens: Tensor, hook_name: str, direction: Tensor, coefficient: float) -> Tensor:
    """The logits are right, but the hook edits the activation in place, and others may hold the same tensor. Return a new
    one: `x + coefficient * direction`."""

    def hook(value: Tensor, hook: Any) -> Tensor:
        value += coefficient * direction
        return value

    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])
    return logits


steer = Exercise(
    name="steer",
    solutions=SOLUTIONS,
    cases=_steer_cases,
    answer=_steered,
    wrong=(
        nothing_added,
        coefficient_left_out,
        direction_made_unit,
        direction_put_in_place,
        steered_at_the_last_position,
        steered_after_the_first_position,
        first_sequence_steered,
        direction_subtracted,
        component_set,
        scaled_by_the_activation,
        steered_in_layer_0,
        steered_log_probs,
        steered_less_clean,
        steering_left_on,
        activation_edited,
    ),
    hints=(
        "You have written such a hook for `splice`. What does this one return?",
        "The activation is [batch, position, d_in] and the direction [d_in]: added, it reaches every position.",
        "The hook returns `x + coefficient * direction`; `x += …` would change what others hold.",
    ),
)


# --- best_feature_f1 -------------------------------------------------------------------------------------------------


def _f1_cases(draw: Draw) -> Iterator[Case]:
    f = [[0.0, 2.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.25, 1.0], [2.0, 0.0, 0.0], [0.0, 1.0, 0.5]]
    yield basic("five tokens", f=draw.of(f), label=_truth(draw, [1, 1, 0, 0, 1]), threshold=0.5)
    for threshold in (0.0, 0.25, 1.0):
        size = draw.sizes("token", "d_sae", low=6, high=20)
        yield general("random features", **_predicting(draw, size["token"], size["d_sae"], threshold))
    yield general("many tokens", **_predicting(draw, 300, 30, 0.5))
    yield general("a rare label", **_predicting(draw, 200, 12, 0.25, every=25))
    yield edge(
        "values exactly at the threshold",
        f=draw.of([[0.5, 1.0], [0.5, 0.0], [1.0, 1.0], [0.0, 0.0]]),
        label=_truth(draw, [0, 0, 1, 0]),
        threshold=0.5,
    )
    yield edge(
        "weak features and a threshold of 0",
        f=draw.of([[1e-30, 1.0], [0.0, 0.0], [1e-12, 0.0]]),
        label=_truth(draw, [1, 0, 1]),
        threshold=0.0,
    )
    args = _predicting(draw, 12, 5, 0.25)
    yield edge("a label that is never true", **{**args, "label": torch.zeros_like(args["label"])})
    yield edge("a label that is always true", **{**args, "label": torch.ones_like(args["label"])})
    yield edge("a threshold that nothing reaches", **{**args, "threshold": 64.0})
    never = {**args, "threshold": 64.0, "label": torch.zeros_like(args["label"])}
    yield edge("nothing predicted and nothing true", **never)
    twice = torch.cat([args["f"] * 0, args["f"], args["f"]], 1)
    yield edge("features that are equal", **{**args, "f": twice})
    dead = args["f"].clone()
    dead[:, :2] = 0
    yield edge("dead features first", **{**args, "f": dead})
    yield edge("one feature", **_predicting(draw, 9, 1, 0.25))
    yield edge("one token", f=draw.of([[0.0, 2.0, 1.0]]), label=_truth(draw, [1]), threshold=0.5)
    yield edge("as many tokens as features", **_predicting(draw, 7, 7, 0.5))
    label = args["label"]
    right = draw.of(torch.where(label.cpu(), 2.0, 0.0))[:, None]
    yield edge("a perfect feature, last", **{**args, "f": torch.cat([args["f"], right], 1)})


def _truth(draw: Draw, values: list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.bool).to(draw.device)


def _predicting(draw: Draw, token: int, d_sae: int, threshold: float, every: int = 3) -> dict[str, Any]:
    label = draw.ids(token, every) == 0
    if not bool(label.any()):
        label[0] = True
    share = torch.linspace(0.2, 1.2, d_sae).roll(d_sae // 2)
    f = (draw.normal(token, d_sae) + draw.of(share) * (2.0 * label[:, None]).to(draw.dtype)).relu()
    return {"f": f, "label": label, "threshold": threshold}


def _counts(f: Tensor, label: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    says, truth = f > threshold, label[:, None]
    return (says & truth).sum(0), (says & ~truth).sum(0), (~says & truth).sum(0)


def _f1(hits: Tensor, false: Tensor, missed: Tensor) -> Tensor:
    below = 2 * hits + false + missed
    return torch.where(below > 0, 2 * hits.double() / below.clamp(min=1), 0.0)


def _scores(f: Tensor, label: Tensor, threshold: float) -> Tensor:
    return _f1(*_counts(f, label, threshold)).to(f.dtype)


def _chosen(scores: Tensor) -> tuple[int, Tensor]:
    best = int(scores.argmax())
    return best, scores[best]


def _best_or_tied(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """The best feature, the lowest of those with equal counts. Rounding may part others of equal F1: either is right."""
    if problem := close_to_single_precision(args, expected[1], got[1]):
        return Problem(problem.kind, f"Result 1: {problem.sentence}")
    counts = torch.stack(_counts(**args), -1)
    scores = _f1(*counts.unbind(-1))
    if not 0 <= got[0] < len(scores):
        return Problem("value", f"Result 0: {got[0]} is no feature; they run from 0 to {len(scores) - 1}.")
    if abs(float(scores[got[0]]) - float(scores.max())) > 1e-9:
        return Problem(
            "value",
            f"Result 0: feature {got[0]} has an F1 of {float(scores[got[0]]):.6g}, the best is feature {expected[0]}.",
        )
    alike = (counts == counts[got[0]]).all(-1) | ((scores == 0) & (scores[got[0]] == 0))
    if int(alike.nonzero()[0]) < got[0]:
        return Problem(
            "value", f"Result 0: features {int(alike.nonzero()[0])} and {got[0]} are tied; the lowest counts."
        )
    return None


def threshold_not_strict(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """A feature exactly at the threshold counts as a prediction, and with a threshold of 0 every feature predicts always: it
    has to be above, strictly."""
    truth, says = label[:, None], f >= threshold
    hits, false, missed = (says & truth).sum(0), (says & ~truth).sum(0), (~says & truth).sum(0)
    return _chosen(_f1(hits, false, missed).to(f.dtype))


def threshold_ignored(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The threshold is not used: a feature predicts where it is above the threshold, not above 0."""
    return _chosen(_scores(f, label, 0.0))


def accuracy(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is accuracy. Where a label is rare, a feature that never fires has nearly all of it right: F1 leaves out what is
    rightly not predicted."""
    return _chosen(((f > threshold) == label[:, None]).to(f.dtype).mean(0))


def precision(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is precision: F1 also counts what is missed."""
    hits, false, _ = _counts(f, label, threshold)
    return _chosen((hits / (hits + false).clamp(min=1)).to(f.dtype))


def recall(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is recall: F1 also counts false alarms."""
    hits, _, missed = _counts(f, label, threshold)
    return _chosen((hits / (hits + missed).clamp(min=1)).to(f.dtype))


def mean_of_precision_and_recall(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is the plain mean of precision and recall: F1 is their harmonic mean, 2TP / (2TP + FP + FN)."""
    hits, false, missed = _counts(f, label, threshold)
    both = hits / (hits + false).clamp(min=1) + hits / (hits + missed).clamp(min=1)
    return _chosen((both / 2).to(f.dtype))


def hits_counted_once(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The hits are counted once, which is another measure (Jaccard): F1 counts them twice, above and below."""
    hits, false, missed = _counts(f, label, threshold)
    below = hits + false + missed
    return _chosen(torch.where(below > 0, hits / below.clamp(min=1), 0).to(f.dtype))


def zero_by_zero_f1(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """Where nothing is predicted and nothing is true, F1 is 0/0, which is NaN: it counts as 0."""
    hits, false, missed = _counts(f, label, threshold)
    return _chosen((2 * hits / (2 * hits + false + missed)).to(f.dtype))


def precision_of_nothing(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """A feature that predicts nothing has a precision of 0/0, which is NaN and then wins: with 2TP / (2TP + FP + FN) there is
    no such case as long as the label occurs."""
    hits, false, missed = _counts(f, label, threshold)
    p, r = hits / (hits + false), hits / (hits + missed)
    return _chosen((2 * p * r / (p + r)).to(f.dtype))


def highest_on_ties(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """Of several features with the same F1 this takes the last: the lowest is asked for."""
    scores = _scores(f, label, threshold)
    best = int((scores == scores.max()).nonzero()[-1])
    return best, scores[best]


def label_turned_round(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The label is turned round: a feature should be active where it is True."""
    return _chosen(_scores(f, ~label, threshold))


def worst_feature(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is the worst feature: the best is asked for."""
    scores = _scores(f, label, threshold)
    return int(scores.argmin()), scores.min()


def every_f1(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The second result is the F1 of every feature: that of the best one is asked for."""
    scores = _scores(f, label, threshold)
    return int(scores.argmax()), scores


def feature_as_a_tensor(f: Tensor, label: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """The first result is the feature's number, a Python int: `int(...)` makes one of a tensor. Its F1 comes second."""
    scores = _scores(f, label, threshold)
    return scores.argmax(), scores.max()


best_feature_f1 = Exercise(
    name="best_feature_f1",
    solutions=SOLUTIONS,
    cases=_f1_cases,
    answer=_best_or_tied,
    wrong=(
        threshold_not_strict,
        threshold_ignored,
        accuracy,
        precision,
        recall,
        mean_of_precision_and_recall,
        hits_counted_once,
        zero_by_zero_f1,
        precision_of_nothing,
        highest_on_ties,
        label_turned_round,
        worst_feature,
        every_f1,
        feature_as_a_tensor,
    ),
    hints=(
        "For each feature a table of four: active or not, label true or not. Which of the four does F1 leave out?",
        "`says = f > threshold` is [token, d_sae]; `label[:, None]` stands beside it as a column. Hits are "
        "`(says & label[:, None]).sum(0)`.",
        "2TP + FP + FN is how often the feature is active plus how often the label is true.",
        "`scores.argmax()` takes the first of equal ones; `int(...)` makes a Python number of it.",
    ),
)


EXERCISES = (
    sae_encode,
    sae_decode,
    sae_loss,
    mean_max_cosine,
    l0,
    explained_variance,
    dead_features,
    remove_parallel_gradient,
    resample_dead,
    splice,
    loss_recovered,
    top_k_activation,
    jump_relu,
    max_activating,
    feature_logits,
    best_feature_f1,
    match_features,
    steer,
)
