"""Which cell belongs to which: a learner's to the chapter it came from, an old version's to the new one's."""

import json
from collections.abc import Callable, Hashable, Iterable
from difflib import SequenceMatcher
from typing import Any

from mi_tutor.authoring.conventions import ANSWER_STUB
from mi_tutor.files.notebook_file import OURS, Cell, part

ALIKE = 0.5


def pair_with_chapter(mine: list[Cell], chapter: list[Cell]) -> dict[int, int]:
    """For a learner's cell the chapter's cell it was made from; cells that the learner added have none."""
    pairs: dict[int, int] = {}
    _pair(mine, chapter, grade_id, pairs, _likeliest_answer_first(mine))
    _pair(mine, chapter, lambda cell: cell["id"] if isinstance(cell.get("id"), str) else None, pairs)
    _pair(mine, chapter, text, pairs)
    return pairs


def pair_versions(old: list[Cell], new: list[Cell]) -> dict[int, int]:
    """For a cell of an old version the new version's; ids say nothing here, for they count positions."""
    pairs: dict[int, int] = {}
    _pair(old, new, grade_id, pairs)
    _pair(old, new, text, pairs)
    for i, cell in enumerate(old):
        if i in pairs or grade_id(cell):
            continue
        free = [j for j in range(len(new)) if j not in pairs.values() and not grade_id(new[j])]
        ratio, best = max(((_likeness(cell, new[j]), -j) for j in free), default=(0.0, 0))
        if ratio >= ALIKE:
            pairs[i] = -best
    return pairs


def pair_through(
    mine: list[Cell], new: list[Cell], from_base: dict[int, int], versions: dict[int, int]
) -> dict[int, int]:
    """For a learner's cell the new version's: by way of the base where there is one, else by nbgrader id and by text."""
    pairs = {i: versions[b] for i, b in from_base.items() if b in versions}
    _pair(mine, new, grade_id, pairs, _likeliest_answer_first(mine))
    _pair(mine, new, text, pairs)
    return pairs


def grade_id(cell: Cell) -> str | None:
    """The cell's nbgrader id; also of an answer kept from an exercise that was gone for a while."""
    found = part(cell, "nbgrader").get("grade_id") or part(cell, OURS).get("was")
    return found if isinstance(found, str) and found else None


def exercise_of(cell: Cell) -> str | None:
    """The exercise that is answered in this cell."""
    return grade_id(cell) if part(cell, "nbgrader").get("solution") or part(cell, OURS).get("was") else None


def text(cell: Cell) -> Hashable:
    """All in a cell that a person writes, pasted pictures included."""
    return cell["cell_type"], cell["source"], json.dumps(cell.get("attachments") or {}, sort_keys=True)


def is_stub(cell: Cell) -> bool:
    """Whether a solution cell ends as a released one does."""
    if cell["cell_type"] == "markdown":
        return cell["source"].strip() == ANSWER_STUB
    lines = cell["source"].rstrip().splitlines()
    return bool(lines) and lines[-1].strip().startswith("raise NotImplementedError")


def _likeliest_answer_first(cells: list[Cell]) -> list[int]:
    """Splitting or copying a cell doubles its nbgrader id: the one that defines the function and is no stub counts."""

    def rank(i: int) -> tuple[bool, bool, bool]:
        cell = cells[i]
        return cell["cell_type"] != "code", f"def {grade_id(cell)}" not in cell["source"], is_stub(cell)

    return sorted(range(len(cells)), key=rank)


def _pair(
    left: list[Cell],
    right: list[Cell],
    key: Callable[[Cell], Any],
    pairs: dict[int, int],
    order: Iterable[int] | None = None,
) -> None:
    """Add the pairs with the same key, first come first served, among what is not paired yet."""
    used = set(pairs.values())
    free: dict[Hashable, list[int]] = {}
    for j, cell in enumerate(right):
        if j not in used and key(cell) is not None:
            free.setdefault(key(cell), []).append(j)
    for i in order or range(len(left)):
        if i not in pairs and key(left[i]) is not None and free.get(key(left[i])):
            pairs[i] = free[key(left[i])].pop(0)


def _likeness(one: Cell, other: Cell) -> float:
    if one["cell_type"] != other["cell_type"]:
        return 0.0
    words = SequenceMatcher(None, one["source"].split(), other["source"].split(), autojunk=False)
    return words.ratio() if words.quick_ratio() >= ALIKE else 0.0
