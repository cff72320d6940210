"""Wrong answers to the exercises of chapter 02, attention circuits, by somebody who had read their texts and nothing else."""

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens import FactoredMatrix


def attention_pattern__1(
    q: Float[Tensor, "batch position head d_head"],
    k: Float[Tensor, "batch position head d_head"],
) -> Float[Tensor, "batch head position position"]:
    """Masks the future with -1e5, which is not small enough when all visible scores lie below that."""
    scores = einsum(q, k, "batch query head d, batch key head d -> batch head query key")
    scores = scores / q.shape[-1] ** 0.5
    n = q.shape[1]
    future = torch.ones(n, n, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -1e5).softmax(-1)


def attention_pattern__2(
    q: Float[Tensor, "batch position head d_head"],
    k: Float[Tensor, "batch position head d_head"],
) -> Float[Tensor, "batch head position position"]:
    """Divides by the square root of the number of heads, taking the wrong axis of q."""
    scores = einsum(q, k, "batch query head d, batch key head d -> batch head query key")
    scores = scores / q.shape[2] ** 0.5
    n = q.shape[1]
    future = torch.ones(n, n, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def one_layer_logits__1(
    tokens: Int[Tensor, "batch position"],
    pattern: Float[Tensor, "batch head query key"],
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "head d_model d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "batch position d_vocab"]:
    """Cuts the given pattern to its causal part, though it is to be used as it is given."""
    x = W_E[tokens]
    v = einsum(x, W_V, "batch key m, head m d -> batch key head d")
    z = einsum(pattern.tril(), v, "batch head query key, batch key head d -> batch query head d")
    out = einsum(z, W_O, "batch query head d, head d m -> batch query m")
    return (x + out) @ W_U


def one_layer_logits__2(
    tokens: Int[Tensor, "batch position"],
    pattern: Float[Tensor, "batch head query key"],
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "head d_model d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "batch position d_vocab"]:
    """Looks the direct path up in the full table W_E @ W_U, which is d_vocab x d_vocab."""
    v = einsum(W_E[tokens], W_V, "batch key m, head m d -> batch key head d")
    z = einsum(pattern, v, "batch head query key, batch key head d -> batch query head d")
    out = einsum(z, W_O, "batch query head d, head d m -> batch query m")
    return (W_E @ W_U)[tokens] + out @ W_U


def ov_circuit__1(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> FactoredMatrix:
    """Cuts between W_O and W_U, so the inner dimension is d_model."""
    return FactoredMatrix(W_E @ W_V @ W_O, W_U)


def ov_circuit__2(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> FactoredMatrix:
    """Writes the paper's column convention W_U W_O W_V W_E, so rows are output tokens."""
    return FactoredMatrix(W_U.T @ W_O.T, W_V.T @ W_E.T)


def qk_circuit__1(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
) -> FactoredMatrix:
    """Puts keys in the rows and queries in the columns."""
    return FactoredMatrix(W_E @ W_K, (W_E @ W_Q).T)


def qk_circuit__2(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
) -> FactoredMatrix:
    """Multiplies W_Q W_K^T out first, so the inner dimension is d_model."""
    return FactoredMatrix(W_E @ (W_Q @ W_K.T), W_E.T)


def top_skip_trigrams__1(
    ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """Takes the source itself out of both lists."""
    likes = qk.A @ qk.B[:, source]
    raises = ov.A[source] @ ov.B
    likes[source] = -torch.inf
    raises[source] = -torch.inf
    return likes.topk(k).indices, raises.topk(k).indices


def top_skip_trigrams__2(
    ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int
) -> tuple[Int[Tensor, "k"], Int[Tensor, "k"]]:
    """Multiplies both tables out before taking a column and a row."""
    return qk.AB[:, source].topk(k).indices, ov.AB[source].topk(k).indices


def copying_score__1(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, ""]:
    """Divides by the sum of the magnitudes of the real parts instead of those of the complex eigenvalues."""
    small = (W_O @ W_U) @ (W_E @ W_V)
    real = torch.linalg.eigvals(small).real
    size = real.abs().sum()
    if size == 0:
        return torch.zeros(())
    return real.sum() / size


def copying_score__2(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_V: Float[Tensor, "d_model d_head"],
    W_O: Float[Tensor, "d_head d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, ""]:
    """Calls eigvalsh, which assumes a symmetric matrix and reads only one triangle."""
    small = (W_O @ W_U) @ (W_E @ W_V)
    values = torch.linalg.eigvalsh(small)
    size = values.abs().sum()
    return values.sum() / size if size > 0 else torch.zeros(())


def direct_logit_attribution__1(
    components: Float[Tensor, "component batch d_model"],
    ln_scale: Float[Tensor, "batch 1"],
    direction: Float[Tensor, "d_model"],
) -> Float[Tensor, "component batch"]:
    """Divides [component, batch] by [batch, 1], so the scale lines up with the components."""
    centred = components - components.mean(-1, keepdim=True)
    return (centred @ direction) / ln_scale


def direct_logit_attribution__2(
    components: Float[Tensor, "component batch d_model"],
    ln_scale: Float[Tensor, "batch 1"],
    direction: Float[Tensor, "d_model"],
) -> Float[Tensor, "component batch"]:
    """Takes out the mean over components instead of each component's own mean over d_model."""
    centred = components - components.mean(0, keepdim=True)
    return (centred / ln_scale) @ direction


def value_weighted_pattern__1(
    pattern: Float[Tensor, "head query key"],
    v: Float[Tensor, "key head d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
) -> Float[Tensor, "head query key"]:
    """Bounds the written norm by the norm of v times the Frobenius norm of W_O."""
    sizes = v.norm(dim=-1).T * W_O.norm(dim=(1, 2))[:, None]
    return pattern * sizes[:, None, :]


def value_weighted_pattern__2(
    pattern: Float[Tensor, "head query key"],
    v: Float[Tensor, "key head d_head"],
    W_O: Float[Tensor, "head d_head d_model"],
) -> Float[Tensor, "head query key"]:
    """Weights rows (queries) with the keys' sizes instead of columns."""
    sizes = einsum(v, W_O, "key head d, head d m -> head key m").norm(dim=-1)
    return pattern * sizes[:, :, None]
