"""The exercise `induction_bump`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _bump_cases(draw: Draw) -> Iterator[Case]:
    def on(steps: list[int], scores: Tensor | list[float]) -> dict[str, Tensor]:
        return {"steps": draw.integers(steps), "scores": draw.of(scores)}

    def apart(count: int) -> list[int]:
        steps: list[int] = (draw.ids(count, 400) + 1).cumsum(0).tolist()
        return steps

    def rising(count: int) -> Tensor:
        return draw.normal(count).abs().cumsum(0)

    yield basic("five checkpoints", **on([1, 10, 100, 200, 1000], [0.0, 0.01, 0.02, 0.4, 0.5]))
    yield basic("a late, long climb", **on([10, 1000, 2000, 4000], [0.0, 0.3, 0.55, 0.6]))
    for count in (5, 6):
        yield basic("a score that rises", **on(apart(count), rising(count)))
    for _ in range(3):
        count = draw.size(5, 30)
        yield general("random checkpoints", **on(apart(count), draw.normal(count)))
    count = draw.size(12, 25)
    doubling = [0, *(2**i for i in range(count - 1))]
    yield general("doubling checkpoints from 0 on", **on(doubling, draw.normal(count).cumsum(0)))
    rise = torch.sigmoid((torch.arange(1, 31) - 17.0) * 1.3)
    yield general("a smooth rise", **on([100 * i for i in range(1, 31)], rise + 0.001 * draw.normal(30).cpu()))
    yield edge("a jump between step 0 and step 1", **on([0, 1, 2, 4, 8], [0.0, 0.9, 0.91, 0.95, 0.96]))
    yield edge("a random score that jumps after step 0", **on([0, *apart(5)], torch.cat([draw.of([-9.0]), rising(5)])))
    yield edge("a first stretch that is the steepest", **on([1, 3, 9, 30], [0.0, 0.6, 0.7, 0.75]))
    yield edge("a steep fall", **on([1, 2, 4, 8, 16], [0.5, 0.55, 0.02, 0.1, 0.2]))
    yield edge("scores that only fall", **on([1, 3, 9, 12, 50], [0.9, 0.7, 0.3, 0.29, 0.1]))
    yield edge("two checkpoints", **on([5, 50], [0.1, 0.2]))
    yield edge("two checkpoints and step 0", **on([0, 7, 9], [0.8, 0.2, 0.1]))
    yield edge("random scores that only fall", **on(apart(6), -rising(6)))
    yield edge("a score that never moves", **on([0, 2, 3, 7, 20], [0.25] * 5))
    yield edge("a score that never moves, from a random step on", **on(apart(5), float(draw.normal()) * torch.ones(5)))
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


def looked_up_in_the_whole_list(steps: Tensor, scores: Tensor) -> int:
    """The place was found without the checkpoint at step 0, and is looked up in the list that still has it: one too early."""
    return int(steps[1 + int(_slopes(*_kept(steps, scores)).argmax())])


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


exercise = Exercise(
    __name__,
    further="A score rises by 0.1 from step 1 to step 2, and by 0.7 from 1,000 to 4,000. Which rise is steeper against ln(step), which against the step? How would you defend either choice?",
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
        looked_up_in_the_whole_list,
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
