"""Right answers written differently, by exercise: the checker has to accept them all."""

import heapq
import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum
from transformer_lens import FactoredMatrix


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


def pattern_by_matmul(q, k):
    n = q.shape[1]
    scores = q.transpose(1, 2) @ k.permute(0, 2, 3, 1) / math.sqrt(q.shape[-1])
    allowed = torch.ones(n, n, dtype=torch.bool, device=q.device).tril()
    return torch.where(allowed, scores, -math.inf).softmax(-1)


def pattern_row_by_row(q, k):
    n, width = q.shape[1], q.shape[-1]
    rows = []
    for i in range(n):
        scores = torch.einsum("bhd,bkhd->bhk", q[:, i] / width**0.5, k[:, : i + 1])
        rows.append(F.pad(scores.softmax(-1), (0, n - i - 1)))
    return torch.stack(rows, dim=2)


def pattern_by_adding_a_mask(q, k):
    mask = torch.full((q.shape[1], q.shape[1]), -math.inf, dtype=q.dtype, device=q.device).triu(1)
    return F.softmax(einsum(q, k, "b i h d, b j h d -> b h i j") * q.shape[-1] ** -0.5 + mask, dim=-1)


def pattern_by_logsumexp(q, k):
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    future = torch.ones_like(scores, dtype=torch.bool).triu(1)
    scores = scores.masked_fill(future, torch.finfo(q.dtype).min)
    scores = scores - scores.amax(-1, keepdim=True).detach()
    powers = scores.exp().masked_fill(future, 0.0)
    return powers / powers.sum(-1, keepdim=True)


def layer_head_by_head(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    resid = x
    for head in range(W_V.shape[0]):
        resid = resid + pattern[:, head] @ (x @ W_V[head] @ W_O[head])
    return resid @ W_U


def layer_by_ov_rows(tokens, pattern, W_E, W_V, W_O, W_U):
    x = F.embedding(tokens, W_E)
    moved = torch.einsum("bkm,hmd,hdn,nv->bhkv", x, W_V, W_O, W_U)
    return x @ W_U + torch.einsum("bhqk,bhkv->bqv", pattern, moved)


def layer_by_what_is_read(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    read = torch.einsum("bhqk,bkm->bhqm", pattern, x)
    written = (read @ W_V @ W_O).sum(1)
    return x @ W_U + written @ W_U


def ov_by_matrix_products(W_E, W_V, W_O, W_U):
    return W_E @ FactoredMatrix(W_V, W_O) @ W_U


def ov_made_even(W_E, W_V, W_O, W_U):
    even = FactoredMatrix((W_E @ W_V).double(), (W_O @ W_U).double()).make_even()
    return FactoredMatrix(even.A.to(W_E.dtype), even.B.to(W_E.dtype))


def ov_turned_twice(W_E, W_V, W_O, W_U):
    return FactoredMatrix(W_U.T @ W_O.T, W_V.T @ W_E.T).T


def qk_by_matrix_products(W_E, W_Q, W_K):
    return W_E @ FactoredMatrix(W_Q, W_K.T) @ W_E.T


def qk_by_einsum(W_E, W_Q, W_K):
    return FactoredMatrix(
        torch.einsum("vm,md->vd", W_E, W_Q).contiguous(), torch.einsum("vm,md->dv", W_E, W_K).contiguous()
    )


def qk_with_both_made_wider(W_E, W_Q, W_K):
    return FactoredMatrix(3 * (W_E @ W_Q), (W_E @ W_K / 3).mT)


def trigrams_by_slices(ov, qk, source, k):
    return qk[:, source].AB.squeeze(1).topk(k).indices, ov[source].AB.squeeze(0).topk(k).indices


def trigrams_by_sorting(ov, qk, source, k):
    destinations = (qk.T[source].AB[0]).sort(descending=True).indices[:k]
    outputs = torch.argsort(-(ov.A[source : source + 1] @ ov.B)[0])[:k]
    return [destinations, outputs]


def trigrams_by_a_vector(ov, qk, source, k):
    hot = torch.zeros(qk.shape[1], dtype=qk.A.dtype, device=qk.A.device)
    hot[source] = 1
    return (qk @ hot).topk(k)[1], (hot @ ov).topk(k)[1]


def copying_by_factored_matrix(W_E, W_V, W_O, W_U):
    values = FactoredMatrix(W_E @ W_V, W_O @ W_U).eigenvalues
    below = values.abs().sum()
    return values.sum().real / below if below > 0 else torch.zeros((), dtype=W_E.dtype, device=W_E.device)


def copying_by_trace(W_E, W_V, W_O, W_U):
    square = W_O @ (W_U @ W_E) @ W_V
    below = float(torch.linalg.eigvals(square).abs().sum())
    return float(square.trace()) / below if below else 0.0


def copying_by_numpy(W_E, W_V, W_O, W_U):
    square = ((W_O @ W_U) @ (W_E @ W_V)).cpu().numpy()
    values = np.linalg.eigvals(square)
    below = np.abs(values).sum()
    return float(values.sum().real / below) if below else 0.0


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


def weighted_by_broadcasting(pattern, v, W_O):
    written = (v.transpose(0, 1)[:, :, None] @ W_O[:, None]).squeeze(-2)
    return pattern * torch.linalg.vector_norm(written, dim=-1).unsqueeze(1)


def weighted_in_a_loop(pattern, v, W_O):
    return torch.stack([pattern[h] * (v[:, h] @ W_O[h]).pow(2).sum(-1).sqrt() for h in range(len(W_O))])


def weighted_by_what_each_adds(pattern, v, W_O):
    adds = torch.einsum("hqk,khd,hdm->hqkm", pattern, v, W_O)
    return adds.norm(dim=-1)


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
    "attention_pattern": (pattern_by_matmul, pattern_row_by_row, pattern_by_adding_a_mask, pattern_by_logsumexp),
    "one_layer_logits": (layer_head_by_head, layer_by_ov_rows, layer_by_what_is_read),
    "ov_circuit": (ov_by_matrix_products, ov_made_even, ov_turned_twice),
    "qk_circuit": (qk_by_matrix_products, qk_by_einsum, qk_with_both_made_wider),
    "top_skip_trigrams": (trigrams_by_slices, trigrams_by_sorting, trigrams_by_a_vector),
    "copying_score": (copying_by_factored_matrix, copying_by_trace, copying_by_numpy),
    "direct_logit_attribution": (
        attribution_by_a_centred_direction,
        attribution_in_a_loop,
        attribution_by_layer_norm_parts,
    ),
    "value_weighted_pattern": (weighted_by_broadcasting, weighted_in_a_loop, weighted_by_what_each_adds),
}
