"""A course's marks: the same 40 submissions of chapter 01 by `mi-tutor grade`, by nbgrader's autograde with its marks,
and by nbgrader's own autograde, which runs each notebook with its checks in one kernel.

The third is timed on PLAIN of them, and its time for all is that time scaled.
"""

import csv
import inspect
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from rich.table import Table

CHAPTER, STUDENTS, PLAIN = "01_bigrams", 40, 4
_HELPER = re.compile(r"\b_\w+|\bmath\b|\bF\b|\bINF\b")


def grading() -> Table:
    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        trusted, plain = Path(folder, "trusted"), Path(folder, "plain")
        _run("mi-tutor", "course", "init", str(trusted), "--chapters", "01")
        source = trusted / "source" / CHAPTER / f"{CHAPTER}.ipynb"
        solved = nbformat.read(source, as_version=4)
        for course, n in ((trusted, STUDENTS), (plain, PLAIN)):
            if course == plain:  # nbgrader as it is without a configuration
                (plain / "source" / CHAPTER).mkdir(parents=True)
                nbformat.write(solved, plain / "source" / CHAPTER / source.name)
            _run("nbgrader", "generate_assignment", CHAPTER, cwd=course)
            for student, notebook in enumerate(_class(solved)[:n]):
                place = course / "submitted" / f"student-{student:02}" / CHAPTER
                place.mkdir(parents=True)
                nbformat.write(notebook, place / source.name)
        taken = {
            "mi-tutor grade": _timed("mi-tutor", "grade", str(trusted / "submitted"), "--json", cwd=trusted),
            "nbgrader autograde, with these marks": _timed("nbgrader", "autograde", CHAPTER, cwd=trusted),
            "nbgrader autograde, its own": _timed("nbgrader", "autograde", CHAPTER, cwd=plain),
        }
        marks = [_grades(trusted), _grades(plain)]
        unequal = {student for student, score in marks[1].items() if marks[0][student] != score}
        if unequal:
            raise SystemExit(f"not the same marks: {sorted(unequal)}")
    table = Table(
        *(
            "command",
            "submissions",
            "seconds",
            "a minute",
            "times its own",
            "first result after, s",
            "largest process, GB",
        ),
        title=f"Marks of {CHAPTER} on {os.cpu_count()} cores; of {PLAIN} honest submissions all agree",
    )
    counts = dict(zip(taken, (STUDENTS, STUDENTS, PLAIN), strict=True))
    rates = {name: 60 * counts[name] / seconds for name, (seconds, _, _) in taken.items()}
    for name, (seconds, first, peak) in taken.items():
        ratio = rates[name] / rates["nbgrader autograde, its own"]
        table.add_row(
            name,
            str(counts[name]),
            f"{seconds:.0f}",
            f"{rates[name]:.1f}",
            f"{ratio:.1f}",
            f"{first:.1f}",
            f"{peak:.2f}",
        )
    return table


def _class(solved: Any) -> list[Any]:
    """Honest notebooks, each its own: of each exercise the solution, a known mistake, or nothing yet."""
    from copy import deepcopy

    from mi_tutor.check.exercise import exercises

    draw, notebooks = random.Random(1), []
    for student in range(STUDENTS):
        notebook = deepcopy(solved)
        for cell in notebook.cells:
            marks = cell.metadata.get("nbgrader", {})
            if marks.get("solution") and cell.cell_type == "code":
                wrong = [code for function in exercises()[marks["grade_id"]].wrong if (code := _alone(function))]
                kind = draw.choices(("right", "wrong", "nothing"), (6, 3 if wrong else 0, 1))[0]
                if kind == "wrong":
                    cell.source = (
                        f"import torch\nfrom torch import Tensor\n{draw.choice(wrong)}\n{marks['grade_id']} = answer"
                    )
                elif kind == "nothing":
                    head = cell.source.partition("### BEGIN SOLUTION")[0]
                    cell.source = f"{head}raise NotImplementedError"
            elif cell.cell_type == "markdown" and marks.get("grade"):
                cell.source = f"The answer of student {student}."
        notebooks.append(notebook)
    return notebooks


def _alone(function: Any) -> str:
    """The code of a misconception that needs nothing but torch, as a function called `answer`; else nothing."""
    code = textwrap.dedent(inspect.getsource(function))
    if not code.startswith("def ") or _HELPER.search(code):
        return ""
    return re.sub(r"^def \w+", "def answer", code)


def _timed(*command: str, cwd: Path) -> tuple[float, float, float]:
    """Seconds, seconds until the first submission is done, and the largest process's GB."""
    start, first = time.perf_counter(), 0.0
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        process = subprocess.Popen(
            _program(command), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout
        for line in process.stdout:
            if not first and re.search(
                r"student-\d\d.*: [\d.]+ of [\d.]+ points|\| INFO\] Writing .*student-\d\d", line
            ):
                first = time.perf_counter() - start
        failed = process.wait()
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e9
        os.write(writing, json.dumps([time.perf_counter() - start, first, peak]).encode())
        os._exit(failed)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} did not succeed")
    seconds, first, peak = json.loads(os.read(reading, 1000))
    return seconds, first, peak


def _grades(course: Path) -> dict[str, float]:
    _run("nbgrader", "export", cwd=course)
    with (course / "grades.csv").open(newline="") as file:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}


def _run(*command: str, cwd: Path | None = None) -> None:
    done = subprocess.run(_program(command), cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")


def _program(command: tuple[str, ...]) -> list[str]:
    """From this Python's environment; nbgrader calls its own tools by name."""
    here = Path(sys.executable).parent
    os.environ["PATH"] = os.pathsep.join([str(here), *os.environ["PATH"].split(os.pathsep)])
    return [str(here / command[0]), *command[1:]]
