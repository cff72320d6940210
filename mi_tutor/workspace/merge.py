"""A learner's notebook and a newer version of its chapter become one notebook; no file is touched here.

The new chapter's cells come in its order. A learner's cell goes into the new cell that it belongs to, found by nbgrader
id or by way of the version that the learner began from (the base); one that fits into none, and is not merely the old
chapter's, is kept after the cell it followed. So every text that a learner wrote is a cell of the result.
"""

import re
from collections import defaultdict
from typing import Literal, NamedTuple

from mi_tutor.authoring.conventions import ANSWER_STUB
from mi_tutor.files.notebook_file import OURS, Cell, Notebook, exercise_of_note, fresh_id, note, part
from mi_tutor.workspace.pairing import (
    exercise_of,
    grade_id,
    is_stub,
    pair_through,
    pair_versions,
    pair_with_chapter,
    text,
)

REWRITTEN = (
    "**In the newer version of this chapter the exercise above reads as follows.** Your answer is as you left it."
)
GONE = "**The newer version of this chapter no longer has this exercise.** Your answer is kept below."
OTHERWISE = "**The cell above is the newer version's.** Below is yours, as you left it."
# What of a cell's metadata is the chapter's to say; the rest is what JupyterLab notes for the learner (folded, scrolled).
CHAPTERS_OWN = ("nbgrader", "deletable", "editable")


class Merged(NamedTuple):
    notebook: Notebook
    answers: list[str]
    """Exercises of the new version that hold the learner's answer."""
    rewritten: list[str]
    """Those among them that now read differently from what the learner answered."""
    gone: list[str]
    """Answered exercises that the new version does not have."""


def merge(mine: Notebook, base: Notebook | None, new: Notebook) -> Merged:
    """The new version with everything of the learner's in it; without a base, whatever differs counts as the learner's."""
    old_cells: list[Cell] = base["cells"] if base else []
    from_base = pair_with_chapter(mine["cells"], old_cells)
    slots = pair_through(mine["cells"], new["cells"], from_base, pair_versions(old_cells, new["cells"]))
    current = {grade_id(cell) for cell in new["cells"]}

    filled = list(new["cells"])
    after: dict[int, list[Cell]] = defaultdict(list)
    answers: list[str] = []
    rewritten: list[str] = []
    gone: list[str] = []
    place = -1
    for i, cell in enumerate(mine["cells"]):
        old = old_cells[from_base[i]] if i in from_base else None
        if i in slots:
            place = slots[i]
            released = new["cells"][place]
            exercise, winner = exercise_of(released), _winner(cell, old, released)
            if winner == "both":
                after[place] += [note(OTHERWISE, ""), _freed(cell)]
            elif winner == "mine":
                filled[place] = _carried(cell, released)
                if exercise and text(cell) != text(released):
                    answers.append(exercise)
                    if _asks_differently(cell, old, released):
                        rewritten.append(exercise)
                        after[place].append(note(f"{REWRITTEN}\n\n{_fenced(released['source'])}", exercise))
        elif not (_untouched(cell, old) or _outdated(cell, rewritten, current)):
            exercise = exercise_of(old or cell)
            if exercise is None or exercise in current or part(cell, OURS).get("was"):
                after[place].append(_freed(cell))
            else:
                gone.append(exercise)
                after[place] += [note(GONE, exercise), _freed(cell, was=exercise)]

    cells = list(after[-1])
    for place, cell in enumerate(filled):
        cells += [cell, *after[place]]
    notebook = new | {
        "cells": _with_ids(cells, filled),
        "metadata": new["metadata"] | mine["metadata"],
        "nbformat_minor": max(5, mine["nbformat_minor"], new["nbformat_minor"]),
    }
    return Merged(notebook, answers, rewritten, gone)


def _winner(cell: Cell, old: Cell | None, released: Cell) -> Literal["mine", "chapter", "both"]:
    """Whose text stands in the new version's cell: the learner's, the chapter's, or the chapter's with the other below."""
    if part(released, "nbgrader").get("locked"):
        # A check is the chapter's, and what an older checker said of an answer is out of date.
        return "chapter" if text(cell) in (text(released), old and text(old)) else "both"
    if text(cell) == text(released):
        return "mine"
    if _untouched(cell, old) or not cell["source"].strip():
        return "chapter"
    if cell["cell_type"] != released["cell_type"]:
        return "both"
    chapter_left_it = old is not None and text(old) == text(released)
    return "mine" if chapter_left_it or exercise_of(released) else "both"


def _untouched(cell: Cell, old: Cell | None) -> bool:
    """Whether the learner wrote nothing here; in a clone even a chapter's own file may hold someone's answer."""
    return old is not None and text(cell) == text(old) and (exercise_of(old) is None or is_stub(old))


def _outdated(cell: Cell, rewritten: list[str], current: set[str | None]) -> bool:
    """Whether this is a note of ours that a new note replaces, or that is no longer so."""
    exercise = exercise_of_note(cell)
    return bool(exercise) and (exercise in rewritten or (cell["source"] == GONE and exercise in current))


def _asks_differently(cell: Cell, old: Cell | None, released: Cell) -> bool:
    asks = _unlaid(_before_the_answer(released["source"]))
    if old is not None and _unlaid(_before_the_answer(old["source"])) == asks:
        return False
    return not _unlaid(cell["source"]).startswith(asks)


def _before_the_answer(stub: str) -> str:
    return re.sub(rf"\s*((# Your code here\s*)?raise NotImplementedError[^\n]*|{re.escape(ANSWER_STUB)})\s*$", "", stub)


def _unlaid(code: str) -> str:
    """Without what a formatter decides: where lines are broken, and the comma that comes with it."""
    return re.sub(r",([)\]])", r"\1", re.sub(r"\s+", "", code))


def _carried(cell: Cell, released: Cell) -> Cell:
    """The learner's text, outputs and foldings, known to nbgrader as the released cell."""
    metadata = {name: value for name, value in cell["metadata"].items() if name not in (*CHAPTERS_OWN, OURS)}
    return cell | {"metadata": metadata | released["metadata"], "id": released.get("id")}


def _freed(cell: Cell, was: str | None = None) -> Cell:
    """A cell as one of the learner's own: nbgrader must not meet its id twice, and it can be deleted."""
    if was is None and "nbgrader" not in cell["metadata"]:
        return cell
    metadata = {name: value for name, value in cell["metadata"].items() if name not in CHAPTERS_OWN}
    return cell | {"metadata": metadata | ({OURS: {"was": was}} if was else {})}


def _fenced(code: str) -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", code))])
    return f"{fence}python\n{code}\n{fence}"


def _with_ids(cells: list[Cell], chapter: list[Cell]) -> list[Cell]:
    """Every id once: a chapter's cell keeps its own, another takes a new one where its own is taken."""
    taken = {str(cell.get("id")) for cell in chapter}
    finished = []
    for cell in cells:
        if not any(cell is other for other in chapter):
            cell = cell | {"id": fresh_id(cell, taken)}
            taken.add(cell["id"])
        finished.append(cell)
    return finished
