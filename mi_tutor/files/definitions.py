"""What of a notebook is run when only its functions are wanted: imports, definitions and constants, no demonstrations.

A demonstration takes time, draws, prints and stands on exercises that may not be solved. What a function needs from
outside itself is imported, defined, or a constant; the rest is left out. Nothing heavy is imported here.
"""

import __future__

import ast
import linecache
import re
import traceback
from collections.abc import Iterable, Iterator, Set
from typing import Any, NamedTuple

from mi_tutor.files.cells import CHECK, Cell
from mi_tutor.files.left_out import Changes

_DEFINES = tuple(
    getattr(ast, name)
    for name in ("Import", "ImportFrom", "FunctionDef", "AsyncFunctionDef", "ClassDef", "TypeAlias")
    if hasattr(ast, name)  # TypeAlias: from Python 3.12 on
)
_PLAIN = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Starred, ast.Tuple, ast.List, ast.Set),
    *(ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr, ast.FormattedValue),
    *(ast.keyword, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)
_PLAIN_CALLS = re.compile(
    r"(math\.\w+|float|int|bool|complex|str|tuple|list|dict|set|frozenset|range|slice|len|min|max|sum|abs|round"
    r"|(functools\.)?(partial|wraps|cache|lru_cache)|(collections\.)?namedtuple|(typing\.)?(TypeVar|NewType)|re\.compile"
    r"|torch\.(device|tensor|Size|eye|ones|zeros|full|arange|linspace|as_tensor|finfo|iinfo|no_grad|inference_mode)"
    r"|(torch\.)?nn\.(ReLU|GELU|SiLU|Sigmoid|Tanh|Softplus|Softmax|LogSoftmax|Identity|LeakyReLU)"
    r"|(np|numpy)\.(array|asarray|arange|eye|ones|zeros|float32|float64|int64)"
    r"|torch\.(cuda|backends\.mps)\.is_available|(mi_tutor\.)?choose_device)"
)
_PLAIN_METHODS = re.compile(
    r"to|bool|int|long|float|double|half|bfloat16|cpu|clone|tolist|item|view|reshape|flatten|unsqueeze|squeeze|triu|tril"
    r"|log|exp|sqrt|neg|abs|split|strip|lower|upper|join|format|replace|keys|values|items"
)
_MAGIC = re.compile(r"[ \t]*(?:[%!?]|.*\?[ \t]*$|[\w, \t]+=[ \t]*[%!])")
_PYTHON_CELL_MAGICS = ("%%time", "%%capture", "%%prun")
"""What IPython runs below them is the notebook's own Python, and what it defines stays."""
_OTHER_CELL_MAGICS = {
    "%%timeit": "what the cell defines is gone when it has run",
    "%%writefile": "its text goes into a file and is not run",
    "%%file": "its text goes into a file and is not run",
}
_DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+def|def|class)[ \t]+\w", re.MULTILINE)


class Executable(NamedTuple):
    """What is run of one cell."""

    cell: Cell
    statements: tuple[ast.stmt, ...] = ()
    left_out: Set[str] = frozenset()
    """Names that only a demonstration gives a value to, up to and with this cell."""
    flags: int = 0
    """For the compiler: as in a notebook, `from __future__ import …` holds for what comes after it, in later cells too."""
    checks: tuple[tuple[str, str], ...] = ()
    """What the cell asks to be checked: the function as it is written there, and the exercise's name."""
    error: str = ""
    """Why the cell is not Python, as a sentence; then nothing of it is run."""

    @property
    def defines(self) -> list[str]:
        """The functions and names that it binds by `def` or `=`; imports do not count."""
        return [name for s in self.statements if not isinstance(s, ast.Import | ast.ImportFrom) for name in _bound(s)]


def definitions(cells: Iterable[Cell]) -> list[Executable]:
    """What to run of each cell, in order. Of a check cell nothing is run; a cell that is not Python says why."""
    return list(each_definition(cells))


def each_definition(cells: Iterable[Cell]) -> Iterator[Executable]:
    """The same one by one, each read when it is asked for."""
    changes, flags = Changes(), 0
    for cell in cells:
        if why := _not_python(cell):
            yield Executable(cell, (), changes.end_cell(), flags, (), why)
            continue
        try:
            statements = _parse(cell).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            left_out, checks = changes.end_cell(), _checks(cell, [])
            yield Executable(cell, (), left_out, flags, checks, _syntax_sentence(cell, error))
            continue
        kept: list[ast.stmt] = []
        rest: list[ast.stmt] = []
        for statement in statements:
            if cell.graded:
                rest.append(statement)
            elif _is_definition(statement, changes.now):
                kept.append(statement)
                changes.define(_bound(statement))
                flags |= _flags(statement)
            else:
                rest.append(statement)
                changes.leave_out(_bound(statement))
        yield Executable(cell, tuple(kept), changes.end_cell(), flags, _checks(cell, rest))


