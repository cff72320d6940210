"""Tables of shares, written as percentages, with the mean of several and its error where groups of rows are given."""

from collections.abc import Mapping, Sequence
from typing import Any

from mi_tutor.views.labels import as_tensor, same_length
from mi_tutor.views.page import StaticView
from mi_tutor.views.tables import table


def percentages(
    rows: Mapping[str, Sequence[Any]], columns: Sequence[str], means: Mapping[str, Any] | None = None, title: str = ""
) -> StaticView:
    """Shares by name, a row each; below them, for each group, its mean and the standard error of that mean.

    Args:
        rows: by name as many shares as there are columns but the first. Shares are floats or tensors of one number; what is
            anything else, such as a whole number or a word, is shown as it is.
        columns: the first is that of the names.
        means: by name a group of rows of shares, at least two.

    Raises:
        ValueError: no rows, or one with another number of entries than there are columns.
    """
    written = []
    for name, entries in rows.items():
        same_length(entries, len(columns) - 1, f"The row {name!r} of `rows`", "column after the first")
        written.append([name, *map(_written, entries)])
    for name, group in (means or {}).items():
        shares = as_tensor(group, "row column", f"means[{name!r}]")
        errors = shares.std(0) / len(shares) ** 0.5
        written.append([name, *(f"{m:.0%} ± {e:.0%}" for m, e in zip(shares.mean(0), errors, strict=True))])
    return table(written, columns, title)


def _written(entry: Any) -> Any:
    number = entry.item() if hasattr(entry, "item") else entry
    return f"{number:z.0%}" if isinstance(number, float) else number
