"""Toy models of superposition: directions in the plane, phase diagrams side by side, a histogram with its peaks."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mi_tutor.views.colours import DIVERGING, GRID, PALETTE
from mi_tutor.views.labels import as_tensor, number, rounded, same_length
from mi_tutor.views.picture import Picture, escaped, new_figure
from mi_tutor.views.still.image import LINE
from mi_tutor.views.ticks import category_axis

REACH = 1.35
"""How far the axes of a plane go at least: longer than the columns that models learn."""
AROUND = 1.35
"""How much farther they go than what is drawn, so that the number at an arrow's head has room."""
INVISIBLE = "rgba(0,0,0,0)"


def directions(panels: dict[str, Float[Tensor, "2 feature"]], title: str = "") -> Picture:
    """Features as arrows in the plane, a panel for each matrix, with the circle of length 1.

    Args:
        panels: by name, weights whose columns are the features' directions; up to about four stand side by side.

    Raises:
        ValueError: no panels, or a matrix with another number of rows than 2.
    """
    if not panels:
        raise ValueError("`panels` is empty: give at least one matrix, as in {'sparse': W[0]}.")
    planes = {name: _plane(W) for name, W in panels.items()}
    count = max(len(planes), 2)
    figure = new_figure(title, height=_height(628 * (1 - 0.2 * (count - 1) / count) / count, title), showlegend=False)
    # (Shared axes of y would pull the circles out of shape.)
    figure.set_subplots(cols=len(planes), subplot_titles=[escaped(name) for name in planes])
    reach = max(REACH, *(AROUND * float(W.abs().max()) for W in planes.values()))
    for column, W in enumerate(planes.values(), start=1):
        _draw_plane(figure, W, reach, row=1, col=column)
    if len(planes) == 1:
        figure.update_xaxes(domain=[0, 0.5])
    figure.update_xaxes(title_text="hidden dimension 0")
    figure.update_yaxes(title_text="hidden dimension 1", col=1)
    said = "; ".join(f"{name}: {_said(W)}" for name, W in planes.items())
    return Picture(figure, f"{title or 'Directions of features'}. {said}.")


def geometry(W: Float[Tensor, "2 feature"], title: str = "") -> Picture:
    """Features as arrows in the plane, and beside them WᵀW: how much of each comes back as each.

    Raises:
        ValueError: a matrix with another number of rows than 2.
    """
    plane = _plane(W)
    back = plane.mT @ plane
    features = [str(i) for i in range(plane.shape[1])]
    figure = new_figure(title, height=_height(250, title), showlegend=False)
    figure.set_subplots(cols=2, subplot_titles=["columns of W", escaped("WᵀW")], horizontal_spacing=0.12)
    _draw_plane(figure, plane, max(REACH, AROUND * float(plane.abs().max())), row=1, col=1)
    figure.add_heatmap(
        z=[[rounded(v, 3) for v in row] for row in back.tolist()],
        x=features,
        y=features,
        colorscale=DIVERGING,
        zmin=-1.5,
        zmax=1.5,
        colorbar={"title": {"text": "entry", "side": "right"}},
        hovertemplate="feature %{x} comes back as %{y}: %{z:.2f}<extra></extra>",
        row=1,
        col=2,
    )
    figure.update_xaxes(title_text="hidden dimension 0", col=1)
    figure.update_xaxes(title_text="feature", **category_axis(features), col=2)
    figure.update_yaxes(title_text="hidden dimension 1", col=1)
    figure.update_yaxes(autorange="reversed", **category_axis(features), col=2)
    return Picture(figure, f"{title or 'Directions of features, and WᵀW'}: {_said(plane)}.")


def _height(width: float, title: str) -> int:
    """Of a figure whose panels are that wide in the static form, so that they are squares there."""
    return round(width + 76 + LINE * bool(title))


def _plane(W: Any) -> Tensor:
    plane = as_tensor(W, "hidden feature", "W")
    if plane.shape[0] != 2:
        raise ValueError(f"`W` should have 2 rows, the dimensions of the plane; it has {plane.shape[0]}.")
    return plane


def _draw_plane(figure: Any, W: Tensor, reach: float, **place: int) -> None:
    turn = torch.linspace(0, 2 * torch.pi, 61, dtype=torch.float64)
    circle = [[rounded(v, 3) for v in line.tolist()] for line in (turn.cos(), turn.sin())]
    # The static form takes the extent of its axes from what is drawn: an invisible frame keeps the plane square.
    square = [reach, reach, -reach, -reach, reach], [reach, -reach, -reach, reach, reach]
    for (x, y), colour in ((circle, GRID), (square, INVISIBLE)):
        figure.add_scatter(
            x=x, y=y, mode="lines", line={"color": colour, "width": 1}, hoverinfo="skip", showlegend=False, **place
        )
    for i, (x, y) in enumerate(W.T.tolist()):
        figure.add_scatter(
            x=[0, rounded(x, 3)],
            y=[0, rounded(y, 3)],
            mode="lines+markers+text",
            text=["", str(i) if x * x + y * y > 0.01 else ""],
            textposition="top center" if y >= 0 else "bottom center",
            line={"color": PALETTE[i % len(PALETTE)], "width": 2},
            marker={"size": [0, 9], "opacity": 1},
            name=f"feature {i}",
            showlegend=False,
            cliponaxis=False,
            hovertemplate=f"feature {i}: (%{{x:.2f}}, %{{y:.2f}})<extra></extra>",
            **place,
        )
    figure.update_xaxes(range=[-reach, reach], constrain="domain", **place)
    anchor = figure.get_subplot(**place).yaxis.anchor
    figure.update_yaxes(range=[-reach, reach], scaleanchor=anchor, constrain="domain", **place)


