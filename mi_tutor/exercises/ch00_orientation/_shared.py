"""What exercises of this chapter share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def head_cases(draw: Draw) -> Iterator[Case]:
    def on(model: Any, batch: int, position: int, layer: int, head: int) -> dict[str, Any]:
        return {"model": model, "tokens": draw.ids((batch, position), model.cfg.d_vocab), "layer": layer, "head": head}

    yield basic("two layers of three heads", **on(draw.model(), 2, 5, 0, 1))
    yield basic("the second layer of two", **on(draw.model(), 3, 4, 1, 0))
    yield general("a model with MLPs", **on(draw.model(n_layers=3, n_heads=2, d_mlp=9), 2, 7, draw.size(0, 1), 1))
    yield general("the third layer of three", **on(draw.model(n_layers=3), 2, 5, 2, draw.size(0, 2)))
    yield general("a middle layer", **on(draw.model(n_layers=3, n_heads=4, d_head=2), 3, 6, 1, draw.size(0, 3)))
    yield general("the last head of the last layer", **on(draw.model(n_heads=4, d_model=7), 2, 8, 1, 3))
    yield edge("one layer", **on(draw.model(n_layers=1, d_mlp=6), 2, 5, 0, 2))
    yield edge("one head", **on(draw.model(n_heads=1, d_head=6), 2, 5, 1, 0))
    yield edge("one sequence", **on(draw.model(), 1, 6, 0, 2))
    yield edge("one token", **on(draw.model(), 2, 1, 1, 1))
    yield edge("the full context", **on(draw.model(n_ctx=9), 1, 9, 0, 0))
    yield edge("a model that carries a hook of yours", **on(draw.model(hooked=True), 2, 4, 1, 2))
    yield edge("a model in training mode", **on(draw.model(training=True, d_mlp=5), 2, 4, 0, 1))
    yield edge("as many positions as sequences and heads", **on(draw.model(), 3, 3, 1, 1))


def cached_activation(model: Any, tokens: Tensor, name: str) -> Tensor:
    with torch.no_grad():
        cached: Tensor = model.run_with_cache(tokens, names_filter=lambda n: n == name)[1][name]
    return cached
