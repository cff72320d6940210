"""A model lent to a learner's function comes back as it was, and the learner reads what was different."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mi_tutor import check
from mi_tutor.check.exercise import exercises
from mi_tutor.check.small_model import small_model

REFERENCE = exercises()["head_pattern"].reference


def right(model: Any, tokens: Any, layer: int, head: int) -> Any:
    return model.run_with_cache(tokens)[1]["pattern", layer][:, head]


def _keep_a_hook(model: Any) -> None:
    model.add_hook("blocks.0.hook_resid_post", lambda resid, hook: resid * 2)


def _keep_a_torch_hook(model: Any) -> None:
    model.blocks[0].register_forward_pre_hook(lambda module, args: None)


def _keep_a_permanent_hook(model: Any) -> None:
    model.add_perma_hook("blocks.0.hook_resid_post", lambda resid, hook: resid + 1)


def _take_hooks_off(model: Any) -> None:
    model.reset_hooks()


def _train(model: Any) -> None:
    model.train(not model.training)


def _freeze(model: Any) -> None:
    for parameter in model.parameters():
        parameter.requires_grad_(False)


def _overwrite(model: Any) -> None:
    with torch.no_grad():
        next(model.parameters()).mul_(2)


CHANGES: list[tuple[Callable[[Any], None], str]] = [
    (_keep_a_hook, "a hook has stayed on it"),
    (_keep_a_torch_hook, "a hook has stayed on it"),
    (_keep_a_permanent_hook, "a hook has stayed on it"),
    (_take_hooks_off, "a hook that was there before the call is gone"),
    (_train, "its training or evaluation mode"),
    (_freeze, "requires_grad of its parameters"),
    (_overwrite, "its parameters"),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES, ids=[change.__name__ for change, _ in CHANGES])
def test_a_change_to_the_model_is_named_and_undone(change: Callable[[Any], None], sentence: str) -> None:
    def head_pattern(model: Any, tokens: Any, layer: int, head: int) -> Any:
        pattern = right(model, tokens, layer, head)
        change(model)
        return pattern

    report = check(head_pattern)
    assert not report.passed
    assert sentence in report.message
    assert check(REFERENCE).passed, "the models of the cases were left changed"


def test_a_change_is_undone_also_when_the_function_then_fails() -> None:
    def head_pattern(model: Any, tokens: Any, layer: int, head: int) -> Any:
        _keep_a_hook(model)
        _overwrite(model)
        raise RuntimeError("and then this")

    assert "and then this" in check(head_pattern).message
    assert check(REFERENCE).passed


def test_no_bias_of_a_small_model_is_zero_and_no_pattern_is_even() -> None:
    model = small_model(3, d_mlp=7)
    biases = {name: value for name, value in model.original_model.named_parameters() if name.endswith("bias")}
    assert len(biases) == 12
    assert all((value != 0).all() for value in biases.values())
    tokens = torch.arange(12)[None]
    _, cache = model.run_with_cache(tokens)
    for layer in range(2):
        assert cache["pattern", layer][0, :, -1].max(-1).values.min() > 1.2 / 12


def test_a_failed_report_says_how_to_make_the_model_again() -> None:
    def head_pattern(model: Any, tokens: Any, layer: int, head: int) -> Any:
        return right(model, tokens, layer, head) * 2

    report = check(head_pattern)
    assert "small_model(" in report._repr_html_()
    described = report.failed_on["model"].described_as
    again = eval(described, {"small_model": small_model, "torch": torch})
    assert torch.allclose(REFERENCE(**{**report.arguments, "model": again}), report.expected)


def test_small_models_leave_the_random_state_alone() -> None:
    before = torch.get_rng_state()
    small_model(12345, n_layers=1)
    assert torch.equal(before, torch.get_rng_state())
