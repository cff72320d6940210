"""How well single units of a dictionary, or of a site's own axes, can be told in words that can be looked up.

The words are of three kinds: "the token is `con`", "the token before is `self`", "the token is inside a string" (the
exact labels). A unit says "yes" where it is above a threshold. For every unit the best words and the threshold are
chosen on one half of the files and scored on the other; for every label the best unit.

The score of words is how much of the way their F1 goes from what saying "yes" always earns to 1. Without that every
unit that is often on would be told well by a label that half of all tokens have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.corpus.labels import LABELS, corpus_labels
from mi_tutor.corpus.tokenizer import BOS_ID, D_VOCAB
from mi_tutor.corpus.tokens import corpus_tokens

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

WINDOW = 128
WINDOWS_A_FILE = 16
"""At most, so that no large file decides."""
USED = 20
"""A unit counts that is active on so many tokens of the half to choose on."""
KINDS = ("token", "token before", "label")
_THRESHOLDS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7)  # shares of the largest activation on the half to choose on
_AT_ONCE = 4096


@dataclass(frozen=True)
class Text:
    """One half of the held-out files."""

    windows: "Int[Tensor, 'batch position']"
    """Each BOS and then 127 tokens as they stand in one file."""
    labels: "Bool[Tensor, 'batch position label']"
    """Columns in the order of `LABELS`."""


class Reading(NamedTuple):
    """What was found."""

    score: "Float[Tensor, 'unit']"
    """Of the best words for each unit that is used, on the half to score on."""
    kind: "Int[Tensor, 'unit']"
    """Which kind they are, by its place in KINDS."""
    label_f1: "Float[Tensor, 'label']"
    """F1 of the best unit for each label, on the half to score on."""


def held_out_halves() -> tuple[Text, Text]:
    """Windows of every other held-out file to choose on, and of the rest to score on."""
    import torch

    tokens, truth = corpus_tokens("heldout"), corpus_labels("heldout")
    starts = [*(tokens == BOS_ID).nonzero()[:, 0].tolist(), len(tokens)]
    halves: tuple[list[int], list[int]] = ([], [])
    for i, (start, end) in enumerate(pairwise(starts)):
        halves[i % 2].extend(range(start, end - WINDOW + 1, WINDOW - 1)[:WINDOWS_A_FILE])

    def text(places: list[int]) -> Text:
        where = torch.tensor(places)[:, None] + torch.arange(WINDOW)
        windows, labels = tokens[where], truth.labels[where]
        windows[:, 0], labels[:, 0] = BOS_ID, False
        return Text(windows, labels)

    return text(halves[0]), text(halves[1])


def read_units(
    encode: "Callable[[Tensor], Tensor]",
    choose: "tuple[Text, Float[Tensor, 'token d_in']]",
    score: "tuple[Text, Float[Tensor, 'token d_in']]",
) -> Reading:
    """The best words for every unit, and the best unit for every label.

    Args:
        encode: from activations to how strongly each unit is active, 0 or more.
        choose: text and the activations that belong to its windows, one after the other.
        score: other text.
    """
    import torch

    one, other = (_Active.of(encode, *half) for half in (choose, score))
    peaks = one.value.new_zeros(one.units).scatter_reduce_(0, one.unit, one.value, "amax")
    best = peaks.new_zeros(one.units)
    kind, word, cut = (torch.zeros(one.units, dtype=torch.int64) for _ in range(3))
    label_best = peaks.new_zeros(len(LABELS))
    label_unit, label_cut = (torch.zeros(len(LABELS), dtype=torch.int64) for _ in range(2))
    for i, share in enumerate(_THRESHOLDS):
        for j, (table, floor) in enumerate(zip(one.f1(share * peaks), one.floors(), strict=True)):
            found = ((table - floor) / (1 - floor)).max(1)
            better = found.values > best
            best = torch.where(better, found.values, best)
            kind[better], cut[better], word[better] = j, i, found.indices[better]
            if KINDS[j] == "label":
                of_label = table.max(0)
                better = of_label.values > label_best
                label_best = torch.where(better, of_label.values, label_best)
                label_unit[better], label_cut[better] = of_label.indices[better], i
    scored, label_scored = torch.zeros_like(best), torch.zeros_like(label_best)
    for i, share in enumerate(_THRESHOLDS):
        for j, (table, floor) in enumerate(zip(other.f1(share * peaks), other.floors(), strict=True)):
            here = (kind == j) & (cut == i)
            scored[here] = ((table - floor) / (1 - floor))[here, word[here]]
            if KINDS[j] == "label":
                here = label_cut == i
                label_scored[here] = table[label_unit[here], here.nonzero()[:, 0]]
    used = torch.bincount(one.unit, minlength=one.units) >= USED
    return Reading(scored[used], kind[used], label_scored)


class _Active(NamedTuple):
    """Which units are active where, and what can be said of these tokens."""

    units: int
    unit: "Int[Tensor, 'entry']"
    value: "Float[Tensor, 'entry']"
    token: "Int[Tensor, 'entry']"
    before: "Int[Tensor, 'entry']"
    labels: "Bool[Tensor, 'entry label']"
    often: "tuple[Tensor, Tensor, Tensor]"
    """How many tokens there are that each word is true of, for every kind."""
    tokens: int

    @classmethod
    def of(cls, encode: "Callable[[Tensor], Tensor]", text: Text, x: "Float[Tensor, 'token d_in']") -> "_Active":
        import torch

        keep = torch.ones(text.windows.shape, dtype=torch.bool)
        keep[:, 0] = False  # BOS is the same everywhere
        keep = keep.flatten()
        token = text.windows.flatten()[keep]
        before = text.windows.roll(1, 1).flatten()[keep]
        labels, x = text.labels.flatten(0, 1)[keep], x[keep]
        places, units, values, count = [], [], [], 0
        with torch.inference_mode():
            for first in range(0, len(x), _AT_ONCE):
                f = encode(x[first : first + _AT_ONCE])
                count = f.shape[1]
                where = f.nonzero()
                values.append(f[where[:, 0], where[:, 1]])
                places.append((where[:, 0] + first).int())
                units.append(where[:, 1].int())
        at, unit, value = torch.cat(places), torch.cat(units).long(), torch.cat(values).clone()
        often = (
            torch.bincount(token, minlength=D_VOCAB),
            torch.bincount(before, minlength=D_VOCAB),
            labels.sum(0),
        )
        return cls(count, unit, value, token[at], before[at], labels[at], often, len(token))

    def floors(self) -> "list[Float[Tensor, 'word']]":
        """What saying "yes" always earns: 2p / (1 + p), kind after kind."""
        return [2 * often / (self.tokens + often) for often in self.often]

    def f1(self, thresholds: "Float[Tensor, 'unit']") -> "list[Float[Tensor, 'unit word']]":
        """2 TP / (2 TP + FP + FN) of every unit for every word, kind after kind."""
        import torch

        on = self.value > thresholds[self.unit]
        unit = self.unit[on]
        active = torch.bincount(unit, minlength=self.units)[:, None]
        hits = [
            torch.bincount(unit * D_VOCAB + words[on], minlength=self.units * D_VOCAB).view(-1, D_VOCAB)
            for words in (self.token, self.before)
        ]
        hits.append(
            torch.stack([torch.bincount(unit[named], minlength=self.units) for named in self.labels[on].T], dim=1)
        )
        return [2 * hit / (active + often).clamp(min=1) for hit, often in zip(hits, self.often, strict=True)]
