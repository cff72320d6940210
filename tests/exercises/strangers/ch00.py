"""Wrong answers to the exercises of chapter 00, orientation, by somebody who had read their texts and nothing else."""

from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge


def top_k_predictions__1(logits: Float[Tensor, "d_vocab"], k: int) -> tuple[Int[Tensor, "k"], Float[Tensor, "k"]]:
    """Slices argsort()[-k:], so k = 0 returns the whole vocabulary instead of nothing."""
    probabilities = logits.softmax(-1)
    ids = probabilities.argsort()[-k:].flip(0)
    return ids, probabilities[ids]


def top_k_predictions__2(logits: Float[Tensor, "d_vocab"], k: int) -> tuple[Int[Tensor, "k"], Float[Tensor, "k"]]:
    """Returns log-probabilities instead of probabilities."""
    best = logits.log_softmax(-1).topk(k)
    return best.indices, best.values


def next_token_log_probs__1(
    logits: Float[Tensor, "batch position d_vocab"], tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position-1"]:
    """Adds 1e-10 inside the logarithm, so very unlikely tokens never fall below -23 nats."""
    probabilities = logits[:, :-1].softmax(-1)
    came = probabilities.gather(-1, tokens[:, 1:, None])[..., 0]
    return (came + 1e-10).log()


def next_token_log_probs__2(
    logits: Float[Tensor, "batch position d_vocab"], tokens: Int[Tensor, "batch position"]
) -> Float[Tensor, "batch position-1"]:
    """Calls squeeze() without an axis, so a batch of one (or a text of two tokens) loses an axis."""
    log_probs = logits[:, :-1].log_softmax(dim=-1)
    return log_probs.gather(2, tokens[:, 1:].unsqueeze(-1)).squeeze()


def head_outputs__1(
    z: Float[Tensor, "batch position head d_head"], W_O: Float[Tensor, "head d_head d_model"]
) -> Float[Tensor, "batch position head d_model"]:
    """Names the head axis of W_O differently, so each head goes through the sum of all heads' matrices."""
    return einsum(z, W_O, "batch position head d_head, h d_head d_model -> batch position head d_model")


def head_outputs__2(
    z: Float[Tensor, "batch position head d_head"], W_O: Float[Tensor, "head d_head d_model"]
) -> Float[Tensor, "batch position head d_model"]:
    """Leaves `head` out on the right, so all heads are summed."""
    return einsum(z, W_O, "batch position head d_head, head d_head d_model -> batch position d_model")


def head_pattern__1(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int, head: int
) -> Float[Tensor, "batch query key"]:
    """Always reads layer 0, because the chapter's model has one layer."""
    _, cache = model.run_with_cache(tokens)
    return cache["pattern", 0][:, head]


def head_pattern__2(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int, head: int
) -> Float[Tensor, "batch query key"]:
    """Cleans up with reset_hooks(), which also removes hooks that the caller had put on the model."""
    kept = []

    def keep(pattern, hook):
        kept.append(pattern.detach().clone())

    model.add_hook(f"blocks.{layer}.attn.hook_pattern", keep)
    model(tokens)
    model.reset_hooks()
    return kept[0][:, head]


def zero_ablate_head__1(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int, head: int
) -> Float[Tensor, "batch position d_vocab"]:
    """Subtracts the head's direct contribution from the logits instead of running the rest of the model anew."""
    logits, cache = model.run_with_cache(tokens)
    z = cache[f"blocks.{layer}.attn.hook_z"][:, :, head]
    return logits - z @ model.W_O[layer, head] @ model.W_U


def zero_ablate_head__2(
    model: TransformerBridge, tokens: Int[Tensor, "batch position"], layer: int, head: int
) -> Float[Tensor, "batch position d_vocab"]:
    """Adds a hook and never takes it off again."""

    def silence(z, hook):
        z = z.clone()
        z[:, :, head] = 0
        return z

    model.add_hook(f"blocks.{layer}.attn.hook_z", silence)
    return model(tokens)
