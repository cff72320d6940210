"""Right answers written differently, by exercise: the checker has to accept them all."""

import heapq
import math
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum
from transformer_lens import FactoredMatrix
from variants_ch05 import CH05_VARIANTS


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


def sparse_by_bernoulli(batch, feature_probability, generator):
    p = feature_probability.expand(batch, -1, -1).contiguous()
    values = torch.empty_like(p).uniform_(generator=generator)
    return values * torch.bernoulli(p, generator=generator)


def sparse_by_one_rescaled_draw(batch, feature_probability, generator):
    p = feature_probability
    u = torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device)
    return torch.where(u < p, u / p.clamp(min=1e-30), torch.zeros_like(u))


def sparse_in_a_loop(batch, feature_probability, generator):
    instances, features = feature_probability.shape
    x = feature_probability.new_zeros(batch, instances, features)
    for i in range(instances):
        for f in range(features):
            kind = {"generator": generator, "dtype": x.dtype, "device": x.device}
            gate = torch.rand(batch, **kind) <= feature_probability[i, f]
            x[gate, i, f] = torch.rand(int(gate.sum()), **kind)
    return x


def toy_model_by_matmul(x, W, b):
    h = W @ x.permute(1, 2, 0)
    return torch.clamp((W.mT @ h).permute(2, 0, 1) + b, min=0)


def toy_model_in_a_loop(x, W, b):
    return torch.stack([F.relu(x[:, i] @ W[i].T @ W[i] + b[i]) for i in range(len(W))], dim=1)


def toy_model_by_its_gram_matrix(x, W, b):
    return F.relu(torch.einsum("bif,ihf,ihg->big", x, W, W) + b)


def toy_loss_by_einsum(x, x_hat, importance):
    return torch.einsum("bif,bif,f->i", x - x_hat, x - x_hat, importance) / (x.shape[0] * x.shape[2])


def toy_loss_in_a_loop(x, x_hat, importance):
    return torch.stack([((x[:, i] - x_hat[:, i]) ** 2).mean(0).mul(importance).mean() for i in range(x.shape[1])])


def toy_loss_of_weighted_errors(x, x_hat, importance):
    return ((x_hat - x) * importance.sqrt()).pow(2).mean(dim=-1).mean(dim=0)


def interference_in_a_loop(W):
    result = W.new_zeros(W.shape[0], W.shape[2])
    for i, w in enumerate(W):
        for f in range(W.shape[2]):
            length = w[:, f].norm()
            if length > 0:
                along = w[:, f] @ w / length
                result[i, f] = along.square().sum() - along[f].square()
    return result


def interference_by_its_gram_matrix(W):
    gram = W.mT @ W
    length = gram.diagonal(dim1=-2, dim2=-1)
    return torch.where(length > 0, gram.square().sum(-1) / length.where(length > 0, 1) - length, 0)


def interference_with_a_tiny_constant(W):
    unit = W / (W.norm(dim=1, keepdim=True) + 1e-12)
    overlap = torch.einsum("ihf,ihg->ifg", unit, W)
    return (overlap - torch.diag_embed(torch.diagonal(overlap, dim1=1, dim2=2))).square().sum(2)


def dimensionality_by_its_gram_matrix(W):
    gram = W.mT @ W
    squares = gram.square().sum(-1)
    return gram.diagonal(dim1=-2, dim2=-1).square() / squares.masked_fill(squares == 0, 1)


def dimensionality_in_a_loop(W):
    result = W.new_zeros(W.shape[0], W.shape[2])
    for i, w in enumerate(W):
        for f, column in enumerate(w.T):
            if column.any():
                result[i, f] = column.square().sum() / (column / column.norm() @ w).square().sum()
    return result


def dimensionality_with_nan_replaced(W):
    length = W.norm(dim=1)
    return (length**2 / ((W / length[:, None]).mT @ W).square().sum(-1)).nan_to_num(0.0)


def frobenius_by_norm(W):
    return W.size(1) / torch.linalg.matrix_norm(W) ** 2


def frobenius_by_trace(W):
    trace = torch.einsum("ihf,ihf->i", W, W)
    return torch.full_like(trace, W.shape[-2]).div(trace)


