"""A course's marks: the same 40 submissions of a chapter by `mi-tutor grade`, by nbgrader's autograde with its marks, and
by nbgrader's own autograde, which runs each notebook with its checks in one kernel.

The third is timed on a few of them.
"""

import builtins
import csv
import dis
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

import torch
from rich.table import Table

STUDENTS = 40
CHAPTERS = {"01_bigrams": 4, "03_induction_heads": 2}
"""How many of them nbgrader marks alone: demonstrations are short in the first of these chapters and train in the other."""
OURS, BESIDE, ALONE = "mi-tutor grade", "nbgrader autograde, these marks", "nbgrader autograde, its own"


def grading() -> Table:
    table = Table(
        *("chapter", "command", "submissions", "seconds", "a minute", "of its own", "first after, s", "largest, GB"),
        title=f"Marks on {os.cpu_count()} cores; what nbgrader marks alone agrees",
    )
    for chapter, few in CHAPTERS.items():
        taken = _taken(chapter, few)
        rates = {name: 60 * count / seconds for name, (count, seconds, _, _) in taken.items()}
        for name, (count, seconds, first, peak) in taken.items():
            ratio = f"{rates[name] / rates[ALONE]:.1f}"
            words = (f"{count}", f"{seconds:.0f}", f"{rates[name]:.1f}", ratio, f"{first:.1f}", f"{peak:.2f}")
            table.add_row(chapter, name, *words)
    return table


def _taken(chapter: str, few: int) -> dict[str, tuple[int, float, float, float]]:
    """By command: submissions, seconds, seconds until the first is done, the largest process's GB."""
    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        trusted, plain = Path(folder, "trusted"), Path(folder, "plain")
        _run("mi-tutor", "course", "init", str(trusted), "--chapters", chapter[:2])
        source = trusted / "source" / chapter / f"{chapter}.ipynb"
        solved = nbformat.read(source, as_version=4)
        for course, n in ((trusted, STUDENTS), (plain, few)):
            if course == plain:  # nbgrader as it is without a configuration
                (plain / "source" / chapter).mkdir(parents=True)
                nbformat.write(solved, plain / "source" / chapter / source.name)
            _run("nbgrader", "generate_assignment", chapter, cwd=course)
            for student, notebook in enumerate(_class(solved)[:n]):
                place = course / "submitted" / f"student-{student:02}" / chapter
                place.mkdir(parents=True)
                nbformat.write(notebook, place / source.name)
        commands = {
            OURS: (STUDENTS, trusted, ("mi-tutor", "grade", str(trusted / "submitted"), "--json")),
            BESIDE: (STUDENTS, trusted, ("nbgrader", "autograde", chapter)),
            ALONE: (few, plain, ("nbgrader", "autograde", chapter)),
        }
        taken = {name: (count, *_timed(*command, cwd=cwd)) for name, (count, cwd, command) in commands.items()}
        marks = [_grades(trusted), _grades(plain)]
    unequal = sorted(student for student, score in marks[1].items() if marks[0][student] != score)
    if unequal:
        raise SystemExit(f"{chapter}: not the same marks: {unequal}")
    return taken


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
                name = marks["grade_id"]
                wrong = [code for function in exercises()[name].wrong if (code := _alone(function, name))]
                kind = draw.choices(("right", "wrong", "nothing"), (6, 3 if wrong else 0, 1))[0]
                if kind == "wrong":
                    cell.source = f"import torch\nfrom torch import Tensor\n{draw.choice(wrong)}"
                elif kind == "nothing":
                    head = cell.source.partition("### BEGIN SOLUTION")[0]
                    cell.source = f"{head}raise NotImplementedError"
            elif cell.cell_type == "markdown" and marks.get("grade"):
                cell.source = f"The answer of student {student}."
        notebooks.append(notebook)
    return notebooks


def _alone(function: Any, name: str) -> str:
    """The code of a misconception that needs nothing but torch, as a function of that name; else nothing."""
    code = re.sub(r"^def \w+", f"def {name}", textwrap.dedent(inspect.getsource(function)))
    known = {"torch": torch, "Tensor": torch.Tensor}
    try:
        exec(code, known)
    except (NameError, SyntaxError):
        return ""
    needed = {step.argval for step in dis.get_instructions(known[name]) if step.opname == "LOAD_GLOBAL"}
    return code if needed <= {*known, *dir(builtins)} else ""


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
        written: set[str] = set()
        for line in process.stdout:
            done = re.search(r"student-\d\d.*: [\d.]+ of [\d.]+ points", line)
            if found := re.search(r"Writing \d+ bytes to (.*)", line):
                done = (
                    found if found[1] in written else None
                )  # nbgrader's first writing of a notebook is the unmarked one
                written.add(found[1])
            if done and not first:
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
