"""Tables: HTML's own, with digits under digits, numbers on one side and words on the other, whatever stands in them."""

import math
import re
from html import unescape

import pytest
import torch
from reading import ADDRESS, HOSTILE, Tags

from mi_tutor.views import table

TAGS = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td"}


def cells(view, tag="td"):
    """The style and the text of every cell."""
    found = re.findall(rf'<{tag} style="([^"]*)">([^<]*)</{tag}>', view.to_static())
    return [(style, unescape(text)) for style, text in found]


def column(values):
    return [text for _, text in cells(table([[value] for value in values], ["a"]))]


@pytest.mark.parametrize(
    "view",
    [
        table([["a", 1.0], ["b", math.nan]], ["word", "loss"], "Title"),
        table([[token] for token in HOSTILE], [HOSTILE[0]], HOSTILE[0]),
    ],
)
def test_a_table_has_two_forms_needs_no_script_and_asks_no_network(view):
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert set(Tags(bundle["text/html"]).tags) == TAGS
    for form in bundle.values():
        form.encode()
        assert not ADDRESS.search(form)


def test_every_row_and_every_head_is_whole():
    head = "mean of twelve claims that were drawn, in_call_arguments"
    view = table([["a sentence that is longer than any column", 1]] * 3, ["words", head], "Title")
    assert view.to_static().count("<tr>") == 4
    assert [text for _, text in cells(view, "th")] == ["words", head]
    assert not any("nowrap" in style for style, _ in cells(view, "th"))
    assert [text for _, text in cells(view)].count("a sentence that is longer than any column") == 3
    assert "Title: words a sentence" in view.text


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([0.1, 0.25, 2.0], ["0.10", "0.25", "2.00"]),
        ([5.0, 4.125, 3], ["5.00", "4.12", "3.00"]),
        ([512.0, 0.979], ["512.00", "0.98"]),
        ([2.41, 0.00312], ["2.4100", "0.0031"]),
        ([2.0, 1e-9], ["2", "1e-09"]),
        ([1e7, 2.0], ["1e+07", "2"]),
        ([-0.001, 0.5], ["-0.001", "0.500"]),
        ([-1e-12, 0.0], ["-1e-12", "0"]),
        ([0.5, math.nan, math.inf], ["0.5", "nan", "inf"]),
        ([3, 12], ["3", "12"]),
        ([torch.tensor(0.5), torch.tensor(0.125)], ["0.500", "0.125"]),
        ([True, 0.5], ["True", "0.5"]),
    ],
)
def test_numbers_of_a_column_have_the_same_decimals(values, shown):
    assert column(values) == shown


@pytest.mark.parametrize(
    ("entries", "side"),
    [
        (["12%", "3 %", "+0.4%"], "right"),
        (["+0.12", "-1e-3", "nan"], "right"),
        (["45% ± 3%", "5 of 8", "0.1 to 0.3"], "right"),
        (["0.5", "not kept", "", "0.2"], "right"),
        ([1, 2.0, "–"], "right"),
        (["head 0", "head 1"], "left"),
        (["0.205 (0.2 → 1.6)", "0.1 (0.3 → 1.1)"], "left"),
        (["", ""], "left"),
    ],
)
def test_numbers_stand_right_and_words_left_as_their_head_does(entries, side):
    view = table([[entry] for entry in entries], ["a"])
    assert all(f"text-align:{side}" in style for tag in ("th", "td") for style, _ in cells(view, tag))


def test_a_space_at_the_beginning_of_a_token_does_not_break_the_line():
    assert column(["head 6, ' if'"]) == ["head 6, '\N{NO-BREAK SPACE}if'"]
    assert column([" not"]) == ["·not"]


def test_what_is_no_table_is_refused_with_advice():
    with pytest.raises(ValueError, match="empty"):
        table([], ["a"])
    with pytest.raises(ValueError, match="2 entries"):
        table([[1, 2]], ["a"])
