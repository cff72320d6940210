"""Answers to `strategy_losses` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def strategies_by_moments(probability, importance):
    mean, square = probability * 0.5, probability / 3
    weights = torch.tensor([importance, 1.0, 1.0 + importance])
    return weights * torch.tensor([square - mean**2, square - mean**2, probability**2 / 6])


def strategies_by_cases(probability, importance):
    p, silent = probability, 1 - probability
    lost = silent * (p / 2) ** 2 + p * (1 / 12 + (1 / 2 - p / 2) ** 2)
    clash = p * p * (2 / 3 - 2 / 4)
    return torch.tensor([importance * lost, lost, clash + importance * clash], dtype=torch.float64).float()


def strategies_by_an_integral(probability, importance):
    t = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    lost = probability * (t**2).mean() - (probability * t.mean()) ** 2
    clash = probability**2 * (t**2 * 2 * (1 - t)).mean()
    return torch.stack([importance * lost, lost, (1 + importance) * clash]).float()


def strategies_by_simulation(probability, importance):
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(200_000, 2, generator=draw) * (torch.rand(200_000, 2, generator=draw) < probability)
    lost, clash = x.var(0).mean(), x.amin(1).square().mean()
    return torch.stack([importance * lost, lost, (1 + importance) * clash])


def strategies_in_a_list(probability, importance):
    lost = probability / 3 - probability**2 / 4
    return [importance * lost, lost, (1 + importance) * probability**2 / 6]


def strategies_in_doubles(probability, importance):
    lost = probability / 3 - probability**2 / 4
    return torch.tensor([importance * lost, lost, (1 + importance) * probability**2 / 6], dtype=torch.float64)


def strategies_with_the_rare_clash_left_out(probability, importance):
    lost = probability / 3 - probability**2 / 4
    clash = (1 + importance) * probability**2 / 6
    return torch.tensor([importance * lost, lost, clash if probability > 0.005 else 0.0])


RIGHT = (strategies_by_moments, strategies_by_cases, strategies_by_an_integral)


NEARLY_RIGHT = (
    strategies_by_simulation,
    strategies_in_a_list,
    strategies_in_doubles,
    strategies_with_the_rare_clash_left_out,
)
