"""A function judged in a worker process gets the mark, and the name of its mistake, that `check` gives it here."""

import itertools
from pathlib import Path

import pytest
import torch
from exercises.answers import NEARLY_RIGHT, RIGHT

from mi_tutor.check.exercise import exercises
from mi_tutor.check.judge import judge, plan, run_trials
from mi_tutor.check.memory import ProcessRule
from mi_tutor.running.remote import RemoteFunction
from mi_tutor.running.sandbox import Sandbox
from mi_tutor.running.worker import Worker

TESTS = Path(__file__).parents[1]

SEED = 7
CPU = torch.device("cpu")
# A class's body is run like a definition. This worker is not kept from the solutions: they are what it is to run.
EVERYTHING = f"""
class Everything:
    import sys
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != "mi_tutor.running.absent"]
    sys.path.insert(0, {str(TESTS)!r})
    from mi_tutor.check.exercise import exercises
    from exercises.answers import NEARLY_RIGHT, RIGHT
    for name, exercise in exercises().items():
        everything = [exercise.reference, *exercise.wrong, *RIGHT[name], *NEARLY_RIGHT[name]]
        for place, function in enumerate(everything):
            globals()[f"{{name}}_{{place}}"] = function
"""
SETTINGS = {"seconds": 10.0, "memory_bytes": 2**31, "processor_seconds": 36000, "uid": None}


class Workers:
    """One worker for all, until a function ends it."""

    def __init__(self):
        self.worker = None

    def function(self, name):
        if self.worker is None:
            self.worker = Worker(Sandbox((), False, "for this test"), SETTINGS)
            assert self.worker.load([[1, EVERYTHING, "everything", 1, "", False]], []) == ([], None)
        return RemoteFunction(self.worker, name)

    def stop(self):
        if self.worker:
            self.worker.stop()
        self.worker = None


@pytest.fixture(scope="module")
def workers():
    workers = Workers()
    yield workers
    workers.stop()


def compare(name, places, workers):
    exercise = exercises()[name]
    everything = [exercise.reference, *exercise.wrong, *RIGHT[name], *NEARLY_RIGHT[name]]
    planned = plan(exercise, SEED, CPU)
    for place in places:
        if place >= len(everything):
            break
        here = judge(exercise, everything[place], SEED, CPU, planned)
        function = workers.function(f"{name}_{place}")
        there = judge(exercise, function, SEED, CPU, planned)
        if function.lost:
            workers.stop()
        what = everything[place].__name__
        assert (there.points, there.mistake) == (here.points, here.mistake), f"{what}\n{here}\n{there}"
        assert there.groups == here.groups, what
        if "in line" not in here.message:
            assert there.message == here.message, what


@pytest.mark.parametrize("name", exercises())
def test_a_worker_gives_the_mark_that_check_gives(name, workers):
    """A misconception and a variant; the long tier has them all, the reference among them."""
    wrong = len(exercises()[name].wrong)
    compare(name, [1, 1 + wrong], workers)


def _large(name):
    return [pair for pair in plan(exercises()[name], SEED, CPU, elsewhere=True) if pair[0].held_bytes is not None]


def test_exercises_about_a_table_have_a_case_that_is_seen_from_outside():
    for name in exercises():
        watched = any(case.block or case.no_table for case, _ in plan(exercises()[name], SEED, CPU))
        assert bool(_large(name)) == watched, name


def _stays_below(name, places, workers):
    for place in places:
        function = workers.function(f"{name}_{place}")
        (trial,) = run_trials(exercises()[name], function, _large(name), CPU)
        assert trial.problem is None, place


@pytest.mark.parametrize("name", [name for name in exercises() if _large(name)])
def test_an_answer_without_the_table_stays_below_what_is_allowed(name, workers):
    _stays_below(name, [0], workers)


def test_a_process_holds_nothing_of_what_its_code_let_go(workers):
    """Pieces of certain sizes used to stay in it: an answer in pieces held as much as the whole table."""
    function, args = workers.function("top_successors_0"), _large("top_successors")[0][0].args
    workers.worker.forget_peak()
    before = workers.worker.held_bytes()
    for rows in (50, 57, 64, 70):
        rule = ProcessRule(0)
        outcome, _ = function.guarded(args | {"chunk_size": rows}, rule)
        assert outcome.problem is None
        assert rule.held - before < 100 * 10**6, rows


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in exercises() if _large(name)])
def test_every_right_answer_without_the_table_stays_below_what_is_allowed(name, workers):
    first = 1 + len(exercises()[name].wrong)
    _stays_below(name, range(first, first + len(RIGHT[name])), workers)


@pytest.mark.slow
@pytest.mark.parametrize("name", exercises())
def test_a_worker_gives_every_mark_that_check_gives(name, workers):
    compare(name, itertools.count(), workers)
