"""The exercise `top_k_activation`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close, near
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _top_k_cases(draw: Draw) -> Iterator[Case]:
    yield basic("two inputs, two of four", pre=draw.of([[1.0, -2.0, 3.0, 0.5], [-1.0, 4.0, -3.0, 2.0]]), k=2)
    pre = draw.normal(2, 6).abs() + 0.1
    pre[:, draw.ids(3, 6)] *= -1
    yield basic("two inputs with k positive values or more", pre=pre, k=draw.size(2, 3))
    for _ in range(3):
        size = draw.sizes("batch", "d_sae", low=4, high=12)
        yield general("random values", pre=draw.normal(*size.values()), k=draw.size(1, size["d_sae"] - 1))
    yield general("many features", pre=draw.normal(6, 300), k=draw.size(10, 40))
    yield edge("k = 0", pre=draw.normal(4, 5), k=0)
    yield edge("k = 1", pre=draw.normal(4, 5), k=1)
    yield edge("k = d_sae", pre=draw.normal(4, 6), k=6)
    yield edge("an empty batch", pre=draw.of(torch.zeros(0, 5)), k=2)
    yield edge("one input", pre=draw.normal(1, 7), k=3)
    yield edge("one feature", pre=draw.normal(5, 1), k=1)
    yield edge("as many inputs as features", pre=draw.normal(4, 4), k=2)
    yield edge("values that are all negative", pre=-draw.normal(4, 6).abs() - 0.5, k=3)
    yield edge("fewer positive values than k", pre=draw.of([[2.0, -1.0, -3.0, -0.5], [-1.0, -2.0, 0.25, 3.0]]), k=3)
    yield edge("ties at the border", pre=draw.of([[1.0, 3.0, 1.0, 1.0, 0.5], [2.0, 2.0, 2.0, 2.0, 2.0]]), k=3)
    yield edge("ties at the top", pre=draw.of([[3.0, 3.0, 3.0, 1.0], [0.0, 5.0, 5.0, 5.0]]), k=1)
    yield edge("zeros among them", pre=draw.of([[0.0, 0.0, 1.0, -1.0], [0.0, 0.0, 0.0, 0.0]]), k=2)
    yield edge("rows of very different size", pre=draw.normal(4, 6) * draw.of([[1e-3], [1.0], [1e3], [10.0]]), k=2)
    yield edge("one input with all the large values", pre=draw.of([[9.0, 8.0, 7.0, 6.0], [0.4, 0.3, 0.2, 0.1]]), k=2)


def _exactly_k(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """The values of each row, in whatever place among equal ones."""
    allowed = args["pre"].relu()
    placed = torch.where(got.cpu() != 0, allowed.to(got.device).cpu(), 0)
    fits = near(got.sort(-1).values, expected.sort(-1).values).all() and near(got.cpu(), placed).all()
    if bool(fits):
        return None
    if problem := close(args, expected, got):
        if problem.kind == "value" and got.numel():
            counts = (got != 0).sum(-1), (expected != 0).sum(-1).to(got.device)
            rows = (counts[0] != counts[1]).nonzero()[:, 0]
            if len(rows):
                row = int(rows[0])
                return Problem(
                    "value",
                    f"{problem.sentence} Row {row} has {int(counts[0][row])} values other than 0; it should have {int(counts[1][row])}.",
                )
        return problem
    return None


def candidates_not_rectified(pre: Tensor, k: int) -> Tensor:
    """Negative values are kept where they are among the k largest: features are never negative, so a ReLU follows."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values)


def everything_at_least_the_kth(pre: Tensor, k: int) -> Tensor:
    """Everything at least as large as the k-th is kept, so that ties keep more than k: keep exactly k candidates, by their
    indices."""
    if k == 0:
        return torch.zeros_like(pre)
    border = pre.topk(k, dim=-1).values[..., -1:] if len(pre) else pre[..., :1]
    return torch.where(pre >= border, pre.relu(), 0)


