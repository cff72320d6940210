"""Attention patterns, a head beside the other: CircuitsVis's view, small multiples beneath it."""

import html
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from mi_tutor.views.colours import BLUE, ORANGE, as_hex, fade
from mi_tutor.views.labels import as_tensor, inert, label, not_finite, number, readable, same_length, short
from mi_tutor.views.pack import is_causal, packed
from mi_tutor.views.page import View
from mi_tutor.views.still import svg

SIDE = 150
"""Pixels of one head of many in the static form; where they are few, twice as much."""
MIN_WIDTH, MAX_WIDTH = 460, 1000
"""Pixels of the library's view, which is as high as wide."""
SHADES = 24
"""Steps from nothing to the largest value in the static form."""
NAMED = 40
"""Heads that the description names one by one."""


def attention_heads(
    pattern: Float[Tensor, "head query key"],
    tokens: Sequence[str],
    names: Sequence[str] | None = None,
    what: str = "attention",
) -> View:
    """Where every head looks: small pictures to choose from, and the chosen one with its tokens.

    Args:
        pattern: a row for each query, a column for each key, on any device. Usually rows that sum to one; anything
            else, negative values too, is drawn on a scale that ends at its largest magnitude.
        tokens: the text of each position, as the tokenizer decodes it.
        names: of the heads, as in `["5.1", "6.9"]`; without them, their numbers from 0.
        what: what the values are.

    Raises:
        ValueError: a pattern that is not [head query key] with as many keys as queries, or another number of tokens.
    """
    values, what = as_tensor(pattern, "head query key", "pattern"), label(what)
    heads, queries, keys = values.shape
    if queries != keys:
        raise ValueError(f"`pattern` should have as many keys as queries; its shape is {list(values.shape)}.")
    same_length(tokens, keys, "tokens", "key")
    names = [str(head) for head in range(heads)] if names is None else [readable(name) for name in names]
    same_length(names, heads, "names", "head")
    drawn = values.nan_to_num(0.0, 0.0, 0.0)
    top = float(drawn.abs().max())
    top = 1.0 if bool(drawn.min() >= 0) and 0 < top <= 1.001 else top or 1.0
    habits = [_habits(head) for head in drawn]
    description = _description(names, habits, len(tokens), what) + not_finite(values)
    caption = f"{html.escape(what)}: a row for each query (destination), a column for each key (source); blue at {number(top)}"
    caption += f", orange at {number(-top)}" if bool(drawn.min() < 0) else ""
    props = {
        "attention": packed(values),
        "tokens": [inert(readable(token)) for token in tokens],
        "attentionHeadNames": names,
        "maxValue": top,
        "minValue": -top,
        "positiveColor": as_hex(BLUE),
        "negativeColor": as_hex(ORANGE),
        "maskUpperTri": is_causal(drawn),
    }
    static = _multiples(drawn / top, tokens, names, habits, description)
    width = max(MIN_WIDTH, min(MAX_WIDTH, 190 + 24 * keys))
    return View("AttentionHeads", props, static, description, caption, width)


def _habits(head: Float[Tensor, "query key"]) -> dict[str, float]:
    """Mean value on the first token, the previous one and the query's own, over queries where these are three."""
    if head.shape[0] < 3:
        return {"itself": float(head.diagonal().mean())}
    places = {
        "the first token": head[2:, 0],
        "the previous token": head.diagonal(-1)[1:],
        "itself": head.diagonal()[2:],
    }
    return {name: float(entries.mean()) for name, entries in places.items()}


def _description(names: Sequence[str], habits: list[dict[str, float]], count: int, what: str) -> str:
    tokens = "1 token" if count == 1 else f"{count} tokens"
    lines = [
        f"head {name}: " + ", ".join(f"{place} {number(share)}" for place, share in habit.items())
        for name, habit in list(zip(names, habits, strict=True))[:NAMED]
    ]
    more = f" … and {len(names) - NAMED} more heads." if len(names) > NAMED else ""
    heads = "1 head" if len(names) == 1 else f"{len(names)} heads"
    return f"{what.capitalize()} of {heads} over {tokens}; on average a query gives to {'; '.join(lines)}.{more}"


def _multiples(
    shares: Float[Tensor, "head query key"],
    tokens: Sequence[str],
    names: Sequence[str],
    habits: list[dict[str, float]],
    description: str,
) -> str:
    """All heads as one image; the tokens stand at the axes where there are few of them."""
    heads, count, _ = shares.shape
    side = SIDE if heads > 3 else 2 * SIDE
    labels = [short(token, 10) for token in tokens] if count * 12 <= side else []
    room = 8 + round(6.2 * max(map(len, labels), default=0))
    left, below = 16 + room, 36 + room
    columns = min(heads, max(1, 900 // (side + left + 14)))
    width, height = side + left + 14, side + 22 + below
    palette = [fade((i - SHADES) / SHADES) for i in range(2 * SHADES + 1)]
    parts = []
    for i, head in enumerate(shares):
        x, y = i % columns * width + left, i // columns * height + 22
        parts.append(svg.text(x + side / 2, y - 10, f"head {names[i]}", size=12))
        parts.append(svg.raster(x, y, side, side, (head * SHADES).round().int() + SHADES, palette))
        parts.append(svg.frame(x, y, side, side))
        for position, name in enumerate(labels):
            middle = (position + 0.5) * side / count
            parts.append(svg.text(x - 4, y + middle, name, "end"))
            parts.append(svg.text(x + middle, y + side + 5, name, "end", -90))
        place, share = max(habits[i].items(), key=lambda item: item[1])
        parts.append(svg.text(x - left + 8, y + side / 2, "query", turn=-90))
        parts.append(svg.text(x + side / 2, y + side + room + 6, "key"))
        parts.append(svg.text(x + side / 2, y + side + room + 20, f"{place}: {number(share)}"))
    rows = -(-heads // columns)
    return svg.image(columns * width, rows * height, parts, description)
