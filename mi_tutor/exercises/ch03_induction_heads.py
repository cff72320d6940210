"""Chapter 03: induction heads found by behaviour, weights and causes, built by hand in two ways, watched as they form."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from mi_tutor.check.built_model import built_model
from mi_tutor.check.built_run import Weights
from mi_tutor.check.compare import Problem, close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.law import Law, Tally

SOLUTIONS = "ch03_induction_heads"
INF = float("inf")


# --- repeated_tokens -------------------------------------------------------------------------------------------------


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


def _repeat_tallies(args: dict[str, Any], results: list[Tensor]) -> Iterator[Tally]:
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


repeated_tokens = Exercise(
    name="repeated_tokens",
    solutions=SOLUTIONS,
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


# --- previous_token_score --------------------------------------------------------------------------------------------


def _pattern(draw: Draw, batch: int, head: int, position: int, spread: float = 2.0) -> Tensor:
    scores = draw.normal(batch, head, position, position, scale=spread)
    future = torch.ones(position, position, dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -INF).softmax(-1)


def _previous_cases(draw: Draw) -> Iterator[Case]:
    yield basic("one head that always looks back", pattern=draw.of(_shifted_eye(4, 1)[None, None]))
    yield basic("two heads, four positions", pattern=_pattern(draw, 1, 2, 4))
    for _ in range(3):
        size = draw.sizes("batch", "head", "position", high=11)
        yield general("random patterns", pattern=_pattern(draw, size["batch"], size["head"], size["position"] + 2))
    yield general("sharp patterns", pattern=_pattern(draw, 3, 4, 12, spread=30.0))
    yield edge("two positions", pattern=_pattern(draw, 3, 2, 2))
    yield edge("three positions", pattern=_pattern(draw, 4, 2, 3))
    yield edge("one sequence", pattern=_pattern(draw, 1, 3, 6))
    yield edge("one head", pattern=_pattern(draw, 4, 1, 6))
    n = draw.size(3, 5)
    yield edge("as many positions as heads and sequences", pattern=_pattern(draw, n, n, n))


def _shifted_eye(position: int, back: int) -> Tensor:
    """A pattern that looks `back` positions back, and at the first token where there are none."""
    pattern = torch.zeros(position, position, dtype=torch.float64)
    return pattern.scatter(1, (torch.arange(position) - back).clamp(min=0)[:, None], 1.0)


def _diagonal(pattern: Tensor, back: int) -> Tensor:
    return pattern.diagonal(-back, dim1=-2, dim2=-1)


def looks_at_itself(pattern: Tensor) -> Tensor:
    """This is the attention of each position to itself: the entries wanted lie one below the diagonal, `offset=-1`."""
    return _diagonal(pattern, 0)[..., 1:].mean((0, -1))


def next_token(pattern: Tensor) -> Tensor:
    """These are the entries above the diagonal, where a position would look at the next one: in a causal pattern they are 0.
    Rows are queries, so it is `offset=-1`."""
    return pattern.diagonal(1, dim1=-2, dim2=-1).mean((0, -1))


def first_query_counted(pattern: Tensor) -> Tensor:
    """The sum is divided by the number of positions. The first has no position before it: there is one query fewer."""
    return _diagonal(pattern, 1).sum(-1).mean(0) / pattern.shape[-1]


def bos_left_out(pattern: Tensor) -> Tensor:
    """The query at position 1 is left out. What it looks at is BOS, but that is the position before, too: it counts."""
    return _diagonal(pattern, 1)[..., 1:].mean((0, -1))


def first_token_for_previous(pattern: Tensor) -> Tensor:
    """This is the attention to the first token, column 0."""
    return pattern[..., 1:, 0].mean((0, -1))


def summed_over_positions(pattern: Tensor) -> Tensor:
    """This is the sum over positions: the mean is asked for."""
    return _diagonal(pattern, 1).sum(-1).mean(0)


def heads_averaged(pattern: Tensor) -> Tensor:
    """The mean runs over heads, and a number for each sequence is left: a number for each head is asked for."""
    return _diagonal(pattern, 1).mean((1, -1))


def two_back(pattern: Tensor) -> Tensor:
    """These are the entries two below the diagonal: the position before the last one."""
    return _diagonal(pattern, 2).sum(-1).mean(0) / (pattern.shape[-1] - 2)


def how_often_it_wins(pattern: Tensor) -> Tensor:
    """This counts how often the previous token gets most attention. Its share of the attention is asked for, and a mean of
    that."""
    best = pattern[..., 1:, :].argmax(-1) == torch.arange(pattern.shape[-1] - 1, device=pattern.device)
    return best.to(pattern.dtype).mean((0, -1))


def best_position(pattern: Tensor) -> Tensor:
    """This is the largest entry over positions: their mean is asked for."""
    return _diagonal(pattern, 1).amax(-1).mean(0)


previous_token_score = Exercise(
    name="previous_token_score",
    solutions=SOLUTIONS,
    cases=_previous_cases,
    bf16=True,
    wrong=(
        looks_at_itself,
        next_token,
        first_query_counted,
        bos_left_out,
        first_token_for_previous,
        summed_over_positions,
        heads_averaged,
        two_back,
        how_often_it_wins,
        best_position,
    ),
    hints=(
        "Draw a pattern of four positions as a square, queries down, keys across, and mark the cells that are asked for. They "
        "lie on a line.",
        "`pattern.diagonal(offset, dim1=-2, dim2=-1)` takes a line out of each square, and puts it last. An offset above 0 is to "
        "the right.",
        "`pattern.diagonal(-1, dim1=-2, dim2=-1)` has the axes batch, head, query; which of them should be left?",
    ),
)


# --- prefix_matching_score -------------------------------------------------------------------------------------------


def _prefix_cases(draw: Draw) -> Iterator[Case]:
    def on(batch: int, head: int, period: int, spread: float = 2.0) -> dict[str, Any]:
        return {"pattern": _pattern(draw, batch, head, 1 + 2 * period, spread), "period": period}

    yield basic("a random pattern at period 3", **on(1, 1, 3))
    yield basic("an induction head at period 3", pattern=draw.of(_shifted_eye(7, 2)[None, None]), period=3)
    yield basic("two heads at period 2", **on(1, 2, 2))
    for _ in range(3):
        size = draw.sizes("batch", "head", "period", high=8)
        yield general("random patterns", **on(size["batch"], size["head"], size["period"] + 1))
    yield general("sharp patterns", **on(3, 2, draw.size(7, 12), 30.0))
    yield edge("period 1", **on(3, 2, 1))
    yield edge("period 2", **on(2, 3, 2))
    yield edge("one sequence", **on(1, 3, 4))
    yield edge("one head", **on(4, 1, 5))


def _prefix(pattern: Tensor, period: int, back: int, queries: range | None = None) -> Tensor:
    """Attention from the second copy's queries to `back` positions before them, [batch head query]."""
    q = torch.tensor(list(queries or range(1 + period, 1 + 2 * period)), device=pattern.device)
    return pattern[:, :, q, (q - back).clamp(0, pattern.shape[-1] - 1)]


def earlier_occurrence(pattern: Tensor, period: int) -> Tensor:
    """This is the attention to the same token's earlier occurrence, q - period. An induction head looks at what came after
    it, q - period + 1."""
    return _prefix(pattern, period, period).mean((0, -1))


def one_subtracted_for_added(pattern: Tensor, period: int) -> Tensor:
    """The sign of the 1 is the wrong way round: q - period - 1 is the position before the earlier occurrence. What came after
    it stands at q - period + 1."""
    return _prefix(pattern, period, period + 1).mean((0, -1))


def two_after_the_occurrence(pattern: Tensor, period: int) -> Tensor:
    """This is one position too late: q - period + 2. The token after the earlier occurrence stands at q - period + 1."""
    return _prefix(pattern, period, period - 2).mean((0, -1))


def two_queries_too_many(pattern: Tensor, period: int) -> Tensor:
    """The whole diagonal is averaged. It begins two queries too early, before the second copy, where nothing has come twice:
    only the second copy counts, q from 1 + period."""
    return _diagonal(pattern, period - 1).mean((0, -1))


def last_query_left_out(pattern: Tensor, period: int) -> Tensor:
    """The last query is left out. Nothing comes after it in the sequence, but it looks back like the others, and counts."""
    queries = range(1 + period, 2 * period) if period > 1 else None
    return _prefix(pattern, period, period - 1, queries).mean((0, -1))


def first_query_left_out(pattern: Tensor, period: int) -> Tensor:
    """The second copy's first query is left out. Its own token could not be predicted, but the one after it can, and the
    query is where that is done: it counts."""
    queries = range(2 + period, 1 + 2 * period) if period > 1 else None
    return _prefix(pattern, period, period - 1, queries).mean((0, -1))


def one_query_too_early(pattern: Tensor, period: int) -> Tensor:
    """The queries begin one position too early, as if there were no BOS: the second copy stands at 1 + period … 2·period."""
    return _prefix(pattern, period, period - 1, range(period, 2 * period)).mean((0, -1))


def one_query_too_many(pattern: Tensor, period: int) -> Tensor:
    """There is one query too many: the first copy's last position is counted, too. The second copy has `period` queries, and
    `[..., -period:]` are the last of the diagonal."""
    return _prefix(pattern, period, period - 1, range(period, 1 + 2 * period)).mean((0, -1))


def whole_diagonal_of_the_occurrence(pattern: Tensor, period: int) -> Tensor:
    """Two things: `diagonal(-period)` is the attention to the same token's earlier occurrence, and what came after it lies on
    `diagonal(1 - period)`; and of a diagonal only the second copy's queries count, the last `period` entries."""
    return _diagonal(pattern, period).mean((0, -1))


def divided_by_all_positions(pattern: Tensor, period: int) -> Tensor:
    """The sum is divided by all 1 + 2·period positions: the mean is over the second copy's `period` queries."""
    return _prefix(pattern, period, period - 1).sum(-1).mean(0) / pattern.shape[-1]


def queries_for_keys(pattern: Tensor, period: int) -> Tensor:
    """Rows and columns are exchanged, so all entries lie in the future, and are 0. The row is the query, which comes later."""
    return _prefix(pattern.mT, period, period - 1).mean((0, -1)) if period > 1 else pattern[:, :, 0, 2].mean(0)


def heads_averaged_in_prefix(pattern: Tensor, period: int) -> Tensor:
    """The mean runs over heads, and a number for each sequence is left: a number for each head is asked for."""
    return _prefix(pattern, period, period - 1).mean((1, -1))


def every_query_with_every_key(pattern: Tensor, period: int) -> Tensor:
    """Two slices take every query with every key of a whole square. Each query has one key of its own: two index tensors of
    one length, or a diagonal."""
    square = pattern[:, :, 1 + period :, 2 : 2 + period]
    return square.mean((0, -2, -1))


def most_looked_at(pattern: Tensor, period: int) -> Tensor:
    """This counts how often that position gets most attention: the attention itself is asked for."""
    q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)
    return (pattern[:, :, q].argmax(-1) == q - period + 1).to(pattern.dtype).mean((0, -1))


