"""Two-layer models whose weights somebody wrote down by hand: run on repeated blocks, and everything seen there.

A model is a dict of `W_E [d_vocab d_model]`, `W_pos [n_ctx d_model]`, `W_U [d_model d_vocab]`, `W_Q W_K W_V
[2 1 d_model d_head]`, `W_O [2 1 d_head d_model]`: attention only, one head a layer, no norms, no biases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.check.compare import Problem
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

Weights = dict[str, "Tensor"]
ENOUGH = 8
"""Periods at which it fails, after which no others are tried: enough to see what it does instead."""
ROUNDING = 1e-5
"""Of the largest logit: nothing below it counts as a difference."""
LONG = 8
"""From this period on, a third of the predictions can no longer be right by luck."""


class Run(NamedTuple):
    """What a model does with some sequences."""

    logits: Float[Tensor, "batch position d_vocab"]
    patterns: Float[Tensor, "layer batch query key"]


def run_built(weights: Weights, tokens: Int[Tensor, "batch position"]) -> dict[str, Run]:
    """The model as it is (""), and with layer 0's output left out of what layer 1's keys ("K") or queries ("Q") read."""
    x, first, note = layer_0(weights, tokens)
    after = x + note
    runs = {}
    for left_out in ("", "K", "Q"):
        second = attend(weights, 1, x if left_out == "Q" else after, x if left_out == "K" else after)
        runs[left_out] = Run(read_out(weights, after, second, after), torch.stack([first, second]))
    return runs


def attend(
    weights: Weights,
    layer: int,
    reads_q: Float[Tensor, "batch position d_model"],
    reads_k: Float[Tensor, "batch position d_model"],
) -> Float[Tensor, "batch query key"]:
    """Layer `layer`'s attention pattern, given what its queries and its keys read."""
    W_Q, W_K = weights["W_Q"][layer, 0], weights["W_K"][layer, 0]
    scores = (reads_q @ W_Q) @ (reads_k @ W_K).mT / W_Q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def layer_0(
    weights: Weights, tokens: Int[Tensor, "batch position"], pattern: Float[Tensor, "batch query key"] | None = None
) -> tuple[
    Float[Tensor, "batch position d_model"], Float[Tensor, "batch query key"], Float[Tensor, "batch position d_model"]
]:
    """The stream before layer 0, its pattern (or the one that is given in its place), and what it writes."""
    x = weights["W_E"][tokens] + weights["W_pos"][: tokens.shape[1]]
    first = attend(weights, 0, x, x) if pattern is None else pattern
    return x, first, first @ (x @ weights["W_V"][0, 0]) @ weights["W_O"][0, 0]


def read_out(
    weights: Weights,
    after: Float[Tensor, "batch position d_model"],
    second: Float[Tensor, "batch query key"],
    reads_v: Float[Tensor, "batch position d_model"],
) -> Float[Tensor, "batch position d_vocab"]:
    """The logits, given layer 1's pattern and what its values read."""
    moved = second @ (reads_v @ weights["W_V"][1, 0]) @ weights["W_O"][1, 0]
    return (after + moved) @ weights["W_U"]


