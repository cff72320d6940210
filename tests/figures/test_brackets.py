"""Brackets that close what was opened last, as a share of those that close."""

import pytest

from mi_tutor.figures.brackets import matching_brackets


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("f(x[0], {1: (2, 3)})", 1.0),
        ("f(x]", 0.0),
        (")", 0.0),
        ("([)]", 0.0),  # each meets the other's
        ("(())) [}", 0.5),
        ("((", 0.0),
        ("", 0.0),
    ],
)
def test_a_closing_bracket_matches_the_one_opened_last(text, share):
    assert matching_brackets(text) == pytest.approx(share)
