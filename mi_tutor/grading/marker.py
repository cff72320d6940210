"""One notebook's marks: its code in a worker, everything that decides about points here."""

import difflib
import math
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from mi_tutor.check.compare import Problem
from mi_tutor.check.exercise import Exercise, exercises
from mi_tutor.check.judge import judge
from mi_tutor.files.cells import Cell
from mi_tutor.grading.own_exercises import Course, load, no_course
from mi_tutor.grading.printable import printable
from mi_tutor.grading.submissions import CannotGrade, Submission, content_of, read
from mi_tutor.running.confine import Limits
from mi_tutor.running.remote import RemoteFunction
from mi_tutor.running.sandbox import Sandbox, unused_uid
from mi_tutor.running.worker import Lost, Worker

BAD_CELLS = 6
"""How many cells may end the process in which they are run; a notebook with more is given up."""
NOTEBOOK_SECONDS = 60
"""Of processor time for everything in a notebook: so many times a call's. Twice that by the clock."""
_DEFINED = re.compile(r"^def[ \t]+(\w{1,80})\b", re.MULTILINE)
_CPU = torch.device("cpu")


class Mark(NamedTuple):
    """What one exercise earned."""

    points: float
    max_points: float
    mistake: str | None
    message: str


class CannotStart(Exception):
    """No process can be started to run a learner's code; what the system says of it."""


class Marker:
    """Marks notebooks one after the other. The next worker is kept ready."""

    def __init__(self, sandbox: Sandbox, limits: Limits, course: Course | None = None) -> None:
        self.sandbox, self.limits, self.course = sandbox, limits, course or no_course()
        self.notebook_seconds = NOTEBOOK_SECONDS * limits.seconds
        self._spare: Worker | None = None

    def marks(self, cells: list[Cell], names: Iterable[str], seed: int) -> Iterator[tuple[str, Mark]]:
        """The marks of these exercises in a notebook with these cells, one by one, on inputs drawn from this seed.

        Raises:
            CannotStart: no process for it can be had.
            CannotGrade: a check itself failed, or an exercise of the course's own is declared wrongly.
        """
        submission = _Submission(self, cells)
        try:
            for name in names:
                yield name, self._mark(submission, self._exercise(name), seed)
        finally:
            submission.stop()

    def prepare(self) -> None:
        """Have a worker start now for the next notebook."""
        self._spare = self._spare or self._start()

    def close(self) -> None:
        """End the worker that is kept ready."""
        if self._spare:
            self._spare.stop()

    def worker(self) -> Worker:
        """A fresh one, and another begins to start."""
        worker = self._spare or self._start()
        self._spare = None
        self.prepare()
        return worker

    def _start(self) -> Worker:
        settings = {
            "seconds": self.limits.seconds,
            "memory_bytes": self.limits.memory_bytes,
            "processor_seconds": math.ceil(self.notebook_seconds),
            "uid": unused_uid(),
        }
        return Worker(self.sandbox, settings)

    def _exercise(self, name: str) -> Exercise:
        own = self.course.own_among([name])
        return load(own[0]) if own else exercises()[name]

    def _mark(self, submission: "_Submission", exercise: Exercise, seed: int) -> Mark:
        function = submission.function(exercise.name)
        if isinstance(function, Problem):
            return Mark(0.0, float(exercise.max_points), function.kind, _line(f"{exercise.name}: {function.sentence}"))
        try:
            report = judge(exercise, function, seed, _CPU)
        except Exception as error:
            raise CannotGrade(f"The check of {exercise.name} broke off: {type(error).__name__}: {error}") from error
        message = report.message
        if report.mistake == "not defined":
            message = " ".join([message, *submission.problems_at(exercise.name)])
        return Mark(report.points, report.max_points, report.mistake, _line(message))


def renamed(name: str, cells: list[Cell]) -> list[str]:
    """A sentence for a function that is not there, where one of nearly its name is, or stands in its place."""
    for cell in cells:
        other = [found for found in _DEFINED.findall(cell.source) if found not in exercises()]
        in_place = other if cell.grade_id == name else difflib.get_close_matches(name, other, 1, 0.8)
        if in_place:
            return [f"{cell.label} defines `{in_place[0]}`: call it `{name}`, as the check does."]
    return []


def _line(text: str) -> str:
    """On one line: part of it may be a learner's."""
    return printable(" ".join(text.split()))


def grade_notebook(path: Path, marker: Marker, seed: int, exercise: str | None = None) -> dict[str, Mark]:
    """The marks of a notebook's chapter by exercise, whatever is left of it; of one exercise when that is named.

    Raises:
        CannotGrade: it is no notebook of the course, or a check itself failed; one sentence.
        CannotStart: no process for it can be had.
    """
    content = content_of(read(Submission(path, path.name, named=True)), path.name, marker.course.outline)
    names = [task.name for task in content.chapter.tasks if exercise in (None, task.name)]
    return dict(marker.marks(content.cells, names, seed))


class _Submission:
    """A notebook's worker, begun anew when it is lost."""

    def __init__(self, marker: Marker, cells: list[Cell]) -> None:
        self._marker, self._cells = marker, cells
        self._skip: list[int] = []
        self._problems: dict[int, list[str]] = {}
        self._worker: Worker | None = None
        self._function: RemoteFunction | None = None
        self._seconds = marker.notebook_seconds
        self._until, self._used = time.monotonic() + 2 * self._seconds, 0.0

    def function(self, name: str) -> RemoteFunction | Problem:
        """The learner's function, in a worker that has not been lost; or why there is none."""
        if self._function and self._function.lost:
            self.stop()
        if self._is_over():
            sentence = f"Nothing of it was run: before that the notebook had used up its {self._seconds:g} seconds."
            return Problem("time", sentence)
        if self._worker is None and (trouble := self._begin()):
            return trouble
        assert self._worker
        self._function = RemoteFunction(self._worker, name)
        return self._function

    def problems_at(self, name: str) -> list[str]:
        """What went wrong where a function of that name is defined."""
        places = [cell for cell in self._cells if cell.grade_id == name or re.search(rf"\bdef\s+{name}\b", cell.source)]
        return [text for cell in places for text in self._problems.get(cell.number, [])] or renamed(name, self._cells)

    def stop(self) -> None:
        if self._worker:
            self._worker.stop()
            self._used += self._worker.processor_seconds()
        self._worker = None

    def _is_over(self) -> bool:
        used = self._used + (self._worker.processor_seconds() if self._worker else 0)
        return used > self._seconds or time.monotonic() > self._until

    def _begin(self) -> Problem | None:
        """Start a worker and define what the notebook defines, without the cells that end a process."""
        while len(self._skip) < BAD_CELLS and not self._is_over():
            self._worker = self._marker.worker()
            self._worker.deadline = self._until
            try:
                self._worker.wait_until_ready()
            except Lost:
                complaint = self._worker.complaint()
                self.stop()
                raise CannotStart(complaint or "it gives no reason") from None
            problems, broke_at = self._worker.load([list(cell) for cell in self._cells], self._skip)
            for number, text in problems:
                if text not in self._problems.setdefault(number, []):
                    self._problems[number].append(text)
            if broke_at is None:
                return None
            self.stop()
            if broke_at in self._skip or broke_at not in {cell.number for cell in self._cells}:
                break
            self._skip.append(broke_at)
        return Problem("exit", "It is not defined: running the notebook's definitions ended Python each time.")
