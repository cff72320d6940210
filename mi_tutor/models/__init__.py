"""The models that the chapters look into, the corpus they learned from, and the recipes that made them."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mi_tutor.corpus.bigrams import training_bigram_counts
    from mi_tutor.corpus.tokenizer import load_tokenizer
    from mi_tutor.corpus.tokens import corpus_tokens
    from mi_tutor.models.generate import continue_text
    from mi_tutor.models.sae_zoo import load_sae
    from mi_tutor.models.zoo import checkpoint_steps, language_model, load_model, training_curves

_HOMES = {
    "continue_text": "mi_tutor.models.generate",
    "corpus_tokens": "mi_tutor.corpus.tokens",
    "checkpoint_steps": "mi_tutor.models.zoo",
    "language_model": "mi_tutor.models.zoo",
    "load_model": "mi_tutor.models.zoo",
    "load_sae": "mi_tutor.models.sae_zoo",
    "training_curves": "mi_tutor.models.zoo",
    "load_tokenizer": "mi_tutor.corpus.tokenizer",
    "training_bigram_counts": "mi_tutor.corpus.bigrams",
}
__all__ = [
    "checkpoint_steps",
    "continue_text",
    "corpus_tokens",
    "language_model",
    "load_model",
    "load_sae",
    "load_tokenizer",
    "training_bigram_counts",
    "training_curves",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mi_tutor.models' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
