"""Wrong answers to the exercises of chapter 03, induction heads, by somebody who had read their texts and nothing else."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformer_lens.model_bridge import TransformerBridge


def repeated_tokens__1(
    batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator
) -> Int[Tensor, "{batch} {1+2*period}"]:
    """Replaces a drawn bos by the next id, which is then drawn twice as often as the others."""
    block = torch.randint(d_vocab, (batch, period), generator=generator, device=generator.device)
    block = torch.where(block == bos, (bos + 1) % d_vocab, block)
    first = torch.full((batch, 1), bos, device=generator.device)
    return torch.cat([first, block, block], 1)


def repeated_tokens__2(
    batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator
) -> Int[Tensor, "{batch} {1+2*period}"]:
    """Draws blocks without replacement, so no id recurs and a period above d_vocab - 1 cannot be made."""
    noise = torch.rand(batch, d_vocab - 1, generator=generator, device=generator.device)
    block = noise.argsort(1)[:, :period]
    block = block + (block >= bos)
    first = torch.full((batch, 1), bos, device=generator.device)
    return torch.cat([first, block, block], 1)


def prefix_matching_score__1(pattern: Float[Tensor, "batch head query key"], period: int) -> Float[Tensor, "head"]:
    """Averages the whole diagonal, which also holds two queries of the first copy."""
    stripe = pattern.diagonal(offset=1 - period, dim1=-2, dim2=-1)
    return stripe.mean(dim=(0, 2))


def prefix_matching_score__2(pattern: Float[Tensor, "batch head query key"], period: int) -> Float[Tensor, "head"]:
    """Stops one query early: the last position of the second copy is left out."""
    q = torch.arange(1 + period, 2 * period, device=pattern.device)
    return pattern[:, :, q, q - period + 1].mean(dim=(0, 2))


def previous_token_score__1(
    pattern: Float[Tensor, "batch head query key"],
) -> Float[Tensor, "head"]:
    """Takes the diagonal over batch and head, torch's default axes."""
    return pattern.diagonal(offset=-1).mean(dim=(0, 1))


def previous_token_score__2(
    pattern: Float[Tensor, "batch head query key"],
) -> Float[Tensor, "head"]:
    """Leaves out the query at position 1, which looks at BOS."""
    stripe = pattern.diagonal(offset=-1, dim1=-2, dim2=-1)
    if stripe.shape[-1] > 1:
        stripe = stripe[..., 1:]
    return stripe.mean(dim=(0, 2))


def ablation_effects__1(
    model: TransformerBridge, tokens: Int[Tensor, "batch 1+2*period"], period: int
) -> Float[Tensor, "layer head"]:
    """Makes all hooks in a loop first, so that each of them silences the last head (late binding)."""

    def loss(logits):
        return cross_entropy(logits[:, period:-1].mT, tokens[:, 1 + period :])

    hooks = []
    for layer in range(model.cfg.n_layers):
        for head in range(model.cfg.n_heads):

            def silence(z, hook):
                z = z.clone()
                z[:, :, head] = 0
                return z

            hooks.append((f"blocks.{layer}.attn.hook_z", silence))
    with torch.no_grad():
        clean = loss(model(tokens))
        effects = [loss(model.run_with_hooks(tokens, fwd_hooks=[one])) - clean for one in hooks]
    return torch.stack(effects).view(model.cfg.n_layers, model.cfg.n_heads)


def ablation_effects__2(
    model: TransformerBridge, tokens: Int[Tensor, "batch 1+2*period"], period: int
) -> Float[Tensor, "layer head"]:
    """Collects the effects in a float32 table whatever the model's dtype is."""

    def loss(logits):
        return cross_entropy(logits[:, period:-1].mT, tokens[:, 1 + period :])

    effects = torch.zeros(model.cfg.n_layers, model.cfg.n_heads, device=tokens.device)
    with torch.no_grad():
        clean = loss(model(tokens))
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):

                def silence(z, hook, head=head):
                    z = z.clone()
                    z[:, :, head] = 0
                    return z

                hooks = [(f"blocks.{layer}.attn.hook_z", silence)]
                effects[layer, head] = loss(model.run_with_hooks(tokens, fwd_hooks=hooks)) - clean
    return effects


