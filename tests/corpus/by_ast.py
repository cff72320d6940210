"""What each exact label claims, found by another route: positions in characters of the text instead of bytes, scanning by
hand instead of `tokenize`, and what was labelled parsed or evaluated again.
"""

import ast
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from itertools import accumulate

from mi_tutor.corpus.labels import LABELS, byte_labels

F_STRINGS = tuple(getattr(ast, name) for name in ("JoinedStr", "TemplateStr") if hasattr(ast, name))
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Read:
    """A text parsed again, and for each label which of its characters bear it."""

    def __init__(self, text: str) -> None:
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
        self.lines = text.split("\n")
        self.line_starts = list(accumulate((len(line) + 1 for line in self.lines), initial=0))
        of_byte = byte_labels(text).T.contiguous().numpy().view("uint8")
        widths = [len(character.encode()) for character in text] if not text.isascii() else []
        firsts = list(accumulate(widths, initial=0))[:-1] if widths else range(len(text))
        self.has: dict[str, bytes] = {}
        for label, row in zip(LABELS, of_byte, strict=True):
            row = row.tobytes()
            self.has[label] = bytes(row[i] for i in firsts) if widths else row
            if widths:
                assert row == b"".join(bytes([row[i]]) * width for i, width in zip(firsts, widths, strict=True)), (
                    "a character has one label"
                )
        self.nodes = sorted(outside_f_strings(self.tree), key=self.span)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """First and last character, like a slice; the tree counts bytes within a line."""
        if not hasattr(node, "lineno"):
            return 0, len(self.text)
        sides = [(node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)]
        start, end = (
            self.line_starts[row - 1] + len(self.lines[row - 1].encode()[:column].decode()) for row, column in sides
        )
        return start, end

    def spans(self, label: str) -> list[tuple[int, int]]:
        return [match.span() for match in re.finditer(b"\x01+", self.has[label])]

    def runs(self, label: str) -> list[str]:
        return [self.text[start:end] for start, end in self.spans(label)]

    def of_type(self, *types: type) -> list:
        return [node for node in self.nodes if isinstance(node, types)]

    def without_strings(self) -> str:
        """Characters of strings become letters, so that what is left can be scanned; lines stay where they are."""
        return "".join(
            "s" if hidden and character != "\n" else "\0" if hidden else character
            for character, hidden in zip(self.text, self.has["in_string"], strict=True)
        )


def outside_f_strings(tree: ast.AST) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        yield (node := waiting.pop())
        if not isinstance(node, F_STRINGS):
            waiting += ast.iter_child_nodes(node)


def parsed(source: str) -> ast.expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(f"(\n{source}\n)", mode="eval").body


def same(one: ast.AST, other: ast.AST) -> bool:
    return ast.dump(one) == ast.dump(other)