prefix_matching_score = Exercise(
    name="prefix_matching_score",
    solutions=SOLUTIONS,
    cases=_prefix_cases,
    bf16=True,
    wrong=(
        earlier_occurrence,
        one_subtracted_for_added,
        two_after_the_occurrence,
        two_queries_too_many,
        last_query_left_out,
        first_query_left_out,
        one_query_too_early,
        one_query_too_many,
        whole_diagonal_of_the_occurrence,
        divided_by_all_positions,
        queries_for_keys,
        heads_averaged_in_prefix,
        every_query_with_every_key,
        most_looked_at,
    ),
    hints=(
        "Write out a sequence of period 3: BOS a b c a b c, positions 0 to 6. Where does the second `b` stand, where did `b` stand "
        "before, and which position came after that?",
        "The queries are q = 1 + period … 2·period, and each has one key, q - period + 1. Two index tensors of the same length "
        "pick one cell each.",
        "`q = torch.arange(1 + period, 1 + 2 * period, device=pattern.device)`, then `pattern[:, :, q, q - period + 1]`, "
        "which has the axes batch, head, query.",
    ),
)


# --- in_context_learning_score ---------------------------------------------------------------------------------------


def _context_cases(draw: Draw) -> Iterator[Case]:
    def on(batch: int, position: int, early: int, late: int, scale: float = 1.0) -> dict[str, Any]:
        return {"loss": scale * draw.normal(batch, position).abs(), "early": early, "late": late}

    six = [[5.0, 3.0, 3.5, 2.0, 1.5, 1.0], [4.0, 3.5, 2.0, 2.5, 1.0, 0.25]]
    yield basic("two sequences of six", loss=draw.of(six), early=2, late=4)
    yield basic("context that hurts", loss=draw.of([[1.0, 1.5, 3.0], [2.0, 1.0, 2.5]]), early=0, late=2)
    for _ in range(3):
        position = draw.size(6, 20)
        yield general("random losses", **on(draw.size(2, 9), position, draw.size(0, 2), draw.size(3, position - 2)))
    yield general("large losses", **on(5, 9, 2, 7, 1000.0))
    yield edge("the late index before the early one", **on(4, 8, 6, 1))
    yield edge("the same index twice", **on(3, 5, 2, 2))
    yield edge("the last column", **on(3, 6, 1, 5))
    yield edge("one sequence", **on(1, 7, 0, 4))
    yield edge("one position", **on(4, 1, 0, 0))


def early_less_late(loss: Tensor, early: int, late: int) -> Tensor:
    """The sign is the wrong way round: late less early, so that it is negative when context helps."""
    return (loss[:, early] - loss[:, late]).mean()


def ratio_for_difference(loss: Tensor, early: int, late: int) -> Tensor:
    """This is a ratio of two losses: their difference is asked for."""
    return loss[:, late].mean() / loss[:, early].mean()


def columns_counted_from_one(loss: Tensor, early: int, late: int) -> Tensor:
    """The columns are counted from 1: `early` and `late` are indices of `loss`, from 0."""
    return (loss[:, late - 1] - loss[:, early - 1]).mean()


def everything_up_to_and_from(loss: Tensor, early: int, late: int) -> Tensor:
    """These are means over all positions up to `early` and from `late` on: two single columns are asked for."""
    return loss[:, late:].mean() - loss[:, : early + 1].mean()


def means_of_both_ends(loss: Tensor, early: int, late: int) -> Tensor:
    """These are means over all positions before `early` and from `late` on, `[:, :early]` and `[:, late:]`: two single columns
    are asked for, `[:, early]` and `[:, late]`."""
    return loss[:, late:].mean() - loss[:, :early].mean()


def last_less_first(loss: Tensor, early: int, late: int) -> Tensor:
    """This is the last column less the first, whatever `early` and `late` are."""
    return (loss[:, -1] - loss[:, 0]).mean()


def size_without_sign(loss: Tensor, early: int, late: int) -> Tensor:
    """The sign is lost: it says whether context helps or hurts."""
    return (loss[:, late] - loss[:, early]).mean().abs()


def summed_over_the_batch(loss: Tensor, early: int, late: int) -> Tensor:
    """This is the sum over the batch: the mean is asked for."""
    return (loss[:, late] - loss[:, early]).sum()


def one_number_a_sequence(loss: Tensor, early: int, late: int) -> Tensor:
    """This is a number for each sequence: the mean over the batch is asked for."""
    return loss[:, late] - loss[:, early]


def rows_for_columns(loss: Tensor, early: int, late: int) -> Tensor:
    """These are two sequences rather than two positions: positions are the second axis."""
    return (loss[late % len(loss)] - loss[early % len(loss)]).mean()


in_context_learning_score = Exercise(
    name="in_context_learning_score",
    solutions=SOLUTIONS,
    cases=_context_cases,
    wrong=(
        early_less_late,
        ratio_for_difference,
        columns_counted_from_one,
        everything_up_to_and_from,
        means_of_both_ends,
        last_less_first,
        size_without_sign,
        summed_over_the_batch,
        one_number_a_sequence,
        rows_for_columns,
    ),
    hints=(
        "Two columns of `loss`. Which of them is subtracted, if the result is to be negative when later tokens are easier?",
        "`loss[:, late]` is a column: one entry for each sequence.",
        "The difference of the two columns, then its mean.",
    ),
)


# --- ablation_effects ------------------------------------------------------------------------------------------------


def _ablation_cases(draw: Draw) -> Iterator[Case]:
    def on(model: Any, batch: int, period: int, n_vocab: int = 13) -> dict[str, Any]:
        block = draw.ids((batch, period), n_vocab - 1) + 1
        tokens = torch.cat([torch.zeros_like(block[:, :1]), block, block], dim=1)
        return {"model": model, "tokens": tokens, "period": period}

    yield basic("two layers of three heads", **on(draw.model(), 2, 4))
    yield basic("two layers of two heads", **on(draw.model(n_heads=2), 3, 3))
    yield general("three layers", **on(draw.model(n_layers=3, n_heads=2), 2, draw.size(3, 6)))
    yield general("one layer of four heads", **on(draw.model(n_layers=1, n_heads=4, d_head=2), 2, 5))
    yield general("a model with MLPs", **on(draw.model(n_heads=2, d_mlp=9), 3, draw.size(3, 6)))
    yield edge("period 1", **on(draw.model(), 3, 1))
    yield edge("one sequence", **on(draw.model(), 1, 5))
    yield edge("one head", **on(draw.model(n_heads=1, d_head=6), 2, 4))
    yield edge("one layer, one head", **on(draw.model(n_layers=1, n_heads=1), 2, 3))
    yield edge("the full context", **on(draw.model(n_ctx=11), 2, 5))
    yield edge("a model that carries a hook of yours", **on(draw.model(hooked=True), 2, 3))
    yield edge("a model in training mode", **on(draw.model(training=True, d_mlp=5), 2, 3))
    yield edge("as many positions as heads and sequences", **on(draw.model(), 3, 1))


Edit = Callable[[Tensor, int], Tensor]


def _silenced(z: Tensor, head: int) -> Tensor:
    return z.index_fill(2, torch.tensor([head], device=z.device), 0)


def _with_heads(model: Any, tokens: Tensor, edit: Edit, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """What one edit after the other does to a measure of the logits, [layer head], the unedited model's not subtracted."""
    cfg, rows = model.cfg, []
    with torch.no_grad():
        for layer in range(cfg.n_layers):
            for head in range(cfg.n_heads):
                hook = (f"blocks.{layer}.attn.hook_z", lambda z, hook, head=head: edit(z.clone(), head))
                rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=[hook])))
    return torch.stack(rows).view(cfg.n_layers, cfg.n_heads)


def _copy_loss(tokens: Tensor, first: int, last: int, shift: int = 0) -> Callable[[Tensor], Tensor]:
    """Mean cross-entropy on the tokens first … last; with a shift under the logits of another position than they should."""

    def measure(logits: Tensor) -> Tensor:
        return cross_entropy(logits[:, first - 1 + shift : last + shift].mT, tokens[:, first : last + 1])

    return measure


def _effects(model: Any, tokens: Tensor, edit: Edit, measure: Callable[[Tensor], Tensor]) -> Tensor:
    with torch.no_grad():
        clean = measure(model(tokens))
    return _with_heads(model, tokens, edit, measure) - clean


def _second(tokens: Tensor, period: int) -> Callable[[Tensor], Tensor]:
    return _copy_loss(tokens, 1 + period, 2 * period)


