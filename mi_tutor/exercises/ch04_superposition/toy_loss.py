"""The exercise `toy_loss`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise

if TYPE_CHECKING:
    from torch import Tensor


def _loss_cases(draw: Draw) -> Iterator[Case]:
    x, x_hat = draw.of([[[1.0, 0.0]], [[0.0, 0.5]]]), draw.of([[[0.5, 0.0]], [[0.5, 0.0]]])
    yield basic("two samples, two features", x=x, x_hat=x_hat, importance=draw.of([1.0, 0.1]))
    yield basic("two instances", **_errors(draw, 4, 2, 3))
    for _ in range(3):
        size = draw.sizes("batch", "instance", "feature", low=2, high=9)
        yield general("random errors", **_errors(draw, *size.values()))
    yield edge("one feature", **_errors(draw, 5, 3, 1))
    yield edge("one sample", **_errors(draw, 1, 3, 4))
    yield edge("one instance", **_errors(draw, 5, 1, 4))
    n = draw.size(3, 5)
    yield edge("every size the same", **_errors(draw, n, n, n))
    args = _errors(draw, 5, 2, 4)
    yield edge("a feature of no importance", **{**args, "importance": draw.of([1.0, 0.0, 0.5, 0.0])})
    yield edge("a perfect reconstruction", **{**args, "x_hat": args["x"].clone()})
    yield edge("importances far from 1", **{**args, "importance": draw.of([100.0, 10.0, 0.1, 20.0])})


def _errors(draw: Draw, batch: int, instance: int, feature: int) -> dict[str, Tensor]:
    x, x_hat = (draw.normal(batch, instance, feature) for _ in range(2))
    return {"x": x.abs() % 1, "x_hat": x_hat.relu(), "importance": draw.normal(feature).abs() + 0.1}


def importance_left_out(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The importances are not used: weigh each feature's squared error with its own."""
    return (x - x_hat).square().mean((0, 2))


def importance_squared(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The importance is squared together with the error: it multiplies the squared error."""
    return (importance * (x - x_hat)).square().mean((0, 2))


def summed_over_features(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The features are summed: here the loss is a mean over features, too. (Papers differ on this; say which you use.)"""
    return (importance * (x - x_hat).square()).sum(-1).mean(0)


def summed_over_everything(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """This is a sum over batch and features: it should be a mean over both."""
    return (importance * (x - x_hat).square()).sum((0, 2))


def divided_by_the_importances(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """This is divided by the sum of the importances, as a weighted mean is: divide by the number of features."""
    return (importance * (x - x_hat).square()).sum(-1).mean(0) / importance.sum()


def one_number_for_all_instances(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The mean runs over the instances as well: each instance has a loss of its own."""
    return (importance * (x - x_hat).square()).mean()


def one_number_for_each_feature(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """There is a number for each instance and feature: the mean over features is missing."""
    return (importance * (x - x_hat).square()).mean(0)


def root_of_the_loss(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """A root is taken: the loss is the mean of the squares itself."""
    return (importance * (x - x_hat).square()).mean((0, 2)).sqrt()


def absolute_errors(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The errors are taken by their absolute value: square them."""
    return (importance * (x - x_hat).abs()).mean((0, 2))


def half_the_square(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """This is half of the loss: there is no factor 1/2 in it."""
    return (importance * (x - x_hat).square()).mean((0, 2)) / 2


def only_active_features(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """Errors count only where a feature is active here. What interference puts where nothing should be is an error, too."""
    return (importance * (x - x_hat).square() * (x > 0)).mean((0, 2))


def loss_cut_from_the_graph(x: Tensor, x_hat: Tensor, importance: Tensor) -> Tensor:
    """The loss is right, but no gradient reaches x_hat: something on the way detaches it."""
    return (importance * (x - x_hat.detach()).square()).mean((0, 2))


exercise = Exercise(
    __name__,
    further="A model answers 0 to everything. With an importance of 1, what does it lose at p = 1, and at p = 0.05? What should a loss at p = 0.05 be held against?",
    cases=_loss_cases,
    gradients=("x_hat",),
    wrong=(
        importance_left_out,
        importance_squared,
        summed_over_features,
        summed_over_everything,
        divided_by_the_importances,
        one_number_for_all_instances,
        one_number_for_each_feature,
        root_of_the_loss,
        absolute_errors,
        half_the_square,
        only_active_features,
        loss_cut_from_the_graph,
    ),
    hints=(
        "One number for each instance remains. Over which two axes do you take the mean?",
        "`importance` has one axis, features, and that is the last one of x: it broadcasts as it is.",
        "`(importance * (x - x_hat).square()).mean(…)`, with both axes named in the mean.",
    ),
)
