"""Colours that colour-blind readers can tell apart, on light pages and on dark ones."""

from itertools import pairwise

# Found by search: each has a contrast of 3 or more to white and to JupyterLab's black, and any two are at least 10 apart
# (CAM02-UCS) for every kind of colour blindness. Blue and orange, the ends of the diverging scale, are as light as each other.
PALETTE = ("#3282D2", "#B46400", "#1E6E50", "#D21E78", "#B48C64", "#3246FA")
BLUE, ORANGE = (50, 130, 210), (180, 100, 0)
INK = "#737373"
"""Text and axes on a page of unknown colour: a contrast of 4.7 to white, and of 4.0 to JupyterLab's black. No grey has 4.5
to both; `theme.css` lifts it to 5.5 where a page is dark."""
GRID = "rgba(128,128,128,0.3)"
SEQUENTIAL = "Cividis"
POINTS = [[0.0, "#3d5896"], [0.5, "#7a7774"], [1.0, "#a8922f"]]
"""The middle of the same scale: points have to stand out from a dark page and from a light one, at 3 to 1 or more."""
DIVERGING = [[0.0, "#B46400"], [0.4999, "rgba(180,100,0,0)"], [0.5001, "rgba(50,130,210,0)"], [1.0, "#3282D2"]]
"""Transparent at 0, so that it fades into a light page and into a dark one."""

Colour = tuple[int, int, int, int]
"""Red, green, blue and opacity, each from 0 to 255."""


def fade(share: float, strongest: int = 255) -> Colour:
    """Blue for a positive share of the largest value, orange for a negative one, transparent for nothing.

    Args:
        share: from -1 to 1.
        strongest: the opacity at the ends. What fades into the page fits a light one and a dark one.
    """
    return (*(BLUE if share >= 0 else ORANGE), round(strongest * min(abs(share), 1.0)))


def between(stops: list[tuple[float, str]], share: float) -> Colour:
    """The colour at a share (0 to 1) of a scale of `#rrggbb` and `rgba(r,g,b,a)` stops."""
    position = min(max(share, 0.0), 1.0)
    for (low, first), (high, second) in pairwise(stops):
        if position <= high:
            part = (position - low) / (high - low) if high > low else 0.0
            start, end = _channels(first), _channels(second)
            red, green, blue, opacity = (round(x + (y - x) * part) for x, y in zip(start, end, strict=True))
            return red, green, blue, opacity
    return _channels(stops[-1][1])


def as_hex(colour: tuple[int, ...]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour[:3])


def _channels(colour: str) -> Colour:
    if colour.startswith("rgba("):
        red, green, blue, opacity = colour[5:-1].split(",")
        return int(red), int(green), int(blue), round(255 * float(opacity))
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255
