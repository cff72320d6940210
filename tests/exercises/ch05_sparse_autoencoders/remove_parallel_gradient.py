"""Answers to `remove_parallel_gradient` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from einops import einsum


def parallel_by_squared_lengths(W_dec, grad):
    square = W_dec.square().sum(1, keepdim=True)
    share = (grad * W_dec).sum(1, keepdim=True) / torch.where(square > 0, square, 1)
    return grad - share * W_dec


def parallel_row_by_row(W_dec, grad):
    return torch.stack([g - (g @ w) / (w @ w) * w if w.any() else g.clone() for w, g in zip(W_dec, grad, strict=True)])


def parallel_by_projectors(W_dec, grad):
    unit = F.normalize(W_dec, dim=1)
    return grad - einsum(unit, unit, grad, "row out, row into, row into -> row out")


def parallel_with_a_guarded_division(W_dec, grad):
    share = (grad * W_dec).sum(-1, keepdim=True) / (W_dec.square().sum(-1, keepdim=True) + 1e-5)
    return grad - share * W_dec


def parallel_of_rows_above_a_tenth(W_dec, grad):
    unit = F.normalize(W_dec, dim=-1) * (W_dec.norm(dim=-1, keepdim=True) > 0.1)
    return grad - (grad * unit).sum(-1, keepdim=True) * unit


def parallel_with_the_first_zero_row_only(W_dec, grad):
    return (grad - (grad * W_dec).sum(-1, keepdim=True) / W_dec.square().sum(-1, keepdim=True) * W_dec).nan_to_num(0.0)


RIGHT = (parallel_by_squared_lengths, parallel_row_by_row, parallel_by_projectors)


NEARLY_RIGHT = (parallel_with_a_guarded_division, parallel_of_rows_above_a_tenth, parallel_with_the_first_zero_row_only)
