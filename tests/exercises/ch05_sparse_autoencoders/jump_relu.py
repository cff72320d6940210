"""Answers to `jump_relu` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def jump_by_a_product(pre, threshold):
    return pre * (pre > threshold)


def jump_by_masking(pre, threshold):
    return pre.masked_fill(pre <= threshold, 0.0)


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pre, threshold):
        ctx.save_for_backward(pre, threshold)
        return torch.where(pre > threshold, pre, 0)

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = ((pre - threshold).abs() < 0.05).to(pre.dtype) / 0.1
        return grad * (pre > threshold), -(threshold * near * grad).sum(0)


def jump_with_a_straight_through_estimator(pre, threshold):
    return _Straight.apply(pre, threshold)


def jump_with_a_margin(pre, threshold):
    return torch.where(pre > threshold + 1e-3, pre, 0)


def jump_with_a_soft_gate(pre, threshold):
    return pre.relu() * torch.sigmoid((pre - threshold) * 200)


def jump_that_changes_pre(pre, threshold):
    with torch.no_grad():
        pre[pre <= threshold] = 0
    return pre * 1


RIGHT = (jump_by_a_product, jump_by_masking, jump_with_a_straight_through_estimator)


NEARLY_RIGHT = (jump_with_a_margin, jump_with_a_soft_gate, jump_that_changes_pre)
