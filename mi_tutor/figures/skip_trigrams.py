"""Testing skip-trigrams: what a source does to the logits when it is put into text, and what the training text says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge


class Tried(NamedTuple):
    """What became of the claims that one head makes for one source."""

    holds: "Float[Tensor, 'destination output']"
    """True where an output rises more than nineteen in twenty tokens do."""
    shares: "tuple[float, float, float, float]"
    """How many claims pass: as they are, after other destinations, with other heads' outputs, with the head silenced."""
    rises: "tuple[float, float]"
    """The mean rise of the claimed outputs, after the claim's destinations and after the others."""


def try_claims(
    model: "TransformerBridge",
    W_U: "Float[Tensor, 'd_model d_vocab']",
    contexts: "Int[Tensor, 'context position']",
    head: int,
    source: int,
    claim: "tuple[Int[Tensor, 'destination'], Int[Tensor, 'output']]",
    elsewhere: "Int[Tensor, 'destination']",
    others: "Int[Tensor, 'other']",
) -> Tried:
    """A head's claims for a source, and what of them passes with one of its three parts taken away.

    Args:
        claim: its destinations and its outputs.
        elsewhere: other destinations.
        others: outputs that other heads claim.
    """
    destinations, outputs = claim
    change, silenced = changes(model, W_U, contexts, source, destinations, [head])
    [moved] = changes(model, W_U, contexts, source, elsewhere)
    passes = [(change, outputs), (moved, outputs), (change, others), (silenced, outputs)]
    marks = [each[:, which] > each.quantile(0.95, dim=-1, keepdim=True) for each, which in passes]
    first, second, third, fourth = (float(mark.float().mean()) for mark in marks)
    rises = float(change[:, outputs].mean()), float(moved[:, outputs].mean())
    return Tried(marks[0], (first, second, third, fourth), rises)


def changes(
    model: "TransformerBridge",
    W_U: "Float[Tensor, 'd_model d_vocab']",
    contexts: "Int[Tensor, 'context position']",
    source: int,
    destinations: "Int[Tensor, 'destination']",
    silenced: Sequence[int] = (),
    offset: int = 8,
) -> "Float[Tensor, 'run destination d_vocab']":
    """What a source does to all logits after each destination, the mean over contexts.

    The destination is put at the end of each context, then the source in place of the token `offset` back; the logits after
    are compared with those before.

    Args:
        model: one layer, attention only; a final norm without weights.
        W_U: what the normed stream is unembedded with.
        silenced: heads, for a run each in which it writes nothing but its bias.

    Returns:
        First the model as it is, then without each silenced head.
    """
    before = contexts.repeat(len(destinations), 1)
    before[:, -1] = destinations.repeat_interleave(len(contexts))
    after = before.clone()
    after[:, -1 - offset] = source
    change = _last_logits(model, W_U, after, silenced) - _last_logits(model, W_U, before, silenced)
    return change.unflatten(1, (len(destinations), len(contexts))).mean(2)


def _last_logits(
    model: "TransformerBridge",
    W_U: "Float[Tensor, 'd_model d_vocab']",
    tokens: "Int[Tensor, 'batch position']",
    silenced: Sequence[int],
) -> "Float[Tensor, 'run batch d_vocab']":
    import torch

    keep = ["blocks.0.hook_resid_post", "blocks.0.attn.hook_z"]
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens, names_filter=keep)
        stream, z = (cache[name][:, -1] for name in keep)
        left = torch.stack([stream, *(stream - z[:, head] @ model.W_O[0, head] for head in silenced)])
        left = left - left.mean(-1, keepdim=True)
        return left / (left.square().mean(-1, keepdim=True) + model.cfg.eps).sqrt() @ W_U


def followed_by(
    text: "Int[Tensor, 'position']",
    source: int,
    destinations: Sequence[int],
    outputs: Sequence[int],
    within: int = 16,
) -> "Float[Tensor, 'destination output']":
    """With a source at most `within` tokens before it, how often each destination is followed by each output, as a share.

    A destination that is never seen so has a share of NaN.
    """
    import torch

    hits = torch.cat([text.new_zeros(1), (text == source).long().cumsum(0)])
    at = torch.arange(len(text) - 1, device=text.device)
    lately = hits[at] > hits[(at - within).clamp(min=0)]
    shares = [
        [(text[1:][lately & (text[:-1] == d)] == output).float().mean() for output in outputs] for d in destinations
    ]
    return torch.tensor(shares)
