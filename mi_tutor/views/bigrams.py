"""Tables of next-token probabilities: successors of a typed token, two tables side by side, one against the other."""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_tutor.views.colours import PALETTE, POINTS, SEQUENTIAL
from mi_tutor.views.controls import Control, explore
from mi_tutor.views.labels import number, rounded, token_label
from mi_tutor.views.picture import Picture, escaped, new_figure
from mi_tutor.views.ticks import category_axis

EXAMPLES = ("(", "self", " not", "import", "yield")
"""From the most frequent to the rarest."""


def explore_successors(
    tables: dict[str, Float[Tensor, "d_vocab d_vocab"]],
    tokenizer: Any,
    text: str = " not",
    k: int = 12,
    examples: Sequence[str] = EXAMPLES,
) -> Control:
    """A box to type in, and the most likely next tokens after what stands in it, in every table.

    Args:
        tables: log-probabilities by name, row: current token. The first one decides which successors are shown.
        text: what stands in the box at first; its last token is looked up.
        k: how many successors are shown.
        examples: texts to slide through where nobody can type, because the kernel is gone.
    """
    import ipywidgets

    def draw(text: str) -> list[Any]:
        ids = tokenizer.encode(text, add_special_tokens=False)
        if not ids:
            return ["Type something: a space counts."]
        named = "  ".join(token_label(tokenizer, i) for i in ids[-12:])
        note = f"tokens: {'… ' if len(ids) > 12 else ''}{named}   (the last one counts)"
        return [note.replace(" ", "\N{NO-BREAK SPACE}"), successors(tables, tokenizer, ids[-1], k)]

    return explore(
        draw, examples=examples, text=ipywidgets.Text(value=text, description="text", continuous_update=True)
    )


def successors(tables: dict[str, Float[Tensor, "d_vocab d_vocab"]], tokenizer: Any, token: int, k: int = 12) -> Picture:
    """The k most likely tokens after one, by the first table, with the probabilities that each table gives them."""
    rows = {name: table[token].detach().exp() for name, table in tables.items()}
    best = next(iter(rows.values())).topk(k).indices
    labels = [token_label(tokenizer, i) for i in best]
    title = f"after {token_label(tokenizer, token)}"
    figure = new_figure(
        title,
        height=340,
        barmode="group",
        yaxis={"title": {"text": "probability"}},
        xaxis={"type": "category", "dtick": 1},
    )
    for (name, row), colour in zip(rows.items(), PALETTE, strict=False):
        heights = [rounded(p) for p in row[best].tolist()]
        figure.add_bar(name=escaped(name), x=[escaped(label) for label in labels], y=heights, marker_color=colour)
    said = "; ".join(
        f"{name}: {', '.join(f'{label} {number(p)}' for label, p in zip(labels, row[best].tolist(), strict=True))}"
        for name, row in rows.items()
    )
    return Picture(figure, f"Most likely tokens {title}. {said}.")


def compare_tables(
    tables: dict[str, Float[Tensor, "d_vocab d_vocab"]], tokens: Int[Tensor, "token"], tokenizer: Any
) -> Picture:
    """Heatmaps of next-token probability side by side, for the same few tokens as rows and as columns."""
    labels = [token_label(tokenizer, i) for i in tokens]
    shown = [escaped(label) for label in labels]
    scale = {"colorscale": SEQUENTIAL, "cmin": 0, "colorbar": {"title": {"text": "probability", "side": "right"}}}
    figure = new_figure(height=480, coloraxis=scale).set_subplots(
        cols=len(tables), subplot_titles=list(tables), shared_yaxes=True
    )
    told = []
    for column, (name, table) in enumerate(tables.items(), start=1):
        probabilities = table[tokens][:, tokens].detach().exp().cpu()
        figure.add_heatmap(
            z=[[rounded(p, 3) for p in row] for row in probabilities.tolist()],
            x=shown,
            y=shown,
            coloraxis="coloraxis",
            hovertemplate="%{y} then %{x}: %{z:.3f}<extra></extra>",
            row=1,
            col=column,
        )
        largest = probabilities.flatten().topk(min(3, probabilities.numel()))
        places = [divmod(int(i), len(labels)) for i in largest.indices]
        told.append(
            f"{name}: most likely "
            + ", ".join(f"{labels[a]} then {labels[b]} ({number(float(probabilities[a, b]))})" for a, b in places)
        )
    figure.update_xaxes(title_text="next token", tickangle=90, **category_axis(shown))
    figure.update_yaxes(autorange="reversed", **category_axis(shown))
    figure.update_yaxes(title_text="current token", col=1)
    size = f"of the same {len(labels)} tokens after each other, in {len(tables)} tables"
    return Picture(figure, f"Probability {size}. {'; '.join(told)}.")


def compare_scatter(
    across: Float[Tensor, "d_vocab d_vocab"],
    up: Float[Tensor, "d_vocab d_vocab"],
    counts: Int[Tensor, "d_vocab d_vocab"],
    tokenizer: Any,
    points: int = 4000,
) -> Picture:
    """One table's log-probabilities against another's, a point a pair, evenly from the most frequent to the rarest."""
    seen = int((counts > 0).sum())
    every = max(1, seen // points)
    pairs = counts.flatten().argsort(descending=True, stable=True)[:seen:every]
    rows, columns = pairs // counts.shape[1], pairs % counts.shape[1]
    x, y = across[rows, columns].detach().double(), up[rows, columns].detach().double()
    how_often = counts[rows, columns]
    names = [f"{token_label(tokenizer, a)} {token_label(tokenizer, b)}" for a, b in zip(rows, columns, strict=True)]
    low = float(torch.cat([x, y]).min())
    figure = new_figure(height=480, showlegend=False)
    figure.add_scattergl(
        x=[rounded(v) for v in x.tolist()],
        y=[rounded(v) for v in y.tolist()],
        mode="markers",
        text=[escaped(name) for name in names],
        name="pairs",
        marker={
            "color": [rounded(v, 3) for v in how_often.double().log10().tolist()],
            "colorscale": POINTS,
            "size": 4,
            "colorbar": {"title": {"text": "log10 of its count", "side": "right"}},
        },
    )
    figure.add_scatter(x=[low, 0], y=[low, 0], mode="lines", line={"color": "#888888", "dash": "dot"}, name="equal")
    figure.update_xaxes(title_text="log-probability, counted (nats)")
    figure.update_yaxes(title_text="log-probability, trained (nats)")
    frequent = how_often >= how_often.double().median()
    gaps = [float((x - y).abs()[part].mean()) for part in (frequent, ~frequent) if bool(part.any())]
    told = f"Mean distance from the line: {number(gaps[0])} nats for the more frequent half"
    told += f", {number(gaps[1])} for the rarer one" if len(gaps) > 1 else ""
    return Picture(figure, f"{len(names)} pairs of tokens: trained log-probability by the counted one. {told}.")
