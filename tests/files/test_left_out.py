"""Names left out and defined again, cell by cell, against sets that are simply copied."""

from hypothesis import given
from hypothesis import strategies as st

from mi_tutor.files.cells import Cell
from mi_tutor.files.definitions import definitions
from mi_tutor.files.left_out import Changes

STEPS = st.lists(
    st.lists(st.tuples(st.booleans(), st.frozensets(st.sampled_from("abcd"), max_size=3)), max_size=4), max_size=8
)


@given(STEPS)
def test_each_cells_set_is_what_a_copy_would_be(cells):
    changes, now, views, copies = Changes(), set(), [], []
    for steps in cells:
        for out, names in steps:
            (changes.leave_out if out else changes.define)(names)
            now = now | names if out else now - names
        assert changes.now == now
        views.append(changes.end_cell())
        copies.append(frozenset(now))
    for view, copy in zip(views, copies, strict=True):
        assert set(view) == copy == {"a", "b", "c", "d"} & view
        assert len(view) == len(copy)
        assert {name: name in view for name in "abcde"} == {name: name in copy for name in "abcde"}


def test_a_notebook_of_many_cells_is_not_copied_for_each():
    """Ten times the cells, ten times the work, counted in what is looked at and not in seconds."""
    import sys

    def work(count):
        lines = 0

        def trace(frame, event, arg):
            nonlocal lines
            lines += event == "line"
            return trace

        cells = [Cell(n, f"x{n} = input()", "here") for n in range(count)]
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            made = definitions(cells)
        finally:
            sys.settrace(before)
        assert f"x{count - 1}" in made[-1].left_out
        assert f"x{count - 1}" not in made[-2].left_out
        return lines

    assert work(400) < 11 * work(40)


def test_a_future_import_holds_from_its_cell_on():
    cells = [Cell(1, "x = 1", "a"), Cell(2, "from __future__ import annotations", "b"), Cell(3, "def f(): ...", "c")]
    first, second, third = definitions(cells)
    assert first.flags == 0
    assert second.flags == third.flags != 0
