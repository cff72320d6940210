"""Answers to `gradient_by_hand` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def loss_of(x, W, b, importance):
    x_hat = torch.relu(torch.einsum("bif,ihf,ihg->big", x, W, W) + b)
    return (importance * (x - x_hat) ** 2).mean((0, 2)).sum()


def by_autograd(x, W, b, importance):
    W, b = W.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(loss_of(x, W, b, importance), (W, b))


def through_the_gram_matrix(x, W, b, importance):
    gram = W.mT @ W
    before = torch.einsum("bif,ifg->big", x, gram) + b
    error = (2 / (len(x) * x.shape[2])) * importance * torch.where(before > 0, before - x, torch.zeros_like(x))
    in_gram = torch.einsum("bif,big->ifg", x, error)
    return W @ (in_gram + in_gram.mT), error.sum(0)


def instance_by_instance(x, W, b, importance):
    in_W, in_b = [], []
    for i in range(len(W)):
        h = x[:, i] @ W[i].T
        x_hat = (h @ W[i] + b[i]).clamp(min=0)
        error = 2 * importance * (x_hat - x[:, i]) * (x_hat > 0) / x[:, i].numel()
        in_W.append(h.T @ error + (error @ W[i].T).T @ x[:, i])
        in_b.append(error.sum(0))
    return torch.stack(in_W), torch.stack(in_b)


def by_small_differences(x, W, b, importance):
    in_W, in_b = torch.zeros_like(W), torch.zeros_like(b)
    step = 1e-2
    for place in torch.cartesian_prod(*map(torch.arange, W.shape)).reshape(-1, 3).tolist():
        moved = torch.zeros_like(W)
        moved[tuple(place)] = step
        in_W[tuple(place)] = (loss_of(x, W + moved, b, importance) - loss_of(x, W, b, importance)) / step
    for place in torch.cartesian_prod(*map(torch.arange, b.shape)).reshape(-1, 2).tolist():
        moved = torch.zeros_like(b)
        moved[tuple(place)] = step
        in_b[tuple(place)] = (loss_of(x, W, b + moved, importance) - loss_of(x, W, b, importance)) / step
    return in_W, in_b


def of_the_first_sample(x, W, b, importance):
    return by_autograd(x[:1], W, b, importance)


def in_the_other_order(x, W, b, importance):
    return by_autograd(x, W, b, importance)[::-1]


RIGHT = (by_autograd, through_the_gram_matrix, instance_by_instance)

NEARLY_RIGHT = (by_small_differences, of_the_first_sample, in_the_other_order)
