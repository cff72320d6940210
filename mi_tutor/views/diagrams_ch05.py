"""Where a sparse autoencoder stands in a model: the one drawing of chapter 05.

Its lines and letters have the page's own colour, so that it reads in light and dark themes.
"""

import html
from collections.abc import Sequence

from mi_tutor.views.colours import PALETTE
from mi_tutor.views.page import StaticView
from mi_tutor.views.still import svg

_WIDTH, _HEIGHT = 760, 300
_FEATURES = 24
_ON = (2, 9, 10, 17)
"""Which of the drawn features are active: a few."""


def sae_in_place(d_in: int, d_sae: int, hook_name: str) -> StaticView:
    """The MLP of a layer with an autoencoder beside the activation that it reads and may replace.

    Args:
        d_in: neurons.
        d_sae: features.
        hook_name: of the activation.

    Raises:
        ValueError: a size that is not above 0.
    """
    if d_in < 1 or d_sae < 1:
        raise ValueError(f"An autoencoder has neurons and features; got {d_in} and {d_sae}.")
    words = (
        f"The residual stream runs along the bottom. The MLP leaves it by W_in, passes a ReLU, and comes back by W_out. "
        f"Between the ReLU and W_out, at {hook_name}, stand {d_in:,} neurons, x. The autoencoder reads x there: the "
        f"encoder makes {d_sae:,} features f of it, of which a few are active, and the decoder makes x-hat of them. "
        f"A dashed arrow leads back: splice puts x-hat in the place of x."
    )
    parts = [
        _line([(20, 270), (740, 270)], arrow=True),
        _text(24, 290, "residual stream", "start"),
        _line([(70, 270), (70, 200), (110, 200)], arrow=True),
        _box(110, 184, 60, 32, "W_in"),
        _line([(170, 200), (200, 200)], arrow=True),
        _box(200, 184, 60, 32, "ReLU"),
        _line([(260, 200), (590, 200)], arrow=True),
        f'<circle cx="330" cy="200" r="6" fill="{PALETTE[1]}"/>',
        _text(342, 222, f"x: {d_in:,} neurons", "start"),
        _text(342, 240, hook_name, "start", mono=True),
        _box(590, 184, 60, 32, "W_out"),
        _line([(650, 200), (690, 200), (690, 270)], arrow=True),
        _line([(330, 194), (330, 150)], arrow=True),
        _trapezoid(330, 150, 110, narrow=150, wide=250),
        _text(330, 135, "encoder: W_enc, ReLU", small=True),
        *_features(206, 78, 248),
        _text(200, 93, f"f: {d_sae:,} features", "end"),
        _text(200, 109, "few of them active", "end", small=True),
        _line([(456, 88), (500, 88)], arrow=True),
        _box(500, 66, 120, 44, "decoder: W_dec"),
        _line([(620, 88), (660, 88), (660, 150), (420, 150), (420, 194)], arrow=True, dashed=True),
        _text(668, 112, f"x̂: {d_in:,}", "start"),
        _text(540, 142, "splice puts x̂ in the place of x", small=True),
    ]
    picture = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{html.escape(words)}" fill="none" stroke="currentColor" font-family="system-ui,sans-serif" '
        f'font-size="13">{"".join(parts)}</svg>'
    )
    return StaticView(f'<div style="color:var(--jp-content-font-color1,currentColor)">{picture}</div>', words)


def _line(points: Sequence[tuple[float, float]], arrow: bool = False, dashed: bool = False) -> str:
    style = 'stroke-dasharray="5 4"' if dashed else ""
    return (
        svg.arrow(points, "currentColor", head=8, style=style)
        if arrow
        else svg.line(points, "currentColor", style=style)
    )


def _box(x: float, y: float, width: float, height: float, *lines: str) -> str:
    first = y + height / 2 + 4 - 8 * (len(lines) - 1)
    words = "".join(_text(x + width / 2, first + 16 * i, line) for i, line in enumerate(lines))
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>{words}'


def _trapezoid(centre: float, bottom: float, top: float, narrow: float, wide: float) -> str:
    corners = ((-narrow, bottom), (narrow, bottom), (wide, top), (-wide, top))
    return f'<polygon points="{" ".join(f"{centre + x / 2},{y}" for x, y in corners)}"/>'


def _features(x: float, y: float, width: float) -> list[str]:
    step = width / _FEATURES
    return [
        f'<rect x="{x + i * step:.1f}" y="{y}" width="{step:.1f}" height="32" fill="{PALETTE[0] if i in _ON else "none"}" '
        'stroke-opacity="0.5"/>'
        for i in range(_FEATURES)
    ]


def _text(x: float, y: float, words: str, anchor: str = "middle", small: bool = False, mono: bool = False) -> str:
    font = (' font-size="11"' if small else "") + (' font-family="monospace"' if mono else "")
    place = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor" stroke="none"{font}>{html.escape(words)}</text>'
