"""Tokens in their context, with what happened to their probability: what chapters print of an ablation."""

from collections.abc import Sequence

from jaxtyping import Bool, Float, Int
from torch import Tensor, cat, stack, tensor

from mi_tutor.views.labels import as_tensor

WIDTH = 48
"""Characters of context."""


def token_kinds(texts: Sequence[Sequence[str]]) -> dict[str, Bool[Tensor, "row position-1"]]:
    """Which tokens of each text but its first are line breaks, quotes or closing brackets, words, or stood there before.

    Args:
        texts: tokens as strings, as many in each row.
    """
    tests = {
        "line break": lambda row, p: row[p].startswith("\n"),
        "quote or closing bracket": lambda row, p: row[p][:1] in ('"', "'", ")", "]", "}"),
        "begins with a letter": lambda row, p: row[p].lstrip(" ")[:1].isalpha(),
        "stood earlier": lambda row, p: row[p] in row[1:p],
    }
    return {name: tensor([[test(row, p) for p in range(1, len(row))] for row in texts]) for name, test in tests.items()}


def in_context(
    texts: Sequence[Sequence[str]],
    before: Float[Tensor, "row position-1"],
    after: Float[Tensor, "row position-1"],
    places: Int[Tensor, "place"],
) -> str:
    """A line for each place: the token's probability before and after, a dozen tokens of context, the token between bars.

    Args:
        texts: tokens as strings; the first of each row is predicted by nothing.
        before, after: the log-probability of each token but the first.
        places: which of them, counted through all rows.
    """
    old, new = (as_tensor(values, "row position-1", "log-probabilities").exp() for values in (before, after))
    lines = []
    for place in places.tolist():
        row, p = divmod(place, old.shape[1])
        text = texts[row]
        context = "".join(text[max(1, p - 11) : p + 1])[-WIDTH:]
        earlier = "yes" if text[p + 1] in text[1 : p + 1] else "no"
        shown = f"{context:>{WIDTH}}│{text[p + 1]}│".replace("\n", "↵")
        lines.append(f"  {old[row, p]:.2f} → {new[row, p]:.4f}  {earlier:3}  {shown}")
    return "\n".join(lines)


def largest_falls(
    texts: Sequence[Sequence[str]],
    before: Float[Tensor, "row position-1"],
    after: Float[Tensor, "head row position-1"],
    count: int = 5,
) -> str:
    """For each head its mean fall in log-probability, then the places of the largest, in their context.

    Args:
        texts, before: as in `in_context`.
        after: the log-probabilities with one head silent after another.
        count: how many places of each head.
    """
    parts = []
    for head, silent in enumerate(after):
        fall = before - silent
        parts.append(f"head {head}, mean fall {fall.mean():+.2f} nats")
        parts.append(in_context(texts, before, silent, fall.flatten().topk(count).indices))
    return "\n".join(["with → without  earlier?  context │token│", *parts])


def kinds_of_largest(
    texts: Sequence[Sequence[str]], falls: Float[Tensor, "head row position-1"], count: int = 100
) -> dict[str, Float[Tensor, "head+1"]]:
    """For each kind of token its share of all places, then of those at which each head's falls are largest."""
    largest = falls.flatten(1).topk(count).indices.cpu()
    shares = {}
    for name, of_it in token_kinds(texts).items():
        flat = of_it.flatten().float()
        shares[name] = cat([flat.mean()[None], stack([flat[places].mean() for places in largest])])
    return shares
