"""Charts of numbers: curves, clouds, heatmaps, rankings, drawn by Plotly."""

import html
from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor

from mi_tutor.views.colours import DIVERGING, PALETTE, SEQUENTIAL
from mi_tutor.views.labels import as_tensor, label, not_finite, number, rounded
from mi_tutor.views.picture import Picture, escaped, new_figure
from mi_tutor.views.ticks import Chance, add_chance, categories, category_axis, data_ticks, turned_room

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SYMBOLS = ("circle", "x", "diamond", "square", "cross", "triangle-up")
"""As many of each as there are colours: no two lines or clouds differ by colour alone."""


def curves(
    lines: dict[str, tuple[Sequence[float] | Sequence[str], Sequence[float]]],
    x_title: str,
    y_title: str,
    log_x: bool = False,
    title: str = "",
    *,
    every_tick: bool | None = None,
    chance: Chance = None,
) -> Picture:
    """Lines by name, told apart by colour and by dashes.

    Args:
        lines: for each name a list of x and a list of y, as long as each other. Where x are strings, they are categories.
        log_x: whether x goes up in factors; ticks then stand at the data.
        every_tick: whether every x has a tick; None: where there are few.
        chance: the y of what knows nothing, drawn as a dotted line: `0.25`, or with its name `(0.25, "one in four")`.

    Raises:
        ValueError: no lines, an empty one, or an x and a y of different lengths.
    """
    numbered = _xy_by_name(lines, "lines", "line", "{'loss': ([0, 1, 2], [3.0, 2.0, 1.5])}")
    places = list(dict.fromkeys(place for _, _, x, _ in numbered for place in x))
    if isinstance(places[0], str):
        axis = category_axis(places, every_tick)
    else:
        axis = {"type": "log" if log_x else "linear"} | data_ticks(places, log_x, every_tick)
    axis["title"] = {"text": escaped(x_title)}
    figure = new_figure(title, xaxis=axis, yaxis={"title": {"text": escaped(y_title)}})
    told = []
    for i, name, x, y in numbered:
        figure.add_scatter(
            x=[place if isinstance(place, str) else rounded(place, 6) for place in x],
            y=[rounded(v, 5) for v in y],
            name=escaped(name),
            line={"color": PALETTE[i % len(PALETTE)], "dash": DASHES[i % len(DASHES)]},
            mode="lines+markers" if len(x) < 30 else "lines",
        )
        told.append(f"{name} from {number(y[0])} to {number(y[-1])}, lowest {number(min(y))}, highest {number(max(y))}")
    ends = places if isinstance(places[0], str) else sorted(place for place in places if place > 0 or not log_x)
    said = add_chance(figure, chance, ends)
    return Picture(figure, f"{title or 'Curves'}: {y_title} by {x_title}. {'; '.join(told)}.{said}")


def scatter(
    points: dict[str, tuple[Sequence[float], Sequence[float]]],
    x_title: str,
    y_title: str,
    title: str = "",
    *,
    chance: Chance = None,
) -> Picture:
    """Clouds of points by name, told apart by colour and by symbol.

    Args:
        points: for each name a list of x and a list of y, as long as each other.
        chance: the y of what knows nothing, drawn as a dotted line: `0.25`, or with its name `(0.25, "one in four")`.

    Raises:
        ValueError: no points, an empty cloud, or an x and a y of different lengths.
    """
    numbered = _xy_by_name(points, "points", "cloud", "{'head 0': ([0, 1], [3.0, 2.0])}")
    axes: dict[str, Any] = {
        "xaxis": {"title": {"text": escaped(x_title)}},
        "yaxis": {"title": {"text": escaped(y_title)}},
    }
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
    across = [place for _, _, x, _ in numbered for place in x]
    said = add_chance(figure, chance, [min(across), max(across)])
    return Picture(figure, f"{title or 'Points'}: {y_title} by {x_title}. {'; '.join(told)}.{said}")


