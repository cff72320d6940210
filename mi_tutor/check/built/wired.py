"""Small models of several heads a layer whose every head was written down by hand: what induction needs, and decoys of it.

The stream has a part for the token that stands here, for what was noted of the token before, for the token to say, for a
pointer to a position, for what nobody reads, and for the position. A head reads some parts and writes into others; the
parts are then mixed by a rotation drawn from the seed, and heads change places, so that neither can be told from the
weights' shapes. No norms, no biases, positions added at the bottom.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

D_VOCAB, N_CTX = 24, 21
D_HEAD = D_VOCAB
D_MODEL = 4 * D_VOCAB + 2 * N_CTX
SHARP = 30 * D_HEAD**0.5
"""Of queries: a match stands 30 above what does not match, once scores are divided by √d_head."""
LOUD = 5.0
"""Of the unembedding: the logit of a token that gets all of a head's attention."""
OFFSET = (N_CTX - 1) // 2 - 1
"""How far back the decoy of one distance looks: where an induction head would look in the longest block that fits."""
TOKEN, BEFORE, SAY, UNREAD = (slice(i * D_VOCAB, (i + 1) * D_VOCAB) for i in range(4))
POINTER, POSITION = slice(4 * D_VOCAB, 4 * D_VOCAB + N_CTX), slice(4 * D_VOCAB + N_CTX, D_MODEL)

WIRINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "pair": (("previous", "idle", "idle"), ("induction", "idle", "idle")),
    "pair among decoys": (("previous", "notes unread", "crowd"), ("induction", "says nothing", "idle")),
    "pair by pointer": (("duplicate", "notes unread", "idle"), ("follows pointer", "idle", "idle")),
    "pair in layers 1 and 2": (("idle", "notes unread"), ("previous", "idle"), ("induction", "says nothing")),
    "pair beside a correction": (("previous", "says itself", "idle"), ("induction", "takes it back", "idle")),
    "says nothing": (("previous", "crowd", "idle"), ("says nothing", "idle", "idle")),
    "says the opposite": (("previous", "idle", "idle"), ("says the opposite", "crowd", "idle")),
    "one distance": (("previous", "idle", "idle"), ("one distance", "idle", "idle")),
    "one distance by pointer": (("counts back", "notes unread", "idle"), ("follows pointer", "idle", "idle")),
    "crowd": (("previous", "crowd", "idle"), ("idle", "crowd", "idle")),
    "notes of the wrong token": (("notes itself", "notes unread", "idle"), ("induction", "idle", "idle")),
    "one layer": (("previous", "crowd", "one distance"),),
}
"""By name, the heads of each layer, in an order that the seed changes."""
PAIRS = {"induction": "previous", "follows pointer": "duplicate"}
"""The heads that do induction, and whom each needs."""


class Wired(NamedTuple):
    """A wiring with its weights."""

    architecture: dict[str, Any]
    weights: dict[str, Tensor]
    """By the names of `parameters_of`, in double precision."""
    heads: list[list[str]]
    """What each head of each layer is."""

    @property
    def circuit(self) -> tuple[int, int, int, int]:
        """Layer and head of the early head and of the late one that do induction; -1 four times where none do."""
        place = {kind: (i, h) for i, row in enumerate(self.heads) for h, kind in enumerate(row)}
        for late, early in PAIRS.items():
            if late in place and early in place:
                return (*place[early], *place[late])
        return (-1, -1, -1, -1)