def _flags(statement: ast.stmt) -> int:
    if not isinstance(statement, ast.ImportFrom) or statement.module != "__future__":
        return 0
    features = (getattr(__future__, alias.name, None) for alias in statement.names)
    return sum(feature.compiler_flag for feature in features if isinstance(feature, __future__._Feature))


def execute(executable: Executable, namespace: dict[str, Any]) -> list[str]:
    """Run one cell's part in a namespace, statement by statement; a failing one does not stop the rest.

    Returns:
        A sentence for every statement that raised, whatever it raised but KeyboardInterrupt.
    """
    cell, problems = executable.cell, []
    if not cell.file.endswith(".py"):
        linecache.cache[cell.file] = (len(cell.source), None, cell.source.splitlines(keepends=True), cell.file)
    for statement in executable.statements:
        try:
            module = ast.Module([statement], type_ignores=[])
            exec(compile(module, cell.file, "exec", flags=executable.flags, dont_inherit=True), namespace)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            missing = error.name if isinstance(error, NameError) else None
            advice = f". {demonstrated(missing)}" if missing and missing in executable.left_out else ""
            problems.append(_sentence(cell, statement, error) + advice)
    return problems


def examples_given(cells: Iterable[Cell]) -> dict[str, str]:
    """By exercise: the code of the examples in `check(function, examples=…)`, where that is how it is checked."""
    found = {}
    for part in definitions(cells):
        for call in _check_calls(_statements(part.cell)):
            code = next((ast.unparse(word.value) for word in call.keywords if word.arg == "examples"), None)
            if code is not None and len(part.checks) == 1:
                found[part.checks[0][1]] = code
    return found


def demonstrated(name: str) -> str:
    """A sentence for a name that is missing because only a demonstration makes it."""
    return f"`{name}` comes from a demonstration, which is not run here: pass it as an argument, or write it out."


def _not_python(cell: Cell) -> str:
    """A sentence, where a cell looks as if it defined something and a notebook would not take it for its own Python."""
    if not _DEFINITION.search(cell.source):
        return ""
    if not cell.is_answer:
        return (
            f"{cell.label} is not code but {cell.kind.capitalize()}, so that nothing of it is run: make it a code cell."
        )
    magic = _cell_magics(cell.source.split("\n"))
    if not magic or magic in _PYTHON_CELL_MAGICS:
        return ""
    why = _OTHER_CELL_MAGICS.get(magic, "its text is not run as the notebook's Python")
    return f"{cell.label} begins with {magic}, and {why}: take that line away."


def _cell_magics(lines: list[str]) -> str:
    """Take the cell magics of Python away from the beginning. Returns the first one that is of something else, or ""."""
    for number, line in enumerate(lines):
        if line.strip():
            if not line.startswith("%%"):
                return ""
            magic = line.split()[0]
            if magic not in _PYTHON_CELL_MAGICS:
                return magic
            lines[number] = ""
    return ""


def _parse(cell: Cell) -> ast.Module:
    """The cell without IPython's own lines: a line that stops the parser and looks like one of them is passed over."""
    lines = cell.source.split("\n")
    if not cell.is_answer or _cell_magics(lines):
        return ast.Module([], type_ignores=[])
    while True:
        try:
            return ast.parse("\n" * (cell.first_line - 1) + "\n".join(lines), cell.file)
        except SyntaxError as error:
            at = (error.lineno or 0) - cell.first_line
            if not 0 <= at < len(lines) or not _MAGIC.match(lines[at]):
                raise
            _pass_over(lines, at)


def _pass_over(lines: list[str], at: int) -> None:
    """Put `pass` for a line and what continues it; the lines keep their numbers and a block keeps its body."""
    more = lines[at].endswith("\\")
    lines[at] = lines[at][: len(lines[at]) - len(lines[at].lstrip())] + "pass"
    while more and at + 1 < len(lines):
        at += 1
        more = lines[at].endswith("\\")
        lines[at] = ""


