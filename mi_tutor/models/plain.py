"""The bundled architecture as a plain PyTorch function, with fused attention: what the training loop runs.

It computes what TransformerLens's native model computes, from the same weights, without hooks and without ever holding
an attention pattern; tests/models/test_plain.py compares the two.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

EPS = 1e-5


def plain_logits(
    architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position d_vocab']":
    """Next-token logits.

    Args:
        architecture: as in a recipe; rotary positions, ReLU, and no norm or LNPre.
        weights: by the names of `parameters_of`; differentiated through where they require gradients.
        tokens: ids, at most `n_ctx` a sequence.
    """
    from torch.nn.functional import embedding, linear, relu

    def norm(x: "Tensor") -> "Tensor":
        from torch.nn.functional import layer_norm

        return layer_norm(x, x.shape[-1:], eps=EPS) if architecture["normalization_type"] else x

    resid = embedding(tokens, weights["tok_embed.weight"])
    for layer in range(architecture["n_layers"]):
        of_layer = {
            name.removeprefix(f"layers.{layer}."): value
            for name, value in weights.items()
            if name.startswith(f"layers.{layer}.")
        }
        resid = resid + _attention(architecture, of_layer, norm(resid))
        if not architecture["attn_only"]:
            hidden = relu(linear(norm(resid), of_layer["mlp.fc_in.weight"], of_layer["mlp.fc_in.bias"]))
            resid = resid + linear(hidden, of_layer["mlp.fc_out.weight"], of_layer["mlp.fc_out.bias"])
    return linear(norm(resid), weights["head.weight"])


def _attention(architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", x: "Tensor") -> "Tensor":
    import torch
    from einops import rearrange
    from torch.nn.functional import linear, scaled_dot_product_attention

    # One product for queries, keys and values: fewer and larger is faster.
    joint_weight = torch.cat([weights[f"attn.{part}.weight"] for part in "qkv"])
    joint_bias = torch.cat([weights[f"attn.{part}.bias"] for part in "qkv"])
    q, k, v = rearrange(
        linear(x, joint_weight, joint_bias),
        "batch position (part head d_head) -> part batch head position d_head",
        part=3,
        head=architecture["n_heads"],
    )
    cos, sin = _rotations(q.shape[-2], q.shape[-1], x.device)
    z = scaled_dot_product_attention(_rotate(q, cos, sin), _rotate(k, cos, sin), v, is_causal=True)
    joined = rearrange(z, "batch head position d_head -> batch position (head d_head)")
    return linear(joined, weights["attn.o.weight"], weights["attn.o.bias"])


def _rotations(positions: int, d_head: int, device: "Any") -> "tuple[Tensor, Tensor]":
    """Cosines and sines of the rotary angles (Su et al., "RoFormer", 2021, section 3.2), [position d_head/2]."""
    import torch

    frequencies = 10000.0 ** (-torch.arange(0, d_head, 2, device=device).float() / d_head)
    angles = torch.outer(torch.arange(positions, device=device).float(), frequencies)
    return angles.cos(), angles.sin()


def _rotate(x: "Tensor", cos: "Tensor", sin: "Tensor") -> "Tensor":
    """Turn each adjacent pair of entries by its angle."""
    import torch

    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
    return turned.flatten(-2).to(x.dtype)
