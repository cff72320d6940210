"""The exercise `mean_kl`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch01_bigrams._shared import INF, with_impossible

if TYPE_CHECKING:
    from torch import Tensor


def _kl_cases(draw: Draw) -> Iterator[Case]:
    target = draw.of([[0.5, 0.5], [0.9, 0.1]]).log()
    yield basic(
        "two tokens", target_log_probs=target, logits=draw.of([[1.0, 0.0], [2.0, -1.0]]), weights=draw.of([1.0, 1.0])
    )
    yield basic(
        "weights 3 and 1",
        target_log_probs=target,
        logits=draw.of([[0.0, 2.0], [1.0, 3.0]]),
        weights=draw.of([3.0, 1.0]),
    )
    yield basic(
        "three tokens",
        target_log_probs=draw.log_probs(3, 3),
        logits=draw.normal(3, 3),
        weights=draw.of(draw.ids(3, 5)) + 1,
    )
    for spread in (1.0, 3.0, 6.0):
        n = draw.size(3, 9)
        yield general(
            "random tables",
            target_log_probs=draw.log_probs(n, n, spread=4.0),
            logits=draw.normal(n, n, scale=spread) + draw.normal(n, 1, scale=20),
            weights=draw.of(draw.ids(n, 200)) + 1,
        )
    n = draw.size(3, 6)
    zeros = with_impossible(with_impossible(draw.log_probs(n, n), 0, 1), 2, 0)
    weights = draw.normal(n).abs() + 0.1
    yield general("pairs of probability 0", target_log_probs=zeros, logits=draw.normal(n, n), weights=weights)
    yield general(
        "logits hundreds of nats apart",
        target_log_probs=draw.log_probs(n, n),
        logits=draw.normal(n, n, scale=300),
        weights=weights,
    )
    logits = draw.normal(n, n)
    logits[0, 1] = -INF
    yield edge("a logit of -inf where the target is 0", target_log_probs=zeros, logits=logits, weights=weights)
    certain = draw.of([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]]).log()
    yield edge(
        "a target that is certain", target_log_probs=certain, logits=draw.normal(3, 3), weights=draw.of([2.0, 1.0, 5.0])
    )
    some = weights.clone()
    some[0] = 0
    yield edge("a weight of 0", target_log_probs=draw.log_probs(n, n), logits=draw.normal(n, n), weights=some)
    low = logits.nan_to_num(neginf=-5e3)
    yield edge("a logit of minus thousands", target_log_probs=draw.log_probs(n, n), logits=low, weights=weights)
    yield edge("small weights", target_log_probs=draw.log_probs(n, n), logits=draw.normal(n, n), weights=weights * 1e-3)
    yield edge(
        "a vocabulary of one token", target_log_probs=draw.of([[0.0]]), logits=draw.normal(1, 1), weights=draw.of([2.0])
    )


def _weighted(kl: Tensor, weights: Tensor) -> Tensor:
    return (weights * kl).sum() / weights.sum()


def _row_kl(target_log_probs: Tensor, log_probs: Tensor) -> Tensor:
    target = target_log_probs.exp()
    return torch.where(target > 0, target * (target_log_probs - log_probs), 0.0).sum(-1)


def divergence_reversed(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The divergence is the wrong way round: this is KL(model ‖ target), an average under the model. KL(target ‖ model)
    averages under the target."""
    return _weighted(_row_kl(logits.log_softmax(-1), target_log_probs), weights)