def first_token_left_out(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The second copy's first token is left out. Nobody can predict it, but it counts here: logits at `period` … 2·period - 1."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, min(2 + period, 2 * period), 2 * period))


def both_copies(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The loss is taken over both copies: only the second is asked for."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, 1, 2 * period))


def first_copy(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The loss is that of the first copy: the second is asked for."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, 1, period))


def logits_of_the_token_itself(model: Any, tokens: Tensor, period: int) -> Tensor:
    """Each token is scored under the logits at its own position, which have seen it. Those at `period` … 2·period - 1 predict the
    second copy."""
    return _effects(model, tokens, _silenced, _copy_loss(tokens, 1 + period, 2 * period, shift=1))


def clean_less_ablated(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The sign is the wrong way round: ablated less clean, so that a head that helps has a positive effect."""
    return -_effects(model, tokens, _silenced, _second(tokens, period))


def clean_not_subtracted(model: Any, tokens: Tensor, period: int) -> Tensor:
    """These are the losses of the ablated models: the clean model's loss has to be subtracted."""
    return _with_heads(model, tokens, _silenced, _second(tokens, period))


def whole_layers_ablated(model: Any, tokens: Tensor, period: int) -> Tensor:
    """All heads of a layer are zero at once, so that a row holds one number again and again: one head at a time."""
    return _effects(model, tokens, lambda z, head: torch.zeros_like(z), _second(tokens, period))


def positions_for_heads(model: Any, tokens: Tensor, period: int) -> Tensor:
    """`z[:, head]` is a position: the axes of `hook_z` are [batch, position, head, d_head]."""

    def edit(z: Tensor, head: int) -> Tensor:
        return z.index_fill(1, torch.tensor([head % z.shape[1]], device=z.device), 0)

    return _effects(model, tokens, edit, _second(tokens, period))


def ablated_in_the_second_copy(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The head is silent in the second copy only. What it wrote in the first copy is read later: zero at every position."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, 1 + period :, head] = 0
        return z

    return _effects(model, tokens, edit, _second(tokens, period))


def mean_ablated(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The head's output is replaced by its mean, which is gentler: zero is asked for."""

    def edit(z: Tensor, head: int) -> Tensor:
        z[:, :, head] = z[:, :, head].mean((0, 1))
        return z

    return _effects(model, tokens, edit, _second(tokens, period))


def ablations_pile_up(model: Any, tokens: Tensor, period: int) -> Tensor:
    """Heads that were silenced stay silent when the next one's turn comes: each effect is that of one head alone. (A hook that
    is never taken off does this.)"""
    gone: list[tuple[str, Any]] = []
    measure, rows = _second(tokens, period), []
    with torch.no_grad():
        clean = measure(model(tokens))
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):
                gone.append((f"blocks.{layer}.attn.hook_z", lambda z, hook, head=head: _silenced(z, head)))
                rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=gone)) - clean)
    return torch.stack(rows).view(model.cfg.n_layers, model.cfg.n_heads)


def hooks_of_earlier_heads_stay(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The hooks of earlier heads are still there when the next one's turn comes: `model.add_hook` leaves them on the model. All
    of them read the loop's `head` when they run, so that the head of this number is silent in the layers before, too.
    `run_with_hooks` takes its hook off again."""
    measure, rows = _second(tokens, period), []
    with torch.no_grad():
        clean = measure(model(tokens))
        for layer in range(model.cfg.n_layers):
            for head in range(model.cfg.n_heads):
                model.add_hook(f"blocks.{layer}.attn.hook_z", lambda z, hook: _silenced(z, head))  # noqa: B023
                rows.append(measure(model(tokens)) - clean)
    return torch.stack(rows).view(model.cfg.n_layers, model.cfg.n_heads)


def output_bias_gone(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The layer's output bias `b_O` is gone as well: it belongs to the layer, not to this head, and stays."""
    measure, cfg, rows = _second(tokens, period), model.cfg, []
    with torch.no_grad():
        clean = measure(model(tokens))
        for layer in range(cfg.n_layers):
            at, bias = f"blocks.{layer}.attn", model.blocks[layer].attn.b_O
            for head in range(cfg.n_heads):
                hooks = [
                    (f"{at}.hook_z", lambda z, hook, head=head: _silenced(z, head)),
                    (f"{at}.hook_out", lambda out, hook, bias=bias: out - bias),
                ]
                rows.append(measure(model.run_with_hooks(tokens, fwd_hooks=hooks)) - clean)
    return torch.stack(rows).view(cfg.n_layers, cfg.n_heads)


def summed_loss(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The losses are summed over the second copy: their mean is asked for."""
    return tokens.shape[0] * period * _effects(model, tokens, _silenced, _second(tokens, period))


def heads_before_layers(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The axes come out as [head, layer]: layers are rows."""
    return _effects(model, tokens, _silenced, _second(tokens, period)).T


def effect_as_a_ratio(model: Any, tokens: Tensor, period: int) -> Tensor:
    """This is the effect as a share of the clean loss: the difference in nats is asked for."""
    measure = _second(tokens, period)
    with torch.no_grad():
        clean = measure(model(tokens))
    return _effects(model, tokens, _silenced, measure) / clean


def ablation_hooks_left_on(model: Any, tokens: Tensor, period: int) -> Tensor:
    """The effects are right, but a hook stays on the model: `run_with_hooks` takes its own off again."""
    effects = _effects(model, tokens, _silenced, _second(tokens, period))
    model.add_hook("blocks.0.attn.hook_z", lambda z, hook: None)
    return effects


ablation_effects = Exercise(
    name="ablation_effects",
    solutions=SOLUTIONS,
    cases=_ablation_cases,
    answer=close_to_single_precision,
    wrong=(
        first_token_left_out,
        both_copies,
        first_copy,
        logits_of_the_token_itself,
        clean_less_ablated,
        clean_not_subtracted,
        whole_layers_ablated,
        positions_for_heads,
        ablated_in_the_second_copy,
        mean_ablated,
        ablations_pile_up,
        hooks_of_earlier_heads_stay,
        output_bias_gone,
        summed_loss,
        heads_before_layers,
        effect_as_a_ratio,
        ablation_hooks_left_on,
    ),
    hints=(
        "Chapter 00 has both parts: `zero_ablate_head` silences one head, `next_token_log_probs` scores the tokens that came. What "
        "is left is a double loop and a slice.",
        "The tokens at 1 + period … 2·period are predicted by the logits at `period` … 2·period - 1. Write the loss as a function "
        "of the logits, and take it once without a hook.",
        "In the loop, hook `blocks.{layer}.attn.hook_z` with a function that clones z and sets `z[:, :, head] = 0`. A function "
        "defined in a loop sees the loop variable's last value when it runs late; here it runs at once.",
        "`torch.nn.functional.cross_entropy(logits[:, period : 2 * period].mT, tokens[:, 1 + period :])` is the loss.",
    ),
)


# --- pattern_without -------------------------------------------------------------------------------------------------


def _without_cases(draw: Draw) -> Iterator[Case]:
    def on(path: str, batch: int, position: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Any]:
        width = d_model**-0.5
        return {
            "resid": draw.normal(batch, position, d_model, scale=scale),
            "removed": draw.normal(batch, position, d_model, scale=scale),
            "W_Q": draw.normal(d_model, d_head, scale=width * 2),
            "W_K": draw.normal(d_model, d_head, scale=width * 2),
            "path": path,
        }

    for path in "KQ":
        what = "keys" if path == "K" else "queries"
        yield basic(f"three positions, cut from the {what}", **on(path, 1, 3, 4, 2))
        for _ in range(2):
            size = draw.sizes("batch", "position", "d_model", "d_head", low=3, high=11)
            yield general(f"random weights, cut from the {what}", **on(path, *size.values()))
        yield general(f"a wide head, cut from the {what}", **on(path, 2, 5, 8, 24, 0.5))
        yield edge(f"one position, cut from the {what}", **on(path, 2, 1, 4, 3))
        yield edge(f"a d_head of 1, cut from the {what}", **on(path, 2, 6, 5, 1))
        yield edge(f"one sequence, cut from the {what}", **on(path, 1, 6, 5, 3))
        yield edge(f"sizes of 4 throughout, cut from the {what}", **on(path, 4, 4, 4, 4))
        nothing = on(path, 2, 5, 4, 3)
        yield edge("an output of zeros to remove", **{**nothing, "removed": nothing["removed"] * 0})
        yield edge("a stream that is removed whole", **{**nothing, "removed": nothing["resid"].clone()})
        yield edge("scores in the hundreds", **on(path, 2, 5, 6, 4, 12.0))


def _attend(reads_q: Tensor, reads_k: Tensor, W_Q: Tensor, W_K: Tensor, scale: float | None = None) -> Tensor:
    scores = (reads_q @ W_Q) @ (reads_k @ W_K).mT / (W_Q.shape[-1] ** 0.5 if scale is None else scale)
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -INF).softmax(-1)


def _cut(resid: Tensor, removed: Tensor, path: str) -> tuple[Tensor, Tensor]:
    """What queries and keys read."""
    return resid - removed if path == "Q" else resid, resid - removed if path == "K" else resid


def cut_from_both(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """It is subtracted from what the queries read and from what the keys read: `path` names one of the two, the other stays. (Two
    names for one tensor, `q = k = resid.clone()`, and a `-=` do that as well.)"""
    return _attend(resid - removed, resid - removed, W_Q, W_K)


def stream_changed_in_place(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """`resid` itself is changed: after `q = resid` queries and keys are two names of one tensor, and `-=` changes it for both.
    Make a new tensor, `resid - removed`, for the one that `path` names."""
    reads_q = reads_k = resid
    if path == "Q":
        reads_q -= removed
    else:
        reads_k -= removed
    return _attend(reads_q, reads_k, W_Q, W_K)


def stream_changed_by_the_queries(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "K" is right, and "Q" changes `resid` itself: after `q = resid` both are names of one tensor, so `q -= removed` changes what
    the keys read as well. Make a new tensor, `q = resid - removed`."""
    reads_q = reads_k = resid
    if path == "Q":
        reads_q -= removed
    else:
        reads_k = resid - removed
    return _attend(reads_q, reads_k, W_Q, W_K)


def stream_changed_by_the_keys(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "Q" is right, and "K" changes `resid` itself: after `k = resid` both are names of one tensor, so `k -= removed` changes what
    the queries read as well. Make a new tensor, `k = resid - removed`."""
    reads_q = reads_k = resid
    if path == "K":
        reads_k -= removed
    else:
        reads_q = resid - removed
    return _attend(reads_q, reads_k, W_Q, W_K)


def queries_path_cuts_both(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "K" is right, and "Q" cuts both: for "Q" the keys read `resid`, as it is."""
    return _attend(resid - removed if path == "Q" else resid, resid - removed, W_Q, W_K)


def keys_path_cuts_both(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "Q" is right, and "K" cuts both: for "K" the queries read `resid`, as it is."""
    return _attend(resid - removed, resid - removed if path == "K" else resid, W_Q, W_K)


def cut_from_the_other_path(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The paths are exchanged: "K" cuts what the keys read, "Q" what the queries read."""
    reads_k, reads_q = _cut(resid, removed, path)
    return _attend(reads_q, reads_k, W_Q, W_K)


def always_cut_from_the_keys(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """It is subtracted from the keys whatever `path` is."""
    return _attend(resid, resid - removed, W_Q, W_K)


def always_cut_from_the_queries(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """It is subtracted from the queries whatever `path` is."""
    return _attend(resid - removed, resid, W_Q, W_K)


def nothing_cut(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Nothing is cut: this is the pattern of the whole stream."""
    return _attend(resid, resid, W_Q, W_K)


def added_instead(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """`removed` is added: it is in the stream already, and has to be subtracted."""
    return _attend(*_cut(resid, -removed, path), W_Q, W_K)


def only_that_path_kept(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """This keeps `removed` and drops all the rest: the other way round."""
    return _attend(*_cut(resid, resid - removed, path), W_Q, W_K)


def path_not_scaled(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The scores are not divided by √d_head."""
    return _attend(*_cut(resid, removed, path), W_Q, W_K, scale=1.0)


def path_scaled_by_the_stream(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The scores are divided by √d_model: it is the head's own width that counts, √d_head, the last axis of W_Q."""
    return _attend(*_cut(resid, removed, path), W_Q, W_K, scale=W_Q.shape[0] ** 0.5)


def path_sees_the_future(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Positions attend to later ones: mask the scores before the softmax, with `triu(1)` and -inf."""
    reads_q, reads_k = _cut(resid, removed, path)
    return ((reads_q @ W_Q) @ (reads_k @ W_K).mT / W_Q.shape[-1] ** 0.5).softmax(-1)


def path_masked_with_zero(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Future scores are set to 0, which still gets attention, since e⁰ is 1: use -inf."""
    reads_q, reads_k = _cut(resid, removed, path)
    return ((reads_q @ W_Q) @ (reads_k @ W_K).mT / W_Q.shape[-1] ** 0.5).tril().softmax(-1)


def keys_in_rows(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """W_Q and W_K have changed places: a row belongs to the query, which W_Q makes."""
    return _attend(*_cut(resid, removed, path), W_K, W_Q)


def patterns_subtracted(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Two patterns are subtracted. A softmax is not a sum: take the vector out before anything is computed from it."""
    return _attend(resid, resid, W_Q, W_K) - _attend(*_cut(resid, resid - removed, path), W_Q, W_K)


def path_cut_from_the_graph(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The pattern is right, but no gradient reaches `resid`: something on the way detaches it."""
    return _attend(*_cut(resid.detach(), removed, path), W_Q, W_K)


pattern_without = Exercise(
    name="pattern_without",
    solutions=SOLUTIONS,
    cases=_without_cases,
    gradients=("resid",),
    bf16=True,
    wrong=(
        cut_from_both,
        stream_changed_in_place,
        stream_changed_by_the_queries,
        stream_changed_by_the_keys,
        queries_path_cuts_both,
        keys_path_cuts_both,
        cut_from_the_other_path,
        always_cut_from_the_keys,
        always_cut_from_the_queries,
        nothing_cut,
        added_instead,
        only_that_path_kept,
        path_not_scaled,
        path_scaled_by_the_stream,
        path_sees_the_future,
        path_masked_with_zero,
        keys_in_rows,
        patterns_subtracted,
        path_cut_from_the_graph,
    ),
    hints=(
        "A head reads the stream twice, once for its queries and once for its keys. Nothing says that both have to read the same "
        "tensor.",
        "Make two tensors, what the queries read and what the keys read; one of them is `resid`, the other `resid - removed`. Which "
        "is which, `path` says.",
        "From there on it is chapter 02's `attention_pattern` for one head: scores over √d_head, the future at -inf, softmax over "
        "keys.",
    ),
)


# --- composition_score -----------------------------------------------------------------------------------------------


def _composition_cases(draw: Draw) -> Iterator[Case]:
    def on(d_in: int, d_mid: int, d_out: int, scale: float = 1.0) -> dict[str, Tensor]:
        return {"W_A": draw.normal(d_in, d_mid, scale=scale), "W_B": draw.normal(d_mid, d_out, scale=scale)}

    yield basic(
        "two matrices of two by two", W_A=draw.of([[1.0, 2.0], [0.0, 1.0]]), W_B=draw.of([[1.0, 0.0], [3.0, -1.0]])
    )
    yield basic(
        "two matrices with nothing in common",
        W_A=draw.of([[1.0, 0.0], [2.0, 0.0]]),
        W_B=draw.of([[0.0, 0.0], [1.0, 3.0]]),
    )
    for _ in range(3):
        yield general("random matrices", **on(*draw.sizes("d_in", "d_mid", "d_out", high=12).values()))
    left, right = draw.normal(9, 2), draw.normal(2, 9)
    yield general("matrices of low rank", W_A=left @ right, W_B=draw.normal(9, 1) @ draw.normal(1, 9))
    yield general("large weights", **on(7, 5, 6, 1e4))
    yield general("small weights", **on(6, 7, 5, 1e-5))
    yield edge("a first matrix of zeros", W_A=draw.of(torch.zeros(4, 5)), W_B=draw.normal(5, 3))
    yield edge("a second matrix of zeros", W_A=draw.normal(4, 5), W_B=draw.of(torch.zeros(5, 3)))
    yield edge("two matrices of zeros", W_A=draw.of(torch.zeros(3, 3)), W_B=draw.of(torch.zeros(3, 3)))
    yield edge("a middle of 1", **on(4, 1, 6))
    yield edge("sizes of 1 throughout", **on(1, 1, 1))
    yield edge("square matrices", **on(5, 5, 5))


def _frobenius(W: Tensor) -> Tensor:
    return W.square().sum().sqrt()


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below > 0, above / below, torch.zeros_like(below))


def matrices_exchanged(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The product is W_B W_A: with row vectors what comes first stands on the left, W_A W_B."""
    return _ratio(_frobenius(W_B @ W_A), _frobenius(W_A) * _frobenius(W_B))


def zero_divided_by_zero(W_A: Tensor, W_B: Tensor) -> Tensor:
    """A zero matrix gives 0/0, which is NaN: the score is 0 then. `torch.where`, or an `if`."""
    return _frobenius(W_A @ W_B) / (_frobenius(W_A) * _frobenius(W_B))


def largest_singular_values(W_A: Tensor, W_B: Tensor) -> Tensor:
    """These are spectral norms, the largest singular value each; the Frobenius norm is asked for, the root of the sum of
    squares."""
    norms = [torch.linalg.matrix_norm(W, ord=2) for W in (W_A @ W_B, W_A, W_B)]
    return _ratio(norms[0], norms[1] * norms[2])


def sums_of_singular_values(W_A: Tensor, W_B: Tensor) -> Tensor:
    """These are nuclear norms, sums of singular values; the Frobenius norm is the root of the sum of their squares."""
    norms = [torch.linalg.matrix_norm(W, ord="nuc") for W in (W_A @ W_B, W_A, W_B)]
    return _ratio(norms[0], norms[1] * norms[2])


def norms_squared(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The norms are left squared: take the root."""
    return _ratio((W_A @ W_B).square().sum(), W_A.square().sum() * W_B.square().sum())


def product_not_normalised(W_A: Tensor, W_B: Tensor) -> Tensor:
    """This is the norm of the product alone: divide by the two norms, or large weights look like composition."""
    return _frobenius(W_A @ W_B)


def one_norm_forgotten(W_A: Tensor, W_B: Tensor) -> Tensor:
    """It is divided by one of the norms only: both belong below the line."""
    return _ratio(_frobenius(W_A @ W_B), _frobenius(W_A))


def norms_added(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The two norms are added below the line: it is their product."""
    return _ratio(_frobenius(W_A @ W_B), _frobenius(W_A) + _frobenius(W_B))


def small_number_below(W_A: Tensor, W_B: Tensor) -> Tensor:
    """A small number added below the line is not small beside small weights: ask whether the norm is 0 instead."""
    return _frobenius(W_A @ W_B) / (_frobenius(W_A) * _frobenius(W_B) + 1e-8)


def norm_over_rows(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The norm runs over one axis, so that a vector is left: it is taken over the whole matrix."""
    return _ratio((W_A @ W_B).norm(dim=-1), W_A.norm(dim=-1) * _frobenius(W_B))


def baseline_subtracted(W_A: Tensor, W_B: Tensor) -> Tensor:
    """The score of random matrices, 1/√d_mid, is subtracted: a baseline is drawn beside the scores, not taken out of them."""
    return _ratio(_frobenius(W_A @ W_B), _frobenius(W_A) * _frobenius(W_B)) - W_A.shape[1] ** -0.5


composition_score = Exercise(
    name="composition_score",
    solutions=SOLUTIONS,
    cases=_composition_cases,
    wrong=(
        matrices_exchanged,
        zero_divided_by_zero,
        largest_singular_values,
        sums_of_singular_values,
        norms_squared,
        product_not_normalised,
        one_norm_forgotten,
        norms_added,
        small_number_below,
        norm_over_rows,
        baseline_subtracted,
    ),
    hints=(
        "Three norms: of the product, of the first, of the second. What goes below the line?",
        "`W.norm()` without arguments is the Frobenius norm. What comes out when W_A is zero?",
        "`torch.where(below > 0, above / below, 0.0)` gives 0 where there is nothing to divide by.",
    ),
)


# --- composition_scores ----------------------------------------------------------------------------------------------


def _scores_cases(draw: Draw) -> Iterator[Case]:
    usual, single, dead = draw.model(), draw.model(n_heads=1, d_head=6), draw.model(dead_head=True)
    sizes = draw.sizes("n_heads", "d_head", "d_model", low=2, high=7)
    other = draw.model(n_heads=sizes["n_heads"], d_head=2 * sizes["d_head"], d_model=sizes["d_model"] + 4, d_mlp=5)
    for kind in "QKV":
        yield basic(f"three heads a layer, {kind}-composition", model=usual, kind=kind)
        yield general(f"other sizes and an MLP, {kind}-composition", model=other, kind=kind)
        yield edge(f"one head a layer, {kind}-composition", model=single, kind=kind)
        yield edge(f"a head that writes nothing, {kind}-composition", model=dead, kind=kind)
    yield edge("a model as wide as its heads together", model=draw.model(n_heads=2, d_head=4, d_model=8), kind="K")
    yield edge(
        "a model in training mode that carries a hook of yours", model=draw.model(training=True, hooked=True), kind="Q"
    )


def _factors(model: Any, kind: str, layer: int) -> tuple[Tensor, Tensor]:
    """W_B's two factors for every head of a layer, so that W_B is the first times the second's transpose."""
    return {
        "Q": (model.W_Q[layer], model.W_K[layer]),
        "K": (model.W_K[layer], model.W_Q[layer]),
        "V": (model.W_V[layer], model.W_O[layer].mT),
    }[kind]


def _all_scores(A: Tensor, B: Tensor) -> Tensor:
    """Composition scores of every A (columns) with every B (rows)."""
    A, B = A.detach(), B.detach()
    products = torch.einsum("eij,ljk->leik", A, B).flatten(2).norm(dim=-1)
    below = B.flatten(1).norm(dim=-1)[:, None] * A.flatten(1).norm(dim=-1)
    return _ratio(products, below)


def _written(model: Any, layer: int = 0) -> Tensor:
    written: Tensor = model.W_V[layer] @ model.W_O[layer]
    return written


def _read(model: Any, kind: str, layer: int = 1) -> Tensor:
    left, right = _factors(model, kind, layer)
    return left @ right.mT


def early_in_rows(model: Any, kind: str) -> Tensor:
    """Rows and columns are exchanged: a row for each head of layer 1, a column for each head of layer 0."""
    return _all_scores(_written(model), _read(model, kind)).T


def queries_and_keys_exchanged(model: Any, kind: str) -> Tensor:
    """Q and K are exchanged. In Q-composition layer 1's W_Q reads what layer 0 wrote, so that W_B is W_Q W_Kᵀ, beginning with
    W_Q."""
    return _all_scores(_written(model), _read(model, {"Q": "K", "K": "Q", "V": "V"}[kind]))


def same_circuit_for_q_and_k(model: Any, kind: str) -> Tensor:
    """The QK circuit is used the same way round for both. For "K" it has to be turned, W_K W_Qᵀ: what layer 0 wrote goes in
    at the keys."""
    return _all_scores(_written(model), _read(model, "V" if kind == "V" else "Q"))


def one_layer_with_itself(model: Any, kind: str) -> Tensor:
    """Both matrices come from layer 0: what is read has to be read by layer 1."""
    return _all_scores(_written(model), _read(model, kind, layer=0))


def later_layer_writes(model: Any, kind: str) -> Tensor:
    """The layers are exchanged: layer 0 writes and layer 1 reads."""
    return _all_scores(_written(model, 1), _read(model, kind, layer=0))


def value_and_output_exchanged(model: Any, kind: str) -> Tensor:
    """What a head writes is W_V W_O, in this order: into the head, and out again. Here it is W_Oᵀ W_Vᵀ."""
    return _all_scores(_written(model).mT, _read(model, kind))


def product_the_wrong_way_round(model: Any, kind: str) -> Tensor:
    """The product is W_B W_A: with row vectors the earlier matrix stands on the left."""
    return _all_scores(_read(model, kind), _written(model)).T


def value_composition_always(model: Any, kind: str) -> Tensor:
    """This is V-composition whatever `kind` is."""
    return _all_scores(_written(model), _read(model, "V"))


def what_is_written_alone(model: Any, kind: str) -> Tensor:
    """A is W_O alone: it is the whole way through the early head that counts, W_V W_O."""
    return _all_scores(model.W_O[0], _read(model, kind))


def one_side_of_what_is_read(model: Any, kind: str) -> Tensor:
    """B is one matrix of the late head alone, as W_K for "K": take the whole circuit that reads there, W_K W_Qᵀ for "K"."""
    return _all_scores(_written(model), _factors(model, kind, 1)[0])


def half_of_both_circuits(model: Any, kind: str) -> Tensor:
    """Half of either circuit is left out: A is W_O alone, B one matrix of the late head, as W_K for "K". Take the whole circuits,
    W_V W_O and, for "K", W_K W_Qᵀ."""
    return _all_scores(model.W_O[0], _factors(model, kind, 1)[0])


def dead_heads_are_nan(model: Any, kind: str) -> Tensor:
    """A head whose weights are zero gives 0/0: its scores are 0."""
    A, B = _written(model).detach(), _read(model, kind).detach()
    products = torch.einsum("eij,ljk->leik", A, B).flatten(2).norm(dim=-1)
    return products / (B.flatten(1).norm(dim=-1)[:, None] * A.flatten(1).norm(dim=-1))


def heads_taken_together(model: Any, kind: str) -> Tensor:
    """One number for the whole layer: a score for each pair of heads is asked for."""
    A, B = _written(model).sum(0).detach(), _read(model, kind).sum(0).detach()
    return _ratio(_frobenius(A @ B), _frobenius(A) * _frobenius(B))


def random_level_subtracted(model: Any, kind: str) -> Tensor:
    """The level of random weights is subtracted: raw scores are asked for."""
    return _all_scores(_written(model), _read(model, kind)) - model.cfg.d_model**-0.5


composition_scores = Exercise(
    name="composition_scores",
    solutions=SOLUTIONS,
    cases=_scores_cases,
    wrong=(
        early_in_rows,
        queries_and_keys_exchanged,
        same_circuit_for_q_and_k,
        one_layer_with_itself,
        later_layer_writes,
        value_and_output_exchanged,
        product_the_wrong_way_round,
        value_composition_always,
        what_is_written_alone,
        one_side_of_what_is_read,
        half_of_both_circuits,
        dead_heads_are_nan,
        heads_taken_together,
        random_level_subtracted,
    ),
    hints=(
        "For one pair of heads it is `composition_score(A, B)`. Which two matrices make A, and which two make B for each kind?",
        "`model.W_V[0]` has the axes head, d_model, d_head. `model.W_V[0] @ model.W_O[0]` multiplies head by head, and "
        "`.mT` turns the last two axes only.",
        'B for "K" is `model.W_K[1] @ model.W_Q[1].mT`: what the early head wrote goes in at the keys, on the left.',
        "A double loop over heads of layer 1 (rows) and of layer 0 (columns), `torch.stack` and `.view`.",
    ),
)


# --- build_previous_token_head ---------------------------------------------------------------------------------------


def _previous_head_cases(draw: Draw) -> Iterator[Case]:
    for n_ctx in (6, 11):
        yield basic(f"{n_ctx} positions", n_ctx=n_ctx)
    for n_ctx in {draw.size(5, 20), draw.size(21, 60), draw.size(61, 140)}:
        yield general(f"{n_ctx} positions", n_ctx=n_ctx)
    for n_ctx in (2, 3, 256):
        yield edge(f"{n_ctx} positions", n_ctx=n_ctx)


def _looks_back(args: dict[str, Any], expected: Weights, got: Weights) -> Problem | None:
    """Judged by the pattern: from every position but the first, at least 0.99 goes to the one before."""
    n_ctx = args["n_ctx"]
    W_pos, W_Q, W_K = (got[name].float().cpu() for name in ("W_pos", "W_Q", "W_K"))
    for name, value in got.items():
        if not value.isfinite().all():
            return Problem("weights_not_finite", f"{name} holds NaN or an infinity; every weight has to be finite.")
    if W_pos.ndim != 2 or len(W_pos) != n_ctx:
        return Problem("shape", f"W_pos should be [n_ctx d_model], with {n_ctx} rows; it is {list(W_pos.shape)}.")
    if W_Q.ndim != 2 or W_Q.shape != W_K.shape or len(W_Q) != W_pos.shape[1]:
        found = f"{list(W_Q.shape)} and {list(W_K.shape)}"
        return Problem(
            "shape", f"W_Q and W_K should both be [d_model d_head], d_model being {W_pos.shape[1]}; they are {found}."
        )
    scores = (W_pos @ W_Q) @ (W_pos @ W_K).mT / W_Q.shape[-1] ** 0.5
    if not scores.isfinite().all():
        return Problem("scores_not_finite", "Some scores overflow to infinity: a softmax of them is NaN.")
    pattern = scores.masked_fill(torch.ones_like(scores, dtype=torch.bool).triu(1), -INF).softmax(-1)
    share = pattern.diagonal(-1)
    if bool((share >= 0.99).all()):
        return None
    at = int((share < 0.99).nonzero()[0]) + 1
    said = (
        f"From position {at} a share of {float(share[at - 1]):.3g} goes to position {at - 1}, and most, "
        f"{float(pattern[at].max()):.3g}, to position {int(pattern[at].argmax())}."
    )
    queries = torch.arange(1, n_ctx)
    wrong = share < 0.99
    looked, unmasked = pattern[1:].argmax(-1), scores[1:].argmax(-1)
    habits = {
        "every_position_alike": bool((scores.amax(-1) - scores.amin(-1) < 1e-3).all()),
        "looks_too_weakly": bool((looked == queries - 1).all()),
        "attends_to_itself": bool((looked == queries)[wrong].all()),
        "attends_to_the_next": bool((unmasked == queries + 1)[:-1].all()) and n_ctx > 2,
        "attends_to_the_first": bool((pattern[1:, 0] > 0.5)[wrong].all()) and n_ctx > 3,
        "attends_two_back": bool((looked == (queries - 2).clamp(min=0))[wrong].all()) and n_ctx > 3,
    }
    return Problem(next((name for name, holds in habits.items() if holds), "prediction"), said)


def _places(n_ctx: int, back: int = 1, sharp: float = 30.0) -> Weights:
    """A head over one-hot positions that looks so many positions back."""
    eye = torch.eye(n_ctx)
    shift = torch.diag(torch.ones(n_ctx - abs(back)), -back) if abs(back) < n_ctx else torch.zeros(n_ctx, n_ctx)
    return {"W_pos": eye, "W_Q": shift * sharp * n_ctx**0.5, "W_K": eye}


def attends_to_itself(n_ctx: int) -> Weights:
    """Each position looks at itself: the query of position i has to match the key of i - 1."""
    return _places(n_ctx, back=0)


def attends_to_the_next(n_ctx: int) -> Weights:
    """The match is with the position after, which the mask hides. Turn the shift round: row i of the map from positions to
    keys wanted has its 1 in column i - 1."""
    return _places(n_ctx, back=-1)


def attends_two_back(n_ctx: int) -> Weights:
    """Each position looks two back: shift once, in the queries or in the keys."""
    return _places(n_ctx, back=2)


def looks_too_weakly(n_ctx: int) -> Weights:
    """The right position has the highest score, but not by enough: a softmax over many keys gives each of them e⁰. Scale the
    queries up, by √d_head too, for scores are divided by it."""
    return _places(n_ctx, sharp=3.0 / n_ctx**0.5)


def every_position_alike(n_ctx: int) -> Weights:
    """All positions are looked at alike: are the queries or the keys zero?"""
    return _places(n_ctx, sharp=0.0)


def attends_to_the_first(n_ctx: int) -> Weights:
    """Everything looks at position 0."""
    weights = _places(n_ctx)
    return {**weights, "W_Q": torch.zeros(n_ctx, n_ctx).index_fill(1, torch.tensor([0]), 30.0 * n_ctx**0.5)}


def scores_not_finite(n_ctx: int) -> Weights:
    """The weights are so large that scores overflow to infinity, and the softmax of two infinities is NaN. e⁻³⁰ is small
    enough."""
    return {**_places(n_ctx, sharp=1e30), "W_K": 1e30 * torch.eye(n_ctx)}


build_previous_token_head = Exercise(
    name="build_previous_token_head",
    solutions=SOLUTIONS,
    cases=_previous_head_cases,
    answer=_looks_back,
    wrong=(
        attends_to_itself,
        attends_to_the_next,
        attends_two_back,
        looks_too_weakly,
        every_position_alike,
        attends_to_the_first,
        scores_not_finite,
    ),
    hints=(
        "Give every position a direction of its own: `W_pos = torch.eye(n_ctx)`. Then the query of position i is row i of W_Q, "
        "and the key of position j row j of W_K.",
        "Query i should match key i - 1 and no other. If W_K is the identity, where does row i of W_Q have its one entry?",
        "`torch.diag(torch.ones(n_ctx - 1), -1)` has ones just below the diagonal: row i, column i - 1.",
        "The softmax needs a gap between scores. Multiply W_Q by 30 and by √d_head.",
    ),
)


# --- build_induction_head, build_pointer_head ------------------------------------------------------------------------


def _built_cases(draw: Draw) -> Iterator[Case]:
    def on(group: str, d_vocab: int, n_ctx: int) -> Case:
        return Case(group, f"{d_vocab} ids, {n_ctx} positions", {"d_vocab": d_vocab, "n_ctx": n_ctx})

    yield on("basic", 11, 21)
    yield on("basic", 5, 9)
    yield on("general", draw.size(12, 24), draw.size(25, 45))
    yield on("general", draw.size(25, 45), draw.size(18, 24))
    yield on("general", draw.size(60, 130), draw.size(131, 200))
    yield on("edge", 3, 3)
    yield on("edge", 3, draw.size(4, 9))
    yield on("edge", draw.size(4, 9), 3)
    yield on("edge", draw.size(4, 7), draw.size(4, 7))
    yield on("edge", 17, 17)
    yield on("edge", 3, 256)
    yield on("edge", 256, 256)


class _Wiring:
    """Weights of a hand-built model, subspace by subspace: ids, the id before, the id to say, positions, a pointer."""

    def __init__(self, d_vocab: int, n_ctx: int) -> None:
        self.d_vocab, self.n_ctx = d_vocab, n_ctx
        sizes = {"token": d_vocab, "before": d_vocab, "out": d_vocab, "position": n_ctx, "pointer": n_ctx, "spare": 2}
        ends = torch.tensor(list(sizes.values())).cumsum(0).tolist()
        self.parts = {name: slice(end - sizes[name], end) for name, end in zip(sizes, ends, strict=True)}
        self.d_head = max(d_vocab, n_ctx) + 1
        self.sharp = 40 * self.d_head**0.5
        inwards = torch.zeros(2, 1, ends[-1], self.d_head)
        self.weights: Weights = {
            "W_E": torch.zeros(d_vocab, ends[-1]),
            "W_pos": torch.zeros(n_ctx, ends[-1]),
            "W_U": torch.zeros(ends[-1], d_vocab),
            **{name: inwards.clone() for name in ("W_Q", "W_K", "W_V")},
            "W_O": inwards.mT.clone(),
        }
        self.embed("W_E", "token", 1.0)
        self.embed("W_pos", "position", 1.0)
        self.unembed("out", 1.0)
        self.wire("W_V", 1, "token", 1.0)
        self.wire("W_O", 1, "out", 1.0)

    def embed(self, name: str, part: str, gain: float) -> None:
        self.weights[name][:, self.parts[part]] = gain * torch.eye(len(self.weights[name]))

    def unembed(self, part: str, gain: float) -> None:
        self.weights["W_U"][self.parts[part]] = gain * torch.eye(self.d_vocab)

    def wire(self, name: str, layer: int, part: str, gain: float, shift: int = 0) -> None:
        """Between a part of the stream and the head's own dimensions, one to one; shifted to later ones on the way."""
        rows = self.parts[part]
        size = rows.stop - rows.start
        table = torch.diag(torch.ones(size - abs(shift)), shift) if abs(shift) < size else torch.zeros(size, size)
        if name == "W_O":
            self.weights[name][layer, 0, :size, rows] = gain * table
        else:
            self.weights[name][layer, 0, rows, :size] = gain * table


def _by_keys(d_vocab: int, n_ctx: int) -> _Wiring:
    """Layer 0 writes the token before into every position; layer 1 looks for its own token there."""
    model = _Wiring(d_vocab, n_ctx)
    model.wire("W_Q", 0, "position", model.sharp, shift=-1)
    model.wire("W_K", 0, "position", 1.0)
    model.wire("W_V", 0, "token", 1.0)
    model.wire("W_O", 0, "before", 1.0)
    model.wire("W_Q", 1, "token", model.sharp)
    model.wire("W_K", 1, "before", 1.0)
    return model


def _by_queries(d_vocab: int, n_ctx: int) -> _Wiring:
    """Layer 0 finds the same token and writes the position after it; layer 1 looks there."""
    model = _Wiring(d_vocab, n_ctx)
    model.wire("W_Q", 0, "token", model.sharp)
    model.wire("W_K", 0, "token", 1.0)
    model.wire("W_V", 0, "position", 1.0)
    model.wire("W_O", 0, "pointer", 1.0, shift=1)
    model.wire("W_Q", 1, "pointer", model.sharp)
    model.wire("W_K", 1, "position", 1.0)
    return model


WAYS = {"K": _by_keys, "Q": _by_queries}
SIDES = {"K": "keys", "Q": "queries"}


def _not_used(model: _Wiring, kind: str) -> None:
    """Layer 0 reads a part of the stream in which nothing stands: the weights compose, and nothing comes of it."""
    model.weights["W_V"][0] = 0
    model.wire("W_V", 0, "out" if kind == "K" else "pointer", 1.0)


def _reads_the_stream_itself(model: _Wiring, kind: str) -> None:
    """Layer 1 reads what stood in the stream before layer 0 on both sides."""
    name = "W_K" if kind == "K" else "W_Q"
    model.weights[name][1] = 0
    model.wire(name, 1, "token" if kind == "K" else "position", 1.0 if kind == "K" else model.sharp)


def _soft(*layers: int) -> Callable[[_Wiring, str], None]:
    """Plain identities: scores of 1, divided by √d_head."""

    def twist(model: _Wiring, kind: str) -> None:
        for layer in layers:
            model.weights["W_Q"][layer] /= model.sharp

    return twist


def _never_said(model: _Wiring, kind: str) -> None:
    """Layer 1 finds the right position, and W_U reads another part than the one that it writes into."""
    model.weights["W_U"].zero_()
    model.unembed("token", 1.0)


def _turned_round(model: _Wiring, kind: str) -> None:
    """Layer 1's queries read what its keys should, and the other way round."""
    W_Q, W_K = model.weights["W_Q"], model.weights["W_K"]
    W_Q[1], W_K[1] = W_K[1].clone(), W_Q[1].clone()


def _mixed(model: _Wiring, kind: str) -> None:
    """Layer 0 writes into a part that is taken, and layer 1 reads it there."""
    name, part = ("W_K", "token") if kind == "K" else ("W_Q", "position")
    model.weights["W_O"][0], model.weights[name][1] = 0, 0
    model.wire("W_O", 0, part, 1.0, shift=0 if kind == "K" else 1)
    model.wire(name, 1, part, 1.0 if kind == "K" else model.sharp)


def _ahead(model: _Wiring, kind: str) -> None:
    model.wire("W_Q", 0, "position", model.sharp, shift=1)


def _wrapped(model: _Wiring, kind: str) -> None:
    model.weights["W_O"][0, 0, model.n_ctx - 1, model.parts["pointer"].start] = 1.0


def _shifted_back(model: _Wiring, kind: str) -> None:
    model.wire("W_O", 0, "pointer", 1.0, shift=-1)


def _loud(model: _Wiring, kind: str) -> None:
    model.unembed("token", 2.0)


def _tied(model: _Wiring, kind: str) -> None:
    model.unembed("token", 1.0)


def _nameless(model: _Wiring, kind: str) -> None:
    model.weights["W_E"][0] = 0


def _indifferent(model: _Wiring, kind: str) -> None:
    model.weights["W_Q"][1] = 0


def _listed(model: _Wiring, kind: str) -> None:
    """A table from tokens to tokens, and no attention at all."""
    for name in ("W_Q", "W_K", "W_V", "W_O", "W_U"):
        model.weights[name].zero_()
    model.weights["W_U"][model.parts["token"]] = torch.eye(model.d_vocab).roll(1, 1)


def _for_one_period(model: _Wiring, kind: str) -> None:
    """Layer 1 looks a fixed distance back."""
    distance = min(5, (model.n_ctx - 1) // 2, model.d_vocab - 1)
    model.weights["W_Q"][1], model.weights["W_K"][1] = 0, 0
    model.wire("W_Q", 1, "position", model.sharp, shift=-max(distance - 1, 1))
    model.wire("W_K", 1, "position", 1.0)


def _unfinished(model: _Wiring, kind: str) -> None:
    """Layer 0 does not do its step: it looks at itself, or points at the occurrence and not after it."""
    if kind == "K":
        model.wire("W_Q", 0, "position", model.sharp)
    else:
        model.wire("W_O", 0, "pointer", 1.0)


def _a_step_too_many(model: _Wiring, kind: str) -> None:
    if kind == "K":
        model.wire("W_Q", 0, "position", model.sharp, shift=-2)
    else:
        model.wire("W_O", 0, "pointer", 1.0, shift=2)


def _no_room(model: _Wiring, kind: str) -> None:
    """Heads as wide as the smaller of the two numbers: what lies beyond is cut off."""
    room = min(model.d_vocab, model.n_ctx)
    for name in ("W_Q", "W_K", "W_V"):
        model.weights[name] = model.weights[name][..., :room].clone()
    model.weights["W_O"] = model.weights["W_O"][:, :, :room].clone()


def _layers_exchanged(model: _Wiring, kind: str) -> None:
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        model.weights[name] = model.weights[name].flip(0)


def _in_one_part(model: _Wiring, kind: str) -> None:
    """Position j is written where token j is: parts of one size, the second laid onto the first."""
    size = max(model.d_vocab, model.n_ctx)
    wide = WAYS[kind](size, size)
    W, token, position = wide.weights, wide.parts["token"], wide.parts["position"]
    for rows in (W["W_pos"].T, *(W[name][layer, 0] for name in ("W_Q", "W_K", "W_V") for layer in (0, 1))):
        rows[token] += rows[position]
        rows[position] = 0
    cut = {"W_E": W["W_E"][: model.d_vocab], "W_pos": W["W_pos"][: model.n_ctx], "W_U": W["W_U"][:, : model.d_vocab]}
    model.weights.update(W | cut)


def _looking_by(part: str) -> Callable[[_Wiring, str], None]:
    """Layer 0 is the other circuit's: one that looks one back, or one that finds the same token."""

    def twist(model: _Wiring, kind: str) -> None:
        model.weights["W_Q"][0], model.weights["W_K"][0] = 0, 0
        model.wire("W_Q", 0, part, model.sharp, shift=-1 if part == "position" else 0)
        model.wire("W_K", 0, part, 1.0)

    return twist


def _handing_on(part: str) -> Callable[[_Wiring, str], None]:
    def twist(model: _Wiring, kind: str) -> None:
        model.weights["W_V"][0] = 0
        model.wire("W_V", 0, part, 1.0)

    return twist


def _notes_compared(model: _Wiring, kind: str) -> None:
    """Layer 1's queries and keys both read the note."""
    name, part = ("W_Q", "before") if kind == "K" else ("W_K", "pointer")
    model.weights[name][1] = 0
    model.wire(name, 1, part, model.sharp if kind == "K" else 1.0)


def _straight_out(model: _Wiring, kind: str) -> None:
    """Layer 0 writes where W_U reads."""
    model.weights["W_O"][0] = 0
    model.wire("W_O", 0, "out", 1.0)


def _overflowing(model: _Wiring, kind: str) -> None:
    model.weights["W_Q"] *= 1e18
    model.weights["W_K"] *= 1e20


def _unbounded(model: _Wiring, kind: str) -> None:
    model.weights["W_U"][0, 0] = INF


def _leaning(model: _Wiring, kind: str) -> None:
    """What the other side reads holds a call for BOS, which layer 0 takes back."""
    (a, b), last = (model.parts["spare"].start, model.parts["spare"].start + 1), model.d_head - 1
    weights, first = model.weights, model.parts["position"].start
    weights["W_pos"][:, a] = 1.0 if kind == "K" else 0.0
    weights["W_pos"][0, a] = 1.0
    weights["W_V"][0, 0, a, last] = 1.0
    weights["W_O"][0, 0, last, b] = -1.0
    asks, holds = ("W_Q", "W_K") if kind == "K" else ("W_K", "W_Q")
    weights[asks][1, 0, [a, b], last] = 4 * model.sharp
    if kind == "K":
        weights[holds][1, 0, first, last] = 1.0
    else:
        weights[holds][1, 0, model.parts["position"], last] = 1.0


def _both_ways(model: _Wiring, kind: str) -> None:
    """One layer 0 that looks at the token before and at the earlier occurrence, and a layer 1 that can use either."""
    V, N, p = model.d_vocab, model.n_ctx, model.parts
    wide = model.__class__(V, N)
    d_head, d_model = V + N, wide.weights["W_E"].shape[1]
    sharp, eye = 60 * d_head**0.5, torch.eye
    W = {name: torch.zeros(2, 1, d_model, d_head) for name in ("W_Q", "W_K", "W_V")}
    W["W_O"] = torch.zeros(2, 1, d_head, d_model)
    before = torch.diag(torch.ones(N - 1), -1)
    W["W_Q"][0, 0, p["token"], :V], W["W_K"][0, 0, p["token"], :V] = sharp * eye(V), eye(V)
    W["W_Q"][0, 0, p["position"], V:], W["W_K"][0, 0, p["position"], V:] = sharp * (before - eye(N)), eye(N)
    W["W_V"][0, 0, p["token"], :V], W["W_V"][0, 0, p["position"], V:] = eye(V), eye(N)
    W["W_O"][0, 0, :V, p["before"]], W["W_O"][0, 0, V:, p["pointer"]] = eye(V), before.T
    W["W_Q"][1, 0, p["token"], :V], W["W_K"][1, 0, p["before"], :V] = sharp * eye(V), eye(V)
    W["W_Q"][1, 0, p["pointer"], V:], W["W_K"][1, 0, p["position"], V:] = sharp * eye(N), eye(N)
    W["W_Q"][1, 0, p["position"], V:] = -0.75 * sharp * eye(N)
    W["W_V"][1, 0, p["token"], :V], W["W_O"][1, 0, :V, p["out"]] = eye(V), eye(V)
    model.weights.update(W)


Mistake = tuple[Callable[[_Wiring, str], None], str]
MISTAKES: dict[str, Mistake] = {
    "found_but_not_said": (
        _never_said,
        "What layer 0 writes does lead layer 1's attention, but no logit depends on where layer 1 looks, so the fault is on the "
        "way out: W_V of layer 1 has to read the token, W_O of layer 1 to write it into a part of its own, and W_U to read that "
        "very part.",
    ),
    "composition_in_the_weights_only": (
        _not_used,
        "The weights of the two layers fit together, so a composition score is as high as it should be, but nothing comes of it: "
        "leaving layer 0's output out of what layer 1 reads changes no logit. Does layer 0 write anything where layer 1 reads?",
    ),
    "layer_0_is_not_read": (
        _reads_the_stream_itself,
        "Layer 0 looks where it should, but layer 1 does not read what it writes: leaving it out of layer 1's queries and keys "
        "changes no logit. Let the {side} of layer 1 read the part of the stream that layer 0 writes into.",
    ),
    "repeats_the_current_token": (
        _unfinished,
        "It says the current token again: layer 1 finds where that token stood before, and what has to be read is the position "
        "after. One step is missing, and layer 0 is the place for it: {step}.",
    ),
    "both_sides_read_the_note": (
        _notes_compared,
        "Layer 1's queries and keys both read what layer 0 writes: two notes are alike where the same token stands, so it says that "
        "token again. The {side} alone read the note; let layer 1's {other} read {instead}.",
    ),
    "one_place_too_far": (
        _a_step_too_many,
        "It says the token two after the earlier occurrence: there is one step too many. {step_said}.",
    ),
    "right_place_wrong_token": (
        _loud,
        "Layer 1 looks at the right position, and another token still has the larger logit. Is W_U also reading a part of the "
        "stream that holds the current token (the direct path), or does layer 1 carry along something else than the token?",
    ),
    "tie_at_the_top": (
        _tied,
        "The right token's logit is the largest, but another's is exactly as large. It has to win alone: let W_U read what layer 1 "
        "writes and nothing else, or let that weigh more.",
    ),
    "too_soft": (
        _soft(0, 1),
        "Attention is too soft: a softmax over many keys spreads it out unless the right score is tens above the rest, and scores "
        "are divided by √d_head. Scale W_Q up in both layers, by 30·√d_head or so.",
    ),
    "too_soft_in_layer_0": (
        _soft(0),
        "The wiring is right, but layer 0's attention is too soft: a softmax over many keys spreads it out unless the right score "
        "is tens above the rest, and scores are divided by √d_head. Scale layer 0's W_Q up, by 30·√d_head or so.",
    ),
    "too_soft_in_layer_1": (
        _soft(1),
        "The wiring is right, but layer 1's attention is too soft: a softmax over many keys spreads it out unless the right score "
        "is tens above the rest, and scores are divided by √d_head. Scale layer 1's W_Q up, by 30·√d_head or so.",
    ),
    "queries_and_keys_exchanged": (
        _turned_round,
        "Layer 1's queries and keys are exchanged: with its W_Q and W_K in each other's place every prediction would be right. "
        "The query is what the later position asks, the key what an earlier one has to offer: {roles}.",
    ),
    "parts_mixed": (
        _mixed,
        "{mixed}: if layer 1's {side} read what layer 0 writes and nothing else, and its {other} and values what stood there "
        "before, every prediction would be right. Let layer 0 write into a part of the stream of its own, which the {side} "
        "alone read.",
    ),
    "d_head_too_small": (
        _no_room,
        "d_head is too small: all is right where token and position are below it, and what lies beyond falls off. Both layers have "
        "the same d_head, and a head that matches or moves one-hot tokens needs d_vocab dimensions, one that does so with "
        "positions n_ctx: take the larger, `max(d_vocab, n_ctx)`.",
    ),
    "layers_exchanged": (
        _layers_exchanged,
        "The layers are exchanged: with index 0 and index 1 of W_Q, W_K, W_V and W_O in each other's place every prediction would be "
        "right. Index 0 is the layer that runs first.",
    ),
    "token_and_position_read_together": (
        _in_one_part,
        "Token and position are read together somewhere: W_E and W_pos share a part of the stream, or one matrix reads both parts. "
        "{each}: if each read just that, every prediction would be right.",
    ),
    "layer_0_writes_to_the_output": (
        _straight_out,
        "What layer 0 writes goes straight to the output: W_U reads it, and layer 1's {side} do not, so they find nothing. Let W_O of "
        "layer 0 write into a part of its own, which layer 1's {side} read and W_U does not; the part for the token to say is "
        "layer 1's.",
    ),
    "copies_the_most_frequent": (
        _indifferent,
        "Layer 1 attends to all positions alike, so that the tokens that came most often win: it copies what is frequent, not "
        "what came after this token. Do its queries and keys reach the same dimensions of the head, and is the right score "
        "tens above the rest?",
    ),
    "one_period_only": (
        _for_one_period,
        "It looks back by the same distance whatever the period is, so one period comes out right by construction, and no other. "
        "Where to look has to come from the tokens.",
    ),
    "answers_from_the_current_token": (
        _listed,
        "The same token is followed by the same answer in every block: this is a table from tokens to tokens, as in chapter 01. What "
        "comes next has to be found in this sequence.",
    ),
    "bos_taken_for_0": (
        _nameless,
        "It is right where BOS is id 0, and only there. No id is special: BOS is any id that the block lacks, and 0 may be in the "
        "block.",
    ),
    "logits_not_finite": (
        _overflowing,
        "Some logits are NaN or infinite: scores overflow, and a softmax of infinities is NaN. A gap of 30 between scores is "
        "plenty, e⁻³⁰ being 10⁻¹³.",
    ),
    "weights_not_finite": (
        _unbounded,
        "There is a NaN or an infinity among the weights: a large number does what you want, and stays finite.",
    ),
    "needs_the_other_path_too": (
        _leaning,
        "All predictions are right, and the {side} need what layer 0 wrote, as they should; but the {other} need it as well. Let "
        "layer 1's {other} read only what stood in the stream before.",
    ),
    "works_without_the_path": (
        _both_ways,
        "All predictions are right, but cutting layer 0 out of the {side} does not stop it: there is a second way to the answer. "
        "Let layer 1's {other} read only what stood in the stream before, so that everything hangs on the {side}.",
    ),
}
MISTAKES_OF: dict[str, dict[str, Mistake]] = {
    "K": {
        "layer_0_looks_ahead": (
            _ahead,
            "Layer 0 looks the wrong way: it asks for the position after its own, which the mask hides. With its W_Q and W_K in "
            "each other's place every prediction would be right. The query of position i has to match the key of i - 1.",
        ),
        "layer_0_looks_by_token": (
            _looking_by("token"),
            "Layer 0 looks by the token: its queries and keys read what W_E wrote, so that a token finds itself. If it looked at the "
            "position before, whatever stands there, every prediction would be right. Let its queries and keys read the position, "
            "as in your previous-token head.",
        ),
        "layer_0_values_read_the_position": (
            _handing_on("position"),
            "Layer 0's values read the position, so that its note says where the token before stands, not which token it is. Queries "
            "and keys decide where to look, values what is brought along: let W_V of layer 0 read the token.",
        ),
    },
    "Q": {
        "shift_wraps_round": (
            _wrapped,
            "The shift wraps round: where the last position points to the one after it, which there is not, it points to the "
            "first, so that BOS gets half of its attention. `roll` puts what falls off the end back at the beginning: leave "
            "that corner of W_O 0.",
        ),
        "shifted_the_other_way": (
            _shifted_back,
            "It says the token before the current one: the pointer is shifted the other way. Position j has to come out as "
            "j + 1 of the pointer, the position after the one that layer 0 looks at.",
        ),
        "layer_0_looks_by_position": (
            _looking_by("position"),
            "Layer 0 looks at the same places whatever the tokens are, as a previous-token head does. It has to find where the query's "
            "token stood before, so its queries and keys have to read the token. Positions are for its values to read.",
        ),
        "layer_0_values_read_the_token": (
            _handing_on("token"),
            "Layer 0's values read the token, so that what it brings back is the token that it was looking for. A pointer says where "
            "that token stood: let W_V of layer 0 read the position.",
        ),
    },
}
INSTEAD = {"K": "the token, what is asked for", "Q": "the position, where they are"}
ROLES = {
    "K": "W_Q of layer 1 reads the token, W_K the note on what came before",
    "Q": "W_Q of layer 1 reads the pointer, W_K the position",
}
MIXED = {
    "K": "The note on the token before and the token itself are read together",
    "Q": "Layer 1's queries read their own position as well as the pointer, so that each finds itself",
}
EACH = {
    "K": "Layer 0's queries and keys have to read the position, its values and layer 1's queries and values the token, layer 1's keys "
    "what layer 0 writes",
    "Q": "Layer 0's queries and keys and layer 1's values have to read the token, layer 0's values and layer 1's keys the position, "
    "layer 1's queries what layer 0 writes",
}
STEPS = {
    "K": (
        "let it attend to the token before, so that each position says what came before it",
        "Layer 0 should look one back",
    ),
    "Q": ("let what it writes be the position after the one it looks at", "The pointer should be shifted by one"),
}


def _mistakes(kind: str) -> tuple[Callable[..., Weights], ...]:
    """The misconceptions of one way of building: each a twist to weights that are right."""
    side, other = SIDES[kind], SIDES["Q" if kind == "K" else "K"]

    def mistake(name: str, twist: Callable[[_Wiring, str], None], sentence: str) -> Callable[..., Weights]:
        def build(d_vocab: int, n_ctx: int) -> Weights:
            model = WAYS[kind](d_vocab, n_ctx)
            twist(model, kind)
            return model.weights

        step, step_said = STEPS[kind]
        build.__name__ = name
        build.__doc__ = sentence.format(
            side=side,
            other=other,
            step=step,
            step_said=step_said,
            roles=ROLES[kind],
            mixed=MIXED[kind],
            each=EACH[kind],
            instead=INSTEAD[kind],
        )
        return build

    def the_other_composition(d_vocab: int, n_ctx: int) -> Weights:
        return WAYS["Q" if kind == "K" else "K"](d_vocab, n_ctx).weights

    the_other_composition.__doc__ = (
        f"All predictions are right, but by the other kind of composition: this circuit works through layer 1's {other}, and it "
        f"is asked for through its {side}."
    )
    named = MISTAKES | MISTAKES_OF[kind]
    return (*(mistake(name, *how) for name, how in named.items()), the_other_composition)


build_induction_head = Exercise(
    name="build_induction_head",
    solutions=SOLUTIONS,
    cases=_built_cases,
    answer=built_model("K"),
    wrong=_mistakes("K"),
    hints=(
        "Cut the stream into parts that nobody shares: one for the token, one for the token before, one for the token to say, one "
        "for the position. Slices of d_model, one-hot in each, so d_model is 3·d_vocab + n_ctx.",
        "Layer 0 is the previous-token head you have built: its queries and keys read the position part. Its values read the token "
        "part, and W_O writes into the part for the token before.",
        "Layer 1 asks: where is a position whose token before is my token? Its queries read the token part, its keys the part that "
        "layer 0 has written. It moves the token part there into the part to say, and W_U reads that part alone.",
        "`W_Q[1, 0, token, :d_vocab] = 30 * d_head**0.5 * torch.eye(d_vocab)`, `W_K[1, 0, before, :d_vocab] = "
        "torch.eye(d_vocab)`, `W_V[1, 0, token, :d_vocab]` and `W_O[1, 0, :d_vocab, out]` the identity.",
    ),
)

build_pointer_head = Exercise(
    name="build_pointer_head",
    solutions=SOLUTIONS,
    cases=_built_cases,
    answer=built_model("Q"),
    wrong=_mistakes("Q"),
    hints=(
        "Now layer 0 does the searching. Let it look at positions that hold the same token as the query, and bring back not what "
        "stands there but where that is.",
        "A token matches itself, too, so layer 0 shares its attention between the earlier occurrence and the query. Both are shifted "
        "by one on the way: where does each of them point to then, and which of the two can layer 1 see?",
        "Parts of the stream: the token, the position, a pointer (as long as positions are many), the token to say. W_O of layer 0 "
        "writes position j into place j + 1 of the pointer.",
        "`W_O[0, 0, :n_ctx, pointer] = torch.diag(torch.ones(n_ctx - 1), 1)`. Layer 1's queries read the pointer, its keys the "
        "position.",
    ),
)


# --- induction_bump --------------------------------------------------------------------------------------------------


def _bump_cases(draw: Draw) -> Iterator[Case]:
    def on(steps: list[int], scores: Tensor | list[float]) -> dict[str, Tensor]:
        return {"steps": draw.integers(steps), "scores": draw.of(scores)}

    yield basic("five checkpoints", **on([1, 10, 100, 200, 1000], [0.0, 0.01, 0.02, 0.4, 0.5]))
    yield basic("a late, long climb", **on([10, 1000, 2000, 4000], [0.0, 0.3, 0.55, 0.6]))
    for _ in range(3):
        count = draw.size(5, 30)
        steps = draw.ids(count, 400).cumsum(0) + draw.integers(torch.arange(1, count + 1))
        yield general("random checkpoints", **on(steps.tolist(), draw.normal(count)))
    count = draw.size(12, 25)
    doubling = [0, *(2**i for i in range(count - 1))]
    yield general("doubling checkpoints from 0 on", **on(doubling, draw.normal(count).cumsum(0)))
    rise = torch.sigmoid((torch.arange(1, 31) - 17.0) * 1.3)
    yield general("a smooth rise", **on([100 * i for i in range(1, 31)], rise + 0.001 * draw.normal(30).cpu()))
    yield edge("a jump between step 0 and step 1", **on([0, 1, 2, 4, 8], [0.0, 0.9, 0.91, 0.95, 0.96]))
    yield edge("a first stretch that is the steepest", **on([1, 3, 9, 30], [0.0, 0.6, 0.7, 0.75]))
    yield edge("a steep fall", **on([1, 2, 4, 8, 16], [0.5, 0.55, 0.02, 0.1, 0.2]))
    yield edge("scores that only fall", **on([1, 3, 9, 12, 50], [0.9, 0.7, 0.3, 0.29, 0.1]))
    yield edge("two checkpoints", **on([5, 50], [0.1, 0.2]))
    yield edge("two checkpoints and step 0", **on([0, 7, 9], [0.8, 0.2, 0.1]))
    yield edge("a score that never moves", **on([0, 2, 3, 7, 20], [0.25] * 5))
    yield edge("two stretches that are flat among falls", **on([1, 4, 6, 9, 30, 31], [0.9, 0.5, 0.5, 0.2, 0.2, 0.1]))
    yield edge("a last stretch that is the steepest", **on([1, 3, 9, 10], [0.0, 0.1, 0.15, 0.9]))
    yield edge("scores below zero", **on([1, 2, 30, 60, 90], [-5.0, -4.9, -3.0, -2.6, -2.5]))


def _kept(steps: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
    return steps[steps > 0], scores[steps > 0]


def _slopes(steps: Tensor, scores: Tensor) -> Tensor:
    return scores.diff() / (steps[1:] / steps[:-1]).log()


def largest_change(steps: Tensor, scores: Tensor) -> int:
    """The largest change is taken without its sign, so a steep fall can win: a rise is asked for."""
    steps, scores = _kept(steps, scores)
    return int(steps[1:][_slopes(steps, scores).abs().argmax()])


def rise_for_slope(steps: Tensor, scores: Tensor) -> int:
    """This is the largest rise between two checkpoints, however far apart they are: divide by ln(step_b / step_a)."""
    steps, scores = _kept(steps, scores)
    return int(steps[1:][scores.diff().argmax()])


def slope_by_steps(steps: Tensor, scores: Tensor) -> int:
    """The rise is divided by the number of steps in between: on a logarithmic axis it is ln(step_b / step_a)."""
    steps, scores = _kept(steps, scores)
    return int(steps[1:][(scores.diff() / steps.diff()).argmax()])


def logarithm_of_the_difference(steps: Tensor, scores: Tensor) -> int:
    """The rise is divided by ln(step_b - step_a), the logarithm of a difference: the difference of the logarithms is asked for,
    ln(step_b) - ln(step_a), or `steps.log().diff()`."""
    steps, scores = _kept(steps, scores)
    return int(steps[1:][(scores.diff() / steps.diff().log()).argmax()])


def beginning_of_the_rise(steps: Tensor, scores: Tensor) -> int:
    """This is the step at which the steepest stretch begins: the one at which it ends is asked for."""
    steps, scores = _kept(steps, scores)
    return int(steps[:-1][_slopes(steps, scores).argmax()])


def place_for_step(steps: Tensor, scores: Tensor) -> int:
    """This is a place in the list: the step at that place is asked for."""
    steps, scores = _kept(steps, scores)
    return int(_slopes(steps, scores).argmax()) + 1


def place_of_the_slope(steps: Tensor, scores: Tensor) -> int:
    """This is the place of the slope among the slopes: the step at which that stretch ends is asked for, at place i + 1 of
    `steps`."""
    return int(_slopes(*_kept(steps, scores)).argmax())


def highest_score(steps: Tensor, scores: Tensor) -> int:
    """This is the step with the highest score: the steepest rise is asked for."""
    steps, scores = _kept(steps, scores)
    return int(steps[1:][scores[1:].argmax()])


def step_0_moved_to_1(steps: Tensor, scores: Tensor) -> int:
    """1 is added to every step so that step 0 gets a logarithm: leave that checkpoint out, and the others as they are."""
    return int(steps[1:][_slopes(steps + 1, scores).argmax()])


def step_0_kept(steps: Tensor, scores: Tensor) -> int:
    """Step 0 is kept. ln(step / 0) is infinite, and a rise divided by it is 0, which beats every fall: leave the checkpoint out
    first."""
    return int(steps[1:][(scores.diff() / (steps[1:].double().log() - steps[:-1].double().log())).argmax()])


def falls_cut_off(steps: Tensor, scores: Tensor) -> int:
    """Falls are cut off at 0, so that all of them are equal: slopes are signed, and the gentlest fall is the largest of them."""
    steps, scores = _kept(steps, scores)
    return int(steps[1:][_slopes(steps, scores).clamp(min=0).argmax()])


def last_of_equals(steps: Tensor, scores: Tensor) -> int:
    """Of equal slopes this takes the last: the earliest is asked for."""
    steps, scores = _kept(steps, scores)
    slopes = _slopes(steps, scores)
    return int(steps[1:][(slopes == slopes.max()).nonzero()[-1]])


def first_checkpoint_dropped(steps: Tensor, scores: Tensor) -> int:
    """The first checkpoint is dropped whatever its step is: only one at step 0 has no logarithm."""
    steps, scores = (steps[1:], scores[1:]) if len(steps) > 2 else (steps, scores)
    return int(steps[1:][_slopes(steps, scores).argmax()])


def tensor_for_int(steps: Tensor, scores: Tensor) -> Tensor:
    """A Python int is asked for: `int(...)` makes one of a tensor or a float."""
    steps, scores = _kept(steps, scores)
    return steps[1:][_slopes(steps, scores).argmax()]


induction_bump = Exercise(
    name="induction_bump",
    solutions=SOLUTIONS,
    cases=_bump_cases,
    wrong=(
        largest_change,
        rise_for_slope,
        slope_by_steps,
        logarithm_of_the_difference,
        beginning_of_the_rise,
        place_for_step,
        place_of_the_slope,
        highest_score,
        step_0_moved_to_1,
        step_0_kept,
        falls_cut_off,
        last_of_equals,
        first_checkpoint_dropped,
        tensor_for_int,
    ),
    hints=(
        "Between each checkpoint and the next there is a slope. What does it divide by, if ten steps at the beginning should count as "
        "much as a thousand later on?",
        "First drop step 0, `kept = steps > 0`, from both. Then `scores.diff()` is every rise, and `steps.log().diff()` the width of "
        "every stretch on a logarithmic axis.",
        "`slopes.argmax()` is the place of the steepest, the first one among equals. The stretch at place i ends at place i + 1 of "
        "`steps`. Wrap it in `int(...)`.",
    ),
)


EXERCISES = (
    repeated_tokens,
    prefix_matching_score,
    previous_token_score,
    ablation_effects,
    pattern_without,
    composition_score,
    composition_scores,
    build_previous_token_head,
    build_induction_head,
    build_pointer_head,
    in_context_learning_score,
    induction_bump,
)
