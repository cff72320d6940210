"""The exercise `ov_circuit`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mi_tutor.check.exercise import Exercise
from mi_tutor.check.factored import factored
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch02_attention_circuits._shared import circuit_cases, ov_weights

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens import FactoredMatrix


def sources_and_outputs_exchanged(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """Rows and columns are exchanged: a row for each source token, a column for each output token."""
    return factored((W_O @ W_U).mT, (W_E @ W_V).mT)


def ov_ends_inside_the_stream(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """The two factors meet in the residual stream, so the inner dimension is d_model. Cut at the head, where the product is
    narrowest: everything up to W_V in one factor, everything from W_O on in the other."""
    return factored(W_E @ W_V @ W_O, W_U)


def unembedding_left_out(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """This ends in the residual stream: go on to logits with W_U, so that columns are output tokens."""
    return factored(W_E @ W_V, W_O)


def embedding_left_out(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """This begins in the residual stream: begin at the tokens with W_E, so that rows are source tokens."""
    return factored(W_V, W_O @ W_U)


def embedding_for_unembedding(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """The output is read off with the embedding, transposed: this model has an unembedding of its own, W_U."""
    return factored(W_E @ W_V, W_O @ W_E.mT)


def value_and_output_exchanged(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """W_V and W_O have changed places, transposed so that they fit. A head reads the stream with W_V and writes to it with
    W_O."""
    return factored(W_E @ W_O.mT, W_V.mT @ W_U)


def direct_path_added(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """The direct path W_E W_U is in it as well: the OV circuit is only what the head writes."""
    return factored(torch.cat([W_E @ W_V, W_E], dim=1), torch.cat([W_O @ W_U, W_U]))


def ov_scaled(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """It is divided by √d_head: that belongs to attention scores. What is moved is moved as it is."""
    return factored(W_E @ W_V / W_V.shape[-1] ** 0.5, W_O @ W_U)


def outputs_centred(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """The mean over output tokens is taken out of each row: nothing is centred here."""
    return factored(W_E @ W_V, W_O @ (W_U - W_U.mean(-1, keepdim=True)))


def ov_embeddings_normalised(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """The embeddings are brought to length 1 first: W_E is used as it is given."""
    return factored(W_E / W_E.norm(dim=-1, keepdim=True) @ W_V, W_O @ W_U)


def ov_through_the_table(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> FactoredMatrix:
    """The whole d_vocab × d_vocab table is built and then taken apart again. Its factors lie before you: W_E W_V is one."""
    table = (W_E @ W_V @ W_O @ W_U).float()
    U, S, Vh = torch.linalg.svd(table, full_matrices=False)
    kept = min(W_V.shape[-1], len(S))
    return factored((U * S)[:, :kept].to(W_E.dtype), Vh[:kept].to(W_E.dtype))


exercise = Exercise(
    __name__,
    further="Two heads always have the same attention pattern. Which one table describes what both do together, and could a single head of the same d_head hold it?",
    cases=partial(circuit_cases, ov_weights, "W_V", "a head that reads nothing"),
    bf16=True,
    wrong=(
        sources_and_outputs_exchanged,
        ov_ends_inside_the_stream,
        unembedding_left_out,
        embedding_left_out,
        embedding_for_unembedding,
        value_and_output_exchanged,
        direct_path_added,
        ov_scaled,
        outputs_centred,
        ov_embeddings_normalised,
        ov_through_the_table,
    ),
    hints=(
        "Follow a source token: its embedding, what the head reads of it, what the head writes, the logits. These are four "
        "matrices in a row.",
        "The product of the four is [d_vocab, d_vocab] and is not to be made. Where in the row is it narrowest?",
        "`FactoredMatrix(A, B)` stands for A @ B. With A ending and B beginning at the head, A is [d_vocab, d_head]: "
        "`A = W_E @ W_V`. What is left over is B.",
    ),
)
