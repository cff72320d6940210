"""What holds for every exercise: the reference passes, every misconception fails and is told apart, on any seed."""

import ast
import functools
import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from commands import run
from pretend_gpu import PretendGpu
from torch.utils._pytree import tree_map_only
from touched import exercise_is_touched

from exercises.answers import NEARLY_RIGHT, RIGHT
from mi_tutor import check, hint, show_solution
from mi_tutor.check import help
from mi_tutor.check.errors import LearnerError
from mi_tutor.check.exercise import exercises
from mi_tutor.check.factored import in_factors, is_factored
from mi_tutor.check.judge import NOTEBOOK_SEED, judge, plan
from mi_tutor.check.outline import chapters

EXERCISES = exercises()
MISCONCEPTIONS = [(name, m) for name, exercise in EXERCISES.items() for m in exercise.misconceptions]
CORRECT = [(name, variant) for name, variants in RIGHT.items() for variant in variants]
NEAR = [(name, wrong) for name, functions in NEARLY_RIGHT.items() for wrong in functions]
ANOTHER_SEED = 7
CPU = torch.device("cpu")
ROOT = Path(__file__).parents[2]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu), pytest.param("pretend", marks=pytest.mark.slow)]
QUICK = ("top_k_predictions", "bigram_log_probs", "ov_circuit", "previous_token_score", "strategy_losses", "jump_relu")
"""One of each chapter, cheap ones."""


@pytest.fixture
def seeds(name, whole) -> tuple[int, ...]:
    """The notebook's inputs, and others where the exercise or what it stands on was touched, or all is tested."""
    if whole or exercise_is_touched(EXERCISES[name].solutions, name):
        return NOTEBOOK_SEED, ANOTHER_SEED
    return (NOTEBOOK_SEED,)


@functools.lru_cache(maxsize=4)
def planned(name, seed):
    return plan(EXERCISES[name], seed, CPU)


def judged(function, name, seeds, device):
    """A report for each seed, as `check` gives it; on the CPU the inputs are drawn and the reference asked once for all."""
    if device == "cpu":
        return [judge(EXERCISES[name], function, seed, CPU, planned(name, seed)) for seed in seeds]
    with on(device) as there:
        return [check(function, name, seed=seed, device=there) for seed in seeds]


@contextmanager
def on(device: str) -> Iterator[str]:
    """The device to check on; "pretend" is a GPU that `pretend_gpu` stands in for."""
    if device != "pretend":
        yield device
        return
    with PretendGpu():
        yield "cuda"


def test_every_exercise_has_five_misconceptions_two_variants_and_three_hints():
    for name, exercise in EXERCISES.items():
        assert len(exercise.misconceptions) >= 5, name
        assert all(m.sentence for m in exercise.misconceptions), name
        assert len(RIGHT[name]) >= 2, name
        assert len(exercise.hints) >= 3, name
        assert all(isinstance(points, int) and points > 0 for points in exercise.points.values()), name


def test_every_exercise_leads_to_a_short_question_of_its_own():
    asked = {}
    for name, exercise in EXERCISES.items():
        assert "?" in exercise.further, name
        assert len(exercise.further) <= 260, name
        assert exercise.further not in asked, f"{name} asks what {asked[exercise.further]} asks"
        asked[exercise.further] = name


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_earns_every_point(name, device, seeds):
    with on(device) as there:
        reports = [check(EXERCISES[name].reference, seed=seed, device=there) for seed in seeds]
    for report in reports:
        assert report.passed, str(report)
        assert report.points == report.max_points == EXERCISES[name].max_points
        assert repr(report) == f"{EXERCISES[name].max_points}"


@pytest.mark.parametrize("name", QUICK)
def test_a_gpu_is_checked_on_too(name):
    with on("pretend") as there:
        right = check(EXERCISES[name].reference, device=there)
        left_behind = check(_on_the_cpu(RIGHT[name][0]), name, device=there)
    assert right.passed, str(right)
    # Plain numbers lie nowhere: what is made of them may stay on the CPU.
    assert left_behind.mistake == (None if name == "strategy_losses" else "device"), str(left_behind)


@pytest.mark.parametrize("name", QUICK)
def test_cases_lie_on_the_gpu_in_bfloat16_too_where_stated(name, gpu):
    planned = plan(EXERCISES[name], 1, torch.device(gpu))
    tensors = [v for case, _ in planned for v in case.args.values() if isinstance(v, torch.Tensor)]
    assert all(tensor.is_cuda for tensor in tensors)
    floating = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
    if floating:
        assert floating == {torch.float32, torch.float64} | ({torch.bfloat16} if EXERCISES[name].bf16 else set())


def _on_the_cpu(function):
    """The right answer on the wrong device, the mistake that only a GPU shows."""

    def answer(*args):
        result = function(*args)
        if is_factored(result):
            return in_factors(result, torch.Tensor.cpu)
        return tree_map_only(torch.Tensor, torch.Tensor.cpu, result)

    return answer


