"""The laws of the three samplers of sparse features: what they share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw
from mi_tutor.check.law import Finding, Pattern, Score, Tally, Trait
from mi_tutor.check.reuse import follow_each_other, too_even, used_again
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _bins(x: Tensor, parts: int) -> Tensor:
    """0 for inactive, then the part of [0, 1) that the value falls into; one more for a value of exactly 1."""
    x = x.double()
    return torch.where(x == 0, 0, 1 + (x * parts).floor().long().clamp(max=parts))


def _chances(probability: float, parts: int) -> Tensor:
    return torch.tensor([1 - probability, *[probability / parts] * parts, 0.0], dtype=torch.float64)


def drawn(results: list[Tensor], what: str = "samples") -> str:
    """What was counted through, in words: two draws of a batch are twice as many samples as the card's `batch`."""
    count = {2: "two"}.get(len(results), str(len(results)))
    return what if len(results) == 1 else f"{what} ({count} draws of {len(results[0])})"


def marginal(name: str, x: Tensor, probability: float, among: str) -> Iterator[Tally | Score]:
    """One feature alone: how often it is active, and how its values lie."""
    parts = 32 if probability * len(x) > 1000 else 8
    within = [f"a value between {low / parts:.2g} and {(low + 1) / parts:.2g}" for low in range(parts)]
    outcomes = "a value of exactly 0", *within, "a value of 1"
    counts = torch.bincount(_bins(x, parts), minlength=parts + 2)
    yield Tally(name, counts, _chances(probability, parts), outcomes=outcomes, among=among)
    for power in (1, 2):
        mean = probability / (power + 1)
        variance = probability / (2 * power + 1) - mean**2
        # A normal tail needs enough active values.
        if probability * len(x) > 50:
            sentence = (
                f"The values are not uniform on [0, 1): the mean of their power {power}, over all samples, is off."
            )
            total = float(x.double().pow(power).sum())
            yield Score(f"power {power} of {name}", total, mean * len(x), variance * len(x), sentence)
    yield from ends(name, x, probability, among)


ENDS = 0.01, 0.99
"""Values beyond these are counted by themselves: what is cut off there moves no mean and empties no wider part."""


def ends(name: str, x: Tensor, probability: float, among: str) -> Iterator[Tally]:
    """How many of a feature's values are among the lowest and the highest hundredth."""
    if ENDS[0] * probability * len(x) < 25:
        return
    places = torch.bucketize(x[x > 0], torch.tensor(ENDS, dtype=x.dtype), right=True)
    outcomes = f"a value below {ENDS[0]:g}", "a value between", f"a value of {ENDS[1]:g} and more"
    law = torch.tensor([ENDS[0], ENDS[1] - ENDS[0], 1 - ENDS[1]])
    yield Tally(f"active values of {name}", torch.bincount(places, minlength=3), law, "", outcomes, f"in {among}")


def used_once(x: Tensor, probability: list[float]) -> Iterator[Pattern]:
    """Whether the draws behind all features [sample feature] are there once each, and tell nothing about other samples'."""
    yield used_again(x[x > 0])
    p = torch.tensor(probability, dtype=torch.float64)
    rare = p > 0
    undecided = rare & (p < 1)
    gates, q = (x[:, undecided] > 0).double(), p[undecided]
    values = torch.where(x > 0, 2 * x.double() - 1, 0)[:, rare]
    series = torch.cat([(gates - q) / (q * (1 - q)).sqrt(), values / (p[rare] / 3).sqrt()], 1).T
    largest = torch.cat([torch.maximum(q / (1 - q), (1 - q) / q).sqrt(), (3 / p[rare]).sqrt()])
    yield follow_each_other("samples apart", series, largest)


HALVES = "inactive", "between 0 and 0.5", "between 0.5 and 1", "exactly 1"


def pair(name: str, a: Tensor, b: Tensor, joint: Tensor, sentence: str, among: str) -> Tally:
    """Two features at once: inactive, low or high for each, beside the joint law [4 4] of these."""
    cells = _bins(a, 2) * 4 + _bins(b, 2)
    outcomes = [f"both {s}" if s == t else f"the first {s}, the second {t}" for s in HALVES for t in HALVES]
    return Tally(name, torch.bincount(cells, minlength=16), joint.flatten(), sentence, outcomes, among)


def independent(p: float, q: float) -> Tensor:
    return _chances(p, 2)[:, None] * _chances(q, 2)


def repeated_samples(rows: Tensor) -> Tally:
    """Samples that come twice to the last digit, among those with at least three active values."""
    busy = rows[(rows > 0).sum(-1) >= 3]
    again = len(busy) - len(busy.unique(dim=0)) if len(busy) else 0
    sentence = "Whole samples come again: random numbers are used more than once."
    counts, outcomes = torch.tensor([again, len(busy)]), ("one that has been there before", "a new one")
    return Tally(
        "whole samples", counts, torch.tensor([0.0, 1.0]), sentence, outcomes, "samples of several active features"
    )


def fixed_for_the_batch(results: list[Tensor], probability: Tensor) -> Iterator[Trait]:
    """Whether each call has the same features active in all its samples, or is one sample over and over."""
    x = torch.stack([result.flatten(1).cpu() for result in results])
    undecided = (probability > 0) & (probability < 1)
    # So many samples that chance would hardly ever make them agree, one call after another.
    enough = (
        bool(undecided.any())
        and float(torch.maximum(probability, 1 - probability)[undecided].max()) ** x.shape[1] < 1e-4
    )
    on = x[:, :, undecided] > 0
    yield Trait("one gate for a whole batch", bool((on == on[:, :1]).all()) if enough else None)
    yield Trait("one sample for a whole batch", bool((x == x[:, :1]).all()) if enough and bool(on.any()) else None)


