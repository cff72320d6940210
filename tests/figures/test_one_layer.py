"""A layer in pieces: they are the model's own, and they add up."""

import torch
from transformer_lens import FactoredMatrix

from mi_tutor.check.small_model import small_model
from mi_tutor.figures.heads import random_repeats
from mi_tutor.figures.one_layer import SETTLED, queries_and_keys, stream_parts, told_by_tables
from mi_tutor.models.plain import turned

TOKENS = random_repeats(period=7, sequences=3)


def test_turned_vectors_meet_by_their_distance_alone() -> None:
    q, k = torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    near, far = (turned(q, step + 3) * turned(k, step) for step in (0, 40))
    assert torch.allclose(near.sum(-1), far.sum(-1))
    assert torch.allclose(near.sum(-1), (q * turned(k, -3)).sum(-1))
    assert torch.allclose(turned(q, torch.arange(5)).norm(dim=-1), q.norm(dim=-1))


def test_queries_and_keys_give_the_models_patterns_in_every_layer() -> None:
    model = small_model(5, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    with torch.inference_mode():
        _, cache = model.run_with_cache(TOKENS)
        for layer in range(2):
            x = cache[f"blocks.{layer}.hook_resid_pre"]
            x = x - x.mean(-1, keepdim=True)
            x = x / (x.square().mean(-1, keepdim=True) + model.cfg.eps).sqrt()
            q, k = queries_and_keys(model, x, layer)
            scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / q.shape[-1] ** 0.5
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            pattern = scores.masked_fill(future, -torch.inf).softmax(-1)
            assert torch.allclose(pattern, cache["pattern", layer], atol=1e-5)


def test_what_the_parts_wrote_adds_up_to_the_stream_and_heads_add_no_bias() -> None:
    model = small_model(5, n_layers=1, n_heads=3, d_vocab=2048, n_ctx=64)
    parts = stream_parts(model, TOKENS)
    with torch.inference_mode():
        logits, cache = model.run_with_cache(TOKENS)
        assert torch.allclose(parts.wrote.sum(0), cache["blocks.0.hook_resid_post"][:, -1], atol=1e-5)
        assert torch.equal(parts.logits, logits[:, -1])
        assert torch.allclose(parts.pattern.sum(-1), torch.ones(3, 3))
    assert parts.names == ["direct path", "head 0", "head 1", "head 2", "constant"]
    assert len(parts.wrote) == len(parts.names)
    assert torch.equal(parts.wrote[-1, 0], parts.wrote[-1, 1])
    assert not torch.allclose(parts.wrote[1, 0], parts.wrote[1, 1])


def test_what_a_table_explains_is_counted_over_visible_keys_from_the_models_own_pattern() -> None:
    model = small_model(5, n_layers=1, n_heads=3, d_vocab=2048, n_ctx=64)
    draw = torch.Generator().manual_seed(0)
    circuits = [
        FactoredMatrix(torch.randn(2048, 4, generator=draw), torch.randn(4, 2048, generator=draw)) for _ in "abc"
    ]
    with torch.inference_mode():
        _, cache = model.run_with_cache(TOKENS)
        x = cache["blocks.0.hook_resid_pre"]
        x = x - x.mean(-1, keepdim=True)
        x = x / (x.square().mean(-1, keepdim=True) + model.cfg.eps).sqrt()
        found = told_by_tables(model, x, circuits, TOKENS)
        for head, circuit in enumerate(circuits):
            missed = total = 0.0
            for row, tokens in enumerate(TOKENS):
                for query in range(SETTLED, len(tokens)):
                    keys = tokens[1 : query + 1]
                    # The logarithm of a pattern is the score less a number for each query, which centring takes out.
                    real = cache["pattern", 0][row, head, query, 1 : query + 1].log()
                    said = circuit.A[tokens[query]] @ circuit.B[:, keys]
                    real, said = real - real.mean(), said - said.mean()
                    missed += float((real - said).square().sum())
                    total += float(real.square().sum())
            assert abs(float(found[head]) - (1 - missed / total)) < 1e-3 * max(1, missed / total)
    nothing = [FactoredMatrix(c.A, c.B * 0) for c in circuits]
    with torch.inference_mode():
        assert torch.allclose(told_by_tables(model, x, nothing, TOKENS), torch.zeros(3), atol=1e-6)
