"""What exercises of this chapter share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Draw
from mi_tutor.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


def random_rows(draw: Draw, *shape: int, low: float = 0.5, high: float = 3.0) -> Tensor:
    """Rows of random direction whose lengths are spread evenly between two bounds."""
    direction = F.normalize(draw.normal(*shape).double(), dim=-1)
    count = shape[-2]
    lengths = torch.linspace(low, high, count, dtype=torch.float64) if count > 1 else torch.tensor([high]).double()
    return draw.of(direction.cpu() * lengths[:, None])


def activations(draw: Draw, batch: int, d_sae: int, scale: float = 1.0) -> Tensor:
    """What an encoder puts out: not negative, about a third of it zero."""
    return (draw.normal(batch, d_sae, scale=scale) + 0.4 * scale).relu()


def with_mlp(draw: Draw, site: str, d_mlp: int = 9, **choices: Any) -> tuple[Any, int]:
    """A small model, and how wide it is at that place."""
    model = draw.model(d_mlp=d_mlp, **choices)
    return model, d_mlp if site == "mlp.hook_post" else model.cfg.d_model


def hooked(model: Any, tokens: Tensor, hook_name: str, edit: Callable[[Tensor], Tensor]) -> Tensor:
    def hook(value: Tensor, hook: Any) -> Tensor:
        return edit(value.clone())

    with torch.no_grad():
        logits: Tensor = model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])
    return logits


def clean_logits(model: Any, tokens: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(tokens)
    return logits
