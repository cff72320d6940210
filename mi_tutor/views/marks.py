"""What stands between the axes of a static form: lines, points, bars and heatmaps."""

import math
from collections import defaultdict
from typing import Any

import torch

from mi_tutor.views import svg
from mi_tutor.views.axes import Axis, ColourScale, is_number, listed, plain
from mi_tutor.views.colours import PALETTE, Colour, as_hex, between

DASHES = {"dash": "7 5", "dot": "2 4", "dashdot": "8 4 2 4"}
DRAWN = ("scatter", "scattergl", "bar", "heatmap")
"""The kinds of traces that have a static form."""
MANY = 500
"""Points from which on they are drawn small and translucent."""


def draw_trace(
    trace: dict[str, Any], panel: list[dict[str, Any]], x: Axis, y: Axis, scale: ColourScale | None
) -> list[str]:
    """One trace of a panel, of a kind that is `DRAWN`."""
    if trace["type"] in ("scatter", "scattergl"):
        mode = trace.get("mode") or "lines"
        lines = _lines(trace, x, y) if "lines" in mode else []
        return lines + (_points(trace, x, y, scale) if "markers" in mode else [])
    if trace["type"] == "bar":
        return _bars(trace, [other for other in panel if other["type"] == "bar"], x, y)
    assert scale is not None  # a figure with a heatmap has one
    return _cells(trace, x, y, scale)


def key(trace: dict[str, Any]) -> str:
    """How a line or a bar looks in the legend, as attributes of a path."""
    if trace["type"] == "bar":
        return f'stroke="{_colour(trace, "marker")}" stroke-width="10"'
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
    return [f'<path d="{"".join(steps)}" {key(trace)}/>']


def _points(trace: dict[str, Any], x: Axis, y: Axis, scale: ColourScale | None) -> list[str]:
    """A path for all points of a colour, a dot for all that fall on one pixel."""
    values, colour = (trace.get("marker") or {}).get("color"), _colour(trace, "line")
    places = list(zip(listed(trace["x"]), listed(trace["y"]), strict=True))
    if scale and values is not None and not isinstance(values, str):
        colours = [as_hex(between(scale.stops, round(scale.share(v) * 7) / 7)) for v in values]
    else:
        colours = [colour] * len(places)
    dots: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for (a, b), shade in zip(places, colours, strict=True):
        if x.shows(a) and y.shows(b):
            dots[shade].add((round(x.at(a)), round(y.at(b))))
    width, opacity = (3, 0.6) if len(places) > MANY else (6, 1)
    look = f'stroke-width="{width}" stroke-opacity="{opacity}" stroke-linecap="round"'
    return [
        f'<path d="{"".join(f"M{a} {b}h0" for a, b in sorted(group))}" stroke="{shade}" {look}/>'
        for shade, group in dots.items()
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
