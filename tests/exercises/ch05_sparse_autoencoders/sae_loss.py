"""Answers to `sae_loss` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from einops import einsum


def loss_by_einsum(x, x_hat, f, W_dec, l1_coefficient):
    error = einsum(x - x_hat, x - x_hat, "batch d_in, batch d_in ->")
    return (error + l1_coefficient * (f @ W_dec.norm(dim=1)).sum()) / len(x)


def loss_in_a_loop(x, x_hat, f, W_dec, l1_coefficient):
    losses = []
    for one, guess, strengths in zip(x, x_hat, f, strict=True):
        penalty = sum(s * torch.linalg.vector_norm(row) for s, row in zip(strengths, W_dec, strict=True))
        losses.append(((one - guess) ** 2).sum() + l1_coefficient * penalty)
    return torch.stack(losses).mean()


def loss_of_lengths(x, x_hat, f, W_dec, l1_coefficient):
    written = (f[:, :, None] * W_dec).norm(dim=-1) if f.all() else f * W_dec.norm(dim=-1)
    return F.mse_loss(x_hat, x, reduction="sum") / len(x) + l1_coefficient * written.sum(1).mean()


def loss_with_guarded_norms(x, x_hat, f, W_dec, l1_coefficient):
    norms = (W_dec.square().sum(-1) + 1e-2).sqrt()
    return ((x - x_hat).square().sum(-1) + l1_coefficient * (f * norms).sum(-1)).mean()


def loss_that_reaches_x_hat_through_the_penalty_alone(x, x_hat, f, W_dec, l1_coefficient):
    error = (x - x_hat.detach()).square().sum(-1) + 0 * x_hat.sum()
    return (error + l1_coefficient * (f * W_dec.norm(dim=-1)).sum(-1)).mean()


def loss_with_long_rows_capped(x, x_hat, f, W_dec, l1_coefficient):
    return ((x - x_hat).square().sum(-1) + l1_coefficient * (f * W_dec.norm(dim=-1).clamp(max=10)).sum(-1)).mean()


RIGHT = (loss_by_einsum, loss_in_a_loop, loss_of_lengths)


NEARLY_RIGHT = (loss_with_guarded_norms, loss_that_reaches_x_hat_through_the_penalty_alone, loss_with_long_rows_capped)
