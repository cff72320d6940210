"""Answers to `l0` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def l0_by_count_nonzero(f):
    return torch.count_nonzero(f).to(f.dtype) / len(f)


def l0_in_a_loop(f):
    return sum(sum(value > 0 for value in row) for row in f.tolist()) / len(f)


def l0_by_sign(f):
    return f.sign().sum(dim=1).mean()


def l0_as_a_whole_number(f):
    return int((f > 0).sum()) // len(f)


def l0_of_rounded(f):
    return (f.round(decimals=6) > 0).to(f.dtype).sum(-1).mean()


RIGHT = (l0_by_count_nonzero, l0_in_a_loop, l0_by_sign)


NEARLY_RIGHT = (l0_as_a_whole_number, l0_of_rounded)
