"""Answers to `zero_ablate_head` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def ablate_in_place(model, tokens, layer, head):
    def silence(z, hook):
        z[:, :, head] = 0.0
        return z

    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", silence)])


def ablate_by_a_mask(model, tokens, layer, head):
    keep = torch.ones(model.cfg.n_heads, 1, dtype=model.cfg.dtype, device=tokens.device)
    keep[head] = 0
    with model.hooks(fwd_hooks=[(f"blocks.{layer}.attn.hook_z", lambda z, hook: z * keep)]):
        return model(tokens)


def ablate_the_pattern(model, tokens, layer, head):
    def look_nowhere(pattern, hook):
        pattern = pattern.clone()
        pattern[:, head] = 0
        return pattern

    return model.run_with_hooks(
        tokens, return_type="logits", fwd_hooks=[(f"blocks.{layer}.attn.hook_pattern", look_nowhere)]
    )


def ablate_by_a_torch_hook(model, tokens, layer, head):
    def silence(module, inputs, z):
        z = z.unflatten(-1, (model.cfg.n_heads, -1)) if z.ndim == 3 else z
        kept = z.clone()
        kept[:, :, head] = 0
        return kept.flatten(2)

    handle = model.blocks[layer].attn.o.hook_in.register_forward_hook(silence)
    try:
        return model(tokens)
    finally:
        handle.remove()


def ablate_and_restore_all_but_training_mode(model, tokens, layer, head):
    def silence(z, hook):
        return z.index_fill(2, torch.tensor(head, device=z.device), 0)

    model.eval()
    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", silence)])


def ablate_and_take_every_hook_off(model, tokens, layer, head):
    def silence(z, hook):
        return z.index_fill(2, torch.tensor(head, device=z.device), 0)

    model.add_hook(f"blocks.{layer}.attn.hook_z", silence)
    logits = model(tokens)
    model.reset_hooks()
    return logits


def ablate_with_frozen_parameters(model, tokens, layer, head):
    def silence(z, hook):
        return z.index_fill(2, torch.tensor(head, device=z.device), 0)

    model.requires_grad_(False)
    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", silence)])


def ablate_nearly(model, tokens, layer, head):
    def quieten(z, hook):
        z = z.clone()
        z[:, :, head] *= 0.001
        return z

    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", quieten)])


RIGHT = (ablate_in_place, ablate_by_a_mask, ablate_the_pattern, ablate_by_a_torch_hook)


NEARLY_RIGHT = (
    ablate_and_restore_all_but_training_mode,
    ablate_and_take_every_hook_off,
    ablate_with_frozen_parameters,
    ablate_nearly,
)
