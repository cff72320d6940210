"""Right answers written differently, by exercise: the checker has to accept them all."""

import heapq
import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum


def count_in_a_loop(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64, device=tokens.device)
    for a, b in pairwise(tokens.tolist()):
        counts[a, b] += 1
    return counts


def count_by_accumulation(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64, device=tokens.device)
    return counts.index_put_((tokens[:-1], tokens[1:]), torch.tensor(1, device=tokens.device), accumulate=True)


def count_by_one_hot(tokens, d_vocab):
    hot = F.one_hot(tokens, d_vocab).double()
    return (hot[:-1].T @ hot[1:]).long()


def smooth_in_logarithms(counts, smoothing):
    smoothed = counts.float() + smoothing
    return smoothed.log() - smoothed.sum(1).log()[:, None]


def smooth_row_by_row(counts, smoothing):
    rows = [(row.double() + smoothing) / (row.sum() + smoothing * len(row)) for row in counts]
    return torch.stack(rows).log().to(torch.float32)


def score_in_a_loop(log_probs, tokens):
    losses = [-float(log_probs[a, b]) for a, b in pairwise(tokens.tolist())]
    return math.fsum(losses) / len(losses)


def score_by_gather(log_probs, tokens):
    return -log_probs[tokens[:-1]].gather(1, tokens[1:, None]).mean()


def score_by_nll_loss(log_probs, tokens):
    return F.nll_loss(log_probs[tokens[:-1]], tokens[1:])


def logits_by_einsum(W_E, W_U):
    return einsum(W_E, W_U, "now d_model, d_model next -> now next")


def logits_by_linear(W_E, W_U):
    return F.linear(W_E, W_U.T)


def logits_by_one_hot(W_E, W_U):
    return torch.eye(W_E.shape[0], dtype=W_E.dtype, device=W_E.device) @ W_E @ W_U


def successors_into_a_result(W_E, W_U, k, chunk_size):
    values = W_E.new_empty(W_E.shape[0], k)
    ids = torch.empty(W_E.shape[0], k, dtype=torch.int64, device=W_E.device)
    for first in range(0, W_E.shape[0], chunk_size):
        rows = slice(first, first + chunk_size)
        values[rows], ids[rows] = (W_E[rows] @ W_U).topk(k)
    return values, ids


