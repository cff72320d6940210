"""The axes of a static form: where values lie, their ticks and titles, and the scale of colours."""

import html
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from mi_tutor.views.colours import GRID, between
from mi_tutor.views.still import svg

LONGEST = 30
"""Characters after which a label at an axis is cut."""
CHARACTER = 6.4
"""Pixels; a little more than a character is wide on average."""


@dataclass(frozen=True)
class Axis:
    """Where values lie between two pixels, on a linear scale, a logarithmic one, or one of names."""

    start: float
    end: float
    low: float
    high: float
    names: list[str]
    """The categories, which lie at 0.5, 1.5 …; empty for numbers."""
    log: bool
    title: str
    counts: bool = False
    """Whether only whole numbers are places."""
    given: tuple[tuple[float, str], ...] = ()
    """The values that have ticks, with their labels, if the figure says which."""
    dense: bool = False
    """Whether every whole number has a tick, if all fit."""

    def at(self, value: Any) -> float:
        """The pixel of a value, or of a category."""
        return self._pixel(
            self.names.index(str(value)) + 0.5 if self.names else math.log10(value) if self.log else value
        )

    def shows(self, value: Any) -> bool:
        """Whether there is a place for it."""
        return bool(self.names) or (is_number(value) and (value > 0 or not self.log))

    def ticks(self) -> list[tuple[float, str]]:
        """The pixel and the label of each tick."""
        if self.names:
            return [
                (self._pixel(i + 0.5), cut(self.names[i])) for i in range(0, len(self.names), self._every(svg.FONT))
            ]
        if self.given:
            return [(self.at(value), words) for value, words in self.given]
        if self.dense:
            last = math.floor(self.high)
            every = self._every(CHARACTER * (len(str(last)) + 1))
            return [(self._pixel(place), str(place)) for place in range(math.ceil(self.low), last + 1, every)]
        places = svg.ticks(self.low, self.high)
        whole = [place for place in places if place == round(place)]
        if self.log:
            return [(self._pixel(power), f"{10**power:.4g}") for power in (whole if len(whole) > 1 else places)]
        return [(self._pixel(place), f"{place:.4g}") for place in (whole if self.counts else places)]

    def _every(self, pixels: float) -> int:
        """Of labels that are so large, the how manyth can be shown."""
        return math.ceil((self.high - self.low) * pixels / max(abs(self.end - self.start), 1))

    def _pixel(self, place: float) -> float:
        return self.start + (place - self.low) / (self.high - self.low) * (self.end - self.start)


def axis_of(traces: list[dict[str, Any]], along: str, layout: dict[str, Any], start: float, end: float) -> Axis:
    """The axis that holds all traces of a panel along x or y."""
    names, log, title = names_along(traces, along), layout.get("type") == "log", plain_title(layout)
    if layout.get("autorange") == "reversed":
        start, end = end, start
    if names:
        return Axis(start, end, 0, len(names), names, log, title)
    if any(trace["type"] == "heatmap" for trace in traces):
        count = len(listed(traces[0][along]))
        return Axis(start, end, -0.5, count - 0.5, [], False, title, counts=True, dense=layout.get("dtick") == 1)
    numbers = [v for t in traces for v in listed(t.get(along)) if is_number(v) and (v > 0 or not log)]
    places = [math.log10(v) if log else float(v) for v in numbers]
    bars = any(t["type"] == "bar" and (t.get("orientation") == "h") == (along == "x") for t in traces)
    low, high = min(places + [0.0] * bars, default=0.0), max(places + [0.0] * bars, default=1.0)
    pad = (high - low) * (0.09 if bars else 0.04) or max(abs(high), 1.0) * 0.1
    given = tuple(zip(listed(layout.get("tickvals")), listed(layout.get("ticktext")), strict=True))
    return Axis(start, end, low - pad * (not bars or low < 0), high + pad, [], log, title, given=given)


