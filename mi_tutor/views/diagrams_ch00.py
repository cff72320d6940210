"""The residual stream as a drawing: what reads it and what adds to it, for chapters 00 and 01."""

from collections.abc import Sequence

from mi_tutor.views.colours import INK, PALETTE
from mi_tutor.views.page import StaticView
from mi_tutor.views.still import svg

_DASHES = 'stroke-dasharray="4 3"'
END, HEAD, GAP = 116, 92, 26
"""Pixels: the width of the boxes at both ends, of a head's box, and the room to the next."""


def residual_stream(heads: Sequence[str] = ()) -> StaticView:
    """One position's stream from token to logits, with a layer's heads above it.

    Args:
        heads: what stands in their boxes, from left to right; "…" is drawn without a box. Without heads the stream goes
            straight through, as in a model of zero layers.
    """
    at = 176 if heads else 30
    reads, adds = END + 80, END + 80 + len(heads) * (HEAD + GAP) + 24
    last = adds + 2 * END if heads else END + 240
    middle = (reads + adds) / 2 if heads else END + 120
    parts = [
        *_box(2, at, END, "token", "row of W_E"),
        *_box(last, at, END, "times W_U", "logits"),
        svg.text(middle, at + 18, "residual stream: d_model numbers", size=12),
    ]
    if heads:
        parts += [
            *_box(adds + 50, at, END, "final norm"),
            svg.arrow([(END + 2, at), (adds + 48, at)], PALETTE[0], 4, head=8),
            svg.arrow([(adds + 50 + END, at), (last - 2, at)], PALETTE[0], 4, head=8),
            *_layer(heads, at, reads, adds),
        ]
    else:
        parts += [svg.arrow([(END + 2, at), (last - 2, at)], PALETTE[0], 4, head=8)]
    words = f"The stream of one position, from left to right: a token's row of W_E, {_between(heads)}W_U, logits."
    return StaticView(svg.image(last + END + 2, at + 34, parts, words), words)


def _between(heads: Sequence[str]) -> str:
    if not heads:
        return "nothing in between, "
    return (
        f"then {', '.join(heads)}, which all read the stream as it came in, and those of earlier positions, and "
        "each add a vector to it; the final norm; "
    )


def _layer(heads: Sequence[str], at: float, reads: float, adds: float) -> list[str]:
    """All heads read from one place, where none has added yet; all that they write arrives at one place further on."""
    below, above = at - 40, 16
    parts = [
        svg.line([(reads, at - 2), (reads, below), (adds - GAP - HEAD / 2, below)], INK, 1.5),
        svg.line([(96, below), (reads, below)], INK, 1.5, _DASHES),
        svg.text(2, below - 7, "streams of", "start"),
        svg.text(2, below + 7, "earlier positions", "start"),
        svg.text(reads + 5, at - 20, "read", "start"),
        svg.arrow([(adds, above), (adds, at - 11)], PALETTE[1], 1.5, head=5.5),
        svg.text(adds + 6, at - 60, "added", "start"),
        f'<circle cx="{adds:.0f}" cy="{at:.0f}" r="9" fill="none" stroke="{PALETTE[1]}" stroke-width="2"/>',
    ]
    for i, name in enumerate(heads):
        x = reads + 24 + i * (HEAD + GAP)
        middle = x + HEAD / 2
        if name == "…":
            parts.append(svg.text(middle, 72, "…", size=16))
            continue
        parts += _box(x, 72, HEAD, name, "z times W_O")
        parts += [svg.arrow([(middle, below), (middle, 97)], INK, 1.5, head=5.5)]
        parts += [svg.line([(middle, 50), (middle, above), (adds, above)], PALETTE[1], 1.5)]
    return parts


def _box(x: float, middle: float, width: float, first: str, second: str = "") -> list[str]:
    centre = x + width / 2
    frame = (
        f'<rect x="{x:.0f}" y="{middle - 22:.0f}" width="{width:.0f}" height="44" rx="5" fill="none" stroke="{INK}"/>'
    )
    lines = [(middle - 8, first), (middle + 9, second)] if second else [(middle, first)]
    return [frame, *(svg.text(centre, y, words, size=12) for y, words in lines)]
