"""load_model: bundled models exactly as shipped and silently, others through the hub's format, and plain errors."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mi_tutor.models import checkpoint_steps, corpus_tokens, load_model, load_sae, load_tokenizer
from mi_tutor.models.build import parameters_of
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import ASSETS, UnknownModelError, bundled_models, bundled_weights

MODEL = load_model("zero-layer-py", "cpu")
TOKENS = corpus_tokens("heldout")[:600].reshape(3, 200)


@pytest.mark.parametrize("name", bundled_models())
def test_weights_in_memory_are_the_shipped_ones_in_float32(name: str) -> None:
    model, shipped = load_model(name, "cpu"), bundled_weights(name)
    loaded = parameters_of(model)
    assert loaded.keys() == shipped.keys()
    for key, parameter in loaded.items():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, shipped[key].float())
    assert not model.training


@pytest.mark.parametrize("name", bundled_models())
def test_every_checkpoint_opens_and_predicts(name: str) -> None:
    tokens = TOKENS[:1, :50]
    final = load_model(name, "cpu")(tokens)
    assert final.isfinite().all()
    for step in checkpoint_steps(name):
        model = load_model(name, "cpu", checkpoint=step)
        logits = model(tokens)
        assert logits.isfinite().all()
        assert not torch.equal(logits, final)
    with pytest.raises(UnknownModelError, match="no checkpoint after 3333 steps"):
        load_model(name, "cpu", checkpoint=3333)


@pytest.mark.parametrize(
    ("name", "seed"), [(name, seed) for name, recipe in SAE_RECIPES.items() for seed in recipe.seeds]
)
def test_every_autoencoder_opens_and_fits_its_model(name: str, seed: int) -> None:
    sae = load_sae(name, seed, "cpu")
    model = load_model(sae.model, "cpu", checkpoint=0 if SAE_RECIPES[name].untrained else None)
    assert sae.model == SAE_RECIPES[name].model
    _, cache = model.run_with_cache(TOKENS[:1, :50], names_filter=sae.hook_name)
    x = cache[sae.hook_name]
    assert sae.W_enc.shape == (x.shape[-1], SAE_RECIPES[name].expansion * x.shape[-1])
    assert sae.decode(sae.encode(x)).isfinite().all()


def test_everything_that_ships_is_under_80_megabytes() -> None:
    assert sum(file.stat().st_size for file in ASSETS.rglob("*") if file.is_file()) < 80e6


def test_only_what_recipes_make_ships() -> None:
    made = {"tokenizer", *bundled_models(), *SAE_RECIPES}
    assert {folder.name for folder in ASSETS.iterdir() if folder.is_dir() and folder.name != "__pycache__"} == made
    assert not list(ASSETS.rglob("*.partial"))


def test_zero_layer_logits_are_the_product_of_its_two_matrices() -> None:
    expected = MODEL.W_E[TOKENS] @ MODEL.W_U
    assert torch.allclose(MODEL(TOKENS), expected, atol=1e-4)
    assert not MODEL.b_U.any()
    assert len(parameters_of(MODEL)) == 2


def test_zero_layer_predictions_depend_on_the_current_token_alone() -> None:
    logits = MODEL(TOKENS)
    assert torch.allclose(MODEL(TOKENS[:, -1:])[:, 0], logits[:, -1], atol=1e-4)
    shuffled = TOKENS[:, torch.randperm(TOKENS.shape[1], generator=torch.Generator().manual_seed(0))]
    assert torch.allclose(MODEL(shuffled).sort(1).values, logits.sort(1).values, atol=1e-4)


def test_the_cache_holds_the_embedding_and_the_logits() -> None:
    logits, cache = MODEL.run_with_cache(TOKENS)
    assert torch.equal(cache["hook_embed"], MODEL.W_E[TOKENS])
    assert torch.allclose(cache["hook_embed"] @ MODEL.W_U, logits, atol=1e-4)


def test_a_text_gets_exactly_one_bos() -> None:
    plain = load_tokenizer().encode("import os")
    assert MODEL.to_tokens("import os").tolist() == [[0, *plain]]
    assert MODEL.to_tokens("import os", prepend_bos=False).tolist() == [plain]
    assert MODEL.to_str_tokens("import os") == ["<|bos|>", "import", " os"]
    assert MODEL.to_string(MODEL.to_tokens("import os")[0]) == "<|bos|>import os"
    assert MODEL.to_string(MODEL.to_tokens("import os", prepend_bos=False)[0]) == "import os"


def test_loading_prints_nothing_and_leaves_the_random_state() -> None:
    code = (
        "import torch\n"
        "torch.manual_seed(1)\n"
        "from mi_tutor.models import load_model\n"
        "model = load_model('zero-layer-py')\n"
        "model('import os')\n"
        "drawn = torch.rand(3)\n"
        "torch.manual_seed(1)\n"
        "assert torch.equal(drawn, torch.rand(3))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_room_itself_is_light() -> None:
    code = "import mi_tutor.models, sys; print({'torch', 'transformer_lens', 'transformers'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_bundled_model_can_live_on_cuda(gpu: str) -> None:
    model = load_model("zero-layer-py", gpu)
    assert model.W_E.device.type == "cuda"
    assert torch.allclose(model(TOKENS.cuda()).cpu(), MODEL(TOKENS), atol=1e-3)


@pytest.fixture
def no_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An address that refuses connections, so that the test is the same with and without a network."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", ["gpt2-but-not-really", "zero-layer", "someone/some-model", "not a name!"])
def test_an_unknown_name_without_a_network_says_so_soon_and_names_the_bundled(name: str, no_hub: None) -> None:
    start = time.monotonic()
    with pytest.raises(UnknownModelError) as caught:
        load_model(name)
    assert time.monotonic() - start < 15
    message = str(caught.value)
    assert repr(name) in message
    assert "cannot be reached" in message
    assert "zero-layer-py" in message
    assert "'smollm2-135m' comes from a pip package" in message
    assert caught.value.__context__ is None
    assert len(message) < 300


def test_a_reachable_hub_without_that_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("someone/typo is not a local folder and is not a valid model identifier\nand much more")

    monkeypatch.setattr("mi_tutor.models.zoo._hub_answers", lambda: True)
    monkeypatch.setattr("transformer_lens.model_bridge.TransformerBridge.boot_transformers", refuse)
    with pytest.raises(UnknownModelError, match=r"not a valid model identifier.*zero-layer-py") as caught:
        load_model("someone/typo")
    assert "much more" not in str(caught.value)


def test_a_folder_in_the_hubs_format_is_loaded(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=2048, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0)
    theirs = GPT2LMHeadModel(config).eval()
    theirs.save_pretrained(tmp_path)
    load_tokenizer().save_pretrained(tmp_path)
    ours = load_model(str(tmp_path), "cpu")
    tokens = TOKENS[:, :20]
    assert torch.allclose(ours(tokens), theirs(tokens).logits, atol=1e-4)
    assert ours.to_tokens("import os").shape == (1, 3)


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="could not be loaded"):
        load_model(str(tmp_path))
