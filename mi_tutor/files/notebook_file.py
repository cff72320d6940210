"""A notebook as bytes and as plain dictionaries, with what Jupyter's programs forgive each other forgiven here too."""

import hashlib
import json
import re
from typing import Any

Notebook = dict[str, Any]
Cell = dict[str, Any]

KINDS = ("code", "markdown", "raw")
CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
# JupyterLab keeps metadata that it does not know, in a notebook and in a cell.
OURS = "mi_tutor"


class NotANotebook(ValueError):
    """The bytes are no notebook of format 4: broken off, something else, or too old."""


def read(content: bytes) -> Notebook:
    """The notebook in a file's bytes, each source one string; NotANotebook when there is none."""
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise NotANotebook(str(error)) from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or not isinstance(notebook.get("cells"), list):
        raise NotANotebook("not a notebook of format 4")
    notebook["cells"] = [_normal(cell) for cell in notebook["cells"]]
    for name, kind, otherwise in (("metadata", dict, {}), ("nbformat_minor", int, 5)):
        if not isinstance(notebook.get(name), kind):
            notebook[name] = otherwise
    return notebook


def write(notebook: Notebook) -> bytes:
    """The notebook's bytes, as nbformat writes them: the same for the same notebook."""
    cells = [cell | {"source": cell["source"].splitlines(keepends=True)} for cell in notebook["cells"]]
    notebook = notebook | {"cells": cells}
    layout: dict[str, Any] = {"indent": 1, "sort_keys": True, "separators": (",", ": ")}
    try:
        return (json.dumps(notebook, ensure_ascii=False, **layout) + "\n").encode()
    except UnicodeEncodeError:  # half a character, which JSON can spell and UTF-8 cannot
        return (json.dumps(notebook, **layout) + "\n").encode()


def is_valid(notebook: Notebook) -> bool:
    """Whether nbformat takes it; True where nbformat is not installed, for then no JupyterLab is either."""
    try:
        import nbformat
    except ImportError:
        return True
    try:
        nbformat.validate(json.loads(write(notebook)))
    except Exception:  # nbformat's own, jsonschema's, and whatever a strange value sets off in either
        return False
    return True


def texts_only(notebook: Notebook) -> Notebook:
    """Only what a person writes and what says whose it is; no outputs, nor what else a program may have spoilt."""
    ours = ("nbgrader", OURS)
    cells = [
        {name: cell[name] for name in ("cell_type", "id", "source") if name in cell}
        | {"metadata": {name: cell["metadata"][name] for name in ours if name in cell["metadata"]}}
        | ({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {})
        for cell in notebook["cells"]
    ]
    metadata = {OURS: notebook["metadata"][OURS]} if OURS in notebook["metadata"] else {}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def release(content: bytes) -> str:
    """What tells one version of a chapter from another: a hash of the chapter as it was released."""
    return hashlib.sha256(content).hexdigest()[:16]


def stamped(notebook: Notebook, made_from: str) -> Notebook:
    """The notebook with a note of which release it was made from."""
    metadata = notebook["metadata"] | {OURS: {"made_from": made_from}}
    return notebook | {"metadata": metadata}


def made_from(notebook: Notebook) -> str | None:
    """The release that a learner's notebook says it was made from."""
    found = part(notebook, OURS).get("made_from")
    return found if isinstance(found, str) and re.fullmatch(r"[0-9a-f]{16}", found) else None


def part(of: Notebook | Cell, name: str) -> dict[str, Any]:
    """What a program noted under its name in the metadata of a notebook or a cell; empty where that makes no sense."""
    found = of["metadata"].get(name)
    return found if isinstance(found, dict) else {}


def note(text: str, exercise: str) -> Cell:
    """A cell of prose that we add, marked so that it can be told from one that a person wrote or changed."""
    mark = {"note": hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16], "exercise": exercise}
    return {"cell_type": "markdown", "metadata": {OURS: mark}, "source": text}


def exercise_of_note(cell: Cell) -> str | None:
    """Which exercise a note of ours speaks of; None for every other cell, and for a note that a learner changed."""
    mark = part(cell, OURS)
    exercise = mark.get("exercise")
    return exercise if isinstance(exercise, str) and mark == part(note(cell["source"], exercise), OURS) else None


def fresh_id(cell: Cell, taken: set[str]) -> str:
    """The cell's own id, or one drawn from its text when that is no good or taken: the same at every merge."""
    if isinstance(cell.get("id"), str) and CELL_ID.fullmatch(cell["id"]) and cell["id"] not in taken:
        return cell["id"]
    for n in range(len(taken) + 1):
        drawn = hashlib.sha256(f"{n} {cell['source']}".encode(errors="replace")).hexdigest()[:12]
        if drawn not in taken:
            return drawn
    raise AssertionError("more ids taken than there are")


def _normal(cell: Any) -> Cell:
    if not isinstance(cell, dict) or cell.get("cell_type") not in KINDS:
        raise NotANotebook("a cell is neither code nor text")
    source = cell.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotANotebook("a cell's text is not text")
    metadata = cell.get("metadata")
    cell = cell | {"source": source, "metadata": metadata if isinstance(metadata, dict) else {}}
    if cell["cell_type"] == "code":
        cell.setdefault("execution_count", None)
        if not isinstance(cell.get("outputs"), list):
            cell["outputs"] = []
    return cell
