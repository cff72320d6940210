"""Answers to `value_weighted_pattern` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def weighted_by_broadcasting(pattern, v, W_O):
    written = (v.transpose(0, 1)[:, :, None] @ W_O[:, None]).squeeze(-2)
    return pattern * torch.linalg.vector_norm(written, dim=-1).unsqueeze(1)


def weighted_in_a_loop(pattern, v, W_O):
    return torch.stack([pattern[h] * (v[:, h] @ W_O[h]).pow(2).sum(-1).sqrt() for h in range(len(W_O))])


def weighted_by_what_each_adds(pattern, v, W_O):
    adds = torch.einsum("hqk,khd,hdm->hqkm", pattern, v, W_O)
    return adds.norm(dim=-1)


def weighted_with_a_floor(pattern, v, W_O):
    norm = torch.einsum("khd,hdm->hkm", v, W_O).square().sum(-1).add(1e-2).sqrt()
    return pattern * norm[:, None]


def weighted_by_the_largest_entry(pattern, v, W_O):
    return pattern * torch.einsum("khd,hdm->hkm", v, W_O).abs().amax(-1)[:, None]


RIGHT = (weighted_by_broadcasting, weighted_in_a_loop, weighted_by_what_each_adds)


NEARLY_RIGHT = (weighted_with_a_floor, weighted_by_the_largest_entry)
