"""The exercise `sample_bigrams`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Finding, Law, Score, Tally, Trait
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch01_bigrams._shared import INF

if TYPE_CHECKING:
    from torch import Tensor


MANY = 40
"""Tokens up to which every pair is counted by itself."""
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Where a row's tokens, likeliest first, are parted to be counted together."""


def _sample_cases(draw: Draw) -> Iterator[Case]:
    cycle = draw.of([[-INF, 0.0, -INF], [-INF, -INF, 0.0], [0.0, -INF, -INF]])
    yield basic("a table that leaves no choice", log_probs=cycle, start=1, length=7, generator=draw.generator())
    yield _long(
        "three tokens", draw.of([[0.8, 0.15, 0.05], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1]]).log(), draw, group="basic"
    )
    n = draw.size(5, 7)
    yield _long("a random table", draw.log_probs(n, n, spread=2.0), draw, length=6000)
    few = [[0.0 if (column - row) % n in (1, 2) else -INF for column in range(n)] for row in range(n)]
    yield _long("a table with many impossible pairs", (draw.normal(n, n) + draw.of(few)).log_softmax(-1), draw)
    yield _long("rows that are all alike", draw.of([[0.3, 0.25, 0.2, 0.15, 0.1]] * 5).log(), draw)
    # As in text: many tokens may come, most of them rarely, and together they are a good part of what does.
    tail = -torch.arange(1.0, 301.0, dtype=torch.float64).log() + 0.3 * draw.normal(300, 300).double().cpu()
    yield _long("300 tokens, most of them rare", draw.of(tail.log_softmax(-1)), draw, "edge", length=4000)
    short = {"log_probs": draw.log_probs(4, 4, spread=1.0), "start": 2, "length": 3, "generator": draw.generator()}
    yield Case("general", "many short samples", short, calls=600)
    yield edge("a length of 1", log_probs=draw.log_probs(3, 3), start=2, length=1, generator=draw.generator())
    yield edge("a length of 2", log_probs=draw.log_probs(3, 3), start=0, length=2, generator=draw.generator())
    yield edge("a vocabulary of one token", log_probs=draw.of([[0.0]]), start=0, length=4, generator=draw.generator())
    apart = draw.log_probs(5, 5, spread=200.0)
    yield edge(
        "log-probabilities hundreds of nats apart", log_probs=apart, start=4, length=30, generator=draw.generator()
    )


def _long(what: str, log_probs: Tensor, draw: Draw, group: str = "general", length: int = 1500) -> Case:
    start = draw.size(0, log_probs.shape[0] - 1)
    args = {"log_probs": log_probs, "start": start, "length": length, "generator": draw.generator()}
    return Case(group, what, args, calls=2)


def _valid_sample(args: dict[str, Any], sample: Tensor) -> str | None:
    d_vocab = args["log_probs"].shape[0]
    if int(sample.min()) < 0 or int(sample.max()) >= d_vocab:
        return f"Some of the ids lie outside 0 … {d_vocab - 1}."
    if int(sample[0]) != args["start"]:
        return "The sample does not begin with `start`, which is its first token."
    return None


def _transition_tallies(args: dict[str, Any], samples: list[Tensor]) -> Iterator[Finding]:
    probs = args["log_probs"].double().cpu().exp()
    d_vocab = probs.shape[0]
    named = [f"token {token}" for token in range(d_vocab)]
    tokens = torch.stack(samples).cpu()
    if tokens.shape[1] < 2:
        return
    yield from _ranks(probs, tokens)
    yield from _habits(probs, tokens)
    if d_vocab > MANY:  # too few of each pair to be counted
        yield from _surprise(args["log_probs"].double().cpu(), tokens)
        return
    for token in range(d_vocab):
        after = tokens[:, 1:][tokens[:, :-1] == token]
        counts = torch.bincount(after, minlength=d_vocab)
        yield Tally(f"the successors of token {token}", counts, probs[token], outcomes=named)
    for lag in (1, 2, 3):
        # Given the current token, what came before tells nothing: one random number used twice would.
        sentence = "The draws are not independent of one another: is one random number used more than once?"
        before, now, after = tokens[:, : -lag - 1], tokens[:, lag:-1], tokens[:, lag + 1 :]
        for token in range(d_vocab):
            for earlier in range(d_vocab):
                chosen = after[(now == token) & (before == earlier)]
                name = f"the successors of token {token} with token {earlier} {lag} before it"
                yield Tally(name, torch.bincount(chosen, minlength=d_vocab), probs[token], sentence, named)

    yield from _surprise(args["log_probs"].double().cpu(), tokens)
    yield _repeats(probs, tokens)


