"""Answers to `top_k_activation` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def top_k_by_a_mask(pre, k):
    mask = torch.zeros_like(pre, dtype=torch.bool).scatter_(-1, pre.topk(k, dim=-1).indices, True)
    return torch.where(mask, pre.relu(), 0)


def top_k_by_sorting(pre, k):
    rank = pre.argsort(dim=-1, descending=True).argsort(dim=-1)
    return torch.relu(pre) * (rank < k)


def top_k_after_a_relu(pre, k):
    f = pre.relu()
    best = torch.topk(f, k)
    return torch.zeros_like(f).scatter(1, best.indices, best.values)


def top_k_with_a_little_noise(pre, k):
    ranked = pre - 1e-9 * torch.arange(pre.shape[-1], dtype=torch.float64, device=pre.device)
    if k == 0 or not len(pre):
        return torch.zeros_like(pre)
    border = ranked.to(pre.dtype).topk(k, dim=-1).values[..., -1:]
    return torch.where(ranked.to(pre.dtype) >= border, pre.relu(), 0)


def top_k_of_at_least_one_input(pre, k):
    border = pre.sort(dim=-1).values[0, -k] if k else torch.inf
    return torch.where(pre >= border, pre.relu(), 0)


def top_k_without_the_gradient_of_the_best(pre, k):
    best = pre.topk(k, dim=-1)
    values = best.values.relu()
    if k:
        values = torch.cat([values[:, :1].detach(), values[:, 1:]], 1)
    return torch.zeros_like(pre).scatter(-1, best.indices, values)


RIGHT = (top_k_by_a_mask, top_k_by_sorting, top_k_after_a_relu)


NEARLY_RIGHT = (top_k_with_a_little_noise, top_k_of_at_least_one_input, top_k_without_the_gradient_of_the_best)
