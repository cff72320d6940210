"""Models of one or two layers that learn in seconds to continue a block that repeats: the runs of chapter 03.

Sequences are BOS and a block of random tokens again and again; the period is drawn for each, so that no fixed distance
is right. The weights are drawn from a seed, so that a layer more or less is the only difference between two runs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float, Int
    from torch import Tensor

PERIODS, CONTEXT, D_VOCAB, N_HEADS, BATCH = range(6, 24), 48, 64, 2, 48
SmearedPattern = Callable[["Tensor", "Tensor", "Tensor"], "Tensor"]
"""From queries, keys and what each head's share is made of to a causal pattern."""


class SmallRun(NamedTuple):
    """What a training run leaves."""

    losses: list[float]
    """At every step, in nats, on tokens that could be known: all but the first copy and what begins the second."""
    weights: "dict[str, Tensor]"


def periodic_sequences(
    count: int, generator: "torch.Generator", periods: Sequence[int] = PERIODS
) -> "tuple[Int[Tensor, 'count position'], Int[Tensor, 'count 1']]":
    """BOS (id 0) and a random block until the context is full, and the period of each."""
    import torch

    device = generator.device
    period = torch.randint(periods[0], periods[-1] + 1, (count, 1), generator=generator, device=device)
    block = torch.randint(1, D_VOCAB, (count, periods[-1]), generator=generator, device=device)
    body = block.gather(1, torch.arange(CONTEXT - 1, device=device) % period)
    return torch.cat([body.new_zeros(count, 1), body], dim=1), period


def copying_floor(count: int = 4000, seed: int = 2, periods: Sequence[int] = PERIODS) -> float:
    """The least loss, in nats, of whoever knows which tokens are in a block and how often, and nothing of their order.

    It is the entropy of blocks as bags, each weighted by its tokens that could be known, as in the losses of a run.
    """
    import torch

    rows, period = periodic_sequences(count, torch.Generator().manual_seed(seed), periods)
    place = torch.arange(CONTEXT)
    block = (place >= 1) & (place <= period)
    share = torch.zeros(count, D_VOCAB).scatter_add_(1, rows, block.float()) / period
    entropy, known = torch.special.entr(share).sum(-1), CONTEXT - 2 - period[:, 0]
    return float((entropy * known).sum() / known.sum())


def train_small(
    layers: int,
    steps: int = 140,
    rate: float = 5e-3,
    smeared: SmearedPattern | None = None,
    periods: Sequence[int] = PERIODS,
    device: "str | torch.device" = "cpu",
) -> SmallRun:
    """Train an attention-only model with rotary positions on such sequences.

    Args:
        layers: of attention.
        rate: of learning, after 20 steps in which it rises.
        smeared: for one layer, how attention is made of queries and keys [batch head position d_head], both turned by
            their positions, and of one learned number a head, from 0.
    """
    import torch

    from mi_tutor.figures.induction import losses_of
    from mi_tutor.models.plain import plain_logits

    source = torch.Generator(device).manual_seed(0)
    weights = _drawn_weights(layers, source)
    if smeared is not None:
        weights["share"] = torch.zeros(N_HEADS, device=device)
    sizes = {"n_layers": layers, "n_heads": N_HEADS, "normalization_type": "LNPre", "attn_only": True}
    data, losses = torch.Generator(device).manual_seed(1), []
    with torch.enable_grad():
        parameters = [w.requires_grad_() for w in weights.values()]
        optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        for step in range(steps):
            rows, period = periodic_sequences(BATCH, data, periods)
            logits = plain_logits(sizes, weights, rows) if smeared is None else _smeared_logits(weights, rows, smeared)
            loss = losses_of(logits, rows)
            optimizer.zero_grad()
            loss.mean().backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / 20)
            optimizer.step()
            known = torch.arange(1, CONTEXT, device=device) > period + 1
            losses.append(float(loss.detach()[known].mean()))
    return SmallRun(losses, {name: weight.detach() for name, weight in weights.items()})


def _drawn_weights(layers: int, source: "torch.Generator") -> "dict[str, Any]":
    import torch

    def draw(scale: float) -> "Tensor":
        return torch.randn(D_VOCAB, D_VOCAB, generator=source, device=source.device) * scale

    weights = {"tok_embed.weight": draw(1 / 2)}
    for at in (f"layers.{i}.attn.{part}" for i in range(layers) for part in "qkvo"):
        weights[f"{at}.weight"] = draw(1 / 8)
        weights[f"{at}.bias"] = torch.zeros(D_VOCAB, device=source.device)
    return weights | {"head.weight": draw(1 / 50)}


def _smeared_logits(
    weights: "Mapping[str, Tensor]", rows: "Int[Tensor, 'batch position']", smeared: SmearedPattern
) -> "Float[Tensor, 'batch position d_vocab']":
    """What `plain_logits` computes of one layer, but with that attention."""
    from einops import rearrange
    from torch.nn.functional import embedding, layer_norm, linear

    from mi_tutor.models.plain import turned_by_position

    def read(x: "Tensor", part: str) -> "Tensor":
        return linear(x, weights[f"layers.0.attn.{part}.weight"], weights[f"layers.0.attn.{part}.bias"])

    resid = embedding(rows, weights["tok_embed.weight"])
    x = layer_norm(resid, resid.shape[-1:])
    q, k, v = (
        rearrange(read(x, part), "batch position (head d_head) -> batch head position d_head", head=N_HEADS)
        for part in "qkv"
    )
    pattern = smeared(turned_by_position(q), turned_by_position(k), weights["share"])
    resid = resid + read(rearrange(pattern @ v, "batch head position d_head -> batch position (head d_head)"), "o")
    return linear(layer_norm(resid, resid.shape[-1:]), weights["head.weight"])
