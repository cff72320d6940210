"""Wrong answers to the exercises of chapter 01, bigrams, by somebody who had read their texts and nothing else."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def count_bigrams__1(tokens: Int[Tensor, "position"], d_vocab: int) -> Int[Tensor, "d_vocab d_vocab"]:
    """Rolls the tokens, so the last token is counted as followed by the first."""
    pairs = tokens * d_vocab + tokens.roll(-1)
    return torch.bincount(pairs, minlength=d_vocab**2).view(d_vocab, d_vocab)


def count_bigrams__2(tokens: Int[Tensor, "position"], d_vocab: int) -> Int[Tensor, "d_vocab d_vocab"]:
    """Calls bincount without minlength, so the view crashes unless the very last pair occurs."""
    pairs = tokens[:-1] * d_vocab + tokens[1:]
    return torch.bincount(pairs).view(d_vocab, d_vocab)


def bigram_log_probs__1(counts: Int[Tensor, "d_vocab d_vocab"], smoothing: float) -> Float[Tensor, "d_vocab d_vocab"]:
    """Puts smoothing only where the count is zero."""
    smoothed = torch.where(counts == 0, smoothing, counts.float())
    return (smoothed / smoothed.sum(1, keepdim=True)).log()


def bigram_log_probs__2(counts: Int[Tensor, "d_vocab d_vocab"], smoothing: float) -> Float[Tensor, "d_vocab d_vocab"]:
    """Adds 1e-12 inside the logarithm, so an unseen pair has about -27 instead of -inf."""
    smoothed = counts.float() + smoothing
    probs = smoothed / smoothed.sum(1, keepdim=True).clamp(min=1e-12)
    return torch.log(probs + 1e-12)


def bigram_cross_entropy__1(
    log_probs: Float[Tensor, "d_vocab d_vocab"], tokens: Int[Tensor, "position"]
) -> Float[Tensor, ""]:
    """Multiplies a table of counts with the table of logs, so impossible pairs that do not occur give 0 * inf = NaN."""
    d_vocab = len(log_probs)
    pairs = tokens[:-1] * d_vocab + tokens[1:]
    counts = torch.bincount(pairs, minlength=d_vocab**2).view(d_vocab, d_vocab)
    return -(counts * log_probs).sum() / counts.sum()


def bigram_cross_entropy__2(
    log_probs: Float[Tensor, "d_vocab d_vocab"], tokens: Int[Tensor, "position"]
) -> Float[Tensor, ""]:
    """Averages the mean loss of each current token, so rare tokens count as much as frequent ones."""
    losses = -log_probs[tokens[:-1], tokens[1:]]
    means = [losses[tokens[:-1] == token].mean() for token in tokens[:-1].unique()]
    return torch.stack(means).mean()


def direct_path_logits__1(
    W_E: Float[Tensor, "d_vocab d_model"], W_U: Float[Tensor, "d_model d_vocab"]
) -> Float[Tensor, "d_vocab d_vocab"]:
    """Follows the paper's W_U W_E with column vectors, so rows are next tokens."""
    return W_U.T @ W_E.T


def direct_path_logits__2(
    W_E: Float[Tensor, "d_vocab d_model"], W_U: Float[Tensor, "d_model d_vocab"]
) -> Float[Tensor, "d_vocab d_vocab"]:
    """Returns log-probabilities instead of logits."""
    return (W_E @ W_U).log_softmax(-1)


def mean_kl__1(
    target_log_probs: Float[Tensor, "d_vocab d_vocab"],
    logits: Float[Tensor, "d_vocab d_vocab"],
    weights: Float[Tensor, "d_vocab"],
) -> Float[Tensor, ""]:
    """Takes the logarithm of a clamped softmax, which cuts off tokens less likely than 1e-9."""
    p = target_log_probs.exp()
    log_q = logits.softmax(-1).clamp(min=1e-9).log()
    kl = torch.where(p > 0, p * (target_log_probs - log_q), 0.0).sum(-1)
    return (weights * kl).sum() / weights.sum()


def mean_kl__2(
    target_log_probs: Float[Tensor, "d_vocab d_vocab"],
    logits: Float[Tensor, "d_vocab d_vocab"],
    weights: Float[Tensor, "d_vocab"],
) -> Float[Tensor, ""]:
    """Averages weights times KL over rows instead of dividing by the sum of the weights."""
    p = target_log_probs.exp()
    log_q = logits.log_softmax(-1)
    kl = torch.where(p > 0, p * (target_log_probs - log_q), 0.0).sum(-1)
    return (weights * kl).mean()


def sample_bigrams__1(
    log_probs: Float[Tensor, "d_vocab d_vocab"],
    start: int,
    length: int,
    generator: torch.Generator,
) -> Int[Tensor, "length"]:
    """Draws one random number before the loop and reuses it for every token."""
    cumulative = log_probs.exp().cumsum(-1)
    u = torch.rand(1, generator=generator, device=log_probs.device)
    tokens = [start]
    for _ in range(length - 1):
        row = cumulative[tokens[-1]]
        tokens.append(int(torch.searchsorted(row, u * row[-1]).clamp(max=len(row) - 1)))
    return torch.tensor(tokens, device=log_probs.device)


def sample_bigrams__2(
    log_probs: Float[Tensor, "d_vocab d_vocab"],
    start: int,
    length: int,
    generator: torch.Generator,
) -> Int[Tensor, "length"]:
    """Perturbs the log-probabilities with exponential noise in place of Gumbel noise before the argmax."""
    tokens = [start]
    for _ in range(length - 1):
        row = log_probs[tokens[-1]]
        u = torch.rand(row.shape, generator=generator, device=row.device, dtype=row.dtype)
        tokens.append(int((row - u.clamp(min=1e-20).log()).argmax()))
    return torch.tensor(tokens, device=log_probs.device)


def sample_bigrams__3(
    log_probs: Float[Tensor, "d_vocab d_vocab"],
    start: int,
    length: int,
    generator: torch.Generator,
) -> Int[Tensor, "length"]:
    """Draws from the forty likeliest tokens only."""
    tokens = [start]
    for _ in range(length - 1):
        best = log_probs[tokens[-1]].topk(min(40, log_probs.shape[1]))
        choice = torch.multinomial(best.values.softmax(-1), 1, generator=generator)
        tokens.append(int(best.indices[choice]))
    return torch.tensor(tokens, device=log_probs.device)


def top_successors__1(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
    k: int,
    chunk_size: int,
) -> tuple[Float[Tensor, "d_vocab k"], Int[Tensor, "d_vocab k"]]:
    """Uses chunk(chunk_size), which makes chunk_size chunks instead of chunks of chunk_size rows."""
    values, ids = [], []
    for rows in W_E.chunk(chunk_size):
        best = (rows @ W_U).topk(k)
        values.append(best.values)
        ids.append(best.indices)
    return torch.cat(values), torch.cat(ids)


def top_successors__2(
    W_E: Float[Tensor, "d_vocab d_model"],
    W_U: Float[Tensor, "d_model d_vocab"],
    k: int,
    chunk_size: int,
) -> tuple[Float[Tensor, "d_vocab k"], Int[Tensor, "d_vocab k"]]:
    """Sorts each block and keeps slices, which are views that keep every sorted block alive."""
    values, ids = [], []
    for rows in W_E.split(chunk_size):
        v, i = (rows @ W_U).sort(dim=-1, descending=True)
        values.append(v[:, :k])
        ids.append(i[:, :k])
    return torch.cat(values), torch.cat(ids)
