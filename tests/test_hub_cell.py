"""The cell of chapter 03 that runs the same experiment on a model of the hub."""

import contextlib
import io
from pathlib import Path

import nbformat
import pytest
import torch
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.models import load_model
from mi_tutor.models.zoo import UnknownModelError

CHAPTER = Path(__file__).parents[1] / "chapters" / "03_induction_heads.ipynb"


@pytest.fixture(scope="module")
def model():
    return load_model("attn-2l-py", device="cpu")


def hub_cell(load):
    """What the chapter's cell for a hub model prints and shows, when `load` is what loads models."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    imports = next(c.source for c in cells if "from mi_tutor.figures.edges" in c.source)
    cell = next(c.source for c in cells if "HUB_MODEL =" in c.source)
    names = {name: getattr(ch03, name) for name in dir(ch03)}
    exec(imports, names)
    names |= {"needs": lambda *functions: contextlib.nullcontext(), "load_model": load, "PERIOD": 25}
    names["device"] = torch.device("cpu")
    said = io.StringIO()
    with contextlib.redirect_stdout(said), torch.no_grad():
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
    assert "without 1.6: first copy " in said
    assert ", second +" in said
    assert "largest is at row layer 1, column head 6" in figure.text.replace("\N{NO-BREAK SPACE}", " ")
