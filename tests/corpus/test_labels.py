"""The exact labels: what they say of the whole standard library, checked by other routes, and what a token takes."""

import ast
import re
import sysconfig
import tokenize
import warnings
from itertools import accumulate, groupby
from pathlib import Path

import pytest
import torch
from by_ast import CLAIMS, Read
from hypothesis import given, settings
from hypothesis import strategies as st

import mi_tutor.corpus
from mi_tutor.corpus import cache as token_cache
from mi_tutor.corpus import labels
from mi_tutor.corpus import source as corpus
from mi_tutor.corpus.labels import LABELS, LabelError, byte_labels, corpus_labels, labelled_files, labelled_tokens
from mi_tutor.corpus.source import Root, SourceFile, corpus_files
from mi_tutor.corpus.tokenizer import BOS_ID, encode_plain, load_tokenizer
from mi_tutor.corpus.tokens import corpus_tokens

TOKENIZER = load_tokenizer()


def runs_of(label: str, text: str) -> list[str]:
    """The longest stretches of a text that bear a label."""
    of_byte = byte_labels(text)[:, LABELS.index(label)].tolist()
    together = groupby(zip(text.encode(), of_byte, strict=True), key=lambda pair: pair[1])
    return [bytes(byte for byte, _ in run).decode() for marked, run in together if marked]


# What bears the label stands between the marks « and ».
EXAMPLES = {
    "in_string": [
        "x = «'a'» + «rb\"b\"»; y = «'''c\n\n'''»",
        "x = («'a'» # no\n     «'b'»)",
        "«f'{a + 1!r:>{width}} {b[0]}'».upper()",
        "x = «'é'» + «'\\\n'»",
        "«'''doc'''»\nx = 1",
        "f(«f'{d[1]}'» «'a'», 1)",
    ],
    "in_docstring": [
        "«'module'»\n'not this'\nx = 'nor this'\n",
        "class A:\n    «'''a\n    class'''»\n    x = 'no'\n    def f(self): «'one'» ; 'two'\n",
        "async def f():\n    («'a'» # implicit\n     «r'b'»)\n",
        "# first\n\n«'é'» # last",
        "def f():\n    f'no {x}'\ndef g():\n    b'no'\ndef h():\n    'no'.upper()\n",
        "if x:\n    'no'\n",
    ],
    "in_comment": [
        "«#!shebang»\nx = '# no' «# é ü »\n    «#last»",
        "x = [ «# one»\n  1, «# two»\n]\n\n",
    ],
    "in_number": [
        "x = -«1» + «0x_ff» - «1_000.5e-3» * «2j» if y2 else '3' # 4\n",
        "x = a[«1»:«2»]; («1»).real; f'{3:4}'",
    ],
    "in_import": [
        "«import a, b.c as d»; x = 1 # no\n",
        "def f():\n    «from . import (a, # yes\n        b)» # no\n    «import \\\n  é»\n",
        "importlib = import_module('import x')\n",
    ],
    "in_decorator": [
        "«@a.b(1, 'x')» # no\n\n«@ (\n   c  )»\ndef f(): return a @ b\n",
        "class A:\n    «@property»\n    def x(self): pass\n",
    ],
    "in_default": [
        "def f(a, b=«1», /, c: int = («2»), *d, e, g=«'é'», **k): pass\n",
        "x = lambda a=«lambda b=1: b», *c: 2\n",
        "f(a=1); x: int = 2\n",
        "def f(a=«[1, # yes\n  2]»): pass\n",
    ],
    "in_call_argument": [
        "f(«a», («b»), «*c», «d = 1», «** e»,)\n",
        "f(«g(1)[2]»)(«x»)()\n",
        "f( «a for a in (b)» )\n",
        "f( # no\n  «(a) for a in (b) if (c)» # no\n  )\n",
        "f(«(a for a in b)»)\n",
        "class A(B, metaclass=C): pass\n",
        "@f(«'é' + é», «y»)\ndef g(a): pass\n",
        "f(«f'{g(1)}'», «a.é \n + b»)\nf'{g(1)}'",
    ],
    "in_definition_name": [
        "def «f»(x): pass\nasync  def \\\n  «é»(): pass\nclass «A» : pass\nclass «B»(A):\n    def «f»(self): return f\n",
        "@g\ndef  «classé»(): pass\nclass\t«defg»:pass\n",
    ],
    "in_attribute": [
        "a.«b» . «c»[d].«e» = f.«é»()  # g.h\n",
        "import a.b\n(a\n  .  # no.no\n  «b»).«c»\n",
        "x = 1.0; y = ...; z = 'a.b'.«c» + f'{d.e}'\n",
        "@a.«b»\ndef f(x: a.«B» = a.«c»): pass\n",
    ],
    "in_brackets": [
        "f(«a, [b], {c: (d)}») + [« # e\n»] + ()\n",
        "x = '(' + f'{(a)}' + {«')'»} # (\n",
        "x[«0»][«é»](«f'{a[1]}'»)\n",
    ],
    "indented_twice": [
        "def f():\n    if x:\n«        a\n»        # no\n\n«        b = [1,\n 2] # yes\n»    c\n",
        "class A:\n def f(self):\n«  '''doc\n\n'''\n»\n # no\n«  if é:\n  \tx; y\n»z",
        "if a:\n    if b: c = '''\n'''\n    else:\n«        d + \\\n e»",
    ],
}


