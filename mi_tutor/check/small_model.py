"""Small models for exercises that take one: untrained, but with nothing in them that is zero by accident."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch

from mi_tutor.check.watched import watch
from mi_tutor.models.build import boot, parameters_of, set_weights

if TYPE_CHECKING:
    from transformer_lens.model_bridge import TransformerBridge

DESCRIPTION = "described_as"
"""The attribute in which a small model says how to make it again."""
CHOICES = "made_with"
"""The attribute that holds the arguments of `small_model` which made it, for making it in another process."""


@lru_cache(maxsize=64)
def small_model(
    seed: int,
    n_layers: int = 2,
    n_heads: int = 3,
    d_head: int = 4,
    d_model: int = 10,
    d_mlp: int = 0,
    d_vocab: int = 13,
    n_ctx: int = 16,
    training: bool = False,
    hooked: bool = False,
    watched: str = "",
    dead_head: bool = False,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> "TransformerBridge":
    """A native model with rotary positions, parameter-free norms, random weights and random, non-zero biases.

    The same arguments give the same model, and the same object: an exercise has to leave it as found.

    Args:
        d_head: even, since rotary positions turn pairs.
        d_mlp: neurons (ReLU) in each layer's MLP; 0 for none.
        training: in training mode, which changes nothing but has to be left so.
        hooked: with a caller's own hook at the first residual stream, which only looks, and has to be left there.
        watched: an activation at which a caller's hook remembers what passes, so that an edit in place is seen; see
            `edited_in_place`.
        dead_head: head 1 of layer 0 writes nothing: its output matrix is zero.
    """
    choices = dict(locals())
    architecture: dict[str, Any] = {
        "n_layers": n_layers,
        "n_heads": n_heads,
        "d_head": d_head,
        "d_model": d_model,
        "d_vocab": d_vocab,
        "n_ctx": n_ctx,
        "attn_only": not d_mlp,
        "act_fn": "relu",
        **({"d_mlp": d_mlp} if d_mlp else {}),
        "normalization_type": "LNPre",
        "positional_embedding_type": "rotary",
    }
    model = boot(architecture, "small", device=device, dtype=dtype)
    source = torch.Generator().manual_seed(seed)

    def draw(shape: torch.Size) -> torch.Tensor:
        # Wide enough for heads to have preferences: at the usual width every pattern is nearly even.
        width = 1.5 * shape[-1] ** -0.5 if len(shape) > 1 else 0.7
        return torch.randn(shape, generator=source, dtype=torch.float64) * width

    set_weights(model, {name: draw(value.shape) for name, value in parameters_of(model).items()})
    with torch.no_grad():
        if dead_head:
            model.blocks[0].attn.o.weight.view(d_model, n_heads, d_head)[:, 1] = 0
        model.run_with_cache(torch.zeros(1, 1, dtype=torch.int64, device=device))  # a first run adds hooks of its own
    model.train(training)
    if hooked:
        model.add_hook("blocks.0.hook_resid_pre", lambda resid, hook: None)
    if watched:
        watch(model, watched)
    sizes = f"n_layers={n_layers}, n_heads={n_heads}, d_head={d_head}, d_model={d_model}, d_mlp={d_mlp}"
    rest = f"d_vocab={d_vocab}, n_ctx={n_ctx}, training={training}, hooked={hooked}, dtype={dtype}"
    rest += f", watched={watched!r}" * bool(watched) + ", dead_head=True" * dead_head
    setattr(model, DESCRIPTION, f"small_model({seed}, {sizes}, {rest})")
    setattr(model, CHOICES, choices)
    return model
