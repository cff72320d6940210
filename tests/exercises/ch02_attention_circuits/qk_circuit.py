"""Answers to `qk_circuit` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
from transformer_lens import FactoredMatrix


def qk_by_matrix_products(W_E, W_Q, W_K):
    return W_E @ FactoredMatrix(W_Q, W_K.T) @ W_E.T


def qk_by_einsum(W_E, W_Q, W_K):
    return FactoredMatrix(
        torch.einsum("vm,md->vd", W_E, W_Q).contiguous(), torch.einsum("vm,md->dv", W_E, W_K).contiguous()
    )


def qk_with_both_made_wider(W_E, W_Q, W_K):
    return FactoredMatrix(3 * (W_E @ W_Q), (W_E @ W_K / 3).mT)


def qk_as_the_whole_table(W_E, W_Q, W_K):
    return W_E @ W_Q @ (W_E @ W_K).T


def qk_in_float32(W_E, W_Q, W_K):
    return FactoredMatrix((W_E @ W_Q).float(), (W_E @ W_K).float().T)


def qk_with_a_softened_table(W_E, W_Q, W_K):
    return FactoredMatrix((W_E @ W_Q).clamp(-20, 20), (W_E @ W_K).T)


RIGHT = (qk_by_matrix_products, qk_by_einsum, qk_with_both_made_wider)


NEARLY_RIGHT = (qk_as_the_whole_table, qk_in_float32, qk_with_a_softened_table)
