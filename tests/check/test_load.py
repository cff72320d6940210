"""A verdict does not hang on how busy the machine is: time is counted as processor time."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import run
from exercises.answers import RIGHT

from mi_tutor import check
from mi_tutor.check.exercise import exercises

pytestmark = pytest.mark.slow  # four busy loops a core stretch seconds to minutes, for other tests as well

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
TRIED = ("count_bigrams", "repeated_tokens", "zero_ablate_head", "build_induction_head")
"""Plain tensors, a sampler, a model, a circuit that is built."""
AS_ALONE = """
import json, sys
from exercises.answers import RIGHT
from mi_tutor import check
from mi_tutor.check.exercise import exercises

name = sys.argv[1]
answers = RIGHT[name][0], exercises()[name].misconceptions[0].function
reports = [check(answer, name) for answer in answers]
print(json.dumps([[report.points, report.mistake, report.message] for report in reports]))
"""
IMPORTING = """
import sys
import torch
from mi_tutor import check


def count_bigrams(tokens, d_vocab):
    import transformer_lens

    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64, device=tokens.device)
    return counts.index_put_((tokens[:-1], tokens[1:]), torch.ones_like(tokens[1:]), accumulate=True)


assert "transformer_lens" not in sys.modules
print(check(count_bigrams))
assert "transformer_lens" in sys.modules
"""


BUSY = """
import os

parent = os.getppid()
while os.getppid() == parent:  # no longer, should the tests be ended
    pass
"""


@contextmanager
def busy_machine() -> Iterator[list[subprocess.Popen]]:
    """Four loops for each core that end with us."""
    loops: list[subprocess.Popen] = []
    try:
        for _ in range(4 * (os.cpu_count() or 1)):
            loops.append(subprocess.Popen([sys.executable, "-S", "-c", BUSY]))
        yield loops
        assert all(loop.poll() is None for loop in loops), "the machine was not kept busy"
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def alone(program: str, *arguments: str) -> str:
    """The last line that a program prints, in a process of its own."""
    done = run(sys.executable, "-c", program, *arguments, cwd=ROOT, PYTHONPATH=f"{ROOT}{os.pathsep}{TESTS}")
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


@pytest.mark.parametrize("name", TRIED)
def test_a_busy_machine_changes_no_verdict(name):
    answers = RIGHT[name][0], exercises()[name].misconceptions[0].function
    reports = [check(answer, name) for answer in answers]
    assert [report.passed for report in reports] == [True, False]
    with busy_machine():
        told = json.loads(alone(AS_ALONE, name).splitlines()[-1])
    assert told == [[report.points, report.mistake, report.message] for report in reports]


def test_an_import_inside_an_answer_is_not_counted_however_long_it_takes():
    with busy_machine():
        told = alone(IMPORTING)
    assert told == str(check(RIGHT["count_bigrams"][0], "count_bigrams"))
