"""Dashboards of features: the texts on which one is strongest, how strong it gets, what it raises, which label it fits."""

import html
from collections.abc import Sequence
from typing import Any

import torch

from mi_tutor.figures.dashboard import Context, Dashboards, FeatureDashboard
from mi_tutor.views.colours import PALETTE
from mi_tutor.views.controls import Control, explore
from mi_tutor.views.labels import number, readable, token_label
from mi_tutor.views.page import StaticView, View
from mi_tutor.views.still import svg
from mi_tutor.views.tokens import colored_tokens, spans

WIDTH, HEIGHT = 300, 120
"""Pixels of the histogram."""
TALLEST = 68
"""Pixels of its fullest bar, which leaves a line above it."""


def feature_contexts(found: FeatureDashboard, tokenizer: Any) -> View:
    """The stretches of text in which a feature is strongest, a line each, coloured by its activation (CircuitsVis).

    Raises:
        ValueError: a feature that was never active.
    """
    if not found.contexts:
        raise ValueError(f"Feature {found.feature} was never active on this text, so there is nothing to show.")
    tokens: list[str] = []
    values: list[float] = []
    for context in found.contexts:
        tokens += [*_fragments(context, tokenizer), "\n"]
        values += [*context.values.tolist(), 0.0]
    return colored_tokens(tokens, torch.tensor(values), what=f"activation of feature {found.feature}")


def feature_dashboard(found: FeatureDashboard, tokenizer: Any) -> StaticView:
    """One feature on one page; needs no script."""
    words = _words(found, tokenizer)
    if not found.contexts:
        return StaticView(f"<div>{html.escape(words)}</div>", words)
    head = f"<b>feature {found.feature}</b>: active on {found.share:.2%} of the tokens, at most {number(found.peak)}"
    if found.label:
        head += f"; best label <code>{html.escape(found.label)}</code>, F1 {found.f1:.2f} (saying yes always: {found.floor:.2f})"
    lines = "".join(
        '<div style="white-space:nowrap;overflow:hidden">'
        + spans(_fragments(c, tokenizer), c.values, found.peak)
        + "</div>"
        for c in found.contexts
    )
    lists = [
        _list("raises, logit for an activation of 1", [(token_label(tokenizer, i), v) for i, v in found.raised]),
        _list("lowers", [(token_label(tokenizer, i), v) for i, v in found.lowered]),
        _list("nearest features, cosine", [(str(i), v) for i, v in found.nearest]),
    ]
    row = "".join(f'<div style="flex:0 1 auto;min-width:150px">{part}</div>' for part in (_histogram(found), *lists))
    shown = f'<div class="mi-tutor-feature" role="group" aria-label="{html.escape(words)}"><div>{head}</div>{lines}'
    return StaticView(
        f'{shown}<div style="display:flex;flex-wrap:wrap;gap:16px;margin-top:8px">{row}</div></div>', words
    )


def explore_features(dashboards: Dashboards, tokenizer: Any, feature: int = 0, examples: Sequence[int] = ()) -> Control:
    """A box for the number of a feature, and its dashboard.

    Args:
        feature: what stands in the box at first.
        examples: features to slide through where nobody can type, because the kernel is gone.
    """
    import ipywidgets

    box = ipywidgets.BoundedIntText(value=feature, min=0, max=len(dashboards) - 1, description="feature")
    return explore(lambda feature: feature_dashboard(dashboards[feature], tokenizer), examples=examples, feature=box)


def _fragments(context: Context, tokenizer: Any) -> list[str]:
    """A stretch's tokens as text that stays on one line."""
    texts = [tokenizer.decode([i]) for i in context.tokens.tolist()]
    return [readable(text) if "\n" in text else text for text in texts]


def _list(title: str, rows: list[tuple[str, float]]) -> str:
    body = "".join(
        f'<tr><td style="text-align:left"><code>{html.escape(name)}</code></td>'
        f'<td style="text-align:right">{value:+.2f}</td></tr>'
        for name, value in rows
    )
    return f'<table><caption style="text-align:left;white-space:nowrap">{html.escape(title)}</caption><tbody>{body}</tbody></table>'


def _histogram(found: FeatureDashboard) -> str:
    counts = found.counts.tolist()
    top, wide = max(*counts, 1), (WIDTH - 20) / len(counts)
    parts = [
        f'<rect x="{10 + i * wide:.1f}" y="{HEIGHT - 30 - TALLEST * n / top:.1f}" width="{wide - 1:.1f}" '
        f'height="{TALLEST * n / top:.1f}" fill="{PALETTE[0]}"/>'
        for i, n in enumerate(counts)
    ]
    parts += [
        svg.text(10, HEIGHT - 20, "0", "start"),
        svg.text(WIDTH - 10, HEIGHT - 20, number(found.peak), "end"),
        svg.text(WIDTH / 2, HEIGHT - 6, "activation, where it is active"),
        svg.text(10, 8, f"{top} tokens in the fullest bar", "start"),
    ]
    return svg.image(WIDTH, HEIGHT, parts, f"How strongly feature {found.feature} is active, from 0: {counts}")


def _words(found: FeatureDashboard, tokenizer: Any) -> str:
    if not found.contexts:
        return f"Feature {found.feature} was never active on this text."
    peaks = [f"{tokenizer.decode(c.tokens[c.peak])!r} ({number(float(c.values[c.peak]))})" for c in found.contexts[:4]]
    raised = ", ".join(token_label(tokenizer, i) for i, _ in found.raised[:5])
    label = f" Best label {found.label}, F1 {found.f1:.2f}." if found.label else ""
    return (
        f"Feature {found.feature}, active on {found.share:.2%} of the tokens, strongest on {', '.join(peaks)}; "
        f"raises {raised}.{label}"
    )
