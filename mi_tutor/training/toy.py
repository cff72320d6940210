"""Toy models of superposition, many in one run: sparse features squeezed through few dimensions, gradients by hand.

The models are those of Elhage et al., Toy Models of Superposition, 2022. Losses are means over features here.

The batch is the last axis in here: with a handful of features every other layout spends its time on rows of five
numbers. One uniform draw serves as the gate and, rescaled, as the value, and all instances of a sweep read the same
draws, each through its own probabilities; every instance alone sees exactly the law that it is asked for.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

Gradients = Callable[[list[Tensor], Tensor], list[Tensor]]
"""(parameters, inputs [instance feature batch]) -> the gradient in each parameter."""
Source = Callable[[int, torch.Generator], Tensor]
"""(batch, generator) -> inputs [instance feature batch], or [1 feature batch] where all instances share them."""
Watch = Callable[[int, list[Tensor]], None]
"""(steps done, parameters) -> nothing: who wants to keep parameters clones them."""


class ToyModels(NamedTuple):
    """Trained instances of ReLU(Wᵀ W x + b)."""

    W: Float[Tensor, "instance hidden feature"]
    """A column is the direction of a feature."""
    b: Float[Tensor, "instance feature"]
    loss: Float[Tensor, "instance"]
    """Mean over batch and features of importance · (x - x_hat)², on fresh inputs."""


class AbsModels(NamedTuple):
    """Trained instances of ReLU(W_out ReLU(W_in x) + b), asked for |x|."""

    W_in: Float[Tensor, "instance neuron feature"]
    W_out: Float[Tensor, "instance feature neuron"]
    b: Float[Tensor, "instance feature"]
    loss: Float[Tensor, "instance"]


Models = TypeVar("Models", ToyModels, AbsModels)


def train_toy(
    feature_probability: Float[Tensor, "instance feature"],
    hidden: int,
    importance: Float[Tensor, "feature"] | Float[Tensor, "instance feature"],
    seed: int = 0,
    *,
    steps: int = 2_000,
    batch: int = 512,
    learning_rate: float = 1e-2,
    relu_hidden: bool = False,
    relu_output: bool = True,
    source: Source | None = None,
    watch: Watch | None = None,
) -> ToyModels:
    """Train one toy model for each instance, all at once.

    Args:
        feature_probability: of each feature being active, above 0; the value is then uniform.
        hidden: dimensions that the features share.
        importance: the weight of each feature's error; one row for all instances, or one each.
        seed: of the weights and of the inputs.
        relu_hidden: with a ReLU on the hidden layer too: x_hat = ReLU(Wᵀ ReLU(W x) + b).
        relu_output: without it the model is linear: x_hat = Wᵀ W x + b.
        source: where inputs come from when they are not independent features.
        watch: called before the first step and after every one.
    """
    instances, features = feature_probability.shape
    generator = torch.Generator(device=feature_probability.device).manual_seed(seed)
    W = torch.randn(instances, hidden, features, generator=generator, device=generator.device)
    # Xavier's scale, as in the published code.
    parameters = [W * (2 / (features + hidden)) ** 0.5, W.new_zeros(instances, features)]
    weight = importance.expand(instances, features)
    inputs = source or sparse_source(feature_probability)

    def gradients(parameters: list[Tensor], x: Tensor) -> list[Tensor]:
        W, b = parameters
        return toy_gradients(W, b, x, weight, relu_hidden, relu_output)

    adam(parameters, gradients, inputs, generator, steps, batch, learning_rate, watch)
    W, b = parameters
    x = inputs(16 * batch, generator).expand(instances, -1, -1)
    h = (W @ x).relu() if relu_hidden else W @ x
    x_hat = torch.baddbmm(b[..., None], W.mT, h)
    error = (x_hat.relu() if relu_output else x_hat) - x
    return ToyModels(W, b, (weight * error.square().mean(-1)).mean(-1))


def toy_gradients(
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
    x: Float[Tensor, "instance feature batch"],
    weight: Float[Tensor, "instance feature"],
    relu_hidden: bool = False,
    relu_output: bool = True,
) -> list[Tensor]:
    """Gradients in W and b of each instance's loss, its mean over batch and features.

    The importances are left out until the end: everything is linear in the error, so they can weigh what is summed
    over the batch instead of every entry.
    """
    h = torch.bmm(W, x)
    if relu_hidden:
        h.relu_()
    x_hat = torch.baddbmm(b[..., None], W.mT, h)
    if relu_output:
        x_hat.relu_()
        error = torch.ops.aten.threshold_backward(x_hat - x, x_hat, 0)
    else:
        error = x_hat - x
    scale = weight * (2 / (x.shape[1] * x.shape[2]))
    to_hidden = torch.bmm(W * scale[:, None], error)
    if relu_hidden:
        to_hidden = torch.ops.aten.threshold_backward(to_hidden, h, 0)
    in_W = torch.baddbmm(torch.bmm(h, error.mT) * scale[:, None], to_hidden, x.mT)
    return [in_W, error.sum(-1) * scale]


def train_abs(
    feature_probability: Float[Tensor, "instance feature"],
    neurons: int,
    importance: Float[Tensor, "feature"],
    seed: int = 0,
    *,
    steps: int = 2_000,
    batch: int = 512,
    learning_rate: float = 1e-2,
) -> AbsModels:
    """Train one absolute-value model for each instance: features from -1 to 1 go in, their absolute values come out.

    Args:
        feature_probability: of each feature being active, above 0; the value is then uniform on [-1, 1].
        neurons: of the hidden layer, which has a ReLU and no bias.
    """
    instances, features = feature_probability.shape
    generator = torch.Generator(device=feature_probability.device).manual_seed(seed)
    scale = (2 / (features + neurons)) ** 0.5
    W_in = torch.randn(instances, neurons, features, generator=generator, device=generator.device) * scale
    W_out = torch.randn(instances, features, neurons, generator=generator, device=generator.device) * scale
    parameters = [W_in, W_out, W_in.new_zeros(instances, features)]
    weight = importance.expand(instances, features)
    inputs = signed_source(feature_probability)

    def gradients(parameters: list[Tensor], x: Tensor) -> list[Tensor]:
        W_in, W_out, b = parameters
        return abs_gradients(W_in, W_out, b, x, weight)

    adam(parameters, gradients, inputs, generator, steps, batch, learning_rate)
    W_in, W_out, b = parameters
    x = inputs(16 * batch, generator)
    error = torch.baddbmm(b[..., None], W_out, (W_in @ x).relu()).relu() - x.abs()
    return AbsModels(W_in, W_out, b, (weight * error.square().mean(-1)).mean(-1))


def abs_gradients(
    W_in: Float[Tensor, "instance neuron feature"],
    W_out: Float[Tensor, "instance feature neuron"],
    b: Float[Tensor, "instance feature"],
    x: Float[Tensor, "instance feature batch"],
    weight: Float[Tensor, "instance feature"],
) -> list[Tensor]:
    """Gradients in W_in, W_out and b of each instance's loss against |x|, its mean over batch and features."""
    h = torch.bmm(W_in, x).relu_()
    y_hat = torch.baddbmm(b[..., None], W_out, h).relu_()
    error = torch.ops.aten.threshold_backward(y_hat - x.abs(), y_hat, 0)
    scale = weight * (2 / (x.shape[1] * x.shape[2]))
    to_hidden = torch.ops.aten.threshold_backward(torch.bmm((W_out * scale[..., None]).mT, error), h, 0)
    return [torch.bmm(to_hidden, x.mT), torch.bmm(error, h.mT) * scale[..., None], error.sum(-1) * scale]


