"""The exercise `head_pattern`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import close_to_single_precision
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch00_orientation._shared import cached_activation, head_cases

if TYPE_CHECKING:
    from torch import Tensor


def _patterns(model: Any, tokens: Tensor, layer: int) -> Tensor:
    return cached_activation(model, tokens, f"blocks.{layer}.attn.hook_pattern")


def layers_counted_from_one(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the layer before: layers count from 0."""
    return _patterns(model, tokens, (layer - 1) % model.cfg.n_layers)[:, head]


def first_layer_always(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is layer 0, whatever `layer` is: the name has to contain it, as in `f"blocks.{layer}.attn.hook_pattern"`."""
    return _patterns(model, tokens, 0)[:, head]


def heads_counted_from_one(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the head before: heads count from 0."""
    return _patterns(model, tokens, layer)[:, head - 1]


def last_layer_always(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the last layer's pattern, whatever `layer` is."""
    return _patterns(model, tokens, model.cfg.n_layers - 1)[:, head]


def all_heads(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """These are all heads of the layer, [batch, head, query, key]; one is asked for."""
    return _patterns(model, tokens, layer)


def mean_over_heads(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the mean over all heads. Heads do different things, and a mean of them is what none of them does."""
    return _patterns(model, tokens, layer).mean(1)


def head_for_sequence(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """`[head]` picks a sequence: the first axis of a pattern is the batch, the second the head."""
    return _patterns(model, tokens, layer)[head]


def head_for_query(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """`[:, :, head]` picks a query: the axes of a pattern are [batch, head, query, key]. (In `hook_z` the head comes third;
    here it comes second.)"""
    return _patterns(model, tokens, layer)[:, :, head]


def first_sequence_only(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is the first sequence alone; every sequence of the batch is asked for."""
    return _patterns(model, tokens, layer)[0, head]


def query_and_key_swapped(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """Query and key are swapped: a row is the position that attends, and sums to 1."""
    return _patterns(model, tokens, layer)[:, head].mT


def positions_left_out(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """This is made from queries and keys as they are before the rotation that tells them their positions; the model's
    scores are made after it. The model holds its patterns ready: `hook_pattern`."""
    q = cached_activation(model, tokens, f"blocks.{layer}.attn.hook_q")[:, :, head]
    k = cached_activation(model, tokens, f"blocks.{layer}.attn.hook_k")[:, :, head]
    future = torch.ones(q.shape[1], q.shape[1], dtype=torch.bool, device=q.device).triu(1)
    return (q @ k.mT / model.cfg.d_head**0.5).masked_fill(future, -torch.inf).softmax(-1)


def pattern_hook_left_behind(model: Any, tokens: Tensor, layer: int, head: int) -> Tensor:
    """The pattern is right, but its hook stays on the model and will run whenever the model runs. `run_with_cache` and
    `run_with_hooks` take theirs off again."""
    kept: list[Tensor] = []
    model.add_hook(f"blocks.{layer}.attn.hook_pattern", lambda pattern, hook: kept.append(pattern))
    with torch.no_grad():
        model(tokens)
    return kept[0][:, head]


exercise = Exercise(
    __name__,
    further="Append a token to the text: which of the old rows of the pattern change? Put one in front, as `<|bos|>` is: which rows change now, and why?",
    cases=head_cases,
    answer=close_to_single_precision,
    wrong=(
        layers_counted_from_one,
        first_layer_always,
        heads_counted_from_one,
        last_layer_always,
        all_heads,
        mean_over_heads,
        head_for_sequence,
        head_for_query,
        first_sequence_only,
        query_and_key_swapped,
        positions_left_out,
        pattern_hook_left_behind,
    ),
    hints=(
        "Nothing has to be computed: the model computes it anyway. How do you get hold of what it computes on the way?",
        "`_, cache = model.run_with_cache(tokens)`. Print `cache.keys()` for a small text and look for the pattern.",
        'The entry is `cache[f"blocks.{layer}.attn.hook_pattern"]`, or `cache["pattern", layer]` for short; its axes are '
        "[batch, head, query, key].",
    ),
)
