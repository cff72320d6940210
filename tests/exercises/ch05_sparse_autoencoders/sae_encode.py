"""Answers to `sae_encode` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from einops import einsum


def encode_by_a_folded_bias(x, W_enc, b_enc, b_dec):
    return F.relu(x @ W_enc + (b_enc - b_dec @ W_enc))


def encode_by_einsum(x, W_enc, b_enc, b_dec):
    pre = einsum(x - b_dec, W_enc, "batch d_in, d_in d_sae -> batch d_sae") + b_enc
    return torch.where(pre > 0, pre, 0)


def encode_by_linear(x, W_enc, b_enc, b_dec):
    return F.linear(x - b_dec, W_enc.T, b_enc).clamp(min=0)


def encode_with_a_leak(x, W_enc, b_enc, b_dec):
    return F.leaky_relu((x - b_dec) @ W_enc + b_enc, 1e-3)


def encode_with_a_cap(x, W_enc, b_enc, b_dec):
    return ((x - b_dec) @ W_enc + b_enc).clamp(0, 100)


def encode_in_single_precision(x, W_enc, b_enc, b_dec):
    return ((x.float() - b_dec.float()) @ W_enc.float() + b_enc.float()).relu().to(x.dtype)


def encode_that_changes_x(x, W_enc, b_enc, b_dec):
    with torch.no_grad():
        x -= b_dec
    return (x @ W_enc + b_enc).relu()


RIGHT = (encode_by_a_folded_bias, encode_by_einsum, encode_by_linear)


NEARLY_RIGHT = (encode_with_a_leak, encode_with_a_cap, encode_in_single_precision, encode_that_changes_x)
