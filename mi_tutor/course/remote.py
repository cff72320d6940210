"""A learner's functions in a worker process, as the judge calls them.

Whatever comes back is taken for what a stranger says: values are judged, a side condition can only lower a mark, and a
worker that breaks off, falls silent or writes nonsense is stopped, which costs the exercise at hand.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from mi_tutor.check.call import FATAL, Outcome
from mi_tutor.check.compare import Problem
from mi_tutor.check.factored import is_factored
from mi_tutor.check.memory import BlockRule, TableRule
from mi_tutor.check.small_model import WITNESS, note_edit
from mi_tutor.check.trial import Elsewhere, Gradients
from mi_tutor.course import wire
from mi_tutor.course.sandbox import Sandbox

STARTING_SECONDS = 120.0
"""For a fresh interpreter with torch, on a machine that is busy."""
GRACE_SECONDS = 5.0
"""After a call's own limit, before the process is stopped."""
LIBRARY_SECONDS = 60.0
"""More, once, for a call whose arguments are TransformerLens's: it has to be imported for them."""
DEFINING_SECONDS = 6, 20.0
"""For one cell's imports and definitions: this many times a call's, and at least so many."""
NO_ANSWER = "What came back from its process was no answer."
MOST_BYTES = 2**27
"""Of all results of an exercise together: what the judge holds until it has found the mistake."""
_KINDS = {
    *(*FATAL, "exception", "gradient", "signature", "changed argument", "changed model"),
    *("changed random state", "changed settings"),
}


Read = TypeVar("Read")


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
        self._asked = 0
        self._ready = False
        self._process = subprocess.Popen(
            sandbox.command(["-m", "mi_tutor.course.grade_worker", json.dumps(settings)]),
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
            self._ready = True

    def ask(self, do: str, *, seconds: float, **request: Any) -> dict[str, Any]:
        """The answer to a question. Raises Lost when none comes."""
        self.wait_until_ready()
        until = time.monotonic() + seconds
        self._begin(do, until, request)
        return self._message(until)

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
                    return [(_number(n), _sentence(text)) for n, text in answer["problems"]], None
                at, until = _number(answer["cell"]), time.monotonic() + patience
            raise Lost("exit", "It said that it came to more cells than there are.")
        except Lost as lost:
            return [(at, str(lost))], at
        except (TypeError, ValueError, KeyError):
            self.stop()
            return [(at, NO_ANSWER)], at

    def stop(self) -> None:
        """End it and all that it started."""
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
        left = until - time.monotonic()
        if left <= 0 or not any(select.select(reading, writing, [], left)):
            self.stop()
            raise Lost("time", "It was still running when its time was over. Is there a loop that never ends?")

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


class RemoteFunction(Elsewhere):
    """A function of that name in a worker. Once the worker is lost, so is every later call."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker, self.name = worker, name
        self.until_bytes = worker.received + MOST_BYTES
        self.lost: Lost | None = None

    def wrong_signature(self, parameters: tuple[str, ...]) -> Problem | None:
        def read(answer: dict[str, Any]) -> Problem | None:
            if missing := answer.get("missing"):
                return Problem("not defined", _sentence(missing))
            return _problem(answer["problem"])

        try:
            return self._ask("signature", read, parameters=parameters)
        except Lost as lost:
            return lost.problem

    def guarded(self, args: dict[str, Any], rule: BlockRule | None) -> tuple[Outcome, Problem | None]:
        def read(answer: dict[str, Any]) -> tuple[Outcome, Problem | None]:
            if answer.get("too_large"):
                most = f"{wire.BODY_LIMIT // 2**20} MiB"
                return Outcome(problem=Problem("memory limit", f"Its result holds more than {most}.")), None
            _leave_behind(answer, args, rule)
            value = _beside_arguments(answer["value"], answer["shared"], args)
            outcome = Outcome(value, _problem(answer["problem"]), _sentence(answer["printed"]))
            return outcome, _problem(answer["disturbed"])

        try:
            return self._ask("call", read, args=args, rule=_described(rule))
        except Lost as lost:
            return Outcome(problem=lost.problem), None

    def pull_back(self, args: dict[str, Any], names: tuple[str, ...]) -> tuple[Gradients, Problem | None]:
        def read(answer: dict[str, Any]) -> tuple[Gradients, Problem | None]:
            found: Gradients = {name: answer["gradients"][name] for name in names}
            for name, gradient in found.items():
                if gradient is not None and (gradient.shape, gradient.dtype) != (args[name].shape, args[name].dtype):
                    raise ValueError("no gradient in that argument")
            return found, _problem(answer["problem"])

        try:
            return self._ask("gradients", read, args=args, names=names)
        except Lost as lost:
            return dict.fromkeys(names), lost.problem

    def _ask(self, do: str, read: Callable[[dict[str, Any]], Read], **request: Any) -> Read:
        if self.worker.received > self.until_bytes:
            self.lost = Lost("memory limit", f"Its results hold more than {MOST_BYTES // 2**20} MiB together.")
        if self.lost:
            raise self.lost
        seconds = self.worker.seconds + GRACE_SECONDS
        if not self.worker.has_library and any(map(_of_library, request.get("args", {}).values())):
            self.worker.has_library = True
            seconds += LIBRARY_SECONDS
        try:
            try:
                return read(self.worker.ask(do, seconds=seconds, name=self.name, **request))
            except (KeyError, TypeError, ValueError, AttributeError):
                self.worker.stop()
                raise Lost("exit", NO_ANSWER) from None
        except Lost as lost:
            self.lost = lost
            raise


def _leave_behind(answer: dict[str, Any], args: dict[str, Any], rule: BlockRule | None) -> None:
    """Make what the judge looks at here as the call left it there."""
    for name, value in args.items():
        if isinstance(value, torch.Generator):
            value.set_state(answer["generators"][name].get_state())
        if hasattr(value, WITNESS) and answer["edited"] is not False:
            note_edit(value)
    if rule is not None:
        rule.largest, rule.most_live, rule.outside = map(_number, answer["counted"])


def _beside_arguments(value: Any, shared: dict[str, str], args: dict[str, Any]) -> Any:
    """The result, those of its tensors that shared memory with an argument doing so here: a law may look at that."""
    if not shared:
        return value
    parts = list(value) if isinstance(value, tuple | list) else [value]
    for place, name in shared.items():
        part, memory = parts[int(place)], args[name].untyped_storage()
        # At the end of the argument's memory, made longer for it.
        first = -(-memory.nbytes() // part.element_size())
        memory.resize_((first + part.numel()) * part.element_size())
        parts[int(place)] = torch.empty(0, dtype=part.dtype).set_(memory, first, part.shape, part.stride()).copy_(part)
    return tuple(parts) if isinstance(value, tuple | list) else parts[0]


def _of_library(value: Any) -> bool:
    return isinstance(value, nn.Module) or is_factored(value)


def _described(rule: BlockRule | None) -> tuple[Any, ...] | None:
    if rule is None:
        return None
    if isinstance(rule, TableRule):
        return ("table", rule.columns)
    return ("block", rule.rows, rule.columns, rule.allowance)


def _problem(told: Any) -> Problem | None:
    if told is None:
        return None
    kind, sentence = told
    return Problem(kind if kind in _KINDS else "exception", _sentence(sentence))


def _sentence(text: Any) -> str:
    if not isinstance(text, str):
        raise ValueError("no text")
    return text[-2000:]


def _number(value: Any) -> int:
    if type(value) is not int:
        raise ValueError("no number")
    return value
