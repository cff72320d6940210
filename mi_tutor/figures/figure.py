"""What a figure on a card is, and what it may be computed from."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mi_tutor.corpus.bigrams import training_bigram_counts
from mi_tutor.corpus.source import Root, with_packages
from mi_tutor.corpus.tokens import corpus_tokens
from mi_tutor.figures.heads import HeadScores, head_scores, random_repeats
from mi_tutor.figures.induction import CUT_PERIOD, Cut, Pair, code_repeats, cut_path, find_pair
from mi_tutor.models.cards import Value as Value
from mi_tutor.models.recipes import RECIPES, Recipe
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import load_model

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge


@dataclass(frozen=True)
class Context:
    """What a figure may be computed from; each part is loaded when first asked for."""

    name: str
    """The bundled model, or the bundled autoencoders."""
    assets: Path
    """The folder of the bundled models."""

    @cached_property
    def model(self) -> "TransformerBridge":
        """The model as shipped, on the CPU: a figure must not depend on the machine."""
        untrained = self.name in SAE_RECIPES and SAE_RECIPES[self.name].untrained
        return load_model(self.recipe.name, "cpu", self.assets, checkpoint=0 if untrained else None)

    @cached_property
    def counts(self) -> "Int[Tensor, 'd_vocab d_vocab']":
        """The shipped bigram counts of its training tokens."""
        return training_bigram_counts(self.name, self.assets)

    @property
    def recipe(self) -> Recipe:
        """What made the model; for autoencoders, the model they belong to."""
        return RECIPES[SAE_RECIPES[self.name].model if self.name in SAE_RECIPES else self.name]

    @cached_property
    def roots(self) -> tuple[Root, ...]:
        """Where its corpus lies on this machine."""
        return with_packages(self.recipe.packages)

    @cached_property
    def train(self) -> "Int[Tensor, 'position']":
        """The training tokens of this machine's corpus."""
        return corpus_tokens("train", self.roots)

    @cached_property
    def heldout(self) -> "Int[Tensor, 'position']":
        """The held-out tokens of this machine's corpus."""
        return corpus_tokens("heldout", self.roots)

    @cached_property
    def head_scores(self) -> HeadScores:
        """What its heads attend to."""
        return head_scores(self.model)

    @cached_property
    def pair(self) -> Pair:
        """The two heads that may form an induction circuit."""
        return find_pair(self.model)

    def cut(self, reader: str, on_code: bool) -> Cut:
        """What leaving the early head out of the late head's keys ("k") or queries ("q") does."""
        tokens = code_repeats(self.heldout, CUT_PERIOD, 256) if on_code else random_repeats()
        return cut_path(self.model, self.pair, tokens, reader)

    def checkpoint(self, step: int) -> "TransformerBridge":
        """The model as it was after so many steps."""
        return load_model(self.name, "cpu", self.assets, checkpoint=step)


@dataclass(frozen=True)
class Figure:
    """One number (or hash) on a card."""

    compute: Callable[[Context], Value]
    """Computes it afresh."""
    unit: str
    """Its unit; empty for a bare number."""
    meaning: str
    """What it says, in one line."""
    of: Literal["files", "corpus"]
    """"files": a figure of the shipped files alone, the same everywhere. "corpus": also of the Python that runs."""
    tolerance: float = 0.0
    """How far another machine's arithmetic may move it."""
