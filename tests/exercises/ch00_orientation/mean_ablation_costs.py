"""Answers to `mean_ablation_costs` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def _costs(model, tokens, layer, reference):
    """With z of each head taken from `reference`, [position head d_head]."""

    def loss(hooks):
        logits = model.run_with_hooks(tokens, fwd_hooks=hooks)[:, :-1]
        return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    def held(head):
        def hook(z, hook):
            z = z.clone()
            z[:, :, head] = reference[:, head]
            return z

        return loss([(f"blocks.{layer}.attn.hook_z", hook)])

    with torch.no_grad():
        return torch.stack([held(head) - loss([]) for head in range(model.cfg.n_heads)])


def costs_from_a_cache(model, tokens, layer):
    _, cache = model.run_with_cache(tokens)
    return _costs(model, tokens, layer, cache["z", layer].mean(0))


def costs_by_a_weighted_sum(model, tokens, layer):
    n = model.cfg.n_heads
    intact = -model(tokens)[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).mean()
    costs = []
    for head in range(n):
        mask = F.one_hot(torch.tensor(head), n).to(tokens.device)[:, None]

        def blend(z, hook, mask=mask):
            return torch.where(mask == 1, z.mean(0, keepdim=True), z)

        with model.hooks(fwd_hooks=[(f"blocks.{layer}.attn.hook_z", blend)]):
            costs.append(-model(tokens)[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None]).mean() - intact)
    return torch.stack(costs)


def costs_of_the_median(model, tokens, layer):
    _, cache = model.run_with_cache(tokens)
    return _costs(model, tokens, layer, cache["z", layer].median(0).values)


def costs_never_below_zero(model, tokens, layer):
    return costs_from_a_cache(model, tokens, layer).clamp(min=0)


RIGHT = (costs_from_a_cache, costs_by_a_weighted_sum)

NEARLY_RIGHT = (costs_of_the_median, costs_never_below_zero)
