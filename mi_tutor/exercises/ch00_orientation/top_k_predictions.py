"""The exercise `top_k_predictions`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _top_k_cases(draw: Draw) -> Iterator[Case]:
    yield basic("four tokens", logits=draw.of([0.5, 2.0, -1.0, 1.0]), k=2)
    yield basic("five tokens", logits=draw.normal(5, scale=2.0), k=draw.size(2, 3))
    for _ in range(3):
        d_vocab = draw.size(5, 40)
        yield general("random logits", logits=draw.normal(d_vocab, scale=2.0), k=draw.size(2, d_vocab - 1))
    yield general("logits hundreds of nats apart", logits=draw.normal(12, scale=300.0), k=5)
    yield general("a large vocabulary", logits=draw.normal(3000, scale=4.0), k=draw.size(5, 40))
    yield edge("k = 0", logits=draw.normal(6), k=0)
    yield edge("k = 1", logits=draw.normal(6), k=1)
    yield edge("k = d_vocab", logits=draw.normal(7), k=7)
    yield edge("a vocabulary of one token", logits=draw.normal(1), k=1)
    yield edge("all logits far below zero", logits=draw.normal(9) - 500.0, k=3)
    yield edge("equal logits", logits=draw.of([1.0, 3.0, 1.0, 3.0, 0.0, 3.0]), k=4)


def _by_probability(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Ids are judged by the probability they point to, and small probabilities relative to their own size."""
    probabilities = args["logits"].softmax(-1)
    ids, values = got[0].to(probabilities.device), got[1]
    # A float32 below 1e-37 has lost digits; in bfloat16 a probability through logarithms is a rough thing.
    relative, absolute = (0.05, 0.05) if values.dtype == torch.bfloat16 else (1e-4, 1e-37)

    def differs(a: Tensor, b: Tensor) -> Tensor:
        return ~torch.isclose(a.double(), b.double().to(a.device), rtol=relative, atol=absolute)

    if differs(values, expected[1]).any():
        return close(args, expected[1], values) or Problem("value", "Result 1: a small probability is wrong.")
    if len(ids) and (ids.min() < 0 or ids.max() >= len(probabilities)):
        return Problem("value", f"Result 0: some ids lie outside 0 … {len(probabilities) - 1}.")
    if len(ids.unique()) < len(ids):
        return Problem("value", "Result 0: an id stands twice.")
    if differs(probabilities[ids], expected[1]).any():
        at = int(differs(probabilities[ids], expected[1]).nonzero()[0])
        return Problem(
            "value",
            f"Result 0: the id at [{at}] is {int(ids[at])}, whose probability is {float(probabilities[ids[at]]):.6g}; "
            f"one with {float(expected[1][at]):.6g} belongs there.",
        )
    return None


def worst_first(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the right k, worst first: turn the order round."""
    best = logits.softmax(-1).topk(k)
    return best.indices.flip(0), best.values.flip(0)


def least_likely(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the k least likely tokens."""
    worst = logits.softmax(-1).topk(k, largest=False)
    return worst.indices, worst.values


def probabilities_first(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The two results are in the wrong order: ids first, then their probabilities."""
    best = logits.softmax(-1).topk(k)
    return best.values, best.indices


def logits_returned(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The second result holds logits; probabilities are asked for."""
    best = logits.topk(k)
    return best.indices, best.values


def log_probs_returned(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The second result holds log-probabilities; probabilities are asked for."""
    best = logits.log_softmax(-1).topk(k)
    return best.indices, best.values


def softmax_over_the_best(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The softmax runs over the k best alone, so that they seem to be all there is: take it over the whole vocabulary
    before you choose."""
    best = logits.topk(k)
    return best.indices, best.values.softmax(-1)


def sorted_by_id(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """These are the right k, in the order of their ids: the best belongs first."""
    ids = logits.topk(k).indices.sort().values
    return ids, logits.softmax(-1)[ids]


def exponentials_of_raw_logits(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The exponential of a logit of a few hundred is infinite, and that of one far below zero is 0. `softmax` subtracts
    the largest first."""
    exponentials = logits.exp()
    best = (exponentials / exponentials.sum()).topk(k)
    return best.indices, best.values


def ranks_for_ids(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The ids are 0, 1, 2 …, the places in the ranking: which tokens stand at these places?"""
    return torch.arange(k, device=logits.device), logits.softmax(-1).topk(k).values


exercise = Exercise(
    __name__,
    further="Add 5 to every logit, or double every logit: what does either do to the ids and to the probabilities? What, then, does one raw logit tell by itself?",
    cases=_top_k_cases,
    answer=_by_probability,
    wrong=(
        worst_first,
        least_likely,
        probabilities_first,
        logits_returned,
        log_probs_returned,
        softmax_over_the_best,
        sorted_by_id,
        exponentials_of_raw_logits,
        ranks_for_ids,
    ),
    hints=(
        "Two steps: logits into probabilities, then the largest of them. In this order: what would the probabilities mean "
        "if you chose first?",
        "`tensor.topk(k)` gives the k largest values and their indices, largest first.",
        "`best = logits.softmax(-1).topk(k)` has `best.values` and `best.indices`; the contract wants the ids first.",
    ),
    bf16=True,
)
