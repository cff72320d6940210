"""How much of what one head writes a later head takes back."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

SETTLED = 8
"""Positions from here on count: before, a head has little to look at."""


def taken_back(
    model: "TransformerBridge",
    tokens: "Int[Tensor, 'batch position']",
    writers: int,
    readers: int,
    turn: "Float[Tensor, 'd_model d_model'] | None" = None,
) -> "Float[Tensor, 'writer reader']":
    """What the heads of layer `readers` add along what those of layer `writers` wrote, because they read it.

    Of each writer's output, less its mean over all tokens, a reader makes something, its pattern and the norm's scale being
    those of the run. That is projected onto the writer's output where it arrives: -1, and what was written is gone; 0,
    and it stands as it was; +1, and it stands there twice.

    Args:
        model: attention with or without MLPs; it is left as found.
        turn: an orthogonal matrix for a control: every writer's output is turned by it first, so that it keeps its lengths
            and how it changes from token to token, and loses its direction.
    """
    import torch

    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens)
        stream = cache[f"blocks.{readers}.hook_resid_pre"]
        scale = (stream.var(-1, unbiased=False, keepdim=True) + model.cfg.eps).sqrt()
        pattern, z = cache["pattern", readers], cache[f"blocks.{writers}.attn.hook_z"]
        W_V, W_O = model.W_V[readers], model.W_O[readers]
        rows = []
        for head in range(model.cfg.n_heads):
            wrote = z[:, :, head] @ model.W_O[writers, head]
            wrote = wrote - wrote.mean((0, 1))
            wrote = wrote - wrote.mean(-1, keepdim=True)  # the norm takes each token's own mean
            wrote = wrote if turn is None else wrote @ turn
            values = torch.einsum("bkm,hmd->bhkd", wrote / scale, W_V)
            along = torch.einsum("bqm,hdm->bhqd", wrote, W_O)
            added = (pattern @ values * along)[:, :, SETTLED:].sum((0, 2, 3))
            rows.append(added / wrote[:, SETTLED:].square().sum())
        return torch.stack(rows)
