"""What a model built by hand does where it is wrong: habits, each with a name and a test of behaviour.

A test changes one thing, such as what a matrix reads or where a layer looks, and asks whether all would be right then; or
it asks what the wrong predictions have in common. Neither looks at single weights, so that a habit is found in any basis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from mi_tutor.check.built.changes import (
    READS,
    all_right,
    at_layers,
    carries,
    each_reads_its_own,
    layer_0_is_blind,
    layer_0_looking_right,
    layer_1_looking_right,
    note_kept_apart,
    without_direct_way,
)
from mi_tutor.check.built.run import ROUNDING, Seen, Weights, run_built
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

Habit = tuple[str, Callable[[Seen], bool]]
NO_HABIT = "prediction"
"""What a wrong model is called that has none of them."""


def habit_of(kind: str, weights: Weights, batches: list[Tensor], seen: Seen) -> str:
    """The most telling habit of a wrong model."""
    return next((name for name, holds in _habits(kind, weights, batches) if holds(seen)), NO_HABIT)


def evidence_of(habit: str, kind: str, weights: Weights, batches: list[Tensor], seen: Seen) -> str:
    """What else there is to say of a habit, or of where to look where there is none; nothing for most."""
    if habit == "d_head_too_small":
        d_vocab, n_ctx = weights["W_U"].shape[1], len(weights["W_pos"])
        return f" d_head is {weights['W_Q'].shape[-1]}, with {d_vocab} ids and {n_ctx} positions."
    if habit == "token_and_position_read_together":
        named = {"Q": "queries", "K": "keys", "V": "values"}
        for matrix, wanted in READS[kind].items():
            if all_right(lambda tokens, only=matrix: each_reads_its_own(kind, weights, tokens, [only]), batches):  # type: ignore[misc]
                what = {"token": "tokens", "position": "positions", "note": "what layer 0 writes"}[wanted]
                return f" It would be enough if layer {matrix[1]}'s {named[matrix[0]]} read {what} and nothing else."
    if habit == NO_HABIT:
        at = int((~seen.right).nonzero()[0])
        place, looked = int(seen.query[at] - seen.period[at]) + 1, int(seen.looked[at])
        if all_right(lambda tokens: layer_1_looking_right(weights, tokens), batches):
            share = f"{float(seen.most[at]):.0%} of its attention"
            return (
                f" If layer 1 looked where it should, here at position {place}, every prediction would be right; it looks at position "
                f"{looked}, with {share}. What do its queries and keys read, and what does layer 0 write there?"
            )
        return (
            f" Even if layer 1 looked where it should, here at position {place}, not every prediction would be right. Begin with "
            "the way out: W_V of layer 1 has to read the token, W_O to write it into a part of its own, and W_U to read that part."
        )
    return ""


def _habits(kind: str, weights: Weights, batches: list[Tensor]) -> list[Habit]:
    """What a wrong model may be doing, most telling first: a name, and whether it explains nine in ten of the mistakes,
    or whether one change to the model would mend all of them on these batches."""
    composed = _composition(kind, weights)
    last, d_head = len(weights["W_pos"]) - 1, weights["W_Q"].shape[-1]
    largest = max(last + 1, len(weights["W_E"]))

    def mended(**changed: Tensor) -> Callable[[Seen], bool]:
        return lambda seen: all_right(lambda tokens: run_built(weights | changed, tokens)[""].logits, batches)

    def sharper(*layers: int) -> Callable[[Seen], bool]:
        return mended(W_Q=at_layers(weights["W_Q"], 30 * d_head**0.5 * weights["W_Q"], *layers))

    def exchanged(layer: int) -> Callable[[Seen], bool]:
        W_Q, W_K = weights["W_Q"], weights["W_K"]
        return mended(W_Q=at_layers(W_Q, W_K, layer), W_K=at_layers(W_K, W_Q, layer))

    def nearly(chosen: Callable[[Seen], Tensor]) -> Callable[[Seen], bool]:
        return lambda seen: float(chosen(seen)[~seen.right].float().mean()) >= 0.9

    def unmoved(seen: Seen) -> bool:
        return not (seen.moved_without["K"].any() or seen.moved_without["Q"].any())

    def led(seen: Seen) -> bool:
        return bool(seen.led_without["K"].any() or seen.led_without["Q"].any())

    at_the_place = nearly(lambda s: s.place >= 0.5)

    def mixed(seen: Seen) -> bool:
        return not at_the_place(seen) and all_right(lambda tokens: note_kept_apart(kind, weights, tokens), batches)

    def shared(seen: Seen) -> bool:
        return not at_the_place(seen) and all_right(
            lambda tokens: each_reads_its_own(kind, weights, tokens, READS[kind]), batches
        )

    def only_at_the_end(seen: Seen) -> bool:
        return bool((seen.query[~seen.right] == last).all()) and nearly(lambda s: s.start > 0.3)(seen)

    def no_room(seen: Seen) -> bool:
        """Right wherever ids and positions fit into the head, and they do not everywhere."""
        fits = (seen.token < d_head) & (seen.target < d_head) & (seen.query < d_head)
        return d_head < largest and bool(fits.any() and seen.right[fits].all())

    def straight_out(seen: Seen) -> bool:
        """Layer 0's note reaches the logits, and layer 1 does nothing with it."""
        if not unmoved(seen) or led(seen):
            return False
        pairs = [without_direct_way(weights, tokens) for tokens in batches]
        return any(float((a - b).abs().max()) > ROUNDING * float(a.abs().max()) for a, b in pairs)

    def values_read(wanted: str, found: str) -> bool:
        return carries(weights, wanted) < 1e-4 * carries(weights, found)

    def looks_elsewhere(seen: Seen) -> bool:
        """Whether layer 0 looks by the position where it should by the token (Q), or the other way round (K), and nothing
        else is wrong."""
        blind = layer_0_is_blind(weights, batches)
        return blind == (kind == "Q") and all_right(
            lambda tokens: layer_0_looking_right(kind, weights, tokens), batches
        )

    def never_by_token(seen: Seen) -> bool:
        """A previous-token head where a pointer should come from, whatever else is wrong."""
        return kind == "Q" and float(seen.previous[seen.period > 1].mean()) > 0.9

    def notes_compared(seen: Seen) -> bool:
        """Layer 1 reads the note on the side that should not: it finds the same note, and so the same token."""
        other = "Q" if kind == "K" else "K"
        return bool(seen.led_without[other].any()) and nearly(lambda s: s.said == s.token)(seen)

    def looks_back(seen: Seen) -> bool:
        attention = seen.previous if kind == "K" else seen.earlier
        return float(attention.mean()) > (0.9 if kind == "K" else 0.3)

    def for_some_distance(seen: Seen) -> bool:
        """The same distance back, whatever the period; in blocks no longer than that, what stands there came again since."""
        wrong = ~seen.right
        for distance in range(2, int(seen.query.max())):
            room = wrong & (seen.query > distance)
            since = torch.where(seen.period > distance, distance, distance % seen.period)
            if 2 * room.sum() > wrong.sum() and float((seen.behind == since)[room].float().mean()) >= 0.9:
                return True
        return False

    return [
        ("found_but_not_said", lambda seen: unmoved(seen) and led(seen)),
        # Before those that sharpen: a tie between the place and the start, made sharp, is decided by rounding.
        ("shift_wraps_round", lambda seen: kind == "Q" and only_at_the_end(seen)),
        ("too_soft_in_layer_0", sharper(0)),
        ("too_soft_in_layer_1", sharper(1)),
        ("too_soft", sharper(0, 1)),
        ("d_head_too_small", no_room),
        ("queries_and_keys_exchanged", exchanged(1)),
        ("layer_0_looks_ahead", lambda seen: kind == "K" and exchanged(0)(seen)),
        ("layers_exchanged", mended(**{name: weights[name].flip(0) for name in ("W_Q", "W_K", "W_V", "W_O")})),
        ("parts_mixed", mixed),
        ("token_and_position_read_together", shared),
        ("layer_0_looks_by_position" if kind == "Q" else "layer_0_looks_by_token", looks_elsewhere),
        ("layer_0_values_read_the_position", lambda seen: kind == "K" and values_read("W_E", "W_pos")),
        ("layer_0_values_read_the_token", lambda seen: kind == "Q" and values_read("W_pos", "W_E")),
        ("layer_0_writes_to_the_output", straight_out),
        ("composition_in_the_weights_only", lambda seen: composed > 1e-4 and unmoved(seen)),
        ("tie_at_the_top", nearly(lambda s: s.shared)),
        ("too_soft", nearly(lambda s: (s.looked == s.query - s.period + 1) & (s.place < 0.5))),
        ("copies_the_most_frequent", nearly(lambda s: s.frequent & (s.most * (s.query + 1) < 1.5))),
        ("one_period_only", for_some_distance),
        ("layer_0_is_not_read", lambda seen: unmoved(seen) and looks_back(seen)),
        ("bos_taken_for_0", _only_where_bos_is_0),
        ("right_place_wrong_token", at_the_place),
        ("layer_0_looks_by_position", never_by_token),
        ("both_sides_read_the_note", notes_compared),
        ("repeats_the_current_token", nearly(lambda s: s.said == s.token)),
        ("shifted_the_other_way", lambda seen: kind == "Q" and nearly(lambda s: s.before > 0.9)(seen)),
        (
            "one_place_too_far",
            nearly(lambda s: (s.behind == s.period - 2) | ((s.period <= 2) & (s.behind != s.period - 1))),
        ),
        ("answers_from_the_current_token", _same_answer_to_a_token),
    ]


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
