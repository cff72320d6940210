"""Judges at work side by side: each a process that marks one notebook after another, in a worker of its own.

Only those processes load torch; the one that hands out the tasks does not.
"""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.grading.own_exercises import Course
from mi_tutor.grading.records import hash_of
from mi_tutor.grading.submissions import CannotGrade, Submission, cells_in, content_of, read
from mi_tutor.running.confine import Limits, die_with_parent
from mi_tutor.running.sandbox import Sandbox

if TYPE_CHECKING:
    from mi_tutor.grading.marker import Marker

SILENCE_SECONDS = 900.0
"""After these without a word a judge is stopped: one exercise, with all its limits, takes less."""
ATTEMPTS = 2
"""How often a notebook is begun whose judge ends."""


class Task(NamedTuple):
    """A notebook to be marked."""

    key: str
    submission: Submission
    hash: str
    """Of the bytes that the marks will be kept for."""
    seed: int
    """What its inputs are drawn from."""
    known: frozenset[str]
    """Exercises that need no mark."""
    only: str | None
    """The one exercise that is wanted."""
    exercises: tuple[str, ...] | None = None
    """Those that are asked for; those of its chapter when left out."""


class Done(NamedTuple):
    """What came of a notebook."""

    key: str
    exercises: list[str]
    """Those that were asked for, in order."""
    marks: dict[str, dict[str, Any]]
    """The new ones."""
    trouble: str = ""
    """Why it could not be graded, as a sentence."""


def mark_all(tasks: list[Task], workers: int, sandbox: Sandbox, limits: Limits, course: Course) -> Iterator[Done]:
    """The marks of each notebook, as they come."""
    waiting = deque((task, 1) for task in tasks)
    judges = [_Judge(sandbox, limits, course) for _ in range(min(workers, len(tasks)))]
    try:
        while waiting or any(judge.task for judge in judges):
            for judge in judges:
                if judge.task is None and waiting:
                    judge.give(*waiting.popleft())
            wait([handle for judge in judges if judge.task for handle in judge.handles], timeout=5)
            for judge in judges:
                if done := judge.hear():
                    yield done
                elif judge.is_lost():
                    task, attempt, how = judge.begin_anew()
                    if attempt < ATTEMPTS:
                        waiting.append((task, attempt + 1))
                    else:
                        yield Done(task.key, [], {}, f"The process that judges it {how}, {attempt} times.")
    finally:
        for judge in judges:
            judge.stop()


class _Judge:
    """One of the processes, as the one that hands out the tasks sees it."""

    def __init__(self, *settings: Any) -> None:
        self._settings = settings
        self.task: Task | None = None
        self._attempt, self._heard = 0, time.monotonic()
        self._start()

    def _start(self) -> None:
        # Not forked: torch may have threads here already, and a forked child of such a process hangs.
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(target=_judge, args=(theirs, *self._settings), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def handles(self) -> list[Any]:
        return [self._line, self._process.sentinel]

    def give(self, task: Task, attempt: int) -> None:
        self.task, self._attempt, self._heard = task, attempt, time.monotonic()
        with suppress(OSError):
            self._line.send(task)

    def hear(self) -> Done | None:
        """The result, when it has come."""
        with suppress(EOFError, OSError):
            while self.task and self._line.poll():
                said = self._line.recv()
                self._heard = time.monotonic()
                if isinstance(said, Done):
                    self.task = None
                    return said
        return None

    def is_lost(self) -> bool:
        silent = time.monotonic() - self._heard > SILENCE_SECONDS
        return self.task is not None and (not self._process.is_alive() or silent)

    def begin_anew(self) -> tuple[Task, int, str]:
        """Start another process. Returns what this one was at, which attempt it was, and what became of it."""
        assert self.task
        task, attempt, status = self.task, self._attempt, self._process.exitcode
        self.stop()
        self.task = None
        self._start()
        how = "fell silent" if status is None else f"ended (exit status {status})"
        return task, attempt, how

    def stop(self) -> None:
        self._line.close()
        self._process.kill()
        self._process.join()


def _judge(line: Connection, sandbox: Sandbox, limits: Limits, course: Course) -> None:
    """Mark what comes on the line, until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that hands out the tasks
    die_with_parent()
    import torch

    from mi_tutor.grading.marker import Marker

    torch.set_num_threads(1)
    marker = Marker(sandbox, limits, course)
    marker.prepare()
    try:
        with suppress(EOFError, OSError):
            while True:
                task = line.recv()
                line.send(_done(task, marker, line))
    finally:
        marker.close()


def _done(task: Task, marker: "Marker", line: Connection) -> Done:
    from mi_tutor.grading.marker import CannotStart

    try:
        raw = read(task.submission)
        if hash_of(raw) != task.hash:
            raise CannotGrade("It changed while it waited to be graded: grade it again.")
        if task.exercises is None:
            cells, chapter = content_of(raw, task.submission.path.name, marker.course.outline)
            exercises = [exercise.name for exercise in chapter.tasks]
        else:
            cells, exercises = cells_in(raw, task.submission.path.name), list(task.exercises)
        wanted = [name for name in exercises if name not in task.known and task.only in (None, name)]
        marks = {}
        for name, mark in marker.marks(cells, wanted, task.seed):
            line.send(name)
            marks[name] = mark._asdict()
        return Done(task.key, exercises, marks)
    except CannotGrade as error:
        return Done(task.key, [], {}, str(error))
    except CannotStart as error:
        return Done(task.key, [], {}, f"No process can be started for it: {error}.")
