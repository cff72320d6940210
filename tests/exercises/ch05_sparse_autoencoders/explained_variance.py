"""Answers to `explained_variance` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch.nn.functional as F


def variance_by_var(x, x_hat):
    return 1 - (x - x_hat).square().mean(0).sum() / x.var(0, correction=0).sum()


def variance_by_norms(x, x_hat):
    return 1 - ((x - x_hat).norm() / (x - x.mean(dim=0, keepdim=True)).norm()) ** 2


def variance_by_means(x, x_hat):
    total = F.mse_loss(x.mean(0).expand_as(x), x)
    return (total - F.mse_loss(x_hat, x)) / total


def variance_at_least_minus_one(x, x_hat):
    return (1 - (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()).clamp(min=-1)


def variance_by_squares_of_means(x, x_hat):
    below = (x.square().mean(0) - x.mean(0).square()).sum()
    return 1 - (x - x_hat).square().mean(0).sum() / (below + 1e-3)


RIGHT = (variance_by_var, variance_by_norms, variance_by_means)


NEARLY_RIGHT = (variance_at_least_minus_one, variance_by_squares_of_means)