def everything_above_the_kth(pre: Tensor, k: int) -> Tensor:
    """The k-th largest is left out: only what is larger than it is kept."""
    if k == 0 or not len(pre):
        return torch.zeros_like(pre)
    border = pre.topk(k, dim=-1).values[..., -1:]
    return torch.where(pre > border, pre.relu(), 0)


def top_k_of_the_whole_batch(pre: Tensor, k: int) -> Tensor:
    """The largest values of the whole batch are kept, k on average: another method (BatchTopK). Here each row has its own k."""
    flat = pre.flatten()
    best = flat.topk(k * len(pre))
    return torch.zeros_like(flat).scatter(0, best.indices, best.values.relu()).view_as(pre)


def top_k_over_the_batch(pre: Tensor, k: int) -> Tensor:
    """The k largest inputs of each feature are kept: choose among the features of each input, along the last axis."""
    best = pre.topk(min(k, len(pre)), dim=0)
    return torch.zeros_like(pre).scatter(0, best.indices, best.values.relu())


def k_smallest(pre: Tensor, k: int) -> Tensor:
    """The k smallest values are kept: the largest are asked for."""
    worst = pre.topk(k, dim=-1, largest=False)
    return torch.zeros_like(pre).scatter(-1, worst.indices, worst.values.relu())


def k_largest_magnitudes(pre: Tensor, k: int) -> Tensor:
    """The candidates are chosen by magnitude, so that a large negative value takes the place of a positive one: choose by
    value."""
    best = pre.abs().topk(k, dim=-1).indices
    return torch.zeros_like(pre).scatter(-1, best, pre.gather(-1, best).relu())


def one_more_than_k(pre: Tensor, k: int) -> Tensor:
    """One candidate too many is kept."""
    best = pre.topk(min(k + 1, pre.shape[-1]), dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())


def at_least_one_kept(pre: Tensor, k: int) -> Tensor:
    """With k = 0 nothing is kept, and everything is 0."""
    best = pre.topk(max(k, 1), dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())


def candidates_marked(pre: Tensor, k: int) -> Tensor:
    """The candidates are marked with 1: they keep their values."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, (best.values > 0).to(pre.dtype))


def candidates_alone(pre: Tensor, k: int) -> Tensor:
    """These are the k values without their places: put them back where they came from, and 0 everywhere else."""
    return pre.topk(k, dim=-1).values.relu()


def rest_not_set_to_zero(pre: Tensor, k: int) -> Tensor:
    """Only the negative values are set to 0: this is a ReLU. All but k candidates of each row become 0."""
    return pre.relu()


def softmax_over_candidates(pre: Tensor, k: int) -> Tensor:
    """A softmax is taken over the candidates, as in a mixture of experts: they keep their own values."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.softmax(-1))


def top_k_cut_from_the_graph(pre: Tensor, k: int) -> Tensor:
    """The values are right, but no gradient reaches them: take the values that `topk` returns, not a detached copy."""
    best = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu()).detach()


exercise = Exercise(
    __name__,
    further="With k = 32, what becomes of an input that needs 3 features, and of one that needs 100? How else could ten inputs share 320 places?",
    cases=_top_k_cases,
    answer=_exactly_k,
    gradients=("pre",),
    bf16=True,
    wrong=(
        candidates_not_rectified,
        everything_at_least_the_kth,
        everything_above_the_kth,
        top_k_of_the_whole_batch,
        top_k_over_the_batch,
        k_smallest,
        k_largest_magnitudes,
        one_more_than_k,
        at_least_one_kept,
        candidates_marked,
        candidates_alone,
        rest_not_set_to_zero,
        softmax_over_candidates,
        top_k_cut_from_the_graph,
    ),
    hints=(
        "Find the k largest of each row, then put them back where they stood in a row of zeros.",
        "`pre.topk(k, dim=-1)` gives values and indices. Comparing with the k-th value would keep too many where values are "
        "equal.",
        "`torch.zeros_like(pre).scatter(-1, indices, values)` puts values into their places.",
        "The values go through a ReLU on the way: `values.relu()`.",
    ),
)
