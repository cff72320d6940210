"""Features of several dictionaries on one text, in words: for comparing dictionaries with each other."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.corpus.tokenizer import D_VOCAB

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

ENOUGH = 5
"""A feature is kept that is active on so many tokens, or a correlation says nothing."""


class Living(NamedTuple):
    """The features of a dictionary that are active often enough on a text."""

    ids: "Int[Tensor, 'living']"
    """Their numbers in the dictionary."""
    f: "Float[Tensor, 'token living']"
    tokens: "Int[Tensor, 'token']"

    def said(self, column: int, logits: "Float[Tensor, 'd_vocab']", label: Callable[[int], str]) -> str:
        """Where a feature is on most, and what it raises, three tokens each, named by `label`."""
        import torch

        counts = torch.bincount(self.tokens[self.f[:, column] > 0], minlength=D_VOCAB)
        seen = " ".join(label(i) for i in counts.topk(3).indices.tolist() if counts[i])
        raised = " ".join(label(i) for i in logits.topk(3).indices.tolist())
        return f"on {seen}, raises {raised}"

    def of_one_token(self, low: int = ENOUGH, high: int | None = None) -> float:
        """Of the features active on so many tokens, the share nine tenths of whose activity is on one token of the
        vocabulary; 0 where there are none."""
        import torch

        on = self.f > 0
        often = on.sum(0)
        kept = (often >= low) & (often <= (len(on) if high is None else high))
        if not kept.any():
            return 0.0
        counts = torch.stack([torch.bincount(self.tokens[column], minlength=D_VOCAB) for column in on.T[kept]])
        return float((counts.amax(1) > 0.9 * counts.sum(1)).float().mean())


def living(
    encode: "Callable[[Tensor], Tensor]", x: "Float[Tensor, 'token d_in']", tokens: "Int[Tensor, 'token']"
) -> Living:
    """The features that are active on `ENOUGH` of these tokens, and what they do.

    Args:
        encode: from activations to features.
        x: activations.
        tokens: that they belong to.
    """
    f = encode(x)
    ids = ((f > 0).sum(0) >= ENOUGH).nonzero()[:, 0]
    return Living(ids, f[:, ids], tokens)


def among_equals(tokens: "Int[Tensor, 'token']", seed: int = 0) -> "Int[Tensor, 'token']":
    """A permutation of places, drawn evenly from those that put every place where the same token stands."""
    import torch

    lots = torch.rand(len(tokens), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    ids = tokens.cpu()
    order = torch.empty_like(ids)
    order[ids.argsort(stable=True)] = (ids + lots).argsort()
    return order.to(tokens.device)
