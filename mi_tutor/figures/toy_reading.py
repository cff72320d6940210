"""What can be read out of toy models by others than themselves: the sparsest explanation of a hidden state, and which sides
of features an absolute-value model answers."""

from itertools import combinations

import torch
from jaxtyping import Float, Int
from torch import Tensor


def sparsest_explanation(
    h: Float[Tensor, "sample hidden"], W: Float[Tensor, "hidden feature"], active: int
) -> Int[Tensor, "sample active"]:
    """Which features, so many of them, explain each hidden state best: every choice is tried, each with its least squares.

    Compressed sensing asks for the same and has faster ways; with 40 features there are 9,880 choices of three, and trying all
    leaves no doubt about the answer.
    """
    choices = torch.tensor(list(combinations(range(W.shape[1]), active)), device=W.device)
    basis = torch.linalg.qr(W.double()[:, choices].permute(1, 0, 2)).Q
    explained = (basis.mT @ h.double().T).square().sum(1)
    return choices[explained.argmax(0)]


def sides_answered(
    W_in: Float[Tensor, "instance neuron feature"],
    W_out: Float[Tensor, "instance feature neuron"],
    b: Float[Tensor, "instance feature"],
) -> Int[Tensor, "instance"]:
    """How many sides of features, x = 1 alone and x = -1 alone, move the answer of ReLU(W_out ReLU(W_in x) + b) by a half."""
    features = W_in.shape[2]
    each = torch.eye(features, device=W_in.device)
    alone = torch.cat([each, -each, each.new_zeros(features, 1)], 1)
    answers = (W_out @ (W_in @ alone).relu() + b[..., None]).relu()
    moved = answers[..., :-1] - answers[..., -1:]
    return (moved.unflatten(-1, (2, features)).diagonal(dim1=1, dim2=3) > 0.5).sum((1, 2))