def frobenius_by_columns(W):
    return W.shape[1] * W.norm(dim=1).square().sum(-1).reciprocal()


def correlated_by_an_axis(batch, n_pairs, probability, generator):
    gate = torch.rand(batch, n_pairs, 1, generator=generator, device=generator.device) < probability
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gate).flatten(1)


def correlated_by_bernoulli(batch, n_pairs, probability, generator):
    gate = torch.empty(batch, n_pairs, device=generator.device).bernoulli_(probability, generator=generator)
    values = torch.empty(batch, 2 * n_pairs, device=generator.device).uniform_(generator=generator)
    return values * torch.stack([gate, gate], dim=-1).reshape(batch, 2 * n_pairs)


def correlated_with_the_gate_rescaled(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    v = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    x = torch.zeros(batch, 2 * n_pairs, device=generator.device)
    x[:, 0::2] = torch.where(u < probability, u / max(probability, 1e-30), 0)
    x[:, 1::2] = torch.where(u < probability, v, 0)
    return x


def anticorrelated_by_a_coin(batch, n_pairs, probability, generator):
    gate, coin, value = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(3))
    x = torch.where(gate < 2 * probability, value, 0)
    return torch.stack([x * (coin < 0.5), x * (coin >= 0.5)], -1).flatten(1)


def anticorrelated_by_multinomial(batch, n_pairs, probability, generator):
    weights = torch.tensor([probability, probability, 1 - 2 * probability], device=generator.device)
    x = torch.zeros(batch, 2 * n_pairs, device=generator.device)
    if batch:
        state = torch.multinomial(weights, batch * n_pairs, True, generator=generator).view(batch, n_pairs)
        value = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
        x[:, 0::2], x[:, 1::2] = value * (state == 0), value * (state == 1)
    return x


def anticorrelated_by_one_rescaled_draw(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device, dtype=torch.float64)
    above, p = u - probability, max(probability, 1e-300)
    first = torch.where(u < probability, u / p, 0)
    second = torch.where((above >= 0) & (above < probability), above / p, 0)
    return torch.stack([first, second], -1).flatten(1).float()


def strategies_by_moments(probability, importance):
    mean, square = probability * 0.5, probability / 3
    weights = torch.tensor([importance, 1.0, 1.0 + importance])
    return weights * torch.tensor([square - mean**2, square - mean**2, probability**2 / 6])


def strategies_by_cases(probability, importance):
    p, silent = probability, 1 - probability
    lost = silent * (p / 2) ** 2 + p * (1 / 12 + (1 / 2 - p / 2) ** 2)
    clash = p * p * (2 / 3 - 2 / 4)
    return torch.tensor([importance * lost, lost, clash + importance * clash], dtype=torch.float64).float()


def strategies_by_an_integral(probability, importance):
    t = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    lost = probability * (t**2).mean() - (probability * t.mean()) ** 2
    clash = probability**2 * (t**2 * 2 * (1 - t)).mean()
    return torch.stack([importance * lost, lost, (1 + importance) * clash]).float()


def purity_by_sorting(W):
    size = W.abs().sort(dim=-1, descending=True).values
    return torch.where(size[..., 0] > 0, size[..., 0] / size.sum(-1), 0)


def purity_by_normalising(W):
    return F.normalize(W, p=1, dim=-1).abs().max(dim=-1).values


def purity_by_norms(W):
    return (W.norm(p=torch.inf, dim=-1) / W.norm(p=1, dim=-1)).nan_to_num(0.0)


def repeats_by_a_list_of_allowed_ids(batch, period, d_vocab, bos, generator):
    device = generator.device
    allowed = torch.tensor([i for i in range(d_vocab) if i != bos], device=device)
    block = allowed[torch.randint(len(allowed), (batch, period), generator=generator, device=device)]
    return torch.cat([block.new_full((batch, 1), bos), block.repeat(1, 2)], dim=1)


def repeats_by_weights(batch, period, d_vocab, bos, generator):
    weights = torch.ones(d_vocab, device=generator.device)
    weights[bos] = 0
    drawn = torch.multinomial(weights, max(1, batch * period), replacement=True, generator=generator)
    block = drawn[: batch * period].view(batch, period)
    tokens = torch.empty(batch, 1 + 2 * period, dtype=torch.int64, device=generator.device)
    tokens[:, 0], tokens[:, 1 : 1 + period], tokens[:, 1 + period :] = bos, block, block
    return tokens


