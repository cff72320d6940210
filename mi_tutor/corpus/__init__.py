"""What the bundled models read: the text, its tokenizer, exact labels, counts of n-grams, and caches of all that."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mi_tutor.corpus.labels import LABELS, byte_labels, corpus_labels, labelled_files, labelled_tokens
    from mi_tutor.corpus.source import CorpusError, corpus_files, corpus_hash, corpus_manifest
    from mi_tutor.corpus.tokenizer import load_tokenizer
    from mi_tutor.corpus.tokens import corpus_tokens

_HOMES = {
    "CorpusError": "source",
    "LABELS": "labels",
    "byte_labels": "labels",
    "corpus_files": "source",
    "corpus_hash": "source",
    "corpus_labels": "labels",
    "corpus_manifest": "source",
    "corpus_tokens": "tokens",
    "labelled_files": "labels",
    "labelled_tokens": "labels",
    "load_tokenizer": "tokenizer",
}
__all__ = [
    "LABELS",
    "CorpusError",
    "byte_labels",
    "corpus_files",
    "corpus_hash",
    "corpus_labels",
    "corpus_manifest",
    "corpus_tokens",
    "labelled_files",
    "labelled_tokens",
    "load_tokenizer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mi_tutor.corpus' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mi_tutor.corpus.{_HOMES[name]}"), name)
