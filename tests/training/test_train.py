"""The training loop: a killed run ends where an uninterrupted one does, and batches cover what they should."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.models.build import build_model, parameters_of
from mi_tutor.models.recipes import RECIPES, Recipe
from mi_tutor.training.run_state import STATE_FILE
from mi_tutor.training.train import batch_at, learning_rate_at, train

TOKENS = torch.randint(0, 2048, (3000,), generator=torch.Generator().manual_seed(0))
TINY = Recipe(
    name="tiny",
    summary="for tests",
    architecture={**RECIPES["zero-layer-py"].architecture, "d_model": 16, "d_head": 16},
    tokens=40 * 4 * 16,
    context=16,
    batch=4,
    micro_batch=3,
    learning_rate=1e-2,
    warmup_steps=3,
    weight_decay=0.01,
    checkpoint_steps=(0, 5, 40),
    save_every=7,
)
WITH_LAYERS = replace(
    TINY,
    architecture={
        **TINY.architecture,
        "n_layers": 2,
        "n_heads": 2,
        "d_head": 8,
        "d_mlp": 32,
        "attn_only": False,
        "n_ctx": 16,
        "normalization_type": "LNPre",
    },
    bfloat16=True,
)


class Killed(Exception):
    pass


def killed_at(*steps: int) -> Callable[[int, float], None]:
    def on_step(done: int, loss: float) -> None:
        if done in steps:
            raise Killed

    return on_step


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("recipe", [TINY, WITH_LAYERS], ids=["no layers", "two layers"])
def test_a_run_killed_twice_ends_bit_for_bit_where_an_uninterrupted_one_does(recipe: Recipe, tmp_path: Path) -> None:
    whole = train(recipe, TOKENS, tmp_path / "whole", "cpu")
    for step in (3, 17, 33):  # before the first save, between two saves, and once more
        with pytest.raises(Killed):
            train(recipe, TOKENS, tmp_path / "killed", "cpu", killed_at(step))
    torch.rand(5)  # the run must not lean on the global random state
    steps: list[int] = []
    resumed = train(recipe, TOKENS, tmp_path / "killed", "cpu", lambda done, _: steps.append(done))
    assert steps == list(range(29, 41))
    assert same(resumed, whole)
    for step in recipe.checkpoint_steps:
        name = f"checkpoint-{step}.safetensors"
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_short_run_on_a_gpu_in_bfloat16_goes_on_where_it_was_killed(gpu: str, tmp_path: Path) -> None:
    losses: dict[int, float] = {}
    brief = replace(WITH_LAYERS, tokens=12 * 4 * 16, checkpoint_steps=(0, 5), save_every=4)
    whole = train(brief, TOKENS, tmp_path / "whole", gpu, losses.__setitem__)
    with pytest.raises(Killed):
        train(brief, TOKENS, tmp_path / "killed", gpu, killed_at(6))
    gone_on: dict[int, float] = {}
    resumed = train(brief, TOKENS, tmp_path / "killed", gpu, gone_on.__setitem__)
    assert list(gone_on) == list(range(5, 13))
    # A GPU may add in another order at every run.
    assert all(loss == pytest.approx(losses[step], rel=1e-3) for step, loss in gone_on.items())
    for name, value in whole.items():
        assert not value.is_cuda
        torch.testing.assert_close(resumed[name], value, rtol=0.02, atol=2e-3)
    on_cpu: dict[int, float] = {}
    train(brief, TOKENS, tmp_path / "cpu", "cpu", on_cpu.__setitem__)
    assert list(on_cpu.values()) == pytest.approx(list(losses.values()), rel=0.01)


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    first = train(TINY, TOKENS, tmp_path, "cpu")
    assert same(train(TINY, TOKENS, tmp_path, "cpu", killed_at(*range(100))), first)


def test_a_kill_while_writing_leaves_the_last_whole_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Killed):
        train(TINY, TOKENS, tmp_path, "cpu", killed_at(10))
    before = (tmp_path / STATE_FILE).read_bytes()

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("mi_tutor.files.safe_write.os.replace", killed)
    with pytest.raises(Killed):
        train(TINY, TOKENS, tmp_path, "cpu")
    assert (tmp_path / STATE_FILE).read_bytes() == before


@pytest.mark.parametrize("change", ["recipe", "tokens"])
def test_a_state_of_another_recipe_or_corpus_is_refused(change: str, tmp_path: Path) -> None:
    train(TINY, TOKENS, tmp_path, "cpu")
    recipe = replace(TINY, learning_rate=2e-2) if change == "recipe" else TINY
    tokens = TOKENS.flip(0) if change == "tokens" else TOKENS
    with pytest.raises(ValueError, match="Delete that folder"):
        train(recipe, tokens, tmp_path, "cpu")


def test_adding_up_micro_batches_is_one_batch(tmp_path: Path) -> None:
    brief = replace(TINY, tokens=3 * 4 * 16, checkpoint_steps=())
    runs = [train(replace(brief, micro_batch=size), TOKENS, tmp_path / str(size), "cpu") for size in (1, 3, 4)]
    for name, value in runs[-1].items():
        assert all(torch.allclose(run[name], value, atol=1e-4) for run in runs)


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    losses: list[float] = []
    repeated = torch.arange(8).repeat(400)
    train(TINY, repeated, tmp_path, "cpu", lambda _, loss: losses.append(loss))
    assert losses[-1] < losses[0] - 1


def test_an_epoch_predicts_each_pair_of_neighbours_at_most_once_and_nearly_all() -> None:
    positions = torch.arange(3000)
    batches = (len(positions) // TINY.context - 1) // TINY.batch
    windows = torch.cat([batch_at(TINY, positions, step) for step in range(batches)])
    firsts = windows[:, :-1].flatten()
    assert torch.equal(windows[:, 1:], windows[:, :-1] + 1)
    assert len(firsts.unique()) == len(firsts)
    assert len(firsts) > len(positions) - TINY.context * (TINY.batch + 2)
    next_epoch = torch.cat([batch_at(TINY, positions, step) for step in range(batches, 2 * batches)])
    assert not torch.equal(next_epoch, windows)


def test_a_sequence_begins_with_bos_where_the_recipe_says_so() -> None:
    positions = torch.arange(1, 3001)
    batch = batch_at(replace(TINY, bos_first=True), positions, 0)
    assert (batch[:, 0] == BOS_ID).all()
    assert torch.equal(batch[:, 1:], batch_at(TINY, positions, 0)[:, 1:])
    assert torch.equal(positions, torch.arange(1, 3001))


def test_too_few_tokens_for_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too few"):
        train(TINY, TOKENS[:60], tmp_path, "cpu")


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [learning_rate_at(TINY, step) for step in range(TINY.steps)]
    assert rates[0] < rates[1] < rates[2] == max(rates) == TINY.learning_rate
    assert rates[-12:] == sorted(rates[-12:], reverse=True)
    assert 0 < rates[-1] < TINY.learning_rate / 10


def test_weights_of_another_architecture_are_refused() -> None:
    weights = {name: value.detach() for name, value in parameters_of(build_model(TINY)).items()}
    with pytest.raises(ValueError, match="not the weights"):
        build_model(RECIPES["zero-layer-py"], weights)
