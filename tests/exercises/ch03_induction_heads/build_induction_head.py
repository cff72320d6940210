"""Answers to `build_induction_head` that the checker has to accept, or to refuse though nobody foresaw them."""

import math

import torch
import torch.nn.functional as F

from exercises.ch03_induction_heads._shared import by_keys, empty_model, nothing_at_all, random_weights, spoiled, turned


def induction_in_two_boxes(d_vocab, n_ctx):
    """The box for the token before is also the one to say: layer 1 shouts louder than layer 0."""
    V, N = d_vocab, n_ctx
    W = empty_model(V, N, 2 * V + N, max(V, N))
    eye, sharp = torch.eye(V), 25 * max(V, N) ** 0.5
    W["W_E"][:, :V], W["W_pos"][:, 2 * V :], W["W_U"][V : 2 * V] = eye, torch.eye(N), eye
    W["W_Q"][0, 0, 2 * V :, :N] = torch.eye(N)
    W["W_K"][0, 0, 2 * V :, :N] = sharp * torch.diag(torch.ones(N - 1), 1)
    W["W_V"][0, 0, :V, :V], W["W_O"][0, 0, :V, V : 2 * V] = eye, eye
    W["W_Q"][1, 0, :V, :V], W["W_K"][1, 0, V : 2 * V, :V] = eye, sharp * eye
    W["W_V"][1, 0, :V, :V], W["W_O"][1, 0, :V, V : 2 * V] = eye, 3 * eye
    return W


def induction_in_another_basis(d_vocab, n_ctx):
    return turned(induction_in_two_boxes(d_vocab, n_ctx))


def induction_with_room_to_spare(d_vocab, n_ctx):
    weights = induction_in_two_boxes(d_vocab, n_ctx)
    wider = {name: F.pad(value, (0, 3)) for name, value in weights.items() if name in ("W_E", "W_pos", "W_O")}
    wider |= {name: F.pad(weights[name], (0, 0, 0, 3)) for name in ("W_Q", "W_K", "W_V", "W_U")}
    return wider | {"note": "extra entries are nobody's business"}


@spoiled
def last_id_forgotten(W, d_vocab, n_ctx):
    W["W_E"][-1] = 0


@spoiled
def a_copy_of_the_first_hundred_ids(W, d_vocab, n_ctx):
    W["W_U"][:, 100:] = 0


@spoiled
def layers_exchanged(W, d_vocab, n_ctx):
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        W[name] = W[name].flip(0)


@spoiled
def layer_0_looks_ahead(W, d_vocab, n_ctx):
    W["W_Q"][0], W["W_K"][0] = W["W_K"][0].clone(), W["W_Q"][0].clone()


@spoiled
def in_double_precision(W, d_vocab, n_ctx):
    return {name: value.double() for name, value in W.items()}


@spoiled
def without_an_axis_for_heads(W, d_vocab, n_ctx):
    return {name: value.squeeze(1) if name in ("W_Q", "W_K", "W_V", "W_O") else value for name, value in W.items()}


@spoiled
def without_its_unembedding(W, d_vocab, n_ctx):
    del W["W_U"]


@spoiled
def a_nan_where_nobody_looks(W, d_vocab, n_ctx):
    W["W_V"][1, 0, -1, -1] = math.nan


@spoiled
def values_of_the_token_before(W, d_vocab, n_ctx):
    V = d_vocab
    W["W_V"][1] = 0
    W["W_V"][1, 0, V : 2 * V, :V] = torch.eye(V)


@spoiled
def a_table_of_positions(W, d_vocab, n_ctx):
    W["W_U"].zero_()
    W["W_U"][3 * d_vocab :] = torch.eye(n_ctx)[:, torch.arange(d_vocab) % n_ctx]


def built_from_the_global_random_state(d_vocab, n_ctx):
    torch.rand(1)
    return by_keys(d_vocab, n_ctx)


def soft_in_long_contexts(d_vocab, n_ctx):
    return by_keys(d_vocab, n_ctx, sharp=2.5)


RIGHT = (induction_in_two_boxes, induction_in_another_basis, induction_with_room_to_spare)


NEARLY_RIGHT = (
    last_id_forgotten,
    a_copy_of_the_first_hundred_ids,
    layers_exchanged,
    layer_0_looks_ahead,
    in_double_precision,
    without_an_axis_for_heads,
    without_its_unembedding,
    a_nan_where_nobody_looks,
    nothing_at_all,
    values_of_the_token_before,
    a_table_of_positions,
    random_weights,
    built_from_the_global_random_state,
    soft_in_long_contexts,
)
