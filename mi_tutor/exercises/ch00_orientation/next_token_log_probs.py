"""The exercise `next_token_log_probs`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise

if TYPE_CHECKING:
    from torch import Tensor


def _next_token_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three tokens", logits=draw.normal(1, 3, 4), tokens=draw.integers([[2, 0, 3]]))
    for _ in range(3):
        size = draw.sizes("batch", "position", "d_vocab", high=12)
        yield general("random logits", **_scored(draw, size["batch"], size["position"], size["d_vocab"], 2.0))
    yield general("logits hundreds of nats apart", **_scored(draw, 3, 6, 9, 300.0))
    yield general("a large vocabulary", **_scored(draw, 2, 4, 700, 3.0))
    yield edge("one sequence", **_scored(draw, 1, 5, 6, 2.0))
    yield edge("two positions", **_scored(draw, 3, 2, 5, 2.0))
    yield edge("one position", **_scored(draw, 2, 1, 5, 2.0))
    yield edge("a vocabulary of one token", logits=draw.normal(2, 3, 1), tokens=draw.ids((2, 3), 1))
    n = draw.size(3, 6)
    yield edge("as many positions as tokens and sequences", **_scored(draw, n, n, n, 2.0))


def _scored(draw: Draw, batch: int, position: int, d_vocab: int, spread: float) -> dict[str, Tensor]:
    return {
        "logits": draw.normal(batch, position, d_vocab, scale=spread),
        "tokens": draw.ids((batch, position), d_vocab),
    }


def _pick(table: Tensor, tokens: Tensor) -> Tensor:
    return table.gather(-1, tokens[..., None]).squeeze(-1)


def this_token_scored(logits: Tensor, tokens: Tensor) -> Tensor:
    """This scores each token under the logits at its own position. Those have seen it already: the logits at p are a
    prediction of token p+1."""
    return _pick(logits.log_softmax(-1), tokens)[:, :-1]


def previous_token_scored(logits: Tensor, tokens: Tensor) -> Tensor:
    """The shift goes the wrong way: the logits at p are held against the token before them. They predict token p+1."""
    return _pick(logits[:, 1:].log_softmax(-1), tokens[:, :-1])


def own_token_from_the_second(logits: Tensor, tokens: Tensor) -> Tensor:
    """The first entry is dropped, but nothing is shifted: each token is scored under the logits at its own position,
    which have seen it. Entry p wants the logits at p and the token at p+1."""
    return _pick(logits.log_softmax(-1), tokens)[:, 1:]


def last_position_wraps_around(logits: Tensor, tokens: Tensor) -> Tensor:
    """There is an entry for the last position, too, which predicts a token that is not in `tokens`: leave it out."""
    return _pick(logits.log_softmax(-1), tokens.roll(-1, dims=1))


def logits_not_normalised(logits: Tensor, tokens: Tensor) -> Tensor:
    """These are the logits of the tokens that came. A logit means something only beside the others: take a log_softmax
    over the vocabulary first."""
    return _pick(logits[:, :-1], tokens[:, 1:])


def probabilities_not_logarithms(logits: Tensor, tokens: Tensor) -> Tensor:
    """These are probabilities; their logarithms are asked for."""
    return _pick(logits[:, :-1].softmax(-1), tokens[:, 1:])


def logarithm_of_a_softmax(logits: Tensor, tokens: Tensor) -> Tensor:
    """Where logits lie hundreds of nats apart, a probability underflows to 0 and its logarithm is -inf. `log_softmax`
    never leaves the logarithm."""
    return _pick(logits[:, :-1].softmax(-1), tokens[:, 1:]).log()


def exponentials_overflow(logits: Tensor, tokens: Tensor) -> Tensor:
    """The exponential of a logit of a few hundred is infinite. Subtract the largest logit of each row first, or use
    `log_softmax`, which does."""
    exponentials = logits[:, :-1].exp()
    return _pick((exponentials / exponentials.sum(-1, keepdim=True)).log(), tokens[:, 1:])


def normalised_over_positions(logits: Tensor, tokens: Tensor) -> Tensor:
    """The softmax runs over positions: it belongs to the last axis, the vocabulary."""
    return _pick(logits.log_softmax(1)[:, :-1], tokens[:, 1:])


def best_guess_scored(logits: Tensor, tokens: Tensor) -> Tensor:
    """This is the log-probability of the model's own favourite. What is asked for is that of the token that came."""
    return logits[:, :-1].log_softmax(-1).max(-1).values


def negative_log_probs(logits: Tensor, tokens: Tensor) -> Tensor:
    """These are losses, minus the log-probabilities: leave the sign as it is, so that nothing is above 0."""
    return -_pick(logits[:, :-1].log_softmax(-1), tokens[:, 1:])


def every_position_with_every_token(logits: Tensor, tokens: Tensor) -> Tensor:
    """Indexing with a whole tensor of ids looks up every token at every position. Each position has one token of its own:
    that pairing is what `gather` does."""
    return logits[:, :-1].log_softmax(-1)[:, :, tokens[:, 1:]]


def squeezed_too_much(logits: Tensor, tokens: Tensor) -> Tensor:
    """`squeeze()` takes off every axis of size 1, a batch of one sequence too. Say which you mean: `squeeze(-1)`."""
    return logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze()


def averaged(logits: Tensor, tokens: Tensor) -> Tensor:
    """This is the mean over all tokens; one number for each is asked for, [batch, position-1]."""
    return _pick(logits[:, :-1].log_softmax(-1), tokens[:, 1:]).mean()


exercise = Exercise(
    __name__,
    further="Two models cut the same text into 40 and into 60 tokens. Which may be compared between them, the mean of your result or its sum? What is the sum the logarithm of?",
    cases=_next_token_cases,
    wrong=(
        this_token_scored,
        previous_token_scored,
        own_token_from_the_second,
        last_position_wraps_around,
        logits_not_normalised,
        probabilities_not_logarithms,
        logarithm_of_a_softmax,
        exponentials_overflow,
        normalised_over_positions,
        best_guess_scored,
        negative_log_probs,
        every_position_with_every_token,
        squeezed_too_much,
        averaged,
    ),
    hints=(
        "Write the tokens on one line, and under each position what its logits predict. Which logits have nothing to be "
        "held against, and which token is predicted by none?",
        "Turn logits into log-probabilities along the vocabulary, without the last position; the tokens to look up are "
        "all but the first.",
        "`log_probs.gather(-1, index)` picks one entry of each row. It wants an index with as many axes as the table: give "
        "the tokens a last axis of size 1 with `[..., None]`, and take it off again afterwards: "
        "`logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).squeeze(-1)`.",
    ),
    bf16=True,
)
