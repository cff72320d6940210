"""Answers to `interpolated_log_probs` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def row_by_row(counts, lower, discount):
    share = lower / lower.sum()
    rows = []
    for row in counts:
        seen = row > 0
        if not seen.any():
            rows.append(share.log())
            continue
        left = torch.where(seen, row - discount, 0.0)
        rows.append(((left + discount * seen.sum() * share) / row.sum()).log())
    return torch.stack(rows)


def as_a_weighted_mean(counts, lower, discount):
    n = counts.double()
    left = (n - discount).clamp(min=0)
    total = n.sum(1, keepdim=True)
    weight = torch.where(total > 0, 1 - left.sum(1, keepdim=True) / total, 1.0)
    own = left / left.sum(1, keepdim=True).clamp(min=1e-300)
    return ((1 - weight) * own + weight * (lower / lower.sum())).log().float()


def with_taken_added_up(counts, lower, discount):
    taken = counts.clamp(max=discount) if counts.is_floating_point() else counts.double().clamp(max=discount)
    total = counts.sum(-1, keepdim=True)
    share = (lower.double() / lower.sum()).expand(counts.shape)
    mixed = (counts - taken + taken.sum(-1, keepdim=True) * share) / total
    return torch.where(total == 0, share, mixed).log().to(torch.float32)


def with_a_little_for_everyone(counts, lower, discount):
    return (as_a_weighted_mean(counts, lower, discount).exp() + 1e-9).log()


def least_for_singles(counts, lower, discount):
    return as_a_weighted_mean(counts, lower, min(discount, 0.95))


RIGHT = (row_by_row, as_a_weighted_mean, with_taken_added_up)

NEARLY_RIGHT = (with_a_little_for_everyone, least_for_singles)