@pytest.mark.parametrize(("label", "marked"), [(label, text) for label in LABELS for text in EXAMPLES[label]])
def test_examples_bear_the_label_where_they_are_marked(label: str, marked: str) -> None:
    text = marked.replace("«", "").replace("»", "")
    assert runs_of(label, text) == re.findall("«(.*?)»", marked, re.DOTALL)


def test_every_label_has_a_meaning_and_an_example() -> None:
    assert len(LABELS) == len(set(LABELS)) == 12
    assert LABELS == tuple(labels.LABEL_MEANINGS) == tuple(EXAMPLES)


@pytest.fixture(scope="module")
def heldout() -> list[Read]:
    """A tenth of the library, the same tenth at each run."""
    return [Read(file.text) for file in corpus_files("heldout")]


@pytest.mark.parametrize("label", LABELS)
def test_labels_of_the_held_out_files_agree_with_ast_by_another_route(label: str, heldout: list[Read]) -> None:
    assert len(heldout) > 30
    for read in heldout:
        CLAIMS[label](read)
    assert any(any(read.has[label]) for read in heldout)


@pytest.mark.slow
def test_labels_agree_with_ast_on_every_standard_library_file_that_parses() -> None:
    checked = 0
    for path in library_paths():
        try:
            with tokenize.open(path) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                text = file.read()
                ast.parse(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        read = Read(text)
        for label, claim in CLAIMS.items():
            try:
                claim(read)
            except Exception as error:
                raise AssertionError(f"{label} in {path.name}") from error
        checked += 1
    assert checked > 500


def library_paths() -> list[Path]:
    """All of it, Python's own tests and the tables that the corpus leaves out too."""
    folder = Path(sysconfig.get_path("stdlib"))
    return [path for path in sorted(folder.rglob("*.py")) if not {"site-packages", "dist-packages"} & {*path.parts}]


# --- Texts that parsers read in their own ways.


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("f'{1 + a.b[f(2)]:>{width}} # {{'", f"u'{'-' * 29}'"),
        ("rf'''\n{x!r}{lambda_}\n'''", "br'''\n12345678901234\n'''"),
        ("f'é{é}' f'{(1)}'", "u'é-é-' u'-----'"),
    ],
)
@pytest.mark.parametrize("around", ["1\n{}\n", "x = g({}, y=[{}])\n", "def f(a={}):\n    return {}, 1\n", "{}.b({})\n"])
def test_an_f_string_is_labelled_as_a_plain_string_of_its_length_is(text: str, plain: str, around: str) -> None:
    assert len(text) == len(plain)
    assert labels_of_characters(around.replace("{}", text)) == labels_of_characters(around.replace("{}", plain))


def labels_of_characters(text: str) -> list[list[bool]]:
    starts = list(accumulate((len(character.encode()) for character in text), initial=0))[:-1]
    return byte_labels(text)[starts].tolist()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """A few files of the library, one with characters of two bytes and more among them."""
    files = [file.text for file in corpus_files("heldout") if len(file.text) < 20_000]
    return [*files[:4], next(text for text in files if not text.isascii())]


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_how_lines_end_changes_no_label(ending: str, texts: list[str]) -> None:
    for text in texts:
        other = text.replace("\n", ending)
        not_first_of_two = [not (a == "\r" and b == "\n") for a, b in zip(other, f"{other[1:]} ", strict=True)]
        kept = [marks for marks, keep in zip(labels_of_characters(other), not_first_of_two, strict=True) if keep]
        assert kept == labels_of_characters(text)


