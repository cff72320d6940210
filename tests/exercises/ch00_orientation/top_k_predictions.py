"""Answers to `top_k_predictions` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def top_by_sorting(logits, k):
    values, ids = logits.softmax(0).sort(descending=True)
    return ids[:k], values[:k]


def top_by_logits(logits, k):
    ids = logits.topk(k).indices
    return ids, (logits - logits.logsumexp(0))[ids].exp()


def top_as_a_list(logits, k):
    probabilities = torch.softmax(logits.float(), dim=-1) if logits.dtype == torch.bfloat16 else logits.softmax(-1)
    values, ids = torch.topk(probabilities, k)
    return [ids, values.to(logits.dtype)]


def top_of_rounded(logits, k):
    best = logits.softmax(-1).round(decimals=4).topk(k)
    return best.indices, best.values


def top_at_least_one(logits, k):
    best = logits.softmax(-1).topk(max(k, 1))
    return best.indices, best.values


def top_without_the_last_token(logits, k):
    best = logits.softmax(-1)[:-1].topk(min(k, len(logits) - 1))
    return best.indices, best.values


def top_in_int32(logits, k):
    best = logits.softmax(-1).topk(k)
    return best.indices.int(), best.values


RIGHT = (top_by_sorting, top_by_logits, top_as_a_list)


NEARLY_RIGHT = (top_of_rounded, top_at_least_one, top_without_the_last_token, top_in_int32)
