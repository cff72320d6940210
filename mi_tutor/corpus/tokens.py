"""The corpus as token ids, made once and kept in the user's cache."""

from typing import TYPE_CHECKING

from mi_tutor.corpus.cache import load_or_make
from mi_tutor.corpus.source import Root, corpus_files, corpus_hash
from mi_tutor.corpus.tokenizer import BOS_ID, encode_plain, tokenizer_hash

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor


def corpus_tokens(split: str = "train", roots: tuple[Root, ...] | None = None) -> "Int[Tensor, 'position']":
    """Every file of a split, tokenised with the bundled tokenizer and joined, each preceded by one BOS token.

    The first call tokenises (some seconds) and stores the result in the user's cache folder; later ones read it. A
    cache that is damaged or cannot be written costs time, never an error.

    Args:
        split: "train" or "heldout".
        roots: as for `corpus_files`.

    Returns:
        int64 ids; a new tensor at each call.

    Raises:
        CorpusError: as for `corpus_files`.
    """
    import torch

    files = corpus_files(split, roots)

    def tokenise() -> "Int[Tensor, 'position']":
        ids = [id for file in files for id in (BOS_ID, *encode_plain(file.text))]
        return torch.tensor(ids, dtype=torch.int64)

    return load_or_make(f"tokens-{tokenizer_hash()[:16]}-{corpus_hash(roots)[:16]}-{split}", tokenise)
