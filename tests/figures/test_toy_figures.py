"""Shapes of toy models are told by their angles, exact losses agree with samples, and a search finds what explains a hidden state."""

import pytest
import torch

from mi_tutor.figures.toy_exact import best_sharing, exact_losses
from mi_tutor.figures.toy_geometry import (
    is_pentagon_and_pair,
    kept,
    nearest_solid,
    polygon,
    shape_of,
    solids,
)
from mi_tutor.figures.toy_reading import sides_answered, sparsest_explanation


def test_solids_are_unit_arrows_spread_evenly_over_their_space():
    for solid in solids().values():
        hidden, features = solid.shape
        assert torch.allclose(solid.norm(dim=0), torch.ones(features), atol=1e-6)
        assert torch.allclose(solid @ solid.mT, features / hidden * torch.eye(hidden), atol=1e-5)


def test_a_share_is_told_as_the_fraction_of_a_solid_that_is_near_or_of_none():
    assert nearest_solid(0.401) == ("2/5", "pentagon")
    assert nearest_solid(0.372) == ("3/8", "square antiprism")
    assert nearest_solid(0.6) is None


@pytest.mark.parametrize(
    ("W", "said"),
    [
        (polygon(3), "triangle"),
        (polygon(4), "two antipodal pairs"),
        (polygon(5), "pentagon"),
        (torch.eye(2), "two at right angles"),
        (polygon(4)[:, :3], "an antipodal pair, one at right angles"),
        (torch.cat([polygon(3), torch.tensor([[0.2], [0.1]])], 1), "triangle"),
        (polygon(5)[:, :2], "2, gaps of 72, 288 degrees"),
    ],
)
def test_a_shape_in_the_plane_is_told_however_it_is_turned(W, said):
    turn = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(0))).Q
    assert shape_of(W) == shape_of(turn @ W) == said


def test_a_pentagon_beside_a_pair_is_told_from_one_whose_arrows_are_turned_round():
    W = torch.zeros(3, 8)
    W[:2, :5], W[2, 5], W[2, 6] = polygon(5), 1.0, -1.0
    shares = torch.tensor([0.4] * 5 + [0.5] * 2 + [0.0])
    assert kept(W).sum() == 7
    assert is_pentagon_and_pair(W, shares) == (True, True)
    turned = W * torch.tensor([1.0, -1, -1, 1, 1, 1, 1, 1])
    assert is_pentagon_and_pair(turned, shares) == (True, False)
    assert is_pentagon_and_pair(W[:, :6], shares[:6]) == (False, False)


def test_exact_losses_are_what_samples_come_to():
    draw = torch.Generator().manual_seed(0)
    W, b = torch.tensor([[1.1, -0.8], [1.0, 0.0]]), torch.tensor([[-0.05, 0.1], [0.0, 0.2]])
    p, importance = torch.tensor([0.3, 0.6]), torch.tensor([0.5, 2.0])
    x = torch.rand(1_000_000, 2, 2, generator=draw) * (torch.rand(1_000_000, 2, 2, generator=draw) < p[:, None])
    x_hat = ((x * W).sum(-1, keepdim=True) * W + b).relu()
    weight = torch.stack([torch.ones(2), importance], 1)
    sampled = (weight * (x_hat - x).square()).sum(-1).mean(0)
    assert torch.allclose(exact_losses(W, b, p, importance), sampled, rtol=0.02)


def test_the_best_sharing_is_cheaper_than_the_strategy_it_begins_at():
    p, importance = torch.tensor([0.75, 0.1]), torch.tensor([1.0, 1.0])
    free, found = best_sharing(p, importance)
    strategy = (1 + importance) * p.square() / 6
    assert (found <= strategy * 1.01).all()
    assert found[0] < 0.7 * strategy[0]
    assert torch.allclose(free[1, :2], torch.tensor([1.0, -1.0]), atol=0.1)


def test_the_search_names_the_features_that_were_active():
    draw = torch.Generator().manual_seed(0)
    W = torch.randn(6, 12, generator=draw)
    which = torch.rand(20, 12, generator=draw).topk(2).indices.sort().values
    x = torch.zeros(20, 12).scatter_(1, which, 0.1 + torch.rand(20, 2, generator=draw))
    assert torch.equal(sparsest_explanation(x @ W.T, W, 2), which)


def test_sides_are_answered_where_both_neurons_of_a_feature_are_there():
    each = torch.eye(3)
    W_in = torch.stack([torch.cat([each, -each]), torch.cat([each, 0 * each])])
    W_out = W_in.abs().mT
    assert sides_answered(W_in, W_out, torch.zeros(2, 3)).tolist() == [6, 3]
