"""Charts of numbers: curves, heatmaps, tables, rankings, drawn by Plotly."""

import html
from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from mi_tutor.views.colours import DIVERGING, PALETTE, SEQUENTIAL
from mi_tutor.views.labels import as_tensor, label, not_finite, number, rounded, same_length
from mi_tutor.views.picture import Picture, escaped, new_figure

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "x", "diamond", "square", "cross", "triangle-up")
"""As many of each as there are colours: no two lines or clouds differ by colour alone."""


def curves(
    lines: dict[str, tuple[Sequence[float], Sequence[float]]],
    x_title: str,
    y_title: str,
    log_x: bool = False,
    title: str = "",
) -> Picture:
    """Lines by name, told apart by colour and by dashes.

    Args:
        lines: for each name a list of x and a list of y, as long as each other.

    Raises:
        ValueError: no lines, an empty one, or an x and a y of different lengths.
    """
    numbered = _xy_by_name(lines, "lines", "line", "{'loss': ([0, 1, 2], [3.0, 2.0, 1.5])}")
    axis = {"title": {"text": escaped(x_title)}, "type": "log" if log_x else "linear"}
    figure = new_figure(title, xaxis=axis, yaxis={"title": {"text": escaped(y_title)}})
    told = []
    for i, name, x, y in numbered:
        figure.add_scatter(
            x=[rounded(v, 6) for v in x],
            y=[rounded(v, 5) for v in y],
            name=escaped(name),
            line={"color": PALETTE[i % len(PALETTE)], "dash": DASHES[i % len(DASHES)]},
            mode="lines+markers" if len(x) < 30 else "lines",
        )
        told.append(f"{name} from {number(y[0])} to {number(y[-1])}, lowest {number(min(y))}, highest {number(max(y))}")
    return Picture(figure, f"{title or 'Curves'}: {y_title} by {x_title}. {'; '.join(told)}.")


def scatter(
    points: dict[str, tuple[Sequence[float], Sequence[float]]], x_title: str, y_title: str, title: str = ""
) -> Picture:
    """Clouds of points by name, told apart by colour and by symbol.

    Args:
        points: for each name a list of x and a list of y, as long as each other.

    Raises:
        ValueError: no points, an empty cloud, or an x and a y of different lengths.
    """
    numbered = _xy_by_name(points, "points", "cloud", "{'head 0': ([0, 1], [3.0, 2.0])}")
    axes = {"xaxis": {"title": {"text": escaped(x_title)}}, "yaxis": {"title": {"text": escaped(y_title)}}}
    figure = new_figure(title, **axes)
    told = []
    for i, name, x, y in numbered:
        figure.add_scatter(
            x=[rounded(v) for v in x],
            y=[rounded(v) for v in y],
            name=escaped(name),
            marker={"color": PALETTE[i % len(PALETTE)], "symbol": SYMBOLS[i % len(SYMBOLS)], "size": 8},
            mode="markers",
        )
        told.append(
            f"{name}: {len(x)} points, {x_title} from {number(min(x))} to {number(max(x))}, "
            f"{y_title} from {number(min(y))} to {number(max(y))}"
        )
    return Picture(figure, f"{title or 'Points'}: {y_title} by {x_title}. {'; '.join(told)}.")


def _xy_by_name(
    series: dict[str, tuple[Sequence[float], Sequence[float]]], argument: str, what: str, example: str
) -> list[tuple[int, str, list[float], list[float]]]:
    if not series:
        raise ValueError(f"`{argument}` is empty: give at least one {what}, as in {example}.")
    numbered = []
    for i, (name, (x, y)) in enumerate(series.items()):
        x, y = as_tensor(x, "point", "x").tolist(), as_tensor(y, "point", "y").tolist()
        if len(x) != len(y):
            raise ValueError(f"The {what} {name!r} has {len(x)} values of x and {len(y)} of y.")
        numbered.append((i, name, x, y))
    return numbered


def heatmap(
    values: Float[Tensor, "row column"],
    x_labels: Sequence[str] | None = None,
    y_labels: Sequence[str] | None = None,
    x_title: str = "",
    y_title: str = "",
    title: str = "",
    what: str = "value",
    limits: tuple[float, float] | None = None,
) -> Picture:
    """A table of numbers as colours, the first row on top. Where both signs occur, orange and blue part at 0.

    Args:
        values: on any device; what is not finite is left blank.
        x_labels: of the columns; without them, numbers from 0. White space in them is made visible.
        y_labels: of the rows.
        what: what the values are, with the unit.
        limits: the values at the ends of the colours, so that several pictures share them; without, those that occur.

    Raises:
        ValueError: values that are not [row column], or another number of labels.
    """
    numbers = as_tensor(values, "row column", "values")
    x, y = (
        _places(x_labels, numbers.shape[1], "x_labels", "column"),
        _places(y_labels, numbers.shape[0], "y_labels", "row"),
    )
    shown = numbers[numbers.isfinite()]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    bottom, top = limits or ((-max(-low, high), max(-low, high)) if low < 0 < high else (low, high))
    colours = DIVERGING if bottom < 0 < top else SEQUENTIAL
    figure = new_figure(title, height=max(260, min(640, 150 + 22 * len(y))))
    figure.add_heatmap(
        z=[[rounded(v) for v in row] for row in numbers.tolist()],
        x=x,
        y=y,
        hovertemplate="%{y}, %{x}: %{z:.3g}<extra></extra>",
        colorbar={"title": {"text": escaped(what), "side": "right"}},
        hoverongaps=False,
        colorscale=colours,
        zmin=bottom,
        zmax=top,
    )
    # Between the numbers of a few rows and columns Plotly would mark halves.
    figure.update_xaxes(title_text=escaped(x_title), showgrid=False, zeroline=False, dtick=1 if len(x) < 6 else None)
    figure.update_yaxes(
        title_text=escaped(y_title),
        showgrid=False,
        zeroline=False,
        autorange="reversed",
        dtick=1 if len(y) < 6 else None,
    )
    size = f"{len(y)} rows ({y_title or 'row'}) and {len(x)} columns ({x_title or 'column'})"
    peak = numbers.nan_to_num(-float("inf"), -float("inf"), -float("inf")).argmax()
    row, column = divmod(int(peak), len(x))
    most = f" Values from {number(low)} to {number(high)}; the largest is at {_said(y, row, 'row')}, {_said(x, column, 'column')}."
    return Picture(figure, f"{title or 'Heatmap'}: {what}, {size}.{most if len(shown) else ''}{not_finite(numbers)}")


