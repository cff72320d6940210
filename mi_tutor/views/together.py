"""Several pictures beside each other, for a slider that moves them together."""

import html
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Together:
    """Pictures in a row that wraps on narrow pages; each in its static form, which needs no script."""

    html: str = field(repr=False)
    text: str
    """What they show, in words, one after the other."""

    def __repr__(self) -> str:
        return self.text

    def to_static(self) -> str:
        return self.html

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def together(*pictures: Any, widths: tuple[int, ...] = ()) -> Together:
    """Pictures of this package side by side.

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
        f'<div style="flex:0 1 {width}px;min-width:240px">{picture.to_static()}</div>'
        for picture, width in zip(pictures, widths, strict=True)
    )
    text = " ".join(picture.text for picture in pictures)
    row = f'<div style="display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start" role="group" aria-label="{html.escape(text)}">'
    return Together(f"{row}{cells}</div>", text)
