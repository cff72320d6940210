"""SAE training: resumable, fed with the model's own activations, and able to find features that are known to be there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.models import recipes, sae_recipes
from mi_tutor.models.build import build_model, initial_weights, parameters_of
from mi_tutor.models.recipes import RECIPES, RELU_1L_PY, Recipe
from mi_tutor.models.sae import Sae
from mi_tutor.models.sae_recipes import SaeRecipe
from mi_tutor.training import sae_train
from mi_tutor.training.activations import ActivationStream
from mi_tutor.training.sae_gradient import Step
from mi_tutor.training.sae_train import initial_parameters, sae_step, train_saes

pytestmark = pytest.mark.when_touched("mi_tutor.training.sae_train")

TINY_MODEL = replace(
    RELU_1L_PY,
    name="tiny",
    architecture={
        **RELU_1L_PY.architecture,
        "d_model": 16,
        "n_heads": 2,
        "d_head": 8,
        "d_mlp": 12,
        "n_ctx": 16,
    },
    context=16,
)
TINY = SaeRecipe(
    name="tiny-sae",
    summary="for tests",
    model="tiny",
    expansion=2,
    seeds=(3, 4),
    tokens=40 * 32,
    batch=32,
    learning_rate=1e-3,
    l1_coefficient=0.5,
    save_every=7,
)
TOKENS = torch.randint(1, 2048, (3000,), generator=torch.Generator().manual_seed(0))


class Killed(Exception):
    pass


def killed_at(*steps: int) -> Callable[[int, Step], None]:
    def on_step(done: int, step: Step) -> None:
        if done in steps:
            raise Killed

    return on_step


@pytest.fixture(autouse=True)
def tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY_MODEL)


def weights_of(recipe: Recipe) -> dict[str, Tensor]:
    return initial_weights(recipe, {name: value.detach() for name, value in parameters_of(build_model(recipe)).items()})


def same(one: list[Sae], other: list[Sae]) -> bool:
    names = ("W_enc", "b_enc", "W_dec", "b_dec")
    return len(one) == len(other) and all(
        torch.equal(getattr(a, name), getattr(b, name)) for a, b in zip(one, other, strict=True) for name in names
    )


def test_a_run_killed_twice_ends_bit_for_bit_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    weights = weights_of(TINY_MODEL)
    whole = train_saes(TINY, weights, TOKENS, tmp_path / "whole", "cpu")
    for step in (3, 17, 33):
        with pytest.raises(Killed):
            train_saes(TINY, weights, TOKENS, tmp_path / "killed", "cpu", killed_at(step))
    assert same(train_saes(TINY, weights, TOKENS, tmp_path / "killed", "cpu"), whole)


@pytest.mark.slow
def test_a_short_run_on_a_gpu_goes_on_where_it_was_killed(gpu: str, tmp_path: Path) -> None:
    weights = weights_of(TINY_MODEL)
    brief = replace(TINY, tokens=12 * 32)
    whole = train_saes(brief, weights, TOKENS, tmp_path / "whole", gpu)
    with pytest.raises(Killed):
        train_saes(brief, weights, TOKENS, tmp_path / "killed", gpu, killed_at(9))
    resumed = train_saes(brief, weights, TOKENS, tmp_path / "killed", gpu)
    for one, again in zip(whole, resumed, strict=True):
        for name in ("W_enc", "b_enc", "W_dec", "b_dec"):
            assert not getattr(one, name).is_cuda
            # A GPU may add in another order at every run.
            torch.testing.assert_close(getattr(again, name), getattr(one, name), rtol=0.02, atol=2e-3)


def test_a_damaged_state_is_named_and_not_loaded(tmp_path: Path) -> None:
    weights = weights_of(TINY_MODEL)
    train_saes(TINY, weights, TOKENS, tmp_path, "cpu")
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"damaged.*Delete that folder"):
        train_saes(TINY, weights, TOKENS, tmp_path, "cpu")


def test_a_state_of_another_model_is_refused(tmp_path: Path) -> None:
    train_saes(TINY, weights_of(TINY_MODEL), TOKENS, tmp_path, "cpu")
    with pytest.raises(ValueError, match="another recipe"):
        train_saes(TINY, weights_of(replace(TINY_MODEL, seed=9)), TOKENS, tmp_path, "cpu")


def test_the_stream_holds_the_models_activations_each_batch_the_same_whatever_was_asked_before() -> None:
    model = build_model(TINY_MODEL)
    weights = {name: value.detach() for name, value in parameters_of(model).items()}
    stream = ActivationStream(TINY_MODEL, weights, TOKENS, batch=64, seed=0, device=torch.device("cpu"))
    later = stream[stream.per_buffer + 1].clone()
    first = stream[0].clone()
    again = ActivationStream(TINY_MODEL, weights, TOKENS, batch=64, seed=0, device=torch.device("cpu"))
    assert torch.equal(again[0], first)
    assert torch.equal(again[stream.per_buffer + 1], later)
    assert not torch.equal(first, later)

    windows = TOKENS.unfold(0, 16, 1).clone()
    windows[:, 0] = BOS_ID
    with torch.inference_mode():
        _, cache = model.run_with_cache(windows, names_filter="blocks.0.mlp.hook_post")
    possible = cache["blocks.0.mlp.hook_post"].flatten(0, 1)
    nearest = torch.cdist(first.float(), possible).amin(1)
    assert nearest.max() < 0.05 * possible.norm(dim=1).mean()  # bfloat16
    assert (first >= 0).all()


def test_a_batch_mixes_many_places_of_the_corpus() -> None:
    """A batch of four windows' size that came from four windows would hold four times BOS; drawn from all, it varies."""
    stream = ActivationStream(TINY_MODEL, weights_of(TINY_MODEL), TOKENS, 64, seed=1, device=torch.device("cpu"))
    bos = next(row for row in stream[0] if sum(torch.equal(row, other) for other in stream[0]) > 1)
    counts = [sum(torch.equal(row, bos) for row in stream[step]) for step in range(stream.per_buffer)]
    assert len(set(counts)) > 1
    assert sum(counts) == pytest.approx(stream.windows, abs=4)


