"""Wrong answers by two writers who had read the exercises' texts and nothing else: none is accepted, none is misnamed.

What each is told stands in `strangers/told.json`, and was read beside what its writer says is wrong with it, in its
docstring. A plain kind, such as "shape", names nothing: its sentence says what was seen. To write the table again after
a change, read it again: `python tests/exercises/test_strangers.py`.
"""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from mi_tutor import check
from mi_tutor.check.exercise import exercises

PLACE = Path(__file__).parent / "strangers"
if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))
TOLD = json.loads((PLACE / "told.json").read_text("utf-8")) if (PLACE / "told.json").exists() else {}
ACCEPTED = {"sae_loss__2"}
"""A norm at a row of zeros, whose gradient is NaN: it is a kink, and gradients are judged away from kinks."""
UNNAMED = ("value", "nan", "law", "prediction")
"""Kinds whose sentence says only that numbers differ; with "shape", "dtype" or "exception" it says what is wrong."""


def answers():
    for path in sorted(PLACE.glob("ch*.py")):
        module = importlib.import_module(f"exercises.strangers.{path.stem}")
        for name, value in vars(module).items():
            if re.fullmatch(r"\w+__\d+", name):
                yield name, value


ANSWERS = dict(answers())


def test_there_are_more_than_two_hundred_and_nearly_all_are_named():
    assert len(ANSWERS) > 200
    assert set(TOLD) == set(ANSWERS)
    named = [name for name, told in TOLD.items() if told is not None and told not in UNNAMED]
    assert len(named) >= 0.92 * len(TOLD)


@pytest.mark.slow
@pytest.mark.parametrize("name", exercises())
def test_a_strangers_wrong_answer_is_refused_and_told_what_it_does(name):
    for each, function in ANSWERS.items():
        if each.startswith(f"{name}__"):
            assert check(function, name).mistake == TOLD[each], each


def test_what_is_accepted_is_known():
    assert {name for name, told in TOLD.items() if told is None} == ACCEPTED


if __name__ == "__main__":
    told = {}
    for name, function in ANSWERS.items():
        report = check(function, name.rpartition("__")[0])
        told[name] = report.mistake
        print(
            f"{name}: {report.mistake}\n   is: {' '.join((function.__doc__ or '').split())}\n   told: {report.message}\n"
        )
    (PLACE / "told.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
