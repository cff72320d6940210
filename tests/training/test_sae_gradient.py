"""The written-out gradient of the SAE loss is that of the loss, along both of its routes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mi_tutor.training import sae_gradient
from mi_tutor.training.sae_gradient import Parameters, Step, loss_gradient, top_k_gradient

L1 = 0.3


def drawn(instances: int, d_sae: int, d_in: int, bias: float, seed: int = 0) -> Parameters:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return Parameters(
        W_enc=normal(instances, d_sae, d_in) * d_in**-0.5,
        b_enc=bias + 0.1 * normal(instances, d_sae),
        W_dec=normal(instances, d_sae, d_in),
        b_dec=0.1 * normal(instances, d_in),
    )


def by_autograd(parameters: Parameters, x: Tensor) -> tuple[Tensor, Parameters]:
    """Loss of each autoencoder and gradients, from the formula in float64."""
    leaves = Parameters(*(tensor.double().requires_grad_() for tensor in parameters))
    x = x.double()
    losses = []
    for W_enc, b_enc, W_dec, b_dec in zip(*leaves, strict=True):
        f = ((x - b_dec) @ W_enc.T + b_enc).relu()
        error = (f @ W_dec + b_dec - x).square().sum(-1)
        losses.append((error + L1 * (f * W_dec.norm(dim=-1)).sum(-1)).mean())
    loss = torch.stack(losses)
    loss.sum().backward()
    return loss.detach(), Parameters(*(leaf.grad for leaf in leaves))  # type: ignore[arg-type]


def along(route: str, monkeypatch: pytest.MonkeyPatch, parameters: Parameters, x: Tensor) -> Step:
    monkeypatch.setattr(sae_gradient, "_SPARSE_BELOW", 2.0 if route == "sparse" else 0.0)
    return loss_gradient(parameters, x, L1, torch.float32)


@pytest.mark.parametrize("route", ["sparse", "dense"])
@pytest.mark.parametrize("bias", [-1.5, 0.0], ids=["few active", "half active"])
@pytest.mark.parametrize("instances", [1, 3])
def test_the_gradient_is_autograds(instances: int, bias: float, route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = drawn(instances, d_sae=30, d_in=12, bias=bias)
    x = torch.randn(40, 12, generator=torch.Generator().manual_seed(1))
    loss, gradients = by_autograd(parameters, x)
    step = along(route, monkeypatch, parameters, x)
    assert torch.allclose((step.squared_error + L1 * step.penalty).double(), loss, rtol=1e-5)
    for name, gradient in gradients._asdict().items():
        assert torch.allclose(getattr(step.gradients, name).double(), gradient, atol=1e-5), name
    active = torch.stack(
        [((x - b_dec) @ W_enc.T + b_enc) > 0 for W_enc, b_enc, _, b_dec in zip(*parameters, strict=True)]
    )
    assert torch.equal(step.fired, active.sum(1).float())
    assert torch.allclose(step.l0, active.float().sum(-1).mean(-1))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9), st.integers(1, 5), st.floats(-3, 1), st.integers(0, 99))
def test_both_routes_agree(instances: int, d_sae: int, d_in: int, batch: int, bias: float, seed: int) -> None:
    parameters = drawn(instances, d_sae, d_in, bias, seed)
    x = torch.randn(batch, d_in, generator=torch.Generator().manual_seed(seed))
    with pytest.MonkeyPatch.context() as patch:
        sparse, dense = (along(route, patch, parameters, x) for route in ("sparse", "dense"))
    for one, other in zip([*sparse.gradients, *sparse[1:]], [*dense.gradients, *dense[1:]], strict=True):
        assert torch.allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("route", ["sparse", "dense"])
def test_nothing_active_leaves_only_the_decoder_bias_to_learn(route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = drawn(2, d_sae=8, d_in=5, bias=-100.0)
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    step = along(route, monkeypatch, parameters, x)
    assert not step.fired.any()
    assert not any(gradient.any() for gradient in step.gradients[:3])
    assert torch.allclose(step.gradients.b_dec, 2 * (parameters.b_dec - x.mean(0)), atol=1e-5)


def test_an_autoencoder_learns_the_same_alone_and_beside_another() -> None:
    both = drawn(2, d_sae=40, d_in=10, bias=-1.0)
    x = torch.randn(64, 10, generator=torch.Generator().manual_seed(2))
    together = loss_gradient(both, x, L1, torch.float32)
    alone = loss_gradient(Parameters(*(tensor[1:] for tensor in both)), x, L1, torch.float32)
    for one, other in zip(together.gradients, alone.gradients, strict=True):
        assert torch.allclose(one[1], other[0], atol=1e-5)


def test_a_gpu_computes_the_same(gpu: str) -> None:
    parameters = drawn(2, d_sae=64, d_in=16, bias=-1.0)
    x = torch.randn(128, 16, generator=torch.Generator().manual_seed(3))
    here = loss_gradient(parameters, x, L1, torch.float32)
    there = loss_gradient(Parameters(*(tensor.cuda() for tensor in parameters)), x.cuda(), L1, torch.float32)
    for one, other in zip(here.gradients, there.gradients, strict=True):
        assert torch.allclose(one, other.cpu(), atol=1e-4)


@pytest.mark.parametrize("k", [1, 4, 30])
def test_the_gradient_of_the_k_largest_is_autograds(k: int) -> None:
    parameters = drawn(1, d_sae=30, d_in=12, bias=-0.5)
    x = torch.randn(40, 12, generator=torch.Generator().manual_seed(1))
    leaves = [tensor[0].double().requires_grad_() for tensor in parameters]
    W_enc, b_enc, W_dec, b_dec = leaves
    best = ((x.double() - b_dec) @ W_enc.T + b_enc).topk(k, dim=-1)
    f = x.new_zeros(40, 30, dtype=torch.float64).scatter(-1, best.indices, best.values.relu())
    (f @ W_dec + b_dec - x).square().sum(-1).mean().backward()
    step = top_k_gradient(parameters, x, k)
    assert torch.equal(step.fired[0], (f > 0).sum(0).float())
    for name, gradient, leaf in zip(parameters._fields, step.gradients, leaves, strict=True):
        assert leaf.grad is not None
        assert torch.allclose(gradient[0].double(), leaf.grad, atol=1e-5), name
