"""What is found in many draws together: in random ones nothing, in ones used again or dealt out evenly what was done."""

import pytest
import torch

from mi_tutor.check.law import Tally, evenly, evenness
from mi_tutor.check.reuse import follow_each_other, too_even, used_again

FURTHEST = torch.full((3,), 3**0.5)
"""Of numbers as `standard` gives them."""


def uniform(seed, *shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def standard(numbers):
    """Uniform numbers brought to mean 0 and variance 1."""
    return (numbers - 0.5) * 12**0.5


def test_random_numbers_show_nothing():
    for seed in range(300):
        numbers = uniform(seed, 3, 2000)
        assert not used_again(numbers.flatten()).present, seed
        assert not follow_each_other("", standard(numbers), FURTHEST, apart=False).present, seed
        counts = [
            Tally("", torch.bincount((row * 20).long(), minlength=20), torch.full((20,), 0.05)) for row in numbers
        ]
        assert not too_even("", counts).present, seed
        assert all(tally.wrong() is None for tally in counts), seed


@pytest.mark.parametrize("probability", [[0.5, 0.5], [0.1] * 10, [0.9, 0.05, 0.05]])
def test_counts_as_even_as_a_level_come_no_more_often_than_it(probability):
    """At one in a hundred, which can be seen; at one in 1e11 it is the same sum."""
    law = torch.tensor(probability)
    draws = torch.multinomial(law.expand(4000, -1), 600, True, generator=torch.Generator().manual_seed(3))
    below = 0
    for row in draws:
        statistic, degrees = evenness(torch.bincount(row, minlength=len(law)), law)
        below += float(torch.special.gammainc(torch.tensor(degrees / 2), torch.tensor(statistic / 2))) < 0.01
    # Of 4000 there should be 40 at most; 80 come less than once in a million times.
    assert below <= 80


def test_counts_dealt_out_evenly_are_too_even():
    dealt = Tally("", torch.full((20,), 100), torch.full((20,), 0.05))
    assert "more even than chance" in dealt.wrong()
    exact = Tally("", torch.tensor([300, 700]), torch.tensor([0.3, 0.7]))
    assert exact.wrong() is None, "one count is exactly as expected now and then"
    assert not evenly(*evenness(exact.observed, exact.probability))
    assert too_even("", [exact] * 12).present


@pytest.mark.parametrize(
    "change", [lambda u: u.flip(0), lambda u: 1 - u, lambda u: u.roll(100), lambda u: 1 - u.flip(0)]
)
def test_numbers_used_again_are_found_wherever_they_are(change):
    half = uniform(5, 1000)
    twice = torch.cat([half, change(half)])
    assert used_again(twice).present
    assert follow_each_other("", standard(twice)[None], FURTHEST[:1]).present
    both = standard(torch.stack([half, change(half)]))
    assert follow_each_other("", both, FURTHEST[:2], apart=False).present


def test_series_that_agree_in_one_draw_are_left_out_where_they_may():
    same = standard(uniform(6, 1, 2000)).expand(3, -1)
    assert not follow_each_other("", same, FURTHEST).present
    assert follow_each_other("", same, FURTHEST, apart=False).present