def repeats_row_by_row(batch, period, d_vocab, bos, generator):
    rows = [torch.empty(0, 1 + 2 * period, dtype=torch.int64, device=generator.device)]
    for _ in range(batch):
        u = torch.rand(period, generator=generator, device=generator.device, dtype=torch.float64)
        block = (u * (d_vocab - 1)).long()
        block[block >= bos] += 1
        rows.append(torch.cat([torch.tensor([bos], device=generator.device), block, block])[None])
    return torch.cat(rows)


def previous_by_two_indices(pattern):
    q = torch.arange(1, pattern.shape[-1], device=pattern.device)
    return pattern[:, :, q, q - 1].mean(dim=(0, 2))


def previous_in_a_loop(pattern):
    shares = [pattern[:, :, q, q - 1] for q in range(1, pattern.shape[2])]
    return torch.stack(shares).flatten(0, 1).mean(0)


def prefix_by_a_diagonal(pattern, period):
    return pattern.diagonal(1 - period, -2, -1)[..., -period:].mean(-1).mean(0)


def prefix_in_a_loop(pattern, period):
    total = sum(pattern[:, :, q, q + 1 - period].mean(0) for q in range(1 + period, 1 + 2 * period))
    return total / period


def context_by_two_means(loss, early, late):
    return loss[:, late].mean() - loss[:, early].mean()


def context_as_a_number(loss, early, late):
    columns = loss.mean(0)
    return float(columns[late] - columns[early])


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


def path_by_cases(resid, removed, W_Q, W_K, path):
    reads = {"Q": resid, "K": resid}
    reads[path] = resid - removed
    scores = torch.einsum("bid,bjd->bij", reads["Q"] @ W_Q, reads["K"] @ W_K) * W_Q.shape[1] ** -0.5
    mask = torch.full(scores.shape[-2:], -math.inf, dtype=scores.dtype, device=scores.device).triu(1)
    return F.softmax(scores + mask, dim=-1)


def path_row_by_row(resid, removed, W_Q, W_K, path):
    q = torch.matmul(resid - removed * (path == "Q"), W_Q) / math.sqrt(W_Q.shape[1])
    k = torch.matmul(resid - removed * (path == "K"), W_K)
    n, rows = resid.shape[1], []
    for i in range(n):
        row = (k[:, : i + 1] @ q[:, i, :, None]).squeeze(-1).softmax(-1)
        rows.append(F.pad(row, (0, n - 1 - i)))
    return torch.stack(rows, dim=1)


def composition_by_linalg(W_A, W_B):
    a, b, ab = (torch.linalg.matrix_norm(W) for W in (W_A, W_B, W_A @ W_B))
    return ab / (a * b) if a > 0 and b > 0 else 0.0


def composition_of_unit_matrices(W_A, W_B):
    if not W_A.any() or not W_B.any():
        return W_A.new_zeros(())
    return ((W_A / W_A.norm()) @ (W_B / W_B.norm())).pow(2).sum().sqrt()


def all_compositions_by_einsum(model, kind):
    with torch.no_grad():
        writes = torch.einsum("emd,edn->emn", model.W_V[0], model.W_O[0])
        left, right = {
            "Q": (model.W_Q[1], model.W_K[1]),
            "K": (model.W_K[1], model.W_Q[1]),
            "V": (model.W_V[1], model.W_O[1].mT),
        }[kind]
        reads = torch.einsum("lmd,lnd->lmn", left, right)
        above = torch.einsum("emn,lnk->lemk", writes, reads).norm(dim=(-2, -1))
        below = reads.norm(dim=(-2, -1))[:, None] * writes.norm(dim=(-2, -1))[None]
        return above / below.masked_fill(below == 0, 1.0)


