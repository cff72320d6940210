"""A verdict hangs on the function, the seed and the version alone: not on what was checked before in the process."""

import contextlib
import functools
import random

import pytest
import torch
from exercises.answers import NEARLY_RIGHT, RIGHT
from transformer_lens.hook_points import HookPoint

from mi_tutor import check
from mi_tutor.check import portrait
from mi_tutor.check.exercise import exercises
from mi_tutor.check.judge import NOTEBOOK_SEED, judge, plan
from mi_tutor.check.small_model import _kept, small_model

CPU = torch.device("cpu")
QUICK = ("zero_ablate_head", "steer")
OF_MODELS = [name for name, exercise in exercises().items() if "model" in exercise.parameters]


def leaves_a_hook(model, *args):
    model.blocks[0].hook_in.add_hook(lambda value, hook: value * 0)
    return right(model, *args)


def leaves_a_permanent_hook(model, *args):
    model.blocks[0].hook_in.add_perma_hook(lambda value, hook: value * 0)
    return right(model, *args)


def takes_every_hook_off(model, *args):
    result = right(model, *args)
    model.reset_hooks()
    return result


def hides_behind_data(model, *args):
    for parameter in model.parameters():
        parameter.data.mul_(0.5)
    return right(model, *args)


def freezes(model, *args):
    result = right(model, *args)
    model.requires_grad_(False)
    return result


def trains(model, *args):
    result = right(model, *args)
    model.train(not model.training)
    return result


def replaces_a_method(model, *args):
    model.blocks[0].forward = lambda x, *more, **named: x
    return right(model, *args)


def changes_its_own_configuration(model, *args):
    model.cfg.n_heads = 1
    return right(model, *args)


def keeps_a_note(model, *args):
    model.my_note = args
    return right(model, *args)


SPOILING = (
    leaves_a_hook,
    leaves_a_permanent_hook,
    takes_every_hook_off,
    hides_behind_data,
    freezes,
    trains,
    replaces_a_method,
    changes_its_own_configuration,
    keeps_a_note,
)


def right(model, *args):
    """The answer of the exercise that is being tried."""
    return TRIED[0](model, *args)


TRIED = [None]


def bound(name, function):
    """The function with its right part set to one of that exercise's right answers."""
    if function not in SPOILING:
        return function

    @functools.wraps(function)
    def answer(*args):
        TRIED[0] = RIGHT[name][0]
        return function(*args)

    return answer


@functools.lru_cache(maxsize=1)
def planned(name):
    return plan(exercises()[name], NOTEBOOK_SEED, CPU)


def verdict(name, function):
    report = judge(exercises()[name], function, NOTEBOOK_SEED, CPU, planned(name))
    return report.points, report.mistake, report.message


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in OF_MODELS]
)
def test_no_verdict_hangs_on_what_was_tried_before(name):
    """Right answers and known mistakes, with what spoils a model between them, are what they are alone."""
    source = random.Random(name)
    known = [(function, None) for function in RIGHT[name]]
    known += [(m.function, m.name) for m in source.sample(exercises()[name].misconceptions, 3)]
    spoiling = source.sample(SPOILING, 4)
    told = {spoil: verdict(name, bound(name, spoil)) for spoil in spoiling}
    for _ in range(1 if name in QUICK else 3):
        order = [*known, *((spoil, told[spoil]) for spoil in spoiling)]
        source.shuffle(order)
        for function, expected in order:
            found = verdict(name, bound(name, function))
            assert (found if function in SPOILING else found[1]) == expected, function.__name__


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_MODELS)
def test_every_verdict_is_that_of_a_process_in_which_nothing_was_tried(name):
    exercise = exercises()[name]
    tried = [bound(name, f) for f in (*RIGHT[name], *exercise.wrong, *NEARLY_RIGHT[name], *SPOILING)]
    alone = {}
    for function in tried:
        _kept.clear()
        planned.cache_clear()
        alone[function] = verdict(name, function)
    source = random.Random(name)
    for _ in range(2):
        source.shuffle(tried)
        for function in tried:
            assert verdict(name, function) == alone[function], function.__name__


def test_three_answers_in_a_row_that_take_off_everybodys_hooks_are_all_refused():
    for name in QUICK:
        for _ in range(3):
            assert not check(bound(name, takes_every_hook_off), name).passed, name


@pytest.mark.parametrize("spoil", SPOILING)
def test_a_model_that_was_changed_is_not_lent_again(spoil):
    TRIED[0] = lambda model, tokens: model(tokens).detach()
    tokens = torch.arange(5)[None]
    first = small_model(11, watched="blocks.0.hook_resid_pre")
    before = first(tokens).detach()
    with contextlib.suppress(ValueError):  # it may spoil it so far that the right part fails
        spoil(first, tokens)
    again = small_model(11, watched="blocks.0.hook_resid_pre")
    assert again is not first
    assert torch.equal(again(tokens), before)
    assert again.training is False
    assert all(parameter.requires_grad for parameter in again.parameters())


def test_a_model_that_was_only_used_is_lent_again():
    model, tokens = small_model(12, d_mlp=5), torch.arange(6)[None]
    model.run_with_cache(tokens)
    model.run_with_hooks(tokens, fwd_hooks=[("blocks.0.hook_resid_pre", lambda value, hook: value * 0)])
    with model.hooks(fwd_hooks=[("blocks.1.hook_resid_pre", lambda value, hook: value * 0)]):
        model(tokens)
    assert small_model(12, d_mlp=5) is model


def test_what_cannot_be_compared_counts_as_changed():
    model = small_model(13)
    before = portrait.portrait(model)
    assert portrait.unchanged(before, model)
    model.blocks = torch.nn.ModuleList()
    assert not portrait.unchanged(before, model)


def test_a_library_that_was_patched_is_put_back_and_the_patch_is_named():
    own = HookPoint.remove_hooks, torch.isclose

    def patches(model, *args):
        HookPoint.remove_hooks = lambda *args, **named: None
        return RIGHT["head_pattern"][0](model, *args)

    report = check(patches, "head_pattern")
    assert not report.passed
    assert "replaced `HookPoint.remove_hooks`" in report.message
    assert (HookPoint.remove_hooks, torch.isclose) == own
    assert check(RIGHT["head_pattern"][0], "head_pattern").passed


def test_what_a_call_saw_before_it_failed_is_not_held_against_the_next():
    def edits_in_place_then_fails(model, *args):
        def edit(value, hook):
            value.mul_(0)
            raise ValueError("on the way")

        return model.run_with_hooks(args[0], fwd_hooks=[("blocks.0.hook_resid_pre", edit)])

    for _ in range(2):
        assert not check(edits_in_place_then_fails, "steer").passed
        assert check(RIGHT["steer"][0], "steer").passed


def test_a_plan_that_serves_many_is_as_new_for_each():
    exercise = exercises()["head_pattern"]
    planned = plan(exercise, NOTEBOOK_SEED, CPU)
    for spoil in SPOILING:
        judge(exercise, bound("head_pattern", spoil), NOTEBOOK_SEED, CPU, planned)
        assert judge(exercise, exercise.reference, NOTEBOOK_SEED, CPU, planned).passed, spoil.__name__
