"""Chapter 05's part of near_misses.py."""

import torch
import torch.nn.functional as F


def encode_with_a_leak(x, W_enc, b_enc, b_dec):
    return F.leaky_relu((x - b_dec) @ W_enc + b_enc, 1e-3)


def encode_with_a_cap(x, W_enc, b_enc, b_dec):
    return ((x - b_dec) @ W_enc + b_enc).clamp(0, 100)


def encode_in_single_precision(x, W_enc, b_enc, b_dec):
    return ((x.float() - b_dec.float()) @ W_enc.float() + b_enc.float()).relu().to(x.dtype)


def encode_that_changes_x(x, W_enc, b_enc, b_dec):
    with torch.no_grad():
        x -= b_dec
    return (x @ W_enc + b_enc).relu()


def decode_without_a_gradient_in_the_bias(f, W_dec, b_dec):
    return f @ W_dec + b_dec.detach()


def decode_that_needs_an_input(f, W_dec, b_dec):
    return torch.stack([row @ W_dec + b_dec for row in f])


def loss_with_guarded_norms(x, x_hat, f, W_dec, l1_coefficient):
    norms = (W_dec.square().sum(-1) + 1e-2).sqrt()
    return ((x - x_hat).square().sum(-1) + l1_coefficient * (f * norms).sum(-1)).mean()


def loss_that_reaches_x_hat_through_the_penalty_alone(x, x_hat, f, W_dec, l1_coefficient):
    error = (x - x_hat.detach()).square().sum(-1) + 0 * x_hat.sum()
    return (error + l1_coefficient * (f * W_dec.norm(dim=-1)).sum(-1)).mean()


def loss_with_long_rows_capped(x, x_hat, f, W_dec, l1_coefficient):
    return ((x - x_hat).square().sum(-1) + l1_coefficient * (f * W_dec.norm(dim=-1).clamp(max=10)).sum(-1)).mean()


def cosine_without_negative_ones(W_dec, truth):
    return (F.normalize(truth, dim=-1) @ F.normalize(W_dec, dim=-1).T).amax(-1).relu().mean()


def cosine_with_a_guarded_division(W_dec, truth):
    unit = W_dec / (W_dec.norm(dim=-1, keepdim=True) + 1e-3)
    return (F.normalize(truth, dim=-1) @ unit.T).amax(-1).mean()


def parallel_with_a_guarded_division(W_dec, grad):
    share = (grad * W_dec).sum(-1, keepdim=True) / (W_dec.square().sum(-1, keepdim=True) + 1e-5)
    return grad - share * W_dec


def parallel_of_rows_above_a_tenth(W_dec, grad):
    unit = F.normalize(W_dec, dim=-1) * (W_dec.norm(dim=-1, keepdim=True) > 0.1)
    return grad - (grad * unit).sum(-1, keepdim=True) * unit


def parallel_with_the_first_zero_row_only(W_dec, grad):
    return (grad - (grad * W_dec).sum(-1, keepdim=True) / W_dec.square().sum(-1, keepdim=True) * W_dec).nan_to_num(0.0)


def l0_as_a_whole_number(f):
    return int((f > 0).sum()) // len(f)


def l0_of_rounded(f):
    return (f.round(decimals=6) > 0).to(f.dtype).sum(-1).mean()


def variance_at_least_minus_one(x, x_hat):
    return (1 - (x - x_hat).square().sum() / (x - x.mean(0)).square().sum()).clamp(min=-1)


def variance_by_squares_of_means(x, x_hat):
    below = (x.square().mean(0) - x.mean(0).square()).sum()
    return 1 - (x - x_hat).square().mean(0).sum() / (below + 1e-3)


def recovered_at_most_one(clean, spliced, ablated):
    return ((ablated - spliced) / (ablated - clean)).clamp(max=1)


def recovered_with_a_guard(clean, spliced, ablated):
    return (ablated - spliced) / (ablated - clean).clamp(min=1e-1)


def recovered_in_float32(clean, spliced, ablated):
    return ((ablated - spliced) / (ablated - clean)).float()


