"""The short training of chapter 05: what is frozen stays, and a threshold learns from its window alone."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mi_tutor.training.sae_small import WIDTH, jump, l0_price, relu, step, top_k, train_small


def some_batches(steps: int) -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    truth = normalize(torch.randn(12, 8, generator=draw), dim=-1)
    on = (torch.rand(steps, 256, 12, generator=draw) < 0.1) * torch.rand(steps, 256, 12, generator=draw)
    x = on @ truth
    return list(x * (8 / x.square().sum(-1).mean()).sqrt())


@pytest.mark.parametrize("name", ["W_enc", "b_enc", "W_dec", "b_dec"])
def test_what_is_frozen_stays_and_the_rest_moves(name: str) -> None:
    batches = some_batches(20)
    early, late = (train_small(batches[:steps], top_k(3), d_sae=24, frozen=(name,)) for steps in (1, 20))
    for weight in ("W_enc", "b_enc", "W_dec", "b_dec"):
        assert torch.equal(getattr(early, weight), getattr(late, weight)) == (weight == name)


def test_an_unknown_weight_is_not_frozen_in_silence() -> None:
    with pytest.raises(ValueError, match="no weight W_decoder"):
        train_small(some_batches(1), relu, frozen=("W_decoder",))


def test_without_a_price_more_is_active_and_less_is_lost() -> None:
    batches = some_batches(200)
    free, few = train_small(batches, relu, d_sae=24), train_small(batches, jump, l0_price(1.0), d_sae=24)
    x = batches[-1]
    assert (free.encode(x) > 0).sum() > 2 * (few.encode(x) > 0).sum() > 0
    assert (free.decode(free.encode(x)) - x).square().sum() < (few.decode(few.encode(x)) - x).square().sum()


def test_a_threshold_has_the_gradient_of_its_window() -> None:
    pre = torch.tensor([[1.0, 1.0 - WIDTH, 1.0 + WIDTH / 4], [3.0, 1.0, 0.9]])
    threshold = torch.ones(3, requires_grad=True)
    step(pre, threshold).sum().backward()
    assert threshold.grad is not None
    assert threshold.grad.tolist() == [-1 / WIDTH, -1 / WIDTH, -2 / WIDTH]
    assert torch.equal(jump(pre, threshold).detach(), torch.where(pre > 1, pre, 0))
