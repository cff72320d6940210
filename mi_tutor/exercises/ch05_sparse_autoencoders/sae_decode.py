"""The exercise `sae_decode`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import activations

if TYPE_CHECKING:
    from torch import Tensor


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
        "f": activations(draw, batch, d_sae, scale),
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
    return f @ F.normalize(W_dec, dim=-1) + b_dec


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


exercise = Exercise(
    __name__,
    further="The rows are (1, 0), (0, 1) and (1, 1), and `b_dec` is 0. How many `f` without a negative entry give (1, 1)? What, then, does a perfect reconstruction say about `f`?",
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
