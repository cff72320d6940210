"""What stands between the axes of a static form: lines, points, bars and heatmaps."""

import math
from collections import defaultdict
from typing import Any

import torch

from mi_tutor.views.colours import PALETTE, Colour, as_hex, between
from mi_tutor.views.still import svg
from mi_tutor.views.still.axes import Axis, ColourScale, is_number, listed, plain

DASHES = {"dash": "7 5", "dot": "2 4", "dashdot": "8 4 2 4", "longdash": "14 5", "longdashdot": "14 4 2 4"}
SYMBOLS = {
    "x": "m-3.5 -3.5l7 7m0 -7l-7 7",
    "diamond": "m0 -5l5 5l-5 5l-5 -5z",
    "square": "m-4 -4h8v8h-8z",
    "cross": "m-4.5 0h9m-4.5 -4.5v9",
    "triangle-up": "m0 -5l4.5 8h-9z",
}
"""Paths from a symbol's middle; a circle is a dot of the pen."""
DRAWN = ("scatter", "scattergl", "bar", "heatmap")
"""The kinds of traces that have a static form."""
MANY = 500
"""Points from which on they are drawn small."""


def draw_trace(
    trace: dict[str, Any], panel: list[dict[str, Any]], x: Axis, y: Axis, scale: ColourScale | None
) -> list[str]:
    """One trace of a panel, of a kind that is `DRAWN`."""
    if trace["type"] in ("scatter", "scattergl"):
        mode = trace.get("mode") or "lines"
        lines = _lines(trace, x, y) if "lines" in mode else []
        points = _points(trace, x, y, scale) if "markers" in mode else []
        return lines + points + (_texts(trace, x, y) if "text" in mode else [])
    if trace["type"] == "bar":
        return _bars(trace, [other for other in panel if other["type"] == "bar"], x, y)
    assert scale is not None  # a figure with a heatmap has one
    return _cells(trace, x, y, scale)


def key(trace: dict[str, Any], x: float, y: float) -> str:
    """A line, a bar or a point as it stands in the legend, 24 pixels wide."""
    if trace["type"] == "bar":
        return f'<path d="M{x:.0f} {y:.0f}h24" stroke="{_colour(trace, "marker")}" stroke-width="10"/>'
    if "lines" not in (trace.get("mode") or "lines"):
        return _dots([f"{x + 12:.0f} {y:.0f}"], _symbol(trace), _colour(trace, "marker"))
    return f'<path d="M{x:.0f} {y:.0f}h24" {_stroke(trace)}/>'


def _stroke(trace: dict[str, Any]) -> str:
    dashes = DASHES.get((trace.get("line") or {}).get("dash", ""))
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="{_colour(trace, "line")}" stroke-width="2" fill="none"{dashed}'


def _colour(trace: dict[str, Any], part: str) -> str:
    colour = (trace.get(part) or {}).get("color")
    return colour if isinstance(colour, str) else PALETTE[trace["index"] % len(PALETTE)]


def _lines(trace: dict[str, Any], x: Axis, y: Axis) -> list[str]:
    steps, pen = [], "M"
    for a, b in zip(listed(trace["x"]), listed(trace["y"]), strict=True):
        shown = x.shows(a) and y.shows(b)
        steps.append(f"{pen}{x.at(a):.1f} {y.at(b):.1f}" if shown else "")
        pen = "L" if shown else "M"
    return [f'<path d="{"".join(steps)}" {_stroke(trace)}/>']


def _points(trace: dict[str, Any], x: Axis, y: Axis, scale: ColourScale | None) -> list[str]:
    """A path for all points of a colour, a dot for all that fall on one pixel."""
    marker = trace.get("marker") or {}
    values, colour = marker.get("color"), _colour(trace, "marker" if isinstance(marker.get("color"), str) else "line")
    places = list(zip(listed(trace["x"]), listed(trace["y"]), strict=True))
    if scale and values is not None and not isinstance(values, str):
        colours = [as_hex(between(scale.stops, round(scale.share(v) * 7) / 7)) for v in values]
    else:
        colours = [colour] * len(places)
    dots: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for (a, b), shade in zip(places, colours, strict=True):
        if x.shows(a) and y.shows(b):
            dots[shade].add((round(x.at(a)), round(y.at(b))))
    many = len(places) > MANY
    return [
        _dots([f"{a} {b}" for a, b in sorted(group)], "" if many else _symbol(trace), shade, many)
        for shade, group in dots.items()
    ]


def _dots(places: list[str], symbol: str, colour: str, many: bool = False) -> str:
    path = "".join(f"M{place}{symbol or 'h0'}" for place in places)
    width = 3 if many else 2 if symbol else 6
    look = f'stroke-width="{width}" stroke-linecap="round"'
    fill = f' fill="{colour}"' if symbol else ""
    return f'<path d="{path}" stroke="{colour}" {look}{fill}/>'


def _symbol(trace: dict[str, Any]) -> str:
    name = (trace.get("marker") or {}).get("symbol")
    return SYMBOLS.get(name, "") if isinstance(name, str) else ""


def _texts(trace: dict[str, Any], x: Axis, y: Axis) -> list[str]:
    """What stands beside points, above or below them."""
    side = -11 if (trace.get("textposition") or "").startswith("top") else 11
    places = zip(listed(trace["x"]), listed(trace["y"]), listed(trace.get("text")), strict=True)
    return [
        svg.text(x.at(a), y.at(b) + side, plain(str(words)))
        for a, b, words in places
        if words and x.shows(a) and y.shows(b)
    ]


def _bars(trace: dict[str, Any], bars: list[dict[str, Any]], x: Axis, y: Axis) -> list[str]:
    """The bars of one trace, beside those of the others; lying ones with their text."""
    flat = trace.get("orientation") == "h"
    along, across = (y, x) if flat else (x, y)
    places, sizes = (trace["y"], trace["x"]) if flat else (trace["x"], trace["y"])
    slot = abs(along.end - along.start) / (len(along.names) or len(places)) * 0.8
    width = slot / len(bars)
    shift = bars.index(trace) * width - slot / 2
    texts = listed(trace.get("text")) if flat else []
    rectangles, labels = [], []
    for i, (place, size) in enumerate(zip(listed(places), listed(sizes), strict=True)):
        if not across.shows(size):
            continue
        near, far = sorted((across.start if across.log else across.at(0), across.at(size)))
        side = along.at(place) + shift
        left, top, w, h = (near, side, far - near, width) if flat else (side, near, width, far - near)
        rectangles.append(f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(w, 0.5):.1f}" height="{max(h, 0.5):.1f}"/>')
        if texts:
            labels.append(svg.text(far + 4, side + width / 2, plain(str(texts[i])), "start"))
    return [f'<g fill="{_colour(trace, "marker")}">{"".join(rectangles)}</g>', *labels]


def _cells(trace: dict[str, Any], x: Axis, y: Axis, scale: ColourScale) -> list[str]:
    rows = [[scale.share(v) if is_number(v) else math.nan for v in row] for row in trace["z"]]
    indices = (torch.tensor(rows, dtype=torch.float64) * 254).round().clamp(0, 254).nan_to_num(255).int()
    upwards = y.start > y.end
    palette: list[Colour] = [*(between(scale.stops, i / 254) for i in range(255)), (0, 0, 0, 0)]
    top, bottom = sorted((y.start, y.end))
    return [svg.raster(x.start, top, x.end - x.start, bottom - top, indices.flip(0) if upwards else indices, palette)]
