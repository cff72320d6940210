"""What the tables of chapter 05 are made with: TopK at any site, three kinds for the frontier."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from mi_tutor.models.plain import final_residual, first_mlp_activations, first_mlp_output
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.zoo import bundled_weights, load_model
from mi_tutor.training.sae_frontier import train_one
from mi_tutor.training.sae_top_k import train_top_k


def mixtures(steps: int, batch: int = 256, shift: float = 0.0) -> tuple[list[Tensor], Tensor]:
    """Inputs that are sums of few of 12 known directions in 8 dimensions, and these directions."""
    draw = torch.Generator().manual_seed(0)
    truth = normalize(torch.randn(12, 8, generator=draw), dim=-1)

    def one() -> Tensor:
        strength = torch.rand(batch, 12, generator=draw)
        return (strength * (torch.rand(batch, 12, generator=draw) < 0.1)) @ truth + shift

    return [one() for _ in range(steps)], truth


def test_top_k_finds_directions_that_are_there_and_gives_inputs_back() -> None:
    batches, truth = mixtures(800, shift=3.0)
    sae = train_top_k(batches, len(batches), d_sae=24, k=2)
    cosines = normalize(truth, dim=-1) @ normalize(sae.W_dec, dim=-1).T
    assert float(cosines.amax(-1).mean()) > 0.9
    x = batches[-1]
    f = sae.encode(x)
    assert int((f > 0).sum(-1).max()) <= 2
    assert float((sae.decode(f) - x).square().sum() / (x - x.mean(0)).square().sum()) < 0.2


@pytest.mark.parametrize(("kind", "weak", "strong"), [("L1", 0.1, 1.0), ("TopK", 6, 1), ("JumpReLU", 0.05, 0.8)])
def test_a_stronger_price_leaves_fewer_active(kind: str, weak: float, strong: float) -> None:
    batches, _ = mixtures(300)
    scale = float((8 / batches[0].square().sum(-1).mean()).sqrt())
    batches = [batch * scale for batch in batches]
    active = []
    for strength in (weak, strong):
        made = train_one(kind, strength, batches, seed=0, d_sae=24)
        at_scale = made._replace(scale=2.0)
        assert torch.allclose(
            at_scale.decode(at_scale.encode(batches[0] / 2)), made.decode(made.encode(batches[0])) / 2
        )
        active.append(float((made.encode(batches[-1]) > 0).sum(-1).float().mean()))
    assert active[0] > active[1] > 0


@pytest.mark.parametrize(
    ("name", "hook_name", "read"),
    [
        ("relu-1l-py", "blocks.0.mlp.hook_post", first_mlp_activations),
        ("relu-1l-py", "blocks.0.hook_mlp_out", first_mlp_output),
        ("relu-1l-py", "blocks.0.hook_resid_post", final_residual),
        ("attn-2l-py", "blocks.1.hook_resid_post", final_residual),
    ],
)
def test_what_is_streamed_is_what_the_models_hook_holds(name: str, hook_name: str, read) -> None:
    tokens = torch.randint(0, 2048, (2, 40), generator=torch.Generator().manual_seed(1))
    weights = {key: value.float() for key, value in bundled_weights(name).items()}
    with torch.no_grad():
        _, cache = load_model(name, "cpu").run_with_cache(tokens, names_filter=hook_name)
        assert torch.allclose(read(RECIPES[name].architecture, weights, tokens), cache[hook_name], atol=1e-3)