def all_compositions_by_factors(model, kind):
    rows = []
    for h in range(model.cfg.n_heads):
        read = {"Q": model.QK[1, h], "K": model.QK[1, h].T, "V": model.OV[1, h]}[kind]
        for early in range(model.cfg.n_heads):
            write = model.OV[0, early]
            below = write.norm() * read.norm()
            rows.append((write @ read).norm() / below if below > 0 else 0 * below)
    return torch.stack(rows).view(model.cfg.n_heads, -1).detach()


def looks_back_by_turning(n_ctx):
    angle = torch.arange(n_ctx) * math.pi / n_ctx
    step = torch.tensor(math.pi / n_ctx)
    back = torch.stack([torch.stack([step.cos(), -step.sin()]), torch.stack([step.sin(), step.cos()])])
    gap = float(1 - torch.cos(step.double()))
    return {
        "W_pos": torch.stack([angle.cos(), angle.sin()], 1),
        "W_Q": back * 2**0.5 * 20 / gap,
        "W_K": torch.eye(2),
    }


def looks_back_by_shifted_keys(n_ctx):
    forward = torch.zeros(n_ctx, n_ctx)
    for j in range(n_ctx - 1):
        forward[j, j + 1] = 1.0
    return {"W_pos": torch.eye(n_ctx), "W_Q": torch.eye(n_ctx) * 25, "W_K": forward * n_ctx**0.5}


def _empty_model(d_vocab, n_ctx, d_model, d_head):
    inwards = (2, 1, d_model, d_head)
    return {
        "W_E": torch.zeros(d_vocab, d_model),
        "W_pos": torch.zeros(n_ctx, d_model),
        "W_U": torch.zeros(d_model, d_vocab),
        **{name: torch.zeros(inwards) for name in ("W_Q", "W_K", "W_V")},
        "W_O": torch.zeros(2, 1, d_head, d_model),
    }


def induction_in_two_boxes(d_vocab, n_ctx):
    """The box for the token before is also the one to say: layer 1 shouts louder than layer 0."""
    V, N = d_vocab, n_ctx
    W = _empty_model(V, N, 2 * V + N, max(V, N))
    eye, sharp = torch.eye(V), 25 * max(V, N) ** 0.5
    W["W_E"][:, :V], W["W_pos"][:, 2 * V :], W["W_U"][V : 2 * V] = eye, torch.eye(N), eye
    W["W_Q"][0, 0, 2 * V :, :N] = torch.eye(N)
    W["W_K"][0, 0, 2 * V :, :N] = sharp * torch.diag(torch.ones(N - 1), 1)
    W["W_V"][0, 0, :V, :V], W["W_O"][0, 0, :V, V : 2 * V] = eye, eye
    W["W_Q"][1, 0, :V, :V], W["W_K"][1, 0, V : 2 * V, :V] = eye, sharp * eye
    W["W_V"][1, 0, :V, :V], W["W_O"][1, 0, :V, V : 2 * V] = eye, 3 * eye
    return W


def _turned(weights):
    """The same model in another basis of the stream and of the head."""
    source = torch.Generator().manual_seed(0)
    d_model, d_head = weights["W_Q"].shape[-2:]
    R, S = (torch.linalg.qr(torch.randn(n, n, generator=source)).Q for n in (d_model, d_head))
    turned = {"W_E": weights["W_E"] @ R, "W_pos": weights["W_pos"] @ R, "W_U": R.T @ weights["W_U"]}
    for name in ("W_Q", "W_K", "W_V"):
        turned[name] = R.T @ weights[name] @ S
    return turned | {"W_O": S.T @ weights["W_O"] @ R}


def induction_in_another_basis(d_vocab, n_ctx):
    return _turned(induction_in_two_boxes(d_vocab, n_ctx))


def induction_with_room_to_spare(d_vocab, n_ctx):
    weights = induction_in_two_boxes(d_vocab, n_ctx)
    wider = {name: F.pad(value, (0, 3)) for name, value in weights.items() if name in ("W_E", "W_pos", "W_O")}
    wider |= {name: F.pad(weights[name], (0, 0, 0, 3)) for name in ("W_Q", "W_K", "W_V", "W_U")}
    return wider | {"note": "extra entries are nobody's business"}


