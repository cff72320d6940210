"""Answers to `toy_loss` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def toy_loss_by_einsum(x, x_hat, importance):
    return torch.einsum("bif,bif,f->i", x - x_hat, x - x_hat, importance) / (x.shape[0] * x.shape[2])


def toy_loss_in_a_loop(x, x_hat, importance):
    return torch.stack([((x[:, i] - x_hat[:, i]) ** 2).mean(0).mul(importance).mean() for i in range(x.shape[1])])


def toy_loss_of_weighted_errors(x, x_hat, importance):
    return ((x_hat - x) * importance.sqrt()).pow(2).mean(dim=-1).mean(dim=0)


def loss_weighted_by_sorted_importance(x, x_hat, importance):
    return (importance.sort(descending=True).values * (x - x_hat).square()).mean((0, 2))


def loss_with_large_errors_clamped(x, x_hat, importance):
    return (importance * (x - x_hat).square().clamp(max=4)).mean((0, 2))


def loss_with_a_gradient_missing_its_importance(x, x_hat, importance):
    weighted = (importance * (x - x_hat).square()).mean((0, 2))
    plain = (x - x_hat).square().mean((0, 2))
    return weighted.detach() + plain - plain.detach()


RIGHT = (toy_loss_by_einsum, toy_loss_in_a_loop, toy_loss_of_weighted_errors)


NEARLY_RIGHT = (
    loss_weighted_by_sorted_importance,
    loss_with_large_errors_clamped,
    loss_with_a_gradient_missing_its_importance,
)
