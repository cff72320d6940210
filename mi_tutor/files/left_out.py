"""Names that only a demonstration gives a value to, cell by cell of a notebook of any length."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Set


class Changes:
    """Which names were left out after which cell. Every cell's set is a view of this one, or a notebook of many thousand cells
    would hold as many copies of what is nearly the same."""

    def __init__(self) -> None:
        self.now: set[str] = set()
        self._since: dict[str, list[int]] = {}
        self._cells = 0

    def __call__(self, name: str, cell: int) -> bool:
        """Whether it was left out after that cell, counted from 0."""
        return bisect_right(self._since.get(name, ()), cell) % 2 == 1

    def leave_out(self, names: Iterable[str]) -> None:
        self._turn({*names} - self.now)

    def define(self, names: Iterable[str]) -> None:
        self._turn({*names} & self.now)

    def end_cell(self) -> "LeftOut":
        """What is left out after the cell at hand; the next one begins."""
        self._cells += 1
        return LeftOut(self, self._cells - 1)

    def names(self) -> Iterator[str]:
        """Every name that was ever left out."""
        return iter(self._since)

    def _turn(self, names: set[str]) -> None:
        self.now ^= names
        for name in names:
            self._since.setdefault(name, []).append(self._cells)


class LeftOut(Set[str]):
    """The names that are left out after one cell."""

    def __init__(self, changes: Changes, cell: int) -> None:
        self._changes, self._cell = changes, cell

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._changes(name, self._cell)

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._changes.names() if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @classmethod
    def _from_iterable(cls, names: Iterable[str]) -> "frozenset[str]":  # type: ignore[override]
        return frozenset(names)