def draw_axes(x: Axis, y: Axis, first: bool, turned: bool) -> list[str]:
    """Frame, grid, labels and titles; those of y only for the first of panels that share them."""
    top, bottom = sorted((y.start, y.end))
    parts = [svg.frame(x.start, top, x.end - x.start, bottom - top)]
    for place, name in x.ticks():
        if not x.names:
            parts.append(f'<path d="M{place:.0f} {top:.0f}V{bottom:.0f}" stroke="{GRID}"/>')
        parts.append(svg.text(place, bottom + 6, name, "end", -90) if turned else svg.text(place, bottom + 12, name))
    for place, name in y.ticks():
        if not y.names:
            parts.append(f'<path d="M{x.start:.0f} {place:.0f}H{x.end:.0f}" stroke="{GRID}"/>')
        if first:
            parts.append(svg.text(x.start - 6, place, name, "end"))
    below = 16 + (room(x.names, 14) if turned else 14)
    parts.append(svg.text((x.start + x.end) / 2, bottom + below, x.title, size=12))
    if first:
        parts.append(svg.text(x.start - 14 - room(y.names, 46), (top + bottom) / 2, y.title, turn=-90, size=12))
    return parts


class ColourScale(NamedTuple):
    """Which value has which colour."""

    stops: list[tuple[float, str]]
    low: float
    high: float
    title: str
    names: list[tuple[float, str]]
    """Values that have names, which stand in place of numbers."""

    def ticks(self) -> list[tuple[float, str]]:
        return self.names or [(value, f"{value:.4g}") for value in svg.ticks(self.low, self.high, 5)]

    def room(self) -> int:
        """Pixels that the bar and what stands beside it need."""
        return 80 if not self.names else 40 + room([name for _, name in self.names], 14)

    def share(self, value: float) -> float:
        """Where between the ends a value lies, from 0 to 1."""
        return (value - self.low) / ((self.high - self.low) or 1.0)


def colour_scale(figure: dict[str, Any]) -> ColourScale | None:
    """The one scale of a figure, if it has one: of its heatmaps, or of its markers."""
    shared = figure["layout"].get("coloraxis")
    for trace in figure["data"]:
        marker = trace.get("marker") or {}
        if trace["type"] == "heatmap":
            given, low, high = (shared, "cmin", "cmax") if shared else (trace, "zmin", "zmax")
            seen = [v for t in figure["data"] if t["type"] == "heatmap" for row in t["z"] for v in row]
        elif "colorscale" in marker:
            given, low, high, seen = marker, "cmin", "cmax", listed(marker["color"])
        else:
            continue
        finite = [v for v in seen if is_number(v)]
        return ColourScale(
            [(place, colour) for place, colour in given["colorscale"]],
            min(finite, default=0.0) if given.get(low) is None else given[low],
            max(finite, default=1.0) if given.get(high) is None else given[high],
            plain_title(given.get("colorbar") or {}),
            _named(given.get("colorbar") or {}),
        )
    return None


def _named(bar: dict[str, Any]) -> list[tuple[float, str]]:
    return [
        (value, plain(name))
        for value, name in zip(*map(listed, (bar.get("tickvals"), bar.get("ticktext"))), strict=False)
    ]


def draw_colour_scale(scale: ColourScale, x: float, top: float, bottom: float) -> list[str]:
    """A bar of colours with its ticks and its title."""
    palette = [between(scale.stops, 1 - i / 63) for i in range(64)]
    parts = [svg.raster(x, top, 12, bottom - top, torch.arange(64)[:, None], palette)]
    for value, name in scale.ticks():
        parts.append(svg.text(x + 16, bottom - scale.share(value) * (bottom - top), cut(name), "start"))
    return [*parts, svg.text(x + 56, (top + bottom) / 2, scale.title, turn=-90, size=12)]


def names_along(traces: list[dict[str, Any]], along: str) -> list[str]:
    """The categories along x or y, each once; empty for numbers."""
    return list(dict.fromkeys(v for t in traces for v in listed(t.get(along)) if isinstance(v, str)))


def room(names: list[str], least: int) -> int:
    """Pixels that the longest name needs."""
    return max(least, round(CHARACTER * max((len(cut(name)) for name in names), default=0)))


def cut(name: str) -> str:
    text = plain(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def plain(text: str) -> str:
    """The text behind what Plotly takes for HTML."""
    return html.unescape(text)


def plain_title(layout: dict[str, Any]) -> str:
    return plain((layout.get("title") or {}).get("text") or "")


def listed(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
