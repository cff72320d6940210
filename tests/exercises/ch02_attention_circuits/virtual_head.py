"""Answers to `virtual_head` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
from transformer_lens import FactoredMatrix


def head_cut_in_the_early_one(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    pattern = torch.einsum("bqm,bmk->bqk", late_pattern, early_pattern)
    return pattern, FactoredMatrix(early_V, early_O @ late_V @ late_O)


def head_by_factored_products(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    early = FactoredMatrix(early_V, early_O)
    return late_pattern.matmul(early_pattern), early @ FactoredMatrix(late_V, late_O)


def head_by_sums(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    pattern = (late_pattern[:, :, :, None] * early_pattern[:, None]).sum(2)
    return [pattern, FactoredMatrix(early_V @ early_O @ late_V, late_O)]


def virtual_weights_left_out(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    return late_pattern @ early_pattern, FactoredMatrix(early_V, late_O)


def virtual_weights_transposed(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    return late_pattern @ early_pattern, FactoredMatrix(early_V @ (early_O @ late_V).T, late_O)


def pattern_made_causal_twice(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    return (late_pattern @ early_pattern).tril(-1), FactoredMatrix(early_V @ early_O @ late_V, late_O)


def ov_as_a_tensor(early_pattern, late_pattern, early_V, early_O, late_V, late_O):
    return late_pattern @ early_pattern, early_V @ early_O @ late_V @ late_O


RIGHT = (head_cut_in_the_early_one, head_by_factored_products, head_by_sums)

NEARLY_RIGHT = (virtual_weights_left_out, virtual_weights_transposed, pattern_made_causal_twice, ov_as_a_tensor)
