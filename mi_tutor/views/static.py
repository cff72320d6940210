"""The static form of a Plotly figure: lines, points, bars and heatmaps, in one or more panels side by side.

It reads what the figure holds, so that the two cannot disagree. (Plotly's own export to an image needs a browser.)
"""

import html
import math
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import torch

from mi_tutor.views import svg
from mi_tutor.views.colours import GRID, PALETTE, Colour, as_hex, between

WIDTH = 720
LABEL = 30
"""Characters after which a label at an axis is cut."""


@dataclass(frozen=True)
class Axis:
    """Where values lie between two pixels."""

    start: float
    end: float
    low: float
    high: float
    names: list[str]
    """Of the categories, which lie at 0.5, 1.5 …; empty for numbers."""
    log: bool
    title: str

    def at(self, value: Any) -> float:
        if self.names:
            place = value + 0.5 if isinstance(value, (int, float)) else self.names.index(str(value)) + 0.5
        else:
            place = math.log10(value) if self.log else value
        return self.start + (place - self.low) / (self.high - self.low) * (self.end - self.start)

    def marks(self) -> list[tuple[float, str]]:
        """The pixel and the label of each tick."""
        if self.names:
            every = math.ceil(len(self.names) * svg.FONT / max(abs(self.end - self.start), 1))
            return [(self.at(i), _plain(self.names[i])) for i in range(0, len(self.names), every)]
        places = svg.ticks(self.low, self.high)
        if self.log:
            whole = [power for power in places if power == round(power)]
            places = whole if len(whole) > 1 else places
        return [
            (
                self.start + (p - self.low) / (self.high - self.low) * (self.end - self.start),
                f"{10**p if self.log else p:.4g}",
            )
            for p in places
        ]


def figure_image(figure: dict[str, Any], alternative: str) -> str:
    """The figure, as `to_plotly_json` gives it, as an `<img>`."""
    layout, height = figure["layout"], float(figure["layout"].get("height") or 400)
    panels: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for i, trace in enumerate(figure["data"]):
        panels[trace.get("xaxis", "x"), trace.get("yaxis", "y")].append({"index": i, **trace})
    scale = _colour_scale(figure)
    named = [t for t in figure["data"] if t.get("name") and t["type"] != "heatmap"]
    legend = named if len(named) > 1 and layout.get("showlegend") is not False else []
    title = _plain(layout.get("title", {}).get("text") or "")
    notes = [a for a in layout.get("annotations", ()) if a.get("text")]
    top = 12 + 22 * bool(title) + 20 * bool(legend) + 18 * bool(notes)
    x_names, y_names = _names(figure, "x"), _names(figure, "y")
    left = 30 + _room(y_names, 46)
    bottom = height - 30 - (_room(x_names, 14) if _turned(x_names, len(panels)) else 14)
    right = WIDTH - (80 if scale else 16)
    parts = [svg.text(left, 12, title, "start", size=14)] if title else []
    parts += _legend(legend, left, 12 + 22 * bool(title))
    for (x_id, y_id), traces in panels.items():
        x_layout, y_layout = layout.get(_axis_key(x_id), {}), layout.get(_axis_key(y_id), {})
        share = x_layout.get("domain", (0, 1))
        x = _axis(traces, "x", x_layout, left + share[0] * (right - left), left + share[1] * (right - left))
        y = _axis(traces, "y", y_layout, bottom, top)
        first = share[0] == 0
        parts += _axes(x, y, first, bool(_turned(x_names, len(panels))), left)
        for trace in traces:
            parts += _DRAW[trace["type"]](trace, traces, x, y, scale)
    for note in notes:
        parts.append(svg.text(left + note.get("x", 0.5) * (right - left), top - 9, _plain(note["text"])))
    if scale:
        parts += _colour_bar(scale, right + 14, top, bottom)
    return svg.image(WIDTH, height, parts, alternative)


def _axis_key(name: str) -> str:
    return f"{name[0]}axis{name[1:]}"


def _plain(label: str) -> str:
    return html.unescape(re.sub(r"<br>", " ", label))


def _names(figure: dict[str, Any], along: str) -> list[str]:
    """The categories along x or y; empty for numbers."""
    seen = [str(v) for t in figure["data"] for v in _listed(t.get(along)) if isinstance(v, str)]
    return list(dict.fromkeys(seen))


