"""Wrong answers to the exercises of chapter 04, superposition, by somebody who had read their texts and nothing else."""

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor


def sparse_features__1(
    batch: int,
    feature_probability: Float[Tensor, "instance feature"],
    generator: torch.Generator,
) -> Float[Tensor, "batch instance feature"]:
    """Draws one number per instance to decide about all its features, so they are active together."""
    size = (batch, *feature_probability.shape)
    kw = dict(generator=generator, device=feature_probability.device, dtype=feature_probability.dtype)
    active = torch.rand(batch, feature_probability.shape[0], 1, **kw) < feature_probability
    return torch.rand(size, **kw) * active


def sparse_features__2(
    batch: int,
    feature_probability: Float[Tensor, "instance feature"],
    generator: torch.Generator,
) -> Float[Tensor, "batch instance feature"]:
    """Draws in the default float32, whatever the dtype of feature_probability."""
    size, device = (batch, *feature_probability.shape), feature_probability.device
    active = torch.rand(size, generator=generator, device=device) < feature_probability
    values = torch.rand(size, generator=generator, device=device)
    return torch.where(active, values, 0.0)


def toy_model__1(
    x: Float[Tensor, "batch instance feature"],
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
) -> Float[Tensor, "batch instance feature"]:
    """Uses one axis name for both features of W^T W, which leaves only its diagonal."""
    gram = einsum(W, W, "instance hidden feature, instance hidden feature -> instance feature")
    return torch.relu(x * gram + b)


def toy_model__2(
    x: Float[Tensor, "batch instance feature"],
    W: Float[Tensor, "instance hidden feature"],
    b: Float[Tensor, "instance feature"],
) -> Float[Tensor, "batch instance feature"]:
    """Puts a ReLU on the hidden space, which is to be linear."""
    h = einsum(x, W, "batch instance feature, instance hidden feature -> batch instance hidden").relu()
    back = einsum(h, W, "batch instance hidden, instance hidden feature -> batch instance feature")
    return (back + b).relu()


def toy_loss__1(
    x: Float[Tensor, "batch instance feature"],
    x_hat: Float[Tensor, "batch instance feature"],
    importance: Float[Tensor, "feature"],
) -> Float[Tensor, "instance"]:
    """Puts importance inside the square."""
    return (importance * (x - x_hat)).square().mean(dim=(0, 2))


def toy_loss__2(
    x: Float[Tensor, "batch instance feature"],
    x_hat: Float[Tensor, "batch instance feature"],
    importance: Float[Tensor, "feature"],
) -> Float[Tensor, "instance"]:
    """Takes a weighted mean over features: divides by the sum of the importances."""
    errors = (x - x_hat).square().mean(0)
    return (importance * errors).sum(-1) / importance.sum()


