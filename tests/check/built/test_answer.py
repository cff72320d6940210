"""Models built by hand are judged by what they do: in any basis, on other weights with the same mistake, path by path."""

import pytest
import torch

from mi_tutor import check
from mi_tutor.check.built.answer import MOST_ENTRIES, built_model, shape_problem
from mi_tutor.check.built.run import repeated_blocks, run_built
from mi_tutor.check.compare import plain
from mi_tutor.check.exercise import find_exercise
from mi_tutor.check.report import written
from mi_tutor.exercises.ch03_induction_heads._wiring import WAYS

pytestmark = pytest.mark.when_touched(
    "mi_tutor.check.built.answer",
    "mi_tutor.check.judge",
    "mi_tutor.exercises.ch03_induction_heads.build_induction_head",
)

CPU = torch.device("cpu")
KEYS, POINTER = find_exercise("build_induction_head"), find_exercise("build_pointer_head")


def mistake(exercise, name):
    return next(m.function for m in exercise.misconceptions if m.name == name)


def turned(build):
    """The same model in another basis of the stream, and with other scales inside its heads."""

    def other(d_vocab, n_ctx):
        weights = build(d_vocab, n_ctx)
        d_model = weights["W_E"].shape[1]
        R = torch.linalg.qr(torch.randn(d_model, d_model, generator=torch.Generator().manual_seed(3))).Q
        changed = {"W_E": weights["W_E"] @ R, "W_pos": weights["W_pos"] @ R, "W_U": R.T @ weights["W_U"]}
        changed |= {"W_Q": R.T @ weights["W_Q"] * 2, "W_K": R.T @ weights["W_K"] / 2}
        return changed | {"W_V": R.T @ weights["W_V"] * 3, "W_O": weights["W_O"] @ R / 3}

    return other


@pytest.mark.parametrize("exercise", [KEYS, POINTER], ids=["keys", "pointer"])
@pytest.mark.parametrize(
    "name",
    [
        "composition_in_the_weights_only",
        "layer_0_is_not_read",
        "repeats_the_current_token",
        "copies_the_most_frequent",
        "one_period_only",
        "answers_from_the_current_token",
        "bos_taken_for_0",
        "the_other_composition",
    ],
)
def test_a_mistake_is_named_whatever_weights_make_it(exercise, name):
    report = check(turned(mistake(exercise, name)), exercise.name)
    assert report.mistake == name, report
    assert report.points == 0


def twisted(kind, twist):
    """A right model of 11 ids and 21 positions after a change to it."""
    model = WAYS[kind](11, 21)
    twist(model, model.weights, model.parts)
    return model.weights


def judged(kind, weights):
    return built_model(kind)({"d_vocab": 11, "n_ctx": 21}, {}, weights)


def faint(*layers):
    def twist(model, weights, parts):
        weights["W_Q"][list(layers)] /= model.sharp

    return twist


def zeroed(name):
    def twist(model, weights, parts):
        weights[name][1] = 0

    return twist


def swapped(layer):
    def twist(model, weights, parts):
        W_Q, W_K = weights["W_Q"], weights["W_K"]
        W_Q[layer], W_K[layer] = W_K[layer].clone(), W_Q[layer].clone()

    return twist


def unembeds_the_token(model, weights, parts):
    weights["W_U"].zero_()
    model.unembed("token", 1.0)


def rolled(by):
    def twist(model, weights, parts):
        weights["W_O"][0, 0, :21, parts["pointer"]] = torch.eye(21).roll(by, 1)

    return twist


def written_into(part, reader, gain, shift=0):
    """Layer 0 writes into a part that is taken, and layer 1 reads it there."""

    def twist(model, weights, parts):
        weights["W_O"][0], weights[reader][1] = 0, 0
        model.wire("W_O", 0, part, 1.0, shift=shift)
        model.wire(reader, 1, part, gain * model.sharp if reader == "W_Q" else gain)

    return twist


