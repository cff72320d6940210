"""What is measured on text that comes twice: the loss of every token, the attention of every head, what can be read."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.figures.induction import losses_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge


def token_losses(
    model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'batch position-1']":
    """The loss of every token but the first, in nats; entry p is that of token p + 1."""
    return losses_of(model(tokens), tokens)


def patterns(
    model: "TransformerBridge", tokens: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'layer batch head query key']":
    """The attention of all heads."""
    import torch

    _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    return torch.stack([cache["pattern", layer] for layer in range(model.cfg.n_layers)])


def ranked(values: "Float[Tensor, 'layer head']", k: int = 3) -> str:
    """The largest of a number for each head, with the heads' names: "1.6: 0.538, 1.0: 0.031"."""
    best = values.flatten().topk(k)
    named = zip(best.values.tolist(), head_names(values, k), strict=True)
    return ", ".join(f"{name}: {value:.3f}" for value, name in named)


def head_names(values: "Float[Tensor, 'layer head']", k: int = 1) -> list[str]:
    """The names of the k heads with the largest numbers, such as "1.6"; the largest first."""
    places = values.flatten().topk(k).indices.tolist()
    return [f"{place // values.shape[1]}.{place % values.shape[1]}" for place in places]


def linear_read(
    stream: "Float[Tensor, 'sequence position d_model']", target: "Float[Tensor, 'sequence position']"
) -> float:
    """How well a linear map reads a number from the stream: R², fitted on every other sequence and scored on the rest.

    Args:
        stream: an even number of sequences.
        target: fitted as it is; what is scored is the number of the position, from 1, whatever the fit was made to.
    """
    import torch

    x = torch.cat([stream, torch.ones_like(stream[..., :1])], -1)
    fitted = torch.linalg.lstsq(x[::2].flatten(0, 1), target[::2].reshape(-1, 1)).solution
    positions = torch.arange(1.0, x.shape[1] + 1, device=x.device).repeat(len(x[1::2]))
    return 1 - float((x[1::2].flatten(0, 1) @ fitted - positions[:, None]).square().mean() / positions.var())


def near_tokens(model: "TransformerBridge", tokens: "Int[Tensor, '*shape']", rank: int) -> "Int[Tensor, '*shape']":
    """For each token the one that stands at that place among all others, by the cosine of their embeddings (1: the nearest).

    The mean of an embedding's entries is taken off first: the norm before every layer does so, and nobody reads it.
    """
    import torch

    W_E = model.W_E - model.W_E.mean(-1, keepdim=True)
    W_E = W_E / W_E.norm(dim=-1, keepdim=True)
    near = W_E[tokens.flatten()] @ W_E.mT
    near.scatter_(1, tokens.reshape(-1, 1), -torch.inf)  # not the token itself
    return near.topk(rank).indices[:, -1].view_as(tokens)


def spaced_pairs(tokenizer: "Any") -> "Int[Tensor, 'form pair']":
    """Tokens of two letters and more that stand in the vocabulary with a blank before them and without: ids of both forms."""
    import torch

    ids = {tokenizer.decode([i]): i for i in range(len(tokenizer))}
    bare = [text for text in ids if len(text) > 1 and text.isalpha() and f" {text}" in ids]
    return torch.tensor([[ids[f" {text}"] for text in bare], [ids[text] for text in bare]])


def with_error(values: "Float[Tensor, 'n']") -> str:
    """A mean and its standard error, readable."""
    return f"{values.mean():.2f} ± {values.std() / len(values) ** 0.5:.2f}"


def either(names: "Iterable[str]") -> str:
    """Which of two: its name, "both" or "neither"."""
    found = list(names)
    return {0: "neither", 1: "".join(found)}.get(len(found), "both")


def rise_at_mean(
    model: "TransformerBridge", tokens: "Int[Tensor, 'batch 1+2*period']", layer: int, head: int
) -> "Float[Tensor, 'copy']":
    """How much the loss on either copy rises, in nats, when a head writes its mean over sequences and positions everywhere.

    Each copy without its first token.
    """
    import torch

    def flatten(z: "Tensor", hook: object) -> "Tensor":
        z = z.clone()
        z[:, :, head] = z[:, :, head].mean((0, 1))
        return z

    period = (tokens.shape[1] - 1) // 2
    clean = token_losses(model, tokens)
    with model.hooks(fwd_hooks=[(f"blocks.{layer}.attn.hook_z", flatten)]):
        rise = token_losses(model, tokens) - clean
    return torch.stack([rise[:, 1:period].mean(), rise[:, 1 + period :].mean()])


def kept_from(head: int, bos: bool) -> "Callable[[Tensor, object], Tensor]":
    """A hook for `hook_pattern`: a head loses its attention to the first position, or as much of that to all others."""

    def look_away(pattern: "Tensor", hook: object) -> "Tensor":
        pattern = pattern.clone()
        resting, looking = pattern[:, head, :, :1].clone(), pattern[:, head, :, 1:]
        if bos:
            pattern[:, head, :, :1] = 0
        else:
            looking *= (1 - resting / looking.sum(-1, keepdim=True).clamp(min=1e-9)).clamp(min=0)
        return pattern

    return look_away


class Said(NamedTuple):
    """Of one sequence each, means over the second copy's places."""

    looked: "Float[Tensor, 'batch']"
    """A head's attention to what came after the corresponding token of the first copy."""
    as_it_stood: "Float[Tensor, 'batch']"
    """The log-probability of the first copy's next token."""
    as_it_comes: "Float[Tensor, 'batch']"
    """The log-probability of the second copy's next token."""


def said_of(
    model: "TransformerBridge",
    head: tuple[int, int],
    first: "Int[Tensor, 'batch period']",
    second: "Int[Tensor, 'batch period']",
) -> Said:
    """What a head attends to, and the model says, in BOS and two blocks whose tokens correspond and may differ.

    Args:
        head: its layer and number.
        first, second: the copies; the second's last token, after which none comes, is not asked for.
    """
    import torch

    period = first.shape[1]
    tokens = torch.cat([torch.full_like(first[:, :1], BOS_ID), first, second], 1)
    q = torch.arange(1 + period, 2 * period, device=tokens.device)
    log_probs = model(tokens)[:, q].log_softmax(-1)
    looked = patterns(model, tokens)[head[0], :, head[1], q, q - period + 1].mean(1)
    return Said(looked, *(log_probs.gather(-1, token[:, 1:, None]).mean((1, 2)) for token in (first, second)))
