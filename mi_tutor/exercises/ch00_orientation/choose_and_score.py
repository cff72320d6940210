"""The exercise `choose_and_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

    Result = tuple[Tensor, Tensor, Tensor]


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two kinds, twice in each half",
        falls=draw.of([3.0, 1.0, 5.0, 0.0, 1.0, 4.0, 2.0, 0.5]),
        kind=draw.integers([0, 1, 0, 1, 0, 1, 0, 1]),
        first=torch.tensor([True] * 4 + [False] * 4, device=draw.device),
        k=2,
        least=2,
    )
    yield basic(
        "a kind with a striking mean that stands once",
        falls=draw.of([9.0, 1.0, 2.0, 0.5, -4.0, 3.0, 1.5, 0.25, -0.5]),
        kind=draw.integers([2, 0, 0, 1, 1, 2, 0, 0, 1]),
        first=torch.tensor([True] * 5 + [False] * 4, device=draw.device),
        k=1,
        least=2,
    )
    # Both stand there more often than they have to, and their means are above zero.
    yield basic("two kinds, in any order", **{**_text(draw, kinds=2, least=2, k=2, shift=8.0), "least": 1})
    yield general("half of the kinds", **_text(draw, kinds=6, least=2, k=3))
    yield general("many kinds, the rare ones left out", **_text(draw, kinds=12, least=4, k=4))
    yield general("kinds seen three times or more", **_text(draw, kinds=9, least=3, k=5))
    yield general("a small first half", **_text(draw, kinds=5, least=2, k=2, share=0.3))
    yield edge("the best kind alone", **_text(draw, kinds=7, least=2, k=1))
    yield edge("once is enough", **_text(draw, kinds=8, least=1, k=4))
    yield edge("none asked for", **_text(draw, kinds=4, least=1, k=0))
    yield edge("kinds that do not occur in between", **_text(draw, kinds=5, least=2, k=3, spacing=3))
    yield edge("every mean below zero", **_text(draw, kinds=6, least=2, k=3, shift=-20.0))


def _text(
    draw: Draw, kinds: int, least: int, k: int, share: float = 0.5, spacing: int = 1, shift: float = 0.0
) -> dict[str, Any]:
    """Some kinds just often enough in both halves, some once too seldom in one of them, and these with high numbers."""
    kind: list[int] = []
    first: list[bool] = []
    rare = max(1, (kinds - k) // 2) if kinds > k else 0
    for each in range(kinds):
        # The first rare kind is rare in the first half, the next in the other, and so on.
        short = [each < rare and each % 2 == half for half in (0, 1)]
        for half in (0, 1):
            more = 0 if short[half] else draw.size(0, 3) + (3 if (half == 0) == (share > 0.5) else 0)
            count = max(0, least - 1) if short[half] else least + more
            kind += [each * spacing] * count
            first += [half == 0] * count
    falls = draw.normal(len(kind), scale=2.0) + draw.of([4.0 if each // spacing < rare else shift for each in kind])
    order = torch.argsort(draw.normal(len(kind)).cpu().double())
    return {
        "falls": falls[order.to(falls.device)],
        "kind": draw.integers(torch.tensor(kind)[order]),
        "first": torch.tensor(first)[order].to(draw.device),
        "k": k,
        "least": least,
    }


def _sums(values: Tensor, kind: Tensor, size: int) -> Tensor:
    return torch.zeros(size, dtype=values.dtype, device=values.device).index_add(0, kind, values)


def _means(falls: Tensor, kind: Tensor, part: Tensor) -> tuple[Tensor, Tensor]:
    """For every kind its mean over a part of the text, and how often it stands there."""
    size = int(kind.max()) + 1
    often = torch.bincount(kind[part], minlength=size)
    return _sums(falls[part], kind[part], size) / often.clamp(min=1), often


def _best(means: Tensor, allowed: Tensor, k: int) -> Tensor:
    return torch.where(allowed, means, -torch.inf).topk(k).indices


def _halves(falls: Tensor, kind: Tensor, first: Tensor, least: int) -> tuple[Tensor, Tensor, Tensor]:
    """Means over the first half, over the other, and which kinds stand often enough in both."""
    (chosen, a), (other, b) = _means(falls, kind, first), _means(falls, kind, ~first)
    return chosen, other, (a >= least) & (b >= least)


def scored_where_chosen(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """The third result is the second again: the scores come from the half on which the kinds were chosen. Take them from
    the other."""
    chosen, _, allowed = _halves(falls, kind, first, least)
    best = _best(chosen, allowed, k)
    return best, chosen[best], chosen[best]


def scored_on_everything(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """The kinds are scored on the whole text, in which the half on which they were chosen still stands: score them on the
    other half alone."""
    chosen, _, allowed = _halves(falls, kind, first, least)
    whole, _ = _means(falls, kind, torch.ones_like(first))
    best = _best(chosen, allowed, k)
    return best, chosen[best], whole[best]


def chosen_on_everything(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """The kinds are chosen by their means over the whole text, so that the half they are scored on had a say in the choice.
    Choose by the first half."""
    chosen, other, allowed = _halves(falls, kind, first, least)
    whole, _ = _means(falls, kind, torch.ones_like(first))
    best = _best(whole, allowed, k)
    return best, chosen[best], other[best]


def halves_exchanged(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """The halves are exchanged: where `first` is True is chosen, where it is False is scored."""
    chosen, other, allowed = _halves(falls, kind, ~first, least)
    best = _best(chosen, allowed, k)
    return best, chosen[best], other[best]


def each_half_has_its_own_best(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """The third result belongs to other kinds, the best of the other half. Choose once, then look the same kinds up in both
    halves."""
    chosen, other, allowed = _halves(falls, kind, first, least)
    best = _best(chosen, allowed, k)
    return best, chosen[best], other[_best(other, allowed, k)]


def sums_for_means(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """These are sums, which grow with how often a kind stands there: divide each by its count."""
    size = int(kind.max()) + 1
    _, _, allowed = _halves(falls, kind, first, least)
    chosen, other = (_sums(falls[part], kind[part], size) for part in (first, ~first))
    best = _best(chosen, allowed, k)
    return best, chosen[best], other[best]


def divided_by_all_places(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """Each sum is divided by the number of places in the half; the mean of a kind is over the places where it stands."""
    size = int(kind.max()) + 1
    _, _, allowed = _halves(falls, kind, first, least)
    chosen, other = (_sums(falls[part], kind[part], size) / part.sum() for part in (first, ~first))
    best = _best(chosen, allowed, k)
    return best, chosen[best], other[best]


def least_not_asked_for(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """Kinds that stand less than `least` times in a half can be chosen. A mean of one or two places is often extreme, and
    says little: leave them out before you choose."""
    chosen, other, _ = _halves(falls, kind, first, 1)
    (_, a), (_, b) = _means(falls, kind, first), _means(falls, kind, ~first)
    best = _best(chosen, (a > 0) & (b > 0), k)
    return best, chosen[best], other[best]


def least_in_the_first_half_only(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """`least` is asked of the first half alone: a kind has to stand so often in the other one, too."""
    chosen, a = _means(falls, kind, first)
    other, _ = _means(falls, kind, ~first)
    best = _best(chosen, a >= least, k)
    return best, chosen[best], other[best]


def least_in_both_together(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """`least` is asked of both halves together: a kind has to stand so often in each."""
    (chosen, a), (other, b) = _means(falls, kind, first), _means(falls, kind, ~first)
    best = _best(chosen, (a + b >= least) & (a > 0), k)
    return best, chosen[best], other[best]


def more_than_least(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """Kinds that stand exactly `least` times are left out: so often is often enough."""
    chosen, other, allowed = _halves(falls, kind, first, least + 1)
    best = _best(chosen, allowed, k)
    return best, chosen[best], other[best]


def by_magnitude(falls: Tensor, kind: Tensor, first: Tensor, k: int, least: int) -> Result:
    """The kinds are chosen by the magnitude of their means: a strongly negative one is not high."""
    chosen, other, allowed = _halves(falls, kind, first, least)
    best = _best(chosen.abs(), allowed, k)
    return best, chosen[best], other[best]


exercise = Exercise(
    __name__,
    further="Choose the best of 2 heads, then of 200, and score each on the half it was chosen by: which of the two gains more from luck, and why does the other half not?",
    cases=_cases,
    wrong=(
        scored_where_chosen,
        scored_on_everything,
        chosen_on_everything,
        halves_exchanged,
        each_half_has_its_own_best,
        sums_for_means,
        divided_by_all_places,
        least_not_asked_for,
        least_in_the_first_half_only,
        least_in_both_together,
        more_than_least,
        by_magnitude,
    ),
    hints=(
        "You need the same thing twice: for one half, the mean of every kind and how often it stands there. Write it as an "
        "inner function of the half.",
        "`torch.bincount(kind[part], minlength=size)` counts each kind in a part of the text; with `weights=` it adds up "
        "numbers instead. Which kinds may be chosen is a condition on both counts.",
        "Set the means of the others to -inf, `torch.where(allowed, means, -torch.inf)`, and take `topk(k)` of the first "
        "half's. The same indices look the means up in the other half.",
        "`means = bincount(kind[part], weights=falls[part], minlength=size) / bincount(kind[part], minlength=size)`, for "
        "part in (first, ~first); allowed where both counts are at least `least`.",
    ),
)
