"""Two-layer models whose weights somebody wrote down by hand: run on repeated blocks, and told by what they do.

A model is a dict of `W_E [d_vocab d_model]`, `W_pos [n_ctx d_model]`, `W_U [d_model d_vocab]`, `W_Q W_K W_V
[2 1 d_model d_head]`, `W_O [2 1 d_head d_model]`: attention only, one head a layer, no norms, no biases. Right answers are
as many as there are people, so nothing is compared with the reference's weights. What counts is which token has the
largest logit, and what is left of that when layer 0's output is left out of what layer 1's keys, or its queries, read.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mi_tutor.check.compare import Answer, Problem

Weights = dict[str, Tensor]
MOST_ENTRIES = 2**26
"""Of all weights together; what the exercises ask for takes a hundredth of it."""
ENOUGH = 8
"""Periods at which it fails, after which no others are tried: enough to see what it does instead."""
ROUNDING = 1e-5
"""Of the largest logit: nothing below it counts as a difference."""
LONG = 8
"""From this period on, a third of the predictions can no longer be right by luck."""


class Run(NamedTuple):
    """What a model does with some sequences."""

    logits: Float[Tensor, "batch position d_vocab"]
    patterns: Float[Tensor, "layer batch query key"]


def run_built(weights: Weights, tokens: Int[Tensor, "batch position"]) -> dict[str, Run]:
    """The model as it is (""), and with layer 0's output left out of what layer 1's keys ("K") or queries ("Q") read."""
    x, first, note = _layer_0(weights, tokens)
    after = x + note
    runs = {}
    for left_out in ("", "K", "Q"):
        second = _attend(weights, 1, x if left_out == "Q" else after, x if left_out == "K" else after)
        runs[left_out] = Run(_read_out(weights, after, second, after), torch.stack([first, second]))
    return runs


def _attend(weights: Weights, layer: int, reads_q: Tensor, reads_k: Tensor) -> Tensor:
    W_Q, W_K = weights["W_Q"][layer, 0], weights["W_K"][layer, 0]
    scores = (reads_q @ W_Q) @ (reads_k @ W_K).mT / W_Q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def _layer_0(weights: Weights, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The stream before layer 0, its pattern, and what it writes."""
    x = weights["W_E"][tokens] + weights["W_pos"][: tokens.shape[1]]
    first = _attend(weights, 0, x, x)
    return x, first, first @ (x @ weights["W_V"][0, 0]) @ weights["W_O"][0, 0]


def _read_out(weights: Weights, after: Tensor, second: Tensor, reads_v: Tensor) -> Tensor:
    """The logits, given layer 1's pattern and what its values read."""
    moved = second @ (reads_v @ weights["W_V"][1, 0]) @ weights["W_O"][1, 0]
    return (after + moved) @ weights["W_U"]


