"""The process that holds a learner's code, as the judge sees it: what can be asked, and what becomes of it.

One that breaks off, falls silent or writes nonsense is stopped, which costs the exercise at hand.
"""

import contextlib
import json
import math
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from mi_tutor.check.compare import Problem
from mi_tutor.running import wire
from mi_tutor.running.sandbox import WORK, Sandbox

STARTING_SECONDS = 120.0
"""For a fresh interpreter with torch, on a machine that is busy."""
DEFINING_SECONDS = 6, 20.0
"""For one cell's imports and definitions: this many times a call's, and at least so many."""
MOST_FILES = 4000
"""In the folder that it may write. Their bytes have a limit; what the system keeps of each beside them has none."""
_GLANCE_SECONDS = 0.5
"""Between two looks at how many there are."""
MOST_TEXT = 600
"""Letters of a sentence."""
_PATH = re.compile(r"(?<![\w./…])(?:/[\w.+@~-]+){2,}")
NO_ANSWER = "What came back from its process was no answer."


class Lost(Exception):
    """The worker is gone, and why: a problem of the exercise that it was at."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(kind, sentence)


class Worker:
    """A fresh process that has nothing to do yet. It begins to start here; the first question waits for it."""

    def __init__(self, sandbox: Sandbox, settings: dict[str, Any]) -> None:
        self.seconds: float = settings["seconds"]
        self.has_library = False
        self.received = 0
        self._folder = WORK if sandbox.isolated else None
        self.deadline = math.inf
        """By the clock, for whatever it is asked."""
        self._asked = 0
        self._begun = self._used = 0.0
        self._ready = self._stopped = False
        self._innermost: int | None = None
        self._fresh_bytes = 0
        self._process = subprocess.Popen(
            sandbox.command(["-m", "mi_tutor.running.grade_worker", json.dumps(settings)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # the worker itself puts nothing in its place before it runs a learner's code
            env=sandbox.environment,
            cwd="/",
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    def wait_until_ready(self) -> None:
        """Raises Lost when it cannot start."""
        if not self._ready:
            until = time.monotonic() + STARTING_SECONDS
            if self._message(until).get("ready") is not True:
                raise Lost("exit", "The process could not start.")
            self._ready, self._begun = True, time.monotonic()
            self._innermost = _innermost(self._process.pid)
            self._fresh_bytes = self._held("VmRSS")

    def ask(self, do: str, *, seconds: float, **request: Any) -> dict[str, Any]:
        """The answer to a question. Raises Lost when none comes."""
        self.wait_until_ready()
        until = time.monotonic() + seconds
        self._begin(do, until, request)
        return self._message(until)

    def next_answer(self, *, seconds: float) -> dict[str, Any]:
        """Another answer to the question that was asked last. Raises Lost when none comes."""
        return self._message(time.monotonic() + seconds)

    def load(self, cells: list[list[Any]], skip: list[int]) -> tuple[list[tuple[int, str]], int | None]:
        """Define what a notebook defines, without the cells numbered in `skip`.

        Returns:
            What went wrong, by cell; and the cell at which the process broke off, when it did (0 before any).
        """
        self.wait_until_ready()
        times, least = DEFINING_SECONDS
        at, patience = 0, max(least, times * self.seconds)
        try:
            until = time.monotonic() + patience
            self._begin("load", until, {"cells": cells, "skip": skip})
            for _ in range(len(cells) + 1):
                answer = self._message(until)
                if "problems" in answer:
                    return [(number(n), sentence(text)) for n, text in answer["problems"]], None
                at, until = number(answer["cell"]), time.monotonic() + patience
            raise Lost("exit", "It said that it came to more cells than there are.")
        except Lost as lost:
            return [(at, str(lost))], at
        except (TypeError, ValueError, KeyError):
            self.stop()
            return [(at, NO_ANSWER)], at

    def forget_peak(self) -> None:
        """From here on only what it holds now or later counts for `held_bytes`."""
        if self._innermost is not None:
            with contextlib.suppress(OSError):
                Path(f"/proc/{self._innermost}/clear_refs").write_text("5")

    def held_bytes(self) -> int:
        """The most memory that it held at once, beyond a fresh one, as the system counts it: nothing in it can say less.

        0 on a system that does not tell. Raises Lost when it can no longer be told.
        """
        return self._held("VmHWM") - self._fresh_bytes if self._innermost is not None else 0

    def _held(self, field: str) -> int:
        if self._innermost is None:
            return 0
        try:
            status = Path(f"/proc/{self._innermost}/status").read_text()
        except OSError:
            raise self._gone() from None
        found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
        if found is None:  # it has ended, or is about to
            raise self._gone()
        return int(found[1]) * 1024

    def stop(self) -> None:
        """End it and all that it started."""
        if self._stopped:
            return  # its number may be another process's by now
        self._used, self._stopped = self.processor_seconds(), True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]

    def complaint(self) -> str:
        """What the process wrote before it ran anything of a learner's."""
        self._process.kill()
        assert self._process.stderr
        os.set_blocking(self._process.stderr.fileno(), False)
        text = self._process.stderr.read(4000) or b""
        lines = text.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _begin(self, do: str, until: float, request: dict[str, Any]) -> None:
        self._asked += 1
        left = memoryview(wire.pack({"to": self._asked, "do": do} | request))
        while left:
            self._wait([], [self._to], until)
            with contextlib.suppress(BlockingIOError):
                try:
                    left = left[os.write(self._to, left) :]
                except OSError:
                    raise self._gone() from None

    def _message(self, until: float) -> dict[str, Any]:
        try:
            header, body = wire.lengths(self._read(wire.LENGTHS.size, until), limited=True)
            self.received += header + body
            answer = wire.unpack(self._read(header, until), self._read(body, until), trusted=False)
            if answer.get("to") != self._asked:
                raise wire.Refused("it answers another question")
        except wire.Refused:
            self.stop()
            raise Lost("exit", NO_ANSWER) from None
        return answer

    def _read(self, count: int, until: float) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            self._wait([self._from], [], until)
            try:
                part = os.read(self._from, min(count - len(parts), 2**20))
            except BlockingIOError:
                continue
            if not part:
                raise self._gone()
            parts += part
        return bytes(parts)

    def _wait(self, reading: list[int], writing: list[int], until: float) -> None:
        until = min(until, self.deadline)
        while (left := until - time.monotonic()) > 0:
            if any(select.select(reading, writing, [], min(left, _GLANCE_SECONDS))):
                return
            if self._files() > MOST_FILES:
                self.stop()
                raise Lost("exit", f"It made more than {MOST_FILES:,} files.")
        self.stop()
        raise Lost("time", "It was still running when its time was over. Is there a loop that never ends?")

    def _files(self) -> int:
        """How many files it has made; 0 where that cannot be told."""
        if self._folder is None or self._innermost is None:
            return 0
        try:
            room = os.statvfs(f"/proc/{self._innermost}/root{self._folder}")
        except OSError:
            return 0
        return room.f_files - room.f_ffree

    def processor_seconds(self) -> float:
        """What it has used since it was ready or before, by the system's count; by the clock where that cannot be told."""
        if self._stopped:
            return self._used
        try:
            told = Path(f"/proc/{self._innermost}/stat").read_text().rpartition(")")[2].split()
            ticks = int(told[11]) + int(told[12])
            return ticks / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return time.monotonic() - self._begun if self._ready else 0.0

    def _gone(self) -> Lost:
        """It broke off: how."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        status = self._process.poll()
        self.stop()
        if status is None:
            return Lost("exit", "Its process closed the line to the judge.")
        # A shell's way, and bubblewrap's, to report a signal is 128 and its number.
        number = -status if status < 0 else status - 128
        try:
            name = signal.Signals(number).name
        except ValueError:
            return Lost("exit", f"It ended Python (exit status {status}).")
        if name == "SIGXCPU":
            return Lost("time", "It used up its processor time.")
        return Lost("exit", f"It ended Python with the signal {name}.")


def _innermost(process: int) -> int | None:
    """The process at the end of a line of processes with one child each, as bubblewrap's is; None where none is told."""
    with contextlib.suppress(OSError, ValueError):
        while children := Path(f"/proc/{process}/task/{process}/children").read_text().split():
            (process,) = map(int, children)
        return process
    return None


def sentence(text: Any) -> str:
    """What came back as text: on one line, not long, and without the paths of this machine. Raises ValueError."""
    if not isinstance(text, str):
        raise ValueError("no text")
    text = " ".join(_PATH.sub(lambda found: f"…/{found[0].rpartition('/')[2]}", text[-20_000:]).split())
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT // 2]} … {text[-MOST_TEXT // 2 :]}"


def number(value: Any) -> int:
    """What came back as a whole number. Raises ValueError."""
    if type(value) is not int:
        raise ValueError("no number")
    return value
