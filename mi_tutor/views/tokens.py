"""Tokens coloured by a number each: CircuitsVis's views, coloured spans beneath them.

A program looks like a program there: letters of one width, lines that break where they break, indented as they are.
"""

import html
import re
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from mi_tutor.views.colours import BLUE, ORANGE, as_hex, fade
from mi_tutor.views.labels import as_tensor, inert, label, not_finite, number, readable, same_length
from mi_tutor.views.pack import packed
from mi_tutor.views.page import MONOSPACE, View

STRIPS = 6
"""How many of many columns the static form shows."""


def colored_tokens(tokens: Sequence[str], values: Float[Tensor, "token"], what: str = "value") -> View:
    """A text whose tokens are coloured by a number each: blue above 0, orange below, the page's own colour at 0.

    Args:
        tokens: the text of each position, as the tokenizer decodes it.
        values: a number for each, on any device; what is not finite is left without colour.
        what: what the values are, with the unit: `"loss, nats"`.

    Raises:
        ValueError: values that are not [token], or another number of them than of tokens.
    """
    numbers, what = as_tensor(values, "token", "values"), label(what)
    same_length(tokens, len(numbers), "tokens", "token")
    top = _top(numbers)
    props = {
        "tokens": [inert(piece) for pieces in map(laid_out, tokens) for piece in pieces],
        "values": packed(numbers.repeat_interleave(_pieces(tokens))),
        "maxValue": top,
        "minValue": -top,
        "positiveColor": as_hex(BLUE),
        "negativeColor": as_hex(ORANGE),
    }
    text = f"{len(tokens)} tokens coloured by {what}. {_extremes(tokens, numbers)}{not_finite(numbers)}"
    return View("ColoredTokens", props, spans(tokens, numbers, top), text, _scale(numbers, what))


def token_activations(
    tokens: Sequence[str],
    values: Float[Tensor, "token layer neuron"],
    layers: Sequence[str] | None = None,
    neurons: Sequence[str] | None = None,
    what: str = "activation",
    axes: tuple[str, str] = ("layer", "neuron"),
) -> View:
    """A text coloured by one of many numbers for each token, with a layer and a neuron (feature, head) to choose.

    Args:
        tokens: the text of each position, as the tokenizer decodes it.
        values: on any device; what is not finite counts as 0.
        layers, neurons: their names; without them, their numbers from 0.
        what: what the values are, with the unit.
        axes: what the two axes are: `("layer", "feature")`.

    Raises:
        ValueError: values that are not [token layer neuron], or lists of another length.
    """
    numbers, what = as_tensor(values, "token layer neuron", "values"), label(what)
    axes = label(axes[0]), label(axes[1])
    count, n_layers, n_neurons = numbers.shape
    same_length(tokens, count, "tokens", "token")
    first = [str(i) for i in range(n_layers)] if layers is None else [readable(name) for name in layers]
    second = [str(i) for i in range(n_neurons)] if neurons is None else [readable(name) for name in neurons]
    same_length(first, n_layers, "layers", "layer")
    same_length(second, n_neurons, "neurons", "neuron")
    props = {
        "tokens": [inert(piece) for pieces in map(laid_out, tokens) for piece in pieces],
        "activations": packed(numbers.repeat_interleave(_pieces(tokens), dim=0)),
        "firstDimensionName": axes[0],
        "secondDimensionName": axes[1],
        "firstDimensionLabels": first,
        "secondDimensionLabels": second,
    }
    places = [(i, j) for i in range(n_layers) for j in range(n_neurons)]
    named = {(i, j): f"{axes[0]} {first[i]}, {axes[1]} {second[j]}" for i, j in places}
    strips = "".join(
        f"<div><b>{html.escape(named[i, j])}</b></div>" + spans(tokens, numbers[:, i, j], _top(numbers))
        for i, j in places[:STRIPS]
    )
    more = f"<div>… and {len(places) - STRIPS} more</div>" if len(places) > STRIPS else ""
    said = " ".join(f"{named[i, j]}: {_extremes(tokens, numbers[:, i, j])}" for i, j in places[:STRIPS])
    text = f"{count} tokens coloured by {what}, by {axes[0]} ({n_layers}) and {axes[1]} ({n_neurons}). {said}{not_finite(numbers)}"
    return View(
        "TextNeuronActivations",
        props,
        strips + more,
        text,
        html.escape(f"{what}: no colour at 0, blue above, red or orange below"),
    )


def _top(values: Tensor) -> float:
    return float(values.nan_to_num(0.0, 0.0, 0.0).abs().max()) or 1.0


def laid_out(token: str) -> list[str]:
    """The pieces of a token, each on a line of its own: a break, `↵\\n`, and what is indented after it.

    Spaces stay as wide as letters, and no line breaks before one.
    """
    pieces = [piece for piece in re.split(r"(?<=\n)", token) if piece] or [""]
    return [
        "".join("\N{NO-BREAK SPACE}" if character == " " else readable(character) for character in piece)
        + "\n" * piece.endswith("\n")
        for piece in pieces
    ]


def _pieces(tokens: Sequence[str]) -> Tensor:
    return torch.tensor([len(laid_out(token)) for token in tokens])


def spans(tokens: Sequence[str], values: Float[Tensor, "token"], top: float) -> str:
    """Tokens one after the other, each on a background as strong as its value is beside `top`."""
    drawn = []
    for token, value in zip(tokens, values.nan_to_num(0.0, 0.0, 0.0).tolist(), strict=True):
        red, green, blue, opacity = fade(value / top, 130)
        style = f"background-color:rgba({red},{green},{blue},{opacity / 255:.2f})"
        for piece in laid_out(token):
            shown = html.escape(piece.removesuffix("\n"))
            drawn.append(
                f'<span title="{number(value)}" style="{style}">{shown}</span>' + "<br>" * piece.endswith("\n")
            )
    # Places without width let a long text without spaces break.
    return f'<div style="font-family:{MONOSPACE};line-height:1.7">{"<wbr>".join(drawn)}</div>'


def _scale(values: Tensor, what: str) -> str:
    finite = values[values.isfinite()]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    ends = [("orange", low)] * (low < 0) + [("blue", high)] * (high > 0)
    return html.escape(f"{what}: no colour at 0, " + ", ".join(f"{colour} at {number(end)}" for colour, end in ends))


def _extremes(tokens: Sequence[str], values: Float[Tensor, "token"]) -> str:
    finite = values.isfinite().nonzero()[:, 0]
    if not len(finite):
        return "No entry is a number."
    order = finite[values[finite].argsort(descending=True, stable=True)].tolist()
    named = [f"{readable(tokens[i])} ({number(float(values[i]))})" for i in order]
    if len(named) <= 6:
        return f"From the highest: {', '.join(named)}."
    return f"Highest: {', '.join(named[:3])}; lowest: {', '.join(named[:-4:-1])}."
