"""When no misconception matches, a general difference is still named. Each of these is a mistake no exercise lists."""

import math

import pytest
import torch
import torch.nn.functional as F

from mi_tutor import check
from mi_tutor.check.draw import Draw, basic, cases_from_annotations, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.judge import judge
from mi_tutor.check.report import written


def bare(name, monkeypatch, reference, **settings):
    """An exercise with no misconceptions, around a reference made here."""
    exercise = Exercise(f"none.{name}", wrong=(), hints=(), **settings)
    monkeypatch.setattr(Exercise, "reference", property(lambda self: reference))
    return exercise


def _cases(draw):
    yield basic("a small input", x=draw.normal(2, 3, 4))
    for _ in range(3):
        a, b, c = draw.sizes("a", "b", "c").values()
        yield general("a random input", x=draw.normal(a, b, c))
    yield edge("a single row", x=draw.normal(1, 2, 5))


@pytest.mark.parametrize(
    ("wrong", "mistake"),
    [
        (lambda x: x.mean(-1).T, "transposed"),
        (lambda x: -x.mean(-1), "sign"),
        (lambda x: 2 * x.mean(-1), "factor 2"),
        (lambda x: x.mean(-1) / math.log(2), "factor 1/ln 2"),
        (lambda x: x.mean(-1) * 1.7, "constant factor"),
        (lambda x: x.sum(-1), "factor size of x along axis 2"),
        (lambda x: x.mean(-1) / x.shape[0] ** 0.5, "factor 1/√(size of x along axis 0)"),
        (lambda x: x.mean(-1) + 3, "constant offset"),
        (lambda x: x.mean(-1) - x.mean(-1).mean(0), "constant offset"),
        (lambda x: x.mean(-1).flip(1), "reversed"),
        (lambda x: x.mean(-1).roll(1, 1), "value"),
        (lambda x: x.mean(-1).exp(), "missing log"),
        (lambda x: x.mean(-1).softmax(-1), "extra softmax"),
        (lambda x: x.mean(-1, keepdim=True), "extra axis"),
        (lambda x: x.float().mean(-1).to(x.dtype), "lost precision"),
        (lambda x: x.bfloat16().mean(-1).to(x.dtype), "lost precision"),
        (lambda x: x.mean(-1).relu(), "extra rectification"),
        (lambda x: x.mean(-1).clamp(max=0), "only the negative part"),
        (lambda x: x.mean(-1).abs(), "sign lost"),
        (lambda x: x.mean(-1)[:1].expand(x.shape[0], -1), "the first for all"),
        (lambda x: x.mean(-1)[:, -1:].expand(-1, x.shape[1]), "the last for all"),
        (lambda x: x.mean(-1).mean(0, keepdim=True).expand(x.shape[0], -1), "the mean for all"),
        (lambda x: torch.zeros_like(x.mean(-1)), "value"),
    ],
)
def test_the_difference_is_named(wrong, mistake, monkeypatch):
    exercise = bare("means", monkeypatch, lambda x: x.mean(-1), cases=_cases)
    report = judge(exercise, wrong, 0, torch.device("cpu"))
    assert report.mistake == mistake
    assert not report.passed


def test_a_shift_by_one_is_named(monkeypatch):
    exercise = bare("steps", monkeypatch, lambda x: x.cumsum(-1), cases=_cases)
    report = judge(exercise, lambda x: F.pad(x.cumsum(-1), (1, 0))[..., :-1], 0, torch.device("cpu"))
    assert report.mistake == "shifted by one"


def test_a_softmax_over_the_wrong_axis_is_named(monkeypatch):
    exercise = bare("weights", monkeypatch, lambda x: x.softmax(-1), cases=_cases)
    report = judge(exercise, lambda x: x.softmax(1), 0, torch.device("cpu"))
    assert report.mistake == "softmax over the wrong axis"


def test_an_infinity_made_finite_is_named():
    def finite(counts, smoothing):
        smoothed = counts + smoothing
        return (smoothed / smoothed.sum(-1, keepdim=True)).log().nan_to_num(neginf=-1e9)

    assert check(finite, "bigram_log_probs").mistake == "infinity made finite"


@pytest.mark.parametrize("factor", [3.7, 1.001])
def test_an_infinity_of_the_wrong_sign_is_not_nearly_right(factor):
    report = check(lambda table, tokens: factor * table[tokens[:-1], tokens[1:]].mean() + 1, "bigram_cross_entropy")
    assert not report.passed
    assert report.mistake != "lost precision"


def test_a_missing_sum_is_named(monkeypatch):
    exercise = bare("totals", monkeypatch, lambda x: x.sum(1), cases=_cases)
    report = judge(exercise, lambda x: x, 0, torch.device("cpu"))
    assert report.mistake == "missing sum"


