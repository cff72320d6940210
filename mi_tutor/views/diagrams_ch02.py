"""How chapter 02's things are wired: paths through one layer, the two halves of a head, paths through two layers by order.

Drawn from the package's own SVG pieces: what draws graphs by itself (Graphviz, Mermaid) is either a program to install or a
script that a saved notebook does not run.
"""

from collections.abc import Sequence

from mi_tutor.views.colours import BLUE, INK, ORANGE, as_hex
from mi_tutor.views.page import StaticView
from mi_tutor.views.still import svg

_HEIGHT = 26
"""Pixels of a box."""
_QK, _OV = as_hex(BLUE), as_hex(ORANGE)


def one_layer_paths(n_heads: int = 8) -> StaticView:
    """The direct path, and one through each head, from a token to the logits."""
    words = (
        f"Paths of a one-layer transformer. The embedding of a token goes to the logits directly, and through each of {n_heads} "
        "heads: the direct path and the heads add up in the residual stream, which is unembedded. Heads take from the tokens up to here."
    )
    shown = ["head 0", "head 1", "…", f"head {n_heads - 1}"]
    tops = [78 + 34 * i for i in range(len(shown))]
    parts = [
        *_box(10, 20, 130, "token here"),
        *_box(10, 112, 130, "tokens up to here"),
        *_box(430, 20, 40, "+"),
        *_box(520, 20, 110, "unembedding"),
        *_box(680, 20, 80, "logits"),
        svg.arrow([(140, 33), (430, 33)]),
        svg.text(285, 22, "direct path"),
        svg.arrow([(470, 33), (520, 33)]),
        svg.arrow([(630, 33), (680, 33)]),
    ]
    for top, name in zip(tops, shown, strict=True):
        parts += _box(240, top, 90, name)
        parts += [svg.arrow([(140, 125), (240, top + 13)])]
        parts += [svg.arrow([(330, top + 13), (450, top + 13), (450, 46)])]
    return StaticView(svg.image(770, 220, parts, words), words)


def head_circuits() -> StaticView:
    """The two halves of a head: what it compares, and what it moves."""
    words = (
        "The two halves of a head. QK: the destination's token makes a query through W_Q, the source's token a key through W_K; "
        "how well they match says how much attention the source gets. OV: the source's token makes a value through W_V, and W_O "
        "what is written at the destination, where the unembedding turns it into logits. Attention says how much of it arrives."
    )
    parts = [
        *_box(10, 30, 130, "destination"),
        *_box(10, 112, 130, "source, earlier"),
        *_box(200, 30, 100, "W_Q: query", _QK),
        *_box(200, 82, 100, "W_K: key", _QK),
        *_box(200, 144, 100, "W_V: value", _OV),
        *_box(370, 56, 110, "attention", _QK),
        *_box(370, 144, 110, "W_O: written", _OV),
        *_box(560, 144, 110, "unembedding", _OV),
        *_box(720, 144, 80, "logits", _OV),
        svg.arrow([(140, 43), (200, 43)], _QK),
        svg.arrow([(140, 119), (200, 95)], _QK),
        svg.arrow([(140, 131), (200, 157)], _OV),
        svg.arrow([(300, 43), (370, 63)], _QK),
        svg.arrow([(300, 95), (370, 75)], _QK),
        svg.arrow([(300, 157), (370, 157)], _OV),
        svg.arrow([(480, 157), (560, 157)], _OV),
        svg.arrow([(670, 157), (720, 157)], _OV),
        svg.arrow([(480, 69), (520, 69), (520, 150)], _QK),
        svg.text(528, 108, "how much", "start"),
        svg.text(255, 16, "QK: where it looks"),
        svg.text(425, 190, "OV: what it does with what it reads"),
    ]
    return StaticView(svg.image(810, 202, parts, words), words)


def paths_by_order() -> StaticView:
    """The four kinds of path through two layers."""
    words = (
        "Paths through two layers of attention, by the number of heads on the way. Order 0: from the token straight to the "
        "logits. Order 1: through a head of layer 0, or through a head of layer 1. Order 2: through a head of layer 0 and then "
        "a head of layer 1, which together are a virtual head."
    )
    rows: Sequence[tuple[str, bool, bool]] = (
        ("order 0", False, False),
        ("order 1", True, False),
        ("order 1", False, True),
        ("order 2", True, True),
    )
    parts: list[str] = []
    for i, (name, early, late) in enumerate(rows):
        top = 10 + 42 * i
        middle = top + _HEIGHT / 2
        parts += [svg.text(60, middle, name, "end"), *_box(80, top, 90, "token"), *_box(610, top, 80, "logits")]
        stops = [170.0]
        if early:
            parts += _box(250, top, 110, "head of layer 0", _QK)
            stops += [250, 360]
        if late:
            parts += _box(430, top, 110, "head of layer 1", _OV)
            stops += [430, 540]
        stops.append(610)
        for start, end in zip(stops[::2], stops[1::2], strict=True):
            parts += [svg.arrow([(start, middle), (end, middle)])]
    return StaticView(svg.image(700, 180, parts, words), words)


def _box(x: float, y: float, width: float, label: str, colour: str = INK) -> list[str]:
    size = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" rx="4"'
    return [f'<rect {size} fill="none" stroke="{colour}"/>', svg.text(x + width / 2, y + _HEIGHT / 2, label)]