def test_a_byte_order_mark_is_three_bytes_without_labels(texts: list[str]) -> None:
    for text in texts:
        marked = byte_labels(f"\ufeff{text}")
        assert not marked[:3].any()
        assert torch.equal(marked[3:], byte_labels(text))


@pytest.mark.parametrize(
    "text", ["x = f(a.b, 1)", "def f():\n  if x:\n    y # é", "'doc'", "#", "", "@a\ndef f(): pass"]
)
def test_a_missing_last_line_end_changes_no_label(text: str) -> None:
    assert torch.equal(byte_labels(f"{text}\n")[: len(text.encode())], byte_labels(text))


def test_an_identifier_is_labelled_as_written_not_as_normalised() -> None:
    assert runs_of("in_definition_name", "def ﬁle(): x.ﬁ = 1\n") == ["ﬁle"]
    assert runs_of("in_attribute", "def ﬁle(): x.ﬁ = 1\n") == ["ﬁ"]


def test_a_line_that_begins_with_a_continuation_is_labelled_from_its_own_beginning() -> None:
    assert runs_of("indented_twice", "if a:\n  if b:\n    c\n    \\\n d\n") == ["    c\n    \\\n d\n"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        *(("x = 1\nprint 'Python 2'\n", 2), ("x = (\n", 1), ("if x:\n    a\n  b\n", 3), ("x = 1\ny = 'a\n", 2)),
        *(("x\n\0", 2), ("x\n# \ud800", 2), ("\tx", 1), ("$", 1)),
    ],
)
def test_what_does_not_parse_is_refused_with_file_and_line(text: str, line: int) -> None:
    with pytest.raises(LabelError, match=rf"^lib/old\.py, line {line}: "):
        labelled_tokens(SourceFile("lib/old.py", text))
    with pytest.raises(ValueError, match=rf"^<text>, line {line}: "):
        byte_labels(text)


# --- Tokens.

WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n"))


@settings(deadline=None)
@given(st.lists(WORDS, max_size=6))
def test_offsets_tile_the_bytes_of_any_text_and_slice_out_each_tokens_own(lines: list[str]) -> None:
    text = "".join(f"# {line}\n" for line in lines)
    data, tokens = text.encode(), labelled_tokens(text)
    assert tokens.ids.tolist() == encode_plain(text)
    assert [0, *tokens.ends.tolist()] == [*tokens.starts.tolist(), len(data)]
    assert {each.dtype for each in (tokens.ids, tokens.starts, tokens.ends)} == {torch.int64}
    for id, start, end in zip(*map(torch.Tensor.tolist, (tokens.ids, tokens.starts, tokens.ends)), strict=True):
        assert TOKENIZER.decode([id]) == data[start:end].decode(errors="replace")


@pytest.mark.parametrize("text", ["", "\n", "x", "'é🐍'\n"])
def test_small_texts_have_tokens_labels_and_straddles_of_matching_shapes(text: str) -> None:
    tokens = labelled_tokens(text)
    assert tokens.labels.shape == (len(encode_plain(text)), len(LABELS))
    assert tokens.straddles.shape == tokens.starts.shape == tokens.ids.shape
    assert tokens.labels.dtype == tokens.straddles.dtype == torch.bool


def pieces(text: str, chosen: torch.Tensor) -> list[str]:
    tokens = labelled_tokens(text)
    sides = torch.stack([tokens.starts, tokens.ends], -1)[chosen].tolist()
    return [text.encode()[start:end].decode() for start, end in sides]


def test_a_token_takes_the_labels_of_its_first_byte_that_is_not_white() -> None:
    text = "def name(x= 42):\n    return x\n"
    for label, expected in {
        "in_definition_name": [" name"],
        "in_number": [" 4", "2"],
        "in_default": [" 4", "2"],
    }.items():
        assert pieces(text, labelled_tokens(text).labels[:, LABELS.index(label)]) == expected