def read_as_well(name, part, gain):
    def twist(model, weights, parts):
        model.wire(name, 1, part, gain * (model.sharp if name == "W_Q" else 1.0))

    return twist


def no_room_beyond(size):
    def twist(model, weights, parts):
        for name in ("W_Q", "W_K", "W_V"):
            weights[name] = weights[name][..., :size]
        weights["W_O"] = weights["W_O"][:, :, :size]

    return twist


def flipped(model, weights, parts):
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        weights[name] = weights[name].flip(0)


def tokens_in_the_part_of_positions(model, weights, parts):
    first = parts["position"].start
    shared = slice(first, first + 11)
    for rows in (weights["W_E"].T, *(weights[name][layer, 0] for name in ("W_Q", "W_K", "W_V") for layer in (0, 1))):
        rows[shared] += rows[parts["token"]]
        rows[parts["token"]] = 0


def handing_on(*others):
    """Layer 0's values read other parts, through the same dimensions of the head."""

    def twist(model, weights, parts):
        weights["W_V"][0] = 0
        for part in others:
            model.wire("W_V", 0, part, 1.0)

    return twist


def looking(query, key, shift=0):
    """Layer 0's queries and keys read other parts."""

    def twist(model, weights, parts):
        weights["W_Q"][0], weights["W_K"][0] = 0, 0
        model.wire("W_Q", 0, query, model.sharp, shift=shift)
        model.wire("W_K", 0, key, 1.0)

    return twist


def reads_instead(name, part):
    def twist(model, weights, parts):
        weights[name][1] = 0
        model.wire(name, 1, part, model.sharp if name == "W_Q" else 1.0)

    return twist


def previous_token_head_unshifted(model, weights, parts):
    looking("position", "position", shift=-1)(model, weights, parts)
    model.wire("W_O", 0, "pointer", 1.0)


def straight_out(model, weights, parts):
    weights["W_O"][0] = 0
    model.wire("W_O", 0, "out", 1.0)


def read_out_as_well(model, weights, parts):
    """Layer 1 reads nothing of layer 0's note, and W_U does."""
    weights["W_K"][1] = 0
    weights["W_U"][parts["before"]] = torch.eye(11)


def in_another_basis(weights):
    return turned(lambda d_vocab, n_ctx: weights)(11, 21)


TWISTS = [
    ("Q", "shift_wraps_round", rolled(1)),
    ("Q", "shifted_the_other_way", rolled(-1)),
    *((kind, "found_but_not_said", zeroed(name)) for kind in "KQ" for name in ("W_O", "W_V")),
    *((kind, "found_but_not_said", unembeds_the_token) for kind in "KQ"),
    *((kind, "too_soft_in_layer_0", faint(0)) for kind in "KQ"),
    *((kind, "too_soft_in_layer_1", faint(1)) for kind in "KQ"),
    *((kind, "too_soft", faint(0, 1)) for kind in "KQ"),
    *((kind, "queries_and_keys_exchanged", swapped(1)) for kind in "KQ"),
    ("K", "layer_0_looks_ahead", swapped(0)),
    ("K", "parts_mixed", written_into("token", "W_K", 1.0)),
    ("K", "parts_mixed", read_as_well("W_K", "token", 1.0)),
    ("Q", "parts_mixed", written_into("position", "W_Q", 1.0, shift=1)),
    ("Q", "parts_mixed", read_as_well("W_Q", "position", 1.0)),
    ("K", "right_place_wrong_token", read_as_well("W_V", "before", 2.0)),
    ("K", "copies_the_most_frequent", zeroed("W_Q")),
    ("Q", "copies_the_most_frequent", zeroed("W_K")),
    *((kind, "d_head_too_small", no_room_beyond(size)) for kind in "KQ" for size in (6, 9, 10)),
    *((kind, "layers_exchanged", flipped) for kind in "KQ"),
    *((kind, "token_and_position_read_together", tokens_in_the_part_of_positions) for kind in "KQ"),
    ("K", "token_and_position_read_together", read_as_well("W_Q", "position", 1.0)),
    ("Q", "token_and_position_read_together", read_as_well("W_K", "token", 1.0)),
    ("K", "layer_0_looks_by_token", looking("token", "token")),
    ("Q", "layer_0_looks_by_position", looking("position", "position", shift=-1)),
    ("Q", "layer_0_looks_by_position", looking("position", "position", shift=-4)),
    ("K", "layer_0_values_read_the_position", handing_on("position")),
    ("Q", "layer_0_values_read_the_token", handing_on("token")),
    *((kind, "layer_0_writes_to_the_output", straight_out) for kind in "KQ"),
    ("K", "layer_0_writes_to_the_output", read_out_as_well),
    ("K", "both_sides_read_the_note", reads_instead("W_Q", "before")),
    ("Q", "both_sides_read_the_note", reads_instead("W_K", "pointer")),
    ("Q", "layer_0_looks_by_position", previous_token_head_unshifted),
]


