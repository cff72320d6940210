"""Evidence for an induction circuit: each measurement against another route to it, and what the shipped models show."""

import math

import pytest
import torch

from mi_tutor.check.small_model import small_model
from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.figures.heads import head_scores, random_repeats
from mi_tutor.figures.induction import (
    Pair,
    code_repeats,
    copy_loss,
    cut_path,
    find_pair,
    in_context_score,
    k_composition,
    k_composition_of_random_weights,
    model_copy_loss,
)
from mi_tutor.models import cards
from mi_tutor.models.build import parameters_of
from mi_tutor.models.zoo import ASSETS, checkpoint_steps, load_model, training_curves


def value_of(name: str) -> dict[str, float]:
    card = cards.read_card(name, ASSETS)
    assert card is not None
    return {key: entry["value"] for key, entry in card["figures"].items()}


def test_the_two_layer_model_has_an_induction_circuit() -> None:
    card = value_of("attn-2l-py")
    assert card["its_prefix_matching_score"] >= 0.4
    assert card["next_prefix_matching_score"] < 0.1
    assert card["best_previous_token_score"] >= 0.6
    assert card["k_composition"] >= 2.5 * card["k_composition_random"]
    assert card["cut_from_keys_code"] >= 1
    assert card["cut_from_queries_code"] < 0.1
    # On random tokens, which it was not trained on, the queries read a little there; the keys far more.
    assert card["cut_from_keys"] >= 15 * card["cut_from_queries"]
    assert card["second_copy_loss_code"] <= card["first_copy_loss_code"] - 0.6


def test_its_control_with_one_layer_has_none() -> None:
    control, other = value_of("attn-1l-py"), value_of("attn-2l-py")
    assert control["best_prefix_matching_score"] < 0.1
    gap = {
        name: card["first_copy_loss_code"] - card["second_copy_loss_code"]
        for name, card in (("1", control), ("2", other))
    }
    assert gap["1"] < 0.5 * gap["2"]
    assert control["train_tokens"] == other["train_tokens"]


def test_checkpoints_lie_before_inside_and_after_the_change() -> None:
    """Before: under a tenth of the rise in prefix matching; after: over nine tenths of it."""
    curves = training_curves("attn-2l-py")
    score = dict(zip(curves["step"], curves["best_prefix_matching_score"], strict=True))
    shipped = checkpoint_steps("attn-2l-py")
    assert len(shipped) >= 16
    assert set(shipped) <= set(score)
    low, high = min(score.values()), max(score.values())
    risen = [(score[step] - low) / (high - low) for step in shipped]
    assert sum(share < 0.1 for share in risen) >= 4
    assert sum(0.1 <= share <= 0.9 for share in risen) >= 4
    assert sum(share > 0.9 for share in risen) >= 4
    assert len({len(column) for column in curves.values()}) == 1
    assert max(b - a for a, b in zip(curves["step"], curves["step"][1:], strict=False)) <= 100


def test_the_curves_of_shipped_checkpoints_are_those_on_the_card() -> None:
    curves, card = training_curves("attn-2l-py"), cards.read_card("attn-2l-py", ASSETS)
    assert card is not None
    for figure in ("checkpoints", "checkpoints_on_code"):
        for step, values in card["figures"][figure]["value"].items():
            row = curves["step"].index(int(step))
            for name, value in values.items():
                assert curves[name][row] == pytest.approx(value, abs=0.03), (step, name)


def test_k_composition_is_transformer_lenss() -> None:
    model = load_model("attn-2l-py", "cpu")
    scores = model.all_composition_scores("K")
    for pair in (Pair(0, 0), Pair(2, 6), Pair(7, 1)):
        assert k_composition(model, pair) == pytest.approx(scores[0, pair.early, 1, pair.late].item(), abs=1e-4)
    # For normal random weights, one over the square root of the dimensions that are summed over.
    assert k_composition_of_random_weights(model) == pytest.approx(model.cfg.d_model**-0.5, rel=0.05)


def test_cutting_a_path_that_carries_nothing_changes_nothing_and_a_model_stays_as_it_was() -> None:
    model = small_model(3, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    tokens = random_repeats(period=10, sequences=4)
    before = model(tokens)
    with torch.no_grad():
        changed = cut_path(model, Pair(1, 2), tokens, "k")
        assert changed.added_loss != 0
        output = parameters_of(model)["layers.0.attn.o.weight"]  # model.W_O is a copy
        kept, of_head = output.clone(), slice(model.cfg.d_head, 2 * model.cfg.d_head)
        output[:, of_head] = 0.0
        for reader in ("k", "q"):
            assert cut_path(model, Pair(1, 2), tokens, reader).added_loss == pytest.approx(0, abs=1e-5)
        output.copy_(kept)
    assert torch.equal(model(tokens), before)


def test_both_copies_are_judged_on_the_same_targets() -> None:
    tokens = code_repeats(torch.arange(1, 500), period=6, sequences=3)
    assert tokens.shape == (3, 13)
    assert (tokens[:, 0] == BOS_ID).all()
    assert torch.equal(tokens[:, 1:7], tokens[:, 7:])
    logits = torch.zeros(3, 13, 500)
    right = torch.nn.functional.one_hot(tokens[:, 1:], 500).float() * 50
    assert copy_loss(logits, tokens) == pytest.approx((math.log(500), math.log(500)), rel=1e-5)
    logits[:, 7:12] = right[:, 7:12]  # the second copy, but for its first token, is predicted
    first, second = copy_loss(logits, tokens)
    assert first == pytest.approx(math.log(500), rel=1e-5)
    assert second == pytest.approx(0, abs=1e-5)


def test_blocks_that_would_hold_bos_are_left_out() -> None:
    text = torch.arange(1, 61)
    text[25] = BOS_ID
    assert len(code_repeats(text, period=10, sequences=10)) == 5


def test_the_measurements_run_on_a_model_of_one_layer_but_it_has_no_pair() -> None:
    model = load_model("attn-1l-py", "cpu")
    text = torch.randint(1, 2048, (20_000,), generator=torch.Generator().manual_seed(0))
    assert abs(in_context_score(model, text)) < 1
    assert model_copy_loss(model, random_repeats(sequences=4)).second > 0
    assert head_scores(model).prefix_matching.shape == (1, 8)
    with pytest.raises(ValueError, match="two layers"):
        find_pair(model)
