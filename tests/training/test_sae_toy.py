"""A sweep of small autoencoders finds directions that are known, and its loss is the chapter's."""

import pytest
import torch
from mi_tutor.solutions.ch05_sparse_autoencoders import mean_max_cosine

from mi_tutor.training.sae_toy import train_toy_saes


def test_orthogonal_features_are_found_and_a_small_dictionary_finds_half():
    W = torch.eye(6)[None].expand(2, -1, -1)
    found = train_toy_saes(W, torch.tensor([0.1, 0.1]), [18, 3], [0.3, 0.3], steps=500)
    assert [len(rows) for rows in found.W_dec] == [18, 3]
    assert float(mean_max_cosine(found.W_dec[0], torch.eye(6))) > 0.9
    assert float(mean_max_cosine(found.W_dec[1], torch.eye(6))) < 0.8
    assert bool((found.l0 >= 0).all())


def test_the_same_seed_gives_the_same_rows_and_lists_have_to_fit():
    W, p = torch.eye(3)[None], torch.tensor([0.2])
    one, other = (train_toy_saes(W, p, [4], [0.1], steps=5, seed=3).W_dec[0] for _ in range(2))
    assert torch.equal(one, other)
    with pytest.raises(ValueError, match="1 models"):
        train_toy_saes(W, p, [4, 5], [0.1], steps=1)
