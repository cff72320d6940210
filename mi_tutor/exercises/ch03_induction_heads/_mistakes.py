"""The mistakes of both hand-built induction circuits: a twist to right weights each, and what to say of it."""

from __future__ import annotations

from collections.abc import Callable

from mi_tutor.check.built.run import Weights
from mi_tutor.exercises.ch03_induction_heads._twists import (
    a_step_too_many,
    ahead,
    both_ways,
    for_one_period,
    handing_on,
    in_one_part,
    indifferent,
    layers_exchanged,
    leaning,
    listed,
    looking_by,
    loud,
    mixed,
    nameless,
    never_said,
    no_room,
    not_used,
    notes_compared,
    overflowing,
    reads_the_stream_itself,
    shifted_back,
    soft,
    straight_out,
    tied,
    turned_round,
    unbounded,
    unfinished,
    wrapped,
)
from mi_tutor.exercises.ch03_induction_heads._wiring import SIDES, WAYS, Wiring

Mistake = tuple[Callable[[Wiring, str], None], str]


MISTAKES: dict[str, Mistake] = {
    "found_but_not_said": (
        never_said,
        "What layer 0 writes does lead layer 1's attention, but no logit depends on where layer 1 looks, so the fault is on the "
        "way out: W_V of layer 1 has to read the token, W_O of layer 1 to write it into a part of its own, and W_U to read that "
        "very part.",
    ),
    "composition_in_the_weights_only": (
        not_used,
        "The weights of the two layers fit together, so a composition score is as high as it should be, but nothing comes of it: "
        "leaving layer 0's output out of what layer 1 reads changes no logit. Does layer 0 write anything where layer 1 reads?",
    ),
    "layer_0_is_not_read": (
        reads_the_stream_itself,
        "Layer 0 looks where it should, but layer 1 does not read what it writes: leaving it out of layer 1's queries and keys "
        "changes no logit. Let the {side} of layer 1 read the part of the stream that layer 0 writes into.",
    ),
    "repeats_the_current_token": (
        unfinished,
        "It says the current token again: layer 1 finds where that token stood before, and what has to be read is the position "
        "after. One step is missing, and layer 0 is the place for it: {step}.",
    ),
    "both_sides_read_the_note": (
        notes_compared,
        "Layer 1's queries and keys both read what layer 0 writes: two notes are alike where the same token stands, so it says that "
        "token again. The {side} alone read the note; let layer 1's {other} read {instead}.",
    ),
    "one_place_too_far": (
        a_step_too_many,
        "It says the token two after the earlier occurrence: there is one step too many. {step_said}.",
    ),
    "right_place_wrong_token": (
        loud,
        "Layer 1 looks at the right position, and another token still has the larger logit. Is W_U also reading a part of the "
        "stream that holds the current token (the direct path), or does layer 1 carry along something else than the token?",
    ),
    "tie_at_the_top": (
        tied,
        "The right token's logit is the largest, but another's is exactly as large. It has to win alone: let W_U read what layer 1 "
        "writes and nothing else, or let that weigh more.",
    ),
    "too_soft": (
        soft(0, 1),
        "Attention is too soft: a softmax over many keys spreads it out unless the right score is tens above the rest, and scores "
        "are divided by √d_head. Scale W_Q up in both layers, by 30·√d_head or so.",
    ),
    "too_soft_in_layer_0": (
        soft(0),
        "The wiring is right, but layer 0's attention is too soft: a softmax over many keys spreads it out unless the right score "
        "is tens above the rest, and scores are divided by √d_head. Scale layer 0's W_Q up, by 30·√d_head or so.",
    ),
    "too_soft_in_layer_1": (
        soft(1),
        "The wiring is right, but layer 1's attention is too soft: a softmax over many keys spreads it out unless the right score "
        "is tens above the rest, and scores are divided by √d_head. Scale layer 1's W_Q up, by 30·√d_head or so.",
    ),
    "queries_and_keys_exchanged": (
        turned_round,
        "Layer 1's queries and keys are exchanged: with its W_Q and W_K in each other's place every prediction would be right. "
        "The query is what the later position asks, the key what an earlier one has to offer: {roles}.",
    ),
    "parts_mixed": (
        mixed,
        "{mixed}: if layer 1's {side} read what layer 0 writes and nothing else, and its {other} and values what stood there "
        "before, every prediction would be right. Let layer 0 write into a part of the stream of its own, which the {side} "
        "alone read.",
    ),
    "d_head_too_small": (
        no_room,
        "d_head is too small: all is right where token and position are below it, and what lies beyond falls off. Both layers have "
        "the same d_head, and a head that matches or moves one-hot tokens needs d_vocab dimensions, one that does so with "
        "positions n_ctx: take the larger, `max(d_vocab, n_ctx)`.",
    ),
    "layers_exchanged": (
        layers_exchanged,
        "The layers are exchanged: with index 0 and index 1 of W_Q, W_K, W_V and W_O in each other's place every prediction would be "
        "right. Index 0 is the layer that runs first.",
    ),
    "token_and_position_read_together": (
        in_one_part,
        "Token and position are read together somewhere: W_E and W_pos share a part of the stream, or one matrix reads both parts. "
        "{each}: if each read just that, every prediction would be right.",
    ),
    "layer_0_writes_to_the_output": (
        straight_out,
        "What layer 0 writes goes straight to the output: W_U reads it, and layer 1's {side} do not, so they find nothing. Let W_O of "
        "layer 0 write into a part of its own, which layer 1's {side} read and W_U does not; the part for the token to say is "
        "layer 1's.",
    ),
    "copies_the_most_frequent": (
        indifferent,
        "Layer 1 attends to all positions alike, so that the tokens that came most often win: it copies what is frequent, not "
        "what came after this token. Do its queries and keys reach the same dimensions of the head, and is the right score "
        "tens above the rest?",
    ),
    "one_period_only": (
        for_one_period,
        "It looks back by the same distance whatever the period is, so one period comes out right by construction, and no other. "
        "Where to look has to come from the tokens.",
    ),
    "answers_from_the_current_token": (
        listed,
        "The same token is followed by the same answer in every block: this is a table from tokens to tokens, as in chapter 01. What "
        "comes next has to be found in this sequence.",
    ),
    "bos_taken_for_0": (
        nameless,
        "It is right where BOS is id 0, and only there. No id is special: BOS is any id that the block lacks, and 0 may be in the "
        "block.",
    ),
    "logits_not_finite": (
        overflowing,
        "Some logits are NaN or infinite: scores overflow, and a softmax of infinities is NaN. A gap of 30 between scores is "
        "plenty, e⁻³⁰ being 10⁻¹³.",
    ),
    "weights_not_finite": (
        unbounded,
        "There is a NaN or an infinity among the weights: a large number does what you want, and stays finite.",
    ),
    "needs_the_other_path_too": (
        leaning,
        "All predictions are right, and the {side} need what layer 0 wrote, as they should; but the {other} need it as well. Let "
        "layer 1's {other} read only what stood in the stream before.",
    ),
    "works_without_the_path": (
        both_ways,
        "All predictions are right, but cutting layer 0 out of the {side} does not stop it: there is a second way to the answer. "
        "Let layer 1's {other} read only what stood in the stream before, so that everything hangs on the {side}.",
    ),
}