def wired(name: str, seed: int) -> Wired:
    """One of `WIRINGS`, its heads in an order, and its stream in a basis, that the seed draws."""
    source = torch.Generator().manual_seed(seed)
    heads = [[row[i] for i in torch.randperm(len(row), generator=source)] for row in WIRINGS[name]]

    def drawn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=source, dtype=torch.float64)

    R = torch.linalg.qr(drawn(D_MODEL, D_MODEL)).Q
    layers, n_heads = len(heads), len(heads[0])
    W_E, W_pos, W_U = _zeros(D_VOCAB, D_MODEL), _zeros(N_CTX, D_MODEL), _zeros(D_MODEL, D_VOCAB)
    W_E[:, TOKEN], W_pos[:, POSITION], W_U[SAY] = _eye(D_VOCAB), _eye(N_CTX), LOUD * _eye(D_VOCAB)
    weights = {"tok_embed.weight": W_E @ R, "pos.weight": W_pos @ R, "head.weight": (R.mT @ W_U).mT}
    for i, row in enumerate(heads):
        parts: dict[str, list[Tensor]] = {part: [] for part in "qkvo"}
        for kind in row:
            W_Q, W_K, W_V, W_O = _kinds()[kind](drawn)
            for part, W in zip("qkvo", (R.mT @ W_Q, R.mT @ W_K, R.mT @ W_V, W_O @ R), strict=True):
                parts[part].append(W.mT)
        for part, each in parts.items():
            weights[f"layers.{i}.attn.{part}.weight"] = torch.cat(each, dim=1 if part == "o" else 0)
            weights[f"layers.{i}.attn.{part}.bias"] = _zeros(D_MODEL if part == "o" else n_heads * D_HEAD)
    architecture = {
        "n_layers": layers,
        "n_heads": n_heads,
        "d_head": D_HEAD,
        "d_model": D_MODEL,
        "d_vocab": D_VOCAB,
        "n_ctx": N_CTX,
        "attn_only": True,
        "act_fn": "relu",
        "normalization_type": None,
        "positional_embedding_type": "standard",
    }
    return Wired(architecture, weights, heads)


Head = tuple["Tensor", "Tensor", "Tensor", "Tensor"]
"""W_Q, W_K, W_V [d_model d_head] and W_O [d_head d_model]."""


def _head(
    looks: tuple[slice, Tensor, slice], reads: slice, writes: slice, as_: Tensor | None = None, sharp: float = SHARP
) -> Callable[[Callable[..., Tensor]], Head]:
    """A head whose queries read one part, turned by a matrix, and compare it with another part of the keys."""

    def weights(_: Callable[..., Tensor]) -> Head:
        part_q, turned, part_k = looks
        W_Q, W_K, W_V = _zeros(3, D_MODEL, D_HEAD)
        W_O = _zeros(D_HEAD, D_MODEL)
        width, moved = turned.shape[1], reads.stop - reads.start
        W_Q[part_q, :width], W_K[part_k, :width] = sharp * turned, _eye(width)
        W_V[reads, :moved] = _eye(moved)
        W_O[:moved, writes] = _eye(moved) if as_ is None else as_
        return W_Q, W_K, W_V, W_O

    return weights


def _idle(drawn: Callable[..., Tensor]) -> Head:
    """A head of small random weights, which looks nearly everywhere alike and says next to nothing."""
    W_Q, W_K, W_V = drawn(3, D_MODEL, D_HEAD) / 3
    return W_Q, W_K, W_V / D_MODEL**0.5, drawn(D_HEAD, D_MODEL) / 100


def _zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


def _eye(size: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64)


def _back(by: int) -> Tensor:
    """From a position to the one so far before it."""
    return torch.diag(torch.ones(N_CTX - by, dtype=torch.float64), -by)


@functools.cache
def _kinds() -> dict[str, Callable[[Callable[..., Tensor]], Head]]:
    ids, places = _eye(D_VOCAB), _eye(N_CTX)
    one_back, by_token, by_note = (POSITION, _back(1), POSITION), (TOKEN, ids, TOKEN), (TOKEN, ids, BEFORE)
    at_itself = (POSITION, places, POSITION)
    return {
        "idle": _idle,
        "previous": _head(one_back, TOKEN, BEFORE),
        "notes unread": _head(one_back, TOKEN, UNREAD),
        "notes itself": _head(at_itself, TOKEN, BEFORE),
        "duplicate": _head(by_token, POSITION, POINTER, _back(1).mT),
        "counts back": _head(at_itself, POSITION, POINTER, _back(OFFSET)),
        # Three times as loud as induction: without the second head the first is believed.
        "says itself": _head(at_itself, TOKEN, SAY, 3 * ids),
        "takes it back": _head(at_itself, TOKEN, SAY, -3 * ids),
        "crowd": _head(by_token, TOKEN, SAY, sharp=0.0),
        "induction": _head(by_note, TOKEN, SAY),
        "says nothing": _head(by_note, TOKEN, UNREAD),
        "says the opposite": _head(by_note, TOKEN, SAY, -ids),
        "follows pointer": _head((POINTER, places, POSITION), TOKEN, SAY),
        "one distance": _head((POSITION, _back(OFFSET), POSITION), TOKEN, SAY),
    }
