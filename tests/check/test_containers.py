"""Arguments and answers that are lists, dicts and sets: copied, watched and compared with all that they hold."""

import pytest
import torch

from mi_tutor.check.compare import close, plain
from mi_tutor.check.conditions import changed_argument, watch_arguments
from mi_tutor.check.draw import copy_arguments, in_double

CPU = torch.device("cpu")


def arguments():
    return {"parts": {"a": [torch.arange(3.0), {"deep": torch.ones(2)}]}, "edges": {("q", 1), ("k", 2)}, "names": ["x"]}


@pytest.mark.parametrize(
    "change",
    [
        lambda args: args["parts"]["a"][1]["deep"].add_(1),
        lambda args: args["parts"]["a"].append(1),
        lambda args: args["parts"].update(b=1),
        lambda args: args["parts"].pop("a"),
        lambda args: args["edges"].add(("v", 3)),
        lambda args: args["edges"].discard(("q", 1)),
        lambda args: args["names"].__setitem__(0, "y"),
    ],
)
def test_a_change_at_whatever_depth_is_noticed_and_is_not_in_the_next_copy(change):
    first = arguments()
    given = copy_arguments(first)
    watched = watch_arguments(given)
    assert changed_argument(watched) is None
    change(given)
    problem = changed_argument(watched)
    assert problem is not None
    assert problem.kind == "changed argument"
    assert changed_argument(watch_arguments(first)) is None
    assert torch.equal(first["parts"]["a"][1]["deep"], torch.ones(2))
    assert first["edges"] == arguments()["edges"]


def test_tensors_inside_are_asked_in_double_precision():
    assert in_double(arguments())["parts"]["a"][1]["deep"].dtype == torch.float64


def test_dicts_of_tensors_are_compared_entry_by_entry():
    expected = {"loss": torch.tensor(0.5).double(), "heads": torch.arange(4.0).double()}
    near_enough = {"loss": torch.tensor(0.5), "heads": torch.arange(4.0) + 1e-7}
    got, problem = plain(near_enough, expected, torch.float32, CPU)
    assert problem is None
    assert close({}, expected, got) is None
    problem = close({}, expected, got | {"heads": torch.arange(4.0) + 1})
    assert problem is not None
    assert problem.sentence.startswith("heads: Expected at [0] 0, got 1.")
    problem = close({}, expected, got | {"heads": torch.arange(3.0)})
    assert problem is not None
    assert problem.kind == "shape"
