"""More wrong answers to the exercises of chapter 01, bigrams, by another stranger who had read their texts and nothing else."""

import torch
import torch.nn.functional as F


def bigram_cross_entropy__11(log_probs, tokens):
    """The mean is over different transitions, each counted once."""
    pairs = torch.stack([tokens[:-1], tokens[1:]], dim=1)
    different = torch.unique(pairs, dim=0)
    return -log_probs[different[:, 0], different[:, 1]].mean()


def bigram_cross_entropy__12(log_probs, tokens):
    """The entropy of the model's own row at each token, not what the text's next token cost."""
    rows = log_probs[tokens[:-1]]
    probabilities = rows.exp()
    return -(probabilities * rows.nan_to_num(neginf=0.0)).sum(-1).mean()


def bigram_log_probs__11(counts, smoothing):
    """The denominator gets smoothing once, not once for each next token."""
    numerator = counts.float() + smoothing
    denominator = counts.sum(1, keepdim=True).float() + smoothing
    return (numerator / denominator).log()


def bigram_log_probs__12(counts, smoothing):
    """Smooths by mixing with the uniform distribution (interpolation), not by adding counts."""
    d_vocab = counts.shape[0]
    probabilities = counts.float() / counts.sum(1, keepdim=True).clamp(min=1)
    weight = smoothing / (1 + smoothing)
    mixed = (1 - weight) * probabilities + weight / d_vocab
    return mixed.log()


def count_bigrams__11(tokens, d_vocab):
    """Fancy-index += : a pair that occurs twice is counted once."""
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64)
    counts[tokens[:-1], tokens[1:]] += 1
    return counts


def count_bigrams__12(tokens, d_vocab):
    """Pairs are cut without overlap: (0,1), (2,3), ...."""
    even = len(tokens) // 2 * 2
    pairs = tokens[:even].view(-1, 2)
    flat = pairs[:, 0] * d_vocab + pairs[:, 1]
    return torch.bincount(flat, minlength=d_vocab * d_vocab).view(d_vocab, d_vocab)


def direct_path_logits__11(W_E, W_U):
    """The columns of the unembedding are centred, as TransformerLens does when it processes weights."""
    W_U = W_U - W_U.mean(dim=-1, keepdim=True)
    return W_E @ W_U


def direct_path_logits__12(W_E, W_U):
    """Everything under no_grad and detached: the table cannot be trained any more."""
    with torch.no_grad():
        return (W_E @ W_U).detach()


def mean_kl__11(target_log_probs, logits, weights):
    """F.kl_div with batchmean: rows count alike, the weights are not used."""
    q = logits.log_softmax(-1)
    return F.kl_div(q, target_log_probs.exp(), reduction="batchmean")


def mean_kl__12(target_log_probs, logits, weights):
    """Both are made probabilities and clipped at 1e-12 before the logarithm."""
    p = target_log_probs.exp().clamp(min=1e-12)
    q = torch.softmax(logits, dim=-1).clamp(min=1e-12)
    kl = (p * (p / q).log()).sum(-1)
    return (weights / weights.sum() * kl).sum()


def mean_kl__13(target_log_probs, logits, weights):
    """A loop over rows adding Python floats with .item(): the gradient is lost."""
    total = 0.0
    for i in range(len(weights)):
        q = logits[i].log_softmax(-1)
        possible = target_log_probs[i] > float("-inf")
        p = target_log_probs[i][possible]
        total += weights[i].item() * (p.exp() * (p - q[possible])).sum().item()
    return torch.tensor(total / weights.sum().item())


def sample_bigrams__11(log_probs, start, length, generator):
    """Uniform noise in place of Gumbel noise is added before the argmax."""
    out = [start]
    for _ in range(length - 1):
        noise = torch.rand(log_probs.shape[1], generator=generator)
        out.append(int((log_probs[out[-1]] + noise).argmax()))
    return torch.tensor(out)


def sample_bigrams__12(log_probs, start, length, generator):
    """Works on a copy of the generator, so the caller's generator does not move."""
    own = torch.Generator()
    own.set_state(generator.get_state())
    probs = log_probs.exp()
    out = [start]
    for _ in range(length - 1):
        out.append(torch.multinomial(probs[out[-1]], 1, generator=own).item())
    return torch.tensor(out, dtype=torch.int64)


def sample_bigrams__13(log_probs, start, length, generator):
    """Inverse transform sampling one place too late: searchsorted in a cumulative sum that has a 0 put before it."""
    cumulative = log_probs.exp().cumsum(-1)
    out = [start]
    for _ in range(length - 1):
        u = torch.rand(1, generator=generator)
        row = torch.cat([torch.zeros(1), cumulative[out[-1]].float()])
        out.append(int(torch.searchsorted(row, u).clamp(max=log_probs.shape[1] - 1)))
    return torch.tensor(out)


def top_successors__11(W_E, W_U, k, chunk_size):
    """Only whole chunks are done; the rows that are left over at the end are zeros."""
    d_vocab = W_E.shape[0]
    values = torch.zeros(d_vocab, k, dtype=W_E.dtype)
    ids = torch.zeros(d_vocab, k, dtype=torch.int64)
    for c in range(d_vocab // chunk_size):
        rows = slice(c * chunk_size, (c + 1) * chunk_size)
        values[rows], ids[rows] = (W_E[rows] @ W_U).topk(k)
    return values, ids


def top_successors__12(W_E, W_U, k, chunk_size):
    """The chunks of logits are collected in a list and topk is taken at the end, so all are alive at once."""
    blocks = [chunk @ W_U for chunk in W_E.split(chunk_size)]
    best = [block.topk(k, dim=-1) for block in blocks]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def top_successors__13(W_E, W_U, k, chunk_size):
    """Sorts whole chunks and keeps slices of them, each of which holds on to its whole chunk."""
    values, ids = [], []
    for start in range(0, W_E.shape[0], chunk_size):
        logits = W_E[start : start + chunk_size] @ W_U
        ordered, order = logits.sort(dim=-1, descending=True)
        values.append(ordered[:, :k])
        ids.append(order[:, :k])
    return torch.cat(values), torch.cat(ids)
