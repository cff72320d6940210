"""The exercise `bigram_cross_entropy`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch01_bigrams._shared import pair_counts, with_impossible

if TYPE_CHECKING:
    from torch import Tensor


def _score_cases(draw: Draw) -> Iterator[Case]:
    two = draw.of([[0.75, 0.25], [0.5, 0.5]]).log()
    yield basic("three tokens", log_probs=two, tokens=draw.integers([0, 1, 0]))
    yield basic("a transition that occurs three times", log_probs=two, tokens=draw.integers([0, 0, 0, 0, 1]))
    yield basic("six tokens", log_probs=draw.log_probs(3, 3), tokens=draw.ids(6, 3))
    for spread, fewest in ((1.0, 2), (3.0, 2), (60.0, 2), (400.0, 5)):
        d_vocab = draw.size(fewest, 12)
        tokens = draw.ids(draw.size(20, 120), d_vocab)
        yield general("a random text", log_probs=draw.log_probs(d_vocab, d_vocab, spread), tokens=tokens)
    yield edge("a text of two tokens", log_probs=draw.log_probs(3, 3), tokens=draw.integers([2, 0]))
    yield edge("a vocabulary of one token", log_probs=draw.of([[0.0]]), tokens=draw.integers([0, 0, 0]))
    impossible = with_impossible(draw.log_probs(4, 4), 3, 1)
    yield edge(
        "an impossible transition that does not occur", log_probs=impossible, tokens=draw.integers([0, 3, 2, 1, 1])
    )
    yield edge("an impossible transition that occurs", log_probs=impossible, tokens=draw.integers([0, 3, 1, 1, 2]))
    yield edge("a vocabulary larger than the ids that occur", log_probs=draw.log_probs(7, 7), tokens=draw.ids(9, 3))


def summed_for_mean(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the sum over transitions; the mean is asked for."""
    return -log_probs[tokens[:-1], tokens[1:]].sum()


def divided_by_tokens(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The sum is divided by the number of tokens: there is one transition fewer."""
    return -log_probs[tokens[:-1], tokens[1:]].sum() / tokens.numel()


def sign_forgotten(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The sign is the wrong way round: a loss is minus the mean log-probability, and never negative."""
    return log_probs[tokens[:-1], tokens[1:]].mean()


def looked_up_backwards(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The table is read as [next, current]: its row is the current token."""
    return -log_probs[tokens[1:], tokens[:-1]].mean()


def own_token_scored(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Each token is scored as its own successor: the column has to be the next token."""
    return -log_probs[tokens, tokens].mean()


def scored_in_bits(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the loss in bits; nats are asked for, so nothing has to be divided by ln 2."""
    return -log_probs[tokens[:-1], tokens[1:]].mean() / torch.tensor(2.0).log().item()


def perplexity(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the perplexity, the exponential of the loss."""
    return (-log_probs[tokens[:-1], tokens[1:]].mean()).exp()


def rare_tokens_weigh_as_much(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """The loss is averaged for each current token first, and then over these: a rare one counts as much as a frequent one.
    Every transition counts once."""
    losses = -log_probs[tokens[:-1], tokens[1:]]
    return torch.stack([losses[tokens[:-1] == token].mean() for token in tokens[:-1].unique()]).mean()


def log_of_mean_probability(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the logarithm of the mean probability: take logarithms first, then the mean."""
    return -log_probs[tokens[:-1], tokens[1:]].exp().mean().log()


def entropy_of_the_table(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the mean entropy of the table's rows, which says how sure the model is, whatever the text: look up the transitions
    that occur in `tokens`."""
    return -(log_probs.exp() * log_probs).sum(1).mean()


def entropy_along_the_text(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """This is the mean entropy of the rows that the text passes through: how unsure the model was, not what the tokens that came
    cost it. Look up each transition's own entry."""
    rows = log_probs[tokens[:-1]]
    return -(rows.exp() * rows.clamp(min=-1e9)).sum(-1).mean()


def each_transition_scored_once(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Each kind of transition is counted once: one that occurs three times counts three times."""
    pairs = torch.stack([tokens[:-1], tokens[1:]]).unique(dim=1)
    return -log_probs[pairs[0], pairs[1]].mean()


def zero_times_infinity(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Counts times log-probabilities is 0 · (-inf) = NaN for an impossible pair that never occurs. Look up only the
    transitions that do occur."""
    counts = pair_counts(tokens[:-1], tokens[1:], log_probs.shape[0]).to(log_probs)
    return -(counts * log_probs).sum() / counts.sum()


def impossible_transitions_left_out(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Transitions of probability 0 are left out: one that occurs makes the loss infinite, and that is meant."""
    found = log_probs[tokens[:-1], tokens[1:]]
    return -found[found.isfinite()].mean()


def impossible_made_merely_unlikely(log_probs: Tensor, tokens: Tensor) -> Tensor:
    """Log-probabilities are clipped, so an impossible transition that occurs costs something finite: it costs +inf."""
    return -log_probs.clamp(min=-1e4)[tokens[:-1], tokens[1:]].mean()


exercise = Exercise(
    __name__,
    further="Of 10,000 transitions one has probability 1e-30 in place of 0.1: by how many nats does the loss rise? And with 0 in its place, what does the loss still tell about the other 9,999?",
    cases=_score_cases,
    wrong=(
        summed_for_mean,
        divided_by_tokens,
        sign_forgotten,
        looked_up_backwards,
        own_token_scored,
        scored_in_bits,
        perplexity,
        log_of_mean_probability,
        entropy_of_the_table,
        entropy_along_the_text,
        each_transition_scored_once,
        zero_times_infinity,
        impossible_transitions_left_out,
        impossible_made_merely_unlikely,
        rare_tokens_weigh_as_much,
    ),
    hints=(
        "For one transition from a to b, which entry of the table is the log-probability that the model gave it?",
        "Two tensors of the same length index a table together: `table[rows, columns]` picks one entry for each pair.",
        "The rows are `tokens[:-1]`, the columns `tokens[1:]`. What remains is a sign and a mean: "
        "`-log_probs[tokens[:-1], tokens[1:]].mean()`.",
    ),
)
