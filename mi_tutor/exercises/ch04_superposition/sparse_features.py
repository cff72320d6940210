"""The exercise `sparse_features`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Finding, Law, Tally
from mi_tutor.check.reuse import too_even
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch04_superposition._samplers import (
    across_calls,
    across_samples,
    as_low_as_the_gate,
    drawn,
    fixed_for_the_batch,
    in_range,
    independent,
    marginal,
    pair,
    repeated_samples,
    used_once,
)

if TYPE_CHECKING:
    from torch import Tensor


def _sparse_cases(draw: Draw) -> Iterator[Case]:
    def case(group: str, what: str, probability: list[list[float]] | Tensor, batch: int = 3000, calls: int = 2) -> Case:
        args = {"batch": batch, "feature_probability": draw.of(probability), "generator": draw.generator()}
        return Case(group, what, args, calls=calls)

    yield case("basic", "one instance, two features", [[0.5, 0.2]], batch=20000)
    yield case("general", "two instances, three features", [[0.9, 0.3, 0.1], [0.5, 0.15, 0.7]])
    yield case("general", "three instances, two features", [[0.8, 0.35], [0.25, 0.6], [0.1, 0.5]])
    yield case("general", "as many instances as features", [[0.9, 0.2], [0.4, 0.65]])
    n = draw.size(5, 6)
    yield case("general", f"{n} features that are alike", [[0.6] * n], batch=2000)
    yield case("general", "many small batches", [[0.5, 0.3], [0.75, 0.6]], batch=5, calls=100)
    yield case("edge", "one feature in one instance", [[0.4]])
    yield case("edge", "a rare feature", [[0.01, 0.5]], batch=20000, calls=1)
    yield case("edge", "probabilities of 0 and 1", [[0.0, 1.0, 0.5], [1.0, 0.0, 0.3]])
    yield case("edge", "features that are never active", [[0.0, 0.0]])
    yield case("edge", "features that are always active", [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    yield case("edge", "a batch of one sample", [[0.5, 0.2], [0.1, 0.9]], batch=1)
    yield case("edge", "an empty batch", [[0.5, 0.2], [0.1, 0.9]], batch=0, calls=1)


def _sparse_tallies(args: dict[str, Any], results: list[Tensor]) -> Iterator[Finding]:
    probability = args["feature_probability"].double().cpu()
    instances, features = probability.shape
    p = probability.flatten().tolist()
    x = across_calls(results)
    if not len(x):
        return
    names = [f"feature {f} of instance {i}" for i in range(instances) for f in range(features)]
    samples, pairs = drawn(results), drawn(results, "such pairs of samples")
    yield from fixed_for_the_batch(results, probability.flatten())
    yield as_low_as_the_gate(x, p)
    for c, name in enumerate(names):
        yield from marginal(name, x[:, c], p[c], samples)
        yield from across_samples(name, x[:, c], p[c], pairs)
    for a, b in itertools.combinations(range(len(p)), 2):
        what = "features of an instance" if a // features == b // features else "instances"
        sentence = f"Different {what} are not independent of each other."
        yield pair(f"{names[a]} with {names[b]}", x[:, a], x[:, b], independent(p[a], p[b]), sentence, samples)
    yield repeated_samples(x)
    yield from used_once(x, p)
    alone = []
    for result in results if len(results[0]) >= 50 else []:
        for count, q in zip((result > 0).sum(0).flatten().tolist(), p, strict=True):
            alone.append(Tally("", torch.tensor([count, len(result) - count]), torch.tensor([q, 1 - q])))
    yield too_even("how many samples have a feature active", alone)


def _gates(batch: int, probability: Tensor, generator: torch.Generator) -> Tensor:
    return _uniform((batch, *probability.shape), probability, generator) < probability


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=like.dtype, device=like.device)


def gate_and_value_from_one_number(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """An active value is never larger than its probability here: is one random number both gate and value, or the value
    multiplied by the probability? Draw the value anew."""
    u = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(u < feature_probability, u, 0)


def gate_the_other_way_round(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """A feature is active with 1 minus its probability here: it is active where a uniform number lies *below* the
    probability."""
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), 0, value)


def gates_without_values(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """Active features are all 1 here: their value is drawn as well, uniform on [0, 1)."""
    return _gates(batch, feature_probability, generator).to(feature_probability.dtype)


def values_weighted_by_the_probability(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """Every feature is active here, its value multiplied by the probability. That has the right mean and is not sparse."""
    return _uniform((batch, *feature_probability.shape), feature_probability, generator) * feature_probability


def one_gate_for_all_features(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """All features of an instance share one gate, so they are active together. Every feature needs its own draw."""
    gate = _uniform((batch, feature_probability.shape[0], 1), feature_probability, generator)
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(gate < feature_probability, value, 0)


def one_gate_for_all_instances(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """A feature's gate is drawn once and serves all instances, which so are active on the same samples. Instances are independent:
    draw a gate for each feature of each."""
    gate = _uniform((batch, 1, feature_probability.shape[1]), feature_probability, generator)
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(gate < feature_probability, value, 0)


def one_value_for_all_features(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """All active features of an instance have the same value: every feature needs a value of its own."""
    value = _uniform((batch, feature_probability.shape[0], 1), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


def instances_share_their_draws(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """All instances get the same draws: the instances are to be independent of one another, too."""
    shape = batch, 1, feature_probability.shape[1]
    gate, value = (_uniform(shape, feature_probability, generator) for _ in range(2))
    return torch.where(gate < feature_probability, value, 0)


def one_sample_for_the_whole_batch(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """Every sample of the batch is the same one: the random numbers need the batch axis, too."""
    shape = 1, *feature_probability.shape
    gate, value = (_uniform(shape, feature_probability, generator) for _ in range(2))
    return torch.where(gate < feature_probability, value, 0).expand(batch, -1, -1).clone()


def gate_fixed_for_the_batch(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The gate is drawn once and used for the whole batch: each sample decides anew which features are active."""
    gate = _uniform((1, *feature_probability.shape), feature_probability, generator) < feature_probability
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(gate, value, 0)


