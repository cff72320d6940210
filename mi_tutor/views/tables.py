"""Tables as HTML's own, which wrap, are copied as rows, and have the page's colours and letters.

Why not a library: a table of 8 × 4 was written by each (one processor, one run). pandas' Styler takes 1.8 s to import
where nothing else has, then 20 ms and 2.8 kB a table, most of it an id for every cell; it gives all columns the same
decimals, and columns of text and of numbers are told apart by hand. great-tables takes 1.7 s, then 67 ms and 11.9 kB, most
of it a stylesheet that paints on white, in a dark theme too. Plotly's table is no table: it cuts what is too long and
cannot be copied. What is here takes less than a millisecond and 3.3 kB. Every style is beside its cell, for JupyterLab, VS
Code and the site have rules of their own for tables, and previews strip stylesheets.
"""

import html
import math
import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from mi_tutor.views.labels import label, number, same_length
from mi_tutor.views.page import StaticView

LINE = "1px solid rgba(128,128,128,.5)"
"""Below the heads; a grey that is seen on light pages and on dark ones."""
UNBROKEN = 26
"""Characters of a text that stays on one line."""
SPREAD = 2
"""Decimals that the smallest numbers of a column may add to those of the largest."""
# A number, with a sign, a unit per cent, a margin of error, or a fraction of a whole: `+0.12`, `45%`, `3.1 ± 0.2`, `5 of 8`.
_QUANTITY = r"[+\-−]?(\d[\d,]*\.?\d*|\.\d+)([eE][+\-]?\d+)?\s?%?"
_NUMERIC = re.compile(rf"{_QUANTITY}((\s?(±|to|of|…)\s?){_QUANTITY})?|nan|[+\-]?inf", re.IGNORECASE)
_BLANK = re.compile(r"|[-–—]|n/a")


def table(rows: Sequence[Sequence[Any]], columns: Sequence[str], title: str = "") -> StaticView:
    """Rows of numbers and words under named columns.

    The numbers of a column have the same decimals, about three digits of each. Numbers, percentages and what else begins
    with a digit in most rows stand on the right, words on the left.

    Args:
        rows: of numbers, zero-dimensional tensors and strings; a string is shown as it is.

    Raises:
        ValueError: no rows, or a row with another number of entries than there are columns.
    """
    if not len(rows):
        raise ValueError("`rows` is empty: give at least one row.")
    for row in rows:
        same_length(row, len(columns), "A row of `rows`", "column")
    heads = [label(str(column)) for column in columns]
    written = [_column([_scalar(row[i]) for row in rows]) for i in range(len(heads))]
    said = "; ".join(
        ", ".join(f"{head} {column[i]}" for head, column in zip(heads, written, strict=True))
        for i in range(min(len(rows), 30))
    )
    more = f"; … {len(rows) - 30} more rows" if len(rows) > 30 else ""
    return StaticView(_html(heads, written, title), f"{title or 'Table'}: {said}{more}.")


def _scalar(entry: Any) -> Any:
    return entry.item() if isinstance(entry, Tensor) and entry.ndim == 0 else entry


def _column(entries: list[Any]) -> list[str]:
    """The entries as they are shown: floats, and whole numbers among them, with the same decimals."""
    floats = any(isinstance(entry, float) for entry in entries)
    numbers = [float(entry) for entry in entries if floats and _is_number(entry)]
    places = _decimals(numbers)
    return [_written(entry, places) if floats and _is_number(entry) else label(str(entry)) for entry in entries]


def _is_number(entry: Any) -> bool:
    return isinstance(entry, (int, float)) and not isinstance(entry, bool)


def _decimals(values: list[float]) -> int | None:
    """How many decimals show three digits of each value; None where the values are too far apart for one number of them."""
    sizes = [abs(value) for value in values if math.isfinite(value) and value]
    if not sizes:
        return 0
    if max(sizes) >= 1e6 or max(sizes) < 1e-4:
        return None
    needed = [len(f"{float(f'{size:.3g}'):.12f}".rstrip("0").split(".")[1]) for size in sizes]
    of_largest = max(0, 2 - math.floor(math.log10(max(sizes))))
    places = min(max(needed), of_largest + SPREAD)
    return places if all(float(f"{size:.{places}f}") for size in sizes) else None


def _written(value: float, places: int | None) -> str:
    if places is None or not math.isfinite(value):
        return number(value)
    return f"{value:z.{places}f}"


def _html(heads: list[str], columns: list[list[str]], title: str) -> str:
    """The table in a box that scrolls sideways where a page is too narrow for it."""
    right = [_stands_right(column) for column in columns]
    top = "".join(
        _cell("th", head, side, f";vertical-align:bottom;border-bottom:{LINE}")
        for head, side in zip(heads, right, strict=True)
    )
    body = "".join(
        f"<tr>{''.join(_cell('td', entry, side) for entry, side in zip(row, right, strict=True))}</tr>"
        for row in zip(*columns, strict=True)
    )
    caption = (
        f'<caption style="text-align:left;caption-side:top;font-weight:bold">{html.escape(title)}</caption>'
        if title
        else ""
    )
    style = "width:auto;max-width:100%;margin:0;border-collapse:collapse;table-layout:auto;font-variant-numeric:tabular-nums"
    shown = f'<table class="mi-tutor-table" style="{style}">{caption}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div style="overflow-x:auto">{shown}</div>'


def _stands_right(column: list[str]) -> bool:
    """Whether most entries are numbers, of those that say something."""
    said = [entry for entry in column if not _BLANK.fullmatch(entry)]
    return bool(said) and 2 * sum(bool(_NUMERIC.fullmatch(entry)) for entry in said) > len(said)


def _cell(tag: str, entry: str, right: bool, more: str = "") -> str:
    """A head breaks between its words; a number, or a short text, does not."""
    kept = ";white-space:nowrap" if tag == "td" and len(entry) <= UNBROKEN else ""
    style = f"text-align:{'right' if right else 'left'};padding:.35em .8em{kept}{more}"
    return f'<{tag} style="{style}">{html.escape(entry)}</{tag}>'
