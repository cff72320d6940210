"""Answers to `ablation_effects` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F
from mi_tutor.solutions import ch03_induction_heads as ch03

from mi_tutor.figures.heads import random_repeats
from mi_tutor.figures.induction import find_pair
from mi_tutor.models import load_model


def ablations_by_added_hooks(model, tokens, period):
    def loss(logits):
        log_probs = logits[:, period:-1].log_softmax(-1)
        return -log_probs.gather(-1, tokens[:, 1 + period :, None]).mean()

    with torch.no_grad():
        effects = torch.zeros(model.cfg.n_layers, model.cfg.n_heads, dtype=model.cfg.dtype, device=tokens.device)
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):

                def silence(z, hook, head=head):
                    z[:, :, head] = 0.0
                    return z

                with model.hooks(fwd_hooks=[(f"blocks.{layer}.attn.hook_z", silence)]):
                    effects[layer, head] = loss(model(tokens))
        return effects - loss(model(tokens))


def ablations_by_masks(model, tokens, period):
    rows = []
    with torch.no_grad():
        for layer in range(model.cfg.n_layers):
            losses = []
            for mask in [None, *(1 - torch.eye(model.cfg.n_heads, device=tokens.device))]:
                hooks = (
                    []
                    if mask is None
                    else [(f"blocks.{layer}.attn.hook_z", lambda z, hook, m=mask: z * m[:, None].to(z))]
                )
                logits = model.run_with_hooks(tokens, fwd_hooks=hooks)
                losses.append(
                    F.cross_entropy(logits[:, period : 2 * period].flatten(0, 1), tokens[:, 1 + period :].flatten())
                )
            rows.append(torch.stack(losses[1:]) - losses[0])
    return torch.stack(rows)


def _ablated_losses(model, tokens, period, edit):
    def loss(hooks):
        logits = model.run_with_hooks(tokens, fwd_hooks=hooks)
        return F.cross_entropy(logits[:, period : 2 * period].mT, tokens[:, 1 + period :])

    with torch.no_grad():
        rows = [
            torch.stack(
                [
                    loss([(f"blocks.{layer}.attn.hook_z", lambda z, hook, h=head: edit(z.clone(), h))])
                    for head in range(model.cfg.n_heads)
                ]
            )
            for layer in range(model.cfg.n_layers)
        ]
        return torch.stack(rows) - loss([])


def _zeroed(z, head):
    z[:, :, head] = 0
    return z


def ablations_that_leave_a_little(model, tokens, period):
    return _ablated_losses(
        model, tokens, period, lambda z, head: torch.cat([_zeroed(z, head)[:, :1], z[:, 1:]], 1) + 0.01
    )


def ablations_of_the_first_two_layers(model, tokens, period):
    effects = _ablated_losses(model, tokens, period, _zeroed)
    effects[2:] = 0
    return effects


def ablations_in_evaluation_mode(model, tokens, period):
    model.eval()
    return _ablated_losses(model, tokens, period, _zeroed)


def ablations_after_a_reset(model, tokens, period):
    model.reset_hooks()
    return _ablated_losses(model, tokens, period, _zeroed)


def ablations_of_the_first_sequence(model, tokens, period):
    return _ablated_losses(model, tokens[:1], period, _zeroed)


RIGHT = (ablations_by_added_hooks, ablations_by_masks)


NEARLY_RIGHT = (
    ablations_that_leave_a_little,
    ablations_of_the_first_two_layers,
    ablations_in_evaluation_mode,
    ablations_after_a_reset,
    ablations_of_the_first_sequence,
)


def test_ablation_singles_out_the_pair():
    model = load_model("attn-2l-py", device="cpu")
    effects = ch03.ablation_effects(model, random_repeats(25, 8), 25)
    pair = find_pair(model)
    first, second = effects.flatten().topk(3).values[1:]
    assert {(0, pair.early), (1, pair.late)} == {divmod(int(i), 8) for i in effects.flatten().topk(2).indices}
    assert first > 4 * second
