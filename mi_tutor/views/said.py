"""Sentences about a model: what it expects, where a head looks."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor

from mi_tutor.views.labels import token_label


def likeliest(tokenizer: Any, logits: Float[Tensor, "d_vocab"], k: int = 2) -> str:
    """The k most probable tokens with their probabilities: `·== 31%, ·is 12%`."""
    best = logits.softmax(-1).topk(k)
    return ", ".join(f"{token_label(tokenizer, int(i))} {p:.0%}" for p, i in zip(*best, strict=True))


def looks_at(tokenizer: Any, tokens: Int[Tensor, "key"], attention: Float[Tensor, "key"]) -> str:
    """The key that gets most of a query's attention, and how much: `·def, 93% of its attention`."""
    share, key = attention.max(-1)
    return f"{token_label(tokenizer, int(tokens[key]))}, {share:.0%} of its attention"
