"""Answers to `direct_logit_attribution` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def attribution_by_a_centred_direction(components, ln_scale, direction):
    return torch.einsum("cbm,m->cb", components, direction - direction.mean()) / ln_scale.squeeze(-1)


def attribution_in_a_loop(components, ln_scale, direction):
    rows = []
    for component in components:
        x = component - component.mean(dim=-1, keepdim=True)
        rows.append((x / ln_scale * direction).sum(-1))
    return torch.stack(rows)


def attribution_by_layer_norm_parts(components, ln_scale, direction):
    mean = components.sum(-1) / components.shape[-1]
    return (components - mean[..., None]).div(ln_scale[None]).matmul(direction)


def attribution_with_a_guarded_division(components, ln_scale, direction):
    return (components - components.mean(-1, keepdim=True)) / (ln_scale + 1e-3) @ direction


def attribution_by_one_scale(components, ln_scale, direction):
    return (components - components.mean(-1, keepdim=True)) / ln_scale.mean() @ direction


def attribution_centred_with_all_axes(components, ln_scale, direction):
    return (components - components.mean()) / ln_scale @ direction


RIGHT = (attribution_by_a_centred_direction, attribution_in_a_loop, attribution_by_layer_norm_parts)


NEARLY_RIGHT = (attribution_with_a_guarded_division, attribution_by_one_scale, attribution_centred_with_all_axes)