def _is_definition(statement: ast.stmt, left_out: set[str]) -> bool:
    if isinstance(statement, _DEFINES):
        return True
    if isinstance(statement, ast.Assign):
        return all(map(_names_only, statement.targets)) and _is_plain(statement.value, left_out)
    if isinstance(statement, ast.AnnAssign | ast.AugAssign):
        target = statement.target
        if not isinstance(target, ast.Name) or (isinstance(statement, ast.AugAssign) and target.id in left_out):
            return False
        return statement.value is None or _is_plain(statement.value, left_out)
    if isinstance(statement, ast.If):
        inner = [*statement.body, *statement.orelse]
        return _is_plain(statement.test, left_out) and all(_is_inner_definition(s, left_out) for s in inner)
    if isinstance(statement, ast.Try):
        inner = [*statement.body, *statement.orelse, *statement.finalbody]
        inner += [s for handler in statement.handlers for s in handler.body]
        return all(_is_inner_definition(s, left_out) for s in inner)
    return False


def _is_inner_definition(statement: ast.stmt, left_out: set[str]) -> bool:
    return isinstance(statement, ast.Pass) or _is_definition(statement, left_out)


def _names_only(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) or (
        isinstance(target, ast.Tuple | ast.List) and all(map(_names_only, target.elts))
    )


def _is_plain(value: ast.AST, left_out: set[str]) -> bool:
    """Whether a value is a constant: written out, or computed from constants without running anybody's function."""
    if isinstance(value, ast.Lambda):
        return True
    if isinstance(value, ast.Call):
        inner: list[ast.AST] = [*value.args, *value.keywords]
        if isinstance(value.func, ast.Call):  # a decorator, with its arguments, around a lambda
            inner.append(value.func)
        elif not _PLAIN_CALLS.fullmatch(ast.unparse(value.func)):
            if not (isinstance(value.func, ast.Attribute) and _PLAIN_METHODS.fullmatch(value.func.attr)):
                return False
            inner.append(value.func.value)
    else:
        inner = list(ast.iter_child_nodes(value))
        if not isinstance(value, _PLAIN) or (isinstance(value, ast.Name) and value.id in left_out):
            return False
    return all(_is_plain(part, left_out) for part in inner)


def _bound(statement: ast.stmt) -> list[str]:
    """The names that a statement gives a value to, in its blocks too, but not inside functions and classes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in statement.names]
    names = []
    for part in ast.iter_child_nodes(statement):
        if isinstance(part, ast.stmt):
            names += _bound(part)
        elif not isinstance(part, ast.Lambda):
            inner = (_bound(node) if isinstance(node, ast.stmt) else _stored(node) for node in ast.walk(part))
            names += [name for found in inner for name in found]
    return names


def _stored(node: ast.AST) -> list[str]:
    return [node.id] if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else []


def _checks(cell: Cell, rest: list[ast.stmt]) -> tuple[tuple[str, str], ...]:
    """What `check(function)` and `check(function, "exercise")` ask for; in nbgrader's check cell its own name says it."""
    found = []
    for call in _check_calls(rest):
        function, *names = call.args + [word.value for word in call.keywords if word.arg == "name"]
        if isinstance(function, ast.Name | ast.Attribute):
            named = names[0].value if names and isinstance(names[0], ast.Constant) else None
            written = ast.unparse(function)
            found.append((written, named if isinstance(named, str) else written.split(".")[-1]))
    if cell.graded and cell.grade_id.startswith(CHECK) and (found or not rest):
        name = cell.grade_id.removeprefix(CHECK)
        return ((name, name),)
    return tuple(found)


def _check_calls(statements: Iterable[ast.stmt]) -> Iterator[ast.Call]:
    for call in (node for statement in statements for node in ast.walk(statement) if isinstance(node, ast.Call)):
        if ast.unparse(call.func) in ("check", "mi_tutor.check") and call.args:
            yield call


def _statements(cell: Cell) -> list[ast.stmt]:
    try:
        return _parse(cell).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _syntax_sentence(cell: Cell, error: Exception) -> str:
    if not isinstance(error, SyntaxError):
        return f"{cell.label} is not valid Python: {error or type(error).__name__}."
    text = f": `{error.text.strip()}`" if error.text and error.text.strip() else ""
    prose = f" It is {cell.kind.capitalize()}: make it a code cell." if cell.kind != "code" else ""
    return f"{cell.label} is not valid Python, line {error.lineno}: {error.msg}{text}{prose}"


def _sentence(cell: Cell, statement: ast.stmt, error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == cell.file]
    number = (frames[-1].lineno if frames else None) or statement.lineno
    lines = cell.source.split("\n")
    at = number - cell.first_line
    line = f": `{lines[at].strip()}`" if 0 <= at < len(lines) else ""
    what = "it calls exit" if isinstance(error, SystemExit) else traceback.format_exception_only(error)[-1].strip()
    return f"{cell.label}, line {number}{line}: {what}"
