"""A layer of attention taken to pieces: what it compares, and what each part of a one-layer model wrote.

TransformerLens's bridge gives queries and keys before they are turned by their positions, and no turned weights.
"""

from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.models.plain import turned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens import FactoredMatrix
    from transformer_lens.model_bridge import TransformerBridge

SETTLED = 8
"""Queries from here on count: before, there is little to choose from."""


class Parts(NamedTuple):
    """The stream of a one-layer model at the last position, taken apart."""

    wrote: "Float[Tensor, 'part batch d_model']"
    """The embedding, then each head without its bias, then all biases together; they add up to the stream."""
    scale: "Float[Tensor, 'batch 1']"
    """What the final norm divided by."""
    logits: "Float[Tensor, 'batch d_vocab']"
    """What the model says."""
    pattern: "Float[Tensor, 'batch head key']"
    """Where the last position looks."""

    @property
    def names(self) -> list[str]:
        """Of the parts, in their order."""
        return ["direct path", *(f"head {head}" for head in range(len(self.wrote) - 2)), "constant"]


def queries_and_keys(
    model: "TransformerBridge", read: "Float[Tensor, 'batch position d_model']", layer: int = 0
) -> "tuple[Float[Tensor, 'batch position head d_head'], Float[Tensor, 'batch position head d_head']]":
    """What a layer compares, turned by position, when it reads this after its norm."""
    import torch

    steps = torch.arange(read.shape[1])[:, None]
    made = []
    for W, b in ((model.W_Q, model.b_Q), (model.W_K, model.b_K)):
        made.append(turned(torch.einsum("bpm,hmd->bphd", read, W[layer]) + b[layer], steps))
    return made[0], made[1]


def told_by_tables(
    model: "TransformerBridge",
    read: "Float[Tensor, 'batch position d_model']",
    circuits: "Sequence[FactoredMatrix]",
    tokens: "Int[Tensor, 'batch position']",
) -> "Float[Tensor, 'head']":
    """Which share of the variance of the first layer's scores a table of tokens explains, in each head.

    Scores are divided by √d_head and centred for each query over the keys that it sees. The first token is left aside, and
    queries that see fewer than `SETTLED`.

    Args:
        read: what the layer reads after its norm.
        circuits: a table for each head, a row for each query token, a column for each key token.
    """
    import torch

    q, k = queries_and_keys(model, read)
    scores = torch.einsum("bqhd,bkhd->hbqk", q, k) / q.shape[-1] ** 0.5
    visible = torch.ones(scores.shape[-2:], device=scores.device).tril()
    visible[:, 0], visible[:SETTLED] = 0, 0

    def centred(values: "Tensor") -> "Tensor":
        mean = (values * visible).sum(-1, keepdim=True) / visible.sum(-1, keepdim=True).clamp(min=1)
        return (values - mean) * visible

    real = centred(scores)
    looked_up = torch.stack([circuit.A[tokens] @ circuit.B.T[tokens].mT for circuit in circuits])
    missed = real - centred(looked_up)
    return 1 - missed.square().sum((1, 2, 3)) / real.square().sum((1, 2, 3))


def stream_parts(model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']") -> Parts:
    """What each part of a one-layer, attention-only model wrote at the last position."""
    import torch

    with torch.inference_mode():
        logits, cache = model.run_with_cache(tokens)
        z = cache["blocks.0.attn.hook_z"][:, -1]
        heads = torch.einsum("bhd,hdm->hbm", z - model.b_V[0], model.W_O[0])
        biases = torch.einsum("hd,hdm->m", model.b_V[0], model.W_O[0]) + model.b_O[0]
        embedded = cache["blocks.0.hook_resid_pre"][:, -1]
        wrote = torch.cat([embedded[None], heads, biases.expand_as(embedded)[None]])
        return Parts(wrote, cache["ln_final.hook_scale"][:, -1], logits[:, -1], cache["pattern", 0][:, :, -1])
