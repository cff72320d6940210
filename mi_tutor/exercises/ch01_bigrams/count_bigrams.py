"""The exercise `count_bigrams`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.exercises.ch01_bigrams._shared import pair_counts

if TYPE_CHECKING:
    from torch import Tensor


def _count_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three tokens", tokens=draw.integers([0, 2, 1]), d_vocab=3)
    yield basic("a pair that occurs three times", tokens=draw.integers([1, 0, 1, 0, 2, 1, 0]), d_vocab=3)
    yield basic("a token followed by itself", tokens=draw.integers([2, 2, 2, 0]), d_vocab=4)
    # The largest id occurs: a vocabulary larger than what occurs is a corner.
    yield basic("eight tokens", tokens=draw.integers([*draw.ids(7, 3).tolist(), 2]), d_vocab=3)
    for _ in range(4):
        d_vocab = draw.size(2, 12)
        yield general("a random text", tokens=draw.ids(draw.size(20, 200), d_vocab), d_vocab=d_vocab)
    yield general("a large vocabulary", tokens=draw.ids(300, 150), d_vocab=150)
    yield edge(
        "a pair that occurs tens of thousands of times", tokens=draw.integers([0] * 33_000 + [1, 0, 1]), d_vocab=2
    )
    yield edge("an empty text", tokens=draw.integers([]), d_vocab=draw.size(1, 4))
    yield edge("a text of one token", tokens=draw.integers([1]), d_vocab=3)
    yield edge("a text of two tokens", tokens=draw.integers([2, 0]), d_vocab=3)
    yield edge("a vocabulary of one token", tokens=draw.integers([0] * draw.size(2, 6)), d_vocab=1)
    yield edge("a vocabulary larger than the ids that occur", tokens=draw.ids(12, 3), d_vocab=7)


def rows_and_columns_swapped(tokens: Tensor, d_vocab: int) -> Tensor:
    """Rows and columns are swapped: the row is the current token, the column the one after it."""
    return pair_counts(tokens[1:], tokens[:-1], d_vocab)


def each_pair_counted_once(tokens: Tensor, d_vocab: int) -> Tensor:
    """A pair that occurs again is not counted again. `counts[a, b] += 1` with whole tensors of indices writes each
    cell once; the additions have to accumulate."""
    return pair_counts(tokens[:-1], tokens[1:], d_vocab).clamp(max=1)


def end_wraps_to_start(tokens: Tensor, d_vocab: int) -> Tensor:
    """The last token is counted as followed by the first: a text has one transition fewer than tokens."""
    return pair_counts(tokens, tokens.roll(-1), d_vocab)


def last_transition_dropped(tokens: Tensor, d_vocab: int) -> Tensor:
    """The last transition is missing. Of n tokens n - 1 follow another, and the last token is one of them."""
    return pair_counts(tokens[:-2], tokens[1:-1], d_vocab)


def first_transition_dropped(tokens: Tensor, d_vocab: int) -> Tensor:
    """The first transition is missing: counting starts with the pair (token 0, token 1)."""
    return pair_counts(tokens[1:-1], tokens[2:], d_vocab)


def pairs_two_apart(tokens: Tensor, d_vocab: int) -> Tensor:
    """These are pairs two positions apart: a bigram is a token and the very next one."""
    return pair_counts(tokens[:-2], tokens[2:], d_vocab)


def pairs_do_not_overlap(tokens: Tensor, d_vocab: int) -> Tensor:
    """Only every other pair is counted: windows overlap, and a token is second in one pair and first in the next."""
    n = tokens.numel() // 2 * 2
    return pair_counts(tokens[:n:2], tokens[1:n:2], d_vocab)


def order_ignored(tokens: Tensor, d_vocab: int) -> Tensor:
    """Each pair is counted in both orders: (a, b) and (b, a) are different bigrams."""
    counts = pair_counts(tokens[:-1], tokens[1:], d_vocab)
    return counts + counts.T


def single_tokens_counted(tokens: Tensor, d_vocab: int) -> Tensor:
    """Each token is paired with itself, so this counts tokens, not pairs: column = next token."""
    return pair_counts(tokens, tokens, d_vocab)


def repeats_skipped(tokens: Tensor, d_vocab: int) -> Tensor:
    """A token followed by itself is a transition as well: the diagonal counts too."""
    return pair_counts(tokens[:-1], tokens[1:], d_vocab).fill_diagonal_(0)


def table_only_as_large_as_the_ids(tokens: Tensor, d_vocab: int) -> Tensor:
    """The table is as large as the largest id that occurs: it has d_vocab rows and columns whatever occurs."""
    size = int(tokens.max()) + 1 if tokens.numel() else 0
    return pair_counts(tokens[:-1], tokens[1:], size) if size else tokens.new_zeros(0, 0)


exercise = Exercise(
    __name__,
    further="Find two different texts of four tokens, made of `a` and `b` alone, that have the same table. What has counting thrown away?",
    cases=_count_cases,
    wrong=(
        rows_and_columns_swapped,
        each_pair_counted_once,
        end_wraps_to_start,
        last_transition_dropped,
        first_transition_dropped,
        pairs_two_apart,
        pairs_do_not_overlap,
        order_ignored,
        single_tokens_counted,
        repeats_skipped,
        table_only_as_large_as_the_ids,
    ),
    hints=(
        "Which tensor holds the current token of every transition, and which the next? Each is `tokens` less one entry.",
        "Number the cells of the table from 0 to d_vocab² - 1, row by row. Which number has the cell (current, next)?",
        "`torch.bincount` counts how often each number occurs; `minlength` makes room for cells that never do. "
        "`index_put_` with accumulate=True is another way.",
        "`torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).reshape(d_vocab, d_vocab)`.",
    ),
)
