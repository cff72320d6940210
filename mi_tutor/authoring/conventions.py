"""What a chapter's source must look like, checked before anything is generated from it.

Each function takes what Jupytext read and returns sentences, one a mistake, each naming the cell it speaks of.
"""

import ast
import re
from collections import Counter
from typing import Any

from mi_tutor.files.cells import CHECK

BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
ANSWER_STUB = "*Your answer here.*"
"""What learners find in a cell for prose, in place of what a grader looks for."""
_FORETOLD = re.compile(r"\b(predict|reveal)\(\s*[\"']([^\"']+)[\"']")
_FOLD = re.compile(r"<details><summary>[^\n]+</summary>\n\n(.*?)\n\n</details>", re.DOTALL)
RUNS_ON_IMPORT = (ast.For, ast.While, ast.With, ast.Try, ast.Assert, ast.Delete, ast.Raise)


def source_problems(text: str) -> list[str]:
    """Mistakes in the .py read as a module: importing it must only define things."""
    try:
        module = ast.parse(text)
    except SyntaxError as error:
        return [f"line {error.lineno}: not valid Python ({error.msg})"]
    return [
        f"line {statement.lineno}: `{ast.unparse(statement).splitlines()[0]}` would run whenever the solutions are "
        'imported; give its cell tags=["active-ipynb"] and comment its lines out'
        for statement in module.body
        if isinstance(statement, RUNS_ON_IMPORT)
        or (isinstance(statement, ast.Expr) and not isinstance(statement.value, ast.Constant))
    ]


def notebook_problems(cells: list[Any]) -> list[str]:
    """Mistakes in the solved notebook: every solution and its check, in the pairs that nbgrader and `check` rely on."""
    problems = []
    ids = [cell.metadata["nbgrader"].get("grade_id", "") for cell in cells if "nbgrader" in cell.metadata]
    for grade_id, count in Counter(ids).items():
        if count > 1:
            problems.append(f"{grade_id}: the grade_id stands on {count} cells")
    seen: set[str] = set()
    for cell in cells:
        kind = _kind(cell)
        if kind == "solution":
            problems += _solution_problems(cell)
        elif kind == "check":
            problems += _check_problems(cell, seen)
        elif kind == "answer":
            problems += _answer_problems(cell)
        elif kind == "other":
            problems.append(f"{_name(cell)}: neither a solution cell nor a check cell by its nbgrader metadata")
        if kind not in ("solution", "answer") and (BEGIN in cell.source or END in cell.source):
            problems.append(f"{_name(cell)}: a solution marker outside a solution cell")
        seen.add(_name(cell))
    for cell in cells:
        if _kind(cell) == "solution" and f"check_{_name(cell)}" not in ids:
            problems.append(f"{_name(cell)}: no check cell with the grade_id check_{_name(cell)}")
    return problems + _prediction_problems(cells) + _fold_problems(cells)


def _prediction_problems(cells: list[Any]) -> list[str]:
    """Mistakes in what learners predict: each has a name of its own, and is put beside what came further down."""
    problems: list[str] = []
    open_ones: list[str] = []
    every: set[str] = set()
    for cell in cells:
        if cell.cell_type != "code":
            continue
        for what, name in _FORETOLD.findall(cell.source):
            if what == "reveal":
                if name not in every:
                    problems.append(f"{name}: revealed, and no predict({name!r}, …) stands before it")
                open_ones = [each for each in open_ones if each != name]
            elif name in every:
                problems.append(f"{name}: predicted twice")
            else:
                every.add(name)
                open_ones.append(name)
    return [*problems, *(f"{name}: predicted, and no reveal({name!r}, …) follows" for name in open_ones)]


def _fold_problems(cells: list[Any]) -> list[str]:
    """Mistakes in what stands folded: a fold ends in the cell where it begins, and hides no exercise."""
    problems = []
    for cell in cells:
        if cell.cell_type != "markdown" or "<details" not in cell.source:
            continue
        folded = _FOLD.findall(cell.source)
        if not len(folded) == cell.source.count("<details") == cell.source.count("</details>"):
            problems.append(f'{_name(cell)}: a fold is "<details><summary>…</summary>", an empty line, … "</details>"')
        if any("### " in inside for inside in folded):
            problems.append(f"{_name(cell)}: a heading stands in a fold")
    return problems