@pytest.mark.when_the_exercise_is_touched
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "variant"), CORRECT, ids=[f"{n}-{v.__name__}" for n, v in CORRECT])
def test_another_right_way_to_write_it_is_accepted(name, variant, device, seeds):
    if device == "pretend" and variant.__name__ == "successors_row_by_row":
        pytest.skip("what the pretended GPU remembers of thousands of rows counts as memory outside torch")
    for report in judged(variant, name, seeds, device):
        assert report.passed, f"{variant.__name__}: {report!s}"


@pytest.mark.when_the_exercise_is_touched
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "misconception"), MISCONCEPTIONS, ids=[f"{n}-{m.name}" for n, m in MISCONCEPTIONS])
def test_a_misconception_is_rejected_and_recognised(name, misconception, device, seeds):
    for report in judged(misconception.function, name, seeds, device):
        assert not report.passed, f"{misconception.name} is right: no case tells it from the solution"
        assert report.points < report.max_points
        told = f"{misconception.name} is told as {report.mistake}:\n{report!s}"
        assert report.mistake == misconception.name, told
        assert misconception.sentence in report.message


@pytest.mark.parametrize("name", EXERCISES)
def test_every_misconception_is_listed_as_one(name):
    source = Path(importlib.import_module(EXERCISES[name].declared_in).__file__).read_text("utf-8")
    public = [each.name for each in ast.parse(source).body if isinstance(each, ast.FunctionDef) and each.name[0] != "_"]
    unused = [name for name in public if len(re.findall(rf"\b{name}\b", source)) == 1]
    assert not unused, f"put {', '.join(unused)} into the exercise's `wrong`"


def test_every_declaration_and_its_answers_have_a_file_of_their_own():
    for chapter in chapters():
        asked = {task.name for task in chapter.every_task}
        for room in ("mi_tutor/exercises", "tests/exercises"):
            files = {path.stem for path in (ROOT / room / chapter.module).glob("[a-z]*.py")}
            assert files == asked, f"{room}/{chapter.module} and solutions/{chapter.module}.py"


def test_a_list_of_exercises_with_their_hints_and_points_loads_no_torch():
    program = """
import sys
from mi_tutor.check.exercise import exercises
print(sum(len(e.hints) + e.max_points + len(e.misconceptions) for e in exercises().values()))
print({"torch", "numpy", "transformer_lens"} & set(sys.modules))
"""
    done = run(sys.executable, "-c", program, cwd=ROOT)
    assert done.stdout.splitlines()[1:] == ["set()"], done.stdout


@pytest.mark.when_the_exercise_is_touched
@pytest.mark.parametrize(("name", "wrong"), NEAR, ids=[f"{n}-{w.__name__}" for n, w in NEAR])
def test_nearly_right_is_not_right(name, wrong, seeds):
    for report in judged(wrong, name, seeds, "cpu"):
        assert not report.passed, f"{wrong.__name__} is accepted"
        assert report.mistake


@pytest.mark.parametrize("name", EXERCISES)
def test_an_empty_exercise_is_not_attempted_yet(name):
    def empty(*args):
        raise NotImplementedError

    report = check(empty, name)
    assert (report.points, report.mistake) == (0, "not attempted")


@pytest.mark.parametrize("name", EXERCISES)
def test_every_card_can_be_drawn(name):
    reports = [check(EXERCISES[name].reference), check(EXERCISES[name].misconceptions[0].function, name)]
    for report in reports:
        assert report._repr_html_().count("<div") == report._repr_html_().count("</div>")
        assert float(repr(report)) == report.points
        assert name in str(report)


@pytest.mark.parametrize("name", EXERCISES)
def test_hints_come_one_at_a_time_and_the_solution_when_asked_for(name, monkeypatch):
    monkeypatch.setattr(help, "_shown", {})
    shown = [repr(hint(name)) for _ in EXERCISES[name].hints]
    assert len(set(shown)) == len(shown)
    assert repr(hint(name)) == shown[-1]
    assert repr(hint(name, 1)) == shown[0]
    with pytest.raises(LearnerError, match="hints 1 to"):
        hint(name, 99)
    source = repr(show_solution(name))
    assert f"def {name}(" in source
    assert "BEGIN SOLUTION" not in source


def test_solutions_import_without_their_demonstrations():
    for exercise in EXERCISES.values():
        module = importlib.import_module(f"mi_tutor.solutions.{exercise.solutions}")
        assert callable(getattr(module, exercise.name))


def test_no_case_depends_on_the_global_random_state():
    for exercise in EXERCISES.values():
        first = plan(exercise, 5, torch.device("cpu"))
        torch.manual_seed(123)
        second = plan(exercise, 5, torch.device("cpu"))
        for (a, _), (b, _) in zip(first, second, strict=True):
            for x, y in zip(a.args.values(), b.args.values(), strict=True):
                if isinstance(x, torch.Tensor):
                    assert torch.equal(x, y)
