"""Answers to `straight_through_step` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pre, threshold, width):
        ctx.save_for_backward(pre, threshold)
        ctx.width = width
        return (pre > threshold).to(pre.dtype)

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = ((pre - threshold).abs() < ctx.width / 2).to(grad.dtype)
        return None, -(grad * near).sum(0) / ctx.width, None


def step_as_a_function_with_a_backward(pre, threshold, width):
    return _Step.apply(pre, threshold, width)


def step_by_a_clamped_ramp(pre, threshold, width):
    ramp = ((pre.detach() - threshold) / width + 0.5).clamp(0, 1)
    return (pre > threshold).to(pre.dtype).detach() + ramp - ramp.detach()


def step_with_a_triangle(pre, threshold, width):
    near = (1 - 2 * (pre - threshold).abs() / width).clamp(min=0) * 2 / width
    return (pre > threshold).to(pre.dtype) + near.detach() * (threshold.detach() - threshold)


def step_with_a_window_below(pre, threshold, width):
    near = ((threshold - pre >= 0) & (threshold - pre < width)).to(pre.dtype) / width
    return (pre > threshold).to(pre.dtype) + near * (threshold.detach() - threshold)


def step_with_a_guarded_width(pre, threshold, width):
    near = ((pre - threshold).abs() < width / 2).to(pre.dtype) / (width + 1e-2)
    return (pre > threshold).to(pre.dtype) + near * (threshold.detach() - threshold)


RIGHT = (step_as_a_function_with_a_backward, step_by_a_clamped_ramp)

NEARLY_RIGHT = (step_with_a_triangle, step_with_a_window_below, step_with_a_guarded_width)
