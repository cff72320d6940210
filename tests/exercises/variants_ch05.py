"""Chapter 05's part of variants.py."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from einops import einsum


def encode_by_a_folded_bias(x, W_enc, b_enc, b_dec):
    return F.relu(x @ W_enc + (b_enc - b_dec @ W_enc))


def encode_by_einsum(x, W_enc, b_enc, b_dec):
    pre = einsum(x - b_dec, W_enc, "batch d_in, d_in d_sae -> batch d_sae") + b_enc
    return torch.where(pre > 0, pre, 0)


def encode_by_linear(x, W_enc, b_enc, b_dec):
    return F.linear(x - b_dec, W_enc.T, b_enc).clamp(min=0)


def decode_by_addmm(f, W_dec, b_dec):
    return torch.addmm(b_dec, f, W_dec)


def decode_feature_by_feature(f, W_dec, b_dec):
    total = b_dec.expand(len(f), -1)
    for i, row in enumerate(W_dec):
        total = total + f[:, i : i + 1] * row
    return total


def loss_by_einsum(x, x_hat, f, W_dec, l1_coefficient):
    error = einsum(x - x_hat, x - x_hat, "batch d_in, batch d_in ->")
    return (error + l1_coefficient * (f @ W_dec.norm(dim=1)).sum()) / len(x)


def loss_in_a_loop(x, x_hat, f, W_dec, l1_coefficient):
    losses = []
    for one, guess, strengths in zip(x, x_hat, f, strict=True):
        penalty = sum(s * torch.linalg.vector_norm(row) for s, row in zip(strengths, W_dec, strict=True))
        losses.append(((one - guess) ** 2).sum() + l1_coefficient * penalty)
    return torch.stack(losses).mean()


def loss_of_lengths(x, x_hat, f, W_dec, l1_coefficient):
    written = (f[:, :, None] * W_dec).norm(dim=-1) if f.all() else f * W_dec.norm(dim=-1)
    return F.mse_loss(x_hat, x, reduction="sum") / len(x) + l1_coefficient * written.sum(1).mean()


def cosine_by_cosine_similarity(W_dec, truth):
    return F.cosine_similarity(truth[:, None], W_dec[None], dim=-1).max(dim=1).values.mean()


def cosine_in_a_loop(W_dec, truth):
    best = []
    for feature in truth:
        found = [float(feature @ row / feature.norm() / row.norm()) if row.norm() > 0 else 0.0 for row in W_dec]
        best.append(max(found))
    return math.fsum(best) / len(best)


def cosine_with_nan_replaced(W_dec, truth):
    table = (W_dec @ truth.T) / torch.outer(W_dec.norm(dim=1), truth.norm(dim=1))
    return table.nan_to_num(0.0).max(0).values.mean()


def parallel_by_squared_lengths(W_dec, grad):
    square = W_dec.square().sum(1, keepdim=True)
    share = (grad * W_dec).sum(1, keepdim=True) / torch.where(square > 0, square, 1)
    return grad - share * W_dec


def parallel_row_by_row(W_dec, grad):
    return torch.stack([g - (g @ w) / (w @ w) * w if w.any() else g.clone() for w, g in zip(W_dec, grad, strict=True)])


def parallel_by_projectors(W_dec, grad):
    unit = F.normalize(W_dec, dim=1)
    return grad - einsum(unit, unit, grad, "row out, row into, row into -> row out")


def l0_by_count_nonzero(f):
    return torch.count_nonzero(f).to(f.dtype) / len(f)


def l0_in_a_loop(f):
    return sum(sum(value > 0 for value in row) for row in f.tolist()) / len(f)


def l0_by_sign(f):
    return f.sign().sum(dim=1).mean()


def variance_by_var(x, x_hat):
    return 1 - (x - x_hat).square().mean(0).sum() / x.var(0, correction=0).sum()


def variance_by_norms(x, x_hat):
    return 1 - ((x - x_hat).norm() / (x - x.mean(dim=0, keepdim=True)).norm()) ** 2


def variance_by_means(x, x_hat):
    total = F.mse_loss(x.mean(0).expand_as(x), x)
    return (total - F.mse_loss(x_hat, x)) / total


def recovered_as_one_less_what_is_lost(clean, spliced, ablated):
    return 1 - (spliced - clean) / (ablated - clean)


def recovered_in_python(clean, spliced, ablated):
    return (float(ablated) - float(spliced)) / (float(ablated) - float(clean))


def dead_by_counting(f):
    return (f > 0).sum(0) == 0


def dead_by_all(f):
    return (f <= 0).all(dim=0)


def dead_by_sum(f):
    return f.sum(0) == 0


def resample_by_inverse_cdf(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    weights = ((x - x_hat) ** 2).sum(1).double() ** 2
    if dead.sum() == 0 or weights.sum() == 0:
        return W_enc, b_enc, W_dec
    cumulative = weights.cumsum(0)
    u = torch.rand(int(dead.sum()), generator=generator, dtype=torch.float64, device=x.device) * cumulative[-1]
    chosen = torch.searchsorted(cumulative, u, right=True).clamp(max=len(x) - 1)
    rows = x[chosen] / x[chosen].norm(dim=1, keepdim=True)
    alive = W_enc[:, ~dead]
    size = 0.2 * alive.norm(dim=0).mean() if alive.shape[1] else 0.2
    W_dec[dead] = rows
    W_enc[:, dead] = (rows * size).T
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def resample_one_by_one(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    encoder, biases, decoder = W_enc.T.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).pow(2).sum(-1)
    if loss.sum() > 0:
        lengths = [float(row.norm()) for row, gone in zip(encoder, dead, strict=True) if not gone]
        size = 0.2 * (sum(lengths) / len(lengths) if lengths else 1.0)
        p = (loss / loss.sum()).pow(2)
        for i in dead.nonzero()[:, 0].tolist():
            new = x[torch.multinomial(p, 1, generator=generator)[0]]
            decoder[i] = new / new.norm()
            encoder[i] = size * decoder[i]
            biases[i] = 0
    return encoder.T, biases, decoder


def splice_by_a_context(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    def hook(x, hook):
        shape = x.shape
        x = x.reshape(-1, shape[-1])
        f = torch.relu((x - b_dec) @ W_enc + b_enc)
        return (f @ W_dec + b_dec).reshape(shape)

    with torch.no_grad(), model.hooks(fwd_hooks=[(hook_name, hook)]):
        return model(tokens)


def splice_position_by_position(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    def hook(x, hook):
        rows = [((x[:, p] - b_dec) @ W_enc + b_enc).relu() @ W_dec + b_dec for p in range(x.shape[1])]
        return torch.stack(rows, dim=1)

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def top_k_by_a_mask(pre, k):
    mask = torch.zeros_like(pre, dtype=torch.bool).scatter_(-1, pre.topk(k, dim=-1).indices, True)
    return torch.where(mask, pre.relu(), 0)


def top_k_by_sorting(pre, k):
    rank = pre.argsort(dim=-1, descending=True).argsort(dim=-1)
    return torch.relu(pre) * (rank < k)


def top_k_after_a_relu(pre, k):
    f = pre.relu()
    best = torch.topk(f, k)
    return torch.zeros_like(f).scatter(1, best.indices, best.values)


def jump_by_a_product(pre, threshold):
    return pre * (pre > threshold)


def jump_by_masking(pre, threshold):
    return pre.masked_fill(pre <= threshold, 0.0)


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, pre, threshold):
        ctx.save_for_backward(pre, threshold)
        return torch.where(pre > threshold, pre, 0)

    @staticmethod
    def backward(ctx, grad):
        pre, threshold = ctx.saved_tensors
        near = ((pre - threshold).abs() < 0.05).to(pre.dtype) / 0.1
        return grad * (pre > threshold), -(threshold * near * grad).sum(0)


def jump_with_a_straight_through_estimator(pre, threshold):
    return _Straight.apply(pre, threshold)


def max_by_sorting(f, k):
    values, positions = f.max(-1)
    order = torch.argsort(values, descending=True)[:k]
    return values[order], torch.column_stack([order, positions[order]])


def max_in_a_loop(f, k):
    best = [(max(row), -b, row.index(max(row))) for b, row in enumerate(f.tolist())]
    best = sorted(best, reverse=True)[:k]
    values = torch.tensor([value for value, _, _ in best], dtype=f.dtype, device=f.device)
    return values, torch.tensor([[-b, p] for _, b, p in best], device=f.device)


def logits_by_einsum_of_a_path(decoder_row, W_out, W_U):
    return einsum(decoder_row, W_out, W_U, "mlp, mlp model, model vocab -> vocab")


def logits_by_one_table(decoder_row, W_out, W_U):
    return decoder_row @ (W_out @ W_U)


def match_by_corrcoef(f_a, f_b):
    table = torch.corrcoef(torch.cat([f_a, f_b], 1).T)[: f_a.shape[1], f_a.shape[1] :]
    best = table.nan_to_num(0.0).max(1)
    return best.indices, best.values


def match_by_deviations(f_a, f_b):
    a, b = f_a - f_a.mean(0), f_b - f_b.mean(0)
    below = a.square().sum(0).sqrt()[:, None] * b.square().sum(0).sqrt()
    table = torch.where(below > 0, a.T @ b / below, 0)
    values, ids = table.sort(dim=1, descending=True)
    return ids[:, 0], values[:, 0]


def match_by_numpy(f_a, f_b):
    a, b = (f.detach().cpu().double().numpy() for f in (f_a, f_b))
    table = np.zeros((a.shape[1], b.shape[1]))
    for i in range(a.shape[1]):
        for j in range(b.shape[1]):
            if a[:, i].std() > 0 and b[:, j].std() > 0:
                table[i, j] = np.corrcoef(a[:, i], b[:, j])[0, 1]
    return (
        torch.from_numpy(table.argmax(1)).to(f_a.device),
        torch.from_numpy(table.max(1)).to(f_a),
    )


def steer_by_a_context(model, tokens, hook_name, direction, coefficient):
    added = coefficient * direction
    with model.hooks(fwd_hooks=[(hook_name, lambda x, hook: x + added)]):
        return model(tokens)


def steer_a_clone(model, tokens, hook_name, direction, coefficient):
    def hook(x, hook):
        x = x.clone()
        x += coefficient * direction[None, None]
        return x

    with torch.no_grad():
        return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, hook)])


def f1_by_counts(f, label, threshold):
    says, truth = (f > threshold).T, label
    tp = (says & truth).sum(1)
    fp = (says & ~truth).sum(1)
    fn = (~says & truth).sum(1)
    scores = (2 * tp / (2 * tp + fp + fn)).nan_to_num(0.0).to(f.dtype)
    best = scores.argmax().item()
    return best, scores[best]


def f1_in_a_loop(f, label, threshold):
    best, score = 0, -1.0
    truth = label.tolist()
    for i, column in enumerate(f.T.tolist()):
        says = [value > threshold for value in column]
        hits = sum(a and b for a, b in zip(says, truth, strict=True))
        together = sum(says) + sum(truth)
        f1 = 2 * hits / together if together else 0.0
        if f1 > score:
            best, score = i, f1
    return best, score


def f1_by_precision_and_recall(f, label, threshold):
    says = (f > threshold).double()
    hits = label.double() @ says
    precision, recall = hits / says.sum(0).clamp(min=1), hits / label.sum().clamp(min=1)
    both = precision + recall
    scores = torch.where(both > 0, 2 * precision * recall / both, 0)
    best = int(torch.argmax(scores))
    return best, scores[best].to(f.dtype)


CH05_VARIANTS = {
    "sae_encode": (encode_by_a_folded_bias, encode_by_einsum, encode_by_linear),
    "sae_decode": (decode_by_addmm, decode_feature_by_feature),
    "sae_loss": (loss_by_einsum, loss_in_a_loop, loss_of_lengths),
    "mean_max_cosine": (cosine_by_cosine_similarity, cosine_in_a_loop, cosine_with_nan_replaced),
    "remove_parallel_gradient": (parallel_by_squared_lengths, parallel_row_by_row, parallel_by_projectors),
    "l0": (l0_by_count_nonzero, l0_in_a_loop, l0_by_sign),
    "explained_variance": (variance_by_var, variance_by_norms, variance_by_means),
    "loss_recovered": (recovered_as_one_less_what_is_lost, recovered_in_python),
    "dead_features": (dead_by_counting, dead_by_all, dead_by_sum),
    "resample_dead": (resample_by_inverse_cdf, resample_one_by_one),
    "splice": (splice_by_a_context, splice_position_by_position),
    "top_k_activation": (top_k_by_a_mask, top_k_by_sorting, top_k_after_a_relu),
    "jump_relu": (jump_by_a_product, jump_by_masking, jump_with_a_straight_through_estimator),
    "max_activating": (max_by_sorting, max_in_a_loop),
    "feature_logits": (logits_by_einsum_of_a_path, logits_by_one_table),
    "match_features": (match_by_corrcoef, match_by_deviations, match_by_numpy),
    "steer": (steer_by_a_context, steer_a_clone),
    "best_feature_f1": (f1_by_counts, f1_in_a_loop, f1_by_precision_and_recall),
}
