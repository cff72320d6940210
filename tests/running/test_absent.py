"""What answers an exercise cannot be imported where it is graded."""

import json
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from isolation import SANDBOX, needs_sandbox

from mi_tutor.authoring.build import run_build
from mi_tutor.check.outline import chapters
from mi_tutor.files.cells import cells_of_notebook
from mi_tutor.grading.marker import Marker
from mi_tutor.running.absent import PRESENT
from mi_tutor.running.confine import Limits

GRADED = {chapter.file[:2]: [task.name for task in chapter.tasks] for chapter in chapters()}
# What limits a process has no result, and would limit the one that looks.
SEEN = sorted(PRESENT - {"mi_tutor.running.grade_worker", "mi_tutor.running.confine"})


def answers_among(names, modules):
    program = str(Path(__file__).with_name("seen_answers.py"))
    done = subprocess.run(
        [sys.executable, program, ",".join(names), ",".join(modules)], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["tried"] > 0
    return found["answers"]


@pytest.mark.parametrize("chapter", GRADED)
def test_no_callable_of_ours_that_can_be_seen_is_an_answer(chapter):
    assert answers_among(GRADED[chapter], SEEN) == []


def test_that_finds_one_where_there_is_one():
    """The control: a module that only notebooks see."""
    found = answers_among(["count_bigrams", "mean_kl"], ["mi_tutor.corpus.bigrams"])
    assert found == ["mi_tutor.corpus.bigrams.count_bigrams answers count_bigrams"]


def test_transformer_lens_has_analyses_but_no_answers():
    import transformer_lens.tools.analysis as analyses

    names = [name for graded in GRADED.values() for name in graded]
    inside = pkgutil.walk_packages(analyses.__path__, f"{analyses.__name__}.")
    assert answers_among(names, [analyses.__name__, *(found.name for found in inside)]) == []


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
