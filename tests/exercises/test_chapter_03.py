"""Chapter 03 beside what others compute: TransformerLens's scores, the model's card, and its cell for a hub model."""

import contextlib
import io
from pathlib import Path

import nbformat
import pytest
import torch
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.check.small_model import small_model
from mi_tutor.figures.heads import head_scores, random_repeats
from mi_tutor.figures.induction import find_pair, k_composition
from mi_tutor.models import load_model
from mi_tutor.models.zoo import UnknownModelError
from mi_tutor.views import heatmap

CHAPTER = Path(__file__).parents[2] / "chapters" / "03_induction_heads.ipynb"


@pytest.fixture(scope="module")
def model():
    return load_model("attn-2l-py", device="cpu")


@pytest.mark.parametrize("kind", "QKV")
def test_composition_scores_are_those_of_transformer_lens(kind, model):
    for one in (model, small_model(3, n_heads=3, d_head=4)):
        theirs = one.all_composition_scores(kind)[0, :, 1, :].T
        assert torch.allclose(ch03.composition_scores(one, kind), theirs, atol=1e-6)


def test_scores_agree_with_the_models_card(model):
    tokens, card = random_repeats(25, 64), head_scores(model)
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    for layer in range(2):
        pattern = cache["pattern", layer].detach()
        assert torch.allclose(ch03.prefix_matching_score(pattern, 25), card.prefix_matching[layer], atol=1e-6)
        assert torch.allclose(ch03.previous_token_score(pattern), card.previous_token[layer], atol=1e-6)
    pair = find_pair(model)
    assert float(ch03.composition_scores(model, "K")[pair.late, pair.early]) == pytest.approx(
        k_composition(model, pair), rel=1e-5
    )


def test_ablation_singles_out_the_pair(model):
    effects = ch03.ablation_effects(model, random_repeats(25, 8), 25)
    pair = find_pair(model)
    first, second = effects.flatten().topk(3).values[1:]
    assert {(0, pair.early), (1, pair.late)} == {divmod(int(i), 8) for i in effects.flatten().topk(2).indices}
    assert first > 4 * second


def hub_cell(load):
    """What the chapter's cell for a hub model prints and shows, when `load` is what loads models."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    tools = next(c.source for c in cells if "def head_table(" in c.source)
    cell = next(c.source for c in cells if "HUB_MODEL =" in c.source)
    losses = next(c.source for c in cells if "def losses(" in c.source)
    names = {name: getattr(ch03, name) for name in dir(ch03)} | {
        "heatmap": heatmap,
        "UnknownModelError": UnknownModelError,
    }
    names |= {"needs": lambda *functions: contextlib.nullcontext(), "load_model": load, "PERIOD": 25}
    names["device"] = torch.device("cpu")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), torch.no_grad():
        for source in (losses, tools):
            exec(source.split("figure = None")[0], names)  # only what it defines
        exec(cell.rsplit("\n", 1)[0], names)
    return said.getvalue(), names["figure"]


def test_without_a_network_the_hub_cell_says_one_sentence():
    def unreachable(name, device=None):
        raise UnknownModelError("The model hub cannot be reached from here.")

    said, figure = hub_cell(unreachable)
    assert said == "Skipped: The model hub cannot be reached from here.\n"
    assert figure is None


def test_with_a_model_the_hub_cell_finds_its_heads(model):
    said, figure = hub_cell(lambda name, device=None: model)
    assert "prefix matching: 1.6: 0.5" in said
    assert "previous token:  0.2: 0.8" in said
    assert "second copy without 1.6: +" in said
    assert "largest is at row layer 1, column head 6" in figure.text.replace("\N{NO-BREAK SPACE}", " ")
