"""How tests are given to several workers (tests/conftest.py)."""

from typing import Any

from scopes import scope_of
from xdist.scheduler import LoadScopeScheduling


class ByScope(LoadScopeScheduling):
    """A file's tests stay together, for its fixtures' sake, and an exercise's.

    pytest-xdist's own `--dist loadgroup` would do, but from pytest 9.2 on the groups are lost on the way (xdist 3.8), and
    every worker builds every fixture.
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def remove_node(self, node: Any) -> str | None:
        """A test that takes its worker with it has failed, once.

        LoadScope would give it to the next worker, and to the next, and give out again, as work without an end, what the
        worker had finished.
        """
        units = self.assigned_work[node]
        for scope in [scope for scope, unit in units.items() if all(unit.values())]:
            del units[scope]
        left = ((unit, test) for unit in units.values() for test, done in unit.items() if not done)
        if (taken := next(left, None)) is None:
            super().remove_node(node)
            return None
        unit, test = taken
        unit[test] = True
        if all(unit.values()):
            del units[scope_of(test)]
        super().remove_node(node)
        return str(test)
