"""What can go wrong when an induction circuit is built by hand: changes to weights that are right."""

from __future__ import annotations

from collections.abc import Callable

from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import INF
from mi_tutor.exercises.ch03_induction_heads._wiring import WAYS, Wiring


def not_used(model: Wiring, kind: str) -> None:
    """Layer 0 reads a part of the stream in which nothing stands: the weights compose, and nothing comes of it."""
    model.weights["W_V"][0] = 0
    model.wire("W_V", 0, "out" if kind == "K" else "pointer", 1.0)


def reads_the_stream_itself(model: Wiring, kind: str) -> None:
    """Layer 1 reads what stood in the stream before layer 0 on both sides."""
    name = "W_K" if kind == "K" else "W_Q"
    model.weights[name][1] = 0
    model.wire(name, 1, "token" if kind == "K" else "position", 1.0 if kind == "K" else model.sharp)


def soft(*layers: int) -> Callable[[Wiring, str], None]:
    """Plain identities: scores of 1, divided by √d_head."""

    def twist(model: Wiring, kind: str) -> None:
        for layer in layers:
            model.weights["W_Q"][layer] /= model.sharp

    return twist


def never_said(model: Wiring, kind: str) -> None:
    """Layer 1 finds the right position, and W_U reads another part than the one that it writes into."""
    model.weights["W_U"].zero_()
    model.unembed("token", 1.0)


def turned_round(model: Wiring, kind: str) -> None:
    """Layer 1's queries read what its keys should, and the other way round."""
    W_Q, W_K = model.weights["W_Q"], model.weights["W_K"]
    W_Q[1], W_K[1] = W_K[1].clone(), W_Q[1].clone()


def mixed(model: Wiring, kind: str) -> None:
    """Layer 0 writes into a part that is taken, and layer 1 reads it there."""
    name, part = ("W_K", "token") if kind == "K" else ("W_Q", "position")
    model.weights["W_O"][0], model.weights[name][1] = 0, 0
    model.wire("W_O", 0, part, 1.0, shift=0 if kind == "K" else 1)
    model.wire(name, 1, part, 1.0 if kind == "K" else model.sharp)


def ahead(model: Wiring, kind: str) -> None:
    model.wire("W_Q", 0, "position", model.sharp, shift=1)


def wrapped(model: Wiring, kind: str) -> None:
    model.weights["W_O"][0, 0, model.n_ctx - 1, model.parts["pointer"].start] = 1.0


def shifted_back(model: Wiring, kind: str) -> None:
    model.wire("W_O", 0, "pointer", 1.0, shift=-1)


def loud(model: Wiring, kind: str) -> None:
    model.unembed("token", 2.0)


def tied(model: Wiring, kind: str) -> None:
    model.unembed("token", 1.0)


def nameless(model: Wiring, kind: str) -> None:
    model.weights["W_E"][0] = 0


def indifferent(model: Wiring, kind: str) -> None:
    model.weights["W_Q"][1] = 0


def listed(model: Wiring, kind: str) -> None:
    """A table from tokens to tokens, and no attention at all."""
    for name in ("W_Q", "W_K", "W_V", "W_O", "W_U"):
        model.weights[name].zero_()
    model.weights["W_U"][model.parts["token"]] = torch.eye(model.d_vocab).roll(1, 1)


