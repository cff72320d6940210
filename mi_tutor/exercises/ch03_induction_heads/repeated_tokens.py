"""The exercise `repeated_tokens`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Finding, Law, Tally
from mi_tutor.check.reuse import come_again, follow_each_other
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _repeat_cases(draw: Draw) -> Iterator[Case]:
    def on(batch: int, period: int, d_vocab: int, bos: int) -> dict[str, Any]:
        return {"batch": batch, "period": period, "d_vocab": d_vocab, "bos": bos, "generator": draw.generator()}

    yield Case("basic", "six ids, BOS among them", on(400, 4, 6, 2), calls=2)
    yield basic("a vocabulary of two: nothing is left to chance", **on(3, 4, 2, 0))
    yield Case("basic", "five ids, BOS in their middle", on(400, 6, 5, 2), calls=2)
    yield Case("general", "a BOS that is id 0", on(300, 5, 6, 0), calls=2)
    d_vocab = draw.size(7, 9)
    yield Case("general", "a BOS that is the last id", on(300, draw.size(4, 7), d_vocab, d_vocab - 1), calls=2)
    yield Case("general", "a large vocabulary", on(200, 30, draw.size(80, 120), draw.size(3, 70)), calls=2)
    yield Case("general", "blocks longer than the vocabulary", on(250, 20, 4, 1), calls=2)
    yield Case("edge", "a period of 1", on(600, 1, 4, draw.size(1, 2)), calls=2)
    yield Case("edge", "one sequence, many times", on(1, 8, 5, 3), calls=300)
    yield edge("an empty batch", **on(0, 3, 7, 2))
    yield edge("two ids, BOS last", **on(2, 3, 2, 1))


def _valid_repeat(args: dict[str, Any], tokens: Tensor) -> str | None:
    period, bos = args["period"], args["bos"]
    if not tokens.numel():
        return None
    if int(tokens.min()) < 0 or int(tokens.max()) >= args["d_vocab"]:
        return f"Some of the ids lie outside 0 … {args['d_vocab'] - 1}."
    if (tokens[:, 0] != bos).any():
        return "Not every row begins with `bos`."
    first, second = tokens[:, 1 : 1 + period], tokens[:, 1 + period :]
    if (first != second).any():
        if torch.equal(first.flip(1), second):
            return "The second half of a row is its first half backwards."
        if torch.equal(tokens[:, 1::2], tokens[:, 2::2]):
            return "Every token of a row stands twice, one beside the other."
        return "The second half of a row is not its first half again."
    if period > 1 and (first[:, 0] == bos).all() and not (first[:, 1:] == bos).any():
        return "Every block begins with `bos`. It stands once, before the first block, and takes no token's place."
    if (first == bos).any():
        return f"There is a `bos` inside a block{_never_drawn(first, args['d_vocab'])}."
    return None


def _never_drawn(block: Tensor, d_vocab: int) -> str:
    """Which ids do not come at all, where there are so many that it is not by chance."""
    missing = [
        str(i) for i, count in enumerate(torch.bincount(block.flatten(), minlength=d_vocab).tolist()) if not count
    ]
    if not missing or len(missing) > 3 or block.numel() < 40 * d_vocab:
        return ""
    return f", and id {' and '.join(missing)} never comes"


def _repeat_tallies(args: dict[str, Any], results: list[Tensor]) -> Iterator[Finding]:
    d_vocab, period, bos = args["d_vocab"], args["period"], args["bos"]
    # Ids as numbers from 0 without bos among them, [call, batch, place].
    block = torch.stack(results)[:, :, 1 : 1 + period].cpu()
    if not block.numel():
        return
    block, kinds = block - (block > bos).long(), d_vocab - 1
    even, ids = torch.full((kinds,), 1 / kinds), [i for i in range(d_vocab) if i != bos]
    named = [f"id {i}" for i in ids]
    yield Tally("the ids in all blocks", torch.bincount(block.flatten(), minlength=kinds), even, outcomes=named)
    for place in {0, period - 1}:
        counts = torch.bincount(block[..., place].flatten(), minlength=kinds)
        yield Tally(f"the ids in place {place} of a block", counts, even, outcomes=named)
    for lag in sorted({1, 2, period - 1} & set(range(1, period))):
        sentence = "Places of one block depend on each other: an id may come again, and nothing may follow from it."
        yield _together(f"pairs of ids {lag} apart in a block", _pairs(block, 2, lag), ids, sentence)
    if block.shape[1] > 1:
        sentence = "Rows depend on each other: every sequence needs a block of its own."
        yield _together("pairs of ids in one place of neighbouring rows", _pairs(block, 1, 1), ids, sentence)
    if block.shape[0] > 1:
        sentence = "Two calls depend on each other."
        yield _together("pairs of ids in one place of two calls", _pairs(block, 0, 1), ids, sentence)
    if kinds > 1:
        yield come_again("whole blocks", block.flatten(0, 1), float(kinds) ** -period)
        spread = ((kinds**2 - 1) / 12) ** 0.5
        numbers = (block.flatten(0, 1).T - (kinds - 1) / 2) / spread  # [place, row]
        furthest = torch.full((period,), (kinds - 1) / 2 / spread)
        yield follow_each_other("places and rows", numbers, furthest, apart=False)


def _pairs(block: Tensor, axis: int, lag: int) -> tuple[Tensor, Tensor]:
    """Entries `lag` apart along an axis, none in two pairs."""
    size = block.shape[axis]
    first = torch.tensor([i for i in range(size - lag) if i // lag % 2 == 0])
    return block.index_select(axis, first).flatten(), block.index_select(axis, first + lag).flatten()


def _together(name: str, pairs: tuple[Tensor, Tensor], ids: list[int], sentence: str) -> Tally:
    """How often two ids come together where they are few, how often they are equal where they are many. `pairs` holds places
    in `ids`."""
    (a, b), kinds = pairs, len(ids)
    if kinds <= 9:
        named = [f"the pair ({first}, {second})" for first in ids for second in ids]
        counts = torch.bincount(a * kinds + b, minlength=kinds**2)
        return Tally(name, counts, torch.full((kinds**2,), kinds**-2.0), sentence, named)
    equal = int((a == b).sum())
    counts, named = torch.tensor([equal, len(a) - equal]), ["a pair of equal ids", "a pair of different ids"]
    return Tally(name, counts, torch.tensor([1 / kinds, 1 - 1 / kinds]), sentence, named)


def _ids(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    ids = torch.randint(d_vocab - 1, (batch, period), generator=generator, device=generator.device)
    return ids + (ids >= bos)


def _framed(block: Tensor, bos: int, second: Tensor | None = None) -> Tensor:
    return torch.cat([torch.full_like(block[:, :1], bos), block, block if second is None else second], dim=1)


def bos_drawn_as_well(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """`bos` can be drawn for a block, too: it is one of the d_vocab ids, and the other d_vocab - 1 are asked for."""
    return _framed(torch.randint(d_vocab, (batch, period), generator=generator, device=generator.device), bos)


def bos_assumed_to_be_0(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """Ids are drawn from 1 on, as if BOS had to be 0. It is `bos`, wherever that lies: draw one of d_vocab - 1 numbers and
    step over it."""
    return _framed(torch.randint(1, d_vocab, (batch, period), generator=generator, device=generator.device), bos)


def bos_assumed_to_be_last(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """Ids are drawn up to d_vocab - 2, as if BOS had to be the last. It is `bos`, wherever that lies: add 1 to what is drawn
    where it is not below `bos`."""
    return _framed(torch.randint(d_vocab - 1, (batch, period), generator=generator, device=generator.device), bos)


def stepped_over_one_too_late(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """The step over `bos` comes one id too late: `>` leaves `bos` itself where it was drawn, and the id after it never comes. Add 1
    from `bos` on, `block + (block >= bos)`."""
    ids = torch.randint(d_vocab - 1, (batch, period), generator=generator, device=generator.device)
    return _framed(ids + (ids > bos), bos)


def last_id_never_drawn(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """The last id is never drawn. `randint` leaves its upper end out, so that `randint(d_vocab - 1, …)` draws the d_vocab - 1
    numbers from 0 to d_vocab - 2: no further 1 is to be taken off."""
    ids = torch.randint(d_vocab - 2, (batch, period), generator=generator, device=generator.device)
    return _framed(ids + (ids >= bos), bos)


def bos_moved_to_its_neighbour(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """Where `bos` is drawn it becomes the id after it, which so comes twice as often as the others. Draw one of d_vocab - 1
    numbers, and step over `bos`."""
    ids = torch.randint(d_vocab, (batch, period), generator=generator, device=generator.device)
    return _framed(torch.where(ids == bos, (ids + 1) % d_vocab, ids), bos)


def one_block_for_all(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """All rows hold the same block. Each sequence needs one of its own."""
    return _framed(_ids(1, period, d_vocab, bos, generator).expand(batch, -1), bos)


def no_id_twice(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """No id comes twice in a block while there are others. Places are independent: an id may come again, by chance."""
    if not batch:
        return _framed(_ids(0, period, d_vocab, bos, generator), bos)
    rounds = -(-period // (d_vocab - 1))
    order = torch.rand(batch, rounds, d_vocab - 1, generator=generator, device=generator.device).argsort(-1)
    ids = order.flatten(1)[:, :period]
    return _framed(ids + (ids >= bos), bos)


def one_id_for_a_block(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """A block holds one id, again and again: draw one for every place."""
    return _framed(_ids(batch, 1, d_vocab, bos, generator).expand(-1, period), bos)


def second_block_drawn_anew(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """The second half is drawn again instead of copied: nothing repeats."""
    first = _ids(batch, period, d_vocab, bos, generator)
    return _framed(first, bos, _ids(batch, period, d_vocab, bos, generator))


def second_block_reversed(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """The second half is the block backwards: it comes again in the same order."""
    block = _ids(batch, period, d_vocab, bos, generator)
    return _framed(block, bos, block.flip(1))


def each_token_doubled(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """Every token stands twice in a row. It is the whole block that comes again: `torch.cat`, or `repeat`, and not
    `repeat_interleave`."""
    doubled = _ids(batch, period, d_vocab, bos, generator).repeat_interleave(2, 1)
    return _framed(doubled[:, :period], bos, doubled[:, period:])


def bos_forgotten(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """`bos` is missing in front: a row has 1 + 2·period tokens."""
    return _ids(batch, period, d_vocab, bos, generator).repeat(1, 2)


def bos_before_each_copy(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """There is a second `bos` between the copies: it stands once, in front."""
    half = _framed(_ids(batch, period, d_vocab, bos, generator), bos)[:, : 1 + period]
    return half.repeat(1, 2)


def generator_ignored(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """The draws come from torch's global random state: pass generator=generator to whatever draws."""
    ids = torch.randint(d_vocab - 1, (batch, period), device=generator.device)
    return _framed(ids + (ids >= bos), bos)


