"""Counts of adjacent tokens: what a zero-layer model can learn, and all it can learn."""

from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.assets import ASSETS, UnknownModelError
from mi_tutor.corpus.tokenizer import D_VOCAB
from mi_tutor.files.tensor_file import write_tensors

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

COUNTS_FILE = "bigram_counts.safetensors"


def training_bigram_counts(name: str, assets: Path | None = None) -> "Int[Tensor, 'd_vocab d_vocab']":
    """How often each token was followed by each other in a bundled model's own training tokens.

    Shipped with the model, so that it can be compared with what it learned from under any version of Python.

    Args:
        name: a bundled model, such as "zero-layer-py".
        assets: the folder of the bundled models; the installed one when left out.

    Returns:
        int64; entry (a, b) counts b directly after a. A row without counts is a token never followed by another.

    Raises:
        UnknownModelError: when no bundled model of that name ships its counts.
    """
    import torch
    from safetensors.torch import load_file

    assets = assets or ASSETS
    path = assets / name / COUNTS_FILE
    if not path.exists():
        have = ", ".join(sorted(file.parent.name for file in assets.glob(f"*/{COUNTS_FILE}")))
        raise UnknownModelError(f"No bigram counts are bundled for {name!r}; there are counts for: {have}.")
    stored = load_file(path)
    rows = torch.repeat_interleave(torch.arange(D_VOCAB), stored["row_sizes"].long())
    counts = torch.zeros(D_VOCAB, D_VOCAB, dtype=torch.int64)
    counts[rows, stored["columns"].long()] = stored["counts"].long()
    return counts


def write_bigram_counts(path: Path, counts: "Int[Tensor, 'd_vocab d_vocab']") -> None:
    """Store only the pairs that occur (about one in fifteen), row by row: row sizes, columns and counts."""
    import torch

    rows, columns = counts.nonzero(as_tuple=True)
    sizes = torch.bincount(rows, minlength=len(counts))
    found = {"row_sizes": sizes.short(), "columns": columns.short(), "counts": counts[rows, columns].int()}
    write_tensors(path, found)


def count_bigrams(tokens: "Int[Tensor, 'position']", d_vocab: int = D_VOCAB) -> "Int[Tensor, 'd_vocab d_vocab']":
    """Entry (a, b) is the number of positions that hold a with b at the next."""
    import torch

    pairs = tokens[:-1] * d_vocab + tokens[1:]
    return torch.bincount(pairs, minlength=d_vocab * d_vocab).reshape(d_vocab, d_vocab)


def kl_from_counts(counts: "Int[Tensor, 'd_vocab d_vocab']", logits: "Float[Tensor, 'd_vocab d_vocab']") -> float:
    """KL divergence, in nats per token, of the unsmoothed counted bigram from the model that a table of logits is.

    Each row's divergence is weighted by how often its token occurs: with N pairs in all,
    sum over (a, b) of n(a, b) / N * (ln n(a, b) / n(a) - log_softmax(logits[a])[b]).
    """
    n = counts.double()
    seen = n > 0
    row_totals = n.sum(-1, keepdim=True).expand_as(n)
    log_ratio = (n[seen] / row_totals[seen]).log() - logits.double().log_softmax(-1)[seen]
    return float((n[seen] * log_ratio).sum() / n.sum())
