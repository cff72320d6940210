"""More wrong answers to the exercises of chapter 00, orientation, by another stranger who had read their texts and nothing else."""

import torch
import torch.nn.functional as F


def head_outputs__11(z, W_O):
    """Z is taken to head first for a batched product, and the result is not taken back: batch head position d_model."""
    by_head = z.permute(0, 2, 1, 3)  # batch head position d_head
    return by_head @ W_O


def head_outputs__12(z, W_O):
    """Heads are flattened into one long axis, as in nn.MultiheadAttention; what comes out is the sum over heads, shared out evenly."""
    batch, position, head, d_head = z.shape
    flat = z.reshape(batch, position, head * d_head)
    total = flat @ W_O.reshape(head * d_head, -1)
    return total[:, :, None, :].expand(-1, -1, head, -1) / head


def head_pattern__11(model, tokens, layer, head):
    """Takes the softmax of `attn_scores`, which in these models are the pattern already."""
    _, cache = model.run_with_cache(tokens)
    return cache["attn_scores", layer][:, head].softmax(-1)


def next_token_log_probs__11(logits, tokens):
    """Cross_entropy's losses are taken for log-probabilities: the sign is the other one."""
    batch, position = tokens.shape
    losses = F.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1), reduction="none")
    return losses.reshape(batch, position - 1)


def next_token_log_probs__12(logits, tokens):
    """Log_softmax over dim=1, which is the position."""
    log_probs = torch.nn.LogSoftmax(dim=1)(logits)
    return log_probs[:, :-1].gather(-1, tokens[:, 1:, None]).squeeze(-1)


def top_k_predictions__12(logits, k):
    """Filters the logits to the k best first (the rest -inf), as samplers do, so the probabilities are among the k."""
    best = logits.topk(k)
    filtered = torch.full_like(logits, float("-inf"))
    filtered[best.indices] = best.values
    probabilities = filtered.softmax(-1)
    return best.indices, probabilities[best.indices]


def zero_ablate_head__11(model, tokens, layer, head):
    """Mean ablation: the head's z is put at its mean over batch and positions."""

    def ablate(z, hook):
        z = z.clone()
        z[:, :, head] = z[:, :, head].mean(dim=(0, 1))
        return z

    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", ablate)])


def zero_ablate_head__12(model, tokens, layer, head):
    """Only the last position is silenced, since "that is where the prediction is made"."""

    def ablate(z, hook):
        z[:, -1, head, :] = 0.0
        return z

    return model.run_with_hooks(tokens, fwd_hooks=[(f"blocks.{layer}.attn.hook_z", ablate)])


def zero_ablate_head__13(model, tokens, layer, head):
    """The head of the layer before is silenced, as if layers counted from 1; a head of layer 0 is the right one."""

    def ablate(z, hook):
        z[:, :, head, :] = 0.0
        return z

    name = f"blocks.{max(layer - 1, 0)}.attn.hook_z"
    return model.run_with_hooks(tokens, fwd_hooks=[(name, ablate)])
