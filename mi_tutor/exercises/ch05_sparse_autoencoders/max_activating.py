"""The exercise `max_activating`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close, near
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import activations

if TYPE_CHECKING:
    from torch import Tensor


def _max_cases(draw: Draw) -> Iterator[Case]:
    first = [[0.0, 2.0, 0.5, 1.0], [3.0, 0.0, 0.0, 2.5], [0.0, 0.0, 1.5, 0.0]]
    yield basic("three sequences, the best two", f=draw.of(first), k=2)
    yield basic("four sequences, the best two", f=activations(draw, 4, 3), k=2)
    for _ in range(3):
        size = draw.sizes("batch", "position", low=3, high=12)
        yield general("random activations", f=activations(draw, *size.values()), k=draw.size(2, size["batch"] - 1))
    yield general("many sequences", f=activations(draw, 60, 9), k=draw.size(5, 20))
    yield edge("every sequence", f=activations(draw, 5, 4), k=5)
    yield edge("the best one", f=activations(draw, 5, 6), k=1)
    yield edge("one sequence", f=activations(draw, 1, 6), k=1)
    yield edge("one position", f=activations(draw, 6, 1), k=3)
    yield edge("as many sequences as positions", f=activations(draw, 4, 4), k=3)
    yield edge(
        "one sequence that has all the large values",
        f=draw.of([[9.0, 8.0, 7.0], [0.0, 1.0, 0.5], [0.25, 0.0, 0.0]]),
        k=3,
    )
    yield edge("equal values", f=draw.of([[1.0, 2.0, 2.0], [2.0, 0.0, 2.0], [0.0, 1.0, 1.0], [0.0, 0.0, 2.0]]), k=3)
    yield edge("a feature that is never active", f=draw.of(torch.zeros(4, 5)), k=2)
    yield edge("strong activations", f=activations(draw, 5, 6, scale=1e4), k=3)


def _best_places(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Values as expected; places judged by the values they point to, each sequence at most once."""
    f = args["f"]
    if problem := close(args, expected[0], got[0]):
        return Problem(problem.kind, f"Result 0: {problem.sentence}")
    places = got[1].to(f.device)
    rows, columns = places[:, 0], places[:, 1]
    if int(rows.min()) < 0 or int(rows.max()) >= f.shape[0]:
        return Problem("value", f"Result 1: some sequences lie outside 0 … {f.shape[0] - 1}.")
    if int(columns.min()) < 0 or int(columns.max()) >= f.shape[1]:
        return Problem("value", f"Result 1: some positions lie outside 0 … {f.shape[1] - 1}.")
    if len(rows.unique()) < len(rows):
        return Problem("value", "Result 1: a sequence stands there twice.")
    wrong = ~near(f[rows, columns].to(got[0].dtype), expected[0])
    if bool(wrong.any()):
        at = int(wrong.nonzero()[0])
        return Problem(
            "value",
            f"Result 1: at {places[at].tolist()} the activation is {float(f[rows[at], columns[at]]):.6g}, "
            f"not {float(expected[0][at]):.6g}.",
        )
    return None


def _pairs(flat: Tensor, position: int) -> Tensor:
    return torch.stack([flat // position, flat % position], -1)


def several_from_one_sequence(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Several come from one sequence. The neighbours of a maximum are often as strong, and show the same text again: take
    the best of each sequence first."""
    best = f.flatten().topk(k)
    return best.values, _pairs(best.indices, f.shape[1])


def ranks_for_sequences(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The positions are right, but the sequences are numbered by their rank, 0 … k-1: `topk` says which sequences won, in
    `indices`."""
    largest, positions = f.max(-1)
    best = largest.topk(k)
    return best.values, torch.stack([torch.arange(k, device=f.device), positions[best.indices]], -1)


def position_before_sequence(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The pairs are (position, batch): the sequence comes first."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([peaks.indices[best.indices], best.indices], 1)


def weakest_first(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The right ones, with the weakest first: turn the order round."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    rows = best.indices.flip(0)
    return best.values.flip(0), torch.stack([rows, peaks.indices[rows]], 1)


def in_order_of_the_text(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The right ones, in the order in which they stand in the batch: the strongest comes first."""
    peaks = f.max(1)
    rows = peaks.values.topk(k).indices.sort().values
    return peaks.values[rows], torch.stack([rows, peaks.indices[rows]], 1)


def first_sequences(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the first k sequences: choose those with the strongest activation."""
    peaks = f[:k].max(1)
    order = peaks.values.argsort(descending=True)
    return peaks.values[order], torch.stack([order, peaks.indices[order]], 1)


def places_before_values(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The two results have changed places: values first, then where they are."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return torch.stack([best.indices, peaks.indices[best.indices]], 1), best.values


def positions_of_the_first_k(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The positions belong to the first k sequences, not to the best ones: index them with the sequences that were chosen."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[:k]], 1)


def best_positions_of_all(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The best sequence is taken for each position: take the best position of each sequence, along the last axis."""
    peaks = f.max(0)
    best = peaks.values.topk(min(k, f.shape[1]))
    return best.values, torch.stack([peaks.indices[best.indices], best.indices], 1)


def flat_places(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These places count through the whole batch: divide them into (batch, position)."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, best.indices * f.shape[1] + peaks.indices[best.indices]


def strongest_on_average(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The sequences are chosen by their mean activation: by their strongest."""
    rows = f.mean(1).topk(k).indices
    peaks = f[rows].max(1)
    return peaks.values, torch.stack([rows, peaks.indices], 1)


def sequences_alone(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The position is missing: each row of the second result is (batch, position)."""
    best = f.amax(1).topk(k)
    return best.values, best.indices[:, None]


def maximum_and_its_position(f: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The second result is [2, k]: a row for each maximum, [k, 2]."""
    peaks = f.max(1)
    best = peaks.values.topk(k)
    return best.values, torch.stack([best.indices, peaks.indices[best.indices]])


exercise = Exercise(
    __name__,
    further="A feature is strongest on `<|bos|>`, at position 0 of every sequence. What does your list show of it, and what would you hand to the function to see the rest?",
    cases=_max_cases,
    answer=_best_places,
    wrong=(
        several_from_one_sequence,
        ranks_for_sequences,
        position_before_sequence,
        weakest_first,
        in_order_of_the_text,
        first_sequences,
        places_before_values,
        positions_of_the_first_k,
        best_positions_of_all,
        flat_places,
        strongest_on_average,
        sequences_alone,
        maximum_and_its_position,
    ),
    hints=(
        "One for each sequence: so first the best position of each, then the best sequences.",
        "`peaks = f.max(dim=1)` has `.values` and `.indices`, one for each sequence; `peaks.values.topk(k)` then chooses "
        "sequences.",
        "`torch.stack([sequences, positions], dim=1)` makes pairs of them. The positions are those of the chosen sequences.",
    ),
)