def test_too_few_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        ActivationStream(TINY_MODEL, weights_of(TINY_MODEL), TOKENS[:40], 64, seed=0, device=torch.device("cpu"))


def test_known_sparse_features_are_found() -> None:
    """Activations that are sums of few known directions: training by the recipe recovers nearly all of them."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(24, 16, generator=generator)
    truth /= truth.norm(dim=1, keepdim=True)

    recipe = replace(TINY, seeds=(0,), tokens=1500 * 256, batch=256, learning_rate=3e-3, l1_coefficient=0.3)
    parameters = initial_parameters(recipe, 16, torch.device("cpu"))
    optimizer = torch.optim.Adam([parameter.requires_grad_() for parameter in parameters], lr=0.0, fused=True)
    with torch.no_grad():
        for step in range(recipe.steps):
            present = torch.rand(256, 24, generator=generator) < 0.05
            x = (present * (1 + torch.rand(256, 24, generator=generator))) @ truth
            sae_step(recipe, parameters, optimizer, x, step)
    found = parameters.W_dec[0].detach()
    cosines = truth @ (found / found.norm(dim=1, keepdim=True)).T
    assert (cosines.amax(1) > 0.95).float().mean() > 0.9


def test_the_scale_of_training_is_taken_out_of_the_weights(tmp_path: Path) -> None:
    """What comes back reads activations as the model has them, which training scaled by some other factor."""
    weights = weights_of(TINY_MODEL)
    sae = train_saes(replace(TINY, tokens=2000 * 32), weights, TOKENS, tmp_path, "cpu")[0]
    stream = ActivationStream(TINY_MODEL, weights, TOKENS, 256, seed=7, device=torch.device("cpu"))
    x = stream[0].float()
    assert abs(float(x.square().sum(1).mean()) - x.shape[1]) > 1
    error = (sae.decode(sae.encode(x)) - x).square().sum() / (x - x.mean(0)).square().sum()
    assert error < 0.5


def test_every_sae_recipe_belongs_to_a_model_with_an_mlp() -> None:
    for recipe in sae_recipes.SAE_RECIPES.values():
        assert not RECIPES[recipe.model].architecture["attn_only"]
        assert sae_train.HOOK_NAME == "blocks.0.mlp.hook_post"
