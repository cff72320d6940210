"""The process that holds a learner's code while it is graded: `python -m mi_tutor.running.grade_worker SETTINGS`.

It defines what a notebook defines and answers calls. It knows neither reference solutions nor cases, and what it says is
believed only where it costs points. Messages come on its standard input and go to its standard output, as `wire` writes
them; what the learner's code prints goes nowhere.
"""

import json
import os
import sys
from collections.abc import Callable, Set
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mi_tutor.check import call as calling
from mi_tutor.check.call import Outcome
from mi_tutor.check.compare import Problem
from mi_tutor.check.memory import BlockRule, TableRule
from mi_tutor.check.trial import guarded_here, pull_back, signature_problem
from mi_tutor.check.watched import WITNESS, edited_in_place
from mi_tutor.files.cells import Cell
from mi_tutor.files.definitions import demonstrated, each_definition, execute
from mi_tutor.running import absent, wire
from mi_tutor.running.confine import confine

_CPU = torch.device("cpu")


class Settings(NamedTuple):
    """How a worker is to be limited."""

    seconds: float
    """For one call."""
    memory_bytes: int
    """For one call, beyond what the process holds."""
    processor_seconds: int
    """For everything."""
    uid: int | None
    """Who it becomes when it is started as root."""


class Line:
    """Messages to and from the judge, on descriptors that nothing else is told of."""

    def __init__(self) -> None:
        self._reading, self._writing = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)

    def receive(self) -> dict[str, Any]:
        header, body = wire.lengths(self._read(wire.LENGTHS.size), limited=False)
        return wire.unpack(self._read(header), self._read(body), trusted=True)

    def send(self, message: dict[str, Any]) -> None:
        try:
            packed = wire.pack(message, limited=True)
        except wire.Refused:
            packed = wire.pack({"to": message["to"], "more": "more" in message, "too_large": True})
        left = memoryview(packed)
        while left:
            left = left[os.write(self._writing, left) :]

    def _read(self, count: int) -> bytes:
        parts = bytearray()
        while len(parts) < count:
            part = os.read(self._reading, min(count - len(parts), 2**20))
            if not part:
                os._exit(0)  # the judge has gone
            parts += part
        return bytes(parts)


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    line = Line()
    absent.install()
    torch.set_num_threads(1)
    torch.empty(1).abs().sum().item()
    calling.MEMORY_BYTES = settings.memory_bytes
    confine(memory_bytes=settings.memory_bytes, seconds=settings.processor_seconds, uid=settings.uid)
    line.send({"to": 0, "ready": True})
    work = Work(line, settings.seconds)
    while True:
        request = line.receive()
        to, do = request.pop("to"), request.pop("do")
        line.send({"to": to} | getattr(work, do)(to, **request))


class Work:
    """What the judge can ask for; each answers with a message."""

    def __init__(self, line: Line, seconds: float) -> None:
        self.line, self.seconds = line, seconds
        # A module of its own, for pickle and dataclasses look a class's module up.
        self.module = sys.modules["__main__"] = ModuleType("__main__")
        self.left_out: Set[str] = frozenset()

    def load(self, to: int, cells: list[list[Any]], skip: list[int]) -> dict[str, Any]:
        """Define what the cells define, saying at which one it is."""
        problems: list[tuple[int, str]] = []
        for part in each_definition(Cell(*cell) for cell in cells):
            number = part.cell.number
            self.left_out = part.left_out
            if number not in skip:
                self.line.send({"to": to, "cell": number})
                found = [part.error] if part.error else execute(part, self.module.__dict__)
                problems += [(number, text[:1000]) for text in found]
        return {"problems": problems[:50]}

    def signature(self, to: int, name: str, parameters: tuple[str, ...]) -> dict[str, Any]:
        """Whether a function of that name is there and can be called so."""
        if name not in self.module.__dict__:
            outside = f" {demonstrated(name)}" if name in self.left_out else ""
            return {"missing": f"No function {name} is defined.{outside}"}
        function = self.module.__dict__[name]
        if not callable(function):
            return {"missing": f"{name} is not a function."}
        return {"problem": _told(signature_problem(parameters, function))}

    def call(
        self, to: int, name: str, args: dict[str, Any], rule: tuple[Any, ...] | None, patience: int, calls: int
    ) -> dict[str, Any]:
        """Call it as `check` would, so many times in a row or until something is wrong, each with an answer of its own.

        Args:
            patience: how many times as long a call may take.
        """
        calling.SECONDS = patience * self.seconds
        for left in range(calls - 1, -1, -1):
            answer = self._call_once(name, args, _rule(rule))
            if not left or answer["problem"] or answer["disturbed"]:
                return answer
            self.line.send({"to": to, "more": True} | answer)
        raise ValueError("no call was asked for")

    def _call_once(self, name: str, args: dict[str, Any], watch: BlockRule | None) -> dict[str, Any]:
        """The generators go back as they are then, and what the rule counted."""
        outcome, disturbed = guarded_here(self._function(name), args, _CPU, watch)
        edited = [edited_in_place(value) for value in args.values() if hasattr(value, WITNESS)]
        return _answer(outcome, args) | {
            "disturbed": _told(disturbed),
            "generators": {name: value for name, value in args.items() if isinstance(value, torch.Generator)},
            "counted": (watch.largest, watch.most_live, watch.outside) if watch else None,
            "edited": any(edited),
        }

    def gradients(self, to: int, name: str, args: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        """Pull the usual cotangent back through the function."""
        found, problem = pull_back(self._function(name), args, names)
        return {"gradients": found, "problem": _told(problem)}

    def _function(self, name: str) -> Callable[..., Any]:
        function: Callable[..., Any] = self.module.__dict__[name]
        return function


def _rule(described: tuple[Any, ...] | None) -> BlockRule | None:
    if described is None:
        return None
    kind, *numbers = described
    return TableRule(*numbers) if kind == "table" else BlockRule(*numbers)


def _answer(outcome: Outcome, args: dict[str, Any]) -> dict[str, Any]:
    """The outcome, and which of its tensors share their memory with an argument."""
    given = {_storage(value): name for name, value in args.items() if isinstance(value, Tensor) and value.numel()}
    parts = outcome.value if isinstance(outcome.value, tuple | list) else (outcome.value,)
    shared = {str(place): given.get(_storage(part)) for place, part in enumerate(parts)}
    return {
        "value": outcome.value,
        "problem": _told(outcome.problem),
        "printed": outcome.printed,
        "shared": {place: name for place, name in shared.items() if name},
    }


def _storage(value: Any) -> int | None:
    try:
        return Tensor.untyped_storage(value).data_ptr()
    except Exception:
        return None


def _told(problem: Problem | None) -> tuple[str, str] | None:
    return None if problem is None else (problem.kind, problem.sentence)


if __name__ == "__main__":
    main()
