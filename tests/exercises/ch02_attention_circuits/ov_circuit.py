"""Answers to `ov_circuit` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from transformer_lens import FactoredMatrix


def ov_by_matrix_products(W_E, W_V, W_O, W_U):
    return W_E @ FactoredMatrix(W_V, W_O) @ W_U


def ov_made_even(W_E, W_V, W_O, W_U):
    even = FactoredMatrix((W_E @ W_V).double(), (W_O @ W_U).double()).make_even()
    return FactoredMatrix(even.A.to(W_E.dtype), even.B.to(W_E.dtype))


def ov_turned_twice(W_E, W_V, W_O, W_U):
    return FactoredMatrix(W_U.T @ W_O.T, W_V.T @ W_E.T).T


def ov_padded_to_d_model(W_E, W_V, W_O, W_U):
    extra = W_E.shape[1]
    return FactoredMatrix(F.pad(W_E @ W_V, (0, extra)), F.pad(W_O @ W_U, (0, 0, 0, extra)))


def ov_with_one_direction_lost(W_E, W_V, W_O, W_U):
    kept = max(1, W_V.shape[1] - 1)
    return FactoredMatrix((W_E @ W_V)[:, :kept], (W_O @ W_U)[:kept])


def ov_in_mixed_dtypes(W_E, W_V, W_O, W_U):
    return FactoredMatrix((W_E @ W_V).double(), W_O @ W_U)


def ov_as_the_whole_table(W_E, W_V, W_O, W_U):
    return W_E @ W_V @ W_O @ W_U


def ov_as_a_pair(W_E, W_V, W_O, W_U):
    return W_E @ W_V, W_O @ W_U


def ov_table_with_an_identity(W_E, W_V, W_O, W_U):
    table = W_E @ W_V @ W_O @ W_U
    return FactoredMatrix(table, torch.eye(len(table), dtype=table.dtype, device=table.device))


RIGHT = (ov_by_matrix_products, ov_made_even, ov_turned_twice)


NEARLY_RIGHT = (
    ov_padded_to_d_model,
    ov_with_one_direction_lost,
    ov_in_mixed_dtypes,
    ov_as_the_whole_table,
    ov_as_a_pair,
    ov_table_with_an_identity,
)