def pattern_without__1(
    resid: Float[Tensor, "batch position d_model"],
    removed: Float[Tensor, "batch position d_model"],
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
    path: str,
) -> Float[Tensor, "batch query key"]:
    """Subtracts in place, so the caller's resid is changed."""
    q, k = resid @ W_Q, resid @ W_K
    resid -= removed
    if path == "Q":
        q = resid @ W_Q
    else:
        k = resid @ W_K
    scores = q @ k.mT / W_Q.shape[1] ** 0.5
    n = resid.shape[1]
    future = torch.ones(n, n, dtype=torch.bool, device=resid.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def pattern_without__2(
    resid: Float[Tensor, "batch position d_model"],
    removed: Float[Tensor, "batch position d_model"],
    W_Q: Float[Tensor, "d_model d_head"],
    W_K: Float[Tensor, "d_model d_head"],
    path: str,
) -> Float[Tensor, "batch query key"]:
    """Divides the scores by the square root of d_model."""
    q = (resid - removed if path == "Q" else resid) @ W_Q
    k = (resid - removed if path == "K" else resid) @ W_K
    scores = q @ k.mT / resid.shape[-1] ** 0.5
    n = resid.shape[1]
    future = torch.ones(n, n, dtype=torch.bool, device=resid.device).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def composition_score__1(W_A: Float[Tensor, "d_in d_mid"], W_B: Float[Tensor, "d_mid d_out"]) -> Float[Tensor, ""]:
    """Uses squared Frobenius norms throughout."""
    below = W_A.square().sum() * W_B.square().sum()
    if below == 0:
        return torch.zeros(())
    return (W_A @ W_B).square().sum() / below


def composition_score__2(W_A: Float[Tensor, "d_in d_mid"], W_B: Float[Tensor, "d_mid d_out"]) -> Float[Tensor, ""]:
    """Uses spectral norms (the largest singular value) in place of Frobenius norms."""
    below = torch.linalg.matrix_norm(W_A, 2) * torch.linalg.matrix_norm(W_B, 2)
    if below == 0:
        return torch.zeros(())
    return torch.linalg.matrix_norm(W_A @ W_B, 2) / below


def score(A, B):
    below = A.norm() * B.norm()
    return (A @ B).norm() / below if below > 0 else below * 0


def composition_scores__1(model: TransformerBridge, kind: str) -> Float[Tensor, "late early"]:
    """Swaps the two products: W_K W_Q^T for Q and W_Q W_K^T for K."""
    W_Q, W_K, W_V, W_O = model.W_Q, model.W_K, model.W_V, model.W_O
    early = W_V[0] @ W_O[0]
    late = {"Q": W_K[1] @ W_Q[1].mT, "K": W_Q[1] @ W_K[1].mT, "V": W_V[1] @ W_O[1]}[kind]
    return torch.stack([torch.stack([score(A, B) for A in early]) for B in late]).detach()


def score(A, B):
    below = A.norm() * B.norm()
    return (A @ B).norm() / below if below > 0 else below * 0


def composition_scores__2(model: TransformerBridge, kind: str) -> Float[Tensor, "late early"]:
    """Puts the early heads in the rows and the late heads in the columns."""
    W_Q, W_K, W_V, W_O = model.W_Q, model.W_K, model.W_V, model.W_O
    early = W_V[0] @ W_O[0]
    late = {"Q": W_Q[1] @ W_K[1].mT, "K": W_K[1] @ W_Q[1].mT, "V": W_V[1] @ W_O[1]}[kind]
    return torch.stack([torch.stack([score(A, B) for B in late]) for A in early]).detach()


def build_previous_token_head__1(n_ctx: int) -> dict[str, Tensor]:
    """Uses a fixed scale of 30, which the division by sqrt(d_head) makes too small for a long context."""
    return {
        "W_pos": torch.eye(n_ctx),
        "W_Q": 30 * torch.diag(torch.ones(n_ctx - 1), -1),
        "W_K": torch.eye(n_ctx),
    }


def build_previous_token_head__2(n_ctx: int) -> dict[str, Tensor]:
    """Shifts the wrong way, so each query asks for the next position, which is masked."""
    return {
        "W_pos": torch.eye(n_ctx),
        "W_Q": 40 * n_ctx**0.5 * torch.diag(torch.ones(n_ctx - 1), 1),
        "W_K": torch.eye(n_ctx),
    }


def build_induction_head__1(d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """Takes id 0 for BOS and gives it no embedding, though no id is special."""
    V, N = d_vocab, n_ctx
    token, before, say, place = (slice(0, V), slice(V, 2 * V), slice(2 * V, 3 * V), slice(3 * V, 3 * V + N))
    d_model, d_head = 3 * V + N, max(V, N)
    W_E, W_pos, W_U = torch.zeros(V, d_model), torch.zeros(N, d_model), torch.zeros(d_model, V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, d_model, d_head) for _ in range(3))
    W_O = torch.zeros(2, 1, d_head, d_model)
    W_E[:, token] = torch.eye(V)
    W_E[0] = 0  # BOS
    W_pos[:, place] = torch.eye(N)
    W_U[say] = torch.eye(V)
    sharp = 60 * d_head**0.5
    # layer 0: look one back, note the token
    W_Q[0, 0, place, :N] = sharp * torch.diag(torch.ones(N - 1), -1)
    W_K[0, 0, place, :N] = torch.eye(N)
    W_V[0, 0, token, :V] = torch.eye(V)
    W_O[0, 0, :V, before] = torch.eye(V)
    # layer 1: find my token in the notes, say what stands there
    W_Q[1, 0, token, :V] = sharp * torch.eye(V)
    W_K[1, 0, before, :V] = torch.eye(V)
    W_V[1, 0, token, :V] = torch.eye(V)
    W_O[1, 0, :V, say] = torch.eye(V)
    return dict(W_E=W_E, W_pos=W_pos, W_U=W_U, W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)


def build_induction_head__2(d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """Uses a fixed sharpness of 10 without the square root of d_head, so attention is diffuse in large sizes."""
    V, N = d_vocab, n_ctx
    token, before, say, place = (slice(0, V), slice(V, 2 * V), slice(2 * V, 3 * V), slice(3 * V, 3 * V + N))
    d_model, d_head = 3 * V + N, max(V, N)
    W_E, W_pos, W_U = torch.zeros(V, d_model), torch.zeros(N, d_model), torch.zeros(d_model, V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, d_model, d_head) for _ in range(3))
    W_O = torch.zeros(2, 1, d_head, d_model)
    W_E[:, token] = torch.eye(V)
    W_pos[:, place] = torch.eye(N)
    W_U[say] = torch.eye(V)
    sharp = 10
    # layer 0: look one back, note the token
    W_Q[0, 0, place, :N] = sharp * torch.diag(torch.ones(N - 1), -1)
    W_K[0, 0, place, :N] = torch.eye(N)
    W_V[0, 0, token, :V] = torch.eye(V)
    W_O[0, 0, :V, before] = torch.eye(V)
    # layer 1: find my token in the notes, say what stands there
    W_Q[1, 0, token, :V] = sharp * torch.eye(V)
    W_K[1, 0, before, :V] = torch.eye(V)
    W_V[1, 0, token, :V] = torch.eye(V)
    W_O[1, 0, :V, say] = torch.eye(V)
    return dict(W_E=W_E, W_pos=W_pos, W_U=W_U, W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)


def build_pointer_head__1(d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """Adds one with a roll that wraps round, so from the last position the self-match points at BOS and ties."""
    V, N = d_vocab, n_ctx
    token, pointer, say, place = (
        slice(0, V),
        slice(V, V + N),
        slice(V + N, 2 * V + N),
        slice(2 * V + N, 2 * V + 2 * N),
    )
    d_model, d_head = 2 * V + 2 * N, max(V, N)
    W_E, W_pos, W_U = torch.zeros(V, d_model), torch.zeros(N, d_model), torch.zeros(d_model, V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, d_model, d_head) for _ in range(3))
    W_O = torch.zeros(2, 1, d_head, d_model)
    W_E[:, token] = torch.eye(V)
    W_pos[:, place] = torch.eye(N)
    W_U[say] = torch.eye(V)
    sharp = 60 * d_head**0.5
    # layer 0: find my token, bring back where it is, plus one
    W_Q[0, 0, token, :V] = sharp * torch.eye(V)
    W_K[0, 0, token, :V] = torch.eye(V)
    W_V[0, 0, place, :N] = torch.eye(N).roll(1, dims=1)
    W_O[0, 0, :N, pointer] = torch.eye(N)
    # layer 1: look there, say what stands there
    W_Q[1, 0, pointer, :N] = sharp * torch.eye(N)
    W_K[1, 0, place, :N] = torch.eye(N)
    W_V[1, 0, token, :V] = torch.eye(V)
    W_O[1, 0, :V, say] = torch.eye(V)
    return dict(W_E=W_E, W_pos=W_pos, W_U=W_U, W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)


def build_pointer_head__2(d_vocab: int, n_ctx: int) -> dict[str, Tensor]:
    """Is the induction head by K-composition once more: right predictions through the wrong path."""
    V, N = d_vocab, n_ctx
    token, before, say, place = (slice(0, V), slice(V, 2 * V), slice(2 * V, 3 * V), slice(3 * V, 3 * V + N))
    d_model, d_head = 3 * V + N, max(V, N)
    W_E, W_pos, W_U = torch.zeros(V, d_model), torch.zeros(N, d_model), torch.zeros(d_model, V)
    W_Q, W_K, W_V = (torch.zeros(2, 1, d_model, d_head) for _ in range(3))
    W_O = torch.zeros(2, 1, d_head, d_model)
    W_E[:, token] = torch.eye(V)
    W_pos[:, place] = torch.eye(N)
    W_U[say] = torch.eye(V)
    sharp = 60 * d_head**0.5
    # layer 0: look one back, note the token
    W_Q[0, 0, place, :N] = sharp * torch.diag(torch.ones(N - 1), -1)
    W_K[0, 0, place, :N] = torch.eye(N)
    W_V[0, 0, token, :V] = torch.eye(V)
    W_O[0, 0, :V, before] = torch.eye(V)
    # layer 1: find my token in the notes, say what stands there
    W_Q[1, 0, token, :V] = sharp * torch.eye(V)
    W_K[1, 0, before, :V] = torch.eye(V)
    W_V[1, 0, token, :V] = torch.eye(V)
    W_O[1, 0, :V, say] = torch.eye(V)
    return dict(W_E=W_E, W_pos=W_pos, W_U=W_U, W_Q=W_Q, W_K=W_K, W_V=W_V, W_O=W_O)


def in_context_learning_score__1(loss: Float[Tensor, "batch position"], early: int, late: int) -> Float[Tensor, ""]:
    """Counts positions from 1."""
    return (loss[:, late - 1] - loss[:, early - 1]).mean()


def in_context_learning_score__2(loss: Float[Tensor, "batch position"], early: int, late: int) -> Float[Tensor, ""]:
    """Sorts the two indices first, so that the sign is wrong when early is the larger index."""
    early, late = sorted((early, late))
    return (loss[:, late] - loss[:, early]).mean()


def induction_bump__1(steps: Int[Tensor, "checkpoint"], scores: Float[Tensor, "checkpoint"]) -> int:
    """Drops step 0 for the slopes and then indexes the full list of steps, one too early."""
    some = steps > 0
    s, y = steps[some].double(), scores[some].double()
    slopes = y.diff() / s.log().diff()
    return int(steps[slopes.argmax() + 1])


def induction_bump__2(steps: Int[Tensor, "checkpoint"], scores: Float[Tensor, "checkpoint"]) -> int:
    """Uses log(1 + step) so that step 0 can stay in."""
    slopes = scores.double().diff() / steps.double().log1p().diff()
    return int(steps[1 + slopes.argmax()])