@pytest.mark.parametrize(("kind", "name", "twist"), TWISTS, ids=[f"{k}-{n}-{i}" for i, (k, n, _) in enumerate(TWISTS)])
def test_a_twist_is_named_in_any_basis(kind, name, twist):
    weights = twisted(kind, twist)
    assert judged(kind, weights).kind == name
    assert judged(kind, in_another_basis(weights)).kind == name


@pytest.mark.parametrize("kind", "KQ")
@pytest.mark.parametrize("layers", [(0,), (1,), (0, 1)])
def test_what_is_called_too_soft_works_once_it_is_scaled_up(kind, layers):
    weights = twisted(kind, faint(*layers))
    assert judged(kind, weights).kind.startswith("too_soft")
    weights["W_Q"][list(layers)] *= 30 * weights["W_Q"].shape[-1] ** 0.5
    assert judged(kind, weights) is None


def test_soft_attention_is_not_blamed_where_scaling_up_does_not_mend_it():
    def both(model, weights, parts):
        faint(0, 1)(model, weights, parts)
        model.wire("W_O", 0, "pointer", 1.0)

    assert not judged("Q", twisted("Q", both)).kind.startswith("too_soft")


def test_what_has_no_name_is_told_which_half_to_look_at():
    def nowhere(model, weights, parts):
        """Layer 1 asks for the token that has the next id."""
        model.wire("W_Q", 1, "token", model.sharp, shift=1)
        weights["W_Q"][1, 0, parts["token"].stop - 1, 0] = model.sharp

    def unsaid(model, weights, parts):
        nowhere(model, weights, parts)
        weights["W_U"][:] = weights["W_U"].roll(3, 1)

    for twist, said in (
        (nowhere, "here at position 2, every prediction would be right; it looks at position 0"),
        (unsaid, "Begin with the way out"),
    ):
        problem = judged("K", twisted("K", twist))
        assert problem.kind == "prediction"
        assert said in problem.sentence


def test_a_tie_that_rounding_breaks_is_a_tie():
    weights = in_another_basis(twisted("K", lambda model, weights, parts: model.unembed("token", 1.0)))
    assert judged("K", weights).kind == "tie_at_the_top"


def test_the_largest_logit_that_is_not_alone_is_said_in_a_sentence_of_its_own():
    problem = judged("Q", twisted("Q", lambda model, weights, parts: model.unembed("token", 1.0)))
    assert problem.kind == "tie_at_the_top"
    assert "comes next; its logit is the largest, but not alone: another token's is as large." in problem.sentence


