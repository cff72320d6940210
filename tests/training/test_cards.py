"""Cards: what ships verifies, what was tampered with does not, and a tiny recipe goes all the way to a card."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mi_tutor.corpus.source import CorpusError
from mi_tutor.figures import card_figures as figures
from mi_tutor.figures import verify as verifying
from mi_tutor.models import cards, recipes, sae_recipes
from mi_tutor.models.zoo import ASSETS, WEIGHTS_FILE, UnknownModelError, checkpoint_steps, load_model
from mi_tutor.training.command import run_models

pytestmark = pytest.mark.when_touched("mi_tutor.training.command", "mi_tutor.assets")

NAME = "zero-layer-py"


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ASSETS, tmp_path / "assets"))


def edit_card(assets: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    path = assets / NAME / cards.CARD_FILE
    card = json.loads(path.read_text())
    change(card)
    path.write_text(json.dumps(card))


def test_what_was_trained_on_the_library_alone_verifies(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_models(NAME, verify=True, train=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(figures.FIGURES[NAME])
    assert not any("OFF" in line for line in lines)


@pytest.mark.parametrize("name", [*recipes.RECIPES, *sae_recipes.SAE_RECIPES])
def test_the_figures_of_the_shipped_files_verify(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> str:
        raise CorpusError("left out: the long tier reads the whole corpus")

    monkeypatch.setattr(verifying, "corpus_hash", absent)
    assert run_models(name, verify=True, train=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(figures.FIGURES[name])
    of_files = [key for key, figure in figures.FIGURES[name].items() if figure.of == "files"]
    assert sum("as on the card" in line for line in lines) == len(of_files) >= 2


@pytest.mark.slow
def test_everything_that_ships_verifies_on_the_whole_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_models(None, verify=True, train=False) == 0
    assert "OFF" not in capsys.readouterr().out


def test_the_model_lies_between_unigram_and_trigram_on_held_out_text() -> None:
    card = cards.read_card(NAME, ASSETS)
    assert card is not None
    value = {key: entry["value"] for key, entry in card["figures"].items()}
    assert value["heldout_loss_trigram"] < value["heldout_loss"] < value["heldout_loss_unigram"]
    # Beside the smoothed bigram, on either side of it: 256 dimensions for 2,048 tokens are a smoothing of their own.
    assert abs(value["heldout_loss"] - value["heldout_loss_bigram"]) < 0.1
    assert value["kl_to_training_bigrams"] < 0.05


def test_the_models_with_neurons_beat_the_trigram_and_attention_alone() -> None:
    def losses(name: str) -> dict[str, float]:
        card = cards.read_card(name, ASSETS)
        assert card is not None
        return {key: entry["value"] for key, entry in card["figures"].items() if key.startswith("heldout_loss")}

    for name in ("relu-1l-py", "relu-1l-py-seed-1"):
        found = losses(name)
        assert found["heldout_loss"] < losses("attn-1l-py")["heldout_loss"] < found["heldout_loss_trigram"]


def test_a_perturbed_weight_is_found(assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = assets / NAME / WEIGHTS_FILE
    weights = load_file(path)
    weights["head.weight"][300] += 1.0
    save_file(weights, path)
    assert run_models(NAME, verify=True, train=False, assets=assets) == 1
    off = [line for line in capsys.readouterr().out.splitlines() if "OFF" in line]
    assert any("kl_to_training_bigrams" in line for line in off)
    assert any("weights_sha256" in line for line in off)


def test_a_typed_figure_is_found(assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit_card(assets, lambda card: card["figures"]["kl_to_training_bigrams"].update(value=0.001))
    assert run_models(NAME, verify=True, train=False, assets=assets) == 1
    (off,) = (line for line in capsys.readouterr().out.splitlines() if "OFF" in line)
    assert "0.001 on the card" in off


@pytest.mark.parametrize("change", ["missing", "unknown", "no card"])
def test_a_missing_figure_an_unknown_one_and_a_missing_card_are_found(change: str, assets: Path) -> None:
    if change == "missing":
        edit_card(assets, lambda card: card["figures"].pop("parameters"))
    elif change == "unknown":
        edit_card(assets, lambda card: card["figures"].update(charm={"value": 1}))
    else:
        (assets / NAME / cards.CARD_FILE).unlink()
    assert run_models(NAME, verify=True, train=False, assets=assets) == 1


def test_on_another_corpus_its_figures_are_shown_beside_the_cards(
    assets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def of_another_python(card: dict[str, Any]) -> None:
        card["corpus"]["hash"] = "0" * 32
        card["figures"]["heldout_loss"]["value"] = 9.0

    edit_card(assets, of_another_python)
    assert run_models(NAME, verify=True, train=False, assets=assets) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "heldout_loss:" in line)
    assert "the card, on another, has 9.0" in line


def test_without_a_corpus_the_figures_of_the_files_are_still_verified(
    assets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> str:
        raise CorpusError("this Python came zipped")

    monkeypatch.setattr(verifying, "corpus_hash", absent)
    assert run_models(NAME, verify=True, train=False, assets=assets) == 0
    assert "heldout_loss: not computed: this Python came zipped" in capsys.readouterr().out


def test_cards_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_models(None, verify=False, train=False) == 0
    assert NAME in capsys.readouterr().out


def test_a_card_shows_its_checkpoints_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_models("attn-2l-py", verify=False, train=False) == 0
    lines = capsys.readouterr().out.splitlines()
    for step in checkpoint_steps("attn-2l-py"):
        assert sum(line.startswith(f"│ {step} ") for line in lines) == 1


def test_an_unknown_name_is_refused_with_the_names_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_models("gpt2", verify=True, train=True) == 2
    assert NAME in capsys.readouterr().err


@pytest.fixture
def brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to train into, and a recipe that takes a second."""
    whole = recipes.RECIPES[NAME]
    small = {**whole.architecture, "d_model": 8, "d_head": 8}
    recipe = replace(whole, architecture=small, tokens=2_000, context=32, batch=8, checkpoint_steps=(0, 2, 4))
    monkeypatch.setitem(recipes.RECIPES, NAME, replace(recipe, shipped_checkpoints=(0, 4)))
    return tmp_path


