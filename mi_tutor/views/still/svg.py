"""Drawings as SVG inside an `<img>`: no script, no network, a text alternative, and nothing a page's sanitiser strips.

Such an image cannot see the page's theme, so it has no background, and ink that reads on light and dark; where a page
lets a stylesheet through, the theme's own lifts it in the dark.
"""

import html
import math
from collections.abc import Sequence
from urllib.parse import quote

from torch import Tensor

from mi_tutor.views.colours import INK
from mi_tutor.views.still.png import data_address, png
from mi_tutor.views.theme import STILL

Point = tuple[float, float]
FONT = 11
"""Pixels; a character is about 0.6 of it wide."""


def text(x: float, y: float, what: str, anchor: str = "middle", turn: int = 0, size: int = FONT) -> str:
    """Text whose middle line is at y. `anchor` is start, middle or end; `turn` is in degrees, clockwise."""
    place = f' transform="rotate({turn} {x:.0f} {y:.0f})"' if turn else ""
    size_of = f' font-size="{size}"' if size != FONT else ""
    line = html.escape(what).replace(" ", "\N{NO-BREAK SPACE}")
    return f'<text x="{x:.0f}" y="{y + size * 0.35:.0f}" text-anchor="{anchor}"{size_of}{place}>{line}</text>'


def raster(
    x: float, y: float, width: float, height: float, indices: Tensor, palette: list[tuple[int, int, int, int]]
) -> str:
    """A grid of coloured cells, stretched to the size given."""
    address = data_address("image/png", png(indices, palette))
    sizes = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return f'<image {sizes} preserveAspectRatio="none" image-rendering="pixelated" href="{address}"/>'


def frame(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.0f}" height="{height:.0f}" fill="none" stroke="{INK}" stroke-opacity=".5"/>'


def line(points: Sequence[Point], colour: str = INK, width: float = 1, style: str = "") -> str:
    """A line through these points; `style` is more attributes, such as dashes."""
    way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="{width:g}"{style and f" {style}"}/>'


def arrow(points: Sequence[Point], colour: str = INK, width: float = 1, head: float = 7, style: str = "") -> str:
    """The same with an arrowhead of that length at its end. (A marker would want an id, and ids are the page's.)"""
    (x0, y0), (x, y) = points[-2:]
    length = math.hypot(x - x0, y - y0)
    along, up = head * (x - x0) / length, head * (y - y0) / length
    corners = (x, y), (x - along - up / 2, y - up + along / 2), (x - along + up / 2, y - up - along / 2)
    tip = " ".join(f"{a:.1f},{b:.1f}" for a, b in corners)
    # The line ends where the head begins, or a thick one would show beside its point.
    return (
        line([*points[:-1], (x - along, y - up)], colour, width, style) + f'<polygon points="{tip}" fill="{colour}"/>'
    )


def image(width: float, height: float, parts: list[str], alternative: str) -> str:
    """The parts as an image that shrinks with a narrow page."""
    style = f'fill="{INK}" font-family="system-ui,sans-serif" font-size="{FONT}"'
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{"".join(parts)}</svg>'.replace('"', "'")
    # Percent signs rather than base64, which would blow up once more what is base64 inside.
    address = "data:image/svg+xml," + quote(drawing, safe=" !$()*+,-./;=?@[]^_`{|}~'")
    return (
        f'<img alt="{html.escape(alternative)}" class="{STILL}" src="{address}" width="{width:.0f}" '
        'style="max-width:100%;height:auto">'
    )


def below(caption: str) -> str:
    """What stands below a picture, as HTML."""
    return f'<div style="font-size:90%;margin-top:4px">{caption}</div>' if caption else ""


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers from low to high, about so many."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]