def weights_not_used(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """Every row counts the same: row i counts weights_i / sum(weights)."""
    return _row_kl(target_log_probs, logits.log_softmax(-1)).mean() + 0 * weights.sum()


def weights_not_normalised(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The weights are not divided by their sum."""
    return (weights * _row_kl(target_log_probs, logits.log_softmax(-1))).sum()


def weighted_sum_divided_by_rows(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum is divided by the number of rows: divide it by the sum of the weights."""
    return (weights * _row_kl(target_log_probs, logits.log_softmax(-1))).mean()


def mean_over_next_tokens(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """Within a row the terms are averaged over next tokens: a divergence is their sum. (`F.kl_div` averages over every
    entry by default.)"""
    return _weighted(_row_kl(target_log_probs, logits.log_softmax(-1)) / logits.shape[-1], weights)


def cross_entropy_for_divergence(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """This is the cross-entropy: the divergence is the cross-entropy less the target's own entropy."""
    target = target_log_probs.exp()
    return _weighted(-torch.where(target > 0, target * logits.log_softmax(-1), 0.0).sum(-1), weights)


def logits_taken_for_log_probs(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The logits are used as if they were log-probabilities: a log_softmax over the last axis is missing."""
    return _weighted(_row_kl(target_log_probs, logits), weights)


def softmax_over_rows(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The softmax is over the current token: over the next one, the last axis."""
    return _weighted(_row_kl(target_log_probs, logits.log_softmax(0)), weights)


def zero_times_minus_infinity(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A target of probability 0 gives 0 · (-inf) = NaN. Such a pair contributes 0: mask the whole product with
    `torch.where` or `masked_fill`; a mask on the target alone leaves the -inf beside it. (`F.kl_div` with log_target=True
    masks nothing.)"""
    return _weighted((target_log_probs.exp() * (target_log_probs - logits.log_softmax(-1))).sum(-1), weights)


def zero_times_the_models_infinity(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A target of probability 0 contributes 0, whatever its logit. Where that is -inf, 0 is multiplied by the model's own
    logarithm of -inf, which is NaN: `F.kl_div` and `xlogy` look after the target's logarithm only. Decide term by term, with
    `torch.where(target > 0, term, 0.0)`."""
    terms = torch.nn.functional.kl_div(logits.log_softmax(-1), target_log_probs.exp(), reduction="none")
    return _weighted(terms.sum(-1), weights)


def impossible_made_certain(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The mask puts 0 in place of a target's log-probability of -inf, and the exponential of 0 is 1: impossible pairs
    become certain ones. Mask the whole product, target · (difference of logarithms), and leave the target as it is."""
    target = torch.where(target_log_probs == -INF, 0.0, target_log_probs)
    return _weighted((target.exp() * (target - logits.log_softmax(-1))).sum(-1), weights)


def logarithm_of_a_softmax(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A softmax and then a logarithm: an unlikely token's probability is rounded to 0 and its logarithm is -inf.
    `log_softmax` does not leave the logarithms."""
    return _weighted(_row_kl(target_log_probs, logits.softmax(-1).log()), weights)


def epsilon_against_the_zero(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A small number inside the logarithm hides how wrong the model is about unlikely tokens. `log_softmax` needs none."""
    return _weighted(_row_kl(target_log_probs, (logits.softmax(-1) + 1e-9).log()), weights)


def epsilon_in_the_target(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """A small number inside the target's logarithm changes every term a little: choose the terms of probability 0 instead,
    with `torch.where`."""
    target = target_log_probs.exp()
    return _weighted((target * ((target + 1e-9).log() - logits.log_softmax(-1))).sum(-1), weights)


def divergence_cut_from_the_graph(target_log_probs: Tensor, logits: Tensor, weights: Tensor) -> Tensor:
    """The number is right, but no gradient reaches the logits: something on the way detaches them."""
    return _weighted(_row_kl(target_log_probs, logits.detach().log_softmax(-1)), weights)


exercise = Exercise(
    __name__,
    further="Scale the trained logits by 0.9, then by 1.1. What has to happen to the KL if training has reached its minimum, and what would it mean if one of the two lowered it?",
    cases=_kl_cases,
    gradients=("logits",),
    wrong=(
        divergence_reversed,
        weights_not_used,
        weights_not_normalised,
        weighted_sum_divided_by_rows,
        mean_over_next_tokens,
        cross_entropy_for_divergence,
        logits_taken_for_log_probs,
        softmax_over_rows,
        zero_times_minus_infinity,
        zero_times_the_models_infinity,
        impossible_made_certain,
        logarithm_of_a_softmax,
        epsilon_against_the_zero,
        epsilon_in_the_target,
        divergence_cut_from_the_graph,
    ),
    hints=(
        "A next token costs log p - log q more with q than with p, and comes as often as p says. Which of p, log p and log q do "
        "you have, which must be made?",
        "`log_softmax` over the last axis makes log q without ever leaving logarithms, however far apart the logits are.",
        "Where p = 0 the term is 0, but 0 · (-inf) is NaN in a computer: let `torch.where(p > 0, term, 0.0)` decide. "
        "Then weigh the rows.",
        "`terms = p * (target_log_probs - logits.log_softmax(-1))`, summed over the last axis where p > 0; then "
        "`(weights * kl).sum() / weights.sum()`.",
    ),
)
