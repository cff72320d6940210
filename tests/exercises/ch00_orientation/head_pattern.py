"""Answers to `head_pattern` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def pattern_by_name(model, tokens, layer, head):
    name = f"blocks.{layer}.attn.hook_pattern"
    cache = model.run_with_cache(tokens, names_filter=name)[1]
    return cache[name][:, head].clone()


def pattern_by_hook(model, tokens, layer, head):
    kept = []
    model.run_with_hooks(
        tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_pattern", lambda pattern, hook: kept.append(pattern))]
    )
    return kept[0][:, head].detach()


def pattern_by_a_context(model, tokens, layer, head):
    kept = {}

    def keep(pattern, hook):
        kept["pattern"] = pattern

    with model.hooks(fwd_hooks=[(f"blocks.{layer}.attn.hook_pattern", keep)]), torch.no_grad():
        model(tokens)
    return kept["pattern"][:, head]


def pattern_after_resetting_all_hooks(model, tokens, layer, head):
    model.reset_hooks()
    return model.run_with_cache(tokens)[1]["pattern", layer][:, head]


def pattern_in_evaluation_mode(model, tokens, layer, head):
    model.eval()
    return model.run_with_cache(tokens)[1]["pattern", layer][:, head]


def pattern_of_the_first_four_tokens(model, tokens, layer, head):
    pattern = model.run_with_cache(tokens[:, :4])[1]["pattern", layer][:, head]
    return torch.nn.functional.pad(pattern, (0, tokens.shape[1] - pattern.shape[-1]) * 2)


RIGHT = (pattern_by_name, pattern_by_hook, pattern_by_a_context)


NEARLY_RIGHT = (pattern_after_resetting_all_hooks, pattern_in_evaluation_mode, pattern_of_the_first_four_tokens)
