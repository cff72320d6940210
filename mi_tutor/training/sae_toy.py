"""Sparse autoencoders of toy models' hidden activations, a whole sweep of them in one run."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class ToySaes(NamedTuple):
    """What a sweep has learnt."""

    W_dec: list[Float[Tensor, "d_sae d_in"]]
    """Of each autoencoder; their sizes may differ."""
    l0: Float[Tensor, "instance"]
    """Mean number of active features on the last batch."""


def train_toy_saes(
    W: Float[Tensor, "instance hidden feature"],
    probability: Float[Tensor, "instance"],
    sizes: Sequence[int],
    l1_coefficients: Sequence[float],
    *,
    steps: int = 600,
    batch: int = 256,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> ToySaes:
    """Train autoencoders on h = W x, where x has features that are active independently and then uniform on [0, 1).

    The loss is that of Conerly et al. (2024): squared error plus l1_coefficient times the sum of activations weighted by
    decoder norms.

    Args:
        W: the toy model of each autoencoder; a column is the direction of a feature. Training runs on its device.
        probability: how often each feature of it is active; on the same device.
        sizes: features in each dictionary.
        l1_coefficients: one for each.

    Raises:
        ValueError: lists of different lengths.
    """
    instances, hidden, features = W.shape
    if not len(sizes) == len(l1_coefficients) == len(probability) == instances:
        raise ValueError(
            f"{instances} models, {len(probability)} probabilities, {len(sizes)} sizes, {len(l1_coefficients)} coefficients"
        )
    device = W.device
    generator = torch.Generator(device).manual_seed(seed)
    largest = max(sizes)
    # Smaller dictionaries are larger ones whose last features are kept silent: one batched product serves all.
    mask = (torch.arange(largest, device=device) < torch.tensor(sizes, device=device)[:, None]).to(W.dtype)[:, None]
    start = torch.nn.functional.normalize(
        torch.randn(instances, largest, hidden, generator=generator, device=device), dim=-1
    )
    W_dec = (0.3 * start).requires_grad_()
    W_enc = (0.3 * start.mT).clone().requires_grad_()
    b_enc = torch.zeros(instances, 1, largest, device=device, requires_grad=True)
    b_dec = torch.zeros(instances, 1, hidden, device=device, requires_grad=True)
    optimizer = torch.optim.Adam([W_enc, b_enc, W_dec, b_dec], lr=learning_rate)
    coefficients = torch.tensor(l1_coefficients, device=device)
    f = torch.zeros(instances, batch, largest, device=device)
    with torch.enable_grad():
        for step in range(steps):
            u = torch.rand(batch, features, generator=generator, device=device) / probability[:, None, None]
            x = (1 - u).relu() @ W.mT  # below the probability, 1 - u is uniform
            f = ((x - b_dec) @ W_enc + b_enc).relu() * mask
            error = (f @ W_dec + b_dec - x).square().sum(-1).mean(-1)
            penalty = (f * W_dec.norm(dim=-1)[:, None]).sum(-1).mean(-1)
            optimizer.param_groups[0]["lr"] = learning_rate * min(1.0, 3 * (1 - step / steps))
            optimizer.zero_grad()
            (error + coefficients * penalty).sum().backward()
            optimizer.step()
    kept = [rows[:size].detach() for rows, size in zip(W_dec, sizes, strict=True)]
    return ToySaes(kept, (f > 0).to(W.dtype).sum(-1).mean(-1).detach())
