"""Wrong answers to the exercises of chapter 05, sparse autoencoders, by somebody who had read their texts and nothing else."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize


def sae_encode__1(
    x: Float[Tensor, "batch d_in"],
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch d_sae"]:
    """Subtracts b_dec in place, which changes the caller's activations."""
    x -= b_dec
    return (x @ W_enc + b_enc).relu()


def sae_encode__2(
    x: Float[Tensor, "batch d_in"],
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch d_sae"]:
    """Adds the encoder's bias after the ReLU."""
    return torch.relu((x - b_dec) @ W_enc) + b_enc


def sae_decode__1(
    f: Float[Tensor, "batch d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch d_in"]:
    """Brings the decoder's rows to length 1 first."""
    return f @ normalize(W_dec, dim=-1) + b_dec


def sae_decode__2(
    f: Float[Tensor, "batch d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch d_in"]:
    """Adds b_dec to every row before the product, so it comes as often as all activations together."""
    return f @ (W_dec + b_dec)


def sae_loss__1(
    x: Float[Tensor, "batch d_in"],
    x_hat: Float[Tensor, "batch d_in"],
    f: Float[Tensor, "batch d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    l1_coefficient: float,
) -> Float[Tensor, ""]:
    """Detaches the norms of the decoder's rows, so no gradient of the price reaches W_dec."""
    error = (x - x_hat).square().sum(-1)
    price = (f * W_dec.detach().norm(dim=-1)).sum(-1)
    return (error + l1_coefficient * price).mean()


def mean_max_cosine__1(W_dec: Float[Tensor, "d_sae d_in"], truth: Float[Tensor, "feature d_in"]) -> Float[Tensor, ""]:
    """Matches greedily one to one, so a row that is used up cannot serve another true feature."""
    cosines = normalize(truth, dim=-1) @ normalize(W_dec, dim=-1).T
    best = []
    for row in cosines:
        j = int(row.argmax())
        best.append(row[j].clone())
        cosines[:, j] = -1
    return torch.stack(best).mean()


def mean_max_cosine__2(W_dec: Float[Tensor, "d_sae d_in"], truth: Float[Tensor, "feature d_in"]) -> Float[Tensor, ""]:
    """Normalises the dictionary only; true directions keep their lengths."""
    return (truth @ normalize(W_dec, dim=-1).T).amax(dim=1).mean()


def l0__1(f: Float[Tensor, "batch d_sae"]) -> Float[Tensor, ""]:
    """Casts to float32 instead of the dtype of f."""
    return (f > 0).float().sum(-1).mean()


def l0__2(f: Float[Tensor, "batch d_sae"]) -> Float[Tensor, ""]:
    """Counts only what is above a hundredth of the largest activation."""
    active = f > 0.01 * f.max()
    return active.to(f.dtype).sum(-1).mean()


def explained_variance__1(x: Float[Tensor, "batch d_in"], x_hat: Float[Tensor, "batch d_in"]) -> Float[Tensor, ""]:
    """Uses the variance of the residual, which forgives a constant offset."""
    return 1 - (x - x_hat).var(0).sum() / x.var(0).sum()


def explained_variance__2(x: Float[Tensor, "batch d_in"], x_hat: Float[Tensor, "batch d_in"]) -> Float[Tensor, ""]:
    """Computes the share for each dimension and averages these."""
    missed = (x - x_hat).square().sum(0)
    spread = (x - x.mean(0)).square().sum(0)
    return (1 - missed / spread).mean()


def remove_parallel_gradient__1(
    W_dec: Float[Tensor, "d_sae d_in"], grad: Float[Tensor, "d_sae d_in"]
) -> Float[Tensor, "d_sae d_in"]:
    """Adds 1e-6 to the squared length, so short rows keep much of the parallel part."""
    dots = (grad * W_dec).sum(-1, keepdim=True)
    return grad - dots / (W_dec.square().sum(-1, keepdim=True) + 1e-6) * W_dec


def remove_parallel_gradient__2(
    W_dec: Float[Tensor, "d_sae d_in"], grad: Float[Tensor, "d_sae d_in"]
) -> Float[Tensor, "d_sae d_in"]:
    """Divides the part along the row by the length of the row instead of its square."""
    length = W_dec.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    dots = (grad * W_dec).sum(-1, keepdim=True)
    return grad - dots / length * W_dec


def dead_features__1(f: Float[Tensor, "batch d_sae"]) -> Bool[Tensor, "d_sae"]:
    """Compares a mean with 0, which is NaN and so never equal in an empty batch."""
    return f.mean(0) == 0


def dead_features__2(f: Float[Tensor, "batch d_sae"]) -> Bool[Tensor, "d_sae"]:
    """Calls a feature dead that never gets above 1e-6."""
    if len(f) == 0:
        return torch.ones(f.shape[1], dtype=torch.bool, device=f.device)
    return f.amax(0) < 1e-6


def resample_dead__1(
    x: Float[Tensor, "batch d_in"],
    x_hat: Float[Tensor, "batch d_in"],
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    dead: Bool[Tensor, "d_sae"],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "d_in d_sae"], Float[Tensor, "d_sae"], Float[Tensor, "d_sae d_in"]]:
    """Takes the mean norm of all encoder columns, the dead ones included."""
    if not dead.any() or (x - x_hat).square().sum() == 0:
        return W_enc.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).square().sum(-1)
    weight = (loss / loss.max()).square()
    n = int(dead.sum())
    picked = torch.multinomial(weight, n, replacement=True, generator=generator)
    rows = normalize(x[picked], dim=-1)
    alive = ~dead
    size = W_enc.norm(dim=0).mean() if alive.any() else 1.0
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    W_dec[dead] = rows
    W_enc[:, dead] = 0.2 * size * rows.T
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def resample_dead__2(
    x: Float[Tensor, "batch d_in"],
    x_hat: Float[Tensor, "batch d_in"],
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    dead: Bool[Tensor, "d_sae"],
    generator: torch.Generator,
) -> tuple[Float[Tensor, "d_in d_sae"], Float[Tensor, "d_sae"], Float[Tensor, "d_sae d_in"]]:
    """Hands back the arguments themselves, no copies, when nothing is dead."""
    if not dead.any() or (x - x_hat).square().sum() == 0:
        return W_enc, b_enc, W_dec
    loss = (x - x_hat).square().sum(-1)
    weight = (loss / loss.max()).square()
    n = int(dead.sum())
    picked = torch.multinomial(weight, n, replacement=True, generator=generator)
    rows = normalize(x[picked], dim=-1)
    alive = ~dead
    size = W_enc[:, alive].norm(dim=0).mean() if alive.any() else 1.0
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    W_dec[dead] = rows
    W_enc[:, dead] = 0.2 * size * rows.T
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def splice__1(
    model,
    tokens: Int[Tensor, "batch position"],
    hook_name: str,
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch position d_vocab"]:
    """Leaves the first position, BOS, as it was."""

    def reconstruct(x, hook):
        f = ((x - b_dec) @ W_enc + b_enc).relu()
        new = f @ W_dec + b_dec
        new[:, 0] = x[:, 0]
        return new

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, reconstruct)])