def _listed(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _room(names: list[str], least: int) -> int:
    return max(least, round(6.4 * max((min(len(_plain(name)), LABEL) for name in names), default=0)))


def _turned(names: list[str], panels: int) -> bool:
    return sum(len(_plain(name)) + 2 for name in names) * 6.4 * panels > WIDTH - 120


def _axis(traces: list[dict[str, Any]], along: str, layout: dict[str, Any], start: float, end: float) -> Axis:
    names = _names({"data": traces}, along)
    log, title = layout.get("type") == "log", _plain(layout.get("title", {}).get("text") or "")
    if layout.get("autorange") == "reversed":
        start, end = end, start
    if names:
        return Axis(start, end, 0, len(names), names, log, title)
    bars = any(t["type"] == "bar" and t.get("orientation", "v") == ("v" if along == "y" else "h") for t in traces)
    numbers = [v for t in traces for v in _listed(t.get(along)) if _drawable(v, log)]
    numbers = [math.log10(v) if log else float(v) for v in numbers] + ([0.0] if bars else [])
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    pad = (high - low) * (0.09 if bars else 0.04) or max(abs(high), 1.0) * 0.1
    return Axis(start, end, low - pad * (not bars or low < 0), high + pad, [], log, title)


def _drawable(value: Any, log: bool) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and (value > 0 or not log)


def _axes(x: Axis, y: Axis, first: bool, turned: bool, left: float) -> list[str]:
    low, high = min(y.start, y.end), max(y.start, y.end)
    parts = [svg.frame(min(x.start, x.end), low, abs(x.end - x.start), high - low)]
    for place, label in x.marks():
        if not x.names:
            parts.append(f'<path d="M{place:.0f} {low:.0f}V{high:.0f}" stroke="{GRID}"/>')
        cut = label if len(label) <= LABEL else label[: LABEL - 1] + "…"
        parts.append(svg.text(place, high + 6, cut, "end", -90) if turned else svg.text(place, high + 12, cut))
    for place, label in y.marks():
        if not y.names:
            parts.append(f'<path d="M{x.start:.0f} {place:.0f}H{x.end:.0f}" stroke="{GRID}"/>')
        cut = label if len(label) <= LABEL else label[: LABEL - 1] + "…"
        if first:
            parts.append(svg.text(x.start - 6, place, cut, "end"))
    below = 16 + (_room(x.names, 14) if turned else 14)
    parts.append(svg.text((x.start + x.end) / 2, high + below, x.title, size=12))
    if first:
        parts.append(svg.text(left - 14 - _room(y.names, 46), (low + high) / 2, y.title, turn=-90, size=12))
    return parts


def _colour(trace: dict[str, Any], kind: str) -> str:
    colour = (trace.get(kind) or {}).get("color")
    return colour if isinstance(colour, str) else PALETTE[trace.get("index", 0) % len(PALETTE)]


_DASHES = {"dash": "7 5", "dot": "2 4", "dashdot": "8 4 2 4"}


def _stroke(trace: dict[str, Any]) -> str:
    dashes = _DASHES.get((trace.get("line") or {}).get("dash", ""))
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="{_colour(trace, "line")}" stroke-width="2" fill="none"{dashed}'


def _draw_scatter(trace: dict[str, Any], traces: Any, x: Axis, y: Axis, scale: Any) -> list[str]:
    points = [
        (x.at(a), y.at(b)) if (_drawable(a, x.log) or x.names) and (_drawable(b, y.log) or y.names) else None
        for a, b in zip(_listed(trace["x"]), _listed(trace["y"]), strict=True)
    ]
    parts = []
    if "lines" in trace.get("mode", "lines"):
        steps, pen = [], "M"
        for point in points:
            steps.append(f"{pen}{point[0]:.1f} {point[1]:.1f}" if point else "")
            pen = "L" if point else "M"
        parts.append(f'<path d="{"".join(steps)}" {_stroke(trace)}/>')
    if "markers" in trace.get("mode", "lines"):
        colours = (trace.get("marker") or {}).get("color")
        shades = (
            _shades(colours, scale)
            if scale and not isinstance(colours, (str, type(None)))
            else [_colour(trace, "line")] * len(points)
        )
        groups = defaultdict(set)
        for point, shade in zip(points, shades, strict=True):
            if point:
                groups[shade].add((round(point[0]), round(point[1])))
        many = len(points) > 500
        for shade, places in groups.items():
            dots = "".join(f"M{a} {b}h0" for a, b in sorted(places))
            parts.append(
                f'<path d="{dots}" stroke="{shade}" stroke-width="{3 if many else 6}" stroke-linecap="round" stroke-opacity="{0.6 if many else 1}"/>'
            )
    return parts


def _shades(values: Any, scale: dict[str, Any]) -> list[str]:
    """A colour for each value, eight in all, so that points of a colour share one path."""
    span = scale["high"] - scale["low"] or 1.0
    return [as_hex(between(scale["stops"], round((v - scale["low"]) / span * 7) / 7)) for v in values]


def _draw_bar(trace: dict[str, Any], traces: list[dict[str, Any]], x: Axis, y: Axis, scale: Any) -> list[str]:
    bars = [t for t in traces if t["type"] == "bar"]
    flat = trace.get("orientation") == "h"
    along, across = (y, x) if flat else (x, y)
    places, sizes = (trace["y"], trace["x"]) if flat else (trace["x"], trace["y"])
    slot = abs(along.end - along.start) / max(len(along.names), 1) * 0.8
    width = slot / len(bars)
    shift = bars.index(trace) * width - slot / 2
    parts = []
    for place, size in zip(_listed(places), _listed(sizes), strict=True):
        if not _drawable(size, across.log):
            continue
        near, far = sorted((across.at(0), across.at(size)))
        corner = along.at(place) + shift
        a, b, w, h = (near, corner, far - near, width) if flat else (corner, near, width, far - near)
        parts.append(f'<rect x="{a:.1f}" y="{b:.1f}" width="{max(w, 0.5):.1f}" height="{max(h, 0.5):.1f}"/>')
    texts = _listed(trace.get("text")) if flat else []
    labels = [
        svg.text(x.at(size) + 4, y.at(place), _plain(str(label)), "start")
        for place, size, label in zip(_listed(places), _listed(sizes), texts, strict=False)
        if _drawable(size, False)
    ]
    return [f'<g fill="{_colour(trace, "marker")}">{"".join(parts)}</g>', *labels]


def _draw_heatmap(trace: dict[str, Any], traces: Any, x: Axis, y: Axis, scale: dict[str, Any]) -> list[str]:
    rows = [[math.nan if v is None else float(v) for v in row] for row in trace["z"]]
    values = torch.tensor(rows, dtype=torch.float64)
    span = scale["high"] - scale["low"] or 1.0
    indices = ((values - scale["low"]) / span * 254).round().clamp(0, 254).nan_to_num(255).int()
    if y.start > y.end:
        indices = indices.flip(0)
    palette: list[Colour] = [*(between(scale["stops"], i / 254) for i in range(255)), (0, 0, 0, 0)]
    top = min(y.start, y.end)
    return [svg.raster(x.start, top, x.end - x.start, abs(y.end - y.start), indices, palette)]


_DRAW: dict[str, Any] = {
    "scatter": _draw_scatter,
    "scattergl": _draw_scatter,
    "bar": _draw_bar,
    "heatmap": _draw_heatmap,
}


def _colour_scale(figure: dict[str, Any]) -> dict[str, Any] | None:
    """The one scale of a figure: its stops, both ends and its title."""
    for trace in figure["data"]:
        marker = trace.get("marker") or {}
        if trace["type"] == "heatmap":
            given = figure["layout"].get("coloraxis") or trace
            seen = [v for t in figure["data"] if t["type"] == "heatmap" for row in t["z"] for v in row]
            low, high = ("cmin", "cmax") if "coloraxis" in figure["layout"] else ("zmin", "zmax")
        elif "colorscale" in marker:
            given, seen, low, high = marker, list(marker["color"]), "cmin", "cmax"
        else:
            continue
        finite = [v for v in seen if v is not None and math.isfinite(v)]
        ends = given.get(low), given.get(high)
        return {
            "stops": [tuple(stop) for stop in given["colorscale"]],
            "low": min(finite, default=0.0) if ends[0] is None else ends[0],
            "high": max(finite, default=1.0) if ends[1] is None else ends[1],
            "title": _plain((given.get("colorbar") or {}).get("title", {}).get("text") or ""),
        }
    return None


def _colour_bar(scale: dict[str, Any], x: float, top: float, bottom: float) -> list[str]:
    palette = [between(scale["stops"], 1 - i / 63) for i in range(64)]
    bar = svg.raster(x, top, 12, bottom - top, torch.arange(64)[:, None], palette)
    span = scale["high"] - scale["low"] or 1.0
    marks = [
        svg.text(x + 16, bottom - (value - scale["low"]) / span * (bottom - top), f"{value:.4g}", "start")
        for value in svg.ticks(scale["low"], scale["high"], 4)
    ]
    return [bar, *marks, svg.text(x + 56, (top + bottom) / 2, scale["title"], turn=-90, size=12)]


def _legend(traces: list[dict[str, Any]], x: float, y: float) -> list[str]:
    parts = []
    for i, trace in enumerate(traces):
        line = (
            _stroke({"index": i, **trace})
            if "scatter" in trace["type"]
            else f'stroke="{_colour({"index": i, **trace}, "marker")}" stroke-width="10"'
        )
        name = _plain(trace["name"])
        parts.append(f'<path d="M{x:.0f} {y:.0f}h24" {line}/>')
        parts.append(svg.text(x + 30, y, name, "start"))
        x += 50 + 6.4 * len(name)
    return parts
