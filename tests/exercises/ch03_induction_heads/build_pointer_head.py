"""Answers to `build_pointer_head` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch

from exercises.ch03_induction_heads._shared import by_keys, empty_model, nothing_at_all, random_weights, turned


def pointer_with_shifted_keys(d_vocab, n_ctx):
    """The pointer names the earlier occurrence itself; the key of each position says what comes before it."""
    V, N = d_vocab, n_ctx
    W = empty_model(V, N, 2 * V + 2 * N, max(V, N))
    token, say, place, pointer = slice(V), slice(V, 2 * V), slice(2 * V, 2 * V + N), slice(2 * V + N, None)
    eye, sharp = torch.eye(V), 60 * max(V, N) ** 0.5
    W["W_E"][:, token], W["W_pos"][:, place], W["W_U"][say] = eye, torch.eye(N), eye
    W["W_Q"][0, 0, token, :V], W["W_K"][0, 0, token, :V] = sharp * eye, eye
    W["W_V"][0, 0, place, :N], W["W_O"][0, 0, :N, pointer] = torch.eye(N), torch.eye(N)
    W["W_Q"][1, 0, pointer, :N] = sharp * torch.eye(N)
    W["W_K"][1, 0, place, :N] = torch.diag(torch.ones(N - 1), -1)
    W["W_V"][1, 0, token, :V], W["W_O"][1, 0, :V, say] = eye, eye
    return W


def pointer_in_another_basis(d_vocab, n_ctx):
    return turned(pointer_with_shifted_keys(d_vocab, n_ctx))


RIGHT = (pointer_with_shifted_keys, pointer_in_another_basis)


NEARLY_RIGHT = (by_keys, nothing_at_all, random_weights)
