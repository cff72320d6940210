"""Whether the function that is checked is the one that the learner sees in the cell above.

A cell that was run again and failed, or from which the function was renamed away, leaves the earlier function in the
kernel: a check would say "right" of something that is no longer written anywhere. IPython says what was run (its
`post_run_cell` event), so this is noticed; outside IPython nothing is.
"""

import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

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

    def after(self, result: Any) -> None:
        """Take note of a cell that was run: IPython's `post_run_cell`."""
        source, cell = result.info.raw_cell or "", getattr(result.info, "cell_id", None)
        error = result.error_before_exec or result.error_in_exec
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
