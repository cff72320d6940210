"""Exact labels for the corpus's tokens, read off by Python's own `tokenize` and `ast`: the truth to grade features by.

A label belongs to a byte of the text, is Boolean, and is the same under every version of Python that can parse the
text. What stands inside an f-string or a t-string is string and nothing else: before Python 3.12 one is a single token,
and the positions of its expressions are wrong.
"""

import token
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from mi_tutor.corpus.label_spans import LABEL_MEANINGS, LABELS, LabelError, Span, spans_of
from mi_tutor.corpus.source import Root, SourceFile, corpus_files

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from numpy import ndarray
    from torch import Tensor

__all__ = [
    "LABELS",
    "LABEL_MEANINGS",
    "CorpusLabels",
    "LabelError",
    "LabelledTokens",
    "byte_labels",
    "corpus_labels",
    "labelled_files",
    "labelled_tokens",
]


@dataclass(frozen=True)
class LabelledTokens:
    """The tokens of one text and what is true of each."""

    ids: "Int[Tensor, 'token']"
    """int64; the text's `encode_plain`, so no BOS."""
    starts: "Int[Tensor, 'token']"
    """int64; offset of the token's first byte in the text's UTF-8. A character may be split among tokens."""
    ends: "Int[Tensor, 'token']"
    """int64; offset just past its last byte: where the next token starts."""
    labels: "Bool[Tensor, 'token label']"
    """Columns in the order of `LABELS`."""
    straddles: "Bool[Tensor, 'token']"
    """Whether the token shares bytes with two or more lexical tokens of Python, as "():" does with three."""


@dataclass(frozen=True)
class CorpusLabels:
    """The labels of the tokens of a split, or of its first files, place by place as in `corpus_tokens`."""

    labels: "Bool[Tensor, 'position label']"
    """Columns in the order of `LABELS`; False wherever `known` is."""
    known: "Bool[Tensor, 'position']"
    """False for each file's BOS and for all tokens of a file that this version of Python cannot parse."""
    straddles: "Bool[Tensor, 'position']"
    """As in `LabelledTokens`; False wherever `known` is."""


def labelled_tokens(file_or_text: SourceFile | str) -> LabelledTokens:
    """The tokens of a text of Python with their exact labels.

    A token takes the labels of its first byte that is not ASCII whitespace, or of its first byte when all are. A third
    of the library's tokens begin with the space before a word: by their first byte alone " 4" would be no number and
    the first token of every name after "def" no part of it; one token in 28 has other labels by this rule.

    A token straddles when it shares bytes with more than one lexical token of Python's own grammar: "():" shares them
    with three. Spaces between lexical tokens and ends of lines are none; an f-string is one. Before Python 3.12
    `tokenize` takes a few identifiers beyond ASCII, such as "℘", for several.

    Args:
        file_or_text: a file of the corpus, or the text itself.

    Raises:
        LabelError: when this version of Python cannot parse the text.
    """
    import numpy as np
    import torch

    text, name = (file_or_text, "<text>") if isinstance(file_or_text, str) else (file_or_text.text, file_or_text.name)
    spans = spans_of(text, name)
    data = np.frombuffer(text.encode(), np.uint8)
    ids = _ids(text)
    ends = _token_bytes()[ids].cumsum()
    starts = ends - _token_bytes()[ids]

    solid = np.flatnonzero(~np.isin(data, list(b" \t\n\r\f\v")))
    first_solid = np.append(solid, len(data))[np.searchsorted(solid, starts)]
    labels = _marks(spans.of_label, len(data))[np.where(first_solid < ends, first_solid, starts)]

    lexical = _edges(sorted(spans.code + spans.of_label["in_comment"]))
    begun, over = np.searchsorted(lexical[:, 0], ends), np.searchsorted(lexical[:, 1], starts, side="right")
    return LabelledTokens(*map(torch.from_numpy, (ids, starts, ends, labels, begun - over > 1)))


def labelled_files(
    split: str = "train", roots: tuple[Root, ...] | None = None
) -> Iterator[tuple[SourceFile, LabelledTokens | None]]:
    """Each file of a split with its labelled tokens, one at a time, in the order of `corpus_tokens`.

    The labelled tokens are None for a file that this version of Python cannot parse.

    Raises:
        CorpusError: as for `corpus_files`.
    """
    for file in corpus_files(split, roots):
        try:
            yield file, labelled_tokens(file)
        except LabelError:
            yield file, None


def corpus_labels(
    split: str = "train", roots: tuple[Root, ...] | None = None, files: int | None = None
) -> CorpusLabels:
    """The exact labels of `corpus_tokens(split, roots)`, position by position.

    Args:
        split: "train" or "heldout".
        roots: as for `corpus_files`.
        files: label only the first so many files of the split; all when left out. The result is then as long as those
            files' tokens and one BOS for each, and belongs to that many of the first tokens.

    Raises:
        CorpusError: as for `corpus_files`.
    """
    import torch

    bos = torch.zeros(1, len(LABELS) + 2, dtype=torch.bool)  # a row for each position: labels, known, straddles
    rows = [bos[:0]]
    for file, tokens in islice(labelled_files(split, roots), files):
        if tokens:
            known = torch.ones_like(tokens.straddles)
            rows += [bos, torch.column_stack([tokens.labels, known, tokens.straddles])]
        else:
            rows += [bos, bos.expand(len(_ids(file.text)), -1)]
    table = torch.cat(rows)
    return CorpusLabels(table[:, :-2], known=table[:, -2], straddles=table[:, -1])


def byte_labels(text: str) -> "Bool[Tensor, 'byte label']":
    """The exact labels of every byte of a text's UTF-8, columns in the order of `LABELS`.

    Raises:
        LabelError: when this version of Python cannot parse the text.
    """
    import torch

    return torch.from_numpy(_marks(spans_of(text, "<text>").of_label, len(text.encode())))


def _ids(text: str) -> "Int[ndarray, 'token']":
    import numpy as np

    from mi_tutor.corpus.tokenizer import encode_plain

    return np.array(encode_plain(text), dtype=np.int64)


@lru_cache(maxsize=1)
def _token_bytes() -> "Int[ndarray, 'id']":
    """How many bytes each id of the tokenizer stands for: in its vocabulary one character stands for one byte."""
    import numpy as np

    from mi_tutor.corpus.tokenizer import D_VOCAB, load_tokenizer

    return np.array([len(piece) for piece in load_tokenizer().convert_ids_to_tokens(range(D_VOCAB))])


def _marks(spans: dict[str, list[Span]], size: int) -> "Bool[ndarray, 'byte label']":
    """True where a byte lies in at least one of a label's spans: counted up at each start and down at each end."""
    import numpy as np

    depths = np.zeros((len(LABELS), size), dtype=np.int32)
    for row, label in enumerate(LABELS):
        starts, ends = (np.bincount(side, minlength=size + 1)[:size] for side in _edges(spans[label]).T)
        np.cumsum(starts - ends, out=depths[row])
    return np.ascontiguousarray(depths.T > 0)


def _edges(spans: list[Span]) -> "Int[ndarray, 'span 2']":
    import numpy as np

    return np.array(spans, dtype=np.int64).reshape(-1, 2)
