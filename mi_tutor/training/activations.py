"""The activations that autoencoders learn, streamed from a model in random order, the same for the same seed."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.models.plain import first_mlp_activations
from mi_tutor.models.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from jaxtyping import Float, Int
    from torch import Tensor

# Sequences that fill the buffer: a quarter of a million tokens from a thousand places of the corpus.
_BUFFER = 1024
_AT_ONCE = 16


class ActivationStream:
    """Batches of a model's activations, by number; any of them can be asked for first.

    The buffer is filled from `_BUFFER` windows of the corpus in random order and its tokens are shuffled, so that the
    tokens of a batch hardly ever come from one file. It is filled again from the next windows when it is used up. What
    batch k holds depends on nothing but the seed, so that a killed run can go on with it.

    The first position is among them: it holds BOS and is the same in every sequence, but an autoencoder that is put
    in the model's way meets it there as well.

    What is read is layer 0's neurons after their ReLU, or what another function of mi_tutor.models.plain gives.
    """

    def __init__(
        self,
        recipe: Recipe,
        weights: "Mapping[str, Tensor]",
        tokens: "Int[Tensor, 'position']",
        batch: int,
        seed: int,
        device: "torch.device",
        read: "Callable[..., Tensor]" = first_mlp_activations,
        bfloat16: bool = True,
    ) -> None:
        self.recipe, self.tokens, self.batch, self.seed, self.device = recipe, tokens, batch, seed, device
        self.read, self.bfloat16 = read, bfloat16
        self.weights = {name: value.to(device) for name, value in weights.items()}
        self.windows = min(_BUFFER, len(tokens) // recipe.context)
        self.per_buffer = self.windows * recipe.context // batch
        if self.per_buffer < 1:
            raise ValueError(f"{len(tokens)} tokens are too few for a batch of {batch} activations.")
        self._number = -1
        self._buffer: Tensor | None = None

    def __getitem__(self, step: int) -> "Float[Tensor, 'batch d_in']":
        """The activations of one batch, bfloat16."""
        number, place = divmod(step, self.per_buffer)
        if number != self._number:
            self._buffer = None  # the memory of the old one first
            self._buffer, self._number = self._fill(number), number
        assert self._buffer is not None
        return self._buffer[place * self.batch : (place + 1) * self.batch]

    def _fill(self, number: int) -> "Float[Tensor, 'token d_in']":
        import torch

        context = self.recipe.context
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        starts = torch.randint(len(self.tokens) - context + 1, (self.windows,), generator=generator)
        order = torch.randperm(self.windows * context, generator=generator)
        windows = self.tokens[starts[:, None] + torch.arange(context)]
        windows[:, 0] = BOS_ID
        rows = []
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            for part in windows.to(self.device).split(_AT_ONCE):
                read = self.read(self.recipe.architecture, self.weights, part)
                rows.append(read.flatten(0, 1).bfloat16())
        return torch.cat(rows)[order.to(self.device)]
