"""More wrong answers to the exercises of chapter 04, superposition, by another stranger who had read their texts and nothing else."""

import torch
import torch.nn.functional as F


def anticorrelated_features__12(batch, n_pairs, probability, generator):
    """Where both were drawn the second is silenced: it is rarer than the first."""
    active = torch.rand(batch, n_pairs, 2, generator=generator) < probability
    active[..., 1] &= ~active[..., 0]
    values = torch.rand(batch, n_pairs, 2, generator=generator)
    return (values * active).reshape(batch, 2 * n_pairs)


def dimensions_per_feature__12(W):
    """An all-zero instance is given 0 to avoid the division."""
    size = W.pow(2).sum(dim=(1, 2))
    return torch.where(size > 0, W.size(1) / size.clamp(min=1e-12), torch.zeros_like(size))


def feature_dimensionality__11(W):
    """All columns are normalised, so that it is 1 over the sum of squared cosines."""
    length = W.norm(dim=1, keepdim=True)
    unit = W / length.clamp(min=1e-9)
    cosines = torch.einsum("ihf,ihg->ifg", unit, unit)
    share = 1 / cosines.square().sum(-1).clamp(min=1e-9)
    return share * (length[:, 0] > 0)


def feature_dimensionality__12(W):
    """The guard in the denominator is 1e-3, which short columns feel."""
    norms = W.norm(dim=1)
    unit = W / (norms[:, None] + 1e-3)
    dots = unit.mT @ W
    return norms**2 / ((dots**2).sum(-1) + 1e-3)


def interference__11(W):
    """The other columns are made unit vectors, not the feature's own."""
    length = W.norm(dim=1, keepdim=True)
    unit = torch.where(length > 0, W / length, torch.zeros_like(W))
    dots = torch.einsum("ihf,ihg->ifg", W, unit).square()
    dots = dots - torch.diag_embed(dots.diagonal(dim1=1, dim2=2))
    return dots.sum(-1)


def interference__12(W):
    """F.normalize on dim=-1: rows (hidden dimensions) are made unit vectors."""
    unit = F.normalize(W, dim=-1)
    dots = unit.mT @ W
    off = ~torch.eye(W.shape[-1], dtype=torch.bool)
    return (dots.square() * off).sum(-1)


def interference__13(W):
    """1 is taken off for the feature's own term, as if columns had length 1."""
    unit = F.normalize(W, dim=1)
    total = torch.einsum("ihf,ihg->ifg", unit, W).square().sum(-1)
    return (total - 1).clamp(min=0)


def neuron_purity__12(W):
    """Squares, as in a participation ratio, not magnitudes."""
    power = W.pow(2)
    return (power.amax(-1) / power.sum(-1)).nan_to_num(0.0)


def sparse_features__11(batch, feature_probability, generator):
    """One random number decides and is the value: active values lie in [0, probability)."""
    u = torch.rand(batch, *feature_probability.shape, generator=generator, dtype=feature_probability.dtype)
    return torch.where(u < feature_probability, u, torch.zeros_like(u))


def sparse_features__12(batch, feature_probability, generator):
    """Whether a feature is active is drawn once for all instances."""
    instances, features = feature_probability.shape
    kind = dict(generator=generator, dtype=feature_probability.dtype)
    active = torch.rand(batch, 1, features, **kind) < feature_probability
    return active * torch.rand(batch, instances, features, **kind)


def sparse_features__13(batch, feature_probability, generator):
    """The values come from rand_like, the global generator."""
    p = feature_probability.expand(batch, -1, -1)
    active = torch.bernoulli(p, generator=generator)
    return active * torch.rand_like(active)


def strategy_losses__11(probability, importance):
    """The bias of a left-out feature is taken as 0."""
    alone = probability / 3
    both = (1 + importance) * probability**2 / 6
    return torch.tensor([importance * alone, alone, both])


def strategy_losses__12(probability, importance):
    """Expectation of the square of the smaller value taken as the square of its expectation (1/9)."""
    p = probability
    variance = p / 3 - (p / 2) ** 2
    shared = p**2 * (1 / 3) ** 2 * (1 + importance)
    return torch.tensor([importance * variance, variance, shared], dtype=torch.float32)


def strategy_losses__13(probability, importance):
    """Estimated by a simulation of a hundred thousand samples, not exact."""
    g = torch.Generator().manual_seed(0)
    n = 100_000
    x = torch.rand(n, 2, generator=g) * (torch.rand(n, 2, generator=g) < probability)
    imp = torch.tensor([1.0, importance])
    out = []
    for W, bias in (([1.0, 0.0], 1), ([0.0, 1.0], 0), ([1.0, -1.0], None)):
        W = torch.tensor([W])
        b = torch.zeros(2)
        if bias is not None:
            b[bias] = x[:, bias].mean()
        out.append((imp * (x - torch.relu(x @ W.T @ W + b)) ** 2).mean(0).sum())
    return torch.stack(out)


def toy_loss__12(x, x_hat, importance):
    """One number for all instances, repeated."""
    loss = (importance * (x - x_hat).square()).mean()
    return loss.repeat(x.shape[1])


def toy_model__12(x, W, b):
    """Hidden is summed over instances: all instances share one hidden layer."""
    hidden = torch.einsum("bif,ihf->bh", x, W)
    return F.relu(torch.einsum("bh,ihf->bif", hidden, W) + b)
