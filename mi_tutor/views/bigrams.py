"""Tables of next-token probabilities: successors of a typed token, two tables side by side, one against the other.

Plotly and ipywidgets are imported when something is drawn, so that a chapter's functions load without them.
"""

from typing import TYPE_CHECKING, Any

from jaxtyping import Float, Int
from torch import Tensor

if TYPE_CHECKING:
    import ipywidgets
    import plotly.graph_objects as go

# Okabe and Ito's palette: told apart by colour-blind readers too.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")
LAYOUT: dict[str, Any] = {"margin": {"l": 60, "r": 20, "t": 50, "b": 50}, "template": "plotly_white"}


def token_label(tokenizer: Any, token: int) -> str:
    """A token as a Python string literal, so that spaces and newlines can be seen: `' not'`.

    A token that is a piece of a character has no text of its own and is shown by its bytes: `b'\\xe2\\x80'`.
    """
    text = tokenizer.decode([int(token)])
    if "\N{REPLACEMENT CHARACTER}" not in text:
        return repr(text)
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    values = {character: byte for byte, character in bytes_to_unicode().items()}
    return repr(bytes(values[character] for character in tokenizer.convert_ids_to_tokens(int(token))))


def explore_successors(
    tables: dict[str, Float[Tensor, "d_vocab d_vocab"]], tokenizer: Any, text: str = " not", k: int = 12
) -> "ipywidgets.VBox":
    """A box to type in, and the most likely next tokens after what stands in it, in every table.

    Args:
        tables: log-probabilities by name, row: current token. The first one decides which successors are shown.
        text: what stands in the box at first; its last token is looked up.
        k: how many successors are shown.
    """
    import ipywidgets
    import plotly.graph_objects as go

    figure = go.FigureWidget(layout={**LAYOUT, "height": 360, "yaxis_title": "probability", "barmode": "group"})
    for (name, _), colour in zip(tables.items(), PALETTE, strict=False):
        figure.add_bar(name=name, marker_color=colour)
    box = ipywidgets.Text(value=text, description="text", continuous_update=True)
    note = ipywidgets.Label()

    def show(change: Any = None) -> None:
        ids = tokenizer.encode(box.value, add_special_tokens=False)
        if not ids:
            note.value = "Type something: a space counts."
            return
        rows = [table[ids[-1]].exp() for table in tables.values()]
        best = rows[0].topk(k).indices
        with figure.batch_update():
            for trace, row in zip(figure.data, rows, strict=True):
                trace.x = [token_label(tokenizer, i) for i in best]
                trace.y = row[best].tolist()
            figure.layout.title = f"after {token_label(tokenizer, ids[-1])}"
        note.value = "tokens: " + "  ".join(token_label(tokenizer, i) for i in ids) + "   (the last one counts)"

    box.observe(show, names="value")
    show()
    return ipywidgets.VBox([box, note, figure])


def compare_tables(
    tables: dict[str, Float[Tensor, "d_vocab d_vocab"]], tokens: Int[Tensor, "token"], tokenizer: Any
) -> "go.Figure":
    """Heatmaps of next-token probability side by side, for the same few tokens as rows and as columns."""
    from plotly.subplots import make_subplots

    # Spaces that a browser would fold into one are told apart by being non-breaking.
    labels = [token_label(tokenizer, i).replace(" ", "\N{NO-BREAK SPACE}") for i in tokens]
    figure = make_subplots(cols=len(tables), subplot_titles=list(tables), shared_yaxes=True)
    for column, table in enumerate(tables.values(), start=1):
        probabilities = table[tokens][:, tokens].exp().cpu()
        figure.add_heatmap(
            z=probabilities.tolist(),
            x=labels,
            y=labels,
            coloraxis="coloraxis",
            hovertemplate="%{y} then %{x}: %{z:.3f}<extra></extra>",
            row=1,
            col=column,
        )
    figure.update_xaxes(title="next token", tickangle=90, dtick=1)
    figure.update_yaxes(title="current token", autorange="reversed", col=1)
    figure.update_yaxes(autorange="reversed", dtick=1)
    scale = {"colorscale": "Cividis", "colorbar_title": "probability", "cmin": 0}
    return figure.update_layout(**LAYOUT, height=560, coloraxis=scale)


def compare_scatter(
    across: Float[Tensor, "d_vocab d_vocab"],
    up: Float[Tensor, "d_vocab d_vocab"],
    counts: Int[Tensor, "d_vocab d_vocab"],
    tokenizer: Any,
    points: int = 4000,
) -> "go.Figure":
    """One table's log-probabilities against another's, a point a pair, evenly from the most frequent to the rarest."""
    import plotly.graph_objects as go

    seen = int((counts > 0).sum())
    every = max(1, seen // points)
    pairs = counts.flatten().argsort(descending=True, stable=True)[:seen:every]
    rows, columns = pairs // counts.shape[1], pairs % counts.shape[1]
    x, y = across[rows, columns].tolist(), up[rows, columns].tolist()
    names = [f"{token_label(tokenizer, a)} {token_label(tokenizer, b)}" for a, b in zip(rows, columns, strict=True)]
    low = min(*x, *y)
    marker = {"color": counts[rows, columns].log10().tolist(), "colorscale": "Cividis", "size": 5, "opacity": 0.6}
    marker["colorbar"] = {"title": "log10 of<br>its count"}
    figure = go.Figure()
    figure.add_scattergl(x=x, y=y, mode="markers", text=names, marker=marker, name="pairs")
    figure.add_scatter(x=[low, 0], y=[low, 0], mode="lines", line={"color": "#888888", "dash": "dot"}, name="equal")
    titles = {"xaxis_title": "log-probability, counted (nats)", "yaxis_title": "log-probability, trained (nats)"}
    return figure.update_layout(**LAYOUT, **titles, height=480, showlegend=False)


def curves(
    lines: dict[str, tuple[list[float], list[float]]], x_title: str, y_title: str, log_x: bool = False
) -> "go.Figure":
    """Lines by name, each a list of x and a list of y."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for i, (name, (x, y)) in enumerate(lines.items()):
        style = {"color": PALETTE[i % len(PALETTE)], "dash": ("solid", "dash", "dot", "dashdot")[i % 4]}
        figure.add_scatter(x=x, y=y, name=name, line=style, mode="lines+markers" if len(x) < 30 else "lines")
    axis = {"title": x_title, "type": "log" if log_x else "linear"}
    return figure.update_layout(**LAYOUT, xaxis=axis, yaxis_title=y_title, height=400)
