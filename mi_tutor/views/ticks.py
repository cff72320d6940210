"""Where an axis has its ticks, and the line of chance: what a figure's questions are read off by."""

import math
from collections.abc import Sequence
from typing import Any

from mi_tutor.views.labels import label, same_length
from mi_tutor.views.picture import escaped

ALL = 40
"""Categories of which each has its tick, however narrow the page; of more, as many as fit."""
FEW = 12
"""Values of x that all have their ticks."""
NARROW = 420
"""Pixels that an axis has at least, on a page of 1,024 beside an open file browser."""
APART = 0.07
"""Of the axis: how far ticks at the data are from each other at least, so that four digits fit."""
CHANCE = "#808080"
"""A grey that stands out from white and from JupyterLab's black by 3.9 to 1 or more."""

Chance = float | tuple[float, str] | None
"""A score that says nothing, alone or with the words that stand for it in the legend."""


def categories(labels: Sequence[str] | None, count: int, name: str, axis: str) -> list[Any]:
    """Labels made unique, for Plotly lays equal ones onto each other; without labels, numbers from 0."""
    if labels is None:
        return list(range(count))
    same_length(labels, count, name, axis)
    seen: dict[str, int] = {}
    unique = []
    for text in map(label, map(str, labels)):
        seen[text] = seen.get(text, 0) + 1
        unique.append(escaped(text) + "\N{ZERO WIDTH SPACE}" * (seen[text] - 1))
    return unique


def category_axis(places: Sequence[Any], every_tick: bool | None = None) -> dict[str, Any]:
    """Plotly's settings for an axis of categories, or of numbers from 0 on.

    Plotly takes labels that look like numbers for numbers, if nobody says what they are, and gives `"0.01"` a place a
    hundredth from 0.

    Args:
        every_tick: whether each place has a tick; None: where there are at most `ALL`. (The still form leaves out what
            would overlap.)
    """
    count = len(places)
    kind = "category" if isinstance(places[0], str) else "linear"
    settings: dict[str, Any] = {"type": kind, "showgrid": False, "zeroline": False}
    if every_tick or (every_tick is None and count <= ALL):
        settings |= {"dtick": 1, "tickfont": {"size": max(8, min(13, math.floor(NARROW / count)))}}
    return settings


def turned_room(places: Sequence[Any]) -> int:
    """Pixels that the labels below an axis need if they have to stand upright; 0 if they fit side by side."""
    lengths = [len(str(place)) for place in places]
    return min(200, 7 * max(lengths)) if 7 * sum(n + 2 for n in lengths) > NARROW else 0


def data_ticks(values: Sequence[float], log: bool = False, every_tick: bool | None = None) -> dict[str, Any]:
    """Plotly's settings for ticks at the data's own values, as many as stand apart; none, for Plotly's own ticks.

    Where the values are not round, a logarithmic axis has its ticks at 1, 2 and 5 times the powers of ten.

    Args:
        every_tick: True: at every value; False: at none; None: where there are few values, or the axis is logarithmic.
    """
    places = sorted({float(value) for value in values if math.isfinite(value) and (value > 0 or not log)})
    if every_tick is False or len(places) < 2 or (every_tick is None and not log and len(places) > FEW):
        return {}
    if not every_tick and not all(map(_is_round, places)):
        if not log:
            return {}
        lowest, highest = math.floor(math.log10(places[0])), math.ceil(math.log10(places[-1]))
        steps = [factor * 10.0**power for power in range(lowest, highest + 1) for factor in (1, 2, 5)]
        places = [step for step in steps if places[0] * 0.999 <= step <= places[-1] * 1.001]
        if len(places) < 2:
            return {}
    at = [math.log10(place) if log else place for place in places]
    least = 0.0 if every_tick else APART * (at[-1] - at[0])
    kept = [0]
    for i in range(1, len(at) - 1):
        if at[i] - at[kept[-1]] >= least and at[-1] - at[i] >= least:
            kept.append(i)
    kept.append(len(at) - 1)
    shown = [places[i] for i in kept]
    return {"tickmode": "array", "tickvals": shown, "ticktext": [written(value) for value in shown]}


def _is_round(value: float) -> bool:
    """Whether it is whole, or written with two digits: a tick at 1.299 says less than one at 1."""
    return value == round(value) or value == float(f"{value:.2g}")


def written(value: float) -> str:
    """A number beside an axis: `8,700`, `0.01`, `1e-06`."""
    return f"{value:,.0f}" if value == round(value) and 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def add_chance(figure: Any, chance: Chance, along: Sequence[Any], flat: bool = False) -> str:
    """A dotted line at the score that says nothing, named in the legend; gives the words for it.

    Args:
        along: the ends of the line, on the other axis.
        flat: whether scores go to the right, as in a ranking.
    """
    if chance is None:
        return ""
    value, name = chance if isinstance(chance, tuple) else (chance, "chance")
    ends, level = [along[0], along[-1]], [value, value]
    figure.add_scatter(
        x=level if flat else ends,
        y=ends if flat else level,
        name=escaped(name),
        mode="lines",
        line={"color": CHANCE, "dash": "dot", "width": 2},
        hovertemplate=f"{escaped(name)}: {value:.3g}<extra></extra>",
        showlegend=True,
    )
    figure.update_layout(showlegend=True)
    return f" {name}: {value:.3g}."
