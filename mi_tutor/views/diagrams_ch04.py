"""The drawing of the toy model: five features through two dimensions and back, by the same weights."""

from mi_tutor.views.colours import INK, PALETTE
from mi_tutor.views.page import StaticView
from mi_tutor.views.still.svg import image, text

_FEATURES, _HIDDEN = 5, 2
_LEFT, _MIDDLE, _OUT, _RIGHT = 90, 290, 490, 630
_TEXT = (
    "The toy model: five features x go down through W into two hidden numbers h = W x, without a ReLU, and up again "
    "through the same W, transposed; a bias is added and a ReLU ends it: x_hat = ReLU(Wᵀ h + b). One column of W, the "
    "weights between feature 1 and the two hidden numbers, is drawn thick on both sides: the direction of feature 1."
)


def toy_model_drawing() -> StaticView:
    """How the toy model is wired, with the column of one feature drawn thick."""
    high = [40 + 40 * i for i in range(_FEATURES)]
    low = [80 + 80 * i for i in range(_HIDDEN)]
    lines, dots = [], []
    for i, y in enumerate(high):
        for z in low:
            lines += [_line(_LEFT, y, _MIDDLE, z, i == 1), _line(_MIDDLE, z, _OUT, y, i == 1)]
        lines.append(_line(_OUT, y, _RIGHT, y, False))
        dots += [_dot(_LEFT, y), _dot(_OUT, y), _dot(_RIGHT, y)]
        dots += [text(_LEFT - 16, y, f"x{i}", "end", size=13), text(_RIGHT + 16, y, f"x_hat{i}", "start", size=13)]
    dots += [_dot(_MIDDLE, z) for z in low]
    named = ((_LEFT + _MIDDLE) / 2, "W"), (_MIDDLE, "h = W x"), ((_MIDDLE + _OUT) / 2, "Wᵀ again")
    below = [text(x, 222, words, size=13) for x, words in (*named, ((_OUT + _RIGHT) / 2, "+ b, ReLU"))]
    return StaticView(image(720, 240, [*lines, *dots, *below], _TEXT), _TEXT)


def _line(x: float, y: float, to_x: float, to_y: float, thick: bool) -> str:
    style = f'stroke="{PALETTE[0]}" stroke-width="3"' if thick else f'stroke="{INK}" stroke-opacity=".45"'
    return f'<line x1="{x}" y1="{y}" x2="{to_x}" y2="{to_y}" {style}/>'


def _dot(x: float, y: float) -> str:
    return f'<circle cx="{x}" cy="{y}" r="7" fill="{INK}"/>'
