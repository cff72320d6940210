"""The exercise `best_feature_f1`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close_to_single_precision
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _f1_cases(draw: Draw) -> Iterator[Case]:
    f = [[0.0, 2.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.25, 1.0], [2.0, 0.0, 0.0], [0.0, 1.0, 0.5]]
    yield basic("five tokens", f=draw.of(f), label=_truth(draw, [1, 1, 0, 0, 1]), threshold=0.5)
    yield basic("six tokens", **_clear_cut(draw))
    for threshold in (0.0, 0.25, 1.0):
        size = draw.sizes("token", "d_sae", low=6, high=20)
        yield general("random features", **_predicting(draw, size["token"], size["d_sae"], threshold))
    yield general("many tokens", **_predicting(draw, 300, 30, 0.5))
    yield general("a rare label", **_rare(draw))
    yield edge(
        "values exactly at the threshold",
        f=draw.of([[0.5, 1.0], [0.5, 0.0], [1.0, 1.0], [0.0, 0.0]]),
        label=_truth(draw, [0, 0, 1, 0]),
        threshold=0.5,
    )
    yield edge(
        "weak features and a threshold of 0",
        f=draw.of([[1e-30, 1.0], [0.0, 0.0], [1e-12, 0.0]]),
        label=_truth(draw, [1, 0, 1]),
        threshold=0.0,
    )
    args = _predicting(draw, 12, 5, 0.25)
    yield edge("a label that is never true", **{**args, "label": torch.zeros_like(args["label"])})
    yield edge("a label that is always true", **{**args, "label": torch.ones_like(args["label"])})
    yield edge("a threshold that nothing reaches", **{**args, "threshold": 64.0})
    never = {**args, "threshold": 64.0, "label": torch.zeros_like(args["label"])}
    yield edge("nothing predicted and nothing true", **never)
    twice = torch.cat([args["f"] * 0, args["f"], args["f"]], 1)
    yield edge("features that are equal", **{**args, "f": twice})
    dead = args["f"].clone()
    dead[:, :2] = 0
    yield edge("dead features first", **{**args, "f": dead})
    yield edge("one feature", **_predicting(draw, 9, 1, 0.25))
    yield edge("one token", f=draw.of([[0.0, 2.0, 1.0]]), label=_truth(draw, [1]), threshold=0.5)
    yield edge("as many tokens as features", **_predicting(draw, 7, 7, 0.5))
    label = args["label"]
    right = draw.of(torch.where(label.cpu(), 2.0, 0.0))[:, None]
    yield edge("a perfect feature, last", **{**args, "f": torch.cat([args["f"], right], 1)})


def _truth(draw: Draw, values: list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.bool).to(draw.device)


def _predicting(draw: Draw, token: int, d_sae: int, threshold: float, every: int = 3) -> dict[str, Any]:
    label = draw.ids(token, every) == 0
    if not bool(label.any()):
        label[0] = True
    share = torch.linspace(0.2, 1.2, d_sae).roll(d_sae // 2)
    f = (draw.normal(token, d_sae) + draw.of(share) * (2.0 * label[:, None]).to(draw.dtype)).relu()
    return {"f": f, "label": label, "threshold": threshold}


def _clear_cut(draw: Draw) -> dict[str, Any]:
    """A few tokens without corners: every feature is right about one of them, and one is the best alone."""
    for _ in range(1000):
        args = _predicting(draw, 6, 3, 0.5)
        hits, false, missed = _counts(**args)
        first, second = _f1(hits, false, missed).topk(2).values.tolist()
        if bool((hits > 0).all()) and first > second:
            return args
    raise ValueError("no few tokens without corners were found")


def _rare(draw: Draw) -> dict[str, Any]:
    """A rare label, and features of which the most accurate one is not the best."""
    for _ in range(1000):
        args = _predicting(draw, 200, 12, 0.25, every=25)
        hits, false, missed = _counts(**args)
        f1 = _f1(hits, false, missed)
        if float(f1[(false + missed).argmin()]) < float(f1.max()):
            return args
    raise ValueError("no feature that is accurate and not the best was found")


def _counts(f: Tensor, label: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    says, truth = f > threshold, label[:, None]
    return (says & truth).sum(0), (says & ~truth).sum(0), (~says & truth).sum(0)


def _f1(hits: Tensor, false: Tensor, missed: Tensor) -> Tensor:
    below = 2 * hits + false + missed
    return torch.where(below > 0, 2 * hits.double() / below.clamp(min=1), 0.0)


def _scores(f: Tensor, label: Tensor, threshold: float) -> Tensor:
    return _f1(*_counts(f, label, threshold)).to(f.dtype)


def _chosen(scores: Tensor) -> tuple[int, Tensor]:
    best = int(scores.argmax())
    return best, scores[best]


def _best_or_tied(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """The best feature, the lowest of those with equal counts. Rounding may part others of equal F1: either is right."""
    if problem := close_to_single_precision(args, expected[1], got[1]):
        return Problem(problem.kind, f"Result 1: {problem.sentence}")
    counts = torch.stack(_counts(**args), -1)
    scores = _f1(*counts.unbind(-1))
    if not 0 <= got[0] < len(scores):
        return Problem("value", f"Result 0: {got[0]} is no feature; they run from 0 to {len(scores) - 1}.")
    if abs(float(scores[got[0]]) - float(scores.max())) > 1e-9:
        return Problem(
            "value",
            f"Result 0: feature {got[0]} has an F1 of {float(scores[got[0]]):.6g}, the best is feature {expected[0]}.",
        )
    alike = (counts == counts[got[0]]).all(-1) | ((scores == 0) & (scores[got[0]] == 0))
    if int(alike.nonzero()[0]) < got[0]:
        return Problem(
            "value",
            f"Result 0: feature {got[0]} has no higher an F1 than feature {int(alike.nonzero()[0])}, which comes before it: the "
            "lowest of the best counts.",
        )
    return None


def threshold_not_strict(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """A feature exactly at the threshold counts as a prediction, and with a threshold of 0 every feature predicts always: it
    has to be above, strictly."""
    truth, says = label[:, None], f >= threshold
    hits, false, missed = (says & truth).sum(0), (says & ~truth).sum(0), (~says & truth).sum(0)
    return _chosen(_f1(hits, false, missed).to(f.dtype))


def threshold_ignored(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The threshold is not used: a feature predicts where it is above the threshold, not above 0."""
    return _chosen(_scores(f, label, 0.0))


