"""Whether the function that is checked is the one that the learner sees in the cell above.

A cell that was run again and failed, or from which the function was renamed away, leaves the earlier function in the
kernel: a check would say "right" of something that is no longer written anywhere. IPython says what was run (its
`post_run_cell` event), so this is noticed; outside IPython nothing is. The same record tells what an answer reads that only
a demonstration makes, and that will not be there when the notebook is graded.
"""

import dis
import functools
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from mi_tutor.files.cells import Cell
from mi_tutor.files.definitions import definitions, demonstrated

_DEFINED = re.compile(r"^(?:async\s+)?def\s+(\w+)|^(\w+)\s*=(?!=)", re.MULTILINE)


class Definition(NamedTuple):
    """Where a name got the value that it has."""

    value: Any
    cell: str | None
    number: int


class History:
    """What became of the names that cells define."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        """The notebook's own."""
        self.defined: dict[str, Definition] = {}
        self.left_behind: dict[str, str] = {}
        """By name: what happened to its cell since, as half a sentence."""
        self.sources: dict[str, str] = {}
        """By cell: what was run there last, in the order in which they were run."""

    def after(self, result: Any) -> None:
        """Take note of a cell that was run: IPython's `post_run_cell`."""
        source, cell = result.info.raw_cell or "", getattr(result.info, "cell_id", None)
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            key = cell or f"[{result.execution_count}]"
            self.sources.pop(key, None)
            self.sources[key] = source
        written = {first or second for first, second in _DEFINED.findall(source)}
        here = {name for name, each in self.defined.items() if cell is not None and each.cell == cell}
        for name in written | here:
            now, before = self.names.get(name), self.defined.get(name)
            if name in written and name in self.names and (before is None or now is not before.value):
                self.defined[name] = Definition(now, cell, result.execution_count or 0)
                self.left_behind.pop(name, None)
            elif before is None or now is not before.value:
                continue
            elif error is not None:
                self.left_behind[name] = f"that cell has failed since, with {type(error).__name__}"
            elif name not in written:
                self.left_behind[name] = "that cell no longer defines it"

    def earlier(self, function: Callable[..., Any]) -> str:
        """A sentence when this function is no longer what its cell says; empty when it is, or when nobody can tell."""
        for name, why in self.left_behind.items():
            if self.defined[name].value is function:
                return f"This is the version of `{name}` that was defined in [{self.defined[name].number}]; {why}."
        return ""

    def only_demonstrated(self, function: Callable[..., Any]) -> list[str]:
        """The names that a function reads, itself or in the notebook's functions that it calls, and that only a
        demonstration gives a value to."""
        read = set(_globals_read(function, self.names, set()))
        if not read:  # most answers; the cells need not be parsed
            return []
        cells = [Cell(number, source, f"cell {number}") for number, source in enumerate(self.sources.values(), 1)]
        made = definitions(cells)
        return sorted(read & made[-1].left_out) if made else []


def _globals_read(function: object, names: dict[str, Any], seen: set[int]) -> Iterator[str]:
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    if not isinstance(function, FunctionType) or function.__globals__ is not names or id(function) in seen:
        return
    seen.add(id(function))
    for name in _loaded(function.__code__):
        if name in names:
            yield name
            yield from _globals_read(names[name], names, seen)


def _loaded(code: CodeType) -> Iterator[str]:
    yield from (each.argval for each in dis.get_instructions(code) if each.opname == "LOAD_GLOBAL")
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _loaded(inner)


_here: History | None = None


def watch() -> None:
    """Begin to take note in a notebook; once, and nowhere else."""
    global _here
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or _here is not None:
        return
    _here = History(shell.user_ns)
    shell.events.register("post_run_cell", _here.after)


def earlier_version(function: Callable[..., Any]) -> str:
    """`History.earlier` of this notebook."""
    return _here.earlier(function) if _here else ""


def missing_when_graded(function: Callable[..., Any]) -> str:
    """A sentence when a function reads what only a demonstration makes; grading runs none."""
    names = _here.only_demonstrated(function) if _here else []
    return f"In a course this would earn nothing: {demonstrated(names[0])}" if names else ""
