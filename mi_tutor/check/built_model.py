"""Models built by hand, told by what they do: which habit explains the wrong predictions, and which path the right ones take.

Right answers are as many as there are people, so nothing is compared with the reference's weights. What counts is which
token has the largest logit, and what is left of that when layer 0's output is left out of what layer 1's keys, or its
queries, read.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mi_tutor.check.built_run import (
    LONG,
    Seen,
    Weights,
    attend,
    layer_0,
    look,
    period_of,
    read_out,
    repeated_blocks,
    run_built,
    won,
)
from mi_tutor.check.compare import Answer, Problem

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
                name = next((name for name, holds in _habits(kind, weights, tried) if holds(seen)), "prediction")
                return Problem(name, _first_wrong(seen))
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


Habit = tuple[str, Callable[[Seen], bool]]


def _habits(kind: str, weights: Weights, batches: list[Tensor]) -> list[Habit]:
    """What a wrong model may be doing, most telling first: a name, and whether it explains nine in ten of the mistakes,
    or whether one change to the model would mend all of them on these batches."""
    composed = _composition(kind, weights)
    last = len(weights["W_pos"]) - 1

    def mended(**changed: Tensor) -> Callable[[Seen], bool]:
        return lambda seen: _predicts(lambda tokens: run_built(weights | changed, tokens)[""].logits, batches)

    def sharper(*layers: int) -> Callable[[Seen], bool]:
        return mended(W_Q=_at_layers(weights["W_Q"], 30 * weights["W_Q"].shape[-1] ** 0.5 * weights["W_Q"], *layers))

    def exchanged(layer: int) -> Callable[[Seen], bool]:
        W_Q, W_K = weights["W_Q"], weights["W_K"]
        return mended(W_Q=_at_layers(W_Q, W_K, layer), W_K=_at_layers(W_K, W_Q, layer))

    def nearly(chosen: Callable[[Seen], Tensor]) -> Callable[[Seen], bool]:
        return lambda seen: float(chosen(seen)[~seen.right].float().mean()) >= 0.9

    def unmoved(seen: Seen) -> bool:
        return not (seen.moved_without["K"].any() or seen.moved_without["Q"].any())

    def led(seen: Seen) -> bool:
        return bool(seen.led_without["K"].any() or seen.led_without["Q"].any())

    at_the_place = nearly(lambda s: s.place >= 0.5)

    def mixed(seen: Seen) -> bool:
        return not at_the_place(seen) and _predicts(lambda tokens: _kept_apart(kind, weights, tokens), batches)

    def only_at_the_end(seen: Seen) -> bool:
        return bool((seen.query[~seen.right] == last).all()) and nearly(lambda s: s.start > 0.3)(seen)

    def looks_back(seen: Seen) -> bool:
        attention = seen.previous if kind == "K" else seen.earlier
        return float(attention.mean()) > (0.9 if kind == "K" else 0.3)

    def for_some_distance(seen: Seen) -> bool:
        """The same distance back, whatever the period; at period 1 the token itself is right."""
        distance = int(seen.behind[~seen.right].mode().values)
        return distance > 1 and nearly(lambda s: s.behind == distance)(seen)

    return [
        ("found_but_not_said", lambda seen: unmoved(seen) and led(seen)),
        # Before those that sharpen: a tie between the place and the start, made sharp, is decided by rounding.
        ("shift_wraps_round", lambda seen: kind == "Q" and only_at_the_end(seen)),
        ("too_soft_in_layer_0", sharper(0)),
        ("too_soft_in_layer_1", sharper(1)),
        ("too_soft", sharper(0, 1)),
        ("queries_and_keys_exchanged", exchanged(1)),
        ("layer_0_looks_ahead", lambda seen: kind == "K" and exchanged(0)(seen)),
        ("parts_mixed", mixed),
        ("composition_in_the_weights_only", lambda seen: composed > 1e-4 and unmoved(seen)),
        ("tie_at_the_top", nearly(lambda s: s.shared)),
        ("too_soft", nearly(lambda s: (s.looked == s.query - s.period + 1) & (s.place < 0.5))),
        ("copies_the_most_frequent", nearly(lambda s: s.frequent & (s.most * (s.query + 1) < 1.5))),
        ("one_period_only", for_some_distance),
        ("layer_0_is_not_read", lambda seen: unmoved(seen) and looks_back(seen)),
        ("bos_taken_for_0", _only_where_bos_is_0),
        ("right_place_wrong_token", at_the_place),
        ("repeats_the_current_token", nearly(lambda s: s.said == s.token)),
        ("shifted_the_other_way", lambda seen: kind == "Q" and nearly(lambda s: s.before > 0.9)(seen)),
        (
            "one_place_too_far",
            nearly(lambda s: (s.behind == s.period - 2) | ((s.period <= 2) & (s.behind != s.period - 1))),
        ),
        ("answers_from_the_current_token", _same_answer_to_a_token),
    ]


def _at_layers(before: Tensor, after: Tensor, *layers: int) -> Tensor:
    """`before` with some layers taken from `after`."""
    chosen = torch.zeros(2, 1, 1, 1, dtype=torch.bool)
    chosen[list(layers)] = True
    return torch.where(chosen, after, before)


def _predicts(logits: Callable[[Tensor], Tensor], batches: list[Tensor]) -> bool:
    """Whether all predictions are right."""
    return all(bool(won(tokens, logits(tokens))[1].all()) for tokens in batches)


def _kept_apart(kind: str, weights: Weights, tokens: Tensor) -> Tensor:
    """The logits if one side of layer 1's attention read what layer 0 writes and nothing else, and all the rest of it what
    stood in the stream before."""
    x, _, note = layer_0(weights, tokens)
    second = attend(weights, 1, note if kind == "Q" else x, note if kind == "K" else x)
    return read_out(weights, x + note, second, x)


def _composition(kind: str, weights: Weights) -> float:
    """How much layer 1's weights could read of what layer 0's write, whether or not anything comes of it."""
    W_Q, W_K, W_V, W_O = (weights[name][:, 0].double() for name in ("W_Q", "W_K", "W_V", "W_O"))
    near, far = (W_K, W_Q) if kind == "K" else (W_Q, W_K)
    # Norms of products of factors, from their small inner products.
    written, read = W_O[0] @ near[1], far[1].mT @ far[1]
    inner = (W_V[0].mT @ W_V[0]) @ written @ read @ written.mT
    whole = ((W_V[0].mT @ W_V[0]) * (W_O[0] @ W_O[0].mT)).sum() * ((near[1].mT @ near[1]) * read).sum()
    return float((inner.trace().clamp(min=0) / whole).sqrt()) if whole > 0 else 0.0


def _only_where_bos_is_0(seen: Seen) -> bool:
    zero = seen.bos == 0
    return bool((zero & (seen.period > 1)).any()) and bool(seen.right[zero].all())


def _same_answer_to_a_token(seen: Seen) -> bool:
    """Whether a token is nearly always followed by the same one, though different ones would be right."""
    again = 0
    for token in seen.token.unique():
        said = seen.said[seen.token == token]
        again += int((said == said.mode().values).sum())
    differ = len(torch.stack([seen.token, seen.target]).unique(dim=1).T) > 1.5 * len(seen.token.unique())
    return differ and again >= 0.95 * len(seen.token)


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
