"""FactoredMatrix as an argument and as a result: judged by its product, copied, watched and shown by its factors."""

import sys

import pytest
import torch
from transformer_lens import FactoredMatrix

from mi_tutor import check
from mi_tutor.check.compare import close, plain, same
from mi_tutor.check.conditions import changed_argument, watch_arguments
from mi_tutor.check.draw import Case, Draw, copy_arguments, in_double
from mi_tutor.check.factored import root_mean_square
from mi_tutor.check.memory import TableRule
from mi_tutor.check.report import written
from mi_tutor.check.trial import memory_rule

CPU = torch.device("cpu")


def matrix(rows=5, inner=2, columns=4, seed=0):
    return Draw(seed).factored(rows, inner, columns)


def judged(value, expected):
    value, problem = plain(value, expected, torch.float32, CPU)
    return problem or close({}, expected, value)


def test_any_factors_with_the_product_are_right():
    expected = matrix()
    turn = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(1))).Q
    for value in (
        FactoredMatrix(expected.A @ turn, turn.T @ expected.B),
        expected.T.T,
        FactoredMatrix(expected.AB, torch.eye(4)),
    ):
        problem = judged(value, expected)
        assert problem is None or problem.kind == "inner dimension"
    assert judged(FactoredMatrix(expected.A * 2, expected.B), expected).kind == "value"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda m: m.AB, "returned a tensor, the whole table"),
        (lambda m: m.A, "returned a tensor, of shape [5, 2]"),
        (lambda m: (m.A, m.B), "two tensors side by side"),
        (lambda m: None, "returned None"),
        (lambda m: m.T, "The shape should be [5, 4]"),
        (lambda m: m.unsqueeze(0), "The shape should be [5, 4]"),
        (lambda m: FactoredMatrix(m.A.double(), m.B), "The factor A: The dtype"),
        (lambda m: FactoredMatrix(m.A * float("nan"), m.B), "holds NaN"),
        (lambda m: FactoredMatrix(torch.cat([m.A, m.A], 1), torch.cat([m.B, 0 * m.B])), "its inner dimension is 4"),
    ],
)
def test_another_type_shape_dtype_or_width_has_its_own_sentence(spoil, said):
    expected = matrix()
    assert said in judged(spoil(expected), expected).sentence


def test_a_product_too_large_to_go_through_is_judged_by_its_difference(monkeypatch):
    monkeypatch.setattr(sys.modules["mi_tutor.check.compare"], "LARGE", 2**16)  # mi_tutor.check is the function here
    expected = matrix(rows=300, columns=300)
    rounded = FactoredMatrix(expected.A * (1 + 3e-7), expected.B)
    assert judged(rounded, FactoredMatrix(expected.A.double(), expected.B.double())) is None
    part = expected.A.clone()
    part[:30] = 0
    for wrong in (FactoredMatrix(part, expected.B), FactoredMatrix(expected.A * float("inf"), expected.B)):
        assert judged(wrong, expected).kind in ("value", "nan")


def test_a_large_product_is_judged_without_being_built():
    expected = matrix(3000, 3, 3000)
    other = FactoredMatrix(expected.A.clone(), expected.B.clone())
    with TableRule(3000) as rule:
        assert judged(other, expected) is None
        assert same(other, expected)
    assert rule.broken() is None
    other.A[2999, 0] += 1
    assert "at [2999, 0]" in judged(other, expected).sentence


def test_the_scale_is_that_of_the_whole_product():
    value = matrix(7, 3, 6)
    assert root_mean_square(value) == pytest.approx(float(value.AB.double().square().mean().sqrt()))


def test_a_copy_shares_nothing_and_doubling_keeps_the_values():
    args = {"ov": matrix()}
    copy = copy_arguments(args)["ov"]
    copy.A[0, 0] = 9
    assert args["ov"].A[0, 0] != 9
    assert in_double(args)["ov"].A.dtype == torch.float64
    assert args["ov"].A.dtype == torch.float32


@pytest.mark.parametrize(
    "spoil", [lambda m: m.A.add_(1), lambda m: setattr(m, "B", m.B * 2), lambda m: setattr(m, "A", None)]
)
def test_a_changed_factor_is_a_changed_argument(spoil):
    value = matrix()
    watched = watch_arguments({"ov": value})
    value.svd()
    assert changed_argument(watched) is None
    spoil(value)
    assert changed_argument(watched).kind == "changed argument"


def test_a_small_one_is_written_out_so_that_it_can_be_run():
    value = matrix(3, 1, 2)
    again = eval(written(value), {"torch": torch, "FactoredMatrix": FactoredMatrix})
    assert torch.allclose(again.AB, value.AB, atol=1e-3)
    assert written(matrix(100, 3, 90)) == "<FactoredMatrix of shape [100, 90], inner dimension 3>"


def test_a_report_holds_the_case_and_runs_it_again():
    report = check(lambda ov, qk, source, k: (torch.arange(k), torch.arange(k)), "top_skip_trigrams")
    assert not report.passed
    assert "FactoredMatrix(" in report._repr_html_()
    assert isinstance(report.arguments["ov"], FactoredMatrix)


def test_the_rule_against_tables_sees_one_in_pieces_as_well():
    for build in (lambda: torch.ones(300, 300), lambda: [torch.ones(60, 300) for _ in range(5)]):
        with memory_rule(Case("general", "a table", {}, no_table=300)) as rule:
            kept = build()
        assert rule.broken() is not None
        del kept
