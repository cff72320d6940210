"""Answers to `copying_score` that the checker has to accept, or to refuse though nobody foresaw them."""

import numpy as np
import torch
from transformer_lens import FactoredMatrix


def copying_by_factored_matrix(W_E, W_V, W_O, W_U):
    values = FactoredMatrix(W_E @ W_V, W_O @ W_U).eigenvalues
    below = values.abs().sum()
    return values.sum().real / below if below > 0 else torch.zeros((), dtype=W_E.dtype, device=W_E.device)


def copying_by_trace(W_E, W_V, W_O, W_U):
    square = W_O @ (W_U @ W_E) @ W_V
    below = float(torch.linalg.eigvals(square).abs().sum())
    return float(square.trace()) / below if below else 0.0


def copying_by_numpy(W_E, W_V, W_O, W_U):
    square = ((W_O @ W_U) @ (W_E @ W_V)).cpu().numpy()
    values = np.linalg.eigvals(square)
    below = np.abs(values).sum()
    return float(values.sum().real / below) if below else 0.0


def copying_clamped_at_zero(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    below = values.abs().sum()
    return values.real.sum().clamp(min=0) / below if below > 0 else below


def copying_of_the_largest_alone(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    value = values[values.abs().argmax()]
    return value.real / value.abs() if value.abs() > 0 else value.real


def copying_rounded(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    below = values.abs().sum()
    return (values.real.sum() / below).round(decimals=2) if below > 0 else below


RIGHT = (copying_by_factored_matrix, copying_by_trace, copying_by_numpy)


NEARLY_RIGHT = (copying_clamped_at_zero, copying_of_the_largest_alone, copying_rounded)
