"""The code cells of a file that a learner works in: a notebook, or a .py with or without `# %%` between its cells."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from mi_tutor.files.notebook_file import NotANotebook, part, read

CHECK = "check_"
"""What nbgrader calls the cell that checks an exercise: this and the exercise's name."""
_MARKER = re.compile(r"^#[ \t]*%%(.*)$", re.MULTILINE)
_NOT_CODE = re.compile(r"\[(markdown|md|raw)\]")
_NBGRADER = re.compile(r"\bnbgrader=(?=\{)")
_BEGINS_AS_CODE = re.compile(r"\s*(?:(?:import|from|def|class|async def)[ \t]+\w|@\w)")


class Unreadable(Exception):
    """No cells can be read from a file; one sentence for the person who named it."""


class Cell(NamedTuple):
    """A cell of code."""

    number: int
    """Its place, counted from 1, prose included, as editors count."""
    source: str
    file: str
    """What Python calls the place of its code in messages."""
    first_line: int = 1
    """The line of that place at which it begins."""
    grade_id: str = ""
    """nbgrader's name for it."""
    graded: bool = False
    """Whether nbgrader gives points for it: a check cell."""
    kind: str = "code"
    """Or "markdown" or "raw": one key in a notebook, pressed beside a cell, makes it prose."""

    @property
    def is_answer(self) -> bool:
        """Whether it is code, or is taken for code because nbgrader knows it as the place of an answer."""
        return self.kind == "code" or bool(self.grade_id)

    @property
    def label(self) -> str:
        """What a person finds it by."""
        if self.file.endswith(".py"):
            return f"Cell {self.number}" if self.first_line > 1 else Path(self.file).name
        return f"Cell {self.number} ({self.grade_id})" if self.grade_id else f"Cell {self.number}"


def read_cells(path: Path) -> list[Cell]:
    """The code cells of a notebook or a Python file, in order.

    Raises:
        Unreadable: the file is missing, is neither, or is broken.
    """
    if path.suffix not in (".ipynb", ".py"):
        raise Unreadable(f"{path} is neither a notebook (.ipynb) nor a Python file (.py).")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise Unreadable(f"There is no file {path}.") from None
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from None
    if path.suffix == ".py":
        return _of_python(path, content)
    try:
        return cells_of_notebook(content, path.name)
    except NotANotebook as error:
        raise Unreadable(f"{path} is not a notebook that can be read: {error}.") from None


def cells_of_notebook(content: bytes, name: str) -> list[Cell]:
    """The code cells in the bytes of a notebook of that name, in order, and the prose that was code. Raises NotANotebook."""
    cells = []
    for number, cell in enumerate(read(content)["cells"], 1):
        nbgrader = part(cell, "nbgrader")
        if cell["cell_type"] == "code" or _was_code(cell["source"], nbgrader):
            made = _cell(number, cell["source"], f"{name}, cell {number}", 1, nbgrader)
            cells.append(made._replace(kind=cell["cell_type"]))
    return cells


def _was_code(source: str, nbgrader: dict[str, Any]) -> bool:
    """Whether a cell of prose was code once: an answer's place by nbgrader's metadata, else by how it begins."""
    if nbgrader.get("grade_id"):
        return nbgrader.get("solution") is True and nbgrader.get("grade") is not True
    return bool(_BEGINS_AS_CODE.match(source))


def _of_python(path: Path, content: bytes) -> list[Cell]:
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is not text in UTF-8: byte {error.start} is none of it.") from None
    markers = list(_MARKER.finditer(text))
    starts = [0, *(marker.end() for marker in markers)]
    ends = [*(marker.start() for marker in markers), len(text)]
    headers = ["", *(marker[1] for marker in markers)]
    cells: list[Cell] = []
    for header, start, end in zip(headers, starts, ends, strict=True):
        if not cells and not text[start:end].strip() and not header:
            continue  # nothing stands above the first marker
        line = text.count("\n", 0, start) + 1
        cells.append(_cell(len(cells) + 1, text[start:end], str(path.absolute()), line, _metadata(header)))
        if _NOT_CODE.search(header):
            cells[-1] = cells[-1]._replace(source="")
    return [cell for cell in cells if cell.source.strip()]


def _metadata(header: str) -> dict[str, Any]:
    """nbgrader's metadata as Jupytext writes it into a cell's header."""
    found = _NBGRADER.search(header)
    try:
        metadata = json.JSONDecoder().raw_decode(header, found.end())[0] if found else {}
    except ValueError:
        return {}
    return metadata if isinstance(metadata, dict) else {}


def _cell(number: int, source: str, file: str, first_line: int, nbgrader: dict[str, Any]) -> Cell:
    return Cell(number, source, file, first_line, str(nbgrader.get("grade_id") or ""), nbgrader.get("grade") is True)
