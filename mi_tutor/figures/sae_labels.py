"""Windows of held-out code with exact labels, in two splits of files: one to choose a feature on, one to score it on."""

from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.corpus.labels import LabelError, labelled_tokens
from mi_tutor.corpus.source import Root, corpus_files
from mi_tutor.corpus.tokenizer import BOS_ID

if TYPE_CHECKING:
    from jaxtyping import Bool, Int
    from torch import Tensor

WINDOW = 256
FILES = 240
WINDOWS_A_FILE = 2


class LabelledWindows(NamedTuple):
    """Code as a model reads it, and what is true of it."""

    tokens: "Int[Tensor, 'batch position']"
    """Each row BOS and then 255 tokens as they stand in one file."""
    labels: "Bool[Tensor, 'batch position label']"
    """Columns in the order of `LABELS`; False at BOS."""
    straddles: "Bool[Tensor, 'batch position']"
    """Whether the token shares bytes with two or more lexical tokens."""


def labelled_windows(roots: tuple[Root, ...]) -> tuple[LabelledWindows, LabelledWindows]:
    """Windows from the two halves of an even choice of held-out files; every other file goes to each half.

    At most two windows of a file, its first and its last, so that no file decides a score. Files that are shorter than a
    window, or that this Python cannot parse, are passed over.
    """
    import torch

    chosen = list(corpus_files("heldout", roots))
    chosen = chosen[:: max(1, len(chosen) // FILES)]
    halves: tuple[list[tuple[Tensor, Tensor, Tensor]], ...] = ([], [])
    counted = 0
    for file in chosen:
        try:
            found = labelled_tokens(file)
        except LabelError:
            continue
        last = len(found.ids) - (WINDOW - 1)
        if last < 0:
            continue
        starts = {0, last} if last >= WINDOW else {0}  # windows of one file do not overlap
        for start in sorted(starts)[:WINDOWS_A_FILE]:
            part = slice(start, start + WINDOW - 1)
            halves[counted % 2].append((found.ids[part], found.labels[part], found.straddles[part]))
        counted += 1

    def stacked(rows: "list[tuple[Tensor, Tensor, Tensor]]") -> LabelledWindows:
        ids, labels, straddles = (torch.stack(column) for column in zip(*rows, strict=True))
        return LabelledWindows(
            torch.nn.functional.pad(ids, (1, 0), value=BOS_ID),
            torch.nn.functional.pad(labels, (0, 0, 1, 0)),
            torch.nn.functional.pad(straddles, (1, 0)),
        )

    return stacked(halves[0]), stacked(halves[1])