def generator_seeded_again(batch: int, period: int, d_vocab: int, bos: int, generator: torch.Generator) -> Tensor:
    """The generator is seeded inside the function, so two calls draw the same: whoever calls decides on the seed."""
    generator.manual_seed(0)
    return _framed(_ids(batch, period, d_vocab, bos, generator), bos)


exercise = Exercise(
    __name__,
    further="With 2,047 ids to draw from, what share of blocks of 25 holds some token twice, and of blocks of 64? What can a head that matches single tokens do in these?",
    cases=_repeat_cases,
    law=Law(_repeat_tallies, _valid_repeat),
    wrong=(
        bos_drawn_as_well,
        bos_assumed_to_be_0,
        bos_assumed_to_be_last,
        stepped_over_one_too_late,
        last_id_never_drawn,
        bos_moved_to_its_neighbour,
        one_block_for_all,
        no_id_twice,
        one_id_for_a_block,
        second_block_drawn_anew,
        second_block_reversed,
        each_token_doubled,
        bos_forgotten,
        bos_before_each_copy,
        generator_ignored,
        generator_seeded_again,
    ),
    hints=(
        "Draw the blocks once, then lay BOS, block and block beside each other. How do you draw one of d_vocab - 1 ids when the "
        "one that is left out may lie anywhere?",
        "`torch.randint(d_vocab - 1, (batch, period), generator=generator, device=generator.device)` draws numbers without a "
        "gap. The ids below `bos` are those numbers; from `bos` on, every id is one more.",
        "`block = drawn + (drawn >= bos)`, then `torch.cat` of a column of `bos`, the block, and the block, along dim 1.",
    ),
)
