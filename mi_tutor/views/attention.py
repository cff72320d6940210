"""Attention patterns: one head with its tokens, chosen from small pictures of all of them.

Why not CircuitsVis's `AttentionHeads`, which stood here: it is as high as wide, 700 pixels and more; it leaves out labels
and appends a number to each, writes a head's name three times, paints every place that a head cannot look at in grey, half
of the picture, and has no second pattern to compare with. Its single `AttentionPattern` has the same axes. This one is
drawn in the page's own ink, so that it needs no other colours in a dark theme, and costs 5 kB beside its numbers, where
the library takes 400 kB of the first notebook cell that uses it.
"""

import html
import json
from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor

from mi_tutor.views.attention_script import SCRIPT
from mi_tutor.views.colours import fade
from mi_tutor.views.labels import as_tensor, label, not_finite, number, readable, same_length, short
from mi_tutor.views.pack import is_causal, packed
from mi_tutor.views.page import StaticView
from mi_tutor.views.still import svg

SIDE = 150
"""Pixels of one head of many in the static form; where they are few, twice as much."""
SHADES = 24
"""Steps from nothing to the largest value in the static form."""
NAMED = 40
"""Heads that the description names one by one."""


def attention_heads(
    pattern: Float[Tensor, "head query key"],
    tokens: Sequence[str],
    names: Sequence[str] | None = None,
    what: str = "attention",
    *,
    also: Mapping[str, Float[Tensor, "head query key"]] | None = None,
) -> StaticView:
    """Where every head looks: small pictures to choose from, and the chosen one with its tokens.

    The pointer tells which token reads which, and how much. Places to the right of a query, where a causal head cannot
    look, stay empty. Without scripts all heads stand there, small.

    Args:
        pattern: a row for each query, a column for each key, on any device. Usually rows that sum to one; anything
            else, negative values too, is drawn on a scale that ends at its largest magnitude.
        tokens: the text of each position, as the tokenizer decodes it.
        names: of the heads, as in `["5.1", "6.9"]`; without them, their numbers from 0.
        what: what the values are.
        also: the same heads measured in other ways, by what these values are, to switch to:
            `{"attention times length": weighted}`.

    Raises:
        ValueError: a pattern that is not [head query key] with as many keys as queries, or another number of tokens, or a
            pattern in `also` of another shape.
    """
    values = as_tensor(pattern, "head query key", "pattern")
    heads, queries, keys = values.shape
    if queries != keys:
        raise ValueError(f"`pattern` should have as many keys as queries; its shape is {list(values.shape)}.")
    same_length(tokens, keys, "tokens", "key")
    names = [str(head) for head in range(heads)] if names is None else [label(str(name)) for name in names]
    same_length(names, heads, "names", "head")
    kinds = {label(what): values}
    for name, other in (also or {}).items():
        kinds[label(name)] = as_tensor(other, "head query key", name)
        if kinds[label(name)].shape != values.shape:
            raise ValueError(f"{name!r} has the shape {list(other.shape)}, but `pattern` has {list(values.shape)}.")
    drawn = {name: numbers.nan_to_num(0.0, 0.0, 0.0) for name, numbers in kinds.items()}
    tops = {name: _top(numbers) for name, numbers in drawn.items()}

    habits = {name: [_habits(head) for head in numbers] for name, numbers in drawn.items()}
    said = [
        _description(names, habits[name], len(tokens), name) + not_finite(numbers) for name, numbers in kinds.items()
    ]
    captions = [html.escape(_caption(name, tops[name], bool(drawn[name].min() < 0))) for name in kinds]
    still = "".join(
        f"<div>{_multiples(drawn[name] / tops[name], tokens, names, habits[name], words)}</div>{svg.below(caption)}"
        for name, words, caption in zip(kinds, said, captions, strict=True)
    )
    data = {
        "tokens": [readable(token) for token in tokens],
        "heads": names,
        "kinds": [
            {"name": name, "top": tops[name], "caption": _caption(name, tops[name], bool(drawn[name].min() < 0))}
            | packed(numbers)
            for name, numbers in drawn.items()
        ],
        "causal": all(map(is_causal, drawn.values())),
    }
    text = " ".join(said)
    packed_data = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    shown = f'<div class="mi-tutor-view mi-tutor-attention" role="group" aria-label="{html.escape(text)}"><div>{still}</div></div>'
    return StaticView(f"{shown}<script>{SCRIPT.replace('DATA', packed_data)}</script>", text)


def _top(values: Tensor) -> float:
    """The value that has the strongest colour: 1 for shares, else the largest magnitude."""
    top = float(values.abs().max())
    return 1.0 if bool(values.min() >= 0) and 0 < top <= 1.001 else top or 1.0


def _caption(what: str, top: float, both_signs: bool) -> str:
    ends = f"blue at {number(top)}" + (f", orange at {number(-top)}" if both_signs else "")
    return f"{what}: a row for each query (destination), a column for each key (source); {ends}"


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
