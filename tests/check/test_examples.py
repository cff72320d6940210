"""`check(function, examples=…)`: what students have of an exercise that a teacher wrote."""

import nbformat
import pytest
import torch
from nbgrader.utils import determine_grade

from mi_tutor import check
from mi_tutor.check.demonstration import LAST_CHECK
from mi_tutor.check.errors import LearnerError
from mi_tutor.check.records import kept

EXAMPLES = [
    ("two rows", {"x": torch.tensor([[3.0, 4.0], [0.0, -2.0]])}, torch.tensor([5.0, 2.0])),
    ("one row", {"x": torch.tensor([[0.3]])}, torch.tensor([0.3])),
]


def row_lengths(x):
    return x.square().sum(-1).sqrt()


def by_nbgrader(report) -> float:
    """What nbgrader alone would give for a check cell of three points in which this stands."""
    cell = nbformat.v4.new_code_cell(
        metadata={"nbgrader": {"grade": True, "solution": False, "points": 3, "grade_id": "check_row_lengths"}},
        outputs=[nbformat.v4.new_output("execute_result", data={"text/plain": repr(report)}, execution_count=1)],
    )
    return determine_grade(cell)[0]


def test_a_right_answer_is_right_on_the_examples_and_earns_nothing_yet():
    report = check(row_lengths, examples=EXAMPLES)
    assert report.passed
    assert (report.points, report.max_points, report.examples) == (0, 0, 2)
    assert "right on these examples" in str(report)
    assert "other inputs" in str(report)
    shown = report._repr_html_()
    assert "2 examples" in shown
    assert "show_solution" not in shown  # there is none to be shown


def test_nbgraders_validate_takes_it_for_passed_and_a_wrong_one_for_failed():
    assert by_nbgrader(check(row_lengths, examples=EXAMPLES)) == 3
    assert by_nbgrader(check(lambda x: x.sum(-1), "row_lengths", examples=EXAMPLES)) == 0


@pytest.mark.parametrize(
    ("function", "mistake", "says"),
    [
        (lambda x: x.square().sum(-1).sqrt() + (x.shape[0] == 1), "value", "one row"),
        (lambda x: 2 * x.square().sum(-1).sqrt(), None, "two rows"),
        (lambda x: x.mul_(x).sum(-1).sqrt(), "changed argument", "two rows"),
        (lambda x: x.square().sum().sqrt(), "shape", "two rows"),
        (lambda x: x.square().sum(-1).sqrt().double(), "dtype", "two rows"),
        (lambda x, y: x, "signature", "It should take (x)"),
        (lambda x: 1 / 0, "exception", "ZeroDivisionError"),
        (lambda x: None, "type", "returned None"),
    ],
)
def test_a_wrong_answer_is_told_on_which_example(function, mistake, says):
    report = check(function, "row_lengths", examples=EXAMPLES)
    assert not report.passed
    assert mistake in (None, report.mistake)
    assert says in str(report)
    assert "hint(" not in report._repr_html_()


def test_a_stub_is_not_attempted_yet():
    def row_lengths(x):
        raise NotImplementedError

    assert check(row_lengths, examples=EXAMPLES).mistake == "not attempted"


def test_no_progress_is_kept_of_it():
    before = list(kept().records), dict(LAST_CHECK)
    check(row_lengths, examples=EXAMPLES)
    assert (list(kept().records), dict(LAST_CHECK)) == before


@pytest.mark.parametrize("examples", [[], [torch.ones(2)], [("two rows", torch.ones(2), torch.ones(1))]])
def test_what_are_no_examples_is_said(examples):
    with pytest.raises(LearnerError, match="example"):
        check(row_lengths, examples=examples)
