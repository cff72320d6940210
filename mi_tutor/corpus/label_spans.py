"""Where in a text of Python each exact label holds, by what `tokenize` and `ast` say of it."""

import ast
import io
import re
import token
import tokenize
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

LABEL_MEANINGS = {
    "in_string": "in a string or bytes literal: prefix, quotes and all between, docstrings and f-strings whole",
    "in_docstring": "in a string literal that is the docstring of a module, class or function; always in_string too",
    "in_comment": 'in a comment, from "#" to before the line\'s end',
    "in_number": 'in a number; the sign of "-1" is not part of it',
    "in_import": "in an import statement, from its first byte to its last; comments within it included",
    "in_decorator": 'in a decorator, from "@" to the end of its expression, closing parentheses included',
    "in_default": "in the expression that is the default value of a function's or lambda's parameter",
    "in_call_argument": 'in an argument of a call: the expression, with its name and "=" or its stars where it has them',
    "in_definition_name": 'in the name that follows "def" or "class"',
    "in_attribute": 'in the name that follows the dot of an attribute: "path" in "os.path"',
    "in_brackets": "between an opening bracket and the closing one of its pair, the outermost pair itself not counted",
    "indented_twice": "on a logical line at least two levels deep, its indentation and end included; "
    "blank lines and lines of only a comment are no logical lines and are not counted",
}
"""Each label's name and exact meaning.

"In an expression" means from its first byte to its last, as `ast` has it: parentheses around an expression are no part
of it, except a tuple's or generator's own; spaces, line ends and comments inside it are part of it.
"""

LABELS: tuple[str, ...] = tuple(LABEL_MEANINGS)
"""The order of the labels wherever they are an axis."""


class LabelError(ValueError):
    """A text that this version of Python cannot parse, so it has no labels; the message names the file and the line."""


Span = tuple[int, int]
"""Offsets of a first byte and of the one just past the last."""


@dataclass
class Spans:
    """What `tokenize` and `ast` say of a text, in bytes."""

    of_label: dict[str, list[Span]]
    """Spans of one label may overlap; those that `tokenize` alone decides are in order."""
    code: list[Span]
    """The lexical tokens, in order, but for comments and those that are layout; an f-string is one."""


def spans_of(text: str, name: str) -> Spans:
    """The spans of every label.

    Raises:
        LabelError: when this version of Python cannot parse the text.
    """
    try:
        source = _Source(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "\d" in a string that is not raw: the library has some
            tree = ast.parse(source.normal)
        spans = _lexical_spans(source)
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise LabelError(
            f"{name}, line {_line(error, text)}: not Python that this version can parse: {error}"
        ) from error
    _add_syntactic_spans(source, tree, spans)
    return spans


def _line(error: Exception, text: str) -> int | str:
    """Where a parser stopped; the last resort is the first character that no source may hold."""
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    if isinstance(error, tokenize.TokenError):
        return error.args[1][0]
    bad = re.search("[\0\ud800-\udfff]", text)
    return text.count("\n", 0, bad.start()) + 1 if bad else "unknown"


class _Source:
    """A text as the parsers read it, and the bytes that their positions stand for.

    To them a line ends in a newline, the last one too, and there is no byte order mark.
    """

    def __init__(self, text: str) -> None:
        self.data = text.encode()
        body = text.removeprefix("\ufeff")
        self.lines = list(io.StringIO(body, newline=""))
        self.normal = io.StringIO(body, newline=None).read()
        if not self.normal.endswith("\n"):
            self.normal += "\n"
        sizes = [len(line.encode()) for line in self.lines]
        self.starts = list(accumulate(sizes, initial=len(self.data) - sum(sizes)))
        self._wide = [size > len(line) for size, line in zip(sizes, self.lines, strict=True)]

    def at(self, row: int, column: int) -> int:
        """The offset of a position of `tokenize`: rows from 1, columns in characters."""
        if self._wide[row - 1]:
            column = len(self.lines[row - 1][:column].encode())
        return self.starts[row - 1] + column

    def span(self, node: Any) -> Span:
        """Where a node of the tree stands: rows from 1, columns in bytes."""
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )


# From Python 3.12 and 3.14 on f-strings and t-strings come as several tokens, with those of their expressions between.
_STRING_STARTS = {getattr(token, name, None) for name in ("FSTRING_START", "TSTRING_START")}
_STRING_ENDS = {getattr(token, name, None) for name in ("FSTRING_END", "TSTRING_END")}
_OPAQUE = tuple(getattr(ast, name) for name in ("JoinedStr", "TemplateStr") if hasattr(ast, name))
# Nodes without spans or children: most of a tree.
_LEAVES = {ast.Name, ast.Constant, ast.Load, ast.Store, ast.Pass}

