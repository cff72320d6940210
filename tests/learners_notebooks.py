"""Chapters and learners' notebooks in a few words, for the tests of what is brought into a learner's folder."""

import json
from typing import Any

from mi_tutor.files import notebook_file

STUB = '''def {name}(x: int) -> int:
    """{asks}"""
    # Your code here
    raise NotImplementedError'''


def prose(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def code(text: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": metadata, "source": text, "outputs": [], "execution_count": None}


def exercise(name: str, asks: str = "Says what is asked.") -> dict[str, Any]:
    marks = {"grade": False, "grade_id": name, "locked": False, "schema_version": 3, "solution": True, "task": False}
    return code(STUB.format(name=name, asks=asks), nbgrader=marks, deletable=False) | {"id": name}


def check(name: str, call: str = "check({})") -> dict[str, Any]:
    marks = {"grade": True, "grade_id": f"check_{name}", "locked": True, "points": 2, "schema_version": 3}
    marks |= {"solution": False, "task": False}
    cell = code(call.format(name), nbgrader=marks, deletable=False, editable=False)
    return cell | {"id": f"check_{name}"}


def chapter(*cells: dict[str, Any]) -> dict[str, Any]:
    """A chapter as the build makes it: its ids count positions where there is no nbgrader id."""
    numbered = [{"id": f"09_small-{n}"} | cell for n, cell in enumerate(cells)]
    language = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": numbered, "metadata": language, "nbformat": 4, "nbformat_minor": 5}


def as_bytes(notebook: dict[str, Any]) -> bytes:
    return notebook_file.write(notebook)


def sources(notebook: dict[str, Any] | bytes) -> list[str]:
    notebook = json.loads(notebook) if isinstance(notebook, bytes) else notebook
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def cell_of(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell with that nbgrader id, or with that text."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == name or cell["source"] == name:
            return cell
    raise LookupError(f"no cell {name!r} in {sources(notebook)}")
