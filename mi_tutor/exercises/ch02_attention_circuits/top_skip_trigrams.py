"""The exercise `top_skip_trigrams`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, near
from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.factored import factored
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch02_attention_circuits._shared import INF

if TYPE_CHECKING:
    from torch import Tensor
    from transformer_lens import FactoredMatrix


def _trigram_cases(draw: Draw) -> Iterator[Case]:
    yield basic("six tokens", **_circuits(draw, 6, 2, 2), source=4, k=2)
    yield basic("the first token as source", **_circuits(draw, 7, 3, 2), source=0, k=3)
    for _ in range(3):
        d_vocab = draw.size(9, 30)
        circuits = _circuits(draw, d_vocab, draw.size(2, 6), draw.size(2, 6))
        yield general(
            "random circuits", **circuits, source=draw.size(1, d_vocab - 2), k=draw.size(2, max(2, d_vocab // 3))
        )
    yield general("large scores", **_circuits(draw, 15, 3, 4, scale=1000.0), source=6, k=5)
    for vocabulary in ((500, 600), (600, 700)):
        d_vocab = draw.size(*vocabulary)
        args = {**_circuits(draw, d_vocab, 4, 3), "source": draw.size(0, d_vocab - 1), "k": 5}
        yield Case("general", f"a vocabulary of {d_vocab}, watching memory", args, no_table=d_vocab)
    circuits = _circuits(draw, 8, 3, 3)
    yield edge("k = 1", **circuits, source=3, k=1)
    yield edge("k = d_vocab", **circuits, source=5, k=8)
    yield edge("the last token as source", **circuits, source=7, k=3)
    yield edge("a vocabulary of one token", **_circuits(draw, 1, 2, 2), source=0, k=1)
    yield edge("inner dimensions of 1", **_circuits(draw, 9, 1, 1), source=2, k=4)
    n = 5
    copying = draw.of(torch.eye(n) + torch.arange(n) / 100)
    same = factored(copying, draw.of(torch.eye(n)))
    yield edge("a source among its own destinations and outputs", ov=same, qk=same, source=2, k=2)
    below = factored(-draw.normal(n, 1).abs() - 0.1, draw.normal(1, n).abs() + 0.1)
    yield edge("entries that are all below zero", ov=below, qk=below, source=1, k=3)
    tied = factored(draw.of([[1.0], [1.0], [2.0], [2.0], [0.0]]), draw.of([[1.0, 3.0, 3.0, 1.0, 0.0]]))
    yield edge("equal scores", ov=tied, qk=tied, source=1, k=3)
    yield large_table(
        draw, lambda d_vocab: {**_circuits(draw, d_vocab, 4, 3), "source": draw.size(0, d_vocab - 1), "k": 5}
    )


def _circuits(draw: Draw, d_vocab: int, ov: int, qk: int, scale: float = 1.0) -> dict[str, Any]:
    return {
        "ov": draw.factored(d_vocab, ov, d_vocab, scale=scale),
        "qk": draw.factored(d_vocab, qk, d_vocab, scale=scale),
    }


def _outputs_of(ov: FactoredMatrix, source: int) -> Tensor:
    return ov.A[source] @ ov.B


def _destinations_of(qk: FactoredMatrix, source: int) -> Tensor:
    return qk.A @ qk.B[:, source]


def _by_scores(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Ids are judged by the scores they point to, best first."""
    columns = (
        ("destinations", _destinations_of(args["qk"], args["source"])),
        ("outputs", _outputs_of(args["ov"], args["source"])),
    )
    for place, (what, scores) in enumerate(columns):
        ids, best = got[place].to(scores.device), scores.topk(args["k"]).values
        if ids.min() < 0 or ids.max() >= len(scores):
            return Problem("value", f"Result {place}, the {what}: some ids lie outside 0 … {len(scores) - 1}.")
        if len(ids.unique()) < len(ids):
            return Problem("value", f"Result {place}, the {what}: an id stands twice.")
        pointed = scores[ids]
        size = float(scores.square().mean().sqrt())
        wrong = ~near(pointed.float(), best, scale=size)
        if wrong.any():
            at = int(wrong.nonzero()[0])
            return Problem(
                "value",
                f"Result {place}, the {what}: token {int(ids[at])} at [{at}] has the score {float(pointed[at]):.4g}; one with "
                f"{float(best[at]):.4g} belongs there.",
            )
    return None


