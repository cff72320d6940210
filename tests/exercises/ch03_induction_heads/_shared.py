"""What answers to several exercises of this chapter share."""

import torch


def empty_model(d_vocab, n_ctx, d_model, d_head):
    inwards = (2, 1, d_model, d_head)
    return {
        "W_E": torch.zeros(d_vocab, d_model),
        "W_pos": torch.zeros(n_ctx, d_model),
        "W_U": torch.zeros(d_model, d_vocab),
        **{name: torch.zeros(inwards) for name in ("W_Q", "W_K", "W_V")},
        "W_O": torch.zeros(2, 1, d_head, d_model),
    }


def turned(weights):
    """The same model in another basis of the stream and of the head."""
    source = torch.Generator().manual_seed(0)
    d_model, d_head = weights["W_Q"].shape[-2:]
    R, S = (torch.linalg.qr(torch.randn(n, n, generator=source)).Q for n in (d_model, d_head))
    turned = {"W_E": weights["W_E"] @ R, "W_pos": weights["W_pos"] @ R, "W_U": R.T @ weights["W_U"]}
    for name in ("W_Q", "W_K", "W_V"):
        turned[name] = R.T @ weights[name] @ S
    return turned | {"W_O": S.T @ weights["W_O"] @ R}


def by_keys(d_vocab, n_ctx, sharp=30.0):
    V, N = d_vocab, n_ctx
    width, d_head = 3 * V + N, max(V, N)
    token, before, say, place = slice(V), slice(V, 2 * V), slice(2 * V, 3 * V), slice(3 * V, None)
    W = {name: torch.zeros(2, 1, width, d_head) for name in ("W_Q", "W_K", "W_V")}
    W |= {"W_E": torch.zeros(V, width), "W_pos": torch.zeros(N, width), "W_U": torch.zeros(width, V)}
    W["W_O"] = torch.zeros(2, 1, d_head, width)
    ids, places, sharp = torch.eye(V), torch.eye(N), sharp * d_head**0.5
    W["W_E"][:, token], W["W_pos"][:, place], W["W_U"][say] = ids, places, ids
    W["W_Q"][0, 0, place, :N] = sharp * torch.diag(torch.ones(N - 1), -1)
    W["W_K"][0, 0, place, :N] = places
    W["W_V"][0, 0, token, :V], W["W_O"][0, 0, :V, before] = ids, ids
    W["W_Q"][1, 0, token, :V], W["W_K"][1, 0, before, :V] = sharp * ids, ids
    W["W_V"][1, 0, token, :V], W["W_O"][1, 0, :V, say] = ids, ids
    return W


def spoiled(spoil):
    def build(d_vocab, n_ctx):
        weights = by_keys(d_vocab, n_ctx)
        return spoil(weights, d_vocab, n_ctx) or weights

    build.__name__ = spoil.__name__
    return build


@spoiled
def nothing_at_all(W, d_vocab, n_ctx):
    return {name: torch.zeros_like(value) for name, value in W.items()}


@spoiled
def random_weights(W, d_vocab, n_ctx):
    source = torch.Generator().manual_seed(0)
    return {name: torch.randn(value.shape, generator=source) for name, value in W.items()}
