"""The exercise `sae_encode`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


MARGIN = 1e-3


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
    return (F.normalize(x - b_dec, dim=-1) @ W_enc + b_enc).relu()


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


exercise = Exercise(
    __name__,
    further="Two features have unit directions 30 degrees apart, encoder columns equal to them, and no biases. The input is one of the two: what does the other say, and what would a bias that silences it cost?",
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
