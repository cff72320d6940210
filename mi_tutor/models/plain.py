"""The bundled architecture as a plain PyTorch function, without hooks: what the training loop runs.

It computes what TransformerLens's native model computes, from the same weights; tests/models/test_plain.py compares
the two.
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
    from torch.nn.functional import linear

    resid = final_residual(architecture, weights, tokens)
    return linear(_norm(architecture, resid), weights["head.weight"])


def final_residual(
    architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position d_model']":
    """What the last layer's `hook_resid_post` holds; arguments as for `plain_logits`."""
    from torch.nn.functional import embedding, linear

    resid = embedding(tokens, weights["tok_embed.weight"])
    for layer in range(architecture["n_layers"]):
        of_layer = _of_layer(weights, layer)
        resid = resid + _attention(architecture, of_layer, _norm(architecture, resid))
        if not architecture["attn_only"]:
            hidden = _hidden(architecture, of_layer, resid)
            resid = resid + linear(hidden, of_layer["mlp.fc_out.weight"], of_layer["mlp.fc_out.bias"])
    return resid


def first_mlp_activations(
    architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position d_mlp']":
    """What `blocks.0.mlp.hook_post` holds: layer 0's neurons after their ReLU; arguments as for `plain_logits`."""
    from torch.nn.functional import embedding

    resid = embedding(tokens, weights["tok_embed.weight"])
    of_layer = _of_layer(weights, 0)
    return _hidden(architecture, of_layer, resid + _attention(architecture, of_layer, _norm(architecture, resid)))


def first_mlp_output(
    architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position d_model']":
    """What `blocks.0.hook_mlp_out` holds: what these neurons write; arguments as for `plain_logits`."""
    from torch.nn.functional import linear

    of_layer = _of_layer(weights, 0)
    hidden = first_mlp_activations(architecture, weights, tokens)
    return linear(hidden, of_layer["mlp.fc_out.weight"], of_layer["mlp.fc_out.bias"])


def _of_layer(weights: "Mapping[str, Tensor]", layer: int) -> "dict[str, Tensor]":
    start = f"layers.{layer}."
    return {name.removeprefix(start): value for name, value in weights.items() if name.startswith(start)}


def _norm(architecture: Mapping[str, Any], x: "Tensor") -> "Tensor":
    from torch.nn.functional import layer_norm

    return layer_norm(x, x.shape[-1:], eps=EPS) if architecture["normalization_type"] else x


def _hidden(architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", resid_mid: "Tensor") -> "Tensor":
    from torch.nn.functional import linear, relu

    return relu(linear(_norm(architecture, resid_mid), weights["mlp.fc_in.weight"], weights["mlp.fc_in.bias"]))


def _attention(architecture: Mapping[str, Any], weights: "Mapping[str, Tensor]", x: "Tensor") -> "Tensor":
    import torch
    from einops import rearrange
    from torch.nn.functional import linear

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
    z = _causal_attention(_rotate(q, cos, sin), _rotate(k, cos, sin), v)
    joined = rearrange(z, "batch head position d_head -> batch position (head d_head)")
    return linear(joined, weights["attn.o.weight"], weights["attn.o.bias"])


def _causal_attention(q: "Tensor", k: "Tensor", v: "Tensor") -> "Tensor":
    """Scaled dot-product attention to this position and those before, each [batch head position d_head].

    Fused on a GPU. On a processor three plain steps are faster: a training step of attn-2l-py with PyTorch 2.13's fused
    kernel, whose backward pass is the slow part, took 1.3 to 1.4 times as long (two cores, AVX-512 bfloat16).
    """
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    if q.device.type != "cpu":
        return scaled_dot_product_attention(q, k, v, is_causal=True)
    positions, d_head = q.shape[-2:]
    future = torch.full((positions, positions), -torch.inf, dtype=q.dtype).triu(1)
    scaled = q.flatten(0, 1) * d_head**-0.5
    with torch.autocast("cpu", enabled=False):  # the operands have their type already; softmax may keep it
        pattern = torch.baddbmm(future, scaled, k.flatten(0, 1).mT).softmax(-1)
        return torch.bmm(pattern, v.flatten(0, 1)).view_as(q)


def turned_by_position(x: "Float[Tensor, '*batch position d_head']") -> "Float[Tensor, '*batch position d_head']":
    """Queries or keys as they are compared: each turned by its position, from 0."""
    return _rotate(x, *_rotations(x.shape[-2], x.shape[-1], x.device))


def turned(
    x: "Float[Tensor, '*batch d_head']", steps: "Float[Tensor, '*batch'] | int"
) -> "Float[Tensor, '*batch d_head']":
    """The same by any number of steps: the dot product of two turned vectors depends on the difference of their steps."""
    import torch

    angles = torch.as_tensor(steps, device=x.device)[..., None] * _frequencies(x.shape[-1], x.device)
    return _rotate(x, angles.cos(), angles.sin())


def _rotations(positions: int, d_head: int, device: "Any") -> "tuple[Tensor, Tensor]":
    """Cosines and sines of the rotary angles, [position d_head/2]."""
    import torch

    angles = torch.outer(torch.arange(positions, device=device).float(), _frequencies(d_head, device))
    return angles.cos(), angles.sin()


def _frequencies(d_head: int, device: "Any") -> "Tensor":
    """By how much a step turns each pair of entries (Su et al., "RoFormer", 2021, section 3.2), [d_head/2]."""
    import torch

    return 10000.0 ** (-torch.arange(0, d_head, 2, device=device).float() / d_head)


def _rotate(x: "Tensor", cos: "Tensor", sin: "Tensor") -> "Tensor":
    """Turn each adjacent pair of entries by its angle."""
    import torch

    even, odd = x[..., 0::2], x[..., 1::2]
    turned = torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1)
    return turned.flatten(-2).to(x.dtype)
