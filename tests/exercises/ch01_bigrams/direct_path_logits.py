"""Answers to `direct_path_logits` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from einops import einsum


def logits_by_einsum(W_E, W_U):
    return einsum(W_E, W_U, "now d_model, d_model next -> now next")


def logits_by_linear(W_E, W_U):
    return F.linear(W_E, W_U.T)


def logits_by_one_hot(W_E, W_U):
    return torch.eye(W_E.shape[0], dtype=W_E.dtype, device=W_E.device) @ W_E @ W_U


def multiply_the_wrong_way_when_it_fits(W_E, W_U):
    return W_U @ W_E if W_E.shape == W_U.shape else W_E @ W_U


def clip_logits(W_E, W_U):
    return (W_E @ W_U).clamp(-1e4, 1e4)


def half_a_gradient(W_E, W_U):
    return W_E @ W_U.detach()


RIGHT = (logits_by_einsum, logits_by_linear, logits_by_one_hot)


NEARLY_RIGHT = (multiply_the_wrong_way_when_it_fits, clip_logits, half_a_gradient)
