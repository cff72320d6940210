"""The exercise `gradient_by_hand`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.exercises.ch04_superposition._shared import before_relu, weights_off_kinks

if TYPE_CHECKING:
    from torch import Tensor

    Pair = tuple[Tensor, Tensor]


def _cases(draw: Draw) -> Iterator[Case]:
    x, W = draw.of([[[1.0, 0.0, 0.0]], [[0.0, 0.5, 0.25]]]), draw.of([[[1.0, 0.5, -1.0]]])
    yield basic("one dimension", x=x, W=W, b=draw.of([[0.1, -0.2, 0.3]]), importance=draw.of([1.0, 0.5, 0.25]))
    yield basic("one instance", **_arguments(draw, 4, 1, 2, 3))
    for _ in range(3):
        yield general("random weights", **_arguments(draw, *draw.sizes(*"bihf", low=2, high=7).values()))
    yield general("more dimensions than features", **_arguments(draw, 5, 2, 6, 3))
    yield general("inputs of both signs", **_arguments(draw, 6, 3, 2, 5, signed=True))
    yield edge("one feature", **_arguments(draw, 5, 2, 3, 1))
    yield edge("one hidden dimension", **_arguments(draw, 5, 3, 1, 4))
    yield edge("one sample", **_arguments(draw, 1, 3, 2, 4))
    n = draw.size(3, 4)
    yield edge("every size the same", **_arguments(draw, n, n, n, n))
    args = _arguments(draw, 5, 2, 3, 4)
    yield edge("weights of zero", **{**args, "W": args["W"] * 0})
    yield edge("biases far below zero", **{**args, "b": args["b"] - 100})
    yield edge("a feature of no importance", **{**args, "importance": draw.of([1.0, 0.0, 0.5, 0.25])})


def _arguments(draw: Draw, *sizes: int, signed: bool = False) -> dict[str, Tensor]:
    return {**weights_off_kinks(draw, *sizes, signed=signed), "importance": draw.normal(sizes[-1]).abs() + 0.1}


UP = "b i hidden, b i feature -> i hidden feature"
DOWN = "b i feature, i hidden feature -> b i hidden"


def _error(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Tensor:
    """The gradient in what goes into the ReLU."""
    before = before_relu(x, W, b)
    return 2 * importance * (before.relu() - x) * (before > 0) / (x.shape[0] * x.shape[2])


def _back(x: Tensor, W: Tensor, error: Tensor) -> Pair:
    """The gradients in W, by both ways, and in b, of a gradient in what goes into the ReLU."""
    return _way_up(x, W, error) + _way_down(x, W, error), error.sum(0)


def _way_up(x: Tensor, W: Tensor, error: Tensor) -> Tensor:
    return einsum(einsum(x, W, DOWN), error, UP)


def _way_down(x: Tensor, W: Tensor, error: Tensor) -> Tensor:
    return einsum(einsum(error, W, DOWN), x, UP)


def way_up_alone(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """W stands in the model twice, and a change of it changes what goes down as well: this is the gradient of its second use alone."""
    error = _error(x, W, b, importance)
    return _way_up(x, W, error), error.sum(0)


def way_down_alone(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """W stands in the model twice, and a change of it changes what goes up as well: this is the gradient of its first use alone."""
    error = _error(x, W, b, importance)
    return _way_down(x, W, error), error.sum(0)


def way_up_doubled(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """The gradient of W's second use is counted twice. Its first use has a gradient of its own: the error has to be brought down first."""
    error = _error(x, W, b, importance)
    return 2 * _way_up(x, W, error), error.sum(0)


def relu_let_through(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """Errors come back through outputs that the ReLU has cut off: there nothing changes, so there the gradient is 0."""
    x_hat = before_relu(x, W, b).relu()
    return _back(x, W, 2 * importance * (x_hat - x) / (x.shape[0] * x.shape[2]))


def masked_by_the_input(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """Errors are taken where the feature is active in the input. What lets them through is the ReLU: where its input is above 0."""
    x_hat = before_relu(x, W, b).relu()
    return _back(x, W, 2 * importance * (x_hat - x) * (x > 0) / (x.shape[0] * x.shape[2]))


def no_relu_at_all(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """This is the gradient of the linear model: the ReLU is missing, on the way forward and on the way back."""
    return _back(x, W, 2 * importance * (before_relu(x, W, b) - x) / (x.shape[0] * x.shape[2]))


def mean_over_the_batch_alone(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """This is the gradient of a sum over features: the loss is a mean over them, too."""
    return _back(x, W, _error(x, W, b, importance) * x.shape[2])


def sum_over_everything(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """This is the gradient of a sum over batch and features: the loss is a mean over both."""
    return _back(x, W, _error(x, W, b, importance) * x.shape[0] * x.shape[2])


def two_left_out(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """This is half of the gradient: a square has the derivative 2 · error."""
    return _back(x, W, _error(x, W, b, importance) / 2)


def importance_left_out(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """The importances are not used: the error of each feature counts with its own."""
    return _back(x, W, _error(x, W, b, importance * 0 + 1))


def downhill(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """The signs are turned round: this points where the loss falls. The gradient points where it grows; a step goes against it."""
    return _back(x, W, -_error(x, W, b, importance))


def bias_averaged(x: Tensor, W: Tensor, b: Tensor, importance: Tensor) -> Pair:
    """In the bias the batch is averaged a second time: the loss has divided by it already."""
    error = _error(x, W, b, importance)
    return _back(x, W, error)[0], error.mean(0)


exercise = Exercise(
    __name__,
    further="At an output of exactly 0 before the ReLU there are two gradients. How often does training meet it, and which one does autograd take?",
    cases=_cases,
    wrong=(
        way_up_alone,
        way_down_alone,
        way_up_doubled,
        relu_let_through,
        masked_by_the_input,
        no_relu_at_all,
        mean_over_the_batch_alone,
        sum_over_everything,
        two_left_out,
        importance_left_out,
        downhill,
        bias_averaged,
    ),
    hints=(
        "Begin at the end: how does the loss change with what goes *into* the ReLU, for one sample and one feature? Where is "
        "that exactly 0?",
        "Call it `error`, [batch instance feature]. The bias is added to all samples alike: what does that make of its gradient?",
        "W is used twice. Pretend that they are two matrices, down and up, and add their two gradients. Each is a sum over the batch "
        "of (what goes in) times (the gradient in what comes out).",
        "Up: h goes in and `error` comes out. Down: x goes in, and what comes out, h, has the gradient W `error`.",
        "`error = 2 * importance * (x_hat - x) * (x_hat > 0) / (batch * features)`; in W the sum over the batch of h · error and of "
        "(W error) · x, [hidden feature] each; in b `error.sum(0)`.",
    ),
)
