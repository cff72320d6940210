"""More wrong answers to the exercises of chapter 05, sparse autoencoders, by another stranger who had read their texts and nothing else."""

import torch
import torch.nn.functional as F


def best_feature_f1__11(f, label, threshold):
    """Guards 0/0 with nan: argmax takes the NaN of a feature that is never active."""
    predicted = f > threshold
    tp = (predicted & label[:, None]).sum(0).to(f.dtype)
    precision = tp / predicted.sum(0)
    recall = tp / label.sum()
    f1 = 2 * precision * recall / (precision + recall)
    best = int(f1.argmax())
    return best, f1[best]


def best_feature_f1__12(f, label, threshold):
    """Accuracy chooses the feature, then its F1 is told."""
    predicted = f > threshold
    right = (predicted == label[:, None]).to(f.dtype).mean(0)
    best = int(right.argmax())
    tp = (predicted[:, best] & label).sum()
    total = predicted[:, best].sum() + label.sum()
    return best, (2 * tp / total.clamp(min=1)).to(f.dtype)


def dead_features__11(f):
    """Max over the batch, which an empty batch does not have."""
    return f.max(dim=0).values == 0


def dead_features__12(f):
    """Dead is taken as a firing frequency under one in a thousand with a tolerance on strength."""
    frequency = (f > 1e-6).to(f.dtype).mean(0).nan_to_num(0.0)
    return frequency < 1e-3


def jump_relu__12(pre, threshold):
    """A smooth step: sigmoid of the distance in units of a bandwidth of 0.001, as in training."""
    bandwidth = 0.001
    return pre * torch.sigmoid((pre - threshold) / bandwidth)


def l0__11(f):
    """Weak activations under 1e-3 do not count, and the result is float32 always."""
    return (f > 1e-3).float().sum(-1).mean()


def l0__12(f):
    """Counts the features that are active anywhere in the batch."""
    return (f > 0).any(dim=0).sum().to(f.dtype)


def loss_recovered__11(clean, spliced, ablated):
    """One minus the ratio of the loss that the reconstruction adds to the clean loss."""
    return 1 - (spliced - clean) / clean


def loss_recovered__12(clean, spliced, ablated):
    """Cut off at 0 and 1."""
    share = (ablated - spliced) / (ablated - clean)
    return torch.clip(share, 0, 1)


def match_features__11(f_a, f_b):
    """Cosine similarity: means are not taken off."""
    a, b = F.normalize(f_a, dim=0), F.normalize(f_b, dim=0)
    best = (a.T @ b).max(dim=1)
    return best.indices, best.values


def match_features__12(f_a, f_b):
    """The strongest correlation by magnitude, its sign kept."""
    a, b = f_a - f_a.mean(0), f_b - f_b.mean(0)
    corr = F.normalize(a, dim=0).T @ F.normalize(b, dim=0)
    best = corr.abs().argmax(dim=1)
    return best, corr.gather(1, best[:, None])[:, 0]


def max_activating__11(f, k):
    """The k strongest places of all, several from one sequence."""
    values, flat = f.flatten().topk(k)
    places = torch.stack([flat // f.shape[1], flat % f.shape[1]], dim=1)
    return values, places


def max_activating__12(f, k):
    """Sequences are numbered by their rank."""
    values, positions = f.max(dim=1)
    best = values.topk(k)
    return best.values, torch.stack([torch.arange(k), positions[best.indices]], dim=1)


def mean_max_cosine__11(W_dec, truth):
    """The nearest row is found by the dot product, longer rows win; then its cosine is taken."""
    best = (truth @ W_dec.T).argmax(dim=1)
    return F.cosine_similarity(truth, W_dec[best], dim=-1).mean()


def mean_max_cosine__12(W_dec, truth):
    """One to one: each row serves one true feature only, taken greedily."""
    cos = F.normalize(truth, dim=-1) @ F.normalize(W_dec, dim=-1).T
    total, free = 0.0, cos.clone()
    for _ in range(min(cos.shape)):
        flat = free.argmax()
        i, j = int(flat) // cos.shape[1], int(flat) % cos.shape[1]
        total = total + cos[i, j]
        free[i] = -2
        free[:, j] = -2
    return total / cos.shape[0]


def remove_parallel_gradient__11(W_dec, grad):
    """The dot product with the row is not divided by its squared length."""
    along = (grad * W_dec).sum(-1, keepdim=True)
    return grad - along * W_dec


def remove_parallel_gradient__12(W_dec, grad):
    """Changes the gradient it is given, in place, as an optimizer step would."""
    unit = torch.nn.functional.normalize(W_dec, dim=-1)
    grad -= (grad * unit).sum(-1, keepdim=True) * unit
    return grad


def resample_dead__11(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    """Draws without replacement, and gives the draws in order."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).pow(2).sum(-1)
    n = int(dead.sum())
    if n == 0 or loss.sum() == 0:
        return W_enc, b_enc, W_dec
    picks = torch.multinomial(loss**2, n, replacement=n > int((loss > 0).sum()), generator=generator)
    rows = F.normalize(x[picks], dim=-1)
    living = W_enc[:, ~dead].norm(dim=0)
    scale = living.mean() if len(living) else 1.0
    W_dec[dead] = rows
    W_enc[:, dead] = (0.2 * scale * rows).T
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def resample_dead__12(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    """The mean norm is over all encoder columns, dead ones included, and the direction is the residual's."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).pow(2).sum(-1)
    if not dead.any() or loss.sum() == 0:
        return W_enc, b_enc, W_dec
    n = int(dead.sum())
    picks = torch.multinomial(loss**2, n, replacement=True, generator=generator)
    rows = F.normalize((x - x_hat)[picks], dim=-1)
    scale = W_enc.norm(dim=0).mean()
    W_dec[dead] = rows
    W_enc[:, dead] = (0.2 * scale * rows).T
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def resample_dead__13(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    """One input is drawn and used for all dead features."""
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).pow(2).sum(-1)
    if not dead.any() or loss.sum() == 0:
        return W_enc, b_enc, W_dec
    pick = torch.multinomial(loss**2, 1, generator=generator)
    row = F.normalize(x[pick[0]], dim=0)
    scale = W_enc[:, ~dead].norm(dim=0).mean() if (~dead).any() else 1.0
    W_dec[dead] = row
    W_enc[:, dead] = (0.2 * scale * row)[:, None]
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def sae_encode__11(x, W_enc, b_enc, b_dec):
    """B_dec is subtracted from x in place."""
    x -= b_dec
    return torch.relu(x @ W_enc + b_enc)


def sae_loss__12(x, x_hat, f, W_dec, l1_coefficient):
    """The price is per entry: F.l1_loss-like means over batch and features, MSE mean as well."""
    mse = F.mse_loss(x_hat, x)
    sparsity = (f.abs() * W_dec.norm(dim=1)).mean()
    return mse + l1_coefficient * sparsity


def splice__11(model, tokens, hook_name, W_enc, b_enc, W_dec, b_dec):
    """Adds the hook permanently and leaves it."""

    def replace(value, hook):
        f = torch.relu((value - b_dec) @ W_enc + b_enc)
        return f @ W_dec + b_dec

    model.add_hook(hook_name, replace)
    return model(tokens)


def steer__12(model, tokens, hook_name, direction, coefficient):
    """The direction is scaled to the length of the activation at each position, so coefficient 1 is "as much as is there"."""
    unit = direction / direction.norm()

    def push(value, hook):
        return value + coefficient * value.norm(dim=-1, keepdim=True) * unit

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, push)])
