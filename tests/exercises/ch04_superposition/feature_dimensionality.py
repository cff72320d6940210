"""Answers to `feature_dimensionality` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def dimensionality_by_its_gram_matrix(W):
    gram = W.mT @ W
    squares = gram.square().sum(-1)
    return gram.diagonal(dim1=-2, dim2=-1).square() / squares.masked_fill(squares == 0, 1)


def dimensionality_in_a_loop(W):
    result = W.new_zeros(W.shape[0], W.shape[2])
    for i, w in enumerate(W):
        for f, column in enumerate(w.T):
            if column.any():
                result[i, f] = column.square().sum() / (column / column.norm() @ w).square().sum()
    return result


def dimensionality_with_nan_replaced(W):
    length = W.norm(dim=1)
    return (length**2 / ((W / length[:, None]).mT @ W).square().sum(-1)).nan_to_num(0.0)


def dimensionality_with_a_guarded_division(W):
    overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
    return W.square().sum(1) / (overlap + 1e-6)


def dimensionality_clamped_to_a_half(W):
    overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
    return (W.square().sum(1) / overlap.clamp(min=1e-30)).clamp(min=0.02)


def dimensionality_of_columns_above_a_tenth(W):
    length = W.square().sum(1)
    overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
    return torch.where(length > 0.01, length / overlap.clamp(min=1e-30), 0)


RIGHT = (dimensionality_by_its_gram_matrix, dimensionality_in_a_loop, dimensionality_with_nan_replaced)


NEARLY_RIGHT = (
    dimensionality_with_a_guarded_division,
    dimensionality_clamped_to_a_half,
    dimensionality_of_columns_above_a_tenth,
)