def destinations_in_the_row(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The destinations come from the source's row of `qk`, which says what the source would look at. Who looks at the source
    stands in its column."""
    return (qk.A[source] @ qk.B).topk(k).indices, _outputs_of(ov, source).topk(k).indices


def outputs_in_the_column(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The outputs come from the source's column of `ov`, which says which tokens raise the source. What the source raises
    stands in its row."""
    return _destinations_of(qk, source).topk(k).indices, (ov.A @ ov.B[:, source]).topk(k).indices


def outputs_before_destinations(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The two results are the wrong way round: destinations first, then outputs."""
    return _outputs_of(ov, source).topk(k).indices, _destinations_of(qk, source).topk(k).indices


def circuits_exchanged(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The circuits have changed roles: `qk` decides who looks, the destinations; `ov` decides what that does, the
    outputs."""
    return _destinations_of(ov, source).topk(k).indices, _outputs_of(qk, source).topk(k).indices


def largest_by_magnitude(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The largest in magnitude are chosen: a strongly negative entry is a token that is pushed down, or that looks away."""
    return _destinations_of(qk, source).abs().topk(k).indices, _outputs_of(ov, source).abs().topk(k).indices


def outputs_by_magnitude(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The outputs are the largest in magnitude: a strongly negative entry is a token that the source pushes down. Rank the row of
    `ov` with its sign."""
    return _destinations_of(qk, source).topk(k).indices, _outputs_of(ov, source).abs().topk(k).indices


def destinations_by_magnitude(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The destinations are the largest in magnitude: a strongly negative score is a token that looks away from the source. Rank
    the column of `qk` with its sign."""
    return _destinations_of(qk, source).abs().topk(k).indices, _outputs_of(ov, source).topk(k).indices


def smallest_for_largest(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """These are the smallest scores; the largest are asked for."""
    return (
        _destinations_of(qk, source).topk(k, largest=False).indices,
        _outputs_of(ov, source).topk(k, largest=False).indices,
    )


def best_last(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The right tokens, but the best comes last: best first."""
    return _destinations_of(qk, source).topk(k).indices.flip(0), _outputs_of(ov, source).topk(k).indices.flip(0)


def source_left_out(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The source itself is left out. It may well be among its own destinations and outputs: that is what copying looks
    like."""
    destinations, outputs = _destinations_of(qk, source), _outputs_of(ov, source)
    destinations[source] = outputs[source] = -INF
    return destinations.topk(k).indices, outputs.topk(k).indices


def softmax_over_keys_first(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """A softmax over all key tokens is taken before the column is ranked: no text holds the whole vocabulary at once. Rank
    the scores as they are; the whole table is not needed either."""
    pattern = (qk.A @ qk.B).softmax(-1)
    return pattern[:, source].topk(k).indices, _outputs_of(ov, source).topk(k).indices


def tables_built(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """`.AB` multiplies the whole d_vocab × d_vocab table out, for one row or column of it. Pick the row of A or the column of
    B first: `ov.A[source] @ ov.B` and `qk.A @ qk.B[:, source]`."""
    return qk.AB[:, source].topk(k).indices, ov.AB[source].topk(k).indices


def factors_not_multiplied(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """`qk[:, source]` and `ov[source]` are not multiplied out: they are FactoredMatrices still, and no vectors that could be
    ranked. Multiply them yourself: `qk.A @ qk.B[:, source]` and `ov.A[source] @ ov.B`."""
    column: Any = qk[:, source]
    row: Any = ov[source]
    return column.topk(k).indices, row.topk(k).indices


def sorted_by_id(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """The right tokens, in the order of their ids: the best belongs first."""
    return _destinations_of(qk, source).topk(k).indices.sort().values, _outputs_of(ov, source).topk(
        k
    ).indices.sort().values


def scores_for_ids(ov: FactoredMatrix, qk: FactoredMatrix, source: int, k: int) -> tuple[Tensor, Tensor]:
    """These are the scores; the ids of the tokens are asked for: `topk` returns both, and `.indices` are the ids."""
    return _destinations_of(qk, source).topk(k).values, _outputs_of(ov, source).topk(k).values


exercise = Exercise(
    __name__,
    further="Your two lists hold no strengths. Which two numbers would you multiply to say how much a source raises an output in a given text, and which of them depends on everything else that stands there?",
    cases=_trigram_cases,
    answer=_by_scores,
    wrong=(
        destinations_in_the_row,
        outputs_in_the_column,
        outputs_before_destinations,
        circuits_exchanged,
        largest_by_magnitude,
        outputs_by_magnitude,
        destinations_by_magnitude,
        smallest_for_largest,
        best_last,
        source_left_out,
        softmax_over_keys_first,
        tables_built,
        factors_not_multiplied,
        sorted_by_id,
        scores_for_ids,
    ),
    hints=(
        "The source is the token that is read. In `qk` rows read and columns are read; in `ov` rows are read and columns are "
        "raised. Where does the source stand in each?",
        "One column of A @ B is `A @ B[:, source]`; one row is `A[source] @ B`. A FactoredMatrix has `.A` and `.B`.",
        "Twice the same: a vector of d_vocab scores, then `.topk(k).indices`. Destinations from `qk.A @ qk.B[:, source]`.",
    ),
)
