"""Random numbers that were used more than once, or dealt out evenly: what counting each outcome by itself does not show.

Draws that repeat, mirror or complement earlier ones, and samples that were spread evenly, have the right frequencies and
are not independent. A right answer is found here less than once in 1e11 times a finding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mi_tutor.check.law import EVEN, FALSE_ALARM, Pattern, Tally, evenly, evenness
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

MOST_PRODUCTS = 700_000
"""Numbers to which a comparison of series with each other may come: more would take longer than all other findings."""
AGAIN = "The same comes again and again, as chance does not have it: random numbers are used more than once, rounded or cut off."
FOLLOW = "Random numbers are used more than once: draws depend on each other that should not."


def too_even(name: str, tallies: Iterable[Tally]) -> Pattern:
    """Whether independent tallies together are closer to what is expected than chance brings them."""
    cells = [evenness(tally.observed, tally.probability) for tally in tallies if float(tally.observed.sum()) >= 50]
    degrees = sum(degrees for _, degrees in cells)
    return Pattern(name, evenly(sum(statistic for statistic, _ in cells), degrees), EVEN)


def used_again(values: Tensor) -> Pattern:
    """Whether values, uniform on [0, 1), come again themselves or as 1 minus what they were.

    `torch.rand` draws multiples of 2^-24 in single precision, so that a few come again by chance.
    """
    folded = torch.minimum(values, 1 - values.double())
    return come_again("values", (folded * 2**24).round().long(), 2.0**-23)


def come_again(name: str, draws: Tensor, agree: float) -> Pattern:
    """Whether more of the draws [draw …] are there twice than by chance.

    Args:
        agree: How probable it is that two draws are equal.
    """
    different = draws.unique() if draws.ndim == 1 else draws.unique(dim=0)
    again, by_chance = len(draws) - len(different), len(draws) ** 2 / 2 * agree
    return Pattern(f"{name} again", by_chance < len(draws) / 10 and again > 3 * by_chance + 20, AGAIN)


def follow_each_other(name: str, series: Tensor, largest: Tensor, *, apart: bool = True) -> Pattern:
    """Whether some draw tells something about one a fixed distance from it, or about one that is its mirror image.

    Args:
        series: [series draw], of mean 0 and variance 1, independent from draw to draw.
        largest: [series], the largest size that an entry can have.
        apart: Whether what different series have to do with each other in one draw is left out. Else that is looked at, too.
    """
    count, draws = series.shape
    if not 0 < count**2 * draws <= MOST_PRODUCTS or draws < 50:
        return Pattern(name, False, FOLLOW)
    spectra = torch.fft.rfft(series.double())
    shifted = torch.fft.irfft(spectra[:, None].conj() * spectra, n=draws).abs()
    shifted[..., 0].fill_diagonal_(0)
    if apart:
        shifted[..., 0] = 0
    mirrored = torch.fft.irfft(spectra[:, None] * spectra, n=draws).abs()
    # Freedman's inequality, with room for a variance seen that is not quite the expected one. In a sum over mirror images,
    # or over draws half of all apart, each pair can be there twice.
    nats = math.log(4 * count**2 * draws / FALSE_ALARM)
    bound = math.sqrt(2 * 2.4 * draws * nats) + 4 / 3 * largest[:, None] * largest * nats
    found = bool((torch.maximum(shifted, mirrored).amax(-1) > bound).any())
    return Pattern(name, found, FOLLOW)
