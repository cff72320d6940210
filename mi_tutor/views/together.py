"""Several pictures beside each other, for a slider that moves them together."""

import html
from typing import Any

from mi_tutor.views.page import StaticView
from mi_tutor.views.picture import Picture
from mi_tutor.views.still.image import WIDTH

SHRUNK = 1.4
"""How many times wider a picture is drawn than it asks to be shown: letters shrink by as much, and no more."""


def together(*pictures: Any, widths: tuple[int, ...] = ()) -> StaticView:
    """Pictures of this package side by side, in a row that wraps on narrow pages; each in its static form.

    Args:
        widths: pixels that each asks for; without them all ask for the same.

    Raises:
        ValueError: no pictures, or another number of widths.
    """
    if not pictures:
        raise ValueError("`together` needs at least one picture.")
    widths = widths or (400,) * len(pictures)
    if len(widths) != len(pictures):
        raise ValueError(f"There are {len(pictures)} pictures and {len(widths)} widths.")
    cells = "".join(
        f'<div style="flex:0 1 {width}px;min-width:240px">{_narrow(picture, width)}</div>'
        for picture, width in zip(pictures, widths, strict=True)
    )
    text = " ".join(picture.text for picture in pictures)
    row = f'<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start" role="group" aria-label="{html.escape(text)}">'
    return StaticView(f"{row}{cells}</div>", text)


def _narrow(picture: Any, width: int) -> str:
    return str(
        picture.to_static(min(WIDTH, round(SHRUNK * width))) if isinstance(picture, Picture) else picture.to_static()
    )
