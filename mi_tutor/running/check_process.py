"""A learner's file, run and checked in processes of its own, begun again without the cell that ended one."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from mi_tutor.files.cells import Cell
from mi_tutor.running.check_worker import Job, Result

DEFINING_SECONDS = 120.0
"""For one cell's imports and definitions; a first import of a large library takes a while."""
CHECKING_SECONDS = 300.0
"""For starting, and for one exercise. A check's own limits come long before, unless a library's call never returns."""
PATIENCE_SECONDS = 10.0
"""After these the learner is told what takes so long."""
STARTS = 6
"""How often a file is begun."""


class Problem(NamedTuple):
    """Something in a cell is wrong."""

    text: str


class Waiting(NamedTuple):
    """Something takes long."""

    text: str


class Refused(NamedTuple):
    """What was asked for does not exist here."""

    text: str


def check_file(
    file: Path, cells: list[Cell], *, exercise: str | None, seed: int | None, device: str | None
) -> Iterator[Problem | Waiting | Refused | Result]:
    """Everything that a person should hear of a file, as it happens."""
    lost_cells, done, told = set[int](), set[str](), set[int]()
    for _ in range(STARTS):
        job = Job(cells, exercise, seed, device, file.suffix == ".py", sorted(lost_cells), sorted(done))
        at: dict[str, Any] = {}
        heard_before = set(told)
        for message in _messages(file.absolute().parent, job):
            match message.pop("event"):
                case "end":
                    return
                case "refused":
                    yield Refused(message["text"])
                    return
                case "problem":
                    if message["number"] not in heard_before:
                        told.add(message["number"])
                        yield Problem(message["text"])
                case "result":
                    done.add(message["exercise"])
                    yield Result(**message)
                case "waiting":
                    yield Waiting(f"{_place(at, cells)} is still running; it is stopped after {message['limit']:g} s.")
                case "lost":
                    break
                case _:
                    at = message
        if "exercise" in at:
            done.add(at["exercise"])
            worth = _worth(at["exercise"])
            yield Result(at["exercise"], "not yet right", 0, worth, f"It {message['text']}.")
        elif "number" in at:
            lost_cells.add(at["number"])
            yield Problem(f"{_place(at, cells)} {message['text']}; the rest is checked without it.")
        else:
            yield Problem(f"Checking could not begin: the process {message['text']}.")
            return
    yield Problem(f"{file.name} was begun {STARTS} times; what is left of it is not checked.")


def _messages(folder: Path, job: Job) -> Iterator[dict[str, Any]]:
    """What one process tells; the last message is "end", "refused" or "lost", and that has the reason as its text."""
    reading, writing = os.pipe()
    worker = subprocess.Popen(
        # -P: a learner's file must not be taken for a library before ours are loaded.
        [sys.executable, "-P", "-m", "mi_tutor.running.check_worker", str(writing)],
        stdin=subprocess.PIPE,
        cwd=folder,
        pass_fds=[writing],
        text=True,
    )
    os.close(writing)
    limit = CHECKING_SECONDS
    with Connection(reading, writable=False) as pipe:
        try:
            assert worker.stdin is not None
            with contextlib.suppress(BrokenPipeError), worker.stdin:
                worker.stdin.write(json.dumps(job._asdict()))
            while True:
                if not pipe.poll(PATIENCE_SECONDS):
                    yield {"event": "waiting", "limit": limit}
                    if not pipe.poll(max(0, limit - PATIENCE_SECONDS)):
                        yield {"event": "lost", "text": f"was still running after {limit:g} seconds and was stopped"}
                        return
                message = json.loads(pipe.recv_bytes())
                limit = DEFINING_SECONDS if message["event"] == "cell" else CHECKING_SECONDS
                yield message
        except EOFError:
            status = worker.wait()
            if status == -signal.SIGINT:  # Ctrl-C went to both, and the worker's end was heard of first
                raise KeyboardInterrupt from None
            yield {"event": "lost", "text": _ending(status)}
        finally:
            worker.kill()
            worker.wait()


def _ending(status: int) -> str:
    if status < 0:
        return f"ended Python with the signal {signal.Signals(-status).name}"
    return f"ended Python (exit status {status})"


def _place(at: dict[str, Any], cells: list[Cell]) -> str:
    if "number" not in at:
        return f"The check of {at['exercise']}" if at else "Python's start"
    cell = next(cell for cell in cells if cell.number == at["number"])
    return f"{cell.label} (from line {cell.first_line})" if cell.first_line > 1 else cell.label


def _worth(exercise: str) -> int:
    from mi_tutor.check.outline import chapters

    return next((task.points for chapter in chapters() for task in chapter.tasks if task.name == exercise), 0)
