"""Answers to `head_outputs` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def heads_by_torch_einsum(z, W_O):
    return torch.einsum("bphd,hdm->bphm", z, W_O)


def heads_in_a_loop(z, W_O):
    return torch.stack([z[:, :, head] @ W_O[head] for head in range(len(W_O))], dim=2)


def heads_by_broadcasting(z, W_O):
    return (z[..., None, :] @ W_O).squeeze(-2)


def heads_without_a_gradient_in_z(z, W_O):
    return torch.einsum("bphd,hdm->bphm", z.detach(), W_O)


def heads_into_float32(z, W_O):
    return torch.einsum("bphd,hdm->bphm", z.float(), W_O.float())


RIGHT = (heads_by_torch_einsum, heads_in_a_loop, heads_by_broadcasting)


NEARLY_RIGHT = (heads_without_a_gradient_in_z, heads_into_float32)