def stub_problems(cells: list[Any]) -> list[str]:
    """Mistakes that show once the solutions are cut out: a stub keeps its docstring and ends in NotImplementedError."""
    problems = []
    for cell in cells:
        if _kind(cell) != "solution":
            continue
        try:
            function = _functions(cell.source).get(_name(cell))
        except SyntaxError as error:
            problems.append(f"{_name(cell)}: without its solution the cell is not valid Python ({error.msg})")
            continue
        if function is None:
            problems.append(f"{_name(cell)}: the signature lies between the markers and would not be released")
            continue
        if not ast.get_docstring(function):
            problems.append(f"{_name(cell)}: no docstring is left for the learner; it states the contract")
        last = function.body[-1]
        if not (isinstance(last, ast.Raise) and last.exc and "NotImplementedError" in ast.unparse(last.exc)):
            problems.append(f"{_name(cell)}: code follows the END SOLUTION marker; the stub must end there")
    return problems


def _solution_problems(cell: Any) -> list[str]:
    name, metadata, problems = _name(cell), cell.metadata["nbgrader"], []
    try:
        functions = _functions(cell.source)
    except SyntaxError as error:
        return [f"{name}: not valid Python ({error.msg})"]
    if name not in functions:
        found = ", ".join(functions) or "none"
        problems.append(f"{name}: the grade_id of a solution is the function it defines; this cell defines: {found}")
    if len(name) > 58:
        problems.append(f"{name}: the name is the cell's id, and check_ before it; that has room for 58 letters")
    if metadata.get("locked"):
        problems.append(f'{name}: a solution cell is to be edited; set "locked": false')
    if "active-ipynb" in cell.metadata.get("tags", []):
        problems.append(f"{name}: a solution is part of the module; take the active-ipynb tag away")
    markers = _markers(cell)
    if not markers:
        problems.append(f"{name}: no `### {BEGIN}` and `### {END}`; without them the docstring would be cut out too")
    elif markers != [BEGIN, END]:
        problems.append(f"{name}: wants one `### {BEGIN}` and after it one `### {END}`; found {', '.join(markers)}")
    return problems


def _check_problems(cell: Any, seen: set[str]) -> list[str]:
    name, metadata, problems = _name(cell), cell.metadata["nbgrader"], []
    if not name.startswith(CHECK):
        problems.append(f"{name}: the grade_id of a check cell is check_ and the exercise's name")
    elif name.removeprefix(CHECK) not in seen:
        problems.append(f"{name}: no solution cell {name.removeprefix('check_')} stands before it")
    if metadata.get("grade"):
        problems += _points_problems(cell)
    if not metadata.get("locked"):
        problems.append(f'{name}: a check cell is not to be edited; set "locked": true')
    if "active-ipynb" not in cell.metadata.get("tags", []):
        problems.append(f'{name}: a check cell needs tags=["active-ipynb"], or importing the solutions would run it')
    return problems


def _answer_problems(cell: Any) -> list[str]:
    """Mistakes in a cell for prose that a person marks: what a grader looks for stands between the markers."""
    problems = _points_problems(cell)
    if cell.metadata["nbgrader"].get("locked"):
        problems.append(f'{_name(cell)}: a cell for an answer is to be edited; set "locked": false')
    if _markers(cell) != [BEGIN, END]:
        problems.append(f"{_name(cell)}: wants what a grader looks for between `### {BEGIN}` and `### {END}`")
    return problems


def _points_problems(cell: Any) -> list[str]:
    points = cell.metadata["nbgrader"].get("points")
    if not isinstance(points, int) or isinstance(points, bool) or points <= 0:
        return [f"{_name(cell)}: points are a whole number above 0, not {points!r}"]
    return []


def _markers(cell: Any) -> list[str]:
    return [mark for line in cell.source.splitlines() for mark in (BEGIN, END) if mark in line]


def _kind(cell: Any) -> str:
    """What a cell is to nbgrader: "solution", "check", "answer", "" (nothing, or only locked) or "other"."""
    metadata = cell.metadata.get("nbgrader")
    if metadata is None:
        return ""
    flags = metadata.get("solution", False), metadata.get("grade", False), metadata.get("task", False)
    if cell.cell_type == "code" and flags == (True, False, False):
        return "solution"
    starred = flags == (False, False, False) and str(metadata.get("grade_id", "")).startswith(CHECK)
    if cell.cell_type == "code" and (flags == (False, True, False) or starred):
        return "check"
    if cell.cell_type == "markdown" and flags == (True, True, False):
        return "answer"
    return "" if flags == (False, False, False) else "other"


def _name(cell: Any) -> str:
    """The cell's grade_id, or its first words."""
    return cell.metadata.get("nbgrader", {}).get("grade_id") or repr(cell.source[:40])


def _functions(source: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