MISTAKES_OF: dict[str, dict[str, Mistake]] = {
    "K": {
        "layer_0_looks_ahead": (
            ahead,
            "Layer 0 looks the wrong way: it asks for the position after its own, which the mask hides. With its W_Q and W_K in "
            "each other's place every prediction would be right. The query of position i has to match the key of i - 1.",
        ),
        "layer_0_looks_by_token": (
            looking_by("token"),
            "Layer 0 looks by the token: its queries and keys read what W_E wrote, so that a token finds itself. If it looked at the "
            "position before, whatever stands there, every prediction would be right. Let its queries and keys read the position, "
            "as in your previous-token head.",
        ),
        "layer_0_values_read_the_position": (
            handing_on("position"),
            "Layer 0's values read the position, so that its note says where the token before stands, not which token it is. Queries "
            "and keys decide where to look, values what is brought along: let W_V of layer 0 read the token.",
        ),
    },
    "Q": {
        "shift_wraps_round": (
            wrapped,
            "The shift wraps round: where the last position points to the one after it, which there is not, it points to the "
            "first, so that BOS gets half of its attention. `roll` puts what falls off the end back at the beginning: leave "
            "that corner of W_O 0.",
        ),
        "shifted_the_other_way": (
            shifted_back,
            "It says the token before the current one: the pointer is shifted the other way. Position j has to come out as "
            "j + 1 of the pointer, the position after the one that layer 0 looks at.",
        ),
        "layer_0_looks_by_position": (
            looking_by("position"),
            "Layer 0 looks at the same places whatever the tokens are, as a previous-token head does. It has to find where the query's "
            "token stood before, so its queries and keys have to read the token. Positions are for its values to read.",
        ),
        "layer_0_values_read_the_token": (
            handing_on("token"),
            "Layer 0's values read the token, so that what it brings back is the token that it was looking for. A pointer says where "
            "that token stood: let W_V of layer 0 read the position.",
        ),
    },
}


