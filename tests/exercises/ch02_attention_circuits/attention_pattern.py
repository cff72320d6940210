"""Answers to `attention_pattern` that the checker has to accept, or to refuse though nobody foresaw them."""

import math

import torch
import torch.nn.functional as F
from einops import einsum


def pattern_by_matmul(q, k):
    n = q.shape[1]
    scores = q.transpose(1, 2) @ k.permute(0, 2, 3, 1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(n, n, dtype=torch.bool, device=q.device).tril()
    return torch.where(allowed, scores, -math.inf).softmax(-1)


def pattern_row_by_row(q, k):
    n, width = q.shape[1], q.shape[-1]
    rows = []
    for i in range(n):
        scores = torch.einsum("bhd,bkhd->bhk", q[:, i] / width**0.5, k[:, : i + 1])
        rows.append(F.pad(scores.softmax(-1), (0, n - i - 1)))
    return torch.stack(rows, dim=2)


def pattern_by_adding_a_mask(q, k):
    mask = torch.full((q.shape[1], q.shape[1]), -math.inf, dtype=q.dtype, device=q.device).triu(1)
    return F.softmax(einsum(q, k, "b i h d, b j h d -> b h i j") * q.shape[-1] ** -0.5 + mask, dim=-1)


def pattern_by_logsumexp(q, k):
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    future = torch.ones_like(scores, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, torch.finfo(q.dtype).min)
    scores = scores - scores.amax(-1, keepdim=True).detach()
    powers = scores.exp().masked_fill(future, 0.0)
    return powers / powers.sum(-1, keepdim=True)


def pattern_masked_with_a_hundred_billion(q, k):
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -1e11).softmax(-1)


def pattern_with_clamped_scores(q, k):
    scores = (torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5).clamp(-50, 50)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def pattern_that_needs_a_sequence(q, k):
    return torch.stack([_one_pattern(a, b) for a, b in zip(q, k, strict=True)])


def _one_pattern(q, k):
    scores = torch.einsum("ihd,jhd->hij", q, k) / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def pattern_with_a_gradient_in_q_alone(q, k):
    scores = torch.einsum("bihd,bjhd->bhij", q, k.detach()) / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


RIGHT = (pattern_by_matmul, pattern_row_by_row, pattern_by_adding_a_mask, pattern_by_logsumexp)


NEARLY_RIGHT = (
    pattern_masked_with_a_hundred_billion,
    pattern_with_clamped_scores,
    pattern_that_needs_a_sequence,
    pattern_with_a_gradient_in_q_alone,
)