def as_low_as_the_gate(x: Tensor, reach: list[float]) -> Trait:
    """Whether a feature that is off now and then has no value above what its gate lets through, as if one number were
    both."""
    columns = [
        (column[column > 0], limit) for column, limit in zip(x.T, reach, strict=True) if bool((column == 0).any())
    ]
    telling = [float(values.max()) <= limit for values, limit in columns if limit < 1 and limit ** len(values) < 1e-9]
    return Trait("one number for gate and value", any(telling) if telling else None)


def across_samples(name: str, x: Tensor, probability: float, among: str) -> Iterator[Tally]:
    """Neighbouring samples, and those half a batch apart, tell nothing about each other."""
    half = len(x) // 2
    if half < 50:
        return
    sentence = "The samples of a batch are not independent of one another."
    joint = independent(probability, probability)
    yield pair(f"{name} in neighbouring samples", x[0 : 2 * half : 2], x[1 : 2 * half : 2], joint, sentence, among)
    yield pair(f"{name} half of all samples apart", x[:half], x[half : 2 * half], joint, sentence, among)


def across_calls(results: list[Tensor]) -> Tensor:
    """The samples of all calls, one after the other, on the CPU."""
    return torch.cat([result.flatten(1).cpu() for result in results]) if results[0].numel() else results[0].cpu()


def in_range(args: dict[str, Any], sample: Tensor) -> str | None:
    if sample.numel() and bool(sample.isnan().any()):
        return "It holds NaN."
    if sample.numel() and float(sample.abs().max()) > 1:
        return "Some of the values lie beyond -1 and 1; they should lie on [0, 1)."
    if sample.numel() and float(sample.min()) < 0:
        return "Some of the values are negative; they should lie on [0, 1)."
    return None


def pair_cases(draw: Draw, highest: float) -> Iterator[Case]:
    """`highest`: the largest probability that the contract allows."""

    def case(group: str, what: str, n_pairs: int, probability: float, batch: int = 3000, calls: int = 2) -> Case:
        args = {"batch": batch, "n_pairs": n_pairs, "probability": probability, "generator": draw.generator()}
        return Case(group, what, args, calls=calls)

    yield case("basic", "one pair", 1, 0.4, batch=20000)
    yield case("basic", "two pairs", 2, 0.3)
    n = draw.size(3, 4)
    yield case("general", f"{n} pairs", n, 0.35)
    yield case("general", "five pairs that are often active", 5, 0.9 * highest, batch=2000)
    yield case("general", "many small batches", 2, 0.4, batch=5, calls=100)
    yield case("general", "a rare pair", 2, 0.02, batch=20000, calls=1)
    yield case("edge", "a probability of 0", 2, 0.0)
    yield case("edge", f"a probability of {highest:g}", 3, highest)
    yield case("edge", "a batch of one sample", 2, 0.3, batch=1)
    yield case("edge", "an empty batch", 2, 0.3, batch=0, calls=1)


def pair_tallies(joint_of_a_pair: Callable[[float], Tensor], alternatives: int) -> Callable[..., Iterator[Finding]]:
    """`alternatives`: how many features one random number can decide between."""
    sentence = "The two features of a pair are not as they should be together."

    def tallies(args: dict[str, Any], results: list[Tensor]) -> Iterator[Finding]:
        p, x = float(args["probability"]), across_calls(results)
        if not len(x):
            return
        samples, pairs = drawn(results), drawn(results, "such pairs of samples")
        yield from fixed_for_the_batch(results, torch.full((x.shape[1],), p, dtype=torch.float64))
        yield as_low_as_the_gate(x, [p * alternatives] * x.shape[1])
        for c in range(x.shape[1]):
            yield from marginal(f"feature {c}", x[:, c], p, samples)
            yield from across_samples(f"feature {c}", x[:, c], p, pairs)
        for a, b in itertools.combinations(range(x.shape[1]), 2):
            together = a // 2 == b // 2
            joint = joint_of_a_pair(p) if together else independent(p, p)
            why = sentence if together else "Different pairs are not independent of each other."
            yield pair(f"feature {a} with feature {b}", x[:, a], x[:, b], joint, why, samples)
        # Two pairs at once can agree in which half is active although no two features show it.
        states = (x[:, 0::2] > 0).long() + 2 * (x[:, 1::2] > 0)
        active = joint_of_a_pair(p)
        law = torch.stack([active[0, 0], active[1:, 0].sum(), active[0, 1:].sum(), active[1:, 1:].sum()])
        for a, b in itertools.combinations(range(0, x.shape[1], 2), 2):
            counts = torch.bincount(4 * states[:, a // 2] + states[:, b // 2], minlength=16)
            name = f"which of features {a}, {a + 1} and of {b}, {b + 1} are active"
            halves = [["neither", f"{c} alone", f"{c + 1} alone", f"{c} and {c + 1}"] for c in (a, b)]
            outcomes = [
                f"{first} of the one pair, {second} of the other" for first in halves[0] for second in halves[1]
            ]
            why = "Different pairs are not independent of each other."
            yield Tally(name, counts, (law[:, None] * law).flatten(), why, outcomes, samples)
        yield repeated_samples(x)
        yield from used_once(x, [p] * x.shape[1])
        of_a_pair = [
            Tally("", torch.bincount(s, minlength=4), law) for s in torch.cat(states.split(len(results[0])), 1).T
        ]
        yield too_even("how many samples have which of a pair active", of_a_pair)

    return tallies


def rand(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)