@pytest.mark.parametrize("exercise", [KEYS, POINTER], ids=["keys", "pointer"])
def test_either_kind_passes_as_itself_and_not_as_the_other(exercise):
    other, way = (POINTER, "K") if exercise is KEYS else (KEYS, "Q")
    build = turned(lambda d_vocab, n_ctx: WAYS[way](d_vocab, n_ctx).weights)
    assert check(build, exercise.name).passed
    assert check(build, other.name).mistake == "the_other_composition"


def test_the_reference_is_right_at_every_period_of_a_large_size():
    weights = KEYS.reference(60, 121)
    source = torch.Generator().manual_seed(0)
    for period in range(1, 60):
        order = torch.randperm(60, generator=source)
        tokens = torch.cat([order[-1:], order[:period], order[:period]])[None]
        said = run_built(weights, tokens)[""].logits[0, 1 + period :].argmax(-1)
        assert torch.equal(said, tokens[0, 2 : 2 + period])


def test_cutting_layer_0_from_the_keys_breaks_the_one_and_not_the_other():
    tokens = torch.tensor([[0, *range(1, 11), *range(1, 11)]])
    for exercise, broken, whole in ((KEYS, "K", "Q"), (POINTER, "Q", "K")):
        runs = run_built(exercise.reference(11, 21), tokens)
        right = {
            cut: float((run.logits[0, 11:].argmax(-1) == tokens[0, 2:12]).float().mean()) for cut, run in runs.items()
        }
        assert right[""] == right[whole] == 1
        assert right[broken] <= 1 / 3


@pytest.mark.parametrize(("d_vocab", "n_ctx"), [(3, 3), (3, 256), (256, 3), (11, 21), (256, 256), (40, 17)])
def test_blocks_have_no_repeats_and_no_bos_and_fit(d_vocab, n_ctx):
    longest = min(d_vocab - 1, (n_ctx - 1) // 2)
    periods = []
    for tokens in repeated_blocks(d_vocab, n_ctx):
        period = (tokens.shape[1] - 1) // 2
        periods.append(period)
        assert {0, d_vocab - 1} <= set(tokens[:, 0].tolist())
        assert torch.equal(tokens[:, 1 : 1 + period], tokens[:, 1 + period :])
        assert all(len(set(row.tolist())) == 1 + period for row in tokens)
    assert {1, longest} <= set(periods)
    assert max(periods) == longest


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda w: None, "returned None"),
        (lambda w: list(w.values()), "returned a list"),
        (lambda w: {k: v for k, v in w.items() if k != "W_O"}, "lacks 'W_O'"),
        (lambda w: w | {"W_K": w["W_K"].double()}, "W_K: The dtype should be float32"),
        (lambda w: w | {"W_K": w["W_K"].tolist()}, "W_K: It should return a tensor"),
    ],
)
def test_what_is_no_dict_of_tensors_has_its_own_sentence(spoil, said):
    weights = KEYS.reference(4, 5)
    _, problem = plain(spoil(weights), weights, torch.float32, CPU)
    assert said in problem.sentence


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("W_pos", lambda v: v[:-1], "W_pos should be"),
        ("W_Q", lambda v: v[:, 0], "layer, head"),
        ("W_O", lambda v: v.mT, "W_O should be"),
        ("W_U", lambda v: v * float("nan"), "W_U holds NaN"),
        ("W_E", lambda v: torch.zeros(1).expand(MOST_ENTRIES + 1), "more than"),
    ],
)
def test_sizes_have_to_fit_together(name, change, said):
    weights = KEYS.reference(4, 5)
    assert shape_problem(weights, 4, 5) is None
    assert said in shape_problem(weights | {name: change(weights[name])}, 4, 5).sentence


def test_entries_nobody_asked_for_are_dropped_and_large_ones_are_shown_by_shape():
    weights = KEYS.reference(4, 5)
    value, problem = plain(weights | {"note": "mine"}, weights, torch.float32, CPU)
    assert problem is None
    assert value.keys() == weights.keys()
    assert "'W_E': <float32 tensor of shape [4, 17]>" in written(value)