def sparse_source(probability: Float[Tensor, "instance feature"]) -> Source:
    """Features active with these probabilities (above 0), uniform on (0, 1] when they are."""
    slope = -1 / probability[..., None]

    def draw(batch: int, generator: torch.Generator) -> Tensor:
        # u < p opens the gate, and 1 - u/p is then uniform.
        u = torch.rand(probability.shape[1], batch, generator=generator, device=probability.device)
        return torch.mul(u, slope).add_(1).relu_()

    return draw


def signed_source(probability: Float[Tensor, "instance feature"]) -> Source:
    """As `sparse_source`, uniform on [-1, 1] when active."""
    slope = -2 / probability[..., None]

    def draw(batch: int, generator: torch.Generator) -> Tensor:
        u = torch.rand(probability.shape[1], batch, generator=generator, device=probability.device)
        x = torch.mul(u, slope).add_(1)
        return torch.ops.aten.threshold_backward(x, x + 1, 0)

    return draw


def adam(
    parameters: list[Tensor],
    gradients: Gradients,
    inputs: Source,
    generator: torch.Generator,
    steps: int,
    batch: int,
    learning_rate: float,
    watch: Watch | None = None,
) -> None:
    """Adam with its usual betas, in place; the rate stays for half of the steps and then falls to 0 along a cosine."""
    instances = parameters[0].shape[0]
    means = [torch.zeros_like(p) for p in parameters]
    squares = [torch.zeros_like(p) for p in parameters]
    if watch:
        watch(0, parameters)
    for step in range(1, steps + 1):
        x = inputs(batch, generator).expand(instances, -1, -1)
        fall = max(0.0, 2 * step / steps - 1)
        rate = learning_rate * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * fall)).item())
        unbiased = (1 - 0.999**step) ** 0.5
        for p, g, mean, square in zip(parameters, gradients(parameters, x), means, squares, strict=True):
            mean.lerp_(g, 0.1)
            square.mul_(0.999).addcmul_(g, g, value=0.001)
            p.addcdiv_(mean, square.sqrt().add_(1e-8 * unbiased), value=-rate * unbiased / (1 - 0.9**step))
        if watch:
            watch(step, parameters)


def best_of(models: Models, restarts: int) -> Models:
    """Of each `restarts` instances in a row the one with the lowest loss."""
    losses = models.loss.unflatten(0, (-1, restarts))
    chosen = losses.argmin(-1) + restarts * torch.arange(len(losses), device=losses.device)
    return type(models)(*(field[chosen] for field in models))


def peaks(values: Float[Tensor, "value"], width: float = 0.01, least: float = 0.02) -> list[tuple[float, float]]:
    """Where values between 0 and 1 heap up: the local maxima of their density, smoothed by a normal of that width.

    Returns:
        Place, and share of all values within twice the width of it, from left to right; shares below `least` are left
        out.
    """
    grid = torch.linspace(0, 1, 1001, dtype=torch.float64, device=values.device)
    apart = grid[:, None] - values.double()
    density = (-(apart / width).square() / 2).exp().sum(-1)
    inside = (density[1:-1] > density[:-2]) & (density[1:-1] >= density[2:])
    shares = (apart.abs() <= 2 * width).double().mean(-1)
    found = [(float(grid[i]), float(shares[i])) for i in (inside.nonzero()[:, 0] + 1).tolist()]
    return [(place, share) for place, share in found if share >= least]
