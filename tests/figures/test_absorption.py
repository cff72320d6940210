"""A planted hole is found, and the feature that speaks in it."""

import torch
from mi_tutor.solutions.ch05_sparse_autoencoders import best_feature_f1

from mi_tutor.figures.absorption import Half, find_hole


def half(seed: int) -> Half:
    """Tokens 1, 2 and 3 have the label; feature 0 is on for 1 and 2, feature 1 for 3 alone, feature 2 at random."""
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(0, 6, (600,), generator=draw)
    label = (tokens >= 1) & (tokens <= 3)
    f = torch.stack([(tokens == 1) | (tokens == 2), tokens == 3, torch.rand(600, generator=draw) < 0.3], dim=1)
    return Half(f.float(), tokens, label)


def test_the_hole_and_its_speaker() -> None:
    hole = find_hole(half(0), half(1), best_feature_f1)
    assert hole is not None
    assert (hole.feature, hole.token, hole.speaker) == (0, 3, 1)
    assert (hole.recall_chosen, hole.recall_fresh, hole.speaker_f1) == (0.0, 0.0, 1.0)
    assert 0.5 < hole.recall < 0.8


def test_what_was_empty_by_chance_is_not_empty_on_fresh_text() -> None:
    choose, score = half(2), half(3)
    choose.f[:] = 0
    choose.f[choose.label, 0] = 1.0
    some = (choose.tokens == 2).nonzero()[:, 0]
    choose.f[some, 0] = 0.0  # on this half only
    hole = find_hole(choose, score, best_feature_f1)
    assert hole is not None
    assert (hole.token, hole.recall_chosen, hole.recall_fresh) == (2, 0.0, 1.0)


def test_without_a_frequent_token_nothing_is_said() -> None:
    rare = Half(torch.ones(4, 2), torch.tensor([1, 2, 3, 4]), torch.tensor([True, True, True, False]))
    assert find_hole(rare, rare, best_feature_f1) is None