def splice__2(
    model,
    tokens: Int[Tensor, "batch position"],
    hook_name: str,
    W_enc: Float[Tensor, "d_in d_sae"],
    b_enc: Float[Tensor, "d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    b_dec: Float[Tensor, "d_in"],
) -> Float[Tensor, "batch position d_vocab"]:
    """Adds the error back, so that the model runs as if nothing had been replaced."""

    def reconstruct(x, hook):
        f = ((x - b_dec) @ W_enc + b_enc).relu()
        x_hat = f @ W_dec + b_dec
        return x_hat + (x - x_hat).detach()

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, reconstruct)])


def loss_recovered__1(
    clean: Float[Tensor, ""], spliced: Float[Tensor, ""], ablated: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Takes magnitudes of both differences, so a reconstruction worse than the ablation scores above 0."""
    return (ablated - spliced).abs() / (ablated - clean).abs()


def loss_recovered__2(
    clean: Float[Tensor, ""], spliced: Float[Tensor, ""], ablated: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    """Divides what is lost by the ablated loss itself, not by what the ablation costs."""
    return 1 - (spliced - clean) / ablated


def top_k_activation__1(pre: Float[Tensor, "batch d_sae"], k: int) -> Float[Tensor, "batch d_sae"]:
    """Keeps the k times batch largest of the whole batch instead of k in each row."""
    flat = pre.flatten()
    best = flat.topk(k * pre.shape[0])
    kept = torch.zeros_like(flat).scatter(0, best.indices, best.values)
    return kept.view_as(pre).relu()


def top_k_activation__2(pre: Float[Tensor, "batch d_sae"], k: int) -> Float[Tensor, "batch d_sae"]:
    """Keeps everything not below the k-th value, so equal values give more than k (and k = 0 crashes)."""
    least = pre.topk(k, dim=-1).values[:, -1:]
    return (pre * (pre >= least)).relu()


def jump_relu__1(pre: Float[Tensor, "batch d_sae"], threshold: Float[Tensor, "d_sae"]) -> Float[Tensor, "batch d_sae"]:
    """Compares magnitudes, so strongly negative values pass."""
    return torch.where(pre.abs() > threshold, pre, 0.0)


def jump_relu__2(pre: Float[Tensor, "batch d_sae"], threshold: Float[Tensor, "d_sae"]) -> Float[Tensor, "batch d_sae"]:
    """Subtracts the threshold from what passes."""
    return (pre - threshold).relu()


def max_activating__1(f: Float[Tensor, "batch position"], k: int) -> tuple[Float[Tensor, "k"], Int[Tensor, "k 2"]]:
    """Pairs the ranked sequences with the maxima's positions in the original order."""
    values, positions = f.max(dim=1)
    best = values.topk(k)
    return best.values, torch.stack([best.indices, positions[:k]], dim=1)


def max_activating__2(f: Float[Tensor, "batch position"], k: int) -> tuple[Float[Tensor, "k"], Int[Tensor, "k 2"]]:
    """Ranks the sequences by their mean activation instead of their maximum."""
    values, positions = f.max(dim=1)
    order = f.mean(1).topk(k).indices
    return values[order], torch.stack([order, positions[order]], dim=1)


def feature_logits__1(
    decoder_row: Float[Tensor, "d_mlp"],
    W_out: Float[Tensor, "d_mlp d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "d_vocab"]:
    """Brings the decoder row to length 1."""
    return normalize(decoder_row, dim=0) @ W_out @ W_U


def feature_logits__2(
    decoder_row: Float[Tensor, "d_mlp"],
    W_out: Float[Tensor, "d_mlp d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
) -> Float[Tensor, "d_vocab"]:
    """Takes the mean over the vocabulary out."""
    logits = decoder_row @ W_out @ W_U
    return logits - logits.mean()


def best_feature_f1__1(
    f: Float[Tensor, "token d_sae"], label: Bool[Tensor, "token"], threshold: float
) -> tuple[int, Float[Tensor, ""]]:
    """Leaves 0/0 as NaN, which argmax takes for the largest value."""
    says = f > threshold
    right = (says & label[:, None]).sum(0).to(f.dtype)
    f1 = 2 * right / (says.sum(0) + label.sum())
    best = int(f1.argmax())
    return best, f1[best]


def best_feature_f1__2(
    f: Float[Tensor, "token d_sae"], label: Bool[Tensor, "token"], threshold: float
) -> tuple[int, Float[Tensor, ""]]:
    """Reads the threshold as a share of each feature's own maximum."""
    says = f > threshold * f.amax(0)
    right = (says & label[:, None]).sum(0).to(f.dtype)
    below = says.sum(0) + label.sum()
    f1 = 2 * right / below.clamp(min=1)
    best = int(f1.argmax())
    return best, f1[best]


def match_features__1(
    f_a: Float[Tensor, "token d_a"], f_b: Float[Tensor, "token d_b"]
) -> tuple[Int[Tensor, "d_a"], Float[Tensor, "d_a"]]:
    """Standardises with the n - 1 standard deviation and divides by n, so correlations are too small."""
    a = f_a - f_a.mean(0)
    b = f_b - f_b.mean(0)
    a = a / a.std(0).clamp(min=1e-12)
    b = b / b.std(0).clamp(min=1e-12)
    best = (a.T @ b / len(a)).max(dim=1)
    return best.indices, best.values


def match_features__2(
    f_a: Float[Tensor, "token d_a"], f_b: Float[Tensor, "token d_b"]
) -> tuple[Int[Tensor, "d_a"], Float[Tensor, "d_a"]]:
    """Calls corrcoef, which gives NaN for a feature that never changes."""
    table = torch.corrcoef(torch.cat([f_a, f_b], 1).T)[: f_a.shape[1], f_a.shape[1] :]
    best = table.max(dim=1)
    return best.indices, best.values


def steer__1(
    model,
    tokens: Int[Tensor, "batch position"],
    hook_name: str,
    direction: Float[Tensor, "d_in"],
    coefficient: float,
) -> Float[Tensor, "batch position d_vocab"]:
    """Adds in place and hands the same tensor back."""

    def push(x, hook):
        x += coefficient * direction
        return x

    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, push)])


def steer__2(
    model,
    tokens: Int[Tensor, "batch position"],
    hook_name: str,
    direction: Float[Tensor, "d_in"],
    coefficient: float,
) -> Float[Tensor, "batch position d_vocab"]:
    """Brings the direction to length 1 before it is added."""
    unit = normalize(direction, dim=0)
    return model.run_with_hooks(tokens, fwd_hooks=[(hook_name, lambda x, hook: x + coefficient * unit)])


def sae_loss__2(
    x: Float[Tensor, "batch d_in"],
    x_hat: Float[Tensor, "batch d_in"],
    f: Float[Tensor, "batch d_sae"],
    W_dec: Float[Tensor, "d_sae d_in"],
    l1_coefficient: float,
) -> Float[Tensor, ""]:
    """Takes the root of a sum of squares, whose gradient is NaN at a row of zeros."""
    error = (x - x_hat).square().sum(-1)
    lengths = W_dec.square().sum(-1).sqrt()
    return (error + l1_coefficient * (f * lengths).sum(-1)).mean()
