"""What of the package is not there where answers are graded, and something in its place that says so.

A notebook imports much that its demonstrations need and its functions do not: tables, drawings, models. Some of it would
answer an exercise. So only what the worker itself runs on can be imported there; every other name of the package is bound
to an object that raises when it is used, and the rest of the import, and of the notebook, stands.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

PRESENT = frozenset(
    f"mi_tutor.{name}".rstrip(".")
    for name in (
        *("", "deferred", "device", "moved", "version", "check", "files", "models", "running"),
        *("check.call", "check.compare", "check.conditions", "check.demonstration", "check.draw", "check.errors"),
        *("check.exercise", "check.factored", "check.history", "check.law", "check.memory", "check.outline"),
        *("check.portrait", "check.renamed", "check.small_model", "check.trial", "check.watched"),
        *(
            "files.cells",
            "files.definitions",
            "files.left_out",
            "files.notebook_file",
            "models.build",
            "models.recipes",
        ),
        *("running.absent", "running.confine", "running.grade_worker", "running.wire"),
    )
)
"""Modules that a worker runs on."""


class NotThere(AttributeError):
    """A name of this package was used where an answer is graded."""


class Absent:
    """What a name of the package means where it is not there."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.__qualname__ = name

    def __repr__(self) -> str:
        return f"<{self.__name__}, which is not there where answers are graded>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __call__(self, *_: Any, **__: Any) -> Any:
        self._refuse()

    __getitem__ = __iter__ = __len__ = __bool__ = __enter__ = __call__

    def _refuse(self) -> NoReturn:
        name = self.__name__.removeprefix("mi_tutor.")
        raise NotThere(
            f"`{name}` of mi_tutor is not there where answers are graded: write out what the function needs of it."
        )


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")


class _Finder(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.split(".")[0] != "mi_tutor" or fullname in PRESENT:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def install() -> None:
    """Have Python ask here before it looks anywhere else. Old names (`mi_tutor.moved`) are asked for here, too."""
    sys.meta_path.insert(0, _Finder())
