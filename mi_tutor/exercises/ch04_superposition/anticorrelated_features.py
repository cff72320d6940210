"""The exercise `anticorrelated_features`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Law
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._samplers import in_range, pair_cases, pair_tallies, rand

if TYPE_CHECKING:
    from torch import Tensor


def _apart(p: float) -> Tensor:
    """One, the other or none."""
    joint = torch.zeros(4, 4, dtype=torch.float64)
    joint[0, 0] = 1 - 2 * p
    joint[0, 1:3] = joint[1:3, 0] = p / 2
    return joint


def anticorrelated_but_independent(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The two features of a pair are independent, so that both are active now and then: at most one is."""
    gate, value = (rand(batch, 2 * n_pairs, generator=generator) for _ in range(2))
    return torch.where(gate < probability, value, 0)


def _by_gate(gates: Tensor, generator: torch.Generator) -> Tensor:
    """Values where the gates [batch, n_pairs, 2] are open."""
    gates = gates.flatten(1)
    return torch.where(gates, rand(*gates.shape, generator=generator), 0)


def probability_shared_by_the_pair(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """A pair is active with `probability`, so that each feature is with half of it: each feature has `probability`, the
    pair twice as much."""
    gate, coin = (rand(batch, n_pairs, generator=generator) for _ in range(2))
    first = (gate < probability) & (coin < 0.5)
    return _by_gate(torch.stack([first, (gate < probability) & ~(coin < 0.5)], -1), generator)


def exactly_one_active(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """One feature of each pair is always active: mostly it is none, each being active with `probability`."""
    coin = rand(batch, n_pairs, generator=generator) < 0.5
    return _by_gate(torch.stack([coin, ~coin], -1), generator)


def second_only_if_not_the_first(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The second feature's gate counts only where the first one's is closed, which makes it rarer than the first. Let one
    uniform number decide for both: below p the first, from p to 2p the second."""
    gates = rand(batch, n_pairs, 2, generator=generator) < probability
    return _by_gate(torch.stack([gates[..., 0], gates[..., 1] & ~gates[..., 0]], -1), generator)


def both_closed_on_a_clash(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Where both gates are open both features are silenced, which makes each rarer than `probability`. Let one uniform
    number decide for both: below p the first, from p to 2p the second."""
    gates = rand(batch, n_pairs, 2, generator=generator) < probability
    return _by_gate(gates & ~gates.flip(-1), generator)


def one_of_both_on_a_clash(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Where both gates are open a coin takes one of the features away, which makes each rarer than `probability`. Let one
    uniform number decide for both: below p the first, from p to 2p the second."""
    gates = rand(batch, n_pairs, 2, generator=generator) < probability
    coin = rand(batch, n_pairs, generator=generator) < 0.5
    return _by_gate(gates & ~(gates.all(-1, keepdim=True) & torch.stack([coin, ~coin], -1)), generator)


def one_or_all_the_rest(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The second feature is active wherever the first is not: it is active with `probability` as well, and often neither
    is."""
    gate = rand(batch, n_pairs, generator=generator) < probability
    return _by_gate(torch.stack([gate, ~gate], -1), generator)


def one_coin_for_all_pairs(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """One coin decides for all pairs which half is active: every pair needs its own."""
    gate = rand(batch, n_pairs, generator=generator) < 2 * probability
    coin = rand(batch, 1, generator=generator) < 0.5
    return _by_gate(torch.stack([gate & coin, gate & ~coin], -1), generator)


def opposites_half_way_apart(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """Feature i excludes feature i + n_pairs here. Partners are neighbours, 2i and 2i+1: stack the two gates on a last
    axis and flatten it."""
    u = rand(batch, n_pairs, generator=generator)
    gates = torch.cat([u < probability, (u >= probability) & (u < 2 * probability)], 1)
    return torch.where(gates, rand(batch, 2 * n_pairs, generator=generator), 0)


def second_negative(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The second feature of a pair has negative values: anticorrelated features are not opposite in sign, they exclude
    each other. Opposite directions are what the model makes of them."""
    u = rand(batch, n_pairs, generator=generator)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return _by_gate(gates, generator) * torch.tensor([1.0, -1.0], device=u.device).repeat(n_pairs)


def value_from_the_same_number(batch: int, n_pairs: int, probability: float, generator: torch.Generator) -> Tensor:
    """The number that decides is used as a value, too, so that a value reaches no further than its gate lets through: draw
    values of their own."""
    u = rand(batch, n_pairs, generator=generator)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return torch.where(gates, u[..., None], 0).flatten(1)


def opposites_on_an_axis_of_their_own(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The two features of a pair stand on an axis of their own: flatten the last two axes."""
    u = rand(batch, n_pairs, generator=generator)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return _by_gate(gates, generator).unflatten(1, (n_pairs, 2))


def anticorrelated_ignores_the_generator(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    u = torch.rand(batch, n_pairs, device=generator.device)
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1).flatten(1)
    return torch.where(gates, torch.rand(batch, 2 * n_pairs, device=generator.device), 0)


def anticorrelated_seeds_the_generator(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    u = rand(batch, n_pairs, generator=generator)
    return _by_gate(torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1), generator)


exercise = Exercise(
    __name__,
    further="Partners exclude each other completely. How large is their Pearson correlation at a probability of 0.5, and at 0.01? By which other count would you find such pairs in data?",
    cases=lambda draw: pair_cases(draw, 0.5),
    law=Law(pair_tallies(_apart, 2), in_range),
    wrong=(
        anticorrelated_but_independent,
        probability_shared_by_the_pair,
        exactly_one_active,
        second_only_if_not_the_first,
        both_closed_on_a_clash,
        one_of_both_on_a_clash,
        one_or_all_the_rest,
        one_coin_for_all_pairs,
        opposites_half_way_apart,
        second_negative,
        value_from_the_same_number,
        opposites_on_an_axis_of_their_own,
        anticorrelated_ignores_the_generator,
        anticorrelated_seeds_the_generator,
    ),
    hints=(
        "A pair has three states: the first is active, the second, neither. What are their probabilities, and how many "
        "random numbers does it take to choose among three?",
        "With one uniform number u for a pair: u < p, then p ≤ u < 2p, then the rest.",
        "`torch.stack([first, second], dim=-1).flatten(1)` puts the two gates of a pair beside each other. Values are drawn "
        "on their own, [batch, 2 * n_pairs].",
    ),
)
