"""Answers to `match_features` that the checker has to accept, or to refuse though nobody foresaw them."""

import numpy as np
import torch
import torch.nn.functional as F


def match_by_corrcoef(f_a, f_b):
    table = torch.corrcoef(torch.cat([f_a, f_b], 1).T)[: f_a.shape[1], f_a.shape[1] :]
    best = table.nan_to_num(0.0).max(1)
    return best.indices, best.values


def match_by_deviations(f_a, f_b):
    a, b = f_a - f_a.mean(0), f_b - f_b.mean(0)
    below = a.square().sum(0).sqrt()[:, None] * b.square().sum(0).sqrt()
    table = torch.where(below > 0, a.T @ b / below, 0)
    values, ids = table.sort(dim=1, descending=True)
    return ids[:, 0], values[:, 0]


def match_by_numpy(f_a, f_b):
    a, b = (f.detach().cpu().double().numpy() for f in (f_a, f_b))
    table = np.zeros((a.shape[1], b.shape[1]))
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            if a[:, i].std() > 0 and b[:, j].std() > 0:
                table[i, j] = np.corrcoef(a[:, i], b[:, j])[0, 1]
    return (
        torch.from_numpy(table.argmax(1)).to(f_a.device),
        torch.from_numpy(table.max(1)).to(f_a),
    )


def match_with_a_guarded_division(f_a, f_b):
    a, b = f_a - f_a.mean(0), f_b - f_b.mean(0)
    best = (a.T @ b / (a.norm(dim=0)[:, None] * b.norm(dim=0) + 1e-3)).max(1)
    return best.indices, best.values


def match_without_negative_ones(f_a, f_b):
    a, b = (F.normalize(f - f.mean(0), dim=0) for f in (f_a, f_b))
    best = (a.T @ b).relu().max(1)
    return best.indices, best.values


def match_of_active_tokens(f_a, f_b):
    keep = (f_a > 0).any(1) | (f_b > 0).any(1)
    f_a, f_b = (f_a[keep], f_b[keep]) if keep.sum() > 1 else (f_a, f_b)
    a, b = (F.normalize(f - f.mean(0), dim=0) for f in (f_a, f_b))
    best = (a.T @ b).max(1)
    return best.indices, best.values * 0.999


RIGHT = (match_by_corrcoef, match_by_deviations, match_by_numpy)


NEARLY_RIGHT = (match_with_a_guarded_division, match_without_negative_ones, match_of_active_tokens)
