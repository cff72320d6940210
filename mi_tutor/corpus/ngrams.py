"""What counting alone achieves: the yardstick for a model's held-out loss."""

from typing import TYPE_CHECKING

from mi_tutor.corpus.tokenizer import D_VOCAB

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor


def ngram_loss(
    train: "Int[Tensor, 'position']", heldout: "Int[Tensor, 'position']", n: int, d_vocab: int = D_VOCAB
) -> float:
    """Mean loss in nats per token of an n-gram model counted on `train`, on every token of `heldout` but the first.

    Interpolated absolute discounting (Ney, Essen and Kneser, 1994), which needs no tuning: every count is lowered by a
    constant D = n1 / (n1 + 2 n2), from the numbers of n-grams seen once and twice, and what that frees goes to the
    model of the next lower order; below the unigram lies the uniform distribution. Where fewer than n - 1 tokens come
    before (the second token, for a trigram) or were never seen together, the lower order predicts alone.

    Args:
        train: the tokens to count.
        heldout: the tokens to predict.
        n: 1 for unigrams, 2 for bigrams, 3 for trigrams (at most 5, where keys of 64 bits end).
        d_vocab: the number of ids.
    """
    return float(-_probabilities(train, heldout, n, d_vocab)[1:].log().mean())


def _probabilities(
    train: "Int[Tensor, 'position']", heldout: "Int[Tensor, 'position']", n: int, d_vocab: int
) -> "Float[Tensor, 'position']":
    """The probability of each held-out token after the n - 1 before it."""
    import torch

    if n == 0:
        return torch.full(heldout.shape, 1 / d_vocab, dtype=torch.float64)
    lower = _probabilities(train, heldout, n - 1, d_vocab)
    grams, counts = _keys(train, n, d_vocab).unique(return_counts=True)
    once, twice = (counts == 1).sum(), (counts == 2).sum()
    # With a handful of tokens nothing may be seen once; half a count keeps some probability for the unseen.
    discount = float(once / (once + 2 * twice)) if once and twice else 0.5

    contexts, which = (grams // d_vocab).unique(return_inverse=True)
    context_counts = torch.zeros(len(contexts), dtype=torch.int64).scatter_add_(0, which, counts)
    context_kinds = torch.bincount(which, minlength=len(contexts))

    keys = _keys(heldout, n, d_vocab)
    seen = _look_up(grams, counts, keys).double()
    total = _look_up(contexts, context_counts, keys // d_vocab).double()
    kinds = _look_up(contexts, context_kinds, keys // d_vocab).double()
    mixed = ((seen - discount).clamp(min=0) + discount * kinds * lower[n - 1 :]) / total.clamp(min=1)
    return torch.cat([lower[: n - 1], torch.where(total > 0, mixed, lower[n - 1 :])])


def _keys(tokens: "Int[Tensor, 'position']", n: int, d_vocab: int) -> "Int[Tensor, 'gram']":
    """Each run of n tokens as one number; dividing it by d_vocab leaves its context."""
    keys = tokens[: len(tokens) - n + 1].clone()
    for place in range(1, n):
        keys = keys * d_vocab + tokens[place : len(tokens) - n + 1 + place]
    return keys


def _look_up(
    names: "Int[Tensor, 'name']", values: "Int[Tensor, 'name']", wanted: "Int[Tensor, 'gram']"
) -> "Int[Tensor, 'gram']":
    """The value of each wanted name, 0 where it is not among the (sorted) names."""
    import torch

    places = torch.searchsorted(names, wanted).clamp(max=len(names) - 1)
    return torch.where(names[places] == wanted, values[places], torch.zeros_like(values[places]))
