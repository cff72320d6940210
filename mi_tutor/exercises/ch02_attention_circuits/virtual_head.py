"""The exercise `virtual_head`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.factored import factored
from mi_tutor.exercises.ch02_attention_circuits._shared import causal

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens import FactoredMatrix


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic("heads that look at one position each", **_looking(draw, [0, 0, 1], [0, 1, 1]))
    yield basic("three positions", **_pair(draw, 1, 3, 4, 2))
    for _ in range(3):
        batch, position, d_head, d_model = sorted(draw.sizes("a", "b", "c", "d", high=11).values())
        yield general("random heads", **_pair(draw, batch, position, d_model, d_head))
    yield general("a head wider than the stream", **_pair(draw, 2, 4, 3, 5))
    uneven = _pair(draw, 3, 4, 7, 2)
    yield general("patterns whose rows do not sum to 1", **{**uneven, "early_pattern": uneven["early_pattern"] * 2.0})
    yield general("large weights", **_pair(draw, 2, 5, 8, 3, scale=100.0))
    yield edge("a d_head of 1", **_pair(draw, 2, 4, 5, 1))
    yield edge("a d_model of 1", **_pair(draw, 2, 4, 1, 3))
    yield edge("one position", **_pair(draw, 3, 1, 5, 2))
    yield edge("one sequence", **_pair(draw, 1, 5, 6, 2))
    yield edge("sizes of 3 throughout", **_pair(draw, 3, 3, 3, 3))
    args = _pair(draw, 2, 4, 6, 3)
    yield edge("a late head that reads nothing", **{**args, "late_V": args["late_V"] * 0})


def _pair(draw: Draw, batch: int, position: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Tensor]:
    scores = [draw.normal(batch, position, position, scale=2.0) for _ in range(2)]
    return {
        "early_pattern": causal(scores[0]).softmax(-1),
        "late_pattern": causal(scores[1]).softmax(-1),
        "early_V": draw.normal(d_model, d_head, scale=scale),
        "early_O": draw.normal(d_head, d_model),
        "late_V": draw.normal(d_model, d_head),
        "late_O": draw.normal(d_head, d_model),
    }


def _looking(draw: Draw, early: list[int], late: list[int]) -> dict[str, Tensor]:
    """Two heads each of whose queries looks at one key alone, with weights small enough to multiply by hand."""
    count = len(early)
    rows = [draw.of([[[float(key == place) for key in range(count)] for place in looks]]) for looks in (early, late)]
    return {
        "early_pattern": rows[0],
        "late_pattern": rows[1],
        "early_V": draw.of([[1.0], [2.0]]),
        "early_O": draw.of([[3.0, -1.0]]),
        "late_V": draw.of([[0.0], [1.0]]),
        "late_O": draw.of([[1.0, 1.0]]),
    }


def _narrow_and_close(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    inner = got[1].A.shape[-1]
    most = args["early_V"].shape[-1]
    if inner > most:
        return Problem(
            "shape",
            f"Result 1: the inner dimension of its two factors is {inner}; a head is d_head wide, which is {most} here.",
        )
    return close(args, expected, got)


def patterns_exchanged(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The patterns are multiplied in the order in which the heads come. Rows of a pattern are queries: what arrives at the late
    head's keys was gathered there by the early head, so the early pattern stands on the right, next to the tokens."""
    return early_pattern @ late_pattern, factored(early_V @ (early_O @ late_V), late_O)


def weights_exchanged(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The late head's weights come first. With row vectors, as in `x @ W`, what happens first stands on the left. (In the paper
    vectors are columns, and there the order is this one.)"""
    return late_pattern @ early_pattern, factored(late_V @ (late_O @ early_V), early_O)


def both_exchanged(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """Early and late are exchanged throughout: the early head reads the tokens, and the late one reads what it wrote."""
    return early_pattern @ late_pattern, factored(late_V @ (late_O @ early_V), early_O)


def pattern_entry_by_entry(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The patterns are multiplied entry by entry: that asks for keys that both heads look at. The late head looks at a position
    in between, and the early head looked from there: sum over the positions in between."""
    return late_pattern * early_pattern, factored(early_V @ (early_O @ late_V), late_O)


def late_pattern_alone(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The pattern is the late head's alone, which says where it looks. What stands there was gathered by the early head from
    other positions: the pattern is to say from which."""
    return late_pattern.clone(), factored(early_V @ (early_O @ late_V), late_O)


def patterns_averaged(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The two patterns are averaged. One comes after the other, so that they multiply as steps do."""
    return (late_pattern + early_pattern) / 2, factored(early_V @ (early_O @ late_V), late_O)


def rows_divided_by_their_sums(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The rows of the product are divided by their sums. They sum to 1 where those of both patterns do; elsewhere they are left
    as they are."""
    pattern = late_pattern @ early_pattern
    return pattern / pattern.sum(-1, keepdim=True), factored(early_V @ (early_O @ late_V), late_O)


def factors_meet_in_the_stream(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """The two factors meet in the residual stream, between the two heads, so that the inner dimension is d_model: cut inside one
    of the heads."""
    return late_pattern @ early_pattern, factored(early_V @ early_O, late_V @ late_O)


def heads_added(
    early_pattern: Tensor, late_pattern: Tensor, early_V: Tensor, early_O: Tensor, late_V: Tensor, late_O: Tensor
) -> tuple[Tensor, FactoredMatrix]:
    """This is the late head alone: a virtual head is what it makes of the early one's output."""
    return late_pattern @ early_pattern, factored(late_V, late_O)


exercise = Exercise(
    __name__,
    further="Two heads of one layer: what would their virtual head be, and why is there none?",
    cases=_cases,
    answer=_narrow_and_close,
    parts=("the pattern", "the OV circuit"),
    wrong=(
        patterns_exchanged,
        weights_exchanged,
        both_exchanged,
        pattern_entry_by_entry,
        late_pattern_alone,
        patterns_averaged,
        rows_divided_by_their_sums,
        factors_meet_in_the_stream,
        heads_added,
    ),
    hints=(
        "Take the case with one key a query. The late head at position 2 looks at position 1, and there stands what the early head "
        "brought from 0. From where to where was something carried?",
        "Of all positions in between: how much the late head looks at each, times how much the early head, there, looked at the "
        "source. Which product of two matrices sums over what lies in between?",
        "A row vector that stands at the source is multiplied by four matrices, one after the other. Written from left to right, "
        "they stand in the order in which they act. Each head is a place where the product is d_head wide.",
        "`late_pattern @ early_pattern`, and `FactoredMatrix(early_V @ (early_O @ late_V), late_O)`.",
    ),
)