def dead_in_all_but_the_first(f):
    return ~(f[1:] > 0).any(0)


def dead_below_a_denormal(f):
    return (f < 1e-20).all(0)


def dead_as_bytes(f):
    return (~(f > 0).any(0)).to(torch.uint8)


def _resampled(power=2.0, scale=0.2, bias=0.0, again=False, alias=False, last=False):
    def resample(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
        loss = (x - x_hat).square().sum(-1)
        if not dead.any() or not loss.any():
            return (W_enc, b_enc, W_dec) if alias else (W_enc.clone(), b_enc.clone(), W_dec.clone())
        W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
        count = int(dead.sum())
        chances = (loss / loss.max()) ** power
        state = generator.get_state()
        chosen = torch.multinomial(chances, count, replacement=True, generator=generator)
        if again:
            generator.set_state(state)
        if last and count > 2:
            chosen[-2] = chosen[-1]
        direction = F.normalize(x[chosen], dim=-1)
        living = W_enc[:, ~dead].norm(dim=0)
        W_dec[dead] = direction
        W_enc[:, dead] = scale * (living.mean() if len(living) else 1.0) * direction.T
        b_enc[dead] = bias
        return W_enc, b_enc, W_dec

    resample.__name__ = f"resample_{power}_{scale}_{bias}_{again}_{alias}_{last}"
    return resample


def resample_and_touch_the_living(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    new = list(_resampled()(x, x_hat, W_enc, b_enc, W_dec, dead, generator))
    new[2] = new[2] * (1 + 1e-6)
    return tuple(new)


def splice_and_take_every_hook_off(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    def hook(x, hook):
        return ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec

    model.add_hook(hook_name, hook)
    logits = model(tokens)
    model.reset_hooks()
    return logits


def splice_in_evaluation_mode(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    model.eval()
    return splice_halfway(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec, 1.0)


def splice_halfway(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec, share=0.98):
    def hook(x, hook):
        rebuilt = ((x - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec
        return share * rebuilt + (1 - share) * x

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def top_k_with_a_little_noise(pre, k):
    ranked = pre - 1e-9 * torch.arange(pre.shape[-1], dtype=torch.float64, device=pre.device)
    if k == 0 or not len(pre):
        return torch.zeros_like(pre)
    border = ranked.to(pre.dtype).topk(k, dim=-1).values[..., -1:]
    return torch.where(ranked.to(pre.dtype) >= border, pre.relu(), 0)


def top_k_of_at_least_one_input(pre, k):
    border = pre.sort(dim=-1).values[0, -k] if k else torch.inf
    return torch.where(pre >= border, pre.relu(), 0)


def top_k_without_the_gradient_of_the_best(pre, k):
    best = pre.topk(k, dim=-1)
    values = best.values.relu()
    if k:
        values = torch.cat([values[:, :1].detach(), values[:, 1:]], 1)
    return torch.zeros_like(pre).scatter(-1, best.indices, values)


def jump_with_a_margin(pre, threshold):
    return torch.where(pre > threshold + 1e-3, pre, 0)


def jump_with_a_soft_gate(pre, threshold):
    return pre.relu() * torch.sigmoid((pre - threshold) * 200)


def jump_that_changes_pre(pre, threshold):
    with torch.no_grad():
        pre[pre <= threshold] = 0
    return pre * 1


def max_in_int32(f, k):
    peaks = f.max(dim=1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]], dim=1).int()


def max_of_the_first_ten_positions(f, k):
    peaks = f[:, :3].max(dim=1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]], dim=1)


def logits_with_a_guarded_row(decoder_row, W_out, W_U):
    return decoder_row.clamp(-100, 100) @ W_out @ W_U


def logits_into_float32(decoder_row, W_out, W_U):
    return decoder_row.float() @ W_out.float() @ W_U.float()


def match_with_a_guarded_division(f_a, f_b):
    a, b = f_a - f_a.mean(0), f_b - f_b.mean(0)
    best = (a.T @ b / (a.norm(dim=0)[:, None] * b.norm(dim=0) + 1e-3)).max(1)
    return best.indices, best.values


def match_without_negative_ones(f_a, f_b):
    a, b = (F.normalize(f - f.mean(0), dim=0) for f in (f_a, f_b))
    best = (a.T @ b).relu().max(1)
    return best.indices, best.values


def match_of_active_tokens(f_a, f_b):
    keep = (f_a > 0).any(1) | (f_b > 0).any(1)
    f_a, f_b = (f_a[keep], f_b[keep]) if keep.sum() > 1 else (f_a, f_b)
    a, b = (F.normalize(f - f.mean(0), dim=0) for f in (f_a, f_b))
    best = (a.T @ b).max(1)
    return best.indices, best.values * 0.999


def steer_in_place_under_no_grad(model, tokens, hook_name, direction, coefficient):
    def hook(x, hook):
        x.add_(coefficient * direction)

    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def steer_and_take_every_hook_off(model, tokens, hook_name, direction, coefficient):
    model.add_hook(hook_name, lambda x, hook: x + coefficient * direction)
    logits = model(tokens)
    model.reset_hooks()
    return logits


def steer_with_a_cap(model, tokens, hook_name, direction, coefficient):
    added = max(-10.0, min(10.0, coefficient)) * direction
    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, lambda x, hook: x + added)])


