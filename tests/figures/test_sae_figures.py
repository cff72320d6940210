"""The measurements on the autoencoders' cards, on cases whose answer is known, and what the shipped ones show."""

import pytest
import torch

from mi_tutor.check.small_model import small_model
from mi_tutor.corpus.labels import LABELS
from mi_tutor.corpus.source import standard_library
from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.figures.sae_figures import always_true_f1, best_predictors, faithfulness, mlp_activations, probe_f1
from mi_tutor.figures.sae_labels import WINDOW, labelled_windows
from mi_tutor.models import cards
from mi_tutor.models.sae import Sae
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import ASSETS

HOOK = "blocks.0.mlp.hook_post"


def windows(d_vocab: int = 30) -> torch.Tensor:
    return torch.randint(1, d_vocab, (12, 20), generator=torch.Generator().manual_seed(0))


def test_a_perfect_autoencoder_recovers_everything_and_an_empty_one_nothing() -> None:
    model = small_model(2, n_layers=2, d_mlp=10, d_vocab=30, n_ctx=20)
    eye = torch.eye(10)
    perfect = Sae(eye, torch.zeros(10), eye, torch.zeros(10), "small", HOOK)
    found = faithfulness(model, perfect, windows())
    assert found.explained_variance == pytest.approx(1, abs=1e-5)
    assert found.loss_recovered == pytest.approx(1, abs=1e-4)
    x = mlp_activations(model, HOOK, windows())
    assert found.l0 == pytest.approx(float((x > 0).sum(1).float().mean()))
    assert found.dead_share == pytest.approx(float((x == 0).all(0).float().mean()))

    mean = Sae(torch.zeros(10, 10), torch.zeros(10), eye, x.mean(0), "small", HOOK)
    found = faithfulness(model, mean, windows())
    assert found.explained_variance == pytest.approx(0, abs=1e-5)
    assert found.loss_recovered == pytest.approx(0, abs=1e-4)
    assert (found.l0, found.dead_share) == (0, 1)

    nothing = Sae(torch.zeros(10, 10), torch.zeros(10), eye, torch.zeros(10), "small", HOOK)
    assert faithfulness(model, nothing, windows()).loss_recovered_from_zero == pytest.approx(0, abs=1e-4)


def test_predictor_and_threshold_are_chosen_on_one_split_and_scored_on_the_other() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.rand(4000, 2, generator=generator) < 0.3
    f = torch.rand(4000, 6, generator=generator)
    f[:, 3] = torch.where(labels[:, 0], 5.0, 1.0)  # tells label 0, above 20 % of its peak only
    f[:, 5] = labels[:, 1] * torch.rand(4000, generator=generator)  # tells label 1 wherever it is active
    f[2000:, 1] = labels[2000:, 0].float()  # perfect, but on the second split alone: must not be chosen
    predictor, f1 = best_predictors(f[:2000], labels[:2000], f[2000:], labels[2000:])
    assert predictor.tolist() == [3, 5]
    assert (f1 > 0.99).all()


def test_a_linear_probe_finds_what_no_single_neuron_tells() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(6000, 8, generator=generator)
    labels = (x.sum(1, keepdim=True) > 2).expand(-1, 1)
    probe = probe_f1(x[:3000], labels[:3000], x[3000:], labels[3000:])
    _, neuron = best_predictors(x[:3000], labels[:3000], x[3000:], labels[3000:])
    assert probe > 0.95 > 0.8 > neuron
    assert always_true_f1(torch.ones(10, 1, dtype=torch.bool)) == 1


def test_the_splits_share_no_file_and_every_row_begins_with_bos() -> None:
    one, other = labelled_windows(standard_library())
    rows = {tuple(row.tolist()) for row in one.tokens}
    assert not rows & {tuple(row.tolist()) for row in other.tokens}
    for split in (one, other):
        assert split.tokens.shape[1] == WINDOW
        assert split.labels.shape == (*split.tokens.shape, len(LABELS))
        assert (split.tokens[:, 0] == BOS_ID).all()
        assert not split.labels[:, 0].any()
        assert split.labels.any(1).any(0).all(), "a label that never occurs cannot be graded"


@pytest.mark.parametrize("name", SAE_RECIPES)
def test_what_ships_is_sparse_faithful_and_alive(name: str) -> None:
    card = cards.read_card(name, ASSETS)
    assert card is not None
    value = {key: entry["value"] for key, entry in card["figures"].items()}
    for seed in (f"seed {number}" for number in SAE_RECIPES[name].seeds):
        assert value["feature_f1"][seed].keys() == value["probe_f1"].keys() == set(LABELS)
        if not SAE_RECIPES[name].untrained:
            assert value["loss_recovered"][seed] >= 0.9
            assert value["l0"][seed] <= 20
            assert value["dead_share"][seed] < 0.05
