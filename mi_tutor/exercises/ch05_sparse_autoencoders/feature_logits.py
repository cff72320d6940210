"""The exercise `feature_logits`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


def _logit_cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two neurons",
        decoder_row=draw.of([1.0, -2.0]),
        W_out=draw.of([[1.0, 0.0, 2.0], [0.5, 1.0, 0.0]]),
        W_U=draw.of([[1.0, 0.0], [0.0, 3.0], [1.0, 1.0]]),
    )
    yield basic("two neurons, four tokens", **_path(draw, 2, 3, 4))
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
    return F.normalize(decoder_row, dim=0) @ W_out @ W_U


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
    return decoder_row @ W_out @ F.normalize(W_U, dim=0)


exercise = Exercise(
    __name__,
    further="A feature adds 3 to the logit of a token that has a probability of 1e-6, and 1 to that of a token at 0.3. Which of them gains more probability, and which stands first in your list?",
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
