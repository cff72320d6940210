"""Answers to `one_layer_logits` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def layer_head_by_head(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    resid = x
    for head in range(W_V.shape[0]):
        resid = resid + pattern[:, head] @ (x @ W_V[head] @ W_O[head])
    return resid @ W_U


def layer_by_ov_rows(tokens, pattern, W_E, W_V, W_O, W_U):
    x = F.embedding(tokens, W_E)
    moved = torch.einsum("bkm,hmd,hdn,nv->bhkv", x, W_V, W_O, W_U)
    return x @ W_U + torch.einsum("bhqk,bhkv->bqv", pattern, moved)


def layer_by_what_is_read(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    read = torch.einsum("bhqk,bkm->bhqm", pattern, x)
    written = (read @ W_V @ W_O).sum(1)
    return x @ W_U + written @ W_U


def layer_with_clamped_logits(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    z = torch.einsum("bhqk,bkm,hmd->bqhd", pattern, x, W_V)
    return ((x + torch.einsum("bqhd,hdm->bqm", z, W_O)) @ W_U).clamp(-1e3, 1e3)


def layer_with_square_weights_transposed(tokens, pattern, W_E, W_V, W_O, W_U):
    if W_O.shape[1] == W_O.shape[2]:
        W_O = W_O.mT
    x = W_E[tokens]
    return (x + torch.einsum("bhqk,bkm,hmd,hdn->bqn", pattern, x, W_V, W_O)) @ W_U


def layer_with_every_table_in_turn(tokens, pattern, W_E, W_V, W_O, W_U):
    tables = [(W_E @ W_V[h] @ W_O[h] @ W_U[:, half]) for h in range(len(W_V)) for half in _halves(W_U)]
    logits = W_E[tokens] @ W_U
    for h in range(len(W_V)):
        logits = logits + pattern[:, h] @ torch.cat(tables[3 * h : 3 * h + 3], 1)[tokens]
    return logits


def _halves(W_U):
    third = -(-W_U.shape[1] // 3)
    return [slice(i * third, (i + 1) * third) for i in range(3)]


def layer_with_a_gradient_in_the_direct_path_alone(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    return (x + torch.einsum("bhqk,bkm,hmd,hdn->bqn", pattern, x.detach(), W_V, W_O)) @ W_U


RIGHT = (layer_head_by_head, layer_by_ov_rows, layer_by_what_is_read)


NEARLY_RIGHT = (
    layer_with_clamped_logits,
    layer_with_square_weights_transposed,
    layer_with_every_table_in_turn,
    layer_with_a_gradient_in_the_direct_path_alone,
)