INSTEAD = {"K": "the token, what is asked for", "Q": "the position, where they are"}


ROLES = {
    "K": "W_Q of layer 1 reads the token, W_K the note on what came before",
    "Q": "W_Q of layer 1 reads the pointer, W_K the position",
}


MIXED = {
    "K": "The note on the token before and the token itself are read together",
    "Q": "Layer 1's queries read their own position as well as the pointer, so that each finds itself",
}


EACH = {
    "K": "Layer 0's queries and keys have to read the position, its values and layer 1's queries and values the token, layer 1's keys "
    "what layer 0 writes",
    "Q": "Layer 0's queries and keys and layer 1's values have to read the token, layer 0's values and layer 1's keys the position, "
    "layer 1's queries what layer 0 writes",
}


STEPS = {
    "K": (
        "let it attend to the token before, so that each position says what came before it",
        "Layer 0 should look one back",
    ),
    "Q": ("let what it writes be the position after the one it looks at", "The pointer should be shifted by one"),
}


def mistakes(kind: str) -> tuple[Callable[..., Weights], ...]:
    """The misconceptions of one way of building: each a twist to weights that are right."""
    side, other = SIDES[kind], SIDES["Q" if kind == "K" else "K"]

    def mistake(name: str, twist: Callable[[Wiring, str], None], sentence: str) -> Callable[..., Weights]:
        def build(d_vocab: int, n_ctx: int) -> Weights:
            model = WAYS[kind](d_vocab, n_ctx)
            twist(model, kind)
            return model.weights

        step, step_said = STEPS[kind]
        build.__name__ = name
        build.__doc__ = sentence.format(
            side=side,
            other=other,
            step=step,
            step_said=step_said,
            roles=ROLES[kind],
            mixed=MIXED[kind],
            each=EACH[kind],
            instead=INSTEAD[kind],
        )
        return build

    def the_other_composition(d_vocab: int, n_ctx: int) -> Weights:
        return WAYS["Q" if kind == "K" else "K"](d_vocab, n_ctx).weights

    the_other_composition.__doc__ = (
        f"All predictions are right, but by the other kind of composition: this circuit works through layer 1's {other}, and it "
        f"is asked for through its {side}."
    )
    named = MISTAKES | MISTAKES_OF[kind]
    return (*(mistake(name, *how) for name, how in named.items()), the_other_composition)
