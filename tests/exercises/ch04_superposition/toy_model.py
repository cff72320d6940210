"""Answers to `toy_model` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def toy_model_by_matmul(x, W, b):
    h = W @ x.permute(1, 2, 0)
    return torch.clamp((W.mT @ h).permute(2, 0, 1) + b, min=0)


def toy_model_in_a_loop(x, W, b):
    return torch.stack([F.relu(x[:, i] @ W[i].T @ W[i] + b[i]) for i in range(len(W))], dim=1)


def toy_model_by_its_gram_matrix(x, W, b):
    return F.relu(torch.einsum("bif,ihf,ihg->big", x, W, W) + b)


def model_with_a_gradient_on_the_way_up_alone(x, W, b):
    h = torch.einsum("bif,ihf->bih", x, W.detach())
    return (torch.einsum("bih,ihf->bif", h, W) + b).relu()


def model_with_a_leak(x, W, b):
    return F.leaky_relu(torch.einsum("bif,ihf,ihg->big", x, W, W) + b, 1e-3)


def model_with_a_soft_bend(x, W, b):
    return F.softplus(torch.einsum("bif,ihf,ihg->big", x, W, W) + b, beta=50)


def model_that_changes_its_bias(x, W, b):
    b.clamp_(min=-10)
    return (torch.einsum("bif,ihf,ihg->big", x, W, W) + b).relu()


RIGHT = (toy_model_by_matmul, toy_model_in_a_loop, toy_model_by_its_gram_matrix)


NEARLY_RIGHT = (
    model_with_a_gradient_on_the_way_up_alone,
    model_with_a_leak,
    model_with_a_soft_bend,
    model_that_changes_its_bias,
)
