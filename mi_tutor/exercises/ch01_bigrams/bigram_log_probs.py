"""The exercise `bigram_log_probs`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _smoothing_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two tokens, add-one", counts=draw.integers([[3, 1], [0, 2]]), smoothing=1.0)
    yield basic("three tokens, smoothing 1.5", counts=draw.integers([[5, 0, 1], [2, 2, 0], [0, 1, 7]]), smoothing=1.5)
    yield basic("every pair seen", counts=draw.ids((3, 3), 9) + 1, smoothing=draw.size(1, 8) / 4)
    for smoothing in (1.0, 0.1, 2.5, 1e-6):
        d_vocab = draw.size(2, 12)
        counts = draw.ids((d_vocab, d_vocab), 30) * draw.ids((d_vocab, d_vocab), 2)
        yield general(f"random counts, smoothing {smoothing:g}", counts=counts, smoothing=smoothing)
    n = draw.size(3, 8)
    yield general("every pair seen, no smoothing", counts=draw.ids((n, n), 50) + 1, smoothing=0.0)
    yield general("counts in the millions", counts=draw.ids((n, n), 30_000_000), smoothing=0.25)
    never = draw.ids((n, n), 9) + 1
    never[draw.size(0, n - 1)] = 0
    yield edge("a token never seen, with smoothing", counts=never, smoothing=0.3)
    yield edge("no counts at all, with smoothing", counts=draw.integers([[0] * n] * n), smoothing=2.0)
    yield edge("unseen pairs without smoothing", counts=draw.integers([[4, 0, 1], [0, 3, 0], [2, 2, 0]]), smoothing=0.0)
    diagonal = (draw.ids(n, 9) + 1).diag()
    yield edge("one next token each, without smoothing", counts=diagonal.roll(draw.size(0, n - 1), 0), smoothing=0.0)
    yield edge("a vocabulary of one token", counts=draw.integers([[draw.size(1, 9)]]), smoothing=1.0)


def _log_ratio(above: Tensor, below: Tensor) -> Tensor:
    return (above.double() / below.double()).log().float()


def columns_normalised(counts: Tensor, smoothing: float) -> Tensor:
    """The columns are distributions, not the rows: normalise over the next token, the last axis."""
    smoothed = counts + smoothing
    return _log_ratio(smoothed, smoothed.sum(0, keepdim=True))


def table_normalised_as_a_whole(counts: Tensor, smoothing: float) -> Tensor:
    """The whole table sums to one: that is the probability of a pair. Each row has to be a distribution of its own."""
    smoothed = counts + smoothing
    return _log_ratio(smoothed, smoothed.sum())


def rows_divided_by_one_anothers_sums(counts: Tensor, smoothing: float) -> Tensor:
    """Each entry is divided by the sum of another row: `sum(-1)` drops an axis, and broadcasting lays what is left along the
    columns. `keepdim=True` keeps each sum beside its row."""
    smoothed = counts + smoothing
    return _log_ratio(smoothed, smoothed.sum(-1))


def probabilities_smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is added to the probabilities: it belongs to the counts, before they are divided."""
    probs = (counts.double() / counts.sum(-1, keepdim=True)).nan_to_num() + smoothing
    return (probs / probs.sum(-1, keepdim=True)).log().float()


def smoothing_after_dividing(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is added after the division, so that a row sums to more than 1: add it to the counts first, then
    divide by the sum of what you have."""
    return ((counts.double() / counts.sum(-1, keepdim=True)) + smoothing).log().float()


def denominator_not_smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """The counts are smoothed but not their sum: add `smoothing` first, then divide by the sum of what you have."""
    return _log_ratio(counts + smoothing, counts.sum(-1, keepdim=True))


def denominator_smoothed_once(counts: Tensor, smoothing: float) -> Tensor:
    """The row's sum grows by `smoothing` once, where each of the d_vocab entries has grown: add d_vocab · smoothing."""
    return _log_ratio(counts + smoothing, counts.sum(-1, keepdim=True) + smoothing)


def only_unseen_pairs_smoothed(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is added where the count is zero only: it belongs to every entry, seen or not."""
    smoothed = torch.where(counts == 0, smoothing, counts.double())
    return _log_ratio(smoothed, smoothed.sum(-1, keepdim=True))


def always_add_one(counts: Tensor, smoothing: float) -> Tensor:
    """One is added whatever `smoothing` is."""
    smoothed = counts + 1.0
    return _log_ratio(smoothed, smoothed.sum(-1, keepdim=True))


def mixed_with_the_uniform(counts: Tensor, smoothing: float) -> Tensor:
    """Probabilities are mixed with the uniform distribution, whatever a row's size: here `smoothing` is added to the counts, so
    that a row seen often is changed less than one seen seldom."""
    weight = smoothing / (1 + smoothing)
    probs = counts.double() / counts.sum(-1, keepdim=True).clamp(min=1)
    return ((1 - weight) * probs + weight / counts.shape[-1]).log().float()


def smoothing_ignored(counts: Tensor, smoothing: float) -> Tensor:
    """`smoothing` is not used: pairs never seen keep probability 0."""
    return _log_ratio(counts, counts.sum(-1, keepdim=True))


def logarithm_missing(counts: Tensor, smoothing: float) -> Tensor:
    """These are probabilities; their logarithms are asked for."""
    smoothed = counts.double() + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True)).float()


def bits_for_nats(counts: Tensor, smoothing: float) -> Tensor:
    """These are logarithms to base 2: in this course everything is in nats, the natural logarithm."""
    smoothed = counts.double() + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True)).log2().float()


def softmax_of_counts(counts: Tensor, smoothing: float) -> Tensor:
    """This is a softmax of the counts: counts are proportional to probabilities already, and are divided by their sum."""
    return (counts.double() + smoothing).log_softmax(-1).float()


def epsilon_in_the_logarithm(counts: Tensor, smoothing: float) -> Tensor:
    """A small number hidden in the logarithm makes impossible pairs possible: without smoothing they have
    log-probability -inf, and that is meant."""
    smoothed = counts.double() + smoothing
    return (smoothed / smoothed.sum(-1, keepdim=True) + 1e-8).log().float()


exercise = Exercise(
    __name__,
    further="In a row, all tokens that were never seen there get the same probability, whether they are common elsewhere or hardly occur. From which other counts could you tell them apart?",
    cases=_smoothing_cases,
    wrong=(
        columns_normalised,
        table_normalised_as_a_whole,
        rows_divided_by_one_anothers_sums,
        probabilities_smoothed,
        smoothing_after_dividing,
        denominator_not_smoothed,
        denominator_smoothed_once,
        only_unseen_pairs_smoothed,
        always_add_one,
        mixed_with_the_uniform,
        smoothing_ignored,
        logarithm_missing,
        bits_for_nats,
        softmax_of_counts,
        epsilon_in_the_logarithm,
    ),
    hints=(
        "Pretend that every pair was seen `smoothing` times more than it was. What is each row's sum then?",
        "Add, divide by the sum over the last axis (keepdim=True keeps the shapes in line), take the logarithm.",
        "log 0 is -inf in torch, without an error; a row of equal numbers is uniform. No case needs an `if`: "
        "`smoothed = counts + smoothing`, then `(smoothed / smoothed.sum(-1, keepdim=True)).log()`.",
    ),
)
