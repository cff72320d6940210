"""Models built by hand, told by what they do: which habit explains the wrong predictions, and which path the right ones take.

Right answers are as many as there are people, so nothing is compared with the reference's weights. What counts is which
token has the largest logit, and what is left of that when layer 0's output is left out of what layer 1's keys, or its
queries, read.
"""

from __future__ import annotations

from typing import Any

from mi_tutor.check.built.habits import evidence_of, habit_of
from mi_tutor.check.built.run import LONG, Seen, Weights, look, period_of, repeated_blocks
from mi_tutor.check.compare import Answer, Problem
from mi_tutor.deferred import torch

MOST_ENTRIES = 2**26
"""Of all weights together; what the exercises ask for takes a hundredth of it."""


def built_model(kind: str) -> Answer:
    """The answer of an exercise that builds an induction head by `kind` "K" or "Q" of composition."""

    def answer(args: dict[str, Any], expected: Weights, got: Weights) -> Problem | None:
        if problem := shape_problem(got, args["d_vocab"], args["n_ctx"]):
            return problem
        weights = {name: value.float().cpu() for name, value in got.items()}
        batches = repeated_blocks(args["d_vocab"], args["n_ctx"])
        with torch.no_grad():
            seen = look(weights, batches)
            if isinstance(seen, Problem):
                return seen
            if not seen.right.all():
                tried = [tokens for tokens in batches if period_of(tokens) <= int(seen.period.max())]
                habit = habit_of(kind, weights, tried, seen)
                return Problem(habit, _first_wrong(seen) + evidence_of(habit, kind, weights, tried, seen))
        return _wrong_path(kind, seen)

    return answer


def shape_problem(weights: Weights, d_vocab: int, n_ctx: int) -> Problem | None:
    """Whether the shapes fit together; d_model and d_head are whatever W_E and W_Q say."""
    for name, value in weights.items():
        if not value.isfinite().all():
            return Problem("weights_not_finite", f"{name} holds NaN or an infinity; every weight has to be finite.")
    if sum(value.numel() for value in weights.values()) > MOST_ENTRIES:
        return Problem(
            "size", f"These are more than {MOST_ENTRIES:,} weights; a few times d_vocab + n_ctx suffice as d_model."
        )
    d_model, d_head = weights["W_E"].shape[-1:], weights["W_Q"].shape[-1:]
    inwards, outwards = (2, 1, *d_model, *d_head), (2, 1, *d_head, *d_model)
    wanted = {
        "W_E": ((d_vocab, *d_model), "[d_vocab d_model]"),
        "W_pos": ((n_ctx, *d_model), "[n_ctx d_model]"),
        "W_U": ((*d_model, d_vocab), "[d_model d_vocab]"),
        **dict.fromkeys(("W_Q", "W_K", "W_V"), (inwards, "[2 1 d_model d_head]: layer, head, then in and out")),
        "W_O": (outwards, "[2 1 d_head d_model]: layer, head, then in and out"),
    }
    for name, (shape, words) in wanted.items():
        if tuple(weights[name].shape) != shape:
            found = list(weights[name].shape)
            given = "W_E and W_Q say what d_model and d_head are"
            return Problem("shape", f"{name} should be {words}, here {list(shape)}; it is {found}. ({given}.)")
    return None


def _first_wrong(seen: Seen) -> str:
    at = int((~seen.right).nonzero()[0])
    period, query = int(seen.period[at]), int(seen.query[at])
    says = f", but the largest logit is that of token {int(seen.said[at])}"
    if seen.shared[at]:
        says = "; its logit is the largest, but not alone: another token's is as large"
    share = float(seen.right.float().mean())
    return (
        f"With period {period}, at position {query} (token {int(seen.token[at])}), token {int(seen.target[at])} comes next{says}. "
        f"Of all predictions in second copies {share:.0%} are right."
    )


def _wrong_path(kind: str, seen: Seen) -> Problem | None:
    """Whether the composition is of the kind asked, once all predictions are right."""
    other = "Q" if kind == "K" else "K"
    words = {"K": "keys", "Q": "queries"}
    long = seen.period >= LONG
    shares = {
        period: {
            left_out: float(right[seen.period == period].float().mean())
            for left_out, right in seen.right_without.items()
        }
        for period in seen.period.unique().tolist()
    }
    kept = next((p for p, share in shares.items() if p >= LONG and share[kind] > 1 / 3), None)
    if kept is not None:
        found = (
            f"All predictions are right. But with layer 0's output left out of what layer 1's {words[kind]} read, "
            f"{shares[kept][kind]:.0%} still are at period {kept}; at most a third may be"
        )
        if float(seen.right_without[other][long].float().mean()) <= 1 / 3:
            return Problem("the_other_composition", f"{found}. Left out of its {words[other]}, nearly all go wrong.")
        return Problem("works_without_the_path", f"{found}.")
    lost = next((p for p, share in shares.items() if share[other] < 1), None)
    if lost is not None:
        return Problem(
            "needs_the_other_path_too",
            f"All predictions are right. But with layer 0's output left out of what layer 1's {words[other]} read, only "
            f"{shares[lost][other]:.0%} still are at period {lost}; all should be.",
        )
    return None
