"""Answers to `path_expansion_terms` that the checker has to accept, or to refuse though nobody foresaw them."""

from itertools import combinations, product

import torch


def terms_path_by_path(tokens, patterns, W_E, W_V, W_O, W_U):
    n_layers, n_heads = W_V.shape[:2]
    orders = []
    for order in range(n_layers + 1):
        total = torch.zeros_like(W_E[tokens])
        for layers in combinations(range(n_layers), order):
            for heads in product(range(n_heads), repeat=order):
                x = W_E[tokens]
                for layer, head in zip(layers, heads, strict=True):
                    x = patterns[layer, :, head] @ x @ W_V[layer, head] @ W_O[layer, head]
                total = total + x
        orders.append(total @ W_U)
    return torch.stack(orders)


def terms_from_the_top(tokens, patterns, W_E, W_V, W_O, W_U):
    streams = W_E.new_zeros(len(patterns) + 1, *tokens.shape, W_E.shape[1])
    streams[0] = W_E[tokens]
    for layer, pattern in enumerate(patterns):
        for order in range(layer, -1, -1):
            v = torch.einsum("bkm,hmd->bhkd", streams[order], W_V[layer])
            streams[order + 1] += torch.einsum("bhqd,hdm->bqm", pattern @ v, W_O[layer])
    return streams @ W_U


def terms_by_differentiating(tokens, patterns, W_E, W_V, W_O, W_U):
    # With every head's output times t the logits are a polynomial in t: its coefficients are the orders.
    n = len(patterns) + 1
    at = torch.arange(n, dtype=torch.float64, device=W_E.device)
    logits = []
    for t in at:
        x = W_E[tokens].double()
        for pattern, V, O in zip(patterns.double(), W_V.double(), W_O.double(), strict=True):  # noqa: E741
            x = x + t * torch.einsum("bhqk,bkm,hmd,hdn->bqn", pattern, x, V, O)
        logits.append(x @ W_U.double())
    inverse = torch.linalg.inv(torch.stack([at**k for k in range(n)], 1))
    return torch.einsum("ot,tbpv->obpv", inverse, torch.stack(logits)).to(W_E.dtype)


def highest_order_left_out(tokens, patterns, W_E, W_V, W_O, W_U):
    return terms_path_by_path(tokens, patterns, W_E, W_V, W_O, W_U)[:-1]


def at_most_two_heads(tokens, patterns, W_E, W_V, W_O, W_U):
    terms = terms_path_by_path(tokens, patterns, W_E, W_V, W_O, W_U)
    return torch.cat([terms[:3], torch.zeros_like(terms[3:])])


def heads_meet_only_themselves(tokens, patterns, W_E, W_V, W_O, W_U):
    heads = range(W_V.shape[1])
    alone = [
        terms_path_by_path(tokens, patterns[:, :, h, None], W_E, W_V[:, h, None], W_O[:, h, None], W_U) for h in heads
    ]
    terms = sum(alone)
    return torch.cat([terms[:1] / len(heads), terms[1:]])


RIGHT = (terms_path_by_path, terms_from_the_top, terms_by_differentiating)

NEARLY_RIGHT = (highest_order_left_out, at_most_two_heads, heads_meet_only_themselves)