def interference__1(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance feature"]:
    """Sums over the wrong axis: what feature i leaves along all others."""
    length = W.norm(dim=1, keepdim=True)
    unit = torch.where(length > 0, W / length.clamp(min=1e-12), 0.0)
    dots = einsum(unit, W, "n h i, n h j -> n i j")
    off = dots - torch.diag_embed(dots.diagonal(dim1=1, dim2=2))
    return off.square().sum(dim=1)


def interference__2(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance feature"]:
    """Takes 1 off for the feature itself, as if every column had length 1."""
    length = W.norm(dim=1, keepdim=True)
    unit = W / length.clamp(min=1e-8)
    dots = einsum(unit, W, "n h i, n h j -> n i j").square().sum(-1)
    return torch.where(length[:, 0] > 0, dots - 1, 0.0)


def feature_dimensionality__1(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance feature"]:
    """Adds 1e-6 to the denominator against 0/0, which halves the share of a lone column of length 0.001."""
    length = W.norm(dim=1, keepdim=True)
    unit = W / length.clamp(min=1e-12)
    below = einsum(unit, W, "n h i, n h j -> n i j").square().sum(-1)
    return length[:, 0].square() / (below + 1e-6)


def feature_dimensionality__2(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance feature"]:
    """Makes both columns unit vectors, so only angles count."""
    length = W.norm(dim=1, keepdim=True)
    unit = W / length.clamp(min=1e-12)
    below = einsum(unit, unit, "n h i, n h j -> n i j").square().sum(-1)
    return torch.where(below > 0, 1 / below.clamp(min=1e-12), 0.0)


def dimensions_per_feature__1(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance"]:
    """Clamps the denominator, so an all-zero instance has a large number instead of inf."""
    return W.shape[1] / W.square().sum(dim=(1, 2)).clamp(min=1e-8)


def dimensions_per_feature__2(
    W: Float[Tensor, "instance hidden feature"],
) -> Float[Tensor, "instance"]:
    """Counts columns longer than a half instead of summing squared lengths."""
    return W.shape[1] / (W.norm(dim=1) > 0.5).sum(-1).to(W.dtype)


def strategy_losses__1(probability: float, importance: float) -> Float[Tensor, "3"]:
    """Estimates the losses from a sample instead of computing them exactly."""
    g = torch.Generator().manual_seed(0)
    x = torch.rand(100_000, 2, generator=g) * (torch.rand(100_000, 2, generator=g) < probability)
    weight = torch.tensor([1.0, importance])
    variance = x.var(0, correction=0)
    h = x[:, 0] - x[:, 1]
    x_hat = torch.stack([h.relu(), (-h).relu()], 1)
    shared = (weight * (x - x_hat).square()).mean(0).sum()
    return torch.stack([importance * variance[1], variance[0], shared])


def strategy_losses__2(probability: float, importance: float) -> Float[Tensor, "3"]:
    """Takes the variance among active values (p/12) for a lost feature, forgetting that it is mostly 0."""
    p, w = probability, importance
    return torch.tensor([w * p / 12, p / 12, (1 + w) * p**2 / 6])


def correlated_features__1(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Float[Tensor, "batch feature"]:
    """Uses repeat in place of repeat_interleave, so the partners are i and i + n_pairs."""
    kw = dict(generator=generator, device=generator.device)
    active = (torch.rand(batch, n_pairs, **kw) < probability).repeat(1, 2)
    return torch.rand(batch, 2 * n_pairs, **kw) * active


def correlated_features__2(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Float[Tensor, "batch feature"]:
    """Draws one value for both partners."""
    kw = dict(generator=generator, device=generator.device)
    active = torch.rand(batch, n_pairs, **kw) < probability
    values = torch.rand(batch, n_pairs, **kw) * active
    return values.repeat_interleave(2, dim=1)


def anticorrelated_features__1(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Float[Tensor, "batch feature"]:
    """Reuses the draw as value, so the second partner's values lie between 1 and 2."""
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    first, second = u < probability, (u >= probability) & (u < 2 * probability)
    value = u / max(probability, 1e-9)
    return torch.stack([value * first, value * second], -1).flatten(1)


def anticorrelated_features__2(
    batch: int, n_pairs: int, probability: float, generator: torch.Generator
) -> Float[Tensor, "batch feature"]:
    """Gives the pair the probability and then picks one of the two, so each is active half as often."""
    kw = dict(generator=generator, device=generator.device)
    pair = torch.rand(batch, n_pairs, **kw) < probability
    left = torch.rand(batch, n_pairs, **kw) < 0.5
    active = torch.stack([pair & left, pair & ~left], -1).flatten(1)
    return torch.rand(batch, 2 * n_pairs, **kw) * active


def neuron_purity__1(
    W: Float[Tensor, "instance neuron feature"],
) -> Float[Tensor, "instance neuron"]:
    """Takes the largest signed weight, so a strong negative weight does not count."""
    below = W.abs().sum(-1)
    return torch.where(below > 0, W.amax(-1) / below.clamp(min=1e-12), 0.0)


def neuron_purity__2(
    W: Float[Tensor, "instance neuron feature"],
) -> Float[Tensor, "instance neuron"]:
    """Divides by the Euclidean length of the row instead of the sum of its magnitudes."""
    below = W.norm(dim=-1)
    return torch.where(below > 0, W.abs().amax(-1) / below.clamp(min=1e-12), 0.0)
