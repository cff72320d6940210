"""A model built by hand with one thing changed: what a matrix reads, where a layer looks, what reaches the output.

If all predictions are right after a change, what was changed is what was wrong, whatever the weights are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from mi_tutor.check.built.run import Weights, attend, layer_0, period_of, read_out, won
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

READS = {
    "K": {"Q0": "position", "K0": "position", "V0": "token", "Q1": "token", "K1": "note", "V1": "token"},
    "Q": {"Q0": "token", "K0": "token", "V0": "position", "Q1": "note", "K1": "position", "V1": "token"},
}
"""What each matrix has to read, by kind of composition: what W_E wrote, what W_pos wrote, or what layer 0 did, the note."""


def all_right(logits: Callable[[Tensor], Tensor], batches: list[Tensor]) -> bool:
    """Whether all predictions are right; `logits` takes tokens, [batch position], to [batch position d_vocab]."""
    return all(bool(won(tokens, logits(tokens))[1].all()) for tokens in batches)


def at_layers(before: Tensor, after: Tensor, *layers: int) -> Tensor:
    """`before` with some layers taken from `after`; both are [layer head in out]."""
    chosen = torch.zeros(2, 1, 1, 1, dtype=torch.bool)
    chosen[list(layers)] = True
    return torch.where(chosen, after, before)


def note_kept_apart(
    kind: str, weights: Weights, tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits if one side of layer 1's attention read what layer 0 writes and nothing else, and all the rest of it what
    stood in the stream before."""
    x, _, note = layer_0(weights, tokens)
    second = attend(weights, 1, note if kind == "Q" else x, note if kind == "K" else x)
    return read_out(weights, x + note, second, x)


def each_reads_its_own(
    kind: str, weights: Weights, tokens: Int[Tensor, "batch position"], only: Collection[str]
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits if the matrices in `only`, such as "Q1", read what they have to and nothing else."""
    token, position = weights["W_E"][tokens], weights["W_pos"][: tokens.shape[1]].expand(*tokens.shape, -1)
    before = {"token": token, "position": position, "all": token + position}

    def read(matrix: str, stream: dict[str, Tensor]) -> Tensor:
        return stream[READS[kind][matrix] if matrix in only else "all"]

    first = attend(weights, 0, read("Q0", before), read("K0", before))
    note = first @ (read("V0", before) @ weights["W_V"][0, 0]) @ weights["W_O"][0, 0]
    after = before | {"note": note, "all": before["all"] + note}
    second = attend(weights, 1, read("Q1", after), read("K1", after))
    return read_out(weights, after["all"], second, read("V1", after))


def layer_0_looking_right(
    kind: str, weights: Weights, tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits if layer 0 looked at the position before (K), or at all positions so far that hold the same token (Q)."""
    if kind == "K":
        pattern = torch.diag(torch.ones(tokens.shape[1] - 1), -1)
        pattern[0, 0] = 1
        pattern = pattern.expand(len(tokens), -1, -1)
    else:
        pattern = (tokens[:, :, None] == tokens[:, None, :]).float().tril()
        pattern = pattern / pattern.sum(-1, keepdim=True)
    x, _, note = layer_0(weights, tokens, pattern)
    after = x + note
    return read_out(weights, after, attend(weights, 1, after, after), after)


def layer_1_looking_right(
    weights: Weights, tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits if layer 1 looked, from the second copy, at the position after the token's first occurrence."""
    x, _, note = layer_0(weights, tokens)
    queries = torch.arange(tokens.shape[1])
    place = (queries - period_of(tokens) + 1).clamp(min=0)
    pattern = torch.zeros(len(tokens), len(queries), len(queries))
    pattern[:, queries, place] = 1
    return read_out(weights, x + note, pattern, x + note)


def without_direct_way(
    weights: Weights, tokens: Int[Tensor, "batch position"]
) -> tuple[Float[Tensor, "batch position d_vocab"], Float[Tensor, "batch position d_vocab"]]:
    """The logits as they are, and those if W_U did not read what layer 0 writes."""
    x, _, note = layer_0(weights, tokens)
    after = x + note
    second = attend(weights, 1, after, after)
    return read_out(weights, after, second, after), read_out(weights, x, second, after)


def layer_0_is_blind(weights: Weights, batches: list[Tensor]) -> bool:
    """Whether layer 0 looks at the same places where one token stands throughout: then no token tells it where to look."""

    def pattern(tokens: Int[Tensor, "batch position"]) -> Tensor:
        return layer_0(weights, tokens)[1]

    return all(
        bool(((pattern(tokens) - pattern(tokens[:, -1:].expand_as(tokens))).abs() < 1e-3).all()) for tokens in batches
    )


def carries(weights: Weights, embedding: str) -> float:
    """How much of the differences in `embedding`, W_E or W_pos, layer 0 hands on."""
    rows = weights[embedding].double()
    handed = (rows - rows.mean(0)) @ weights["W_V"][0, 0].double() @ weights["W_O"][0, 0].double()
    return float(handed.norm())
