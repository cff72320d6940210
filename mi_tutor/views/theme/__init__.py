"""What makes pictures read in dark themes: a stylesheet, and the JupyterLab extension that brings it to every page."""

from functools import cache
from importlib.resources import files

STILL = "mi-tutor-picture"
"""The class of every image."""
LABEXTENSIONS = files(__name__).joinpath("labextensions")
"""The folder that holds our extension, as JupyterLab wants it."""


@cache
def style() -> str:
    """The stylesheet as an element, for pages that have no extension of ours: VS Code, exports."""
    lines = LABEXTENSIONS.joinpath("mi-tutor", "static", "theme.css").read_text().split("*/", 1)[1].split("\n")
    return f"<style>{''.join(map(str.strip, lines))}</style>"


def themed(html: str) -> str:
    """The HTML of an output, with the stylesheet if there is an image in it."""
    return style() + html if STILL in html else html
