"""Answers to `prefix_matching_score` that the checker has to accept, or to refuse though nobody foresaw them."""

import pytest
import torch
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.figures.heads import head_scores, random_repeats
from mi_tutor.figures.induction import find_pair, k_composition
from mi_tutor.models import load_model


def prefix_by_a_diagonal(pattern, period):
    return pattern.diagonal(1 - period, -2, -1)[..., -period:].mean(-1).mean(0)


def prefix_in_a_loop(pattern, period):
    total = sum(pattern[:, :, q, q + 1 - period].mean(0) for q in range(1 + period, 1 + 2 * period))
    return total / period


def prefix_of_the_first_sequence(pattern, period):
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return pattern[0, :, q, q - period + 1].mean(-1)


def prefix_by_the_median(pattern, period):
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return pattern[:, :, q, q - period + 1].mean(0).median(-1).values


def prefix_that_needs_two(pattern, period):
    return pattern.diagonal(1 - period, dim1=-2, dim2=-1)[..., 2:-1].mean((0, -1))


RIGHT = (prefix_by_a_diagonal, prefix_in_a_loop)


NEARLY_RIGHT = (prefix_of_the_first_sequence, prefix_by_the_median, prefix_that_needs_two)


def test_scores_agree_with_the_models_card():
    model = load_model("attn-2l-py", device="cpu")
    tokens, card = random_repeats(25, 64), head_scores(model)
    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    for layer in range(2):
        pattern = cache["pattern", layer].detach()
        assert torch.allclose(ch03.prefix_matching_score(pattern, 25), card.prefix_matching[layer], atol=1e-6)
        assert torch.allclose(ch03.previous_token_score(pattern), card.previous_token[layer], atol=1e-6)
    pair = find_pair(model)
    assert float(ch03.composition_scores(model, "K")[pair.late, pair.early]) == pytest.approx(
        k_composition(model, pair), rel=1e-5
    )
