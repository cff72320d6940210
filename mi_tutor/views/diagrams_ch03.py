"""How the two circuits of induction are wired, as drawings: which head reads what from where, on `… a b … a`."""

from typing import NamedTuple

from mi_tutor.views.colours import INK, PALETTE
from mi_tutor.views.page import StaticView
from mi_tutor.views.still import svg

WIDTH, HEIGHT = 700, 330
COLUMNS = {"a, position 1": 180, "b, position 2": 370, "a, position 4": 605}
ROWS = {"layer 1 says": 36, "after layer 0": 130, "embedded": 240}
BOX_WIDTH, BOX_HEIGHT = 156, 26
LAYER_0, LAYER_1 = PALETTE[0], PALETTE[1]
_FAINT = 'stroke-dasharray="2 4" stroke-opacity=".6"'


class Circuit(NamedTuple):
    """What a drawing shows."""

    key: str
    """What stands in the key that is found, at position 2."""
    query: str
    """What stands in the query that finds it, at position 4."""
    noted_at: str
    """The position at which layer 0 writes."""
    source: str
    """The position from which layer 0's head brings it."""
    layer_0: str
    layer_1: str
    told: str


CIRCUITS = {
    "K": Circuit(
        "key: before me, a",
        "query: I am a",
        "b, position 2",
        "a, position 1",
        "layer 0 looks one back and notes the token",
        "layer 1: the query, its own token, finds the note in the key, and b is moved",
        "Induction by K-composition on BOS a b c a, positions 0 to 4. Layer 0, at position 2, looks at position 1 and notes "
        "that an a stood before. Layer 1, at position 4, asks for its own token a, finds the note in the key of position 2, "
        "and says what stands there: b.",
    ),
    "Q": Circuit(
        "key: I am 2",
        "query: look at 2",
        "a, position 4",
        "a, position 1",
        "layer 0 finds its own token and brings the position, plus 1",
        "layer 1: the query, the pointer, finds the key of that position, and b is moved",
        "Induction by Q-composition on BOS a b c a, positions 0 to 4. Layer 0, at position 4, finds the earlier a at position 1 "
        "and writes that position plus one, 2, as a pointer. Layer 1 reads the pointer in its query, finds position 2 by "
        "its key, and says what stands there: b.",
    ),
}


def induction_circuit(kind: str) -> StaticView:
    """The circuit by composition through keys ("K") or through queries ("Q"), on BOS a b c a.

    Raises:
        ValueError: another kind.
    """
    if kind not in CIRCUITS:
        raise ValueError(f"`kind` is 'K' or 'Q', not {kind!r}.")
    circuit = CIRCUITS[kind]
    key, late = COLUMNS["b, position 2"], COLUMNS["a, position 4"]
    said, middle, bottom = ROWS.values()
    half = BOX_HEIGHT / 2
    parts = [svg.text(8, y, row, "start") for row, y in ROWS.items()]
    parts += [svg.line([(x, bottom - half), (x, middle + half)], style=_FAINT) for x in COLUMNS.values()]
    noted = [(COLUMNS[circuit.source], bottom - half), (COLUMNS[circuit.noted_at], middle + half)]
    parts.append(svg.arrow(noted, LAYER_0, 2, head=10))
    parts.append(svg.arrow([(key, middle - half), (late - BOX_WIDTH / 2, said)], LAYER_1, 2, head=10))
    for name, x in COLUMNS.items():
        parts += _box(x, bottom, name)
    for name, what in (("b, position 2", circuit.key), ("a, position 4", circuit.query)):
        parts += _box(COLUMNS[name], middle, what, LAYER_0 if name == circuit.noted_at else INK)
    parts += _box(late, said, "b", LAYER_1)
    for line, colour, y in ((circuit.layer_0, LAYER_0, HEIGHT - 42), (circuit.layer_1, LAYER_1, HEIGHT - 18)):
        parts.append(f'<g fill="{colour}">{svg.text(WIDTH / 2, y, line, size=12)}</g>')
    return StaticView(svg.image(WIDTH, HEIGHT, parts, circuit.told), circuit.told)


def _box(x: float, y: float, what: str, colour: str = INK) -> list[str]:
    corner = (
        f'x="{x - BOX_WIDTH / 2:.0f}" y="{y - BOX_HEIGHT / 2:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4"'
    )
    # A little of the colour behind the words covers the lines, on a light page and on a dark one.
    return [
        f'<rect {corner} fill="{colour}" fill-opacity=".12" stroke="{colour}"/>',
        svg.text(x, y, what, size=13),
    ]
