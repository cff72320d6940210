"""Every group of every exercise is drawn, so that answers written down for the inputs of one seed earn nothing at another."""

import copy

import pytest
import torch

from mi_tutor.check import judge as judging
from mi_tutor.check import small_model
from mi_tutor.check.draw import Draw, copy_arguments
from mi_tutor.check.exercise import GROUPS, exercises
from mi_tutor.check.judge import NOTEBOOK_SEED, judge, plan
from mi_tutor.check.trial import detached
from mi_tutor.running.wire import pack

EXERCISES = exercises()
ANOTHER_SEED = 7
CPU = torch.device("cpu")
COMPARED = [name for name, exercise in EXERCISES.items() if not exercise.law and "model" not in exercise.parameters]
"""Where results are compared one by one. A sampler's draws are judged by their law, and making models takes long."""


@pytest.fixture
def described_models(monkeypatch):
    """Models that say which seed they were drawn from and all have the weights of one: making them takes longer than all else."""
    make = small_model.small_model

    def described(seed, **choices):
        model = copy.copy(make(0, **choices))
        setattr(model, small_model.CHOICES, {**getattr(model, small_model.CHOICES), "seed": seed})
        return model

    monkeypatch.setattr(small_model, "small_model", described)


@pytest.mark.filterwarnings("ignore:TransformerBridgeConfig is already bound")
@pytest.mark.usefixtures("described_models")
@pytest.mark.parametrize("name", EXERCISES)
def test_every_group_holds_a_case_that_another_seed_has_not(name):
    exercise = EXERCISES[name]
    drawn = [exercise.draw_cases(Draw(seed, name)) for seed in (NOTEBOOK_SEED, ANOTHER_SEED)]
    for group in GROUPS:
        here, there = ({pack(case.args) for case in cases if case.group == group} for cases in drawn)
        assert here - there, f"whoever knows the inputs can write down what the {group} cases of {name} give"


@pytest.mark.when_the_exercise_is_touched
@pytest.mark.parametrize("name", COMPARED)
def test_answers_written_down_at_one_seed_earn_nothing_at_another(name, monkeypatch):
    monkeypatch.setattr(judging, "explain", lambda *_: ("value", ""))
    exercise, written, guesses = EXERCISES[name], {}, {}
    parameters = exercise.parameters
    for case, _ in plan(exercise, NOTEBOOK_SEED, CPU):
        answer = detached(exercise.reference(**copy_arguments(case.args)))
        written[pack(case.args)] = answer
        guesses.setdefault(shapes(case.args.values()), answer)

    def looked_up(*args):
        """What was written down for these arguments, else for others of their shape, else for any."""
        guess = guesses.get(shapes(args), next(iter(guesses.values())))
        return written.get(pack(dict(zip(parameters, args, strict=True))), guess)

    known = judge(exercise, looked_up, NOTEBOOK_SEED, CPU)
    assert known.points >= exercise.points["basic"], str(known)
    assert judge(exercise, looked_up, ANOTHER_SEED, CPU).points == 0


def shapes(args):
    return tuple(tuple(value.shape) if isinstance(value, torch.Tensor) else type(value) for value in args)