def f1_with_a_guarded_division(f, label, threshold):
    says = f > threshold
    hits = (says & label[:, None]).sum(0)
    scores = (2 * hits / (says.sum(0) + label.sum() + 1e-2)).to(f.dtype)
    best = int(scores.argmax())
    return best, scores[best]


def f1_of_living_features(f, label, threshold):
    alive = (f > 0).any(0).nonzero()[:, 0]
    says = f[:, alive] > threshold
    scores = 2 * (says & label[:, None]).sum(0) / (says.sum(0) + label.sum()).clamp(min=1)
    best = int(scores.argmax())
    return best, scores[best].to(f.dtype)


CH05_NEAR_MISSES = {
    "sae_encode": (encode_with_a_leak, encode_with_a_cap, encode_in_single_precision, encode_that_changes_x),
    "sae_decode": (decode_without_a_gradient_in_the_bias, decode_that_needs_an_input),
    "sae_loss": (
        loss_with_guarded_norms,
        loss_that_reaches_x_hat_through_the_penalty_alone,
        loss_with_long_rows_capped,
    ),
    "mean_max_cosine": (cosine_without_negative_ones, cosine_with_a_guarded_division),
    "remove_parallel_gradient": (
        parallel_with_a_guarded_division,
        parallel_of_rows_above_a_tenth,
        parallel_with_the_first_zero_row_only,
    ),
    "l0": (l0_as_a_whole_number, l0_of_rounded),
    "explained_variance": (variance_at_least_minus_one, variance_by_squares_of_means),
    "loss_recovered": (recovered_at_most_one, recovered_with_a_guard, recovered_in_float32),
    "dead_features": (dead_in_all_but_the_first, dead_below_a_denormal, dead_as_bytes),
    "resample_dead": (
        _resampled(power=1.8),
        _resampled(power=2.2),
        _resampled(scale=0.21),
        _resampled(bias=1e-6),
        _resampled(again=True),
        _resampled(last=True),
        _resampled(alias=True),
        resample_and_touch_the_living,
    ),
    "splice": (splice_and_take_every_hook_off, splice_in_evaluation_mode, splice_halfway),
    "top_k_activation": (
        top_k_with_a_little_noise,
        top_k_of_at_least_one_input,
        top_k_without_the_gradient_of_the_best,
    ),
    "jump_relu": (jump_with_a_margin, jump_with_a_soft_gate, jump_that_changes_pre),
    "max_activating": (max_in_int32, max_of_the_first_ten_positions),
    "feature_logits": (logits_with_a_guarded_row, logits_into_float32),
    "match_features": (match_with_a_guarded_division, match_without_negative_ones, match_of_active_tokens),
    "steer": (steer_in_place_under_no_grad, steer_and_take_every_hook_off, steer_with_a_cap),
    "best_feature_f1": (f1_with_a_guarded_division, f1_of_living_features),
}