def pointer_with_shifted_keys(d_vocab, n_ctx):
    """The pointer names the earlier occurrence itself; the key of each position says what comes before it."""
    V, N = d_vocab, n_ctx
    W = _empty_model(V, N, 2 * V + 2 * N, max(V, N))
    token, say, place, pointer = slice(V), slice(V, 2 * V), slice(2 * V, 2 * V + N), slice(2 * V + N, None)
    eye, sharp = torch.eye(V), 60 * max(V, N) ** 0.5
    W["W_E"][:, token], W["W_pos"][:, place], W["W_U"][say] = eye, torch.eye(N), eye
    W["W_Q"][0, 0, token, :V], W["W_K"][0, 0, token, :V] = sharp * eye, eye
    W["W_V"][0, 0, place, :N], W["W_O"][0, 0, :N, pointer] = torch.eye(N), torch.eye(N)
    W["W_Q"][1, 0, pointer, :N] = sharp * torch.eye(N)
    W["W_K"][1, 0, place, :N] = torch.diag(torch.ones(N - 1), -1)
    W["W_V"][1, 0, token, :V], W["W_O"][1, 0, :V, say] = eye, eye
    return W


def pointer_in_another_basis(d_vocab, n_ctx):
    return _turned(pointer_with_shifted_keys(d_vocab, n_ctx))


def bump_in_a_loop(steps, scores):
    best, where = -math.inf, 0
    points = [(s, y) for s, y in zip(steps.tolist(), scores.tolist(), strict=True) if s]
    for (a, x), (b, y) in pairwise(points):
        slope = (y - x) / math.log(b / a)
        if slope > best:
            best, where = slope, b
    return where


def bump_by_numpy(steps, scores):
    s, y = steps.cpu().numpy(), scores.double().cpu().numpy()
    s, y = s[s > 0], y[s > 0]
    return s[1:][np.argmax(np.diff(y) / np.diff(np.log(s)))].item()


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
    "repeated_tokens": (repeats_by_a_list_of_allowed_ids, repeats_by_weights, repeats_row_by_row),
    "previous_token_score": (previous_by_two_indices, previous_in_a_loop),
    "prefix_matching_score": (prefix_by_a_diagonal, prefix_in_a_loop),
    "in_context_learning_score": (context_by_two_means, context_as_a_number),
    "ablation_effects": (ablations_by_added_hooks, ablations_by_masks),
    "pattern_without": (path_by_cases, path_row_by_row),
    "composition_score": (composition_by_linalg, composition_of_unit_matrices),
    "composition_scores": (all_compositions_by_einsum, all_compositions_by_factors),
    "build_previous_token_head": (looks_back_by_turning, looks_back_by_shifted_keys),
    "build_induction_head": (induction_in_two_boxes, induction_in_another_basis, induction_with_room_to_spare),
    "build_pointer_head": (pointer_with_shifted_keys, pointer_in_another_basis),
    "induction_bump": (bump_in_a_loop, bump_by_numpy),
    "sparse_features": (sparse_by_bernoulli, sparse_by_one_rescaled_draw, sparse_in_a_loop),
    "toy_model": (toy_model_by_matmul, toy_model_in_a_loop, toy_model_by_its_gram_matrix),
    "toy_loss": (toy_loss_by_einsum, toy_loss_in_a_loop, toy_loss_of_weighted_errors),
    "interference": (
        interference_in_a_loop,
        interference_by_its_gram_matrix,
        interference_with_a_tiny_constant,
    ),
    "feature_dimensionality": (
        dimensionality_by_its_gram_matrix,
        dimensionality_in_a_loop,
        dimensionality_with_nan_replaced,
    ),
    "dimensions_per_feature": (frobenius_by_norm, frobenius_by_trace, frobenius_by_columns),
    "correlated_features": (
        correlated_by_an_axis,
        correlated_by_bernoulli,
        correlated_with_the_gate_rescaled,
    ),
    "anticorrelated_features": (
        anticorrelated_by_a_coin,
        anticorrelated_by_multinomial,
        anticorrelated_by_one_rescaled_draw,
    ),
    "strategy_losses": (strategies_by_moments, strategies_by_cases, strategies_by_an_integral),
    "neuron_purity": (purity_by_sorting, purity_by_normalising, purity_by_norms),
    **CH05_VARIANTS,
}
