"""What students get of a course's own exercise: the head and docstring of its solution, and its basic cases written out.

Written from the file's syntax tree, line by line as they stand there: nothing else of the file comes near a notebook.
"""

import ast
import builtins
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mi_tutor.authoring.conventions import BEGIN, END
from mi_tutor.check.compare import in_dtype, kind_of
from mi_tutor.check.draw import Draw, copy_arguments, in_double
from mi_tutor.check.examples import Example
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.judge import NOTEBOOK_SEED
from mi_tutor.grading.own_exercises import Own, WrongDeclaration

MOST_ENTRIES = 200
"""Of a tensor in an example: more cannot be followed by hand."""


def stub(own: Own) -> str:
    """The cell that students write in, an empty solution between nbgrader's markers.

    Raises:
        WrongDeclaration: the solution has no docstring, or its head uses what only this file has.
    """
    module = ast.parse(own.source)
    function = next((node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == own.name), None)
    if function is None:
        raise WrongDeclaration(f"{own.file}: the solution {own.name} is to be written as a plain `def` of its own.")
    text = function.body[0]
    lines = own.source.splitlines()
    if ast.get_docstring(function) is None or lines[text.lineno - 1][: text.col_offset].strip():
        raise WrongDeclaration(
            f"{own.file}: the solution {own.name} wants a docstring, in lines of its own: it is all that students are told."
        )
    head = lines[function.lineno - 1 : text.end_lineno]
    indent = " " * text.col_offset
    return "\n".join([*_imports(own, module, function), "", "", *head, f"{indent}### {BEGIN}", f"{indent}### {END}"])


def examples(own: Own, exercise: Exercise) -> list[Example]:
    """The basic cases, drawn as no seed of a mark draws them, with what the solution gives.

    Raises:
        WrongDeclaration: there are none, or one cannot be written out.
    """
    found: list[Example] = []
    for case in exercise.draw_cases(Draw(NOTEBOOK_SEED, f"{exercise.name} examples")):
        if case.group == "basic" and not case.watched:
            args = copy_arguments(case.args)
            expected = in_dtype(exercise.reference(**in_double(case.args)), torch.float32)
            try:
                for value in (*args.values(), expected):
                    as_code(value)
            except ValueError as error:
                raise WrongDeclaration(
                    f"{own.file}, on {case.what}: students get the basic cases written out, and {error}."
                ) from None
            found.append((case.what, args, expected))
    if not found:
        raise WrongDeclaration(f"{own.file} has no basic case: those are the examples that students get.")
    return found


def check_cell(name: str, written: list[Example]) -> str:
    """The cell that checks a student's function on examples."""
    lines = ["import torch", "", "from mi_tutor import check", "", "check(", f"    {name},", "    examples=["]
    for what, args, expected in written:
        lines += ["        (", f"            {what!r},", f"            {as_code(args)},"]
        lines += [f"            {as_code(expected)},", "        ),"]
    return "\n".join([*lines, "    ],", ")"])


def as_code(value: Any) -> str:
    """A value as code that gives it again, to the last digit. Raises ValueError for what cannot be written so."""
    if isinstance(value, tuple):
        return f"({', '.join(map(as_code, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(as_code, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{as_code(key)}: {as_code(part)}' for key, part in value.items())}}}"
    if isinstance(value, Tensor):
        return _tensor(value)
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    raise ValueError(f"{kind_of(value)} cannot be")


def _tensor(value: Tensor) -> str:
    if value.numel() > MOST_ENTRIES:
        raise ValueError(f"a tensor of {value.numel()} entries is too large for that (at most {MOST_ENTRIES})")
    dtype = "" if value.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={value.dtype}"
    if not value.numel():
        return f"torch.zeros({tuple(value.shape)}, dtype={value.dtype})"
    if value.dtype not in (torch.float32, torch.float64, torch.int64, torch.int32, torch.bool):
        raise ValueError(f"a tensor of {value.dtype} cannot be")
    return f"torch.tensor({_entries(value.detach().cpu().numpy())}{dtype})"


def _entries(values: Any) -> str:
    if isinstance(values, np.ndarray) and values.ndim:
        return f"[{', '.join(_entries(part) for part in values)}]"
    # numpy writes the fewest digits that read as the same number in that dtype.
    return _number(values[()]) if values.dtype.kind == "f" else str(values)


def _number(value: Any) -> str:
    return str(value) if np.isfinite(value) else f'float("{value}")'


def _imports(own: Own, module: ast.Module, function: ast.FunctionDef) -> list[str]:
    """Imports for what the head names, and torch; those that the solution alone needs would tell of it."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    head = [each.annotation for each in every if each] + [*arguments.defaults, *arguments.kw_defaults, function.returns]
    wanted = {node.id for part in head if part for node in ast.walk(part) if isinstance(node, ast.Name)}
    found = {"torch": "import torch"}
    for statement in _statements(module):
        for alias in statement.names:
            bound = (alias.asname or alias.name).split(".")[0]
            if bound in wanted and bound not in found:
                only: ast.stmt = ast.Import([alias])
                if isinstance(statement, ast.ImportFrom):
                    only = ast.ImportFrom(statement.module, [alias], statement.level)
                found[bound] = ast.unparse(only)
    if missing := sorted(wanted - set(found) - set(dir(builtins))):
        raise WrongDeclaration(
            f"{own.file}: the head of {own.name} uses {missing[0]}, which students would not have: only an import can "
            "give it."
        )
    first, *rest = found.values()
    return [first, *sorted(rest)]


def _statements(module: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports at the top, those for type checkers included."""
    for statement in module.body:
        for inner in statement.body if isinstance(statement, ast.If) else [statement]:
            if isinstance(inner, ast.Import | ast.ImportFrom):
                yield inner
