"""The toy models' trainer: gradients are autograd's, inputs follow their law, and known optima are reached."""

import pytest
import torch
from torch import Tensor

from mi_tutor.training.toy import (
    ToyModels,
    abs_gradients,
    best_of,
    peaks,
    signed_source,
    sparse_source,
    toy_gradients,
    train_abs,
    train_toy,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("relu_hidden", "relu_output"), [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize(("instances", "hidden", "features"), [(1, 2, 5), (3, 1, 2), (2, 4, 3)])
def test_the_gradient_is_autograds(
    instances: int, hidden: int, features: int, relu_hidden: bool, relu_output: bool
) -> None:
    W, b, x = drawn(instances, hidden, features), drawn(instances, features, seed=1), drawn(instances, features, 40)
    weight = drawn(instances, features, seed=2).abs()
    by_hand = toy_gradients(W, b, x, weight, relu_hidden, relu_output)
    W.requires_grad_()
    b.requires_grad_()
    h = W @ x
    x_hat = W.mT @ (h.relu() if relu_hidden else h) + b[..., None]
    x_hat = x_hat.relu() if relu_output else x_hat
    loss = (weight[..., None] * (x_hat - x).square()).mean((1, 2)).sum()
    for mine, theirs in zip(by_hand, torch.autograd.grad(loss, [W, b]), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-12)


def test_the_absolute_value_models_gradient_is_autograds() -> None:
    W_in, W_out, b, x = drawn(2, 6, 4), drawn(2, 4, 6, seed=1), drawn(2, 4, seed=2), drawn(2, 4, 40, seed=3)
    weight = drawn(2, 4, seed=4).abs()
    by_hand = abs_gradients(W_in, W_out, b, x, weight)
    leaves = [t.requires_grad_() for t in (W_in, W_out, b)]
    y_hat = (W_out @ (W_in @ x).relu() + b[..., None]).relu()
    loss = (weight[..., None] * (y_hat - x.abs()).square()).mean((1, 2)).sum()
    for mine, theirs in zip(by_hand, torch.autograd.grad(loss, leaves), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-12)


@pytest.mark.parametrize(("source", "low"), [(sparse_source, 0.0), (signed_source, -1.0)])
def test_one_draw_serves_as_gate_and_as_value(source, low: float) -> None:
    probability = torch.tensor([[1.0, 0.3], [0.05, 0.6]])
    x = source(probability)(200_000, torch.Generator().manual_seed(0))
    assert x.shape == (2, 2, 200_000)
    for row, p in zip(x.flatten(0, 1), probability.flatten(), strict=True):
        active = row[row != 0]
        assert len(active) / len(row) == pytest.approx(float(p), abs=0.005)
        assert low <= float(active.min())
        assert float(active.max()) <= 1
        even = torch.histc(active, 10, low, 1) / len(active)
        assert torch.allclose(even, torch.full((10,), 0.1), atol=0.015)
    both = ((x[:, 0] != 0) & (x[:, 1] != 0)).float().mean(-1)
    assert torch.allclose(both, probability.prod(-1), atol=0.005)


def test_dense_features_get_a_dimension_each_and_the_rest_their_mean() -> None:
    models = train_toy(torch.ones(2, 3), 2, torch.tensor([1.0, 0.9, 0.2]), steps=1000, batch=256)
    assert torch.allclose(models.W.norm(dim=1), torch.tensor([1.0, 1.0, 0.0]), atol=0.05)
    assert torch.allclose(models.b[:, 2], torch.tensor(0.5), atol=0.03)
    # What is left is the variance of the third, times its importance, over three features.
    assert torch.allclose(models.loss, torch.tensor(0.2 / 12 / 3), rtol=0.1)


def test_a_linear_model_keeps_as_many_features_as_it_has_dimensions_however_rare_they_are() -> None:
    rare = torch.full((2, 5), 0.1)
    models = train_toy(rare, 2, torch.ones(5), steps=1000, batch=256, relu_output=False)
    assert torch.allclose(models.W.square().sum((1, 2)), torch.tensor(2.0), atol=0.05)
    # Three dimensions of five are lost, with the variance that lies in them.
    assert torch.allclose(models.loss, torch.tensor((0.1 / 3 - 0.1**2 / 4) * 3 / 5), rtol=0.1)


def test_training_can_be_watched() -> None:
    seen = []
    models = train_toy(torch.full((1, 3), 0.5), 2, torch.ones(3), steps=4, watch=lambda n, p: seen.append((n, *p)))
    assert [n for n, *_ in seen] == [0, 1, 2, 3, 4]
    assert all(W is models.W for _, W, _ in seen)


def test_features_that_exclude_each_other_share_a_dimension_for_nothing() -> None:
    def source(batch: int, generator: torch.Generator) -> Tensor:
        u, value = torch.rand(2, batch, generator=generator)
        return torch.stack([value * (u < 0.2), value * (u >= 0.8)])[None]

    models = train_toy(torch.full((4, 2), 0.2), 1, torch.ones(2), steps=1000, batch=256, source=source)
    best = best_of(models, 4)
    assert float(best.loss) < 1e-6
    assert float(best.W.prod()) == pytest.approx(-1, abs=0.02)


def test_dense_absolute_values_take_two_neurons_each() -> None:
    model = best_of(train_abs(torch.full((6, 2), 0.5), 4, torch.ones(2), steps=800, batch=256), 6)
    assert float(model.loss) < 1e-4
    size = model.W_in[0].abs()
    assert (size.amax(-1) > 0.95 * size.sum(-1)).all()


def test_a_seed_gives_the_same_models_again() -> None:
    first, second, other = (train_toy(torch.full((2, 3), 0.5), 2, torch.ones(3), seed, steps=5) for seed in (3, 3, 4))
    assert torch.equal(first.W, second.W)
    assert not torch.equal(first.W, other.W)


def test_the_best_of_each_group_is_taken() -> None:
    loss = torch.tensor([0.3, 0.1, 0.2, 0.5, 0.6, 0.4])
    models = ToyModels(loss[:, None, None], loss[:, None], loss)
    assert best_of(models, 3).loss.tolist() == pytest.approx([0.1, 0.4])
    assert best_of(models, 3).W.flatten().tolist() == pytest.approx([0.1, 0.4])


def test_peaks_are_where_values_heap_up() -> None:
    spread = 0.004 * torch.randn(300, generator=torch.Generator().manual_seed(0))
    values = torch.cat([0.4 + spread[:100], 0.5 + spread[100:], torch.tensor([0.9])])
    found = peaks(values)
    assert [place for place, _ in found] == pytest.approx([0.4, 0.5], abs=0.003)
    assert [share for _, share in found] == pytest.approx([1 / 3, 2 / 3], abs=0.02)
