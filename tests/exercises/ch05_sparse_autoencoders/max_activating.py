"""Answers to `max_activating` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def max_by_sorting(f, k):
    values, positions = f.max(-1)
    order = torch.argsort(values, descending=True)[:k]
    return values[order], torch.column_stack([order, positions[order]])


def max_in_a_loop(f, k):
    best = [(max(row), -b, row.index(max(row))) for b, row in enumerate(f.tolist())]
    best = sorted(best, reverse=True)[:k]
    values = torch.tensor([value for value, _, _ in best], dtype=f.dtype, device=f.device)
    return values, torch.tensor([[-b, p] for _, b, p in best], device=f.device)


def max_in_int32(f, k):
    peaks = f.max(dim=1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]], dim=1).int()


def max_of_the_first_ten_positions(f, k):
    peaks = f[:, :3].max(dim=1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]], dim=1)


RIGHT = (max_by_sorting, max_in_a_loop)


NEARLY_RIGHT = (max_in_int32, max_of_the_first_ten_positions)
