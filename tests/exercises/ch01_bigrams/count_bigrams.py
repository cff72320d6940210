"""Answers to `count_bigrams` that the checker has to accept, or to refuse though nobody foresaw them."""

from itertools import pairwise

import torch
import torch.nn.functional as F


def count_in_a_loop(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64, device=tokens.device)
    for a, b in pairwise(tokens.tolist()):
        counts[a, b] += 1
    return counts


def count_by_accumulation(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64, device=tokens.device)
    return counts.index_put_((tokens[:-1], tokens[1:]), torch.tensor(1, device=tokens.device), accumulate=True)


def count_by_one_hot(tokens, d_vocab):
    hot = F.one_hot(tokens, d_vocab).double()
    return (hot[:-1].T @ hot[1:]).long()


def count_in_int16(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int16, device=tokens.device)
    one = torch.ones((), dtype=torch.int16, device=tokens.device)
    return counts.index_put_((tokens[:-1], tokens[1:]), one, accumulate=True).long()


def count_the_beginning_only(tokens, d_vocab):
    tokens = tokens[:1024]
    return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).view(d_vocab, d_vocab)


def count_in_bfloat16(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.bfloat16, device=tokens.device)
    for a, b in zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True):
        counts[a, b] += 1
    return counts.long()


RIGHT = (count_in_a_loop, count_by_accumulation, count_by_one_hot)


NEARLY_RIGHT = (count_in_int16, count_the_beginning_only, count_in_bfloat16)
