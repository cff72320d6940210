"""The exercise `interpolated_log_probs`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "three tokens, half a count",
        counts=draw.integers([[3, 1, 0], [0, 2, 0], [1, 1, 6]]),
        lower=draw.integers([1, 1, 2]),
        discount=0.5,
    )
    yield basic(
        "two tokens, three quarters", counts=draw.integers([[8, 2], [0, 5]]), lower=draw.integers([1, 3]), discount=0.75
    )
    yield basic(
        "every pair seen", counts=draw.ids((3, 3), 8) + 1, lower=draw.ids(3, 5) + 1, discount=draw.size(1, 7) / 8
    )
    for discount in (0.5, 0.9, 0.25):
        d_vocab = draw.size(4, 12)
        counts = draw.ids((d_vocab, d_vocab), 30) * draw.ids((d_vocab, d_vocab), 2)
        yield general(
            f"random counts, discount {discount:g}", counts=counts, lower=draw.ids(d_vocab, 40) + 1, discount=discount
        )
    n = draw.size(4, 8)
    yield general("counts in the millions", counts=draw.ids((n, n), 30_000_000), lower=draw.ids(n, 9) + 1, discount=0.7)
    unseen = [[4, 0, 1, 2], [0, 0, 0, 0], [2, 2, 9, 0], [0, 1, 0, 0]]
    yield edge("a token never seen", counts=draw.integers(unseen), lower=draw.integers([5, 1, 3, 2]), discount=0.6)
    yield edge(
        "a whole count taken",
        counts=draw.integers([[1, 0, 1], [2, 1, 0], [0, 0, 3]]),
        lower=draw.integers([2, 1, 4]),
        discount=1.0,
    )
    yield edge(
        "nothing taken",
        counts=draw.integers([[4, 0, 1], [0, 3, 0], [2, 2, 0]]),
        lower=draw.integers([1, 2, 3]),
        discount=0.0,
    )
    yield edge(
        "tokens that `lower` rules out",
        counts=draw.integers([[3, 0, 0], [2, 2, 1], [0, 0, 0]]),
        lower=draw.integers([3, 0, 1]),
        discount=0.5,
    )
    yield edge(
        "a vocabulary of one token", counts=draw.integers([[draw.size(1, 9)]]), lower=draw.integers([4]), discount=0.5
    )
    yield edge("no counts at all", counts=draw.integers([[0] * n] * n), lower=draw.ids(n, 9) + 1, discount=0.5)


def _mixed(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """The probabilities, in double precision."""
    n, share = counts.double(), lower.double() / lower.sum()
    total, freed = n.sum(1, keepdim=True), discount * (n > 0).sum(1, keepdim=True)
    mixed = ((n - discount).clamp(min=0) + freed * share) / total.clamp(min=1)
    return torch.where(total > 0, mixed, share)


def _where_seen(counts: Tensor, probs: Tensor, lower: Tensor) -> Tensor:
    """Logarithms of these; rows never seen as they should be, so that a mistake shows on its own."""
    never = counts.sum(1, keepdim=True) == 0
    return torch.where(never, lower.double() / lower.sum(), probs).log().float()


def freed_counts_spread_evenly(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """What was taken is given to all tokens evenly: it goes to them in proportion to `lower`."""
    return _mixed(counts, torch.ones_like(lower), discount).log().float()


def lower_not_normalised(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """`lower` is used as it comes, so that far more is given out than was taken: its shares have to sum to 1."""
    n = counts.double()
    freed = discount * (n > 0).sum(1, keepdim=True)
    probs = ((n - discount).clamp(min=0) + freed * lower) / n.sum(1, keepdim=True).clamp(min=1)
    return _where_seen(counts, probs, lower)


def taken_once_a_row(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """One `discount` a row is given out. It was taken from every pair that was seen: as many times as the row has
    different successors."""
    n, share = counts.double(), lower.double() / lower.sum()
    probs = ((n - discount).clamp(min=0) + discount * share) / n.sum(1, keepdim=True).clamp(min=1)
    return _where_seen(counts, probs, lower)


def predecessors_counted(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """What a row gives out is reckoned from its token's column, by how many tokens come before it: count the pairs that
    were seen in the row."""
    n, share = counts.double(), lower.double() / lower.sum()
    freed = discount * (n > 0).sum(0)[:, None]
    probs = ((n - discount).clamp(min=0) + freed * share) / n.sum(1, keepdim=True).clamp(min=1)
    return _where_seen(counts, probs, lower)


def given_to_unseen_pairs_by_the_whole(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """Only pairs never seen get a part of what was taken, and the part that seen ones should get is lost: a row sums to less
    than 1. Every token gets its share."""
    n, share = counts.double(), lower.double() / lower.sum()
    freed = discount * (n > 0).sum(1, keepdim=True)
    probs = torch.where(n > 0, n - discount, freed * share) / n.sum(1, keepdim=True).clamp(min=1)
    return _where_seen(counts, probs, lower)


def given_to_unseen_pairs_alone(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """All that was taken goes to pairs never seen. That is backing off, another good model; here every token gets its share,
    seen or not."""
    n, share = counts.double(), lower.double() / lower.sum()
    freed = discount * (n > 0).sum(1, keepdim=True)
    left = torch.where(n > 0, 0.0, share)
    given = freed * left / left.sum(1, keepdim=True).clamp(min=1e-12)
    return _where_seen(counts, ((n - discount).clamp(min=0) + given) / n.sum(1, keepdim=True).clamp(min=1), lower)


def taken_from_unseen_pairs_too(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """The discount is taken from pairs that were never seen as well, and some probabilities come out below 0: a count
    of 0 stays 0."""
    n, share = counts.double(), lower.double() / lower.sum()
    freed = discount * (n > 0).sum(1, keepdim=True)
    return _where_seen(counts, (n - discount + freed * share) / n.sum(1, keepdim=True).clamp(min=1), lower)


def a_fixed_part_for_lower(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """Every row gives the same part of its probability to `lower`. The discount is taken from counts, so that a row seen
    often, with few successors, gives little, and one seen seldom much."""
    n, share = counts.double(), lower.double() / lower.sum()
    probs = (1 - discount) * n / n.sum(1, keepdim=True).clamp(min=1) + discount * share
    return _where_seen(counts, probs, lower)


def taken_from_probabilities(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """The discount is taken from the probabilities: take it from the counts, before they are divided."""
    n, share = counts.double(), lower.double() / lower.sum()
    left = (n / n.sum(1, keepdim=True).clamp(min=1) - discount).clamp(min=0)
    return _where_seen(counts, left + (1 - left.sum(1, keepdim=True)) * share, lower)


def divided_by_what_is_left(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """The row is divided by what is left of it after the discount, and sums to more than 1: what was taken comes back, so
    the divisor is the row's whole count."""
    n, share = counts.double(), lower.double() / lower.sum()
    left, freed = (n - discount).clamp(min=0), discount * (n > 0).sum(1, keepdim=True)
    total = left.sum(1, keepdim=True)
    return _where_seen(counts, (left + freed * share) / torch.where(total > 0, total, 1.0), lower)


