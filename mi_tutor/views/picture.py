"""A Plotly figure with its static form: interactive where a page knows Plotly, an image everywhere else."""

import html
import json
import sys
from dataclasses import dataclass, field
from typing import Any

from mi_tutor.views.colours import GRID, INK, PALETTE
from mi_tutor.views.labels import label, printable
from mi_tutor.views.still.image import WIDTH, figure_image
from mi_tutor.views.theme import themed

TITLE = 56
"""Pixels above the panels of a figure that has a title."""
MIME = "application/vnd.plotly.v1+json"
_AXIS = {
    "gridcolor": GRID,
    "zerolinecolor": GRID,
    "linecolor": GRID,
    "automargin": True,
    "ticks": "outside",
    "ticklen": 4,
    "tickcolor": "rgba(0,0,0,0)",
    "title": {"standoff": 8},
}
# No background, so that the page's own shows, and one ink for light and dark: the figure cannot see the theme.
_LAYOUT: dict[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": INK, "size": 13},
    "title": {"font": {"size": 15}, "x": 0.02, "xanchor": "left", "y": 0.98, "yanchor": "top", "yref": "container"},
    "colorway": list(PALETTE),
    "margin": {"l": 60, "r": 20, "b": 50},
    "xaxis": _AXIS | {"autotickangles": [0, 90]},
    "yaxis": _AXIS,
}


@dataclass(frozen=True)
class Picture:
    """A figure to look at, with a description in words.

    A notebook that has Plotly's extension (JupyterLab, Notebook 7, VS Code) draws the figure; an exported page and
    any other reader shows the static form. Neither asks the network for anything, except in Colab.
    """

    figure: Any = field(repr=False)
    """Plotly's figure, to be changed at will before it is shown."""
    text: str
    """What the picture shows, in words."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", printable(self.text))

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        if "google.colab" in sys.modules:
            return {"text/html": self._for_colab(), "text/plain": self.text}
        shown = json.loads(self.figure.to_json())
        # Without a server of its own Plotly would name one of its makers' in every notebook.
        shown["config"] = {"displaylogo": False, "plotlyServerURL": ""}
        # Our extension reads it from there: Plotly gives a figure no text alternative, and as soon as a page changes
        # (another theme, a panel that opens) it forgets the height of one whose width is the page's.
        shown["layout"]["meta"] = {"description": self.text, "height": self.figure.layout.height}
        return {MIME: shown, "text/html": themed(self.to_static()), "text/plain": self.text}

    def to_static(self, width: int = WIDTH) -> str:
        """HTML that needs no script and no network; an image is so many pixels wide."""
        return figure_image(self.figure.to_plotly_json(), self.text, width)

    def _for_colab(self) -> str:
        shown = self.figure.to_html(
            full_html=False,
            include_plotlyjs="cdn",
            config={"displaylogo": False, "responsive": True},
            default_height=f"{self.figure.layout.height}px",
        )
        # Its own static form: a cell that shows two figures has both in one frame.
        hide = "<script>if(window.Plotly)document.currentScript.parentNode.firstElementChild.hidden=true</script>"
        return f'<div><div class="mi-tutor-still">{self.to_static()}</div>{shown}{hide}</div>'


def new_figure(title: str = "", height: int = 400, **layout: Any) -> Any:
    """An empty figure in the course's colours, so many pixels high and as wide as its page."""
    import plotly.graph_objects as go

    template = go.layout.Template(layout=_LAYOUT)
    top = {"margin": {"t": TITLE if title else 24}}
    # Below the title, and counted from the top of the figure: it takes as many lines as it needs, all above the panel.
    begin = 1 - (TITLE - 24 if title else 2) / height
    legend = {"orientation": "h", "x": 0, "y": begin, "yref": "container", "yanchor": "top"}
    return go.Figure(
        layout={"template": template, "title": {"text": escaped(title)}, "height": height, "autosize": True}
        | {"legend": legend}
        | top
        | layout
    )


def escaped(text: str) -> str:
    """A label as Plotly shows it literally: it reads a few HTML tags, and folds spaces."""
    return html.escape(label(text), quote=False).replace(" ", "\N{NO-BREAK SPACE}")
