"""Answers to `dead_features` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def dead_by_counting(f):
    return (f > 0).sum(0) == 0


def dead_by_all(f):
    return (f <= 0).all(dim=0)


def dead_by_sum(f):
    return f.sum(0) == 0


def dead_in_all_but_the_first(f):
    return ~(f[1:] > 0).any(0)


def dead_below_a_denormal(f):
    return (f < 1e-20).all(0)


def dead_as_bytes(f):
    return (~(f > 0).any(0)).to(torch.uint8)


RIGHT = (dead_by_counting, dead_by_all, dead_by_sum)


NEARLY_RIGHT = (dead_in_all_but_the_first, dead_below_a_denormal, dead_as_bytes)
