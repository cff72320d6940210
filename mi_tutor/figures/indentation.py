"""Places of a text where a line has ended in a colon and the next begins at one of several depths."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from jaxtyping import Int
    from torch import Tensor


def after_colons(
    text: "Int[Tensor, 'position']",
    tokenizer: Any,
    breaks: Sequence[int],
    count: int,
    generator: "torch.Generator",
    length: int = 40,
) -> "tuple[Int[Tensor, 'place position'], Int[Tensor, 'place']]":
    """Text up to a token that ends in a colon, and the line break that follows it, at places drawn with repetition.

    Args:
        breaks: the line breaks that count, by id.
        length: tokens of text before the break; the first of them is the token that begins every text.

    Returns:
        The text, and what follows it.
    """
    import torch

    colons = torch.tensor([tokenizer.decode([token]).endswith(":") for token in range(len(tokenizer))])
    follows = torch.isin(text[length + 1 :], torch.tensor(breaks))
    ends = (colons[text[length:-1]] & follows).nonzero()[:, 0]
    some = ends[torch.randint(len(ends), (count,), generator=generator)]
    places = text[some[:, None] + torch.arange(1, length + 2)]
    places[:, 0] = tokenizer.bos_token_id
    return places[:, :-1], places[:, -1]
