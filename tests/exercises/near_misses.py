"""Wrong answers that are nearly right, by exercise: none is a listed misconception, and none may pass."""

import math

import numpy as np
import torch
import torch.nn.functional as F
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
}