def successors_by_split(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        logits = rows @ W_U
        best = torch.topk(logits, k, dim=-1)
        values.append(best[0])
        ids.append(best[1])
        del logits
    return torch.vstack(values), torch.vstack(ids)


def successors_by_argsort(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in torch.split(W_E, chunk_size):
        logits = rows @ W_U
        order = logits.argsort(dim=-1, descending=True)[:, :k].clone()
        values.append(logits.gather(1, order))
        ids.append(order)
    return torch.cat(values), torch.cat(ids)


def successors_in_place(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        logits = rows @ W_U
        logits += 0
        best = logits.topk(k)
        values.append(best.values)
        ids.append(best.indices)
        del logits
    return torch.cat(values), torch.cat(ids)


def successors_in_one_buffer(W_E, W_U, k, chunk_size):
    buffer = torch.empty(chunk_size, W_U.shape[1], dtype=W_E.dtype, device=W_E.device)
    best = []
    for rows in W_E.split(chunk_size):
        torch.mm(rows, W_U, out=buffer[: len(rows)])
        best.append(buffer[: len(rows)].topk(k))
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def successors_through_numpy(W_E, W_U, k, chunk_size):
    unembed, values, ids = W_U.float().cpu().numpy(), [], []
    if W_E.dtype == torch.float64:
        unembed = W_U.cpu().numpy()
    for rows in W_E.split(chunk_size):
        logits = rows.cpu().to(torch.float64 if W_E.dtype == torch.float64 else torch.float32).numpy() @ unembed
        order = np.argsort(-logits, axis=1)[:, :k]
        values.append(torch.from_numpy(np.take_along_axis(logits, order, 1)))
        ids.append(torch.from_numpy(order.copy()))
    return torch.cat(values).to(W_E), torch.cat(ids).to(W_E.device)


def successors_row_by_row(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for row in W_E:
        logits = row @ W_U
        best = (
            heapq.nlargest(k, range(len(logits)), key=logits.tolist().__getitem__)
            if len(logits) < 50
            else logits.topk(k).indices.tolist()
        )
        ids.append(best)
        values.append(logits[best])
    return torch.stack(values), torch.tensor(ids, device=W_E.device)


def kl_by_kl_div(target_log_probs, logits, weights):
    terms = F.kl_div(logits.log_softmax(-1), target_log_probs, log_target=True, reduction="none")
    terms = terms.masked_fill(target_log_probs == -math.inf, 0)
    return (terms.sum(-1) * weights).sum() / weights.sum()


def kl_by_xlogy(target_log_probs, logits, weights):
    target = target_log_probs.exp()
    cross = (target * F.log_softmax(logits, dim=1).masked_fill(target == 0, 0)).sum(1)
    return torch.dot(torch.xlogy(target, target).sum(1) - cross, weights / weights.sum())


def kl_where_possible(target_log_probs, logits, weights):
    log_q = logits - logits.logsumexp(-1, keepdim=True)
    possible = target_log_probs.isfinite()
    row = torch.arange(len(weights), device=weights.device)[:, None].expand_as(possible)[possible]
    p = target_log_probs[possible]
    terms = p.exp() * (p - log_q[possible])
    return torch.zeros_like(weights).index_add(0, row, terms) @ (weights / weights.sum())


def sample_by_gumbel(log_probs, start, length, generator):
    sample = [start]
    while len(sample) < length:
        noise = torch.rand(log_probs.shape[1], generator=generator, device=log_probs.device, dtype=torch.float64)
        gumbel = -(-noise.clamp(min=1e-300).log()).log()
        sample.append(int((log_probs[sample[-1]].double() + gumbel).argmax()))
    return torch.tensor(sample, device=log_probs.device)


def sample_where_there_is_a_choice(log_probs, start, length, generator):
    sample = [start]
    for _ in range(length - 1):
        row = log_probs[sample[-1]].exp()
        possible = row.nonzero()[:, 0]
        if len(possible) == 1:
            sample.append(int(possible[0]))
        else:
            sample.append(int(possible[torch.multinomial(row[possible], 1, generator=generator)]))
    return torch.tensor(sample, device=log_probs.device)


def sample_by_inverse_cdf(log_probs, start, length, generator):
    cumulative = log_probs.double().exp().cumsum(1)
    uniform = torch.rand(length - 1, generator=generator, device=log_probs.device, dtype=torch.float64)
    sample = torch.full((length,), start, device=log_probs.device)
    for i, u in enumerate(uniform):
        row = cumulative[sample[i]]
        sample[i + 1] = torch.searchsorted(row, u * row[-1], right=True).clamp(max=len(row) - 1)
    return sample


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


def top_by_sorting(logits, k):
    values, ids = logits.softmax(0).sort(descending=True)
    return ids[:k], values[:k]


def top_by_logits(logits, k):
    ids = logits.topk(k).indices
    return ids, (logits - logits.logsumexp(0))[ids].exp()


def top_as_a_list(logits, k):
    probabilities = torch.softmax(logits.float(), dim=-1) if logits.dtype == torch.bfloat16 else logits.softmax(-1)
    values, ids = torch.topk(probabilities, k)
    return [ids, values.to(logits.dtype)]


def heads_by_torch_einsum(z, W_O):
    return torch.einsum("bphd,hdm->bphm", z, W_O)


def heads_in_a_loop(z, W_O):
    return torch.stack([z[:, :, head] @ W_O[head] for head in range(len(W_O))], dim=2)


def heads_by_broadcasting(z, W_O):
    return (z[..., None, :] @ W_O).squeeze(-2)


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


VARIANTS = {
    "next_token_log_probs": (next_scores_in_a_loop, next_scores_by_cross_entropy, next_scores_by_logsumexp),
    "top_k_predictions": (top_by_sorting, top_by_logits, top_as_a_list),
    "head_outputs": (heads_by_torch_einsum, heads_in_a_loop, heads_by_broadcasting),
    "head_pattern": (pattern_by_name, pattern_by_hook, pattern_by_a_context),
    "zero_ablate_head": (ablate_in_place, ablate_by_a_mask, ablate_the_pattern, ablate_by_a_torch_hook),
    "count_bigrams": (count_in_a_loop, count_by_accumulation, count_by_one_hot),
    "bigram_log_probs": (smooth_in_logarithms, smooth_row_by_row),
    "bigram_cross_entropy": (score_in_a_loop, score_by_gather, score_by_nll_loss),
    "direct_path_logits": (logits_by_einsum, logits_by_linear, logits_by_one_hot),
    "top_successors": (
        successors_into_a_result,
        successors_by_split,
        successors_by_argsort,
        successors_row_by_row,
        successors_in_place,
        successors_in_one_buffer,
        successors_through_numpy,
    ),
    "mean_kl": (kl_by_kl_div, kl_by_xlogy, kl_where_possible),
    "sample_bigrams": (sample_by_gumbel, sample_by_inverse_cdf, sample_where_there_is_a_choice),
}