def outermost(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def strings_evaluate_to_the_trees_constants(read: Read) -> None:
    nodes = [node for node in read.of_type(ast.Constant, *F_STRINGS) if isinstance(node, F_STRINGS) or is_text(node)]
    seen = 0
    for node in nodes:
        start, end = read.span(node)
        source, marked = read.text[start:end], read.has["in_string"][start:end]
        pieces = [source[match.start() : match.end()] for match in re.finditer(b"\x01+", marked)]
        assert same(parsed("\n".join(pieces)), node)
        assert marked[0]
        assert marked[-1]
        between = "".join(c if not inside else "\n" for c, inside in zip(source, marked, strict=True))
        assert not re.sub(r"#.*|\\", "", between).strip(), "between the parts stand only spaces and comments"
        seen += sum(marked)
    assert seen == sum(read.has["in_string"])


def is_text(node: ast.Constant) -> bool:
    return isinstance(node.value, str | bytes)


def docstrings_are_those_that_ast_gets(read: Read) -> None:
    seen = 0
    for node in read.of_type(*DEFINITIONS, ast.Module):
        documentation = ast.get_docstring(node, clean=False)
        if documentation is not None:
            start, end = read.span(node.body[0].value)
            marked = read.has["in_docstring"][start:end]
            assert marked == read.has["in_string"][start:end]
            assert ast.literal_eval(parsed(read.text[start:end])) == documentation
            seen += sum(marked)
    assert seen == sum(read.has["in_docstring"])


def comments_are_the_rest_of_a_line_after_a_hash(read: Read) -> None:
    found = [match.span() for match in re.finditer(r"#[^\n\0]*", read.without_strings())]
    assert read.spans("in_comment") == found


def numbers_are_the_trees_constants(read: Read) -> None:
    nodes = [node for node in read.of_type(ast.Constant) if type(node.value) in (int, float, complex)]
    assert read.spans("in_number") == [read.span(node) for node in nodes]
    for run, node in zip(read.runs("in_number"), nodes, strict=True):
        value = ast.literal_eval(run)
        assert (type(value), value) == (type(node.value), node.value)


def imports_parse_back(read: Read) -> None:
    nodes = read.of_type(ast.Import, ast.ImportFrom)
    for run, node in zip(read.runs("in_import"), nodes, strict=True):
        assert run.startswith(("import", "from"))
        assert run == run.strip(" \t\f\n;")
        assert same(ast.parse(run).body[0], node)


def decorators_parse_back(read: Read) -> None:
    nodes = [each for node in read.of_type(*DEFINITIONS) for each in node.decorator_list]
    for (start, end), node in zip(read.spans("in_decorator"), sorted(nodes, key=read.span), strict=True):
        assert read.text[start] == "@"
        assert same(parsed(read.text[start + 1 : end]), node)
        assert not re.sub(r"#.*|\\", "", read.text[read.span(node)[1] : end]).strip(" \n)")
        assert re.match(r"[ \t\f]*(#.*)?\n", read.text[end:]), "the line ends there"


def defaults_are_the_trees(read: Read) -> None:
    nodes = [each for node in read.of_type(ast.arguments) for each in (*node.defaults, *node.kw_defaults) if each]
    spans = outermost([read.span(node) for node in nodes])
    assert read.spans("in_default") == spans
    by_span = {read.span(node): node for node in nodes}
    for span in spans:
        assert same(parsed(read.text[slice(*span)]), by_span[span])


def call_arguments_are_the_trees(read: Read) -> None:
    spans = []
    for call in read.of_type(ast.Call):
        for argument in (*call.args, *call.keywords):
            start, end = read.span(argument)
            if end == read.span(call)[1]:  # a generator in the call's own parentheses
                assert (read.text[start], read.text[end - 1]) == ("(", ")")
                start, end = start + 1, end - 1
                while read.text[start] in " \t\f\n\\" or read.has["in_comment"][start]:
                    start += 1
                while read.text[end - 1] in " \t\f\n\\" or read.has["in_comment"][end - 1]:
                    end -= 1
            spans.append((start, end))
            again = parsed(read.text[start:end] if is_alone(argument) else f"f({read.text[start:end]}\n)")
            assert same(again if is_alone(argument) else (*again.args, *again.keywords)[0], argument)
    assert read.spans("in_call_argument") == outermost(spans)


def is_alone(argument: ast.AST) -> bool:
    """Whether it can stand outside a call; within one, "yield" needs parentheses of its own."""
    return not isinstance(argument, ast.keyword | ast.Starred)


def definition_names_are_the_trees(read: Read) -> None:
    names = [node.name for node in read.of_type(*DEFINITIONS)]
    assert [unicodedata.normalize("NFKC", run) for run in read.runs("in_definition_name")] == names
    for start, end in read.spans("in_definition_name"):
        assert re.search(r"\b(def|class)(\s|\\\n)+$", read.text[max(0, start - 80) : start])
        assert re.match(r"\W", read.text[end])


def attributes_are_the_trees(read: Read) -> None:
    nodes = sorted(read.of_type(ast.Attribute), key=lambda node: read.span(node)[1])
    for (start, end), node in zip(read.spans("in_attribute"), nodes, strict=True):
        assert unicodedata.normalize("NFKC", read.text[start:end]) == node.attr
        assert end == read.span(node)[1]
        assert re.sub(r"#.*|\\", "", read.text[read.span(node.value)[1] : start]).strip("() \t\f\n") == "."


def brackets_are_counted_by_hand(read: Read) -> None:
    depth, expected = 0, bytearray()
    without = re.sub("#[^\n\0]*", lambda match: " " * len(match[0]), read.without_strings())
    for character in without:
        depth -= character in ")]}"
        expected.append(depth > 0)
        depth += character in "([{"
    assert read.has["in_brackets"] == expected


def indentation_is_counted_by_hand(read: Read) -> None:
    expected = bytearray()
    widths, depth, continued = [0], 0, False
    without = re.sub("#[^\n\0]*", lambda match: "#" * len(match[0]), read.without_strings())
    for line in re.findall(r"[^\n\0]*[\n\0]?", without):
        code = line.split("#")[0]
        if not continued and not code.strip(" \t\f\n"):
            expected += bytes(len(line))
            continue
        if not continued:
            white = re.match(r"[ \t\f]*", code)[0]
            width = len(white.rpartition("\f")[2].expandtabs(8))
            while widths[-1] > width:
                widths.pop()
            if widths[-1] < width:
                widths.append(width)
        expected += bytes([len(widths) > 2]) * len(line)
        depth += sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))
        continued = depth > 0 or line.endswith(("\0", "\\\n"))
    assert read.has["indented_twice"] == expected


CLAIMS: dict[str, Callable[[Read], None]] = {
    "in_string": strings_evaluate_to_the_trees_constants,
    "in_docstring": docstrings_are_those_that_ast_gets,
    "in_comment": comments_are_the_rest_of_a_line_after_a_hash,
    "in_number": numbers_are_the_trees_constants,
    "in_import": imports_parse_back,
    "in_decorator": decorators_parse_back,
    "in_default": defaults_are_the_trees,
    "in_call_argument": call_arguments_are_the_trees,
    "in_definition_name": definition_names_are_the_trees,
    "in_attribute": attributes_are_the_trees,
    "in_brackets": brackets_are_counted_by_hand,
    "indented_twice": indentation_is_counted_by_hand,
}
