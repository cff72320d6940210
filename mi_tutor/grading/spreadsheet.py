"""Words of strangers in a table that a person will open."""

from typing import Any

from mi_tutor.grading.printable import printable


def as_cell(word: Any) -> Any:
    """A spreadsheet takes what begins so for a formula, and a student's file, name or error message may."""
    if not isinstance(word, str):
        return word
    word = printable(word)
    return f"'{word}" if word[:1] in ("=", "+", "-", "@") else word
