"""Models that notice when somebody changes an activation in place, which leaves no other trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

WITNESS = "activations_seen"
"""The attribute under which a watched model's hook keeps the activations that it saw, and copies of them."""


def watch(model: TransformerBridge, hook_name: str) -> None:
    """Have the model keep what passes that hook, each value beside a copy."""
    seen: list[tuple[Tensor, Tensor]] = []
    setattr(model, WITNESS, seen)

    def look(value: Tensor, hook: Any) -> None:
        seen.append((value.detach(), value.detach().clone()))

    model.add_hook(hook_name, look)


def edited_in_place(model: Any) -> bool:
    """Whether anybody changed an activation that a watched model's hook saw, since this was last asked."""
    seen = getattr(model, WITNESS, [])
    edited = any(not torch.equal(value, before) for value, before in seen)
    seen.clear()
    return edited


def forget_seen(args: dict[str, Any]) -> None:
    """Before a call: what watched models among its arguments saw of other calls is none of its."""
    for value in args.values():
        getattr(value, WITNESS, []).clear()


def note_edit(model: Any) -> None:
    """Have `edited_in_place` say so: the edit was seen where the model's twin runs, in another process."""
    getattr(model, WITNESS).append((torch.zeros(1), torch.ones(1)))
