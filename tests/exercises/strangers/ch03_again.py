"""More wrong answers to the exercises of chapter 03, induction heads, by another stranger who had read their texts and nothing else."""

import math

import torch
import torch.nn.functional as F


def ablation_effects__11(model, tokens, period):
    """Starts at the second token of the second copy: the first, which cannot be predicted, is left out."""

    def loss(logits):
        lp = logits[:, period + 1 : -1].log_softmax(-1)
        return -lp.gather(-1, tokens[:, period + 2 :, None]).mean()

    with torch.no_grad():
        clean = loss(model(tokens))
        out = torch.zeros(model.cfg.n_layers, model.cfg.n_heads, dtype=clean.dtype)
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):

                def silence(z, hook, head=head):
                    z = z.clone()
                    z[:, :, head] = 0
                    return z

                hooks = [(f"blocks.{layer}.attn.hook_z", silence)]
                out[layer, head] = loss(model.run_with_hooks(tokens, fwd_hooks=hooks)) - clean
    return out


def ablation_effects__13(model, tokens, period):
    """Heads are silenced one after the other and stay silent: hooks are added and only reset at the end."""

    def loss(logits):
        return F.cross_entropy(logits[:, period:-1].flatten(0, 1), tokens[:, period + 1 :].flatten())

    with torch.no_grad():
        clean = loss(model(tokens))
        effects = torch.zeros(model.cfg.n_layers, model.cfg.n_heads, dtype=clean.dtype)
        hooks = []
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):

                def silence(z, hook, head=head):
                    z = z.clone()
                    z[:, :, head] = 0
                    return z

                hooks.append((f"blocks.{layer}.attn.hook_z", silence))
                effects[layer, head] = loss(model.run_with_hooks(tokens, fwd_hooks=hooks)) - clean
    return effects


