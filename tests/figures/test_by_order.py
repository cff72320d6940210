"""A frozen run: with its own patterns the orders are the model, and each order is what hooks say it is."""

import torch
from mi_tutor.solutions.ch02_attention_circuits import path_expansion_terms

from mi_tutor.check.small_model import small_model
from mi_tutor.figures.by_order import FrozenRun, gain_by_token
from mi_tutor.figures.heads import random_repeats

TOKENS = random_repeats(period=7, sequences=3)


def test_the_orders_of_a_run_are_the_models_logits_and_without_layer_0_order_2_is_gone() -> None:
    model = small_model(4, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    run = FrozenRun(model, TOKENS)
    with torch.inference_mode():
        orders = run.orders(path_expansion_terms)
        logits = model(TOKENS)
        assert torch.allclose(orders.sum(0), logits - logits.mean(-1, keepdim=True), atol=1e-4)
        assert orders[2].abs().max() > 1e-2

        silenced = [(f"blocks.{layer}.attn.hook_z", lambda z, hook: z * 0) for layer in range(2)]
        bare = {}
        keep = [("blocks.1.hook_resid_post", lambda value, hook: bare.setdefault("stream", value))]
        model.run_with_hooks(TOKENS, fwd_hooks=[*silenced, *keep])
        # Silenced heads lose their bias as well, which order 0 keeps.
        kept = torch.einsum("lhd,lhdm->m", model.b_V, model.W_O)
        assert torch.allclose(orders[0], (bare["stream"] + kept) @ run.W_U / run.scale, atol=1e-4)

        apart = run.patterns.clone()
        apart[0] = 0
        assert run.orders(path_expansion_terms, apart)[2].abs().max() == 0


def test_the_constant_is_what_order_0_says_of_a_token_that_is_zero() -> None:
    model = small_model(4, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    run = FrozenRun(model, TOKENS)
    with torch.inference_mode():
        direct = run.W_E[TOKENS] @ run.W_U / run.scale
        assert torch.allclose(run.orders(path_expansion_terms)[0] - direct, run.constant_logits(), atol=1e-4)


def test_a_gain_is_counted_for_the_token_that_comes_and_not_for_the_one_before() -> None:
    tokens = torch.tensor([[0, 2, 1, 2]])
    before = torch.zeros(1, 4, 4)
    after = before.clone()
    after[0, 0, 2], after[0, 3, 3] = 100.0, 100.0
    gain, count = gain_by_token(before, after, tokens)
    assert count.tolist() == [0, 1, 2, 0]
    # Of two times that 2 came, one went from a quarter to certainty.
    assert torch.allclose(gain, torch.tensor([0.0, 0.0, 0.5 * torch.log(torch.tensor(4.0)), 0.0]))
