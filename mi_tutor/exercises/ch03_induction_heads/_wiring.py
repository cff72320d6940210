"""Two circuits built by hand, one composing through keys, one through queries: weights that are right."""

from __future__ import annotations

from collections.abc import Iterator

from mi_tutor.check.built.run import Weights
from mi_tutor.check.draw import Case, Draw
from mi_tutor.deferred import torch


def built_cases(draw: Draw) -> Iterator[Case]:
    def on(group: str, d_vocab: int, n_ctx: int) -> Case:
        return Case(group, f"{d_vocab} ids, {n_ctx} positions", {"d_vocab": d_vocab, "n_ctx": n_ctx})

    yield on("basic", 11, 21)
    yield on("basic", 5, 9)
    yield on("basic", draw.size(9, 16), draw.size(17, 28))
    yield on("general", draw.size(12, 24), draw.size(25, 45))
    yield on("general", draw.size(25, 45), draw.size(18, 24))
    yield on("general", draw.size(60, 130), draw.size(131, 200))
    yield on("edge", 3, 3)
    yield on("edge", 3, draw.size(4, 9))
    yield on("edge", draw.size(4, 9), 3)
    yield on("edge", draw.size(4, 7), draw.size(4, 7))
    yield on("edge", 17, 17)
    yield on("edge", 3, 256)
    yield on("edge", 256, 256)


class Wiring:
    """Weights of a hand-built model, subspace by subspace: ids, the id before, the id to say, positions, a pointer."""

    def __init__(self, d_vocab: int, n_ctx: int) -> None:
        self.d_vocab, self.n_ctx = d_vocab, n_ctx
        sizes = {"token": d_vocab, "before": d_vocab, "out": d_vocab, "position": n_ctx, "pointer": n_ctx, "spare": 2}
        ends = torch.tensor(list(sizes.values())).cumsum(0).tolist()
        self.parts = {name: slice(end - sizes[name], end) for name, end in zip(sizes, ends, strict=True)}
        self.d_head = max(d_vocab, n_ctx) + 1
        self.sharp = 40 * self.d_head**0.5
        inwards = torch.zeros(2, 1, ends[-1], self.d_head)
        self.weights: Weights = {
            "W_E": torch.zeros(d_vocab, ends[-1]),
            "W_pos": torch.zeros(n_ctx, ends[-1]),
            "W_U": torch.zeros(ends[-1], d_vocab),
            **{name: inwards.clone() for name in ("W_Q", "W_K", "W_V")},
            "W_O": inwards.mT.clone(),
        }
        self.embed("W_E", "token", 1.0)
        self.embed("W_pos", "position", 1.0)
        self.unembed("out", 1.0)
        self.wire("W_V", 1, "token", 1.0)
        self.wire("W_O", 1, "out", 1.0)

    def embed(self, name: str, part: str, gain: float) -> None:
        self.weights[name][:, self.parts[part]] = gain * torch.eye(len(self.weights[name]))

    def unembed(self, part: str, gain: float) -> None:
        self.weights["W_U"][self.parts[part]] = gain * torch.eye(self.d_vocab)

    def wire(self, name: str, layer: int, part: str, gain: float, shift: int = 0) -> None:
        """Between a part of the stream and the head's own dimensions, one to one; shifted to later ones on the way."""
        rows = self.parts[part]
        size = rows.stop - rows.start
        table = torch.diag(torch.ones(size - abs(shift)), shift) if abs(shift) < size else torch.zeros(size, size)
        if name == "W_O":
            self.weights[name][layer, 0, :size, rows] = gain * table
        else:
            self.weights[name][layer, 0, rows, :size] = gain * table


def _by_keys(d_vocab: int, n_ctx: int) -> Wiring:
    """Layer 0 writes the token before into every position; layer 1 looks for its own token there."""
    model = Wiring(d_vocab, n_ctx)
    model.wire("W_Q", 0, "position", model.sharp, shift=-1)
    model.wire("W_K", 0, "position", 1.0)
    model.wire("W_V", 0, "token", 1.0)
    model.wire("W_O", 0, "before", 1.0)
    model.wire("W_Q", 1, "token", model.sharp)
    model.wire("W_K", 1, "before", 1.0)
    return model


def _by_queries(d_vocab: int, n_ctx: int) -> Wiring:
    """Layer 0 finds the same token and writes the position after it; layer 1 looks there."""
    model = Wiring(d_vocab, n_ctx)
    model.wire("W_Q", 0, "token", model.sharp)
    model.wire("W_K", 0, "token", 1.0)
    model.wire("W_V", 0, "position", 1.0)
    model.wire("W_O", 0, "pointer", 1.0, shift=1)
    model.wire("W_Q", 1, "pointer", model.sharp)
    model.wire("W_K", 1, "position", 1.0)
    return model


WAYS = {"K": _by_keys, "Q": _by_queries}


SIDES = {"K": "keys", "Q": "queries"}