def threshold_as_a_share(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The threshold is taken as a share of each feature's own largest value: it is an activation, the same for all features."""
    return _chosen(_scores(f / torch.where(f.amax(0) > 0, f.amax(0), 1), label, threshold))


def accuracy(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is accuracy. Where a label is rare, a feature that never fires has nearly all of it right: F1 leaves out what is
    rightly not predicted."""
    return _chosen(((f > threshold) == label[:, None]).to(f.dtype).mean(0))


def chosen_by_accuracy(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The feature is chosen by its accuracy, and its F1 is given: for a rare label a feature that is hardly ever active has a high
    accuracy. Choose by F1."""
    predicted = f > threshold
    best = int((predicted == label[:, None]).to(f.dtype).mean(0).argmax())
    return best, _scores(f, label, threshold)[best]


def precision(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is precision: F1 also counts what is missed."""
    hits, false, _ = _counts(f, label, threshold)
    return _chosen((hits / (hits + false).clamp(min=1)).to(f.dtype))


def recall(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is recall: F1 also counts false alarms."""
    hits, _, missed = _counts(f, label, threshold)
    return _chosen((hits / (hits + missed).clamp(min=1)).to(f.dtype))


def mean_of_precision_and_recall(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is the plain mean of precision and recall: F1 is their harmonic mean, 2TP / (2TP + FP + FN)."""
    hits, false, missed = _counts(f, label, threshold)
    both = hits / (hits + false).clamp(min=1) + hits / (hits + missed).clamp(min=1)
    return _chosen((both / 2).to(f.dtype))


def hits_counted_once(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The hits are counted once, which is another measure (Jaccard): F1 counts them twice, above and below."""
    hits, false, missed = _counts(f, label, threshold)
    below = hits + false + missed
    return _chosen(torch.where(below > 0, hits / below.clamp(min=1), 0).to(f.dtype))


def zero_by_zero_f1(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """Where nothing is predicted and nothing is true, F1 is 0/0, which is NaN: it counts as 0."""
    hits, false, missed = _counts(f, label, threshold)
    return _chosen((2 * hits / (2 * hits + false + missed)).to(f.dtype))


def precision_of_nothing(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """A feature that predicts nothing has a precision of 0/0, which is NaN and then wins: with 2TP / (2TP + FP + FN) there is
    no such case as long as the label occurs."""
    hits, false, missed = _counts(f, label, threshold)
    p, r = hits / (hits + false), hits / (hits + missed)
    return _chosen((2 * p * r / (p + r)).to(f.dtype))


def highest_on_ties(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """Of several features with the same F1 this takes the last: the lowest is asked for."""
    scores = _scores(f, label, threshold)
    best = int((scores == scores.max()).nonzero()[-1])
    return best, scores[best]


def label_turned_round(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The label is turned round: a feature should be active where it is True."""
    return _chosen(_scores(f, ~label, threshold))


def worst_feature(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """This is the worst feature: the best is asked for."""
    scores = _scores(f, label, threshold)
    return int(scores.argmin()), scores.min()


def every_f1(f: Tensor, label: Tensor, threshold: float) -> tuple[int, Tensor]:
    """The second result is the F1 of every feature: that of the best one is asked for."""
    scores = _scores(f, label, threshold)
    return int(scores.argmax()), scores


def feature_as_a_tensor(f: Tensor, label: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """The first result is the feature's number, a Python int: `int(...)` makes one of a tensor. Its F1 comes second."""
    scores = _scores(f, label, threshold)
    return scores.argmax(), scores.max()


exercise = Exercise(
    __name__,
    further="One feature has precision 1 and recall 0.1, another precision 0.1 and recall 1. What is the F1 of each? Which would you trust when it is on, and which when it is off?",
    cases=_f1_cases,
    answer=_best_or_tied,
    wrong=(
        threshold_not_strict,
        threshold_ignored,
        accuracy,
        chosen_by_accuracy,
        precision,
        recall,
        mean_of_precision_and_recall,
        hits_counted_once,
        zero_by_zero_f1,
        precision_of_nothing,
        highest_on_ties,
        label_turned_round,
        worst_feature,
        every_f1,
        feature_as_a_tensor,
        threshold_as_a_share,
    ),
    hints=(
        "For each feature a table of four: active or not, label true or not. Which of the four does F1 leave out?",
        "`says = f > threshold` is [token, d_sae]; `label[:, None]` stands beside it as a column. Hits are "
        "`(says & label[:, None]).sum(0)`.",
        "With hits TP, false alarms FP and misses FN the harmonic mean of precision and recall is 2TP / (2TP + FP + FN), and "
        "what stands below is how often the feature is active plus how often the label is true.",
        "`scores.argmax()` takes the first of equal ones; `int(...)` makes a Python number of it.",
        "`2 * hits.to(f.dtype) / (says.sum(0) + label.sum()).clamp(min=1)` are the scores.",
    ),
)
