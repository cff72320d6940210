"""The exercise `build_previous_token_head`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mi_tutor.check.built.run import Weights
from mi_tutor.check.compare import Problem
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import INF


def _previous_head_cases(draw: Draw) -> Iterator[Case]:
    for n_ctx in (6, 11, draw.size(4, 16), draw.size(17, 40)):
        yield basic(f"{n_ctx} positions", n_ctx=n_ctx)
    for n_ctx in {draw.size(5, 20), draw.size(21, 60), draw.size(61, 140)}:
        yield general(f"{n_ctx} positions", n_ctx=n_ctx)
    for n_ctx in (2, 3, draw.size(200, 255), 256):
        yield edge(f"{n_ctx} positions", n_ctx=n_ctx)


def _looks_back(args: dict[str, Any], expected: Weights, got: Weights) -> Problem | None:
    """Judged by the pattern: from every position but the first, at least 0.99 goes to the one before."""
    n_ctx = args["n_ctx"]
    W_pos, W_Q, W_K = (got[name].float().cpu() for name in ("W_pos", "W_Q", "W_K"))
    for name, value in got.items():
        if not value.isfinite().all():
            return Problem("weights_not_finite", f"{name} holds NaN or an infinity; every weight has to be finite.")
    if W_pos.ndim != 2 or len(W_pos) != n_ctx:
        return Problem("shape", f"W_pos should be [n_ctx d_model], with {n_ctx} rows; it is {list(W_pos.shape)}.")
    if W_Q.ndim != 2 or W_Q.shape != W_K.shape or len(W_Q) != W_pos.shape[1]:
        found = f"{list(W_Q.shape)} and {list(W_K.shape)}"
        return Problem(
            "shape", f"W_Q and W_K should both be [d_model d_head], d_model being {W_pos.shape[1]}; they are {found}."
        )
    scores = (W_pos @ W_Q) @ (W_pos @ W_K).mT / W_Q.shape[-1] ** 0.5
    if not scores.isfinite().all():
        return Problem("scores_not_finite", "Some scores overflow to infinity: a softmax of them is NaN.")
    pattern = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -INF).softmax(-1)
    share = pattern.diagonal(-1)
    if bool((share >= 0.99).all()):
        return None
    at = int((share < 0.99).nonzero()[0]) + 1
    said = (
        f"From position {at} a share of {float(share[at - 1]):.3g} goes to position {at - 1}, and most, "
        f"{float(pattern[at].max()):.3g}, to position {int(pattern[at].argmax())}."
    )
    queries = torch.arange(1, n_ctx)
    wrong = share < 0.99
    looked, unmasked = pattern[1:].argmax(-1), scores[1:].argmax(-1)
    habits = {
        "every_position_alike": bool((scores.amax(-1) - scores.amin(-1) < 1e-3).all()),
        "looks_too_weakly": bool((looked == queries - 1).all()),
        "attends_to_itself": bool((looked == queries)[wrong].all()),
        "attends_to_the_next": bool((unmasked == queries + 1)[:-1].all()) and n_ctx > 2,
        "attends_to_the_first": bool((pattern[1:, 0] > 0.5)[wrong].all()) and n_ctx > 3,
        "attends_two_back": bool((looked == (queries - 2).clamp(min=0))[wrong].all()) and n_ctx > 3,
    }
    return Problem(next((name for name, holds in habits.items() if holds), "prediction"), said)


def _places(n_ctx: int, back: int = 1, sharp: float = 30.0) -> Weights:
    """A head over one-hot positions that looks so many positions back."""
    eye = torch.eye(n_ctx)
    shift = torch.diag(torch.ones(n_ctx - abs(back)), -back) if abs(back) < n_ctx else torch.zeros(n_ctx, n_ctx)
    return {"W_pos": eye, "W_Q": shift * sharp * n_ctx**0.5, "W_K": eye}


def attends_to_itself(n_ctx: int) -> Weights:
    """Each position looks at itself: the query of position i has to match the key of i - 1."""
    return _places(n_ctx, back=0)


def attends_to_the_next(n_ctx: int) -> Weights:
    """The match is with the position after, which the mask hides. Turn the shift round: row i of the map from positions to
    keys wanted has its 1 in column i - 1."""
    return _places(n_ctx, back=-1)


def attends_two_back(n_ctx: int) -> Weights:
    """Each position looks two back: shift once, in the queries or in the keys."""
    return _places(n_ctx, back=2)


def looks_too_weakly(n_ctx: int) -> Weights:
    """The right position has the highest score, but not by enough: a softmax over many keys gives each of them e⁰. Scale the
    queries up, by √d_head too, for scores are divided by it."""
    return _places(n_ctx, sharp=3.0 / n_ctx**0.5)


def every_position_alike(n_ctx: int) -> Weights:
    """All positions are looked at alike: are the queries or the keys zero?"""
    return _places(n_ctx, sharp=0.0)


def attends_to_the_first(n_ctx: int) -> Weights:
    """Everything looks at position 0."""
    weights = _places(n_ctx)
    return {**weights, "W_Q": torch.zeros(n_ctx, n_ctx).index_fill(1, torch.tensor([0]), 30.0 * n_ctx**0.5)}


def scores_not_finite(n_ctx: int) -> Weights:
    """The weights are so large that scores overflow to infinity, and the softmax of two infinities is NaN. e⁻³⁰ is small
    enough."""
    return {**_places(n_ctx, sharp=1e30), "W_K": 1e30 * torch.eye(n_ctx)}


exercise = Exercise(
    __name__,
    further="Change your head so that it looks two positions back. Where do positions 0 and 1 look now, and which of them can you send elsewhere?",
    cases=_previous_head_cases,
    answer=_looks_back,
    wrong=(
        attends_to_itself,
        attends_to_the_next,
        attends_two_back,
        looks_too_weakly,
        every_position_alike,
        attends_to_the_first,
        scores_not_finite,
    ),
    hints=(
        "Give every position a direction of its own: `W_pos = torch.eye(n_ctx)`. Then the query of position i is row i of W_Q, "
        "and the key of position j row j of W_K.",
        "Query i should match key i - 1 and no other. If W_K is the identity, where does row i of W_Q have its one entry?",
        "`torch.diag(torch.ones(n_ctx - 1), -1)` has ones just below the diagonal: row i, column i - 1.",
        "The softmax needs a gap between scores. Multiply W_Q by 30 and by √d_head.",
    ),
)