_DEFINITION = re.compile(rb"(?:async(?:\s|\\)+)?(?:def|class)(?:\s|\\)+([^\s\\(:\[]+)")
_SPACE_OR_DOT = re.compile(rb"[\s.]")


def _tokens(source: _Source) -> Iterator[tuple[int, str, tuple[int, int], tuple[int, int]]]:
    """Kind, text, start and end of every lexical token; f-strings are of the kind STRING under every version."""
    depth, start = 0, (0, 0)
    for kind, text, begin, end, _ in tokenize.generate_tokens(io.StringIO(source.normal).readline):
        if kind in _STRING_STARTS:
            start = start if depth else begin
            depth += 1
        elif kind in _STRING_ENDS:
            depth -= 1
            if not depth:
                yield token.STRING, "", start, end
        elif not depth:
            if kind == token.STRING and "\n" in text:  # Python 3.12.1 misplaces the end where characters are wide
                end = begin[0] + text.count("\n"), len(text.rpartition("\n")[2])
            yield kind, text, begin, end


def _lexical_spans(source: _Source) -> Spans:
    """The lexical tokens, and the spans of every label that follows from them alone."""
    spans = Spans({label: [] for label in LABELS}, [])
    brackets = indents = opened = 0
    next_row, first = 1, None  # where the logical line starts, and the index and text of its first token once seen
    for kind, text, start, end in _tokens(source):
        if kind == token.INDENT:
            indents += 1
        elif kind == token.DEDENT:
            indents -= 1
        elif kind == token.NEWLINE or (kind == token.NL and not first):
            if first and indents >= 2:
                spans.of_label["indented_twice"].append((source.starts[next_row - 1], source.starts[start[0]]))
            if first and first[1] == "@":
                spans.of_label["in_decorator"].append((spans.code[first[0]][0], spans.code[-1][1]))
            next_row, first = start[0] + 1, None
        elif kind not in (token.NL, token.ENDMARKER):
            span = source.at(*start), source.at(*end)
            if kind == token.COMMENT:
                spans.of_label["in_comment"].append(span)
                continue
            first = first or (len(spans.code), text)
            spans.code.append(span)
            if kind == token.STRING:
                spans.of_label["in_string"].append(span)
            elif kind == token.NUMBER:
                spans.of_label["in_number"].append(span)
            elif kind == token.OP and text in "([{":
                brackets += 1
                opened = span[1] if brackets == 1 else opened
            elif kind == token.OP and text in ")]}":
                brackets -= 1
                if not brackets:
                    spans.of_label["in_brackets"].append((opened, span[0]))
    return spans


def _add_syntactic_spans(source: _Source, tree: ast.AST, spans: Spans) -> None:
    """Add the spans of the labels that need the tree."""
    add = {label: found.append for label, found in spans.of_label.items()}
    for node in _nodes(tree):
        if isinstance(node, ast.Attribute):
            start, end = source.span(node)
            # The name as written, which `node.attr` need not be: identifiers are normalised (NFKC).
            after_value = source.data[source.span(node.value)[1] : end]
            add["in_attribute"]((end - len(_SPACE_OR_DOT.split(after_value)[-1]), end))
        elif isinstance(node, ast.Call):
            for argument in (*node.args, *node.keywords):
                add["in_call_argument"](_argument(source.span(argument), source.span(node), spans.code))
        elif isinstance(node, ast.arguments):
            for default in (*node.defaults, *node.kw_defaults):
                if default:
                    add["in_default"](source.span(default))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            add["in_import"](source.span(node))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = _DEFINITION.match(source.data, source.span(node)[0])
            assert name, "every definition has a name"
            add["in_definition_name"](name.span(1))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module) and node.body:
            match node.body[0]:
                case ast.Expr(ast.Constant(str()) as docstring):
                    start, end = source.span(docstring)
                    strings = spans.of_label["in_string"]
                    parts = strings[bisect_left(strings, (start, 0)) : bisect_left(strings, (end, 0))]
                    spans.of_label["in_docstring"].extend(parts)


def _argument(argument: Span, call: Span, code: list[Span]) -> Span:
    """The bytes of a call's argument; a generator alone has the call's own parentheses in the tree, and loses them."""
    if argument[1] < call[1]:
        return argument
    inside = code[bisect_left(code, (argument[0], 0)) + 1 : bisect_left(code, (argument[1], 0)) - 1]
    return inside[0][0], inside[-1][1]


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of a tree that may have a span or children that do; nothing inside an f-string.

    Read by `_fields` and not by `vars`: nodes such as `Add()` are one object for all trees of a process, and what draws
    IPython's tracebacks (executing) hangs a `parent` on each node, from which the walk would never come back.
    """
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _OPAQUE):
            continue
        for value in (getattr(node, field, None) for field in node._fields):
            for child in value if isinstance(value, list) else (value,):
                if isinstance(child, ast.AST) and type(child) not in _LEAVES:
                    waiting.append(child)
