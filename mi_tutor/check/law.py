"""Judging a function that draws: by the law of its results, since no two right answers are alike.

A declaration turns a long run of results into tallies: how often each outcome occurred beside how probable it is. A
tally is tested with Pearson's chi-square at a level so small that a right answer fails a whole check less than once in
a million times. Two samplers are told apart, or found to make one mistake, by the same tallies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

FALSE_ALARM = 1e-11
"""For one tally. A check makes at most a few hundred."""
EVEN = (
    "It is more even than chance: what is drawn independently comes now a little more, now a little less often than "
    "expected, and here it comes just as often."
)
IMPOSSIBLE_ALLOWED = 2
"""A uniform number is exactly 0 once in 2^24 draws, and then an outcome of probability 0 can be chosen."""


@dataclass(frozen=True)
class Tally:
    """Counted outcomes beside their probabilities."""

    name: str
    """What was counted, as the learner reads it: "the successors of token 3"."""
    observed: Tensor
    """Counts, [outcome]."""
    probability: Tensor
    """What they should be, [outcome]; sums to 1."""
    sentence: str = ""
    """What a wrong count means, when that is known."""
    outcomes: Sequence[str] = ()
    """Each outcome in words, such as "a value between 0.06 and 0.09"; its number where this is empty."""
    among: str = ""
    """What was counted through: "samples (two draws of 20000)"."""

    @property
    def undecided(self) -> bool:
        """Whether there was a choice: an outcome that is all but certain need not be drawn."""
        return float(self.probability.max()) < 1 - 1e-6 and float(self.observed.sum()) > 0

    def like(self, other: Tally, level: float) -> bool:
        """Whether both counts could come from one law."""
        return _homogeneous(self.observed.double(), other.observed.double(), level)

    def wrong(self) -> str | None:
        """A sentence with the outcome that is furthest off, or None when the counts fit."""
        observed, probability = self.observed.double().cpu(), self.probability.double().cpu()
        total = float(observed.sum())
        if total == 0:
            return None
        impossible = probability <= 0
        if float(observed[impossible].sum()) > IMPOSSIBLE_ALLOWED:
            outcome = int((observed * impossible).argmax())
            return f"{self._came(outcome)} and is impossible."
        expected = probability * total
        above = chi_square(*_merged(observed, expected))
        if above >= FALSE_ALARM:
            return EVEN if above > 1 - 1e-6 and evenly(*evenness(observed, probability)) else None
        outcome = int(((observed - expected).abs() / expected.clamp(min=1).sqrt()).argmax())
        return f"{self._came(outcome)}; about {float(expected[outcome]):.0f} expected."

    def _came(self, outcome: int) -> str:
        what = self.outcomes[outcome] if self.outcomes else f"outcome {outcome}"
        times = f"came {int(self.observed[outcome])} times in {int(self.observed.sum())}"
        among = f" {self.among}" if self.among else ""
        return f"{self.sentence} Counting {self.name}: {what} {times}{among}".lstrip()


@dataclass(frozen=True)
class Score:
    """A sum over all draws whose mean and variance are known: one number that notices a small tilt everywhere."""

    name: str
    total: float
    mean: float
    variance: float
    sentence: str
    deviations: float = 7.0
    """For a normal variable this far out is as rare as `FALSE_ALARM`."""

    @property
    def undecided(self) -> bool:
        """Whether anything was left to chance."""
        return self.variance > 1e-6

    def like(self, other: Score, level: float) -> bool:
        """Whether both sums could come from one law."""
        gap = (self.total - self.mean) - (other.total - other.mean)
        return abs(gap) <= 4.5 * (self.variance + other.variance) ** 0.5 + 1e-9

    def wrong(self) -> str | None:
        """A sentence when the sum is too far from its mean."""
        gap = self.total - self.mean
        return self.sentence if abs(gap) > self.deviations * self.variance**0.5 + 1e-6 * abs(self.mean) else None


@dataclass(frozen=True)
class Trait:
    """Something that chance would never do: seen once it tells what a sampler does, whatever its counts are."""

    name: str
    present: bool | None
    """None where the draws leave it open."""
    undecided: bool = False

    def like(self, other: Trait, level: float) -> bool:
        """Whether both have it or both have not, as far as one can tell."""
        return self.present is None or other.present is None or self.present == other.present

    def wrong(self) -> str | None:
        """Nothing of its own: the counts say what is wrong, this what it comes from."""
        return None


@dataclass(frozen=True)
class Pattern:
    """Something in many draws together that chance does less often than `FALSE_ALARM`, though each outcome may come as often
    as it should."""

    name: str
    present: bool
    sentence: str
    undecided: bool = False

    def like(self, other: Pattern, level: float) -> bool:
        """Whether both show it or neither does."""
        return self.present == other.present

    def wrong(self) -> str | None:
        """The sentence, where it is there."""
        return self.sentence if self.present else None


Finding = Tally | Score | Trait | Pattern


@dataclass(frozen=True)
class Law:
    """How the results of a sampler are tallied."""

    tallies: Callable[[dict[str, Any], list[Any]], Iterator[Finding]]
    """(arguments, the results of all calls of a case) -> tallies."""
    valid: Callable[[dict[str, Any], Any], str | None]
    """(arguments, one result) -> what makes it impossible whatever was drawn, if anything."""


def chi_square(observed: Tensor, expected: Tensor) -> float:
    """The probability of a chi-square at least this large: small when the counts do not fit. 1 for a single cell."""
    if observed.numel() < 2:
        return 1.0
    statistic = ((observed - expected).square() / expected).sum()
    degrees = torch.tensor((observed.numel() - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(degrees, statistic / 2))


def evenness(observed: Tensor, probability: Tensor) -> tuple[float, int]:
    """A chi-square that is an upper bound whatever whole numbers could have come, with its degrees of freedom: small when the
    counts fit too well. Counts are whole and the law is not, so each deviation is taken half a count larger."""
    observed, probability = observed.double().cpu(), probability.double().cpu()
    observed, expected = _merged(observed, probability * observed.sum())
    if observed.numel() < 2:
        return 0.0, 0
    return float((((observed - expected).abs() + 0.5).square() / expected).sum()), observed.numel() - 1


def evenly(statistic: float, degrees: int) -> bool:
    """Whether chance hardly ever brings independent counts together so close to what is expected."""
    if not degrees:
        return False
    halves = torch.tensor([degrees / 2, statistic / 2], dtype=torch.float64)
    return float(torch.special.gammainc(*halves)) < FALSE_ALARM


def _merged(observed: Tensor, expected: Tensor, least: float = 25.0) -> tuple[Tensor, Tensor]:
    """Cells with few expected counts pooled into one, where the chi-square is a good approximation."""
    possible = expected > 0
    observed, expected = observed[possible], expected[possible]
    small = expected < least
    if not small.any():
        return observed, expected
    rest_observed, rest_expected = observed[small].sum(), expected[small].sum()
    observed, expected = observed[~small], expected[~small]
    if rest_expected >= least or expected.numel() == 0:
        return torch.cat([observed, rest_observed[None]]), torch.cat([expected, rest_expected[None]])
    # Too little even together: it joins the smallest of the others.
    to = int(expected.argmin())
    observed, expected = observed.clone(), expected.clone()
    observed[to] += rest_observed
    expected[to] += rest_expected
    return observed, expected


def alike(first: Sequence[Finding], second: Sequence[Finding], level: float = 1e-4) -> bool:
    """Whether two samplers' tallies could come from one law; where either shows a trait, whether the other does."""
    if [t.name for t in first] != [t.name for t in second]:
        return False
    pairs = list(zip(first, second, strict=True))
    telling = [pair for pair in pairs if any(isinstance(t, Trait) and t.present for t in pair)]
    if telling:
        pairs = [pair for pair in pairs if isinstance(pair[0], Trait)]
    return all(type(a) is type(b) and a.like(b, level) for a, b in pairs)  # type: ignore[arg-type]


def _homogeneous(a: Tensor, b: Tensor, level: float) -> bool:
    total_a, total_b = a.sum(), b.sum()
    if total_a == 0 or total_b == 0:
        return bool(total_a == total_b)
    pooled = (a + b) / (total_a + total_b)
    rows = [_merged(count, pooled * count.sum(), least=5.0) for count in (a, b)]
    statistic = sum(float(((o - e).square() / e).sum()) for o, e in rows)
    cells = max(o.numel() for o, _ in rows)
    if cells < 2:
        return True
    degrees = torch.tensor((cells - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(degrees, torch.tensor(statistic / 2, dtype=torch.float64))) >= level
