"""docs/coming_from.md: its blocks run, and every name in its tables and lists is there, or fails as the page says."""

import importlib
import re
from pathlib import Path

import pytest
import torch
from transformer_lens.utilities import get_act_name

from mi_tutor.models import load_model

PAGE = (Path(__file__).parents[1] / "docs" / "coming_from.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def model():
    return load_model("relu-1l-py", device="cpu")


@pytest.fixture(scope="module")
def cache(model):
    return model.run_with_cache(model.to_tokens("import os"))[1]


def rows(header):
    """The cells of the table with this head, without their backticks."""
    table = PAGE.split(f"| {header} |")[1].split("\n\n")[0]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def paragraph(words):
    """The names in backticks of the paragraph with these words."""
    [found] = [part for part in PAGE.split("\n\n") if words in part]
    return re.findall(r"`(\w+)`", found)


def test_its_blocks_run_one_after_the_other():
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    names = {}
    for block in blocks:
        exec(block, names)
    assert len(blocks) > 3
    assert not torch.equal(names["without_1_6"], names["logits"])


@pytest.mark.parametrize(("before", "now"), [row for row in rows("before | now") if "import" in row[0]])
def test_an_old_import_fails_or_is_the_same_and_the_new_one_works(before, now):
    if now == "the same":
        exec(before)
        return
    with pytest.raises(ImportError):
        exec(before)
    exec(now)


@pytest.mark.parametrize(("short", "name", "shape"), rows("short | name of the hook | shape"))
def test_every_hook_is_there_with_its_name_and_shape(short, name, shape, model, cache):
    layer = 0 if name.startswith("blocks") else None
    assert get_act_name(short, layer) == name
    value = cache[short, 0] if layer == 0 else cache[short]
    assert torch.equal(value, cache[name])
    tokens, cfg = cache["pattern", 0].shape[-1], model.cfg
    size = {"batch": 1, "position": tokens, "query": tokens, "key": tokens, "head": cfg.n_heads, "1": 1}
    size |= {"d_model": cfg.d_model, "d_head": cfg.d_head, "d_mlp": cfg.d_mlp}
    assert list(value.shape) == [size[axis] for axis in shape.split(", ")]


def test_what_is_said_to_be_where_it_was_is(model, cache):
    for name in paragraph("`all_composition_scores` are where"):
        assert hasattr(model, name) or name in ("load_model", "TransformerBridge"), name
    for name in set(paragraph("The cache does what it did")) - {"use_attn_result", "hook_z", "W_O", "hook_result"}:
        assert hasattr(cache, name), name
    for module in ("head_detector", "patching"):
        assert importlib.import_module(f"transformer_lens.{module}")
    for tool in ("attribution_patching", "direct_path_patching", "logit_lens", "sparse_probing"):
        assert importlib.import_module(f"transformer_lens.tools.analysis.{tool}")


def test_what_surprises_is_so(model, tmp_path):
    """Of a model of the hub the scores are scores; those that share keys have fewer of them; the course's refuse results."""
    from transformers import LlamaConfig, LlamaForCausalLM

    with pytest.raises(NotImplementedError):
        model.set_use_attn_result(True)
    sizes = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 2048}
    config = LlamaConfig(**sizes, num_attention_heads=6, num_key_value_heads=2, bos_token_id=0, eos_token_id=0)
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    theirs = load_model(str(tmp_path), "cpu")
    ids = theirs.to_tokens("import os")
    logits, cache = theirs.run_with_cache(ids)
    name = "blocks.0.attn.hook_attn_scores"
    assert not torch.equal(cache[name], cache["pattern", 0])
    flat = theirs.run_with_hooks(ids, fwd_hooks=[(name, lambda value, hook: torch.zeros_like(value))])
    assert not torch.equal(flat, logits)
    assert (theirs.W_Q.shape[1], theirs.W_K.shape[1], theirs.W_V.shape[1], theirs.W_O.shape[1]) == (6, 2, 2, 6)
    assert (cache["q", 0].shape[2], cache["k", 0].shape[2], cache["z", 0].shape[2]) == (6, 2, 6)
    assert "hook_pos_embed" not in cache
    for missing in ("W_pos", "b_O"):
        with pytest.raises(AttributeError):
            getattr(theirs, missing)
