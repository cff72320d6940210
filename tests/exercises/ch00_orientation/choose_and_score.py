"""Answers to `choose_and_score` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def kinds_in_a_loop(falls, kind, first, k, least):
    found = []
    for each in kind.unique().tolist():
        here, there = falls[(kind == each) & first], falls[(kind == each) & ~first]
        if min(len(here), len(there)) >= least:
            found.append((float(here.mean()), float(there.mean()), each))
    found = sorted(found, reverse=True)[:k]
    ids = torch.tensor([each for _, _, each in found], dtype=torch.int64, device=kind.device)
    return ids, *(falls.new_tensor([row[place] for row in found]) for place in (0, 1))


def kinds_by_a_matrix(falls, kind, first, k, least):
    is_kind = (kind[:, None] == torch.arange(int(kind.max()) + 1, device=kind.device)).to(falls.dtype)
    means, counts = [], []
    for part in (first, ~first):
        counts.append(is_kind[part].sum(0))
        means.append(falls[part] @ is_kind[part] / counts[-1])
    rare = torch.minimum(*counts) < least
    best = means[0].masked_fill(rare, -torch.inf).argsort(descending=True)[:k]
    return best, means[0][best], means[1][best]


def kinds_by_scatter(falls, kind, first, k, least):
    half, size = (~first).long(), int(kind.max()) + 1
    sums = falls.new_zeros(2, size).index_put((half, kind), falls, accumulate=True)
    counts = falls.new_zeros(2, size).index_put((half, kind), torch.ones_like(falls), accumulate=True)
    means = sums / counts.clamp(min=1)
    values, best = means[0].masked_fill((counts < least).any(0), -torch.inf).topk(k)
    return best, values, means[1, best]


def means_drawn_to_zero(falls, kind, first, k, least):
    best, here, there = kinds_by_a_matrix(falls, kind, first, k, least)
    counts = [torch.stack([((kind == each) & part).sum() for each in best]) if k else here for part in (first, ~first)]
    return best, here * counts[0] / (counts[0] + 0.01), there * counts[1] / (counts[1] + 0.01)


def never_the_first_kind(falls, kind, first, k, least):
    kept = kind != 0
    return kinds_in_a_loop(falls[kept], kind[kept], first[kept], k, least)


RIGHT = (kinds_in_a_loop, kinds_by_a_matrix, kinds_by_scatter)

NEARLY_RIGHT = (means_drawn_to_zero, never_the_first_kind)
