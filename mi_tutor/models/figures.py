"""The figures on the models' cards: for each model, names and the functions that compute them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mi_tutor.models.bigrams import kl_from_counts, training_bigram_counts
from mi_tutor.models.corpus import corpus_tokens
from mi_tutor.models.ngrams import ngram_loss
from mi_tutor.models.tokenizer import tokenizer_hash
from mi_tutor.models.zoo import WEIGHTS_FILE, load_model

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

    @cached_property
    def train(self) -> "Int[Tensor, 'position']":
        """The training tokens of this machine's corpus."""
        return corpus_tokens("train")

    @cached_property
    def heldout(self) -> "Int[Tensor, 'position']":
        """The held-out tokens of this machine's corpus."""
        return corpus_tokens("heldout")


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


def loss_per_token(model: "TransformerBridge", tokens: "Int[Tensor, 'position']", batch: int = 8) -> float:
    """Mean next-token loss in nats over a long text, read in windows that overlap by one token.

    Windows are as long as the model's context, 256 at most. Every token but the first is predicted once, the first of
    a window's predictions from a single token before it.
    """
    import torch
    from torch.nn.functional import cross_entropy

    length = min(model.cfg.n_ctx, 256)
    whole = (len(tokens) - 1) // length
    total = 0.0
    with torch.inference_mode():
        windows = tokens[: whole * length + 1].unfold(0, length + 1, length)
        for rows in [*windows.split(batch), tokens[None, whole * length :]]:
            if rows.shape[-1] > 1:
                total += float(cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten(), reduction="sum"))
    return total / (len(tokens) - 1)


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
    "heldout_loss": Figure(
        lambda c: loss_per_token(c.model, c.heldout), "nats/token", "loss on the held-out split", "corpus", 1e-3
    ),
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
FIGURES: dict[str, dict[str, Figure]] = {"zero-layer-py": _OF_EVERY_MODEL | _OF_ZERO_LAYERS}
