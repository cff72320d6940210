"""The exercise `correlated_features`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Law
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._samplers import in_range, pair_cases, pair_tallies, rand

if TYPE_CHECKING:
    from torch import Tensor


def _together(p: float) -> Tensor:
    """Both or none; values independent."""
    joint = torch.zeros(4, 4, dtype=torch.float64)
    joint[0, 0] = 1 - p
    joint[1:3, 1:3] = p / 4
    return joint


def correlated_but_independent(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Every feature has a gate of its own: the two of a pair share one, so that they are active together."""
    gate, value = (rand(batch, 2 * n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0)


def one_value_for_both(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Both features of a pair have the same value: only whether they are active is shared, each value is its own draw."""
    gate, value = (rand(batch, n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0).repeat_interleave(2, dim=1)


def partners_half_way_apart(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Feature i goes together with feature i + n_pairs here. Partners are neighbours, 2i and 2i+1: `repeat_interleave`,
    not `repeat`."""
    gate = rand(batch, n_pairs, generator=generator).repeat(1, 2)
    return torch.where(gate < probability, rand(batch, 2 * n_pairs, generator=generator), 0)


def one_gate_for_all_pairs(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """All pairs share one gate: every pair needs its own."""
    gate = rand(batch, 1, generator=generator)
    return torch.where(gate < probability, rand(batch, 2 * n_pairs, generator=generator), 0)


def both_gates_needed(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """A pair is active here when two gates are open at once, which has the probability squared: one gate a pair."""
    gates = rand(batch, n_pairs, 2, generator=generator) < probability
    gate = gates.all(-1).repeat_interleave(2, dim=1)
    return torch.where(gate, rand(batch, 2 * n_pairs, generator=generator), 0)


def either_gate_enough(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """A pair is active here when one of two gates is open, which is more probable than one gate: one gate a pair."""
    gates = rand(batch, n_pairs, 2, generator=generator) < probability
    gate = gates.any(-1).repeat_interleave(2, dim=1)
    return torch.where(gate, rand(batch, 2 * n_pairs, generator=generator), 0)


def gate_for_the_first_value(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The gate's random number is used as a value, too, so that an active value is never larger than the probability: draw
    values of their own."""
    gate = rand(batch, n_pairs, generator=generator).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, gate, 0)


def pairs_without_values(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Active features are all 1 here: each has a value, uniform on [0, 1)."""
    return (rand(batch, n_pairs, generator=generator) < probability).float().repeat_interleave(2, dim=1)


def a_column_for_each_pair(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """There is one column for each pair: a pair is two features, so there are 2 · n_pairs."""
    gate, value = (rand(batch, n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0)


def an_axis_for_the_pair(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The two features of a pair stand on an axis of their own: flatten the last two axes."""
    gate = rand(batch, n_pairs, 1, generator=generator)
    return torch.where(gate < probability, rand(batch, n_pairs, 2, generator=generator), 0)


def one_draw_for_the_batch(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The gates are drawn once for the whole batch: each sample decides anew."""
    gate = rand(1, n_pairs, generator=generator).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, rand(batch, 2 * n_pairs, generator=generator), 0)


def correlated_ignores_the_generator(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    gate = torch.rand(batch, n_pairs, device=generator.device).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, torch.rand(batch, 2 * n_pairs, device=generator.device), 0)


def correlated_seeds_the_generator(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    gate = rand(batch, n_pairs, generator=generator).repeat_interleave(2, dim=1)
    return torch.where(gate < probability, rand(batch, 2 * n_pairs, generator=generator), 0)


exercise = Exercise(
    __name__,
    further="What is the Pearson correlation of two partners at a probability of 0.1, at 0.9, at 1? They are active together in all three cases: what does the number measure, then?",
    cases=lambda draw: pair_cases(draw, 1.0),
    law=Law(pair_tallies(_together, 1), in_range),
    wrong=(
        correlated_but_independent,
        one_value_for_both,
        partners_half_way_apart,
        one_gate_for_all_pairs,
        both_gates_needed,
        either_gate_enough,
        gate_for_the_first_value,
        pairs_without_values,
        a_column_for_each_pair,
        an_axis_for_the_pair,
        one_draw_for_the_batch,
        correlated_ignores_the_generator,
        correlated_seeds_the_generator,
    ),
    hints=(
        "What is shared by the two features of a pair, and what is each one's own?",
        "Draw a gate for each pair, [batch, n_pairs]. `repeat_interleave(2, dim=1)` gives it to both neighbours.",
        "`torch.where(gate < probability, value, 0)`, with values of shape [batch, 2 * n_pairs].",
    ),
)
