"""The exercise `qk_circuit`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Draw
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.factored import factored
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch02_attention_circuits._shared import circuit_cases

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens import FactoredMatrix


def _qk_weights(draw: Draw, d_vocab: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Tensor]:
    return {
        "W_E": draw.normal(d_vocab, d_model, scale=scale),
        "W_Q": draw.normal(d_model, d_head),
        "W_K": draw.normal(d_model, d_head),
    }


def keys_in_rows(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """Queries and keys are exchanged: a row for each query token, a column for each key token."""
    return factored(W_E @ W_K, (W_E @ W_Q).mT)


def qk_scaled(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """It is divided by √d_head: the circuit is asked for unscaled."""
    return factored(W_E @ W_Q / W_Q.shape[-1] ** 0.5, (W_E @ W_K).mT)


def keys_made_by_the_query_matrix(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """Both sides use W_Q: queries are made by W_Q, keys by W_K."""
    return factored(W_E @ W_Q, (W_E @ W_Q).mT)


def queries_made_by_the_key_matrix(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """Both sides use W_K: queries are made by W_Q, keys by W_K."""
    return factored(W_E @ W_K, (W_E @ W_K).mT)


def qk_starts_inside_the_stream(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """The two factors meet in the residual stream, so the inner dimension is d_model. Queries are one factor, W_E W_Q, and
    keys the other: then they meet at the head."""
    return factored(W_E, W_Q @ (W_E @ W_K).mT)


def keys_not_transposed(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """A transpose is missing: every query with every key is the queries times the transpose of the keys,
    `(W_E @ W_Q) @ (W_E @ W_K).T`."""
    return factored(W_E @ W_Q, W_E @ W_K)


def key_matrix_not_transposed(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """The keys' factor is W_Kᵀ W_Eᵀ, the transpose of W_E W_K: W_K has to be transposed, too."""
    return factored(W_E @ W_Q, W_K @ W_E.mT)


def query_matrix_times_key_matrix(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """Between the tokens stands W_Q W_Kᵀ: W_K has to be transposed, so that queries and keys meet at the head."""
    return factored(W_E @ W_Q @ W_K, W_E.mT)


def keys_in_the_stream(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """The key side ends in the residual stream: W_E stands on both sides, since keys are tokens, too."""
    return factored(W_E @ W_Q, W_K.mT)


def tokens_left_out(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """This compares directions of the residual stream, not tokens: W_E stands on both sides."""
    return factored(W_Q, W_K.mT)


def keys_centred(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """The mean over key tokens is taken out of each row. A softmax would not notice, but the circuit is asked for as it
    is."""
    k = W_E @ W_K
    return factored(W_E @ W_Q, (k - k.mean(0)).mT)


def qk_embeddings_normalised(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """The embeddings are brought to length 1 first: W_E is used as it is given."""
    unit = W_E / W_E.norm(dim=-1, keepdim=True)
    return factored(unit @ W_Q, (unit @ W_K).mT)


def qk_through_the_table(W_E: Tensor, W_Q: Tensor, W_K: Tensor) -> FactoredMatrix:
    """The whole d_vocab × d_vocab table is built and then taken apart again. Its factors lie before you: W_E W_Q is one."""
    table = (W_E @ W_Q @ (W_E @ W_K).mT).float()
    U, S, Vh = torch.linalg.svd(table, full_matrices=False)
    kept = min(W_Q.shape[-1], len(S))
    return factored((U * S)[:, :kept].to(W_E.dtype), Vh[:kept].to(W_E.dtype))


exercise = Exercise(
    __name__,
    further="If `W_Q` equals `W_K`, what do the entries (a, b) and (b, a) have in common? For which two Python tokens would that be in a head's way?",
    cases=partial(circuit_cases, _qk_weights, "W_K", "keys that are all zero"),
    bf16=True,
    wrong=(
        keys_in_rows,
        qk_scaled,
        keys_made_by_the_query_matrix,
        queries_made_by_the_key_matrix,
        qk_starts_inside_the_stream,
        keys_not_transposed,
        key_matrix_not_transposed,
        query_matrix_times_key_matrix,
        keys_in_the_stream,
        tokens_left_out,
        keys_centred,
        qk_embeddings_normalised,
        qk_through_the_table,
    ),
    hints=(
        "The score of one query token with one key token is the dot product of a query and a key. What makes each of them "
        "from its token?",
        "All queries at once are `W_E @ W_Q`, all keys `W_E @ W_K`. Every query with every key is one of them times the "
        "transpose of the other.",
        "Both factors end at the head: `FactoredMatrix(queries, keys.T)`, with queries in the rows.",
    ),
)
