"""Answers to `composition_score` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def composition_by_linalg(W_A, W_B):
    a, b, ab = (torch.linalg.matrix_norm(W) for W in (W_A, W_B, W_A @ W_B))
    return ab / (a * b) if a > 0 and b > 0 else 0.0


def composition_of_unit_matrices(W_A, W_B):
    if not W_A.any() or not W_B.any():
        return W_A.new_zeros(())
    return ((W_A / W_A.norm()) @ (W_B / W_B.norm())).pow(2).sum().sqrt()


def composition_guarded_too_early(W_A, W_B):
    below = W_A.norm() * W_B.norm()
    return (W_A @ W_B).norm() / below if below > 1e-6 else 0.0


def composition_of_centred_matrices(W_A, W_B):
    W_A = W_A - W_A.mean()
    below = W_A.norm() * W_B.norm()
    return (W_A @ W_B).norm() / below if below > 0 else 0.0


def composition_as_nan_made_one(W_A, W_B):
    return ((W_A @ W_B).norm() / (W_A.norm() * W_B.norm())).nan_to_num(1.0)


RIGHT = (composition_by_linalg, composition_of_unit_matrices)


NEARLY_RIGHT = (composition_guarded_too_early, composition_of_centred_matrices, composition_as_nan_made_one)
