"""Two features in one dimension: expected losses of ReLU(Wᵀ W x + b) on a fine grid instead of samples.

Features are independent, active with a probability and then uniform on [0, 1); losses are summed over the two, the
first of importance 1, as in the phase diagrams of Elhage et al. (2022).
"""

import torch
from jaxtyping import Float
from torch import Tensor

LEVELS = 24
"""Values that an active feature takes here, each as likely: the midpoints of so many equal parts of [0, 1)."""


def exact_losses(
    W: Float[Tensor, "model feature"],
    b: Float[Tensor, "model feature"],
    probability: Float[Tensor, "model"],
    importance: Float[Tensor, "model"],
) -> Float[Tensor, "model"]:
    """The expected loss of each model; `importance` is that of the second feature."""
    values = torch.cat([W.new_zeros(1), (torch.arange(LEVELS, device=W.device) + 0.5) / LEVELS])
    pairs = torch.cartesian_prod(values, values)
    p = probability[:, None]
    one = torch.cat([1 - p, (p / LEVELS).expand(-1, LEVELS)], 1)
    chances = (one[:, :, None] * one[:, None, :]).flatten(1)
    x_hat = ((W @ pairs.T)[..., None] * W[:, None] + b[:, None]).relu()
    errors = torch.einsum("mpf,mp->mf", (x_hat - pairs).square(), chances)
    return errors[:, 0] + importance * errors[:, 1]


def best_sharing(
    probability: Float[Tensor, "model"], importance: Float[Tensor, "model"], steps: int = 200
) -> tuple[Float[Tensor, "model 4"], Float[Tensor, "model"]]:
    """Where gradient descent on the exact loss ends that begins at W = (1, -1) and b = 0: both weights, both biases; its loss."""
    start = torch.tensor([1.0, -1.0, 0.0, 0.0], device=probability.device)
    free = start.repeat(len(probability), 1).requires_grad_()
    optimiser = torch.optim.Adam([free], lr=1e-2)
    for _ in range(steps):
        losses = exact_losses(free[:, :2], free[:, 2:], probability, importance)
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
    found = free.detach()
    return found, exact_losses(found[:, :2], found[:, 2:], probability, importance)