def build_induction_head__11(d_vocab, n_ctx):
    """The second layer's keys read the token that stands there, not the note of the one before: it finds its own token again."""
    V, N = d_vocab, n_ctx
    D, H = 3 * V + N, max(V, N)
    tok, prev, out, pos = 0, V, 2 * V, 3 * V
    W_E, W_pos, W_U = torch.zeros(V, D), torch.zeros(N, D), torch.zeros(D, V)
    W_E[:, tok : tok + V] = torch.eye(V)
    W_pos[:, pos : pos + N] = torch.eye(N)
    W_U[out : out + V] = torch.eye(V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, D, H) for _ in range(3))
    W_O = torch.zeros(2, 1, H, D)
    strong = 40.0 * H**0.5
    W_Q[0, 0, pos : pos + N, :N] = strong * torch.diag(torch.ones(N - 1), -1)
    W_K[0, 0, pos : pos + N, :N] = torch.eye(N)
    W_V[0, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[0, 0, :V, prev : prev + V] = torch.eye(V)
    W_Q[1, 0, tok : tok + V, :V] = strong * torch.eye(V)
    W_K[1, 0, tok : tok + V, :V] = torch.eye(V)
    W_V[1, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[1, 0, :V, out : out + V] = torch.eye(V)
    return {"W_E": W_E, "W_pos": W_pos, "W_U": W_U, "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "W_O": W_O}


def build_induction_head__12(d_vocab, n_ctx):
    """The unembedding reads the current token's box as well: the current token's logit ties with the answer's."""
    V, N = d_vocab, n_ctx
    D, H = 3 * V + N, max(V, N)
    tok, prev, out, pos = 0, V, 2 * V, 3 * V
    W_E, W_pos, W_U = torch.zeros(V, D), torch.zeros(N, D), torch.zeros(D, V)
    W_E[:, tok : tok + V] = torch.eye(V)
    W_pos[:, pos : pos + N] = torch.eye(N)
    W_U[out : out + V] = torch.eye(V)
    W_U[tok : tok + V] = torch.eye(V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, D, H) for _ in range(3))
    W_O = torch.zeros(2, 1, H, D)
    strong = 40.0 * H**0.5
    W_Q[0, 0, pos : pos + N, :N] = strong * torch.diag(torch.ones(N - 1), -1)
    W_K[0, 0, pos : pos + N, :N] = torch.eye(N)
    W_V[0, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[0, 0, :V, prev : prev + V] = torch.eye(V)
    W_Q[1, 0, tok : tok + V, :V] = strong * torch.eye(V)
    W_K[1, 0, prev : prev + V, :V] = torch.eye(V)
    W_V[1, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[1, 0, :V, out : out + V] = torch.eye(V)
    return {"W_E": W_E, "W_pos": W_pos, "W_U": W_U, "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "W_O": W_O}


def build_induction_head__13(d_vocab, n_ctx):
    """The matching score is 5 before the division by the square root of d_head: attention is spread thin on large vocabularies."""
    V, N = d_vocab, n_ctx
    D, H = 3 * V + N, max(V, N)
    tok, prev, out, pos = 0, V, 2 * V, 3 * V
    W_E, W_pos, W_U = torch.zeros(V, D), torch.zeros(N, D), torch.zeros(D, V)
    W_E[:, tok : tok + V] = torch.eye(V)
    W_pos[:, pos : pos + N] = torch.eye(N)
    W_U[out : out + V] = torch.eye(V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, D, H) for _ in range(3))
    W_O = torch.zeros(2, 1, H, D)
    W_Q[0, 0, pos : pos + N, :N] = 5.0 * torch.diag(torch.ones(N - 1), -1)
    W_K[0, 0, pos : pos + N, :N] = torch.eye(N)
    W_V[0, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[0, 0, :V, prev : prev + V] = torch.eye(V)
    W_Q[1, 0, tok : tok + V, :V] = 5.0 * torch.eye(V)
    W_K[1, 0, prev : prev + V, :V] = torch.eye(V)
    W_V[1, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[1, 0, :V, out : out + V] = torch.eye(V)
    return {"W_E": W_E, "W_pos": W_pos, "W_U": W_U, "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "W_O": W_O}


def build_pointer_head__11(d_vocab, n_ctx):
    """The pointer is not shifted by one: layer 1 looks at the token's own earlier occurrence and at itself."""
    V, N = d_vocab, n_ctx
    D, H = 2 * V + 2 * N, max(V, N)
    tok, out, pos, point = 0, V, 2 * V, 2 * V + N
    W_E, W_pos, W_U = torch.zeros(V, D), torch.zeros(N, D), torch.zeros(D, V)
    W_E[:, tok : tok + V] = torch.eye(V)
    W_pos[:, pos : pos + N] = torch.eye(N)
    W_U[out : out + V] = torch.eye(V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, D, H) for _ in range(3))
    W_O = torch.zeros(2, 1, H, D)
    strong = 80.0 * H**0.5
    W_Q[0, 0, tok : tok + V, :V] = strong * torch.eye(V)
    W_K[0, 0, tok : tok + V, :V] = torch.eye(V)
    W_V[0, 0, pos : pos + N, :N] = torch.eye(N)
    W_O[0, 0, :N, point : point + N] = torch.eye(N)
    W_Q[1, 0, point : point + N, :N] = strong * torch.eye(N)
    W_K[1, 0, pos : pos + N, :N] = torch.eye(N)
    W_V[1, 0, tok : tok + V, :V] = torch.eye(V)
    W_O[1, 0, :V, out : out + V] = torch.eye(V)
    return {"W_E": W_E, "W_pos": W_pos, "W_U": W_U, "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "W_O": W_O}


def build_previous_token_head__11(n_ctx):
    """The strength forgets the division by the square root of d_head: too weak where n_ctx is large."""
    eye = torch.eye(n_ctx)
    shift = torch.diag(torch.ones(n_ctx - 1), -1)  # query p looks for p - 1
    return {"W_pos": eye, "W_Q": 10.0 * shift, "W_K": eye.clone()}


def build_previous_token_head__13(n_ctx):
    """Sinusoidal positions of 16 numbers, turned back by one step: neighbours look too much alike."""
    p = torch.arange(n_ctx)[:, None].float()
    freq = 10000 ** (-torch.arange(0, 16, 2).float() / 16)
    W_pos = torch.cat([torch.sin(p * freq), torch.cos(p * freq)], dim=1)
    c, s = torch.cos(freq), torch.sin(freq)
    W_Q = torch.zeros(16, 16)
    i = torch.arange(8)
    W_Q[i, i], W_Q[i + 8, i] = c, -s
    W_Q[i, i + 8], W_Q[i + 8, i + 8] = s, c
    return {"W_pos": W_pos, "W_Q": 40.0 * W_Q, "W_K": torch.eye(16)}


def composition_score__12(W_A, W_B):
    """Zero over zero is NaN."""
    return (W_A @ W_B).norm() / (W_A.norm() * W_B.norm())


def composition_scores__11(model, kind):
    """For Q and K the late head's matrix is W_Q or W_K alone, as if the other half did not count."""
    W_B = {"Q": model.W_Q[1], "K": model.W_K[1], "V": model.W_V[1] @ model.W_O[1]}[kind]
    W_A = model.W_V[0] @ model.W_O[0]
    scores = torch.zeros(len(W_B), len(W_A), dtype=W_A.dtype)
    for late in range(len(W_B)):
        for early in range(len(W_A)):
            size = W_A[early].norm() * W_B[late].norm()
            if size > 0:
                scores[late, early] = (W_A[early] @ W_B[late]).norm() / size
    return scores.detach()


def in_context_learning_score__11(loss, early, late):
    """Early less late: positive when context helps."""
    return (loss[:, early] - loss[:, late]).mean()


def in_context_learning_score__12(loss, early, late):
    """Indexes rows: the losses of two sequences, not of two positions."""
    return (loss[late % len(loss)] - loss[early % len(loss)]).mean()


def in_context_learning_score__13(loss, early, late):
    """Means over everything from `late` on less everything up to `early`."""
    return loss[:, late:].mean() - loss[:, : early + 1].mean()


def induction_bump__12(steps, scores):
    """Slope per step, not per logarithm of the step."""
    keep = steps > 0
    steps, scores = steps[keep], scores[keep]
    rise = (scores[1:] - scores[:-1]) / (steps[1:] - steps[:-1])
    return steps[1:][rise.argmax()].item()


def pattern_without__12(resid, removed, W_Q, W_K, path):
    """The path that is cut reads only what the earlier head wrote (it is kept, and the rest is removed)."""
    q_in = removed if path == "Q" else resid
    k_in = removed if path == "K" else resid
    scores = torch.einsum("bqd,bkd->bqk", q_in @ W_Q, k_in @ W_K) / math.sqrt(W_Q.shape[-1])
    n = scores.shape[-1]
    future = torch.ones(n, n, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def prefix_matching_score__12(pattern, period):
    """BOS is forgotten: the second copy is taken to begin at period."""
    total = torch.zeros(pattern.shape[1], dtype=pattern.dtype)
    for q in range(period, 2 * period):
        total += pattern[:, :, q, q - period + 1].mean(0)
    return total / period


def previous_token_score__11(pattern):
    """The fraction of queries whose largest attention is on the position before."""
    n = pattern.shape[-1]
    most = pattern.argmax(-1)[:, :, 1:]
    before = torch.arange(n - 1)
    return (most == before).to(pattern.dtype).mean(dim=(0, 2))


def previous_token_score__12(pattern):
    """The diagonal's sum over all positions: the first query, which has none before it, counts as a zero."""
    return pattern.diagonal(-1, dim1=2, dim2=3).sum(-1).mean(0) / pattern.shape[-1]


def repeated_tokens__12(batch, period, d_vocab, bos, generator):
    """Ids are drawn from a shuffled vocabulary: within a block none can recur."""
    ids = torch.tensor([i for i in range(d_vocab) if i != bos])
    rows = []
    for _ in range(batch):
        chunks = []
        while sum(len(c) for c in chunks) < period:
            chunks.append(ids[torch.randperm(len(ids), generator=generator)])
        block = torch.cat(chunks)[:period]
        rows.append(torch.cat([torch.tensor([bos]), block, block]))
    if not rows:
        return torch.zeros(0, 1 + 2 * period, dtype=torch.long)
    return torch.stack(rows)
