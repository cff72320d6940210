"""Answers to `next_token_log_probs` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def next_scores_in_a_loop(logits, tokens):
    rows = []
    for row, ids in zip(logits, tokens, strict=True):
        scores = [row[p].log_softmax(0)[ids[p + 1]] for p in range(len(ids) - 1)]
        rows.append(torch.stack(scores) if scores else row.new_empty(0))
    return torch.stack(rows)


def next_scores_by_cross_entropy(logits, tokens):
    if tokens.shape[1] == 1:
        return logits.new_zeros(len(tokens), 0)
    return -F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")


def next_scores_by_logsumexp(logits, tokens):
    logits, following = logits[:, :-1], tokens[:, 1:]
    batch = torch.arange(len(tokens), device=tokens.device)[:, None]
    position = torch.arange(following.shape[1], device=tokens.device)
    return logits[batch, position, following] - logits.logsumexp(-1)


def score_with_a_softened_logarithm(logits, tokens):
    probabilities = logits[:, :-1].softmax(-1)
    return (probabilities.gather(-1, tokens[:, 1:, None]).squeeze(-1) + 1e-10).log()


def score_after_clamping(logits, tokens):
    log_probs = logits[:, :-1].log_softmax(-1).clamp(min=-100)
    return log_probs.gather(-1, tokens[:, 1:, None]).squeeze(-1)


RIGHT = (next_scores_in_a_loop, next_scores_by_cross_entropy, next_scores_by_logsumexp)


NEARLY_RIGHT = (score_with_a_softened_logarithm, score_after_clamping)