def _xy_by_name(
    series: dict[str, tuple[Sequence[Any], Sequence[float]]], argument: str, what: str, example: str
) -> list[tuple[int, str, list[Any], list[float]]]:
    if not series:
        raise ValueError(f"`{argument}` is empty: give at least one {what}, as in {example}.")
    numbered = []
    for i, (name, (x, y)) in enumerate(series.items()):
        named = not isinstance(x, Tensor) and len(x) > 0 and all(isinstance(place, str) for place in x)
        x = [escaped(place) for place in x] if named else as_tensor(x, "point", "x").tolist()
        y = as_tensor(y, "point", "y").tolist()
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
    *,
    every_tick: bool | None = None,
) -> Picture:
    """A table of numbers as colours, the first row on top. Where both signs occur, orange and blue part at 0.

    Args:
        values: on any device; what is not finite is left blank.
        x_labels: of the columns; without them, numbers from 0. They are names, also where they look like numbers; white
            space in them is made visible.
        y_labels: of the rows.
        what: what the values are, with the unit.
        limits: the values at the ends of the colours, so that several pictures share them; without, those that occur.
        every_tick: whether every row and column has its label; None: where there are at most forty. Else as many have one
            as fit, and the pointer tells the others.

    Raises:
        ValueError: values that are not [row column], or another number of labels.
    """
    numbers = as_tensor(values, "row column", "values")
    x = categories(x_labels, numbers.shape[1], "x_labels", "column")
    y = categories(y_labels, numbers.shape[0], "y_labels", "row")
    shown = numbers[numbers.isfinite()]
    low, high = (float(shown.min()), float(shown.max())) if len(shown) else (0.0, 1.0)
    bottom, top = limits or ((-max(-low, high), max(-low, high)) if low < 0 < high else (low, high))
    colours = DIVERGING if bottom < 0 < top else SEQUENTIAL
    figure = new_figure(title, height=max(260, min(640, 150 + 22 * len(y))) + turned_room(x))
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
    figure.update_xaxes(title_text=escaped(x_title), **category_axis(x, every_tick))
    figure.update_yaxes(title_text=escaped(y_title), autorange="reversed", **category_axis(y, every_tick))
    size = f"{len(y)} rows ({y_title or 'row'}) and {len(x)} columns ({x_title or 'column'})"
    peak = numbers.nan_to_num(-float("inf"), -float("inf"), -float("inf")).argmax()
    row, column = divmod(int(peak), len(x))
    most = f" Values from {number(low)} to {number(high)}; the largest is at {_said(y, row, 'row')}, {_said(x, column, 'column')}."
    return Picture(figure, f"{title or 'Heatmap'}: {what}, {size}.{most if len(shown) else ''}{not_finite(numbers)}")


def _said(labels: list[Any], index: int, axis: str) -> str:
    return f"{axis} {html.unescape(labels[index]) if isinstance(labels[index], str) else index}"


def top_predictions(
    labels: Sequence[str],
    probabilities: Float[Tensor, "k"],
    title: str = "",
    what: str = "probability",
    *,
    chance: Chance = None,
) -> Picture:
    """A ranking as bars, in the order given, the first on top.

    Args:
        labels: of the bars, usually tokens; white space in them is made visible.
        probabilities: a number for each, on any device.
        chance: the number of what knows nothing, drawn as a dotted line: `0.25`, or with its name `(0.25, "one in four")`.

    Raises:
        ValueError: probabilities that are not [k], or another number of labels.
    """
    numbers = as_tensor(probabilities, "k", "probabilities")
    places = categories(labels, len(numbers), "labels", "k")
    figure = new_figure(title, height=80 + 30 * (bool(title) + (chance is not None)) + 24 * len(places))
    figure.add_bar(
        x=[rounded(v) for v in numbers.tolist()],
        y=places,
        text=[number(v) for v in numbers.tolist()],
        textposition="outside",
        cliponaxis=False,
        orientation="h",
        marker_color=PALETTE[0],
        hovertemplate="%{y}: %{x:.3g}<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(autorange="reversed", **category_axis(places, every_tick=True))
    figure.update_xaxes(title_text=escaped(what), rangemode="tozero")
    known = add_chance(figure, chance, places, flat=True)
    said = ", ".join(f"{label(str(name))} {number(v)}" for name, v in zip(labels, numbers.tolist(), strict=True))
    return Picture(figure, f"{title or 'Ranking'} ({what}): {said}.{known}{not_finite(numbers)}")
