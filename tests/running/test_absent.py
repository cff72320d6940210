"""What answers an exercise cannot be imported where it is graded."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import textwrap

import pytest
import torch
from isolation import SANDBOX, needs_sandbox

from mi_tutor.authoring.build import run_build
from mi_tutor.check.exercise import exercises
from mi_tutor.check.judge import judge
from mi_tutor.check.outline import chapters
from mi_tutor.check.trial import signature_problem
from mi_tutor.files.cells import cells_of_notebook
from mi_tutor.grading.marker import Marker
from mi_tutor.running.absent import PRESENT
from mi_tutor.running.confine import Limits

CPU = torch.device("cpu")
GRADED = [task.name for chapter in chapters() for task in chapter.tasks]


def callables(module_names):
    """Every function, class and method that these modules define, by name."""
    found = {}
    for name in sorted(module_names):
        module = importlib.import_module(name)
        for attribute, value in vars(module).items():
            if not callable(value) or getattr(value, "__module__", None) != name:
                continue
            found[f"{name}.{attribute}"] = value
            if inspect.isclass(value):
                methods = {f"{name}.{attribute}.{key}": getattr(value, key) for key in vars(value)}
                found |= {key: method for key, method in methods.items() if callable(method)}
    return found


def earns(exercise, function):
    """Whether it gets the basic group right, without which nothing counts. (A group at a time: most fail in the first call.)"""
    if signature_problem(exercise.parameters, function):
        return False
    return judge(exercise, function, 7, CPU).points > 0


@pytest.mark.parametrize("name", GRADED)
def test_no_callable_of_ours_that_can_be_seen_is_an_answer(name):
    exercise = exercises()[name]
    answers = [
        where
        for where, function in callables(PRESENT - {"mi_tutor.running.grade_worker"}).items()
        if earns(exercise, function)
    ]
    assert answers == []


def test_that_finds_one_where_there_is_one():
    """The control: what the packages held before, which `mi_tutor.corpus.bigrams` still holds for notebooks."""
    found = callables(["mi_tutor.corpus.bigrams"])
    assert [where for where, function in found.items() if earns(exercises()["count_bigrams"], function)] == [
        "mi_tutor.corpus.bigrams.count_bigrams"
    ]


def test_transformer_lens_has_analyses_but_no_answers():
    import transformer_lens.tools.analysis as analyses

    modules = [
        analyses.__name__,
        *(found.name for found in pkgutil.walk_packages(analyses.__path__, f"{analyses.__name__}.")),
    ]
    found = callables(modules)
    assert len(found) > 3
    answers = [
        (where, name) for name in GRADED for where, function in found.items() if earns(exercises()[name], function)
    ]
    assert answers == []


def run_there(code):
    program = "from mi_tutor.running import absent\nabsent.install()\n" + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)


def test_every_import_of_a_notebook_stands_and_what_is_not_there_says_so_when_it_is_used():
    done = run_there("""
        from mi_tutor import check, hint, load_model, predict, progress, save_work
        from mi_tutor.models.bigrams import count_bigrams  # by its old name
        from mi_tutor.models import load_sae
        from mi_tutor.figures.sae_figures import always_true_f1
        from mi_tutor.solutions.ch00_orientation import zero_ablate_head
        import mi_tutor.views.charts, mi_tutor.exercises.ch01_bigrams

        def annotated(sae: load_sae) -> "list[load_sae]": ...
        for what in (load_model, count_bigrams, load_sae, always_true_f1, zero_ablate_head, mi_tutor.views.charts.lines):
            for use in (lambda: what(), lambda: what.encode, lambda: what[0], lambda: list(what), lambda: bool(what)):
                try:
                    use()
                except AttributeError as error:
                    assert "is not there where answers are graded" in str(error), error
                else:
                    raise SystemExit(f"{what} could be used")
        import mi_tutor.check.call, mi_tutor.models.build
        mi_tutor.models.build.boot
    """)
    assert done.returncode == 0, done.stderr


def test_a_worker_runs_on_what_is_there_and_needs_it_all():
    done = run_there("""
        import sys
        before = set(sys.modules)
        import mi_tutor.running.grade_worker
        from mi_tutor.check.small_model import small_model
        small_model(1)
        from mi_tutor import device
        print(*sorted(name for name in sys.modules if name.split(".")[0] == "mi_tutor"))
    """)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == PRESENT


@needs_sandbox
@pytest.mark.parametrize(
    "stem",
    [
        pytest.param(c.file.removesuffix(".ipynb"), marks=[pytest.mark.slow] if c.file[:2] not in ("03",) else [])
        for c in chapters()
    ],
)
def test_a_solved_chapter_earns_everything_where_all_that_is_absent(stem, tmp_path):
    run_build(solved=tmp_path)
    (found,) = tmp_path.rglob(f"{stem}.ipynb")
    cells = cells_of_notebook(found.read_bytes(), found.name)
    names = [task.name for chapter in chapters() if chapter.file == found.name for task in chapter.tasks]
    marker = Marker(SANDBOX, Limits(seconds=60))
    try:
        marks = dict(marker.marks(cells, names, 2**20 * 5 + 3))
    finally:
        marker.close()
    assert {name: mark.message for name, mark in marks.items() if mark.points != mark.max_points} == {}


@needs_sandbox
def test_an_answer_that_is_imported_earns_nothing_and_an_honest_one_beside_it_everything():
    source = (
        "import torch\n"
        "from mi_tutor.corpus.bigrams import count_bigrams\n"
        "from mi_tutor.figures.heads import head_scores\n"
        "def mean_kl(target_log_probs, logits, weights):\n    return head_scores(logits)\n"
        "def direct_path_logits(W_E, W_U):\n    return W_E @ W_U\n"
    )
    cells = cells_of_notebook(
        str.encode(
            json.dumps(
                {
                    "cells": [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []}],
                    "metadata": {},
                    "nbformat": 4,
                    "nbformat_minor": 4,
                }
            )
        ),
        "01_bigrams.ipynb",
    )
    marker = Marker(SANDBOX, Limits())
    try:
        marks = dict(marker.marks(cells, ["count_bigrams", "mean_kl", "direct_path_logits"], 5))
    finally:
        marker.close()
    assert [mark.points for mark in marks.values()] == [0, 0, 3]
    assert "`figures.heads.head_scores` of mi_tutor is not there where answers are graded" in marks["mean_kl"].message
    assert "count_bigrams` of mi_tutor is not there" in marks["count_bigrams"].message
