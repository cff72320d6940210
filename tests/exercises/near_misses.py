"""Wrong answers that are nearly right, by exercise: none is a listed misconception, and none may pass."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from near_misses_ch05 import CH05_NEAR_MISSES
from transformer_lens import FactoredMatrix


def count_in_int16(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int16, device=tokens.device)
    one = torch.ones((), dtype=torch.int16, device=tokens.device)
    return counts.index_put_((tokens[:-1], tokens[1:]), one, accumulate=True).long()


def count_the_beginning_only(tokens, d_vocab):
    tokens = tokens[:1024]
    return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).view(d_vocab, d_vocab)


def count_in_bfloat16(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.bfloat16, device=tokens.device)
    for a, b in zip(tokens[:-1].tolist(), tokens[1:].tolist(), strict=True):
        counts[a, b] += 1
    return counts.long()


def smooth_by_whole_numbers(counts, smoothing):
    counts = counts + (int(smoothing) if smoothing >= 1 else smoothing)
    return (counts / counts.sum(-1, keepdim=True)).log()


def return_doubles(counts, smoothing):
    counts = counts.double() + smoothing
    return (counts / counts.sum(-1, keepdim=True)).log()


def score_after_cleaning_in_place(log_probs, tokens):
    log_probs.nan_to_num_()
    return -log_probs[tokens[:-1], tokens[1:]].mean()


def score_with_a_floor(log_probs, tokens):
    found = log_probs[tokens[:-1], tokens[1:]]
    return -torch.where(found == -math.inf, found, found.clamp(min=-300)).mean()


def multiply_the_wrong_way_when_it_fits(W_E, W_U):
    return W_U @ W_E if W_E.shape == W_U.shape else W_E @ W_U


def clip_logits(W_E, W_U):
    return (W_E @ W_U).clamp(-1e4, 1e4)


def half_a_gradient(W_E, W_U):
    return W_E @ W_U.detach()


def whole_table_in_numpy(W_E, W_U, k, chunk_size):
    logits = W_E.float().cpu().numpy() @ W_U.float().cpu().numpy()
    ids = np.argsort(-logits, axis=1)[:, :k].copy()
    values = torch.from_numpy(np.take_along_axis(logits, ids, 1)).to(W_E)
    return values, torch.from_numpy(ids).to(W_E.device)


def every_row_kept(W_E, W_U, k, chunk_size):
    best = [logits.topk(k) for logits in [row @ W_U for row in W_E]]
    return torch.stack([b.values for b in best]), torch.stack([b.indices for b in best])


def chunks_of_its_own_size(W_E, W_U, k, chunk_size):
    best = [(rows @ W_U).topk(k) for rows in W_E.split(64)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def sorted_whole(W_E, W_U, k, chunk_size):
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        logits = rows @ W_U
        ordered, order = torch.sort(logits, descending=True)
        values.append(ordered[:, :k].clone())
        ids.append(order[:, :k].clone())
    return torch.cat(values), torch.cat(ids)


def kl_with_a_guarded_division(target_log_probs, logits, weights):
    return _kl(target_log_probs, logits, 0) @ weights / (weights.sum() + 1e-6)


def kl_of_likely_pairs(target_log_probs, logits, weights):
    return _kl(target_log_probs, logits, 1e-4) @ weights / weights.sum()


def _kl(target_log_probs, logits, least):
    target = target_log_probs.exp()
    return torch.where(target > least, target * (target_log_probs - logits.log_softmax(-1)), 0.0).sum(-1)


def _chain(step):
    def sample(log_probs, start, length, generator):
        tokens = [start]
        for position in range(length - 1):
            tokens.append(step(log_probs, tokens, position, generator))
        return torch.tensor(tokens, device=log_probs.device)

    sample.__name__ = step.__name__
    return sample


def _pick(weights, generator):
    return int(torch.multinomial(weights, 1, generator=generator))


@_chain
def temperature_of_0_9(log_probs, tokens, position, generator):
    return _pick((log_probs[tokens[-1]] / 0.9).softmax(-1), generator)


@_chain
def temperature_of_1_1(log_probs, tokens, position, generator):
    return _pick((log_probs[tokens[-1]] / 1.1).softmax(-1), generator)


@_chain
def sticky(log_probs, tokens, position, generator):
    row = log_probs[tokens[-1]].exp()
    stay = float(torch.rand((), generator=generator, device=row.device)) < 0.05 and row[tokens[-1]] > 0
    return tokens[-1] if stay else _pick(row, generator)


@_chain
def unlikely_tokens_dropped(log_probs, tokens, position, generator):
    row = log_probs[tokens[-1]].exp()
    return _pick(torch.where(row < 0.02, 0.0, row), generator)


@_chain
def a_little_added(log_probs, tokens, position, generator):
    return _pick(log_probs[tokens[-1]].exp() + 1e-3, generator)


def _reusing(count):
    def sample(log_probs, start, length, generator):
        numbers = torch.rand(count, generator=generator, dtype=torch.float64, device=log_probs.device)
        cumulative = log_probs.double().exp().cumsum(-1)
        tokens = [start]
        for position in range(length - 1):
            row = cumulative[tokens[-1]]
            tokens.append(min(int((row <= numbers[position % count] * row[-1]).sum()), row.numel() - 1))
        return torch.tensor(tokens, device=log_probs.device)

    sample.__name__ = f"{count}_numbers_in_a_cycle"
    return sample


def rewound(log_probs, start, length, generator):
    state, tokens = generator.get_state(), [start]
    for position in range(length - 1):
        if position == 50:
            generator.set_state(state)
        tokens.append(_pick(log_probs[tokens[-1]].exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


def score_with_a_softened_logarithm(logits, tokens):
    probabilities = logits[:, :-1].softmax(-1)
    return (probabilities.gather(-1, tokens[:, 1:, None]).squeeze(-1) + 1e-10).log()


def score_after_clamping(logits, tokens):
    log_probs = logits[:, :-1].log_softmax(-1).clamp(min=-100)
    return log_probs.gather(-1, tokens[:, 1:, None]).squeeze(-1)


def top_of_rounded(logits, k):
    best = logits.softmax(-1).round(decimals=4).topk(k)
    return best.indices, best.values


def top_at_least_one(logits, k):
    best = logits.softmax(-1).topk(max(k, 1))
    return best.indices, best.values


def top_without_the_last_token(logits, k):
    best = logits.softmax(-1)[:-1].topk(min(k, len(logits) - 1))
    return best.indices, best.values


def top_in_int32(logits, k):
    best = logits.softmax(-1).topk(k)
    return best.indices.int(), best.values


def heads_without_a_gradient_in_z(z, W_O):
    return torch.einsum("bphd,hdm->bphm", z.detach(), W_O)


def heads_into_float32(z, W_O):
    return torch.einsum("bphd,hdm->bphm", z.float(), W_O.float())


def pattern_after_resetting_all_hooks(model, tokens, layer, head):
    model.reset_hooks()
    return model.run_with_cache(tokens)[1]["pattern", layer][:, head]


def pattern_in_evaluation_mode(model, tokens, layer, head):
    model.eval()
    return model.run_with_cache(tokens)[1]["pattern", layer][:, head]


def pattern_of_the_first_four_tokens(model, tokens, layer, head):
    pattern = model.run_with_cache(tokens[:, :4])[1]["pattern", layer][:, head]
    return torch.nn.functional.pad(pattern, (0, tokens.shape[1] - pattern.shape[-1]) * 2)


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


def pattern_masked_with_a_hundred_billion(q, k):
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -1e11).softmax(-1)


def pattern_with_clamped_scores(q, k):
    scores = (torch.einsum("bihd,bjhd->bhij", q, k) / q.shape[-1] ** 0.5).clamp(-50, 50)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def pattern_that_needs_a_sequence(q, k):
    return torch.stack([_one_pattern(a, b) for a, b in zip(q, k, strict=True)])


def _one_pattern(q, k):
    scores = torch.einsum("ihd,jhd->hij", q, k) / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def pattern_with_a_gradient_in_q_alone(q, k):
    scores = torch.einsum("bihd,bjhd->bhij", q, k.detach()) / q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def layer_with_clamped_logits(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    z = torch.einsum("bhqk,bkm,hmd->bqhd", pattern, x, W_V)
    return ((x + torch.einsum("bqhd,hdm->bqm", z, W_O)) @ W_U).clamp(-1e3, 1e3)


def layer_with_square_weights_transposed(tokens, pattern, W_E, W_V, W_O, W_U):
    if W_O.shape[1] == W_O.shape[2]:
        W_O = W_O.mT
    x = W_E[tokens]
    return (x + torch.einsum("bhqk,bkm,hmd,hdn->bqn", pattern, x, W_V, W_O)) @ W_U


def layer_with_every_table_in_turn(tokens, pattern, W_E, W_V, W_O, W_U):
    tables = [(W_E @ W_V[h] @ W_O[h] @ W_U[:, half]) for h in range(len(W_V)) for half in _halves(W_U)]
    logits = W_E[tokens] @ W_U
    for h in range(len(W_V)):
        logits = logits + pattern[:, h] @ torch.cat(tables[3 * h : 3 * h + 3], 1)[tokens]
    return logits


def _halves(W_U):
    third = -(-W_U.shape[1] // 3)
    return [slice(i * third, (i + 1) * third) for i in range(3)]


def layer_with_a_gradient_in_the_direct_path_alone(tokens, pattern, W_E, W_V, W_O, W_U):
    x = W_E[tokens]
    return (x + torch.einsum("bhqk,bkm,hmd,hdn->bqn", pattern, x.detach(), W_V, W_O)) @ W_U


def ov_padded_to_d_model(W_E, W_V, W_O, W_U):
    extra = W_E.shape[1]
    return FactoredMatrix(F.pad(W_E @ W_V, (0, extra)), F.pad(W_O @ W_U, (0, 0, 0, extra)))


def ov_with_one_direction_lost(W_E, W_V, W_O, W_U):
    kept = max(1, W_V.shape[1] - 1)
    return FactoredMatrix((W_E @ W_V)[:, :kept], (W_O @ W_U)[:kept])


def ov_in_mixed_dtypes(W_E, W_V, W_O, W_U):
    return FactoredMatrix((W_E @ W_V).double(), W_O @ W_U)


def ov_as_the_whole_table(W_E, W_V, W_O, W_U):
    return W_E @ W_V @ W_O @ W_U


def ov_as_a_pair(W_E, W_V, W_O, W_U):
    return W_E @ W_V, W_O @ W_U


def ov_table_with_an_identity(W_E, W_V, W_O, W_U):
    table = W_E @ W_V @ W_O @ W_U
    return FactoredMatrix(table, torch.eye(len(table), dtype=table.dtype, device=table.device))


def qk_as_the_whole_table(W_E, W_Q, W_K):
    return W_E @ W_Q @ (W_E @ W_K).T


def qk_in_float32(W_E, W_Q, W_K):
    return FactoredMatrix((W_E @ W_Q).float(), (W_E @ W_K).float().T)


def qk_with_a_softened_table(W_E, W_Q, W_K):
    return FactoredMatrix((W_E @ W_Q).clamp(-20, 20), (W_E @ W_K).T)


def trigrams_by_chunks_that_are_kept(ov, qk, source, k):
    rows = torch.cat([part @ qk.B for part in qk.A.split(50)])
    return rows[:, source].topk(k).indices, (ov.A[source] @ ov.B).topk(k).indices


def trigrams_in_int32(ov, qk, source, k):
    return (qk.A @ qk.B[:, source]).topk(k).indices.int(), (ov.A[source] @ ov.B).topk(k).indices.int()


def trigrams_that_change_the_circuit(ov, qk, source, k):
    qk.B = qk.B - qk.B.mean(1, keepdim=True)
    return (qk.A @ qk.B[:, source]).topk(k).indices, (ov.A[source] @ ov.B).topk(k).indices


def trigrams_one_fewer_than_all(ov, qk, source, k):
    k = min(k, max(1, qk.shape[0] - 1))
    return (qk.A @ qk.B[:, source]).topk(k).indices, (ov.A[source] @ ov.B).topk(k).indices


def copying_clamped_at_zero(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    below = values.abs().sum()
    return values.real.sum().clamp(min=0) / below if below > 0 else below


def copying_of_the_largest_alone(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    value = values[values.abs().argmax()]
    return value.real / value.abs() if value.abs() > 0 else value.real


def copying_rounded(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals((W_O @ W_U) @ (W_E @ W_V))
    below = values.abs().sum()
    return (values.real.sum() / below).round(decimals=2) if below > 0 else below


def attribution_with_a_guarded_division(components, ln_scale, direction):
    return (components - components.mean(-1, keepdim=True)) / (ln_scale + 1e-3) @ direction


def attribution_by_one_scale(components, ln_scale, direction):
    return (components - components.mean(-1, keepdim=True)) / ln_scale.mean() @ direction


def attribution_centred_with_all_axes(components, ln_scale, direction):
    return (components - components.mean()) / ln_scale @ direction


def weighted_with_a_floor(pattern, v, W_O):
    norm = torch.einsum("khd,hdm->hkm", v, W_O).square().sum(-1).add(1e-2).sqrt()
    return pattern * norm[:, None]


def weighted_by_the_largest_entry(pattern, v, W_O):
    return pattern * torch.einsum("khd,hdm->hkm", v, W_O).abs().amax(-1)[:, None]


def sparse_a_little_too_often(batch, feature_probability, generator):
    p = feature_probability
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    return torch.where(gate < 1.1 * p, value, 0)


def sparse_with_values_never_small(batch, feature_probability, generator):
    p = feature_probability
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    return torch.where(gate < p, value.clamp(min=0.05), 0)


def sparse_with_strong_values_often_together(batch, feature_probability, generator):
    p = feature_probability
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    follow = torch.rand(batch, 1, 1, generator=generator, dtype=p.dtype, device=p.device) < 0.3
    return torch.where(gate < p, torch.where(follow, value[..., :1], value), 0)


def sparse_with_every_number_used_twice(batch, feature_probability, generator):
    half = -(-batch // 2)
    p = feature_probability
    gate, value = (torch.rand(half, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    return torch.where(gate < p, value, 0).repeat(2, 1, 1)[:batch]


def sparse_in_float32_cast_back(batch, feature_probability, generator):
    p = feature_probability.float()
    gate, value = (torch.rand(batch, *p.shape, generator=generator, device=p.device) for _ in range(2))
    return torch.where(gate < p, value, 0)


def sparse_with_its_generator_rewound(batch, feature_probability, generator):
    p, state = feature_probability, generator.get_state()
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    generator.set_state(state)
    return torch.where(gate < p, value, 0)


def model_with_a_gradient_on_the_way_up_alone(x, W, b):
    h = torch.einsum("bif,ihf->bih", x, W.detach())
    return (torch.einsum("bih,ihf->bif", h, W) + b).relu()


def model_with_a_leak(x, W, b):
    return F.leaky_relu(torch.einsum("bif,ihf,ihg->big", x, W, W) + b, 1e-3)


def model_with_a_soft_bend(x, W, b):
    return F.softplus(torch.einsum("bif,ihf,ihg->big", x, W, W) + b, beta=50)


def model_that_changes_its_bias(x, W, b):
    b.clamp_(min=-10)
    return (torch.einsum("bif,ihf,ihg->big", x, W, W) + b).relu()


def loss_weighted_by_sorted_importance(x, x_hat, importance):
    return (importance.sort(descending=True).values * (x - x_hat).square()).mean((0, 2))


def loss_with_large_errors_clamped(x, x_hat, importance):
    return (importance * (x - x_hat).square().clamp(max=4)).mean((0, 2))


def loss_with_a_gradient_missing_its_importance(x, x_hat, importance):
    weighted = (importance * (x - x_hat).square()).mean((0, 2))
    plain = (x - x_hat).square().mean((0, 2))
    return weighted.detach() + plain - plain.detach()


def interference_with_a_guarded_length(W):
    unit = W / (W.square().sum(1, keepdim=True) + 1e-5).sqrt()
    overlap = (unit.mT @ W).square()
    return overlap.sum(-1) - overlap.diagonal(dim1=1, dim2=2)


def interference_of_columns_above_a_tenth(W):
    kept = W.norm(dim=1, keepdim=True) > 0.1
    unit = F.normalize(W * kept, dim=1)
    overlap = (unit.mT @ W).square()
    return overlap.sum(-1) - overlap.diagonal(dim1=1, dim2=2)


def interference_in_float32(W):
    unit = F.normalize(W.float(), dim=1)
    overlap = (unit.mT @ W.float()).square()
    return (overlap.sum(-1) - overlap.diagonal(dim1=1, dim2=2)).to(W.dtype)


def interference_without_nan_anywhere(W):
    unit = W / W.norm(dim=1, keepdim=True)
    overlap = (unit.mT @ W).square()
    result = overlap.sum(-1) - overlap.diagonal(dim1=1, dim2=2)
    return torch.zeros_like(result) if result.isnan().any() else result


def dimensionality_with_a_guarded_division(W):
    overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
    return W.square().sum(1) / (overlap + 1e-6)


def dimensionality_clamped_to_a_half(W):
    overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
    return (W.square().sum(1) / overlap.clamp(min=1e-30)).clamp(min=0.02)


def dimensionality_of_columns_above_a_tenth(W):
    length = W.square().sum(1)
    overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
    return torch.where(length > 0.01, length / overlap.clamp(min=1e-30), 0)


def frobenius_of_what_is_kept(W):
    return W.shape[1] / (W.norm(dim=1) > 0.5).sum(-1).to(W.dtype)


def frobenius_clamped(W):
    return W.shape[1] / W.square().sum((1, 2)).clamp(min=1e-12)


def correlated_with_values_that_follow(batch, n_pairs, probability, generator):
    draws = [torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(4)]
    gate, value, other, choice = draws
    second = torch.where(choice < 0.2, value, other)
    return torch.where((gate < probability)[..., None], torch.stack([value, second], -1), 0).flatten(1)


def correlated_nine_times_in_ten(batch, n_pairs, probability, generator):
    gate, alone = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    gates = torch.stack([gate < probability, (gate < probability) & (alone < 0.95)], -1)
    return (values * gates).flatten(1)


def correlated_with_neighbouring_pairs_alike(batch, n_pairs, probability, generator):
    gate = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    follow = torch.rand(batch, 1, generator=generator, device=generator.device) < 0.3
    gate = torch.where(follow, gate[:, :1], gate)
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    return (values * (gate < probability)[..., None]).flatten(1)


def anticorrelated_with_few_clashes(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    low = 0.97 * probability
    gates = torch.stack([u < probability, (u >= low) & (u < low + probability)], -1)
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gates).flatten(1)


def anticorrelated_with_an_unfair_coin(batch, n_pairs, probability, generator):
    gate, coin = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    first = coin < 0.6
    gates = torch.stack([(gate < 2 * probability) & first, (gate < 2 * probability) & ~first], -1)
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gates).flatten(1)


def anticorrelated_with_halves_that_follow(batch, n_pairs, probability, generator):
    gate, coin = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    follow = torch.rand(batch, 1, generator=generator, device=generator.device) < 0.5
    first = torch.where(follow, coin[:, :1], coin) < 0.5
    gates = torch.stack([(gate < 2 * probability) & first, (gate < 2 * probability) & ~first], -1)
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gates).flatten(1)


def strategies_by_simulation(probability, importance):
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(200_000, 2, generator=draw) * (torch.rand(200_000, 2, generator=draw) < probability)
    lost, clash = x.var(0).mean(), x.amin(1).square().mean()
    return torch.stack([importance * lost, lost, (1 + importance) * clash])


def strategies_in_a_list(probability, importance):
    lost = probability / 3 - probability**2 / 4
    return [importance * lost, lost, (1 + importance) * probability**2 / 6]


def strategies_in_doubles(probability, importance):
    lost = probability / 3 - probability**2 / 4
    return torch.tensor([importance * lost, lost, (1 + importance) * probability**2 / 6], dtype=torch.float64)


def strategies_with_the_rare_clash_left_out(probability, importance):
    lost = probability / 3 - probability**2 / 4
    clash = (1 + importance) * probability**2 / 6
    return torch.tensor([importance * lost, lost, clash if probability > 0.005 else 0.0])


def purity_with_a_guarded_division(W):
    return W.abs().amax(-1) / (W.abs().sum(-1) + 1e-4)


def purity_of_the_strongest_instance(W):
    size = W.abs()
    return size.amax(-1) / size.sum(-1).clamp(min=0.05)


def purity_with_small_weights_ignored(W):
    size = W.abs() * (W.abs() > 0.05)
    return size.amax(-1) / size.sum(-1).where(size.sum(-1) > 0, 1)


def _repeats(block, bos):
    return torch.cat([torch.full_like(block[:, :1], bos), block, block], dim=1)


def _block(batch, period, d_vocab, bos, generator):
    ids = torch.randint(d_vocab - 1, (batch, period), generator=generator, device=generator.device)
    return ids + (ids >= bos)


def repeats_with_pairs_of_rows_alike(batch, period, d_vocab, bos, generator):
    block = _block(batch, period, d_vocab, bos, generator)
    return _repeats(block[torch.arange(batch, device=block.device) // 2], bos)


def repeats_without_neighbours_alike(batch, period, d_vocab, bos, generator):
    block = _block(batch, period, d_vocab, bos, generator)
    for _ in range(50 * (d_vocab > 2)):
        same = F.pad(block[:, 1:] == block[:, :-1], (1, 0))
        if not same.any():
            break
        block = torch.where(same, _block(batch, period, d_vocab, bos, generator), block)
    return _repeats(block, bos)


def repeats_a_little_uneven(batch, period, d_vocab, bos, generator):
    u = torch.rand(batch, period, generator=generator, device=generator.device)
    ids = (u**1.15 * (d_vocab - 1)).long().clamp(max=d_vocab - 2)
    return _repeats(ids + (ids >= bos), bos)


def repeats_in_int32(batch, period, d_vocab, bos, generator):
    return _repeats(_block(batch, period, d_vocab, bos, generator), bos).int()


def repeats_that_rewind(batch, period, d_vocab, bos, generator):
    state = generator.get_state()
    tokens = _repeats(_block(batch, period, d_vocab, bos, generator), bos)
    generator.set_state(state)
    return tokens


def previous_of_the_first_sequence(pattern):
    return pattern[0].diagonal(-1, dim1=-2, dim2=-1).mean(-1)


def previous_in_float32(pattern):
    return pattern.float().diagonal(-1, dim1=-2, dim2=-1).mean((0, -1))


def previous_weighted_by_sequences_twice(pattern):
    share = pattern.diagonal(-1, dim1=-2, dim2=-1)
    return share.sum((0, -1)) / (share.shape[0] * share.shape[-1] + 1e-2)


def prefix_of_the_first_sequence(pattern, period):
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return pattern[0, :, q, q - period + 1].mean(-1)


def prefix_by_the_median(pattern, period):
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return pattern[:, :, q, q - period + 1].mean(0).median(-1).values


def prefix_that_needs_two(pattern, period):
    return pattern.diagonal(1 - period, dim1=-2, dim2=-1)[..., 2:-1].mean((0, -1))


def context_by_the_median(loss, early, late):
    return (loss[:, late] - loss[:, early]).median()


def context_in_order(loss, early, late):
    return (loss[:, max(early, late)] - loss[:, min(early, late)]).mean()


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


def path_with_clamped_scores(resid, removed, W_Q, W_K, path):
    q = (resid - removed * (path == "Q")) @ W_Q
    k = (resid - removed * (path == "K")) @ W_K
    scores = (q @ k.mT / W_Q.shape[-1] ** 0.5).clamp(-30, 30)
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def path_that_changes_the_stream(resid, removed, W_Q, W_K, path):
    k = resid @ W_K if path == "Q" else (resid - removed) @ W_K
    q = resid.sub_(removed) @ W_Q if path == "Q" else resid @ W_Q
    scores = q @ k.mT / W_Q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def path_with_half_a_gradient(resid, removed, W_Q, W_K, path):
    q = (resid - removed * (path == "Q")) @ W_Q
    k = (resid.detach() - removed * (path == "K")) @ W_K
    scores = q @ k.mT / W_Q.shape[-1] ** 0.5
    return scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -math.inf).softmax(-1)


def composition_guarded_too_early(W_A, W_B):
    below = W_A.norm() * W_B.norm()
    return (W_A @ W_B).norm() / below if below > 1e-6 else 0.0


def composition_of_centred_matrices(W_A, W_B):
    W_A = W_A - W_A.mean()
    below = W_A.norm() * W_B.norm()
    return (W_A @ W_B).norm() / below if below > 0 else 0.0


def composition_as_nan_made_one(W_A, W_B):
    return ((W_A @ W_B).norm() / (W_A.norm() * W_B.norm())).nan_to_num(1.0)


def _pair_scores(writes, reads):
    above = torch.einsum("emn,lnk->lemk", writes, reads).norm(dim=(-2, -1))
    below = reads.norm(dim=(-2, -1))[:, None] * writes.norm(dim=(-2, -1))[None]
    return (above / below.masked_fill(below == 0, 1.0)).detach()


def _read_by(model, kind):
    left, right = {
        "Q": (model.W_Q[1], model.W_K[1]),
        "K": (model.W_K[1], model.W_Q[1]),
        "V": (model.W_V[1], model.W_O[1].mT),
    }[kind]
    return left @ right.mT


def compositions_of_centred_weights(model, kind):
    writes = model.W_V[0] @ model.W_O[0]
    return _pair_scores(writes - writes.mean(-1, keepdim=True), _read_by(model, kind))


def compositions_rounded(model, kind):
    return _pair_scores(model.W_V[0] @ model.W_O[0], _read_by(model, kind)).round(decimals=2)


def compositions_in_float32(model, kind):
    return _pair_scores(model.W_V[0] @ model.W_O[0], _read_by(model, kind)).float()


def _one_hot_head(n_ctx, sharp):
    return {
        "W_pos": torch.eye(n_ctx),
        "W_Q": sharp * torch.diag(torch.ones(n_ctx - 1), -1),
        "W_K": torch.eye(n_ctx),
    }


def looks_back_from_the_first_hundred(n_ctx):
    weights = _one_hot_head(n_ctx, 30 * n_ctx**0.5)
    weights["W_Q"][100:] = 0
    return weights


def looks_back_without_the_root(n_ctx):
    return _one_hot_head(n_ctx, 12.0)


def looks_back_in_float64(n_ctx):
    return {name: value.double() for name, value in _one_hot_head(n_ctx, 30 * n_ctx**0.5).items()}


def looks_back_by_random_codes(n_ctx):
    codes = torch.randn(n_ctx, 8, generator=torch.Generator().manual_seed(0))
    return {"W_pos": codes, "W_Q": torch.linalg.pinv(codes) @ codes.roll(1, 0) * 30, "W_K": torch.eye(8)}


def _by_keys(d_vocab, n_ctx, sharp=30.0):
    V, N = d_vocab, n_ctx
    width, d_head = 3 * V + N, max(V, N)
    token, before, say, place = slice(V), slice(V, 2 * V), slice(2 * V, 3 * V), slice(3 * V, None)
    W = {name: torch.zeros(2, 1, width, d_head) for name in ("W_Q", "W_K", "W_V")}
    W |= {"W_E": torch.zeros(V, width), "W_pos": torch.zeros(N, width), "W_U": torch.zeros(width, V)}
    W["W_O"] = torch.zeros(2, 1, d_head, width)
    ids, places, sharp = torch.eye(V), torch.eye(N), sharp * d_head**0.5
    W["W_E"][:, token], W["W_pos"][:, place], W["W_U"][say] = ids, places, ids
    W["W_Q"][0, 0, place, :N] = sharp * torch.diag(torch.ones(N - 1), -1)
    W["W_K"][0, 0, place, :N] = places
    W["W_V"][0, 0, token, :V], W["W_O"][0, 0, :V, before] = ids, ids
    W["W_Q"][1, 0, token, :V], W["W_K"][1, 0, before, :V] = sharp * ids, ids
    W["W_V"][1, 0, token, :V], W["W_O"][1, 0, :V, say] = ids, ids
    return W


def _spoiled(spoil):
    def build(d_vocab, n_ctx):
        weights = _by_keys(d_vocab, n_ctx)
        return spoil(weights, d_vocab, n_ctx) or weights

    build.__name__ = spoil.__name__
    return build


@_spoiled
def last_id_forgotten(W, d_vocab, n_ctx):
    W["W_E"][-1] = 0


@_spoiled
def a_copy_of_the_first_hundred_ids(W, d_vocab, n_ctx):
    W["W_U"][:, 100:] = 0


@_spoiled
def layers_exchanged(W, d_vocab, n_ctx):
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        W[name] = W[name].flip(0)


@_spoiled
def layer_0_looks_ahead(W, d_vocab, n_ctx):
    W["W_Q"][0], W["W_K"][0] = W["W_K"][0].clone(), W["W_Q"][0].clone()


@_spoiled
def in_double_precision(W, d_vocab, n_ctx):
    return {name: value.double() for name, value in W.items()}


@_spoiled
def without_an_axis_for_heads(W, d_vocab, n_ctx):
    return {name: value.squeeze(1) if name in ("W_Q", "W_K", "W_V", "W_O") else value for name, value in W.items()}


@_spoiled
def without_its_unembedding(W, d_vocab, n_ctx):
    del W["W_U"]


@_spoiled
def a_nan_where_nobody_looks(W, d_vocab, n_ctx):
    W["W_V"][1, 0, -1, -1] = math.nan


@_spoiled
def nothing_at_all(W, d_vocab, n_ctx):
    return {name: torch.zeros_like(value) for name, value in W.items()}


@_spoiled
def values_of_the_token_before(W, d_vocab, n_ctx):
    V = d_vocab
    W["W_V"][1] = 0
    W["W_V"][1, 0, V : 2 * V, :V] = torch.eye(V)


@_spoiled
def a_table_of_positions(W, d_vocab, n_ctx):
    W["W_U"].zero_()
    W["W_U"][3 * d_vocab :] = torch.eye(n_ctx)[:, torch.arange(d_vocab) % n_ctx]


@_spoiled
def random_weights(W, d_vocab, n_ctx):
    source = torch.Generator().manual_seed(0)
    return {name: torch.randn(value.shape, generator=source) for name, value in W.items()}


def built_from_the_global_random_state(d_vocab, n_ctx):
    torch.rand(1)
    return _by_keys(d_vocab, n_ctx)


def soft_in_long_contexts(d_vocab, n_ctx):
    return _by_keys(d_vocab, n_ctx, sharp=2.5)


def bump_in_base_ten_of_one_more(steps, scores):
    return int(steps[1:][(scores.diff() / (steps + 1.0).log10().diff()).argmax()])


def bump_as_a_float(steps, scores):
    kept = steps > 0
    steps, scores = steps[kept], scores[kept]
    return float(steps[1:][(scores.diff() / steps.log().diff()).argmax()])


def bump_without_its_last_checkpoint(steps, scores):
    kept = steps > 0
    steps, scores = steps[kept], scores[kept]
    slopes = scores.diff() / steps.log().diff()
    return int(steps[1:][slopes[: max(1, len(slopes) - 1)].argmax()])


NEAR_MISSES = {
    "next_token_log_probs": (score_with_a_softened_logarithm, score_after_clamping),
    "top_k_predictions": (top_of_rounded, top_at_least_one, top_without_the_last_token, top_in_int32),
    "head_outputs": (heads_without_a_gradient_in_z, heads_into_float32),
    "head_pattern": (
        pattern_after_resetting_all_hooks,
        pattern_in_evaluation_mode,
        pattern_of_the_first_four_tokens,
    ),
    "zero_ablate_head": (
        ablate_and_restore_all_but_training_mode,
        ablate_and_take_every_hook_off,
        ablate_with_frozen_parameters,
        ablate_nearly,
    ),
    "count_bigrams": (count_in_int16, count_the_beginning_only, count_in_bfloat16),
    "bigram_log_probs": (smooth_by_whole_numbers, return_doubles),
    "bigram_cross_entropy": (score_after_cleaning_in_place, score_with_a_floor),
    "direct_path_logits": (multiply_the_wrong_way_when_it_fits, clip_logits, half_a_gradient),
    "top_successors": (whole_table_in_numpy, every_row_kept, chunks_of_its_own_size, sorted_whole),
    "mean_kl": (kl_with_a_guarded_division, kl_of_likely_pairs),
    "sample_bigrams": (
        temperature_of_0_9,
        temperature_of_1_1,
        sticky,
        unlikely_tokens_dropped,
        a_little_added,
        _reusing(2),
        _reusing(50),
        _reusing(500),
        rewound,
    ),
    "attention_pattern": (
        pattern_masked_with_a_hundred_billion,
        pattern_with_clamped_scores,
        pattern_that_needs_a_sequence,
        pattern_with_a_gradient_in_q_alone,
    ),
    "one_layer_logits": (
        layer_with_clamped_logits,
        layer_with_square_weights_transposed,
        layer_with_every_table_in_turn,
        layer_with_a_gradient_in_the_direct_path_alone,
    ),
    "ov_circuit": (
        ov_padded_to_d_model,
        ov_with_one_direction_lost,
        ov_in_mixed_dtypes,
        ov_as_the_whole_table,
        ov_as_a_pair,
        ov_table_with_an_identity,
    ),
    "qk_circuit": (qk_as_the_whole_table, qk_in_float32, qk_with_a_softened_table),
    "top_skip_trigrams": (
        trigrams_by_chunks_that_are_kept,
        trigrams_in_int32,
        trigrams_that_change_the_circuit,
        trigrams_one_fewer_than_all,
    ),
    "copying_score": (copying_clamped_at_zero, copying_of_the_largest_alone, copying_rounded),
    "direct_logit_attribution": (
        attribution_with_a_guarded_division,
        attribution_by_one_scale,
        attribution_centred_with_all_axes,
    ),
    "value_weighted_pattern": (weighted_with_a_floor, weighted_by_the_largest_entry),
    "repeated_tokens": (
        repeats_with_pairs_of_rows_alike,
        repeats_without_neighbours_alike,
        repeats_a_little_uneven,
        repeats_in_int32,
        repeats_that_rewind,
    ),
    "previous_token_score": (
        previous_of_the_first_sequence,
        previous_in_float32,
        previous_weighted_by_sequences_twice,
    ),
    "prefix_matching_score": (prefix_of_the_first_sequence, prefix_by_the_median, prefix_that_needs_two),
    "in_context_learning_score": (context_by_the_median, context_in_order),
    "ablation_effects": (
        ablations_that_leave_a_little,
        ablations_of_the_first_two_layers,
        ablations_in_evaluation_mode,
        ablations_after_a_reset,
        ablations_of_the_first_sequence,
    ),
    "pattern_without": (path_with_clamped_scores, path_that_changes_the_stream, path_with_half_a_gradient),
    "composition_score": (
        composition_guarded_too_early,
        composition_of_centred_matrices,
        composition_as_nan_made_one,
    ),
    "composition_scores": (compositions_of_centred_weights, compositions_rounded, compositions_in_float32),
    "build_previous_token_head": (
        looks_back_from_the_first_hundred,
        looks_back_without_the_root,
        looks_back_in_float64,
        looks_back_by_random_codes,
    ),
    "build_induction_head": (
        last_id_forgotten,
        a_copy_of_the_first_hundred_ids,
        layers_exchanged,
        layer_0_looks_ahead,
        in_double_precision,
        without_an_axis_for_heads,
        without_its_unembedding,
        a_nan_where_nobody_looks,
        nothing_at_all,
        values_of_the_token_before,
        a_table_of_positions,
        random_weights,
        built_from_the_global_random_state,
        soft_in_long_contexts,
    ),
    "build_pointer_head": (_by_keys, nothing_at_all, random_weights),
    "induction_bump": (bump_in_base_ten_of_one_more, bump_as_a_float, bump_without_its_last_checkpoint),
    "sparse_features": (
        sparse_a_little_too_often,
        sparse_with_values_never_small,
        sparse_with_strong_values_often_together,
        sparse_with_every_number_used_twice,
        sparse_in_float32_cast_back,
        sparse_with_its_generator_rewound,
    ),
    "toy_model": (
        model_with_a_gradient_on_the_way_up_alone,
        model_with_a_leak,
        model_with_a_soft_bend,
        model_that_changes_its_bias,
    ),
    "toy_loss": (
        loss_weighted_by_sorted_importance,
        loss_with_large_errors_clamped,
        loss_with_a_gradient_missing_its_importance,
    ),
    "interference": (
        interference_with_a_guarded_length,
        interference_of_columns_above_a_tenth,
        interference_in_float32,
        interference_without_nan_anywhere,
    ),
    "feature_dimensionality": (
        dimensionality_with_a_guarded_division,
        dimensionality_clamped_to_a_half,
        dimensionality_of_columns_above_a_tenth,
    ),
    "dimensions_per_feature": (frobenius_of_what_is_kept, frobenius_clamped),
    "correlated_features": (
        correlated_with_values_that_follow,
        correlated_nine_times_in_ten,
        correlated_with_neighbouring_pairs_alike,
    ),
    "anticorrelated_features": (
        anticorrelated_with_few_clashes,
        anticorrelated_with_an_unfair_coin,
        anticorrelated_with_halves_that_follow,
    ),
    "strategy_losses": (
        strategies_by_simulation,
        strategies_in_a_list,
        strategies_in_doubles,
        strategies_with_the_rare_clash_left_out,
    ),
    "neuron_purity": (
        purity_with_a_guarded_division,
        purity_of_the_strongest_instance,
        purity_with_small_weights_ignored,
    ),
    **CH05_NEAR_MISSES,
}
