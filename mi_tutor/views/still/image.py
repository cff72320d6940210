"""The static form of a Plotly figure: lines, points, bars and heatmaps, in one or more panels side by side.

It reads what the figure holds, so that the two cannot disagree. (Plotly's own export to an image needs a browser.)
"""

import html
from collections import defaultdict
from typing import Any, NamedTuple

from mi_tutor.views.still import svg
from mi_tutor.views.still.axes import (
    CHARACTER,
    axis_of,
    colour_scale,
    cut,
    draw_axes,
    draw_colour_scale,
    names_along,
    plain,
    plain_title,
    room,
)
from mi_tutor.views.still.marks import DRAWN, draw_trace, key

WIDTH = 720
LINE = 22
"""Pixels of a line above the panels: the title, the legend, the panels' titles."""


def figure_image(figure: dict[str, Any], alternative: str, width: int = WIDTH) -> str:
    """The figure, as `to_plotly_json` gives it, as an `<img>`; its description where no static form is known for it.

    A narrower one has letters of the same size, and loses less height than width.
    """
    layout = figure["layout"]
    if not all(trace["type"] in DRAWN for trace in figure["data"]):
        return f"<p>{html.escape(alternative)}</p>"
    traces = [{"index": i, **trace} for i, trace in enumerate(figure["data"])]
    panels: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for trace in traces:
        panels[trace.get("xaxis") or "x", trace.get("yaxis") or "y"].append(trace)
    scale, title = colour_scale(figure), plain_title(layout)
    named = [trace for trace in traces if trace.get("name") and trace["type"] != "heatmap"]
    wanted = layout.get("showlegend")
    legend = named if wanted or (len(named) > 1 and wanted is not False) else []
    headings = [note for note in layout.get("annotations") or () if note.get("text")]

    x_names, y_names = names_along(traces, "x"), names_along(traces, "y")
    turned = sum(len(cut(name)) + 2 for name in x_names) * CHARACTER * len(panels) > width - 120
    left, right = 30 + room(y_names, 46), width - (scale.room() if scale else 16)
    keys = _legend(legend, left, 12 + LINE * bool(title), width)
    top = 10 + LINE * (bool(title) + keys.lines + bool(headings))
    height = float(layout.get("height") or 400) * (0.3 + 0.7 * width / WIDTH)
    bottom = height - 30 - (room(x_names, 14) if turned else 14)

    parts = [svg.text(left, 12, title, "start", size=14)] if title else []
    parts += keys.parts
    for (x_id, y_id), panel in panels.items():
        x_layout, y_layout = layout.get(f"xaxis{x_id[1:]}") or {}, layout.get(f"yaxis{y_id[1:]}") or {}
        begin, end = (left + share * (right - left) for share in x_layout.get("domain") or (0, 1))
        x, y = axis_of(panel, "x", x_layout, begin, end), axis_of(panel, "y", y_layout, bottom, top)
        first = begin == left or bool(y.names and "matches" not in y_layout)
        parts += draw_axes(x, y, first, turned)
        for trace in panel:
            parts += draw_trace(trace, panel, x, y, scale)
    for note in headings:
        parts.append(svg.text(left + note.get("x", 0.5) * (right - left), top - 9, plain(note["text"])))
    if scale:
        parts += draw_colour_scale(scale, right + 14, top, bottom)
    return svg.image(width, bottom + 30 + (room(x_names, 14) if turned else 14), parts, alternative)


class _Keys(NamedTuple):
    parts: list[str]
    lines: int


def _legend(traces: list[dict[str, Any]], left: float, y: float, width: float) -> _Keys:
    """Names with their strokes, in as many lines as they need."""
    parts, x, lines = [], left, 1
    for trace in traces:
        name = plain(trace["name"])
        if x > left and x + 30 + CHARACTER * len(name) > width:
            x, lines = left, lines + 1
        at = y + LINE * (lines - 1)
        parts += [key(trace, x, at), svg.text(x + 30, at, name, "start")]
        x += 50 + CHARACTER * len(name)
    return _Keys(parts, lines if traces else 0)