def test_a_constant_answer_that_is_right_in_a_corner_earns_nothing():
    assert check(lambda tokens, d_vocab: torch.zeros(d_vocab, d_vocab, dtype=torch.int64), "count_bigrams").points == 0


def test_sizes_from_annotations_are_distinct_and_include_one():
    from mi_tutor.solutions.ch01_bigrams import direct_path_logits

    cases = list(cases_from_annotations(direct_path_logits, Draw(0)))
    assert any(case.args["W_E"].shape[0] == 1 for case in cases)
    assert any(case.args["W_E"].shape[1] == 1 for case in cases)
    ordinary = [case.args["W_E"].shape for case in cases if case.group == "general"]
    assert all(rows != columns for rows, columns in ordinary)


def test_the_same_seed_draws_the_same_in_every_dtype():
    single = Draw(3, "x", torch.float32).normal(4, 5)
    double = Draw(3, "x", torch.float64).normal(4, 5)
    assert torch.equal(single, double.float())
    assert not torch.equal(double, Draw(4, "x", torch.float64).normal(4, 5))


def _written(report):
    return [written(report.expected), written(report.got)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_right_numbers_in_another_dtype_are_called_right_and_shown_apart(dtype):
    report = check(lambda f: (f > 0).to(dtype).sum(-1).mean(), "l0")
    assert "The numbers are right. The dtype should be" in report.message.replace("the numbers", "The numbers")
    expected, got = _written(report)
    assert expected != got
    assert report.expected.dtype != dtype


def test_wrong_numbers_are_named_before_their_dtype():
    def share(f):
        return (f > 0).double().mean()

    def accuracy(f, label, threshold):
        right = ((f > threshold) == label[:, None]).double().mean(0)
        return int(right.argmax()), right.max()

    assert check(share, "l0").mistake == "share_of_active_features"
    assert check(accuracy, "best_feature_f1").mistake == "accuracy"


def test_a_card_shows_what_is_expected_in_the_dtype_that_is_wanted():
    report = check(lambda W: W.sum(-1), "neuron_purity")
    assert report.expected.dtype == report.got.dtype == torch.float32


@pytest.mark.parametrize("guard", [1e-3, 1e-4, 1e-6])
def test_a_small_constant_in_a_denominator_is_named(guard):
    def dimensionality(W):
        length = W.square().sum(1)
        overlap = (F.normalize(W, dim=1).mT @ W).square().sum(-1)
        return length / (overlap + guard)

    def purity(W):
        return W.abs().amax(-1) / (W.abs().sum(-1) + guard)

    for function, name in ((dimensionality, "feature_dimensionality"), (purity, "neuron_purity")):
        report = check(function, name)
        assert report.mistake == "guard"
        assert f"a guard of about {guard:g} added to what is divided by" in report.message


def test_two_mistakes_in_answers_that_have_nothing_to_do_with_each_other_are_both_named():
    def losses(probability, importance):
        p = probability
        return torch.tensor([importance * p / 3, p / 3, (1 + importance) * p**2 / 3])

    def losses_of_which_one_is_a_riddle(probability, importance):
        p = probability
        return torch.tensor([importance * p / 3, p / 3, 0.123])

    report = check(losses, "strategy_losses")
    assert report.mistake == "no_bias_for_the_lost and both_by_one_value"
    assert "For “both, in opposite directions”: " in report.message
    assert check(losses_of_which_one_is_a_riddle, "strategy_losses").mistake == "no_bias_for_the_lost"


def test_a_gate_drawn_once_for_a_batch_is_recognised_however_it_falls():
    def gate_first(batch, feature_probability, generator):
        gate = torch.rand(feature_probability.shape, generator=generator) < feature_probability
        value = torch.rand(batch, *feature_probability.shape, generator=generator, dtype=feature_probability.dtype)
        return value * gate

    def value_first(batch, feature_probability, generator):
        value = torch.rand(batch, *feature_probability.shape, generator=generator, dtype=feature_probability.dtype)
        return value * (torch.rand(feature_probability.shape, generator=generator) < feature_probability)

    for seed in (None, 1, 2):
        for function in (gate_first, value_first):
            assert check(function, "sparse_features", seed=seed).mistake == "gate_fixed_for_the_batch"


def test_what_a_tally_counts_is_said_in_words():
    def squared(batch, feature_probability, generator):
        like = {"generator": generator, "dtype": feature_probability.dtype}
        gate, value = (torch.rand(batch, *feature_probability.shape, **like) for _ in range(2))
        return torch.where(gate < feature_probability, value.square(), 0)

    sentence = check(squared, "sparse_features").message
    assert "a value between 0 and 0.031 came" in sentence
    assert "times in 40000 samples (two draws of 20000); about 625 expected" in sentence