def for_one_period(model: Wiring, kind: str) -> None:
    """Layer 1 looks a fixed distance back."""
    distance = min(5, (model.n_ctx - 1) // 2, model.d_vocab - 1)
    model.weights["W_Q"][1], model.weights["W_K"][1] = 0, 0
    model.wire("W_Q", 1, "position", model.sharp, shift=-max(distance - 1, 1))
    model.wire("W_K", 1, "position", 1.0)


def unfinished(model: Wiring, kind: str) -> None:
    """Layer 0 does not do its step: it looks at itself, or points at the occurrence and not after it."""
    if kind == "K":
        model.wire("W_Q", 0, "position", model.sharp)
    else:
        model.wire("W_O", 0, "pointer", 1.0)


def a_step_too_many(model: Wiring, kind: str) -> None:
    if kind == "K":
        model.wire("W_Q", 0, "position", model.sharp, shift=-2)
    else:
        model.wire("W_O", 0, "pointer", 1.0, shift=2)


def no_room(model: Wiring, kind: str) -> None:
    """Heads as wide as the smaller of the two numbers: what lies beyond is cut off."""
    room = min(model.d_vocab, model.n_ctx)
    for name in ("W_Q", "W_K", "W_V"):
        model.weights[name] = model.weights[name][..., :room].clone()
    model.weights["W_O"] = model.weights["W_O"][:, :, :room].clone()


def layers_exchanged(model: Wiring, kind: str) -> None:
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        model.weights[name] = model.weights[name].flip(0)


def in_one_part(model: Wiring, kind: str) -> None:
    """Position j is written where token j is: parts of one size, the second laid onto the first."""
    size = max(model.d_vocab, model.n_ctx)
    wide = WAYS[kind](size, size)
    W, token, position = wide.weights, wide.parts["token"], wide.parts["position"]
    for rows in (W["W_pos"].T, *(W[name][layer, 0] for name in ("W_Q", "W_K", "W_V") for layer in (0, 1))):
        rows[token] += rows[position]
        rows[position] = 0
    cut = {"W_E": W["W_E"][: model.d_vocab], "W_pos": W["W_pos"][: model.n_ctx], "W_U": W["W_U"][:, : model.d_vocab]}
    model.weights.update(W | cut)


def looking_by(part: str) -> Callable[[Wiring, str], None]:
    """Layer 0 is the other circuit's: one that looks one back, or one that finds the same token."""

    def twist(model: Wiring, kind: str) -> None:
        model.weights["W_Q"][0], model.weights["W_K"][0] = 0, 0
        model.wire("W_Q", 0, part, model.sharp, shift=-1 if part == "position" else 0)
        model.wire("W_K", 0, part, 1.0)

    return twist


def handing_on(part: str) -> Callable[[Wiring, str], None]:
    def twist(model: Wiring, kind: str) -> None:
        model.weights["W_V"][0] = 0
        model.wire("W_V", 0, part, 1.0)

    return twist


def notes_compared(model: Wiring, kind: str) -> None:
    """Layer 1's queries and keys both read the note."""
    name, part = ("W_Q", "before") if kind == "K" else ("W_K", "pointer")
    model.weights[name][1] = 0
    model.wire(name, 1, part, model.sharp if kind == "K" else 1.0)


def straight_out(model: Wiring, kind: str) -> None:
    """Layer 0 writes where W_U reads."""
    model.weights["W_O"][0] = 0
    model.wire("W_O", 0, "out", 1.0)


def overflowing(model: Wiring, kind: str) -> None:
    model.weights["W_Q"] *= 1e18
    model.weights["W_K"] *= 1e20


def unbounded(model: Wiring, kind: str) -> None:
    model.weights["W_U"][0, 0] = INF


def leaning(model: Wiring, kind: str) -> None:
    """What the other side reads holds a call for BOS, which layer 0 takes back."""
    (a, b), last = (model.parts["spare"].start, model.parts["spare"].start + 1), model.d_head - 1
    weights, first = model.weights, model.parts["position"].start
    weights["W_pos"][:, a] = 1.0 if kind == "K" else 0.0
    weights["W_pos"][0, a] = 1.0
    weights["W_V"][0, 0, a, last] = 1.0
    weights["W_O"][0, 0, last, b] = -1.0
    asks, holds = ("W_Q", "W_K") if kind == "K" else ("W_K", "W_Q")
    weights[asks][1, 0, [a, b], last] = 4 * model.sharp
    if kind == "K":
        weights[holds][1, 0, first, last] = 1.0
    else:
        weights[holds][1, 0, model.parts["position"], last] = 1.0


def both_ways(model: Wiring, kind: str) -> None:
    """One layer 0 that looks at the token before and at the earlier occurrence, and a layer 1 that can use either."""
    V, N, p = model.d_vocab, model.n_ctx, model.parts
    wide = model.__class__(V, N)
    d_head, d_model = V + N, wide.weights["W_E"].shape[1]
    sharp, eye = 60 * d_head**0.5, torch.eye
    W = {name: torch.zeros(2, 1, d_model, d_head) for name in ("W_Q", "W_K", "W_V")}
    W["W_O"] = torch.zeros(2, 1, d_head, d_model)
    before = torch.diag(torch.ones(N - 1), -1)
    W["W_Q"][0, 0, p["token"], :V], W["W_K"][0, 0, p["token"], :V] = sharp * eye(V), eye(V)
    W["W_Q"][0, 0, p["position"], V:], W["W_K"][0, 0, p["position"], V:] = sharp * (before - eye(N)), eye(N)
    W["W_V"][0, 0, p["token"], :V], W["W_V"][0, 0, p["position"], V:] = eye(V), eye(N)
    W["W_O"][0, 0, :V, p["before"]], W["W_O"][0, 0, V:, p["pointer"]] = eye(V), before.T
    W["W_Q"][1, 0, p["token"], :V], W["W_K"][1, 0, p["before"], :V] = sharp * eye(V), eye(V)
    W["W_Q"][1, 0, p["pointer"], V:], W["W_K"][1, 0, p["position"], V:] = sharp * eye(N), eye(N)
    W["W_Q"][1, 0, p["position"], V:] = -0.75 * sharp * eye(N)
    W["W_V"][1, 0, p["token"], :V], W["W_O"][1, 0, :V, p["out"]] = eye(V), eye(V)
    model.weights.update(W)
