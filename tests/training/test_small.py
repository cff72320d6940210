"""The small runs of chapter 03: their sequences repeat, their floor is what it is called, and a step is one of training."""

import math

import torch

from mi_tutor.training.small import CONTEXT, D_VOCAB, PERIODS, copying_floor, periodic_sequences, train_small


def test_every_sequence_repeats_with_its_own_period():
    rows, period = periodic_sequences(200, torch.Generator().manual_seed(0))
    assert rows.shape == (200, CONTEXT)
    assert set(period.flatten().tolist()) <= set(PERIODS)
    assert len(period.unique()) > 10
    for row, p in zip(rows, period.flatten().tolist(), strict=True):
        assert row[0] == 0
        assert (row[1:] > 0).all()
        assert (row < D_VOCAB).all()
        assert torch.equal(row[1 + p :], row[1:-p])


def test_the_floor_of_one_period_is_a_little_below_its_logarithm():
    floor = copying_floor(periods=range(12, 13))
    assert math.log(12) - 0.25 < floor < math.log(12)
    assert copying_floor(periods=range(6, 7)) < copying_floor() < copying_floor(periods=range(23, 24))


def test_training_lowers_the_loss_is_repeated_exactly_and_leaves_no_gradients():
    run, again = train_small(1, 10), train_small(1, 10)
    assert run.losses == again.losses
    assert run.losses[-1] < run.losses[0]
    assert not any(weight.requires_grad for weight in run.weights.values())
    assert "share" not in run.weights
