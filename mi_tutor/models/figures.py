"""The figures on the models' cards: for each model, names and the functions that compute them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mi_tutor.models import recipes
from mi_tutor.models.bigrams import kl_from_counts, training_bigram_counts
from mi_tutor.models.corpus import Root, corpus_tokens, with_packages
from mi_tutor.models.heads import PERIOD, HeadScores, head_scores
from mi_tutor.models.ngrams import ngram_loss
from mi_tutor.models.plain import plain_logits
from mi_tutor.models.tokenizer import BOS_ID, tokenizer_hash
from mi_tutor.models.zoo import WEIGHTS_FILE, bundled_weights, load_model

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

Value = float | int | str


@dataclass(frozen=True)
class Context:
    """What a figure may be computed from; each part is loaded when first asked for."""

    name: str
    """The bundled model."""
    assets: Path
    """The folder of the bundled models."""

    @cached_property
    def model(self) -> "TransformerBridge":
        """The model as shipped, on the CPU: a figure must not depend on the machine."""
        return load_model(self.name, "cpu", self.assets)

    @cached_property
    def counts(self) -> "Int[Tensor, 'd_vocab d_vocab']":
        """The shipped bigram counts of its training tokens."""
        return training_bigram_counts(self.name, self.assets)

    @property
    def recipe(self) -> recipes.Recipe:
        """What made it."""
        return recipes.RECIPES[self.name]

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


def loss_per_token(
    recipe: recipes.Recipe, weights: "Mapping[str, Tensor]", tokens: "Int[Tensor, 'position']", batch: int = 8
) -> float:
    """Mean next-token loss in nats over a long text, read in windows as long as the recipe's context, at most 256.

    Each window begins as in training: with the last token of the one before it, or with BOS. So every token is predicted
    once (but the very first of the text, where nothing comes before it), the first of a window from one token alone.
    """
    import torch
    from torch.nn.functional import cross_entropy

    length = min(recipe.architecture["n_ctx"], 256)
    if recipe.bos_first:
        tokens = torch.cat([tokens.new_tensor([BOS_ID]), tokens])
    whole = (len(tokens) - 1) // length
    total = 0.0
    with torch.inference_mode():
        windows = tokens[: whole * length + 1].unfold(0, length + 1, length)
        for rows in [*windows.split(batch), tokens[None, whole * length :]]:
            if rows.shape[-1] > 1:
                inputs, targets = rows[:, :-1].clone(), rows[:, 1:]
                if recipe.bos_first:
                    inputs[:, 0] = BOS_ID
                logits = plain_logits(recipe.architecture, weights, inputs)
                total += float(cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum"))
    return total / (len(tokens) - 1)


def _heldout_loss(context: Context) -> float:
    weights = {name: value.float() for name, value in bundled_weights(context.name, context.assets).items()}
    return loss_per_token(context.recipe, weights, context.heldout)


def _file_hash(context: Context) -> str:
    return hashlib.sha256((context.assets / context.name / WEIGHTS_FILE).read_bytes()).hexdigest()


def _parameter_count(context: Context) -> int:
    from mi_tutor.models.build import parameters_of

    return sum(parameter.numel() for parameter in parameters_of(context.model).values())


def _kl_to_bigrams(context: Context) -> float:
    model = context.model
    return kl_from_counts(context.counts, model.W_E.detach().double() @ model.W_U.detach().double())


def _ngram(n: int) -> Callable[[Context], float]:
    return lambda context: ngram_loss(context.train, context.heldout, n)


_OF_EVERY_MODEL: dict[str, Figure] = {
    "weights_sha256": Figure(_file_hash, "", "SHA-256 of the weights file", "files"),
    "parameters": Figure(_parameter_count, "", "number of trained weights", "files"),
    "tokenizer_sha256": Figure(lambda _: tokenizer_hash(), "", "SHA-256 of the tokenizer's definition", "files"),
    "train_tokens": Figure(lambda c: len(c.train), "tokens", "length of the training split", "corpus"),
    "heldout_tokens": Figure(lambda c: len(c.heldout), "tokens", "length of the held-out split", "corpus"),
    "heldout_loss": Figure(_heldout_loss, "nats/token", "loss on the held-out split", "corpus", 1e-3),
    "heldout_loss_unigram": Figure(_ngram(1), "nats/token", "the same for counted single tokens", "corpus", 1e-6),
    "heldout_loss_bigram": Figure(
        _ngram(2), "nats/token", "the same for counted pairs, discounted and interpolated", "corpus", 1e-6
    ),
    "heldout_loss_trigram": Figure(
        _ngram(3), "nats/token", "the same for counted triples, discounted and interpolated", "corpus", 1e-6
    ),
}
_OF_ZERO_LAYERS: dict[str, Figure] = {
    "kl_to_training_bigrams": Figure(
        _kl_to_bigrams, "nats/token", "KL(unsmoothed bigram of its training tokens || model)", "files", 1e-6
    ),
    "training_pairs": Figure(lambda c: int(c.counts.sum()), "pairs", "adjacent tokens in the shipped counts", "files"),
    "distinct_pairs": Figure(lambda c: int((c.counts > 0).sum()), "pairs", "distinct ones among them", "files"),
}
_OF_ATTENTION: dict[str, Figure] = {
    "best_previous_token_score": Figure(
        lambda c: float(c.head_scores.previous_token.max()),
        "",
        "largest mean attention of a head to the token before, on repeated random tokens",
        "files",
        1e-3,
    ),
    "best_prefix_matching_score": Figure(
        lambda c: float(c.head_scores.prefix_matching.max()),
        "",
        f"the same, in a second copy, to the token after its first occurrence (period {PERIOD}); induction heads",
        "files",
        1e-3,
    ),
}
FIGURES: dict[str, dict[str, Figure]] = {
    "zero-layer-py": _OF_EVERY_MODEL | _OF_ZERO_LAYERS,
    "attn-1l-py": _OF_EVERY_MODEL | _OF_ATTENTION,
}
