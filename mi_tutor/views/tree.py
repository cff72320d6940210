"""A tree as nested lists: it folds where a page can fold, and stands open everywhere else."""

import html
from collections.abc import Sequence
from typing import Any

from mi_tutor.views.page import StaticView

Node = tuple[str, Sequence[Any]]
"""What it says, and the nodes below it."""


def tree(nodes: Sequence[Node], title: str = "") -> StaticView:
    """Nodes with their children, and these with theirs.

    Args:
        nodes: (words, children) for each root; children are nodes of the same kind.

    Raises:
        ValueError: no nodes.
    """
    if not nodes:
        raise ValueError("`nodes` is empty: give at least one (words, children).")
    said = "; ".join(f"{words}: {', '.join(child for child, _ in below) or 'nothing below'}" for words, below in nodes)
    words = f"{title or 'Tree'}: {said}."
    head = f"<b>{html.escape(title)}</b>" if title else ""
    return StaticView(
        f'<div class="mi-tutor-tree" role="group" aria-label="{html.escape(words)}">{head}{_list(nodes)}</div>', words
    )


def _list(nodes: Sequence[Node]) -> str:
    items = []
    for words, below in nodes:
        line = f'<span style="white-space:pre-wrap">{html.escape(words)}</span>'  # tokens of blanks differ in width
        items.append(
            f"<li><details open><summary>{line}</summary>{_list(below)}</details></li>" if below else f"<li>{line}</li>"
        )
    return f'<ul style="margin:0">{"".join(items)}</ul>'
