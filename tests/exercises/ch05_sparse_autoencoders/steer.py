"""Answers to `steer` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def steer_by_a_context(model, tokens, hook_name, direction, coefficient):
    added = coefficient * direction
    with model.hooks(fwd_hooks=[(hook_name, lambda x, hook: x + added)]):
        return model(tokens)


def steer_a_clone(model, tokens, hook_name, direction, coefficient):
    def hook(x, hook):
        x = x.clone()
        x += coefficient * direction[None, None]
        return x

    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def steer_in_place_under_no_grad(model, tokens, hook_name, direction, coefficient):
    def hook(x, hook):
        x.add_(coefficient * direction)

    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def steer_and_take_every_hook_off(model, tokens, hook_name, direction, coefficient):
    model.add_hook(hook_name, lambda x, hook: x + coefficient * direction)
    logits = model(tokens)
    model.reset_hooks()
    return logits


def steer_with_a_cap(model, tokens, hook_name, direction, coefficient):
    added = max(-10.0, min(10.0, coefficient)) * direction
    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, lambda x, hook: x + added)])


RIGHT = (steer_by_a_context, steer_a_clone)


NEARLY_RIGHT = (steer_in_place_under_no_grad, steer_and_take_every_hook_off, steer_with_a_cap)
