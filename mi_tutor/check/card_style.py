"""How every card looks in a notebook: by JupyterLab's own variables, so that it reads in light and dark themes."""

import html
import re

BLUE, ORANGE, GREY = "#2b7bba", "#d9822b", "#8a8a8a"
"""Right or done, wrong or tried, not yet: told apart without red and green."""


def card_style(colour: str = BLUE) -> str:
    """The frame of a card, with that colour at its left."""
    return (
        "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:14px;line-height:1.5;"
        "color:var(--jp-ui-font-color1,inherit);border:1px solid var(--jp-border-color1,#9993);"
        f"border-left:6px solid {colour};border-radius:4px;padding:10px 14px;max-width:60em;margin:4px 0"
    )


def aside(inner: str, colour: str) -> str:
    """HTML without a frame, with that colour at its left: what is less than a card."""
    return f'<div style="border-left:6px solid {colour};padding:6px 14px;max-width:60em;margin:4px 0">{inner}</div>'


def with_code(sentence: str) -> str:
    """A sentence as HTML, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(sentence))