def repeated_blocks(d_vocab: int, n_ctx: int) -> list[Int[Tensor, "batch 1+2*period"]]:
    """Sequences `[BOS] + block + block` without a repeated id, for every period that fits, or some where many do.

    In every batch BOS is 0 in one row, the last id in another, and any id in the rest, where there are more.
    """
    longest = min(d_vocab - 1, (n_ctx - 1) // 2)
    source = torch.Generator().manual_seed(1000 * d_vocab + n_ctx)
    periods = list(range(1, longest + 1))
    if longest > 24:
        some = torch.randperm(longest, generator=source)[:5] + 1
        periods = sorted({1, 2, 3, LONG, longest // 2, longest - 1, longest, *some.tolist()})
    rows = 5 if longest <= 24 else 2
    batches = []
    for period in periods:
        order = torch.stack([torch.randperm(d_vocab, generator=source) for _ in range(rows)])
        for row, bos in enumerate((0, d_vocab - 1)):
            at = int((order[row] == bos).nonzero())
            order[row, [0, at]] = order[row, [at, 0]]
        block = order[:, 1 : 1 + period]
        batches.append(torch.cat([order[:, :1], block, block], dim=1))
    return batches


class Seen(NamedTuple):
    """Every prediction in a second copy, over all sequences."""

    period: Int[Tensor, n]
    bos: Int[Tensor, n]
    query: Int[Tensor, n]
    token: Int[Tensor, n]
    target: Int[Tensor, n]
    said: Int[Tensor, n]
    """The token of the largest logit."""
    right: Bool[Tensor, n]
    """It is the target, and no other token has a logit as large, up to rounding."""
    shared: Bool[Tensor, n]
    """The target's logit is the largest, and another's is as large."""
    right_without: dict[str, Bool[Tensor, n]]
    """The same with layer 0's output left out of layer 1's keys ("K") or queries ("Q")."""
    moved_without: dict[str, Bool[Tensor, n]]
    """Whether leaving it out changes any logit."""
    led_without: dict[str, Bool[Tensor, n]]
    """Whether leaving it out changes layer 1's attention."""
    place: Float[Tensor, n]
    """Layer 1's attention to the position after the token's first occurrence."""
    looked: Int[Tensor, n]
    """The position that layer 1 attends to most."""
    most: Float[Tensor, n]
    """How much it attends to that."""
    start: Float[Tensor, n]
    """Layer 1's attention to the first position."""
    before: Float[Tensor, n]
    """Layer 1's attention to the positions before the query and before its token's first occurrence, together."""
    previous: Float[Tensor, n]
    """Layer 0's attention to the position before."""
    earlier: Float[Tensor, n]
    """Layer 0's attention to the token's first occurrence."""
    frequent: Bool[Tensor, n]
    """No token has come more often so far than the one that was said, and one has come less often."""
    behind: Int[Tensor, n]
    """How many positions before the query the token stood last that was said; -1 if it had not come."""


RIGHT = Seen._fields.index("right")


def look(weights: Weights, batches: list[Tensor]) -> Seen | Problem:
    """Everything seen on these batches, up to the period at which it has failed `ENOUGH` times."""
    parts: list[list[Any]] = []
    failures = 0
    for tokens in batches:
        period = period_of(tokens)
        runs = run_built(weights, tokens)
        for left_out, run in runs.items():
            if not run.logits.isfinite().all():
                where = {"": "", "K": " once the keys do without layer 0", "Q": " once the queries do without layer 0"}
                return Problem(
                    "logits_not_finite", f"With period {period} some logits are NaN or infinite{where[left_out]}."
                )
        parts.append(_of_batch(tokens, period, runs))
        failures += not parts[-1][RIGHT].all()
        if failures == ENOUGH:
            break
    joined: list[Any] = []
    for column in zip(*parts, strict=True):
        if isinstance(column[0], dict):
            joined.append({key: torch.cat([part[key] for part in column]) for key in column[0]})
        else:
            joined.append(torch.cat(column))
    return Seen(*joined)


def period_of(tokens: Int[Tensor, "batch 1+2*period"]) -> int:
    """The length of the block in `[BOS] + block + block`."""
    return (tokens.shape[1] - 1) // 2


def won(
    tokens: Int[Tensor, "batch position"], logits: Float[Tensor, "batch position d_vocab"]
) -> tuple[Int[Tensor, "batch period"], Bool[Tensor, "batch period"], Bool[Tensor, "batch period"]]:
    """In the second copy: the token of the largest logit, whether it is right and alone, whether it shares its place."""
    period = period_of(tokens)
    second = torch.arange(1 + period, 1 + 2 * period)
    logits = logits[:, second]
    best = logits.max(-1)
    # What rounding alone decides, and decides otherwise on another machine, is a tie.
    top = logits >= (best.values - ROUNDING * best.values.abs())[..., None]
    reached = top.gather(-1, tokens[:, second - period + 1, None])[..., 0]
    return best.indices, reached & (top.sum(-1) == 1), reached & (top.sum(-1) > 1)


def _of_batch(tokens: Tensor, period: int, runs: dict[str, Run]) -> list[Any]:
    """The columns of `Seen` for sequences of one period."""
    second = torch.arange(1 + period, 1 + 2 * period)
    place = second - period + 1
    target = tokens[:, place]
    said, right, shared = won(tokens, runs[""].logits)
    layer_0, layer_1 = runs[""].patterns[:, :, second]
    most = layer_1.max(-1)
    here = torch.arange(len(second))
    heard = torch.nn.functional.one_hot(tokens, runs[""].logits.shape[-1]).cumsum(1)[:, second]
    times = heard.gather(-1, said[..., None])[..., 0]
    before = (tokens[:, None, :] == said[..., None]) & (torch.arange(tokens.shape[1]) <= second[:, None])
    last = (before * (1 + torch.arange(tokens.shape[1]))).amax(-1) - 1
    logits = runs[""].logits[:, second]
    size = logits.abs().amax().clamp(min=1e-30)

    def spread(values: Tensor) -> Tensor:
        return torch.as_tensor(values).expand(len(tokens), period).flatten()

    return [
        spread(torch.tensor(period)),
        tokens[:, :1].expand(-1, period).flatten(),
        spread(second),
        tokens[:, second].flatten(),
        target.flatten(),
        said.flatten(),
        right.flatten(),
        shared.flatten(),
        {left_out: won(tokens, runs[left_out].logits)[1].flatten() for left_out in "KQ"},
        {
            left_out: ((runs[left_out].logits[:, second] - logits).abs().amax(-1) > ROUNDING * size).flatten()
            for left_out in "KQ"
        },
        {
            left_out: ((runs[left_out].patterns[1][:, second] - layer_1).abs().amax(-1) > 1e-4).flatten()
            for left_out in "KQ"
        },
        layer_1[:, here, place].flatten(),
        most.indices.flatten(),
        most.values.flatten(),
        layer_1[:, :, 0].flatten(),
        (layer_1[:, here, second - 1] + layer_1[:, here, second - period - 1]).flatten(),
        layer_0[:, here, second - 1].flatten(),
        layer_0[:, here, second - period].flatten(),
        ((times == heard.amax(-1)) & (logits.amax(-1) > logits.amin(-1))).flatten(),
        torch.where(last < 0, -1, second - last).flatten(),
    ]
