"""Answers to `pattern_without` that the checker has to accept, or to refuse though nobody foresaw them."""

import math

import torch
import torch.nn.functional as F


def path_by_cases(resid, removed, W_Q, W_K, path):
    reads = {"Q": resid, "K": resid}
    reads[path] = resid - removed
    scores = torch.einsum("bid,bjd->bij", reads["Q"] @ W_Q, reads["K"] @ W_K) * W_Q.shape[1] ** -0.5
    mask = torch.full(scores.shape[-2:], -math.inf, dtype=scores.dtype, device=scores.device).triu(1)
    return F.softmax(scores + mask, dim=-1)


def path_row_by_row(resid, removed, W_Q, W_K, path):
    q = torch.matmul(resid - removed * (path == "Q"), W_Q) / math.sqrt(W_Q.shape[1])
    k = torch.matmul(resid - removed * (path == "K"), W_K)
    n, rows = resid.shape[1], []
    for i in range(n):
        row = (k[:, : i + 1] @ q[:, i, :, None]).squeeze(-1).softmax(-1)
        rows.append(F.pad(row, (0, n - 1 - i)))
    return torch.stack(rows, dim=1)


def path_with_clamped_scores(resid, removed, W_Q, W_K, path):
    q = (resid - removed * (path == "Q")) @ W_Q
    k = (resid - removed * (path == "K")) @ W_K
    scores = (q @ k.mT / W_Q.shape[-1] ** 0.5).clamp(-30, 30)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def path_that_changes_the_stream(resid, removed, W_Q, W_K, path):
    k = resid @ W_K if path == "Q" else (resid - removed) @ W_K
    q = resid.sub_(removed) @ W_Q if path == "Q" else resid @ W_Q
    scores = q @ k.mT / W_Q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def path_with_half_a_gradient(resid, removed, W_Q, W_K, path):
    q = (resid - removed * (path == "Q")) @ W_Q
    k = (resid.detach() - removed * (path == "K")) @ W_K
    scores = q @ k.mT / W_Q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


RIGHT = (path_by_cases, path_row_by_row)


NEARLY_RIGHT = (path_with_clamped_scores, path_that_changes_the_stream, path_with_half_a_gradient)