def _places(labels: Sequence[str] | None, count: int, name: str, axis: str) -> list[Any]:
    """Labels made unique, for Plotly lays equal ones onto each other."""
    if labels is None:
        return list(range(count))
    same_length(labels, count, name, axis)
    seen: dict[str, int] = {}
    unique = []
    for text in map(label, map(str, labels)):
        seen[text] = seen.get(text, 0) + 1
        unique.append(escaped(text) + "\N{ZERO WIDTH SPACE}" * (seen[text] - 1))
    return unique


def _said(labels: list[Any], index: int, axis: str) -> str:
    return f"{axis} {html.unescape(labels[index]) if isinstance(labels[index], str) else index}"


def table(rows: Sequence[Sequence[Any]], columns: Sequence[str], title: str = "") -> Picture:
    """Rows of numbers and words under named columns; numbers are written with three digits.

    Raises:
        ValueError: no rows, or a row with another number of entries than there are columns.
    """
    if not len(rows):
        raise ValueError("`rows` is empty: give at least one row.")
    for row in rows:
        same_length(row, len(columns), "A row of `rows`", "column")
    written = [[_written(entry) for entry in row] for row in rows]
    heads = [label(column) for column in columns]
    figure = new_figure(title, height=36 + 40 * bool(title) + 28 * (len(rows) + 1))
    import plotly.graph_objects as go

    aligned = ["right" if isinstance(_scalar(entry), (int, float)) else "left" for entry in rows[0]]
    lines = {
        "line": {"color": "rgba(128,128,128,0.3)"},
        "fill": {"color": "rgba(0,0,0,0)"},
        "align": aligned,
        "height": 28,
    }
    figure.add_trace(
        go.Table(
            header={"values": [f"<b>{escaped(head)}</b>" for head in heads], **lines},
            cells={"values": [[escaped(row[i]) for row in written] for i in range(len(heads))], **lines},
        )
    )
    figure.update_layout(margin={"t": 50 if title else 10, "b": 10, "l": 10, "r": 10})
    said = "; ".join(
        ", ".join(f"{head} {entry}" for head, entry in zip(heads, row, strict=True)) for row in written[:30]
    )
    more = f"; … {len(rows) - 30} more rows" if len(rows) > 30 else ""
    return Picture(figure, f"{title or 'Table'}: {said}{more}.", _html_table(written, heads, aligned, title))


def _scalar(entry: Any) -> Any:
    return entry.item() if isinstance(entry, Tensor) and entry.ndim == 0 else entry


def _written(entry: Any) -> str:
    value = _scalar(entry)
    return number(value) if isinstance(value, float) else label(str(value))


def _html_table(rows: list[list[str]], heads: list[str], aligned: list[str], title: str) -> str:
    def line(tag: str, entries: list[str]) -> str:
        cells = (
            f'<{tag} style="text-align:{side}">{html.escape(e)}</{tag}>'
            for e, side in zip(entries, aligned, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    caption = f"<caption>{html.escape(title)}</caption>" if title else ""
    body = "".join(line("td", row) for row in rows)
    return f"<table>{caption}<thead>{line('th', heads)}</thead><tbody>{body}</tbody></table>"


def top_predictions(
    labels: Sequence[str], probabilities: Float[Tensor, "k"], title: str = "", what: str = "probability"
) -> Picture:
    """A ranking as bars, in the order given, the first on top.

    Args:
        labels: of the bars, usually tokens; white space in them is made visible.
        probabilities: a number for each, on any device.

    Raises:
        ValueError: probabilities that are not [k], or another number of labels.
    """
    numbers = as_tensor(probabilities, "k", "probabilities")
    places = _places(labels, len(numbers), "labels", "k")
    figure = new_figure(title, height=80 + 30 * bool(title) + 24 * len(places), showlegend=False)
    figure.add_bar(
        x=[rounded(v) for v in numbers.tolist()],
        y=places,
        text=[number(v) for v in numbers.tolist()],
        textposition="outside",
        cliponaxis=False,
        orientation="h",
        marker_color=PALETTE[0],
        hovertemplate="%{y}: %{x:.3g}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title_text=escaped(what), rangemode="tozero")
    said = ", ".join(f"{label(str(name))} {number(v)}" for name, v in zip(labels, numbers.tolist(), strict=True))
    return Picture(figure, f"{title or 'Ranking'} ({what}): {said}.{not_finite(numbers)}")