def _said(W: Tensor) -> str:
    """Lengths, and angles from the first feature that has a length."""
    lengths = W.norm(dim=0)
    angles = torch.rad2deg(torch.atan2(W[1], W[0]))
    kept = [i for i in range(W.shape[1]) if lengths[i] > 0.1]
    if not kept:
        return "no feature has a direction"
    turned = ((angles - angles[kept[0]] + 0.5) % 360 - 0.5).tolist()
    seen = ", ".join(f"feature {i} of length {number(float(lengths[i]))} at {turned[i]:.0f}°" for i in kept[:12])
    rest = W.shape[1] - len(kept)
    return seen + (f", {rest} shorter than 0.1" if rest else "")


def phase_diagrams(
    panels: dict[str, Int[Tensor, "row column"]],
    states: Sequence[str],
    x_labels: Sequence[str],
    y_labels: Sequence[str],
    x_title: str,
    y_title: str,
) -> Picture:
    """Maps of which state is found where, side by side, the first row on top.

    Args:
        panels: by name, the index of a state for each row and column; all of one size.
        states: the names of the states; up to six.

    Raises:
        ValueError: no panels, other sizes than those of the labels, or an index without a name.
    """
    if not panels:
        raise ValueError("`panels` is empty: give at least one map, as in {'theory': states}.")
    shades = PALETTE[: len(states)]
    if len(shades) < len(states):
        raise ValueError(f"There are colours for {len(PALETTE)} states, not for {len(states)}.")
    ends = [(i / len(states), (i + 1) / len(states)) for i in range(len(states))]
    scale = {
        "colorscale": [[end, shade] for pair, shade in zip(ends, shades, strict=True) for end in pair],
        "cmin": -0.5,
        "cmax": len(states) - 0.5,
        "colorbar": {"tickvals": list(range(len(states))), "ticktext": [escaped(name) for name in states]},
    }
    figure = new_figure(height=380, coloraxis=scale).set_subplots(
        cols=len(panels), subplot_titles=[escaped(name) for name in panels], shared_yaxes=True
    )
    told = []
    for column, (name, values) in enumerate(panels.items(), start=1):
        found = as_tensor(values, "row column", name)
        same_length(x_labels, found.shape[1], "x_labels", "column")
        same_length(y_labels, found.shape[0], "y_labels", "row")
        if float(found.min()) < 0 or float(found.max()) >= len(states):
            raise ValueError(f"{name!r} holds indices outside 0 … {len(states) - 1}, the states that have names.")
        figure.add_heatmap(
            z=found.long().tolist(),
            x=[escaped(label) for label in x_labels],
            y=[escaped(label) for label in y_labels],
            coloraxis="coloraxis",
            text=[[escaped(states[int(v)]) for v in row] for row in found.tolist()],
            hovertemplate=f"{escaped(y_title)} %{{y}}, {escaped(x_title)} %{{x}}: %{{text}}<extra></extra>",
            row=1,
            col=column,
        )
        shares = ", ".join(f"{state} in {float((found == i).double().mean()):.0%}" for i, state in enumerate(states))
        told.append(f"{name}: {shares}")
    figure.update_xaxes(title_text=escaped(x_title), **category_axis([escaped(name) for name in x_labels]))
    figure.update_yaxes(autorange="reversed", **category_axis([escaped(name) for name in y_labels]))
    figure.update_yaxes(title_text=escaped(y_title), col=1)
    return Picture(figure, f"Phase diagrams by {x_title} and {y_title}. {'; '.join(told)}.")


def histogram(
    values: Float[Tensor, "value"],
    bins: int,
    x_title: str,
    marks: dict[str, float] | None = None,
    title: str = "",
    *,
    middle: float | None = None,
) -> Picture:
    """How often values occur, as bars of equal width, with vertical lines at places that have names.

    Args:
        bins: how many bars; one more where `middle` is given.
        middle: a place that is to be in the middle of a bar, where a heap that lies on it is not split over two.

    Raises:
        ValueError: no values, or values that are not finite.
    """
    numbers = as_tensor(values, "value", "values")
    if not bool(numbers.isfinite().all()):
        raise ValueError("`values` holds infinities or NaN: leave them out first.")
    low, high = float(numbers.min()), float(numbers.max())
    width = (high - low) / bins or 1.0
    if middle is not None:
        bins, start = bins + 1, middle - width * (math.floor((middle - low) / width + 0.5) + 0.5)
    else:
        start = low
    cells = ((numbers - start) / width).long().clamp(0, bins - 1)
    counts = torch.bincount(cells, minlength=bins)
    figure = new_figure(title, bargap=0.05, yaxis={"title": {"text": "how many"}})
    figure.add_bar(
        x=[rounded(start + (i + 0.5) * width, 4) for i in range(bins)],
        y=counts.tolist(),
        marker_color="#888888",
        showlegend=False,
        hovertemplate="about %{x:.3f}: %{y}<extra></extra>",
    )
    top = int(counts.max())
    for i, (name, place) in enumerate((marks or {}).items()):
        figure.add_scatter(
            x=[rounded(place), rounded(place)],
            y=[0, top],
            mode="lines",
            name=escaped(name),
            line={"color": PALETTE[i % len(PALETTE)], "dash": ("solid", "dash", "dot", "dashdot")[i % 4], "width": 2},
        )
    figure.update_xaxes(title_text=escaped(x_title))
    at = start + (int(counts.argmax()) + 0.5) * width
    said = f"{len(numbers)} values from {number(low)} to {number(high)}; the fullest bar, {top}, is at {number(at)}"
    named = "; ".join(f"{name} at {number(place)}" for name, place in (marks or {}).items())
    return Picture(figure, f"{title or 'Histogram'} of {x_title}: {said}.{f' Marked: {named}.' if named else ''}")
