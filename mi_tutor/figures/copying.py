"""Whether a head raises the very token that it reads."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor
    from transformer_lens import FactoredMatrix

BLOCK = 256
"""Rows of a circuit that are looked at together."""


def own_ranks(circuit: "FactoredMatrix", tokens: "Int[Tensor, 'token']") -> "Int[Tensor, 'token']":
    """The rank of each of these tokens in its own row of a full OV circuit: how many outputs are raised more than itself."""
    import torch

    own = (circuit.A[tokens] * circuit.B.T[tokens]).sum(-1)
    blocks = zip(tokens.split(BLOCK), own.split(BLOCK), strict=True)
    return torch.cat([(circuit.A[part] @ circuit.B > entry[:, None]).sum(-1) for part, entry in blocks])