def rows_never_seen_divided_by_zero(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """A row never seen is divided by its sum, 0, and holds NaN: nothing is known of it but `lower`."""
    return torch.where(counts.sum(1, keepdim=True) == 0, torch.nan, _mixed(counts, lower, discount).log()).float()


def rows_never_seen_uniform(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """A row never seen is uniform: it is `lower`, all that is known of it."""
    never = counts.sum(1, keepdim=True) == 0
    return torch.where(never, 1 / len(lower), _mixed(counts, lower, discount)).log().float()


def logarithm_missing(counts: Tensor, lower: Tensor, discount: float) -> Tensor:
    """These are probabilities; their logarithms are asked for."""
    return _mixed(counts, lower, discount).float()


exercise = Exercise(
    __name__,
    further="A token that only ever follows one other, as often as you like: what does its count give the lower order, and what does the number of tokens it follows give it?",
    cases=_cases,
    wrong=(
        freed_counts_spread_evenly,
        lower_not_normalised,
        taken_once_a_row,
        predecessors_counted,
        given_to_unseen_pairs_by_the_whole,
        given_to_unseen_pairs_alone,
        taken_from_unseen_pairs_too,
        a_fixed_part_for_lower,
        taken_from_probabilities,
        divided_by_what_is_left,
        rows_never_seen_divided_by_zero,
        rows_never_seen_uniform,
        logarithm_missing,
    ),
    hints=(
        "Take the row [3, 1, 0] and half a count. What is left of each entry, how much was taken in all, and what is its "
        "part of the row's 4?",
        "What a row gives out is the discount times the number of its entries above 0. It is shared out as `lower / "
        "lower.sum()` says, and then everything is divided by what the row summed to at first.",
        "A row that sums to 0 has nothing to give: `torch.where` puts the shares of `lower` there, and `clamp(min=1)` keeps "
        "the division from 0/0.",
        "`((counts - discount).clamp(min=0) + discount * kinds * share) / total`, where `kinds = (counts > 0).sum(-1, "
        "keepdim=True)`; then the logarithm.",
    ),
)