def _ranks(probs: Tensor, tokens: Tensor) -> Iterator[Tally | Trait]:
    """How likely the drawn tokens were, from a row's likeliest to its last hundredth; pooled over rows."""
    ordered, order = probs.sort(-1, descending=True)
    share = ordered.cumsum(-1) - ordered
    part = torch.empty_like(order).scatter_(
        -1, order, torch.bucketize(share, torch.tensor(SHARES).double(), right=True)
    )
    before, after = tokens[:, :-1].flatten(), tokens[:, 1:].flatten()
    mass = torch.zeros(len(probs), len(SHARES) + 1, dtype=torch.float64).scatter_add_(-1, part, probs)[before].sum(0)
    counts = torch.bincount(part[before, after], minlength=len(mass))
    parts = pairwise([0.0, *SHARES, 1.0])
    outcomes = [f"a token of the part from {low:.0%} to {high:.0%} of its row, likeliest first," for low, high in parts]
    sentence = "Tokens do not come in proportion to their probabilities."
    if int(counts[-1]) < 0.5 * float(mass[-1]):
        sentence = (
            "Tokens do not come in proportion to their probabilities, however rare: is the tail of a row cut off?"
        )
    yield Tally("tokens by how likely they were", counts, mass / mass.sum(), sentence, outcomes)
    yield Trait("nothing rare", int(counts[-1]) == 0 if float(mass[-1]) > 40 else None)


def _habits(probs: Tensor, tokens: Tensor) -> Iterator[Trait]:
    """Whether the likeliest token came every time, and whether one number between 0 and 1 would have led to all of a sample."""
    before, after = tokens[:, :-1], tokens[:, 1:]
    likeliest = probs.max(-1).values
    # What a right sampler would do less than once in a billion times.
    surprising = float(likeliest[before].log().sum()) < -20
    yield Trait("always the likeliest", bool((after == probs.argmax(-1)[before]).all()) if surprising else None)
    above = probs.cumsum(-1)[before, after]
    spread = above.amin(-1) - (above - probs[before, after]).amax(-1)
    yield Trait("one number for all steps", bool((spread > -1e-6).all()) if surprising else None)


def _surprise(log_probs: Tensor, tokens: Tensor) -> Iterator[Score]:
    """The log-probability of what was drawn, beside its mean and variance given each token before."""
    # Cut off below: a single token of probability e^-200 would outweigh all others.
    terms = log_probs.clamp(min=-6.0)
    mean = (log_probs.exp() * terms).sum(-1)
    variance = (log_probs.exp() * (terms - mean[:, None]).square()).sum(-1)
    before = tokens[:, :-1]
    total = float(terms[before, tokens[:, 1:]].sum())
    bold = total > float(mean[before].sum())
    sentence = (
        f"Likely tokens come {'more' if bold else 'less'} often than their probability says, a little in every row."
    )
    furthest = float((terms - mean[:, None]).abs()[log_probs > -INF].max())
    # Bernstein's inequality: with this much variance the tail is close enough to a normal one's.
    if float(variance[before].sum()) > 30 * furthest**2:
        yield Score("surprise", total, float(mean[before].sum()), float(variance[before].sum()), sentence)


def _repeats(probs: Tensor, tokens: Tensor) -> Tally:
    """Stretches that occur twice to the letter, long enough that chance would never do it."""
    # Two independent continuations agree at each step with at most this probability.
    agree = float(probs.square().sum(-1).max())
    pairs = tokens.numel() ** 2
    sentence = "Whole stretches come again word for word: random numbers are used more than once."
    name, never, outcomes = "stretches", torch.tensor([0.0, 1.0]), ("one that had come before", "a new one")
    if agree > 0.6 or pairs < 10_000:
        return Tally(name, torch.tensor([0, 1]), never, sentence, outcomes)
    length = math.ceil((math.log(pairs) + 28) / -math.log(agree))
    stretches = [tuple(row[i : i + length]) for row in tokens.tolist() for i in range(len(row) - length)]
    again = len(stretches) - len(set(stretches))
    return Tally(name, torch.tensor([again, len(stretches)]), never, sentence, outcomes)


def _draw_next(weights: Tensor, generator: torch.Generator) -> int:
    return int(torch.multinomial(weights, 1, generator=generator))


