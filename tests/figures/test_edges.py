"""Edges into layer 1: each cut by the model's own hooks as well, and what the shipped model shows."""

from functools import partial

import pytest
import torch
from torch.nn.functional import layer_norm

from mi_tutor.check.small_model import small_model
from mi_tutor.figures.edges import clean_run, cut_edge
from mi_tutor.figures.heads import random_repeats
from mi_tutor.figures.induction import Pair, copy_loss, cut_path
from mi_tutor.models.zoo import load_model


def test_an_edge_cut_to_zero_is_the_path_that_hooks_cut() -> None:
    model = small_model(3, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    tokens = random_repeats(period=10, sequences=4)
    run = clean_run(model, tokens)
    query = torch.arange(11, 21)
    for reader in ("k", "q"):
        theirs = cut_path(model, Pair(1, 2), tokens, reader)
        ours = cut_edge(run, "0.1", 2, reader, instead=torch.zeros_like)
        assert ours.added_loss == pytest.approx(theirs.added_loss, abs=1e-4)
        assert float(ours.pattern[:, query, query - 9].mean()) == pytest.approx(theirs.prefix_matching, abs=1e-5)


def test_the_token_and_values_are_cut_as_hooks_cut_them() -> None:
    model = small_model(4, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    tokens = random_repeats(period=10, sequences=4)
    run = clean_run(model, tokens)
    part = model.W_E[tokens]
    x = layer_norm(run.before - part + part.mean((0, 1)), run.before.shape[-1:], eps=model.cfg.eps)

    def put(value: torch.Tensor, hook: object) -> torch.Tensor:
        value = value.clone()
        value[:, :, 2] = x @ model.W_V[1, 2] + model.b_V[1, 2]
        return value

    with torch.inference_mode():
        logits = model.run_with_hooks(tokens, fwd_hooks=[("blocks.1.attn.hook_v", put)])
        theirs = copy_loss(logits, tokens).second - copy_loss(model(tokens), tokens).second
    ours = cut_edge(run, "token", 2, "v")
    assert ours.added_loss == pytest.approx(theirs, abs=1e-4)
    assert abs(theirs) > 1e-3
    _, cache = model.run_with_cache(tokens)
    assert torch.allclose(ours.pattern, cache["pattern", 1][:, 2], atol=1e-5)  # values are no part of it


def test_what_is_put_back_as_it_was_changes_nothing_and_sources_make_up_the_stream() -> None:
    model = small_model(5, n_layers=2, n_heads=2, d_vocab=2048, n_ctx=64)
    run = clean_run(model, random_repeats(period=10, sequences=4))
    for source in run.wrote:
        for reader in "qkv":
            assert cut_edge(run, source, 1, reader, instead=lambda part: part).added_loss == pytest.approx(0, abs=1e-5)
    assert torch.allclose(sum(run.wrote.values()) + model.b_O[0], run.before, atol=1e-5)


def test_keys_of_the_induction_head_read_two_heads_and_the_rest_is_idle() -> None:
    cost = partial(cut_edge, clean_run(load_model("attn-2l-py", "cpu"), random_repeats(sequences=16)))
    heads = [f"0.{head}" for head in range(8)]
    keys = {source: cost(source, 6, "k").added_loss for source in heads}
    assert keys["0.2"] > 3 * keys["0.3"] > 1.5
    assert all(abs(value) < 0.15 for source, value in keys.items() if source not in ("0.2", "0.3"))
    assert all(abs(cost(source, 6, "v").added_loss) < 0.15 for source in heads)
    assert min(cost("token", 6, reader).added_loss for reader in "qv") > 3
    # Zeros, which no head writes, charge one that says nothing of use here.
    assert cost("0.1", 6, "k", instead=torch.zeros_like).added_loss > 0.3
