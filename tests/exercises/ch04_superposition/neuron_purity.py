"""Answers to `neuron_purity` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def purity_by_sorting(W):
    size = W.abs().sort(dim=-1, descending=True).values
    return torch.where(size[..., 0] > 0, size[..., 0] / size.sum(-1), 0)


def purity_by_normalising(W):
    return F.normalize(W, p=1, dim=-1).abs().max(dim=-1).values


def purity_by_norms(W):
    return (W.norm(p=torch.inf, dim=-1) / W.norm(p=1, dim=-1)).nan_to_num(0.0)


def purity_with_a_guarded_division(W):
    return W.abs().amax(-1) / (W.abs().sum(-1) + 1e-4)


def purity_of_the_strongest_instance(W):
    size = W.abs()
    return size.amax(-1) / size.sum(-1).clamp(min=0.05)


def purity_with_small_weights_ignored(W):
    size = W.abs() * (W.abs() > 0.05)
    return size.amax(-1) / size.sum(-1).where(size.sum(-1) > 0, 1)


RIGHT = (purity_by_sorting, purity_by_normalising, purity_by_norms)


NEARLY_RIGHT = (purity_with_a_guarded_division, purity_of_the_strongest_instance, purity_with_small_weights_ignored)
