"""What a bundled model's heads attend to on repeated random tokens, as numbers for its card."""

from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.corpus.tokenizer import BOS_ID, D_VOCAB

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

PERIOD = 25
SEQUENCES = 64


class HeadScores(NamedTuple):
    """One number for each head."""

    previous_token: "Float[Tensor, 'layer head']"
    """Mean attention to the position before."""
    prefix_matching: "Float[Tensor, 'layer head']"
    """Mean attention, in the second copy, to the position after the same token's first occurrence."""


def head_scores(model: "TransformerBridge", period: int = PERIOD, sequences: int = SEQUENCES) -> HeadScores:
    """The scores on sequences `[BOS] + block + block` of random tokens, the same ones at every call.

    As in Olsson et al., "In-context Learning and Induction Heads" (2022), in the section on measuring heads, but for the
    period and the vocabulary, which are this model's.
    """
    import torch

    tokens = random_repeats(period, sequences)
    with torch.inference_mode():
        _, cache = model.run_with_cache(tokens, names_filter=lambda name: name.endswith("hook_pattern"))
    pattern = torch.stack([cache["pattern", layer] for layer in range(model.cfg.n_layers)]).mean(1)
    second = torch.arange(1 + period, 1 + 2 * period)
    return HeadScores(
        previous_token=pattern.diagonal(-1, dim1=-2, dim2=-1).mean(-1),
        prefix_matching=pattern[:, :, second, second - period + 1].mean(-1),
    )


def random_repeats(period: int = PERIOD, sequences: int = SEQUENCES) -> "Int[Tensor, 'batch position']":
    """`[BOS] + block + block` of random tokens, the same ones at every call."""
    import torch

    generator = torch.Generator().manual_seed(0)
    block = torch.randint(BOS_ID + 1, D_VOCAB, (sequences, period), generator=generator)
    return torch.cat([torch.full((sequences, 1), BOS_ID), block, block], dim=1)
