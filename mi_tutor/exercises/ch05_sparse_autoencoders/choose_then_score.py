"""The exercise `choose_then_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch05_sparse_autoencoders._shared import activations

if TYPE_CHECKING:
    from torch import Tensor

Answer = tuple[int, int, "Tensor"]


def _cases(draw: Draw) -> Iterator[Case]:
    yield basic(
        "two features, two thresholds",
        f_choose=draw.of([[1.0, 3.0], [3.0, 0.0], [2.0, 0.0], [0.5, 0.0], [0.0, 1.0], [0.0, 0.0]]),
        label_choose=torch.tensor([True, True, True, False, False, False], device=draw.device),
        f_score=draw.of([[2.0, 1.0], [0.0, 0.0], [0.8, 0.0], [0.0, 2.0], [0.9, 2.0]]),
        label_score=torch.tensor([True, True, False, False, True], device=draw.device),
        thresholds=[0.0, 0.75],
    )
    yield basic("eight tokens to choose on, six to score on", **_clear_cut(draw))
    for _ in range(4):
        size = draw.sizes("token", "d_sae", low=4, high=9)
        yield general("random features", **_halves(draw, 5 * size["token"], 7 * size["token"], size["d_sae"]))
    yield general("many features", **_better_at_another_threshold(draw))
    yield edge("one threshold", **{**_halves(draw, 30, 40, 6), "thresholds": [0.4]})
    yield edge("one feature", **_halves(draw, 30, 40, 1))
    args = _halves(draw, 30, 40, 5)
    yield edge("a label that is never true on fresh tokens", **{**args, "label_score": args["label_score"] & False})
    yield edge("a label that is never true where one chooses", **{**args, "label_choose": args["label_choose"] & False})
    yield edge("features that are never active", **{**args, "f_choose": args["f_choose"] * 0})
    halves = _halves(draw, 30, 40, 3)
    twice = {name: halves[name].repeat(1, 2) for name in ("f_choose", "f_score")}
    yield edge("every feature twice", **{**halves, **twice})
    yield edge("thresholds between which nothing lies", **{**args, "thresholds": [0.0, 1e-7, 1e-6]})


def _halves(draw: Draw, first: int, second: int, d_sae: int) -> dict[str, Any]:
    """Features of which the second, where there is one, knows something of the label."""
    labels = [draw.normal(count) > 0.4 for count in (first, second)]
    tables = []
    for label in labels:
        f = activations(draw, len(label), d_sae)
        f[:, d_sae // 2] = (f[:, d_sae // 2] + 1.2 * label.to(f.dtype) - 0.5).relu()
        tables.append(f)
    return {
        "f_choose": tables[0],
        "label_choose": labels[0],
        "f_score": tables[1],
        "label_score": labels[1],
        "thresholds": [0.0, 0.3, 0.9, 1.6],
    }


def _f1(f: Tensor, label: Tensor, threshold: float) -> Tensor:
    says = f > threshold
    hits = (says & label[:, None]).sum(0)
    return 2 * hits.to(f.dtype) / (says.sum(0) + label.sum()).clamp(min=1)


def _clear_cut(draw: Draw) -> dict[str, Any]:
    """A few tokens without corners: both labels are true somewhere, and one pair is the best alone."""
    for _ in range(1000):
        args = _halves(draw, 8, 6, 2)
        table = torch.stack([_f1(args["f_choose"], args["label_choose"], t) for t in args["thresholds"]])
        first, second = table.flatten().topk(2).values.tolist()
        if bool(args["label_choose"].any()) and bool(args["label_score"].any()) and first > second:
            return args
    raise ValueError("no few tokens without corners were found")


def _better_at_another_threshold(draw: Draw) -> dict[str, Any]:
    """Many features, of which the best at the first threshold is not the best of all."""
    for _ in range(1000):
        args = _halves(draw, 40, 60, 150)
        table = torch.stack([_f1(args["f_choose"], args["label_choose"], t) for t in args["thresholds"]])
        if float(table[:, table[0].argmax()].max()) < float(table.max()):
            return args
    raise ValueError("no features of which another is better at another threshold were found")


def _best(f: Tensor, label: Tensor, thresholds: list[float]) -> tuple[int, int]:
    """The feature, and the place of its threshold in the list."""
    table = torch.stack([_f1(f, label, t) for t in thresholds])
    place = int(table.flatten().argmax())
    return place % f.shape[1], place // f.shape[1]


def _scored(f: Tensor, label: Tensor, thresholds: list[float], feature: int, place: int) -> Answer:
    return feature, place, _f1(f, label, thresholds[place])[feature]


def _counts(f: Tensor, label: Tensor, thresholds: list[float]) -> Tensor:
    """Hits, and how often a feature is active, for every pair: [threshold feature 2]."""
    says = torch.stack([f > t for t in thresholds])
    return torch.stack([(says & label[:, None]).sum(1), says.sum(1)], -1)


def _fairly_chosen(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """The first of the best pairs. Rounding may part pairs of equal F1 and different counts: either is right."""
    names = ("f_choose", "label_choose", "f_score", "label_score", "thresholds")
    f, label, f_score, label_score, thresholds = (args[name] for name in names)
    feature, place = int(got[0]), int(got[1])
    if not 0 <= feature < f.shape[1]:
        return Problem("value", f"Result 0: {feature} is no feature; they run from 0 to {f.shape[1] - 1}.")
    if not 0 <= place < len(thresholds):
        return Problem("value", f"Result 1: there is no threshold {place}; they run from 0 to {len(thresholds) - 1}.")
    counts = _counts(f, label, thresholds)
    scores = 2 * counts[..., 0].double() / (counts[..., 1] + label.sum()).clamp(min=1)
    mine = (place, feature)
    if float(scores[mine]) < float(scores.max()) - 1e-9:
        return Problem(
            "value",
            f"Results 0 and 1: feature {feature} at threshold {place} has an F1 of {float(scores[mine]):.4g} on the tokens to "
            f"choose on; feature {expected[0]} at threshold {expected[1]} has {float(scores.max()):.4g}.",
        )
    alike = (counts == counts[mine]).all(-1) | ((scores == 0) & (scores[mine] == 0))
    if int(alike.flatten().nonzero()[0]) < place * f.shape[1] + feature:
        return Problem(
            "value",
            "Results 0 and 1: a pair that comes before it does as well: the first threshold, the lowest feature.",
        )
    problem = close_to_single_precision(args, _f1(f_score, label_score, thresholds[place])[feature], got[2])
    return Problem(problem.kind, f"Result 2: {problem.sentence}") if problem else None


def score_of_the_choice(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """The F1 is that of the tokens on which feature and threshold were chosen, where the best of many looks better than it
    is: score them on the other tokens."""
    return _scored(f_choose, label_choose, thresholds, *_best(f_choose, label_choose, thresholds))


def chosen_on_the_fresh_tokens(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """Feature and threshold are chosen on the tokens they are scored on, so that the score is flattered: choose on the
    others."""
    return _scored(f_score, label_score, thresholds, *_best(f_score, label_score, thresholds))


def halves_exchanged(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """The two halves are exchanged: choose on the first, score on the second."""
    return _scored(f_choose, label_choose, thresholds, *_best(f_score, label_score, thresholds))


def threshold_tuned_on_the_fresh_tokens(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """The threshold is chosen on the fresh tokens: what is chosen there, feature or threshold, is flattered by them."""
    feature, _ = _best(f_choose, label_choose, thresholds)
    _, place = _best(f_score[:, [feature]], label_score, thresholds)
    return _scored(f_score, label_score, thresholds, feature, place)


def feature_chosen_at_the_first_threshold(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """The feature is chosen at the first threshold, and only then a threshold for it. Another feature may be better at
    another threshold: choose the pair."""
    feature, _ = _best(f_choose, label_choose, thresholds[:1])
    _, place = _best(f_choose[:, [feature]], label_choose, thresholds)
    return _scored(f_score, label_score, thresholds, feature, place)


def first_threshold_only(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """Only the first threshold is tried: try them all."""
    return _scored(f_score, label_score, thresholds, *_best(f_choose, label_choose, thresholds[:1]))


def last_threshold_on_ties(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """Where several thresholds do equally well the last of them is taken: take the first in the list."""
    feature, place = _best(f_choose, label_choose, thresholds[::-1])
    return _scored(f_score, label_score, thresholds, feature, len(thresholds) - 1 - place)


def best_on_fresh_tokens_at_that_threshold(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """On the fresh tokens the best feature is looked for once more: score the one that was chosen."""
    _, place = _best(f_choose, label_choose, thresholds)
    feature = int(_f1(f_score, label_score, thresholds[place]).argmax())
    return _scored(f_score, label_score, thresholds, feature, place)


def scored_without_a_threshold(
    f_choose: Tensor, label_choose: Tensor, f_score: Tensor, label_score: Tensor, thresholds: list[float]
) -> Answer:
    """The chosen feature is scored at threshold 0: it is scored at the one that was chosen with it."""
    feature, place = _best(f_choose, label_choose, thresholds)
    return feature, place, _f1(f_score, label_score, 0.0)[feature]


exercise = Exercise(
    __name__,
    cases=_cases,
    answer=_fairly_chosen,
    wrong=(
        score_of_the_choice,
        chosen_on_the_fresh_tokens,
        halves_exchanged,
        threshold_tuned_on_the_fresh_tokens,
        feature_chosen_at_the_first_threshold,
        first_threshold_only,
        last_threshold_on_ties,
        best_on_fresh_tokens_at_that_threshold,
        scored_without_a_threshold,
    ),
    hints=(
        "Two steps that must not see the same tokens: first a pair of feature and threshold, then its score.",
        "`best_feature_f1(f_choose, label_choose, t)` gives the best feature at one threshold and its F1. Which t has the "
        "best best feature?",
        "Of equal ones Python's `max(tried, key=...)` keeps the first.",
        "Score one column: `best_feature_f1(f_score[:, [feature]], label_score, threshold)[1]`.",
    ),
    further="How would you put an interval on that score, and what would you draw again for it: tokens, or files?",
)
