"""What later heads take back: against the model's own hooks, and where it is seen in shipped models."""

import torch

from mi_tutor.check.small_model import small_model
from mi_tutor.corpus.tokens import corpus_tokens
from mi_tutor.figures.deletion import SETTLED, taken_back
from mi_tutor.figures.heads import random_repeats
from mi_tutor.models.zoo import load_model


def test_it_is_what_the_model_loses_when_values_lose_the_writer() -> None:
    model = small_model(3, n_layers=2, n_heads=3, d_vocab=2048, n_ctx=64)
    tokens = random_repeats(period=10, sequences=4)
    found = taken_back(model, tokens, 0, 1)
    _, cache = model.run_with_cache(tokens)
    wrote = cache["blocks.0.attn.hook_z"][:, :, 1] @ model.W_O[0, 1]
    wrote = wrote - wrote.mean((0, 1))
    wrote = wrote - wrote.mean(-1, keepdim=True)
    scale = (cache["blocks.1.hook_resid_pre"].var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
    missing = (wrote / scale) @ model.W_V[1, 2]

    def lose(value: torch.Tensor, hook: object) -> torch.Tensor:
        value = value.clone()
        value[:, :, 2] -= missing
        return value

    with torch.inference_mode():
        kept = [("blocks.1.hook_resid_post", lambda value, hook: streams.append(value))]
        streams: list[torch.Tensor] = []
        model.run_with_hooks(tokens, fwd_hooks=kept)
        model.run_with_hooks(tokens, fwd_hooks=[("blocks.1.attn.hook_v", lose), *kept])
    late = (slice(None), slice(SETTLED, None))
    added = ((streams[0] - streams[1]) * wrote)[late].sum() / wrote[late].square().sum()
    assert torch.allclose(found[1, 2], added, atol=1e-5)
    assert abs(added) > 1e-4


def test_one_head_of_the_last_layer_takes_back_what_another_wrote() -> None:
    model, heldout = load_model("attn-4l-py", "cpu"), corpus_tokens("heldout")
    starts = torch.linspace(0, len(heldout) - 128, 12).long()
    tokens = heldout[starts[:, None] + torch.arange(128)]
    found = taken_back(model, tokens, 2, 3)
    assert divmod(int(found.argmin()), 8) == (1, 0)
    turn, _ = torch.linalg.qr(torch.randn(256, 256, generator=torch.Generator().manual_seed(0)))
    assert found.min() < 3 * taken_back(model, tokens, 2, 3, turn).min() < 0
