"""The last demonstration of each chapter, on a model that others trained: without one a sentence, with one what the chapter says."""

import ast
import contextlib
import importlib
import io
from pathlib import Path

import nbformat
import pytest
import torch

from mi_tutor.check.outline import chapters
from mi_tutor.models import corpus_tokens, load_model, load_tokenizer
from mi_tutor.models.zoo import UnknownModelError

CHAPTERS = Path(__file__).parents[1] / "chapters"
SMALL = ["attn-1l-py", "zero-layer-py", "attn-1l-py", "attn-2l-py", "relu-1l-py", "relu-1l-py"]
"""What each chapter has as its `model`; chapter 04 loads it in the cell."""
BEGINNING = "def get(self):\n    return self.items['name"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """As many layers, heads and shared keys as SmolLM2, small and with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("stranger")
    sizes = {"hidden_size": 36, "intermediate_size": 130, "num_hidden_layers": 30, "vocab_size": 2048}
    heads = {"num_attention_heads": 9, "num_key_value_heads": 3, "bos_token_id": 0, "eos_token_id": 0}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(**sizes, **heads, initializer_range=0.2, tie_word_embeddings=True)
        LlamaForCausalLM(config).save_pretrained(folder)
    load_tokenizer().save_pretrained(folder)
    return load_model(str(folder), "cpu")


def defines(node):
    """Whether a statement only imports, defines, or names what is written out: it runs without the demonstration around it."""
    if isinstance(node, ast.Assign):
        with contextlib.suppress(ValueError):
            ast.literal_eval(node.value)
            return True
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)


def last_demonstration(number, loaded, monkeypatch):
    """What the cell of a chapter prints and shows, when `loaded` is what there is in place of SmolLM2; None: nothing."""

    def load(name, device=None):
        if name in SMALL:
            return load_model(name, device)
        if loaded is None:
            raise UnknownModelError("It comes in a package. Run this.")
        return loaded

    monkeypatch.setattr("mi_tutor.models.zoo.load_model", load)
    cells = nbformat.read(CHAPTERS / chapters()[number].file, as_version=4).cells
    [cell] = [c.source for c in cells if "language_model(device" in c.source]
    solved = importlib.import_module(f"mi_tutor.solutions.{chapters()[number].module}")
    names = {name: getattr(solved, name) for name in dir(solved)} | {"torch": torch, "device": torch.device("cpu")}
    for source in (c.source for c in cells if c.cell_type == "code" and "nbgrader" not in c.metadata):
        for node in filter(defines, ast.parse(source).body):
            with contextlib.suppress(NameError):  # its defaults come from a demonstration
                exec(compile(ast.Module([node], []), "<chapter>", "exec"), names)
    names |= {"d_vocab": 2048, "beginning": BEGINNING}
    names |= {"needs": lambda *functions: contextlib.nullcontext(), "PERIOD": 25, "heldout": corpus_tokens("heldout")}
    names |= {"model": load_model(SMALL[number], "cpu"), "tokenizer": load_tokenizer(), "load_model": load_model}
    said = io.StringIO()
    with contextlib.redirect_stdout(said), torch.no_grad():
        if number == 3:
            draw = torch.Generator().manual_seed(0)
            names["random"] = solved.repeated_tokens(64, 25, 2048, 0, draw)
        exec(cell, names)
    return said.getvalue(), names.get("figure")


@pytest.mark.parametrize("number", range(6))
def test_without_the_model_the_cell_says_what_to_do_and_the_chapter_goes_on(number, monkeypatch):
    said, _ = last_demonstration(number, None, monkeypatch)
    assert said.count("Skipped: It comes in a package. Run this.\n") == 1


@pytest.mark.parametrize("number", range(6))
def test_with_a_model_of_its_architecture_the_cell_runs(number, stranger, monkeypatch):
    said, figure = last_demonstration(number, stranger, monkeypatch)
    assert "Skipped" not in said
    assert said.count("\n") > 2 or figure is not None
    assert "nan" not in f"{said} {getattr(figure, 'text', '')}"


def test_chapter_00_finds_its_own_head_again(monkeypatch):
    said, _ = last_demonstration(0, None, monkeypatch)
    assert "0.1 reads [', 100% of its attention; without it 0%" in said


def test_chapter_02s_attribution_names_the_heads_that_the_logits_owe_most(stranger, monkeypatch):
    said, figure = last_demonstration(2, stranger, monkeypatch)
    assert "30 rows (row) and 9 columns" in figure.text.replace("\N{NO-BREAK SPACE}", " ")
    assert said.count(", reads ") == 5


def test_chapter_03_finds_the_heads_of_a_model_in_which_they_are_known(monkeypatch):
    said, figure = last_demonstration(3, load_model("attn-2l-py", device="cpu"), monkeypatch)
    assert "prefix matching: 1.6: 0.5" in said
    assert "previous token:  0.2: 0.8" in said
    assert "second copy without 1.6: +" in said
    assert "second copy without 0.2: +" in said
    assert "largest is at row layer 1, column head 6" in figure.text.replace("\N{NO-BREAK SPACE}", " ")
