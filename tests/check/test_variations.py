"""A mistake that nobody listed is named by the change of the solution that does the same. None of these is a misconception."""

import math
import types

import pytest
import torch
import torch.nn.functional as F

from mi_tutor.check.draw import basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.judge import judge
from mi_tutor.check.variations import variations

CPU = torch.device("cpu")


def _losses(logits, tokens):
    return -logits.log_softmax(-1)[:-1].gather(-1, tokens[1:, None])[:, 0].mean()


def _loss_cases(draw):
    def on(position, d_vocab):
        return {"logits": draw.normal(position, d_vocab, scale=3.0), "tokens": draw.ids(position, d_vocab)}

    yield basic("five positions", **on(5, 4))
    for _ in range(3):
        size = draw.sizes("position", "d_vocab", low=6)
        yield general("a random text", **on(*size.values()))
    yield edge("two positions", **on(2, 5))


def _pattern(q, k):
    scores = q @ k.T / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape, dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -torch.inf).softmax(-1)


def _pattern_cases(draw):
    def on(position, d_head):
        return {"q": draw.normal(position, d_head), "k": draw.normal(position, d_head)}

    yield basic("four positions", **on(4, 3))
    for _ in range(3):
        yield general("random", **on(*draw.sizes("position", "d_head", low=5).values()))
    k = draw.normal(5, 3)
    yield edge("large scores", q=-1e8 * k, k=k)
    yield edge("one position", **on(1, 4))


def _masked(value, diagonal=1):
    def wrong(q, k):
        scores = q @ k.T / q.shape[-1] ** 0.5
        future = torch.ones(scores.shape, dtype=torch.bool).triu(diagonal)
        return scores.masked_fill(future, value).softmax(-1)

    return wrong


def again(function):
    """The same code as a function of its own: a solution refuses to be called while answers are checked."""
    return types.FunctionType(function.__code__, function.__globals__, function.__name__)


LOSSES, PATTERNS = (again(_losses), _loss_cases), (again(_pattern), _pattern_cases)
WRONG = [
    (LOSSES, lambda logits, tokens: F.cross_entropy(logits[:-1], tokens[:-1]), "one place off"),
    (LOSSES, lambda logits, tokens: F.cross_entropy(logits[1:], tokens[1:]), "one place off"),
    (
        LOSSES,
        lambda logits, tokens: -(-F.cross_entropy(logits[:-1], tokens[1:], reduction="none")).median(),
        "median for mean",
    ),
    (LOSSES, lambda logits, tokens: F.cross_entropy(-logits[:-1], tokens[1:]), "-logits"),
    (LOSSES, lambda logits, tokens: F.cross_entropy(logits.flip(0)[:-1], tokens[1:]), "logits reversed"),
    (LOSSES, lambda logits, tokens: F.cross_entropy(logits[:-1].relu(), tokens[1:]), "relu(logits)"),
    (
        LOSSES,
        lambda logits, tokens: -(logits.softmax(-1)[:-1].gather(-1, tokens[1:, None]) + 1e-4).log().mean(),
        "guard",
    ),
    (LOSSES, lambda logits, tokens: -logits[:-1].gather(-1, tokens[1:, None]).mean(), "no log_softmax"),
    (PATTERNS, _masked(-1.0), "mask value"),
    (PATTERNS, _masked(-1e6), "mask value"),
    (PATTERNS, lambda q, k: _pattern(k, q), "q and k exchanged"),
    (PATTERNS, lambda q, k: _masked(-torch.inf, 2)(q, k), "diagonal off by one"),
    (PATTERNS, lambda q, k: _pattern(q * (q.shape[1] / q.shape[0]) ** 0.5, k), "another axis's size"),
    (PATTERNS, lambda q, k: _pattern(q, k[:1].expand_as(k)), "k: the first for all"),
]


@pytest.mark.parametrize(("task", "wrong", "name"), WRONG, ids=[f"{name} {i}" for i, (_, _, name) in enumerate(WRONG)])
def test_a_change_of_the_solution_is_named(task, wrong, name, monkeypatch):
    reference, cases = task
    exercise = Exercise("none.task", wrong=(), hints=(), cases=cases)
    monkeypatch.setattr(Exercise, "reference", property(lambda self: reference))
    report = judge(exercise, wrong, 1, CPU)
    assert not report.passed
    assert report.mistake == name, str(report)
    assert "Your result is" in report.message


def test_what_no_change_gives_is_not_named(monkeypatch):
    exercise = Exercise("none.task", wrong=(), hints=(), cases=_loss_cases)
    monkeypatch.setattr(Exercise, "reference", property(lambda self: LOSSES[0]))
    for wrong in (
        lambda logits, tokens: F.cross_entropy(logits[:-1] + 0.3 * logits[:-1].sin(), tokens[1:]),
        lambda logits, tokens: _losses(logits, tokens) ** 1.5,
    ):
        assert judge(exercise, wrong, 1, CPU).mistake == "value"


def test_changes_leave_the_solution_as_it_is():
    draws = torch.Generator().manual_seed(0)
    args = {"logits": torch.randn(5, 4, generator=draws), "tokens": torch.randint(4, (5,), generator=draws)}
    before = _losses(**args)
    every = list(variations(_losses, args))
    assert len(every) > 30
    for variation in every:
        try:
            variation.function(*args.values())
        except (RuntimeError, IndexError, TypeError, ValueError):
            continue  # some fit no shapes, as some mistakes do not
    assert torch.equal(_losses(**args), before)
    assert math.isfinite(float(before))


def test_operations_inside_a_model_are_not_the_solutions():
    layer = torch.nn.Linear(3, 2)

    def reference(model, x):
        return model(x).relu()

    names = {each.name for each in variations(reference, {"model": layer, "x": torch.ones(4, 3)})}
    assert "no relu" in names
    assert not any("transposed factor" in name or "linear" in name for name in names)