def test_a_recipe_becomes_weights_counts_and_a_card_that_verifies(
    brief: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assets, runs = brief / "assets", brief / "runs"
    assert run_models(NAME, verify=True, train=True, assets=assets, runs=runs) == 0
    assert "OFF" not in capsys.readouterr().out
    assert load_model(NAME, "cpu", assets).W_E.shape == (2048, 8)
    assert {path.name for path in (assets / NAME / "checkpoints").iterdir()} == {
        "checkpoint-0.safetensors",
        "checkpoint-4.safetensors",
    }
    assert checkpoint_steps(NAME, assets) == (0, 4)
    assert load_model(NAME, "cpu", assets, checkpoint=4).W_E.shape == (2048, 8)
    with pytest.raises(UnknownModelError, match="no checkpoint after 3 steps; there are: 0, 4"):
        load_model(NAME, "cpu", assets, checkpoint=3)
    assert all(tensor.dtype == torch.float16 for tensor in load_file(assets / NAME / WEIGHTS_FILE).values())


def test_every_recipe_has_figures() -> None:
    assert figures.FIGURES.keys() == recipes.RECIPES.keys() | sae_recipes.SAE_RECIPES.keys()
    for name, recipe in {**recipes.RECIPES, **sae_recipes.SAE_RECIPES}.items():
        assert recipe.name == name


@pytest.mark.parametrize("change", ["truncated", "of another version", "of no version", "a list"])
def test_a_card_that_cannot_be_read_is_named(change: str, assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = assets / NAME / cards.CARD_FILE
    if change == "truncated":
        path.write_text(path.read_text()[:200])
    elif change == "a list":
        path.write_text("[]")
    else:
        edit_card(assets, lambda card: card.update(format=1) if change == "of another version" else card.pop("format"))
    for verify in (True, False):
        assert run_models(NAME, verify=verify, train=False, assets=assets) == 1
        said = capsys.readouterr().err
        assert str(path) in said
        assert "install mi-tutor again" in said


def test_damaged_weights_are_named(assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = assets / NAME / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:1000])
    assert run_models(NAME, verify=True, train=False, assets=assets) == 1
    assert f"{path} cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("trouble", ["no room", "interrupted"])
def test_a_training_that_cannot_go_on_says_so_and_goes_on_later(
    trouble: str, brief: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assets, runs = brief / "assets", brief / "runs"

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device") if trouble == "no room" else KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mi_tutor.files.safe_write.os.fsync", fail)
        assert run_models(NAME, verify=False, train=True, assets=assets, runs=runs) == (
            1 if trouble == "no room" else 130
        )
    said = capsys.readouterr().err
    assert ("make room, then repeat the command" if trouble == "no room" else "The same command goes on") in said
    assert not list((assets / NAME).glob("*")) if (assets / NAME).exists() else True
    assert not list(brief.rglob("*.partial"))
    assert run_models(NAME, verify=True, train=True, assets=assets, runs=runs) == 0