def normal_values(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The values are normal (`randn`): they should be uniform on [0, 1), as `rand` draws them."""
    shape = batch, *feature_probability.shape
    value = torch.randn(shape, generator=generator, dtype=feature_probability.dtype, device=feature_probability.device)
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


def values_of_both_signs(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The values lie between -1 and 1: they should be uniform on [0, 1)."""
    value = 2 * _uniform((batch, *feature_probability.shape), feature_probability, generator) - 1
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


def first_instance_for_all(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The probabilities of the first instance are used for all: each instance has its own row."""
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability[:1].expand_as(value[0]), generator), value, 0)


def axes_in_another_order(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The axes come out as [instance, batch, feature]: the batch goes first."""
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), value, 0).transpose(0, 1)


def always_in_single_precision(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The result is float32 whatever the probabilities are: give `rand` the dtype of `feature_probability`."""
    shape = batch, *feature_probability.shape
    gate, value = (torch.rand(shape, generator=generator, device=feature_probability.device) for _ in range(2))
    return torch.where(gate < feature_probability, value, 0)


def features_ignore_the_generator(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    shape = batch, *feature_probability.shape
    gate, value = (
        torch.rand(shape, dtype=feature_probability.dtype, device=feature_probability.device) for _ in range(2)
    )
    return torch.where(gate < feature_probability, value, 0)


def features_seed_the_generator(batch: int, feature_probability: Tensor, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    value = _uniform((batch, *feature_probability.shape), feature_probability, generator)
    return torch.where(_gates(batch, feature_probability, generator), value, 0)


exercise = Exercise(
    __name__,
    further="With 2,000 features at a probability of 0.05, how many others does an active one meet on average? Two given ones still seldom meet: which of these facts decides whether sharing a direction is cheap?",
    cases=_sparse_cases,
    law=Law(_sparse_tallies, in_range),
    wrong=(
        gate_and_value_from_one_number,
        gate_the_other_way_round,
        gates_without_values,
        values_weighted_by_the_probability,
        one_gate_for_all_features,
        one_gate_for_all_instances,
        one_value_for_all_features,
        instances_share_their_draws,
        one_sample_for_the_whole_batch,
        gate_fixed_for_the_batch,
        normal_values,
        values_of_both_signs,
        first_instance_for_all,
        axes_in_another_order,
        always_in_single_precision,
        features_ignore_the_generator,
        features_seed_the_generator,
    ),
    hints=(
        "Two things are left to chance for every entry: whether the feature is active, and how strongly. They have nothing "
        "to do with each other.",
        "`torch.rand(batch, *feature_probability.shape, generator=generator, dtype=…, device=…)` is a uniform number for "
        "every entry. How often does it lie below 0.3?",
        "`torch.where(gate < feature_probability, value, 0)`, with two such draws.",
    ),
)
