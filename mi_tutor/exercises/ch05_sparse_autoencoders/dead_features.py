"""The exercise `dead_features`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import activations

if TYPE_CHECKING:
    from torch import Tensor


def _dead_cases(draw: Draw) -> Iterator[Case]:
    yield basic("three inputs", f=draw.of([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [0.0, 0.5, 0.0, 0.0]]))
    few = draw.ids((3, 6), 3)
    few[:, draw.ids(2, 6)] = 0
    yield basic("three inputs, six features", f=draw.of(few))
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=3, high=12)
        yield general("random features", f=_partly_dead(draw, *size.values()))
    yield general("many features", f=_partly_dead(draw, 20, 150))
    yield edge("features that are hardly ever active", f=_rarely(draw, 40, 6))
    yield edge("weak features", f=draw.of([[1e-30, 0.0, 2.0, 0.0], [0.0, 0.0, 1e-12, 1e-6]]))
    yield edge("strong features", f=_partly_dead(draw, 5, 7) * 1e4)
    yield edge("all dead", f=draw.of(torch.zeros(4, 5)))
    yield edge("none dead", f=activations(draw, 4, 5) + 1)
    yield edge("an empty batch", f=draw.of(torch.zeros(0, 6)))
    yield edge("one input", f=draw.of([[0.0, 1.0, 0.0, 3.0]]))
    yield edge("one feature, alive", f=draw.of([[0.0], [2.0], [0.0]]))
    yield edge("one feature, dead", f=draw.of([[0.0], [0.0]]))
    yield edge("as many inputs as features", f=draw.of([[0.0, 1.0, 2.0], [0.0, 0.0, 1.0], [0.0, 3.0, 0.0]]))


def _partly_dead(draw: Draw, batch: int, d_sae: int) -> Tensor:
    f = activations(draw, batch, d_sae)
    f[:, draw.ids(max(1, d_sae // 3), d_sae)] = 0
    return f


def _rarely(draw: Draw, batch: int, d_sae: int) -> Tensor:
    f = torch.zeros(batch, d_sae)
    f[draw.ids(d_sae - 1, batch).cpu(), torch.arange(d_sae - 1)] = 0.1
    return draw.of(f)


def living_features(f: Tensor) -> Tensor:
    """This marks the living: True belongs to those that are never active."""
    return (f > 0).any(0)


def inactive_somewhere(f: Tensor) -> Tensor:
    """A feature counts as dead here when it is 0 on any input. Being off is what features do most of the time: dead is one
    that is 0 on all of them."""
    return (f == 0).any(0)


def empty_inputs(f: Tensor) -> Tensor:
    """This asks of every input whether it has no feature: ask of every feature whether it has no input, along the batch."""
    return ~(f > 0).any(-1)


def weak_counted_as_dead(f: Tensor) -> Tensor:
    """Weak features count as dead here: everything above 0 is a sign of life, however weak."""
    return (f <= 1e-3).all(0)


def nearly_zero_counted_as_dead(f: Tensor) -> Tensor:
    """Very weak features count as dead here: everything above 0 is a sign of life, however weak."""
    return (f <= 1e-8).all(0)


def rare_counted_as_dead(f: Tensor) -> Tensor:
    """Features that are active on few inputs count as dead here: one input is enough to be alive."""
    return (f > 0).to(f.dtype).mean(0) <= 0.05


def last_input_only(f: Tensor) -> Tensor:
    """Only the last input is looked at: a feature is dead when no input of the batch wakes it."""
    return f[-1] <= 0


def maximum_of_an_empty_batch(f: Tensor) -> Tensor:
    """An empty batch has no maximum, and torch refuses to take it. `any` and `all` know what to say: in an empty batch no
    feature is ever active."""
    return f.amax(0) <= 0


def none_dead_in_an_empty_batch(f: Tensor) -> Tensor:
    """In an empty batch no feature is ever above 0, so all are dead."""
    return ~(f > 0).any(0) if len(f) else torch.zeros(f.shape[1], dtype=torch.bool, device=f.device)


def zeros_and_ones(f: Tensor) -> Tensor:
    """These are numbers, 0 and 1: the result is Boolean."""
    return 1 - (f > 0).to(f.dtype).amax(0) if len(f) else f.new_ones(f.shape[1])


def numbers_of_the_dead(f: Tensor) -> Tensor:
    """These are the numbers of the dead features: a Boolean for every feature is asked for."""
    return (~(f > 0).any(0)).nonzero()[:, 0]


def how_many_are_dead(f: Tensor) -> Tensor:
    """This is how many are dead: a Boolean for every feature is asked for."""
    return (~(f > 0).any(0)).sum()


exercise = Exercise(
    __name__,
    further="A feature is active on one token in 100,000. How likely is it to count as dead in a batch of 10,000 tokens, and how many tokens make that less likely than one in a hundred?",
    cases=_dead_cases,
    wrong=(
        living_features,
        inactive_somewhere,
        empty_inputs,
        weak_counted_as_dead,
        nearly_zero_counted_as_dead,
        rare_counted_as_dead,
        last_input_only,
        maximum_of_an_empty_batch,
        none_dead_in_an_empty_batch,
        zeros_and_ones,
        numbers_of_the_dead,
        how_many_are_dead,
    ),
    hints=(
        "A feature is alive when there is *any* input on which it is above 0. Along which axis is that?",
        "`(f > 0).any(dim)` also works on an empty batch, where nothing is ever active.",
        "`~` turns a Boolean tensor round.",
    ),
)
