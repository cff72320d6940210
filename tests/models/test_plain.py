"""The function that is trained computes what the model that is loaded computes."""

from typing import Any

import pytest
import torch

from mi_tutor.check.small_model import small_model
from mi_tutor.models.build import parameters_of
from mi_tutor.models.plain import plain_logits
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.zoo import ASSETS, WEIGHTS_FILE, bundled_weights, load_model

SIZES: list[dict[str, Any]] = [
    {"n_layers": 1},
    {"n_layers": 3, "n_heads": 2, "d_head": 6, "n_ctx": 40},
    {"n_layers": 2, "d_mlp": 11},
]


@pytest.mark.parametrize("sizes", SIZES, ids=["one layer", "three layers", "with MLPs"])
def test_plain_and_bridge_give_the_same_logits_with_every_bias_at_work(sizes: dict[str, Any]) -> None:
    model = small_model(5, **sizes)
    tokens = torch.randint(0, model.cfg.d_vocab, (3, model.cfg.n_ctx), generator=torch.Generator().manual_seed(0))
    architecture = {
        "n_layers": model.cfg.n_layers,
        "n_heads": model.cfg.n_heads,
        "normalization_type": "LNPre",
        "attn_only": model.cfg.attn_only,
    }
    with torch.no_grad():
        plain = plain_logits(architecture, parameters_of(model), tokens)
        assert torch.allclose(plain, model(tokens), atol=1e-4)


@pytest.mark.parametrize("name", [name for name in RECIPES if (ASSETS / name / WEIGHTS_FILE).exists()])
def test_plain_and_bridge_give_the_same_logits_for_what_ships(name: str) -> None:
    model = load_model(name, "cpu")
    tokens = torch.randint(0, model.cfg.d_vocab, (2, 100), generator=torch.Generator().manual_seed(1))
    weights = {key: value.float() for key, value in bundled_weights(name).items()}
    with torch.no_grad():
        assert torch.allclose(plain_logits(RECIPES[name].architecture, weights, tokens), model(tokens), atol=1e-4)
