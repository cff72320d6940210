"""Answers to `mean_kl` that the checker has to accept, or to refuse though nobody foresaw them."""

import math

import torch
import torch.nn.functional as F


def kl_by_kl_div(target_log_probs, logits, weights):
    terms = F.kl_div(logits.log_softmax(-1), target_log_probs, log_target=True, reduction="none")
    terms = terms.masked_fill(target_log_probs == -math.inf, 0)
    return (terms.sum(-1) * weights).sum() / weights.sum()


def kl_by_xlogy(target_log_probs, logits, weights):
    target = target_log_probs.exp()
    cross = (target * F.log_softmax(logits, dim=1).masked_fill(target == 0, 0)).sum(1)
    return torch.dot(torch.xlogy(target, target).sum(1) - cross, weights / weights.sum())


def kl_where_possible(target_log_probs, logits, weights):
    log_q = logits - logits.logsumexp(-1, keepdim=True)
    possible = target_log_probs.isfinite()
    row = torch.arange(len(weights), device=weights.device)[:, None].expand_as(possible)[possible]
    p = target_log_probs[possible]
    terms = p.exp() * (p - log_q[possible])
    return torch.zeros_like(weights).index_add(0, row, terms) @ (weights / weights.sum())


def kl_with_a_guarded_division(target_log_probs, logits, weights):
    return _kl(target_log_probs, logits, 0) @ weights / (weights.sum() + 1e-6)


def kl_of_likely_pairs(target_log_probs, logits, weights):
    return _kl(target_log_probs, logits, 1e-4) @ weights / weights.sum()


def _kl(target_log_probs, logits, least):
    target = target_log_probs.exp()
    return torch.where(target > least, target * (target_log_probs - logits.log_softmax(-1)), 0.0).sum(-1)


RIGHT = (kl_by_kl_div, kl_by_xlogy, kl_where_possible)


NEARLY_RIGHT = (kl_with_a_guarded_division, kl_of_likely_pairs)
