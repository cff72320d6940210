"""Start-up, checks, chapters and training, each beside something to compare it with in the same run.

make bench          or: python -m benchmarks [start_up] [models] [chapters] [checks] [circuits] [dashboards] [toy] [saes] [grading] [gpu] [memory]
"""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.circuits import circuits
from benchmarks.dashboards import dashboards
from benchmarks.grading import grading
from benchmarks.memory import memory
from benchmarks.sae import gpu, saes
from benchmarks.toy import toy

RUNS = 5
FIRST_CHECK = "import torch; from mi_tutor import check; check(lambda W_E, W_U: W_E @ W_U, 'direct_path_logits')"


def process_seconds(*commands: str) -> list[float]:
    """Median seconds of whole Python processes, run in turn so that a slow moment of the machine meets them all."""
    seconds: list[list[float]] = [[] for _ in commands]
    for run in range(RUNS + 1):
        for code, taken in zip(commands, seconds, strict=True):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            if run:  # the first round warms the disk's cache
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in seconds]


def median_seconds(function: Callable[[], object], runs: int = RUNS) -> float:
    """Median seconds of calls in this process, after one that is not counted."""
    function()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def start_up() -> Table:
    names = ("python, nothing imported", "import mi_tutor", "a first check", "import torch", "import transformer_lens")
    codes = ("pass", "import mi_tutor", FIRST_CHECK, "import torch", "import transformer_lens")
    seconds = process_seconds(*codes)
    table = Table("whole process", "seconds", "of import transformer_lens", title=f"Start-up (median of {RUNS})")
    for name, taken in zip(names, seconds, strict=True):
        table.add_row(name, f"{taken:.2f}", f"{taken / seconds[-1]:.1%}")
    own = (seconds[1] - seconds[0]) / (seconds[-1] - seconds[0])
    table.add_row(
        "import mi_tutor, without the interpreter's own start", f"{seconds[1] - seconds[0]:.3f}", f"{own:.1%}"
    )
    return table


def models() -> Table:
    from mi_tutor.models.sae_recipes import SAE_RECIPES
    from mi_tutor.models.sae_zoo import load_sae
    from mi_tutor.models.zoo import bundled_models, checkpoint_steps, load_model

    table = Table("model", "load, s", title=f"Loading, imports not counted (median of {RUNS})")
    for name in bundled_models():
        table.add_row(name, f"{median_seconds(lambda name=name: load_model(name, 'cpu')):.3f}")  # type: ignore[misc]
        for step in checkpoint_steps(name)[-1:]:
            seconds = median_seconds(lambda name=name, step=step: load_model(name, "cpu", checkpoint=step))  # type: ignore[misc]
            table.add_row(f"{name}, a checkpoint", f"{seconds:.3f}")
    for name in SAE_RECIPES:
        table.add_row(name, f"{median_seconds(lambda name=name: load_sae(name, device='cpu')):.3f}")  # type: ignore[misc]
    return table


def checks() -> Table:
    import torch

    from mi_tutor import check
    from mi_tutor.check.draw import copy_arguments
    from mi_tutor.check.exercise import exercises
    from mi_tutor.check.judge import NOTEBOOK_SEED, plan

    table = Table("exercise", "check, ms", "its reference calls, ms", "ratio", title="A check of a right answer")
    ratios = []
    for name, exercise in exercises().items():
        cases = [case for case, _ in plan(exercise, NOTEBOOK_SEED, torch.device("cpu"))]

        def reference_calls(exercise=exercise, cases=cases) -> None:  # type: ignore[no-untyped-def]
            for case in cases:
                args = copy_arguments(case.args)
                for _ in range(case.calls):
                    exercise.reference(**args)

        whole, calls = median_seconds(lambda e=exercise: check(e.reference)), median_seconds(reference_calls)  # type: ignore[misc]
        ratios.append(whole / calls)
        table.add_row(name, f"{whole * 1e3:.1f}", f"{calls * 1e3:.1f}", f"{whole / calls:.1f}")
    table.add_row("median", "", "", f"{statistics.median(ratios):.1f}")
    return table


def chapters() -> Table:
    from mi_tutor.authoring.build import run_build

    table = Table("chapter", "seconds", "peak memory of its kernel, GB", title="Solved chapters, top to bottom")
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(None):
            run_build(solved=Path(folder))
        for notebook in sorted(Path(folder).glob("*.ipynb")):
            seconds, peak = _run_chapter(notebook)
            table.add_row(notebook.stem, f"{seconds:.1f}", f"{peak:.2f}")
    return table


def _run_chapter(notebook: Path) -> tuple[float, float]:
    """In a process of its own, whose children's largest resident set is the kernel's."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        import nbformat
        from nbclient import NotebookClient

        start = time.perf_counter()
        NotebookClient(nbformat.read(notebook, as_version=4), timeout=600, kernel_name="python3").execute()
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9
        os.write(writer, f"{time.perf_counter() - start} {peak}".encode())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{notebook.name} did not run")
    seconds, peak = os.read(reader, 100).decode().split()
    return float(seconds), float(peak)


def main() -> None:
    console = Console()
    with tempfile.TemporaryDirectory() as folder:  # what is solved here is nobody's progress
        os.environ["MI_TUTOR_PROGRESS"] = str(Path(folder, "progress.jsonl"))
        measures = {
            measure.__name__: measure
            for measure in (start_up, models, chapters, checks, circuits, dashboards, toy, saes, grading, gpu, memory)
        }
        for name in sys.argv[1:] or measures:
            console.print(measures[name]())


if __name__ == "__main__":
    main()