def always_from_the_start_token(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Every token is drawn from the row of `start`: the row has to be that of the token drawn last."""
    rest = [_draw_next(log_probs[start].exp(), generator) for _ in range(length - 1)]
    return torch.tensor([start, *rest], device=log_probs.device)


def most_likely_taken(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The most likely token is taken each time: draw it, in proportion to its probability."""
    tokens = [start]
    for _ in range(length - 1):
        _draw_next(log_probs[tokens[-1]].exp(), generator)
        tokens.append(int(log_probs[tokens[-1]].argmax()))
    return torch.tensor(tokens, device=log_probs.device)


def nothing_drawn(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Nothing is random here: the most likely token is taken each time. Draw it, in proportion to its probability."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(int(log_probs[tokens[-1]].argmax()))
    return torch.tensor(tokens, device=log_probs.device)


def start_not_counted(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """`length` tokens come after `start`: it counts, so one fewer is drawn."""
    tokens = [start]
    for _ in range(length):
        tokens.append(_draw_next(log_probs[tokens[-1]].exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


def start_left_out(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """`start` itself is missing from the sample: it is the first of the `length` tokens."""
    return start_not_counted(log_probs, start, length, generator)[1:]


def columns_drawn_from(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The next token is drawn from the current token's column: its row holds the successors."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[:, tokens[-1]].exp() + 1e-12, generator))
    return torch.tensor(tokens, device=log_probs.device)


def uniform_draws(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Every token is equally likely here: the probabilities in `log_probs` are not used."""
    rest = torch.randint(log_probs.shape[0], (length - 1,), generator=generator, device=log_probs.device)
    return torch.cat([torch.tensor([start], device=log_probs.device), rest])


def softmax_of_probabilities(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """A softmax is taken of probabilities: the exponential of `log_probs` is a distribution already."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[tokens[-1]].exp().softmax(-1), generator))
    return torch.tensor(tokens, device=log_probs.device)


def log_probs_used_as_weights(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The logarithms themselves are used as weights, and they are negative: `log_probs.exp()` gives the probabilities."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[tokens[-1]], generator))
    return torch.tensor(tokens, device=log_probs.device)


def sharpened(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The distribution is sharper than the table's: there is no temperature here."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next((2 * log_probs[tokens[-1]]).exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


def unlikely_tokens_cut_off(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """Unlikely tokens never come: only the most likely ones are drawn from, as in top-k or nucleus sampling. Every token comes
    as often as its probability says, however small that is."""
    probabilities = log_probs.exp()
    kept = probabilities * (probabilities >= probabilities.topk(min(10, log_probs.shape[-1])).values[:, -1:])
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(kept[tokens[-1]], generator))
    return torch.tensor(tokens, device=log_probs.device)


def one_number_for_all_steps(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """One random number decides every step: each step needs a draw of its own."""
    u = float(torch.rand((), generator=generator, device=log_probs.device, dtype=torch.float64))
    cumulative = log_probs.double().exp().cumsum(-1)
    tokens = [start]
    for _ in range(length - 1):
        row = cumulative[tokens[-1]]
        tokens.append(min(int((row <= u * float(row[-1])).sum()), row.numel() - 1))
    return torch.tensor(tokens, device=log_probs.device)


def generator_ignored(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(int(torch.multinomial(log_probs[tokens[-1]].exp(), 1)))
    return torch.tensor(tokens, device=log_probs.device)


def generator_seeded_again(log_probs: Tensor, start: int, length: int, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    tokens = [start]
    for _ in range(length - 1):
        tokens.append(_draw_next(log_probs[tokens[-1]].exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


exercise = Exercise(
    __name__,
    further="Score a sample of 20,000 tokens with the very table it was drawn from. Which property of the table does the loss come near, and can another table score that sample lower?",
    cases=_sample_cases,
    law=Law(_transition_tallies, _valid_sample),
    wrong=(
        always_from_the_start_token,
        most_likely_taken,
        nothing_drawn,
        start_not_counted,
        start_left_out,
        columns_drawn_from,
        uniform_draws,
        softmax_of_probabilities,
        log_probs_used_as_weights,
        unlikely_tokens_cut_off,
        sharpened,
        one_number_for_all_steps,
        generator_ignored,
        generator_seeded_again,
    ),
    hints=(
        "A sample grows by one token at a time. Which row of the table decides about the next one?",
        "`torch.multinomial(weights, 1, generator=generator)` draws an index in proportion to its weight. Weights are "
        "probabilities, not their logarithms. It returns a tensor of one entry; `.item()` makes an int of it.",
        "Begin a list with `start`; append length - 1 draws, each from the row of the last token; make a tensor of it.",
    ),
)
