"""The exercise `direct_path_logits`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F

if TYPE_CHECKING:
    from torch import Tensor


def logits_transposed(W_E: Tensor, W_U: Tensor) -> Tensor:
    """Rows and columns are swapped: row = current token, which W_E embeds; column = next token, which W_U reads out."""
    return (W_E @ W_U).T


def unembedding_first(W_E: Tensor, W_U: Tensor) -> Tensor:
    """This is `W_U @ W_E`, of shape [d_model, d_model]. A token is a row here: it goes through W_E first, then through
    W_U. (Papers that write W_U W_E have tokens in columns.)"""
    return W_U @ W_E


def logits_turned_to_log_probs(W_E: Tensor, W_U: Tensor) -> Tensor:
    """These are log-probabilities: the logits are asked for, before any softmax."""
    return (W_E @ W_U).log_softmax(-1)


def logits_turned_to_probs(W_E: Tensor, W_U: Tensor) -> Tensor:
    """These are probabilities: the logits are asked for, before any softmax."""
    return (W_E @ W_U).softmax(-1)


def rows_centred(W_E: Tensor, W_U: Tensor) -> Tensor:
    """Each row has had its mean taken away. A softmax does not see the difference, but the logits as they are, are
    asked for."""
    logits = W_E @ W_U
    return logits - logits.mean(-1, keepdim=True)


def embeddings_centred(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The embeddings have been centred over d_model, as a LayerNorm would; the direct path uses them as they are."""
    return (W_E - W_E.mean(-1, keepdim=True)) @ W_U


def embeddings_normalised(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The embeddings have been brought to unit length; this model has no norm between embedding and unembedding."""
    return F.normalize(W_E, dim=-1) @ W_U


def scaled_as_attention(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The logits are divided by √d_model: that scale belongs to attention scores, not to the direct path."""
    return W_E @ W_U / W_E.shape[-1] ** 0.5


def embedding_used_twice(W_E: Tensor, W_U: Tensor) -> Tensor:
    """This is W_E W_Eᵀ: the logits come from the unembedding W_U, which need not be the embedding turned round."""
    return W_E @ W_E.T + 0 * W_U.sum()


def cut_from_the_graph(W_E: Tensor, W_U: Tensor) -> Tensor:
    """The numbers are right, but no gradient flows back: `.detach()`, `.data`, `torch.no_grad` or NumPy cut the graph."""
    return (W_E @ W_U).detach()


exercise = Exercise(
    __name__,
    further="Add one and the same vector to every row of `W_E`: how does the table change? Which knowledge about the next token could a model keep in such a vector?",
    gradients=("W_E", "W_U"),
    bf16=True,
    wrong=(
        logits_transposed,
        unembedding_first,
        logits_turned_to_log_probs,
        logits_turned_to_probs,
        rows_centred,
        embeddings_centred,
        embeddings_normalised,
        scaled_as_attention,
        embedding_used_twice,
        cut_from_the_graph,
    ),
    hints=(
        "The residual stream after token a is row a of W_E. What does the unembedding do to one such row?",
        "A residual vector becomes logits as `x @ W_U`. All tokens at once are all rows at once.",
        "It is one matrix product, `W_E @ W_U`: d_model stands in the middle, and is summed over.",
    ),
)