def test_a_white_token_takes_the_labels_of_its_first_byte() -> None:
    text = "if a:\n    if b:\n        c\n        d\ne\n"
    # The end of a line and most of the next one's indentation are one token: it belongs to the line that ends.
    twice = pieces(text, labelled_tokens(text).labels[:, LABELS.index("indented_twice")])
    assert "".join(twice) == " c\n        d\n"


def test_a_token_straddles_when_it_shares_bytes_with_two_lexical_tokens() -> None:
    for text, expected in {
        "def f():\n    pass\n": ["():"],
        "x = 'ab' # ():\n": [],
        "f'{f()}'\n": [],
        "x = [ ]\n": [],
        "": [],
    }.items():
        assert pieces(text, labelled_tokens(text).straddles) == expected


def test_straddling_tokens_hold_punctuation_and_are_few(texts: list[str]) -> None:
    for text in texts:
        tokens = labelled_tokens(text)
        straddling = pieces(text, tokens.straddles)
        assert not any(piece.strip().isalnum() for piece in straddling)
        assert 0.01 < tokens.straddles.float().mean() < 0.1


# --- A split's labels, aligned with its tokens.


def test_corpus_labels_lie_beside_corpus_tokens() -> None:
    tokens, found = corpus_tokens("heldout"), corpus_labels("heldout")
    assert found.labels.shape == (len(tokens), len(LABELS))
    assert torch.equal(~found.known, tokens == BOS_ID), "the library parses; only the BOS have no labels"
    assert not found.labels[~found.known].any()
    ids = torch.cat([labelled.ids for _, labelled in labelled_files("heldout") if labelled])
    assert torch.equal(tokens[found.known], ids)
    one_number = found.labels[:, LABELS.index("in_number")]
    digits = torch.tensor([id for piece, id in TOKENIZER.get_vocab().items() if piece.strip("Ġ").isdecimal()])
    assert torch.isin(tokens[one_number], digits).float().mean() > 0.8
    assert 0.03 < found.straddles.float().mean() < 0.06


def test_the_first_files_labels_begin_the_whole_splits() -> None:
    whole, some, none = corpus_labels("heldout"), corpus_labels("heldout", files=3), corpus_labels("heldout", files=0)
    assert (some.known.logical_not()).sum() == 3
    assert torch.equal(some.labels, whole.labels[: len(some.labels)])
    assert torch.equal(some.straddles, whole.straddles[: len(some.labels)])
    assert none.labels.shape == (0, len(LABELS))


def test_a_file_that_does_not_parse_keeps_its_place_and_is_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_cache, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(corpus, "_is_held_out", lambda file: False)
    texts = {"a.py": "x = 1\n", "b.py": "print 'Python 2', 3\n", "c.py": "y = 22\n"}
    (tmp_path / "source").mkdir()
    for name, text in texts.items():
        (tmp_path / "source" / name).write_text(text)
    roots = (Root("", tmp_path / "source"),)

    assert [(file.name, labelled is None) for file, labelled in labelled_files("train", roots)] == [
        *(("a.py", False), ("b.py", True), ("c.py", False))
    ]
    found, tokens = corpus_labels("train", roots), corpus_tokens("train", roots)
    sizes = {name: len(encode_plain(text)) for name, text in texts.items()}
    assert found.known.tolist() == [
        known for name, size in sizes.items() for known in (False, *[name != "b.py"] * size)
    ]
    assert not found.labels[~found.known].any()
    numbers = tokens[found.labels[:, LABELS.index("in_number")]]
    assert TOKENIZER.decode(numbers).split() == ["1", "22"]


def test_the_corpus_is_a_door_to_its_labels() -> None:
    for name in ("LABELS", "byte_labels", "corpus_labels", "labelled_files", "labelled_tokens"):
        assert getattr(mi_tutor.corpus, name) is getattr(labels, name)
    with pytest.raises(AttributeError, match="no_such_name"):
        mi_tutor.corpus.no_such_name  # noqa: B018


def test_a_traceback_drawn_before_does_not_lead_the_walk_astray():
    """`executing` hangs a parent on every node it sees, and `ast.Add()` is one object for all trees."""
    tree = ast.parse("x.y = f(z) + 1")
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node
    try:
        assert len(labelled_tokens("a = b.c + 2\n").ids) > 3
    finally:
        for node in list(ast.walk(tree)):
            vars(node).pop("parent", None)