def repeated_blocks(d_vocab: int, n_ctx: int) -> list[Int[Tensor, "batch 1+2*period"]]:
    """Sequences `[BOS] + block + block` without a repeated id, for every period that fits, or some where many do.

    In every batch BOS is 0 in one row, the last id in another, and any id in the rest, where there are more.
    """
    longest = min(d_vocab - 1, (n_ctx - 1) // 2)
    source = torch.Generator().manual_seed(1000 * d_vocab + n_ctx)
    periods = list(range(1, longest + 1))
    if longest > 24:
        some = torch.randperm(longest, generator=source)[:5] + 1
        periods = sorted({1, 2, 3, LONG, longest // 2, longest - 1, longest, *some.tolist()})
    rows = 5 if longest <= 24 else 2
    batches = []
    for period in periods:
        order = torch.stack([torch.randperm(d_vocab, generator=source) for _ in range(rows)])
        for row, bos in enumerate((0, d_vocab - 1)):
            at = int((order[row] == bos).nonzero())
            order[row, [0, at]] = order[row, [at, 0]]
        block = order[:, 1 : 1 + period]
        batches.append(torch.cat([order[:, :1], block, block], dim=1))
    return batches


class Seen(NamedTuple):
    """Every prediction in a second copy, over all sequences."""

    period: Int[Tensor, "n"]
    bos: Int[Tensor, "n"]
    query: Int[Tensor, "n"]
    token: Int[Tensor, "n"]
    target: Int[Tensor, "n"]
    said: Int[Tensor, "n"]
    """The token of the largest logit."""
    right: Bool[Tensor, "n"]
    """It is the target, and no other token has a logit as large, up to rounding."""
    shared: Bool[Tensor, "n"]
    """The target's logit is the largest, and another's is as large."""
    right_without: dict[str, Bool[Tensor, "n"]]
    """The same with layer 0's output left out of layer 1's keys ("K") or queries ("Q")."""
    moved_without: dict[str, Bool[Tensor, "n"]]
    """Whether leaving it out changes any logit."""
    led_without: dict[str, Bool[Tensor, "n"]]
    """Whether leaving it out changes layer 1's attention."""
    place: Float[Tensor, "n"]
    """Layer 1's attention to the position after the token's first occurrence."""
    looked: Int[Tensor, "n"]
    """The position that layer 1 attends to most."""
    most: Float[Tensor, "n"]
    """How much it attends to that."""
    start: Float[Tensor, "n"]
    """Layer 1's attention to the first position."""
    before: Float[Tensor, "n"]
    """Layer 1's attention to the positions before the query and before its token's first occurrence, together."""
    previous: Float[Tensor, "n"]
    """Layer 0's attention to the position before."""
    earlier: Float[Tensor, "n"]
    """Layer 0's attention to the token's first occurrence."""
    frequent: Bool[Tensor, "n"]
    """No token has come more often so far than the one that was said, and one has come less often."""
    behind: Int[Tensor, "n"]
    """How many positions before the query the token stood last that was said; -1 if it had not come."""


RIGHT = Seen._fields.index("right")


def built_model(kind: str) -> Answer:
    """The answer of an exercise that builds an induction head by `kind` "K" or "Q" of composition."""

    def answer(args: dict[str, Any], expected: Weights, got: Weights) -> Problem | None:
        if problem := shape_problem(got, args["d_vocab"], args["n_ctx"]):
            return problem
        weights = {name: value.float().cpu() for name, value in got.items()}
        batches = repeated_blocks(args["d_vocab"], args["n_ctx"])
        with torch.no_grad():
            seen = _look(weights, batches)
            if isinstance(seen, Problem):
                return seen
            if not seen.right.all():
                tried = [tokens for tokens in batches if _period(tokens) <= int(seen.period.max())]
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


def _look(weights: Weights, batches: list[Tensor]) -> Seen | Problem:
    parts: list[list[Any]] = []
    failures = 0
    for tokens in batches:
        period = _period(tokens)
        runs = run_built(weights, tokens)
        for left_out, run in runs.items():
            if not run.logits.isfinite().all():
                where = {"": "", "K": " once the keys do without layer 0", "Q": " once the queries do without layer 0"}
                return Problem(
                    "logits_not_finite", f"With period {period} some logits are NaN or infinite{where[left_out]}."
                )
        parts.append(_of_batch(tokens, period, runs))
        failures += not parts[-1][RIGHT].all()
        if failures == ENOUGH:
            break
    joined: list[Any] = []
    for column in zip(*parts, strict=True):
        if isinstance(column[0], dict):
            joined.append({key: torch.cat([part[key] for part in column]) for key in column[0]})
        else:
            joined.append(torch.cat(column))
    return Seen(*joined)


def _period(tokens: Tensor) -> int:
    return (tokens.shape[1] - 1) // 2


def _won(tokens: Tensor, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """In the second copy: the token of the largest logit, whether it is right and alone, whether it shares its place."""
    period = _period(tokens)
    second = torch.arange(1 + period, 1 + 2 * period)
    logits = logits[:, second]
    best = logits.max(-1)
    # What rounding alone decides, and decides otherwise on another machine, is a tie.
    top = logits >= (best.values - ROUNDING * best.values.abs())[..., None]
    reached = top.gather(-1, tokens[:, second - period + 1, None])[..., 0]
    return best.indices, reached & (top.sum(-1) == 1), reached & (top.sum(-1) > 1)


def _of_batch(tokens: Tensor, period: int, runs: dict[str, Run]) -> list[Any]:
    """The columns of `Seen` for sequences of one period."""
    second = torch.arange(1 + period, 1 + 2 * period)
    place = second - period + 1
    target = tokens[:, place]
    said, right, shared = _won(tokens, runs[""].logits)
    layer_0, layer_1 = runs[""].patterns[:, :, second]
    most = layer_1.max(-1)
    here = torch.arange(len(second))
    heard = torch.nn.functional.one_hot(tokens, runs[""].logits.shape[-1]).cumsum(1)[:, second]
    times = heard.gather(-1, said[..., None])[..., 0]
    before = (tokens[:, None, :] == said[..., None]) & (torch.arange(tokens.shape[1]) <= second[:, None])
    last = (before * (1 + torch.arange(tokens.shape[1]))).amax(-1) - 1
    logits = runs[""].logits[:, second]
    size = logits.abs().amax().clamp(min=1e-30)

    def spread(values: Tensor) -> Tensor:
        return torch.as_tensor(values).expand(len(tokens), period).flatten()

    return [
        spread(torch.tensor(period)),
        tokens[:, :1].expand(-1, period).flatten(),
        spread(second),
        tokens[:, second].flatten(),
        target.flatten(),
        said.flatten(),
        right.flatten(),
        shared.flatten(),
        {left_out: _won(tokens, runs[left_out].logits)[1].flatten() for left_out in "KQ"},
        {
            left_out: ((runs[left_out].logits[:, second] - logits).abs().amax(-1) > ROUNDING * size).flatten()
            for left_out in "KQ"
        },
        {
            left_out: ((runs[left_out].patterns[1][:, second] - layer_1).abs().amax(-1) > 1e-4).flatten()
            for left_out in "KQ"
        },
        layer_1[:, here, place].flatten(),
        most.indices.flatten(),
        most.values.flatten(),
        layer_1[:, :, 0].flatten(),
        (layer_1[:, here, second - 1] + layer_1[:, here, second - period - 1]).flatten(),
        layer_0[:, here, second - 1].flatten(),
        layer_0[:, here, second - period].flatten(),
        ((times == heard.amax(-1)) & (logits.amax(-1) > logits.amin(-1))).flatten(),
        torch.where(last < 0, -1, second - last).flatten(),
    ]


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
        ("too_soft_in_layer_0", sharper(0)),
        ("too_soft_in_layer_1", sharper(1)),
        ("too_soft", sharper(0, 1)),
        ("queries_and_keys_exchanged", exchanged(1)),
        ("layer_0_looks_ahead", lambda seen: kind == "K" and exchanged(0)(seen)),
        ("parts_mixed", mixed),
        ("composition_in_the_weights_only", lambda seen: composed > 1e-4 and unmoved(seen)),
        ("shift_wraps_round", lambda seen: kind == "Q" and only_at_the_end(seen)),
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
    return all(bool(_won(tokens, logits(tokens))[1].all()) for tokens in batches)


def _kept_apart(kind: str, weights: Weights, tokens: Tensor) -> Tensor:
    """The logits if one side of layer 1's attention read what layer 0 writes and nothing else, and all the rest of it what
    stood in the stream before."""
    x, _, note = _layer_0(weights, tokens)
    second = _attend(weights, 1, note if kind == "Q" else x, note if kind == "K" else x)
    return _read_out(weights, x + note, second, x)


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
