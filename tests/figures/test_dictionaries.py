"""Features compared on one text."""

import torch

from mi_tutor.figures.dictionaries import ENOUGH, among_equals, living


def test_features_that_are_seldom_active_are_left_out() -> None:
    x = torch.zeros(20, 3)
    x[:ENOUGH, 0], x[: ENOUGH - 1, 1], x[:, 2] = 1, 1, 1
    kept = living(lambda rows: rows, x, torch.arange(20))
    assert kept.ids.tolist() == [0, 2]
    assert torch.equal(kept.f, x[:, [0, 2]])


def test_a_feature_of_one_token_is_told_from_one_of_many() -> None:
    tokens = torch.tensor([4] * 10 + [5] * 10 + [6] * 10)
    x = torch.stack([tokens == 4, tokens < 6], dim=1).float()
    kept = living(lambda rows: rows, x, tokens)
    assert kept.of_one_token() == 0.5
    assert kept.of_one_token(5, 12) == 1.0
    assert kept.of_one_token(12, 60) == 0.0
    assert kept.of_one_token(100, 200) == 0.0
    said = kept.said(0, torch.eye(2048)[7], str)
    assert said.startswith("on 4, raises 7 ")


def test_among_equals_every_token_stays_and_all_places_are_as_likely() -> None:
    tokens = torch.tensor([3, 1, 3, 2, 3, 1])
    landed = torch.zeros(6, 6)
    for seed in range(600):
        order = among_equals(tokens, seed)
        assert torch.equal(tokens[order], tokens)
        assert order.sort().values.tolist() == list(range(6))
        landed[torch.arange(6), order] += 1
    assert (landed[0, [0, 2, 4]] - 200).abs().max() < 60
    assert (landed[1, [1, 5]] - 300).abs().max() < 75
