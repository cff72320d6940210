"""More wrong answers to the exercises of chapter 02, attention circuits, by another stranger who had read their texts and nothing else."""

import math

import torch
import torch.nn.functional as F
from transformer_lens import FactoredMatrix


def attention_pattern__11(q, k):
    """Softmax first, then the future is cut off and rows are brought back to 1: 0/0 where the future had everything."""
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
    pattern = scores.softmax(-1).tril()
    return pattern / pattern.sum(-1, keepdim=True)


def attention_pattern__12(q, k):
    """The mask puts -1e4, not -inf: with large negative scores the future is read."""
    d_head = q.size(-1)
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(d_head)
    n = scores.size(-1)
    mask = torch.ones(n, n, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(mask, -1e4)
    return scores.softmax(dim=-1)


def copying_score__11(W_E, W_V, W_O, W_U):
    """The mean of the eigenvalues' signs: how many are positive, not how large they are."""
    small = W_O @ W_U @ W_E @ W_V
    eigenvalues = torch.linalg.eigvals(small).real
    return eigenvalues.sign().mean()


def copying_score__13(W_E, W_V, W_O, W_U):
    """Singular values in place of the eigenvalues' magnitudes: trace over nuclear norm."""
    inner = (W_O @ W_U) @ (W_E @ W_V)
    magnitudes = torch.linalg.svdvals(inner).sum()
    if magnitudes == 0:
        return inner.new_zeros(())
    return inner.trace() / magnitudes


def direct_logit_attribution__11(components, ln_scale, direction):
    """Each component goes through a LayerNorm of its own: divided by its own deviation."""
    normed = F.layer_norm(components, (components.shape[-1],), eps=0.0)
    return normed @ direction


def one_layer_logits__11(tokens, pattern, W_E, W_V, W_O, W_U):
    """The stream after the layer is read for values too: the direct path is added once for each head."""
    x = W_E[tokens]
    logits = 0
    for h in range(W_V.shape[0]):
        v = x @ W_V[h]
        logits = logits + (x + pattern[:, h] @ v @ W_O[h]) @ W_U
    return logits


def one_layer_logits__12(tokens, pattern, W_E, W_V, W_O, W_U):
    """The pattern is masked and renormalised again, though it is to be used as it is given."""
    x = W_E[tokens]
    pattern = pattern.tril()
    pattern = pattern / pattern.sum(-1, keepdim=True).clamp(min=1e-9)
    v = torch.einsum("bkm,hmd->bkhd", x, W_V)
    z = torch.einsum("bhqk,bkhd->bqhd", pattern, v)
    return (x + torch.einsum("bqhd,hdm->bqm", z, W_O)) @ W_U


def one_layer_logits__13(tokens, pattern, W_E, W_V, W_O, W_U):
    """Looks the tokens up in OV tables of d_vocab x d_vocab, one for each head."""
    direct = (W_E @ W_U)[tokens]
    out = direct.clone()
    for h in range(len(W_V)):
        table = W_E @ W_V[h] @ W_O[h] @ W_U
        out += pattern[:, h] @ table[tokens]
    return out


def ov_circuit__11(W_E, W_V, W_O, W_U):
    """Cut at d_model: the inner dimension is not d_head."""
    OV = W_V @ W_O
    return FactoredMatrix(W_E @ OV, W_U)


def qk_circuit__11(W_E, W_Q, W_K):
    """Rows are keys and columns queries, and the square root is divided out."""
    queries = W_E @ W_Q / W_Q.shape[-1] ** 0.5
    keys = W_E @ W_K
    return FactoredMatrix(keys, queries.T)


def qk_circuit__12(W_E, W_Q, W_K):
    """The second factor is W_K transposed alone: keys are in the stream, not in tokens."""
    return FactoredMatrix(W_E @ W_Q, W_K.T)


def top_skip_trigrams__11(ov, qk, source, k):
    """Takes row `source` of both tables: the keys that source itself looks at."""
    attended = qk.A[source] @ qk.B
    outputs = ov.A[source] @ ov.B
    return attended.topk(k).indices, outputs.topk(k).indices


def top_skip_trigrams__12(ov, qk, source, k):
    """The k strongest outputs by magnitude."""
    destinations = (qk.A @ qk.B[:, source]).topk(k).indices
    effects = ov.A[source] @ ov.B
    outputs = effects.abs().argsort(descending=True)[:k]
    return destinations, outputs


def value_weighted_pattern__11(pattern, v, W_O):
    """The norm of the value vector itself, before W_O."""
    norms = v.norm(dim=-1)  # key head
    return pattern * norms.T[:, None, :]


def value_weighted_pattern__12(pattern, v, W_O):
    """Rows are brought back to 1 after the weighting."""
    written = torch.einsum("khd,hdm->khm", v, W_O)
    weighted = pattern * written.norm(dim=-1).T.unsqueeze(1)
    return torch.nan_to_num(weighted / weighted.sum(-1, keepdim=True))
