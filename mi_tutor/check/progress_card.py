"""Progress as a card: colour repeats what a word already says, and themes come from JupyterLab's variables."""

import html

from mi_tutor.check.card_style import BLUE, GREY, ORANGE, card_style, with_code
from mi_tutor.check.standing import ChapterProgress, Standing

# Blue, orange and grey as on a check's card; the sign differs too, for those who see no colours.
_SIGNS = {"done": (BLUE, "&#10003;"), "tried": (ORANGE, "&#9680;"), "not yet": (GREY, "&#9675;")}
_CELL = "text-align:left;padding:1px 14px 1px 0;background:none;border:none;font-size:14px;vertical-align:top;white-space:nowrap"
_HEAD = "".join(
    f'<th scope="col" style="{_CELL};font-weight:normal;opacity:.75">{name}</th>'
    for name in ("exercise", "state", "points", "difficulty", "minutes, about")
)


def card(
    parts: tuple[ChapterProgress, ...],
    total: ChapterProgress,
    current: ChapterProgress | None,
    going_on: str,
    trouble: str,
    predictions: str = "",
) -> str:
    """The whole card.

    Args:
        parts: every chapter; `current` is open from the start.
        going_on: what is next on the first line, how long the rest takes on the second.
        trouble: why progress cannot be kept; empty where it can.
        predictions: how those made went, with names between backticks.
    """
    what_next, _, what_is_left = going_on.partition("\n")
    rows = [
        f'<div role="status" style="{card_style()}">',
        f"<div><strong>Your progress</strong> &middot; {html.escape(str(total))}</div>",
        *(_chapter(part, part is current or _slipped(part)) for part in parts),
        f"<div><strong>{html.escape(what_next)}</strong> {html.escape(what_is_left)}</div>",
    ]
    if predictions:
        rows.insert(-1, f'<div style="margin:6px 0">{with_code(predictions)}</div>')
    if trouble:
        rows.append(f"<div>{html.escape(trouble)} What you see is known until this notebook stops.</div>")
    return "\n".join([*rows, "</div>"])


def _slipped(part: ChapterProgress) -> bool:
    """Whether something done there no longer passes, which a folded chapter would hide."""
    return any(standing.slipped for standing in part.standings + part.starred)


def _chapter(part: ChapterProgress, is_open: bool) -> str:
    share = 100 * part.done / max(len(part.standings), 1)
    return (
        f'<details{" open" if is_open else ""} style="margin:6px 0">'
        f"<summary>{html.escape(part.chapter.title)} &middot; {html.escape(str(part))}</summary>"
        '<div aria-hidden="true" style="height:5px;margin:3px 0;background:var(--jp-border-color2,#9993)">'
        f'<div style="height:5px;width:{share:.0f}%;background:{BLUE}"></div></div>'
        '<table style="border-collapse:collapse;margin:2px 0 0 14px">'
        f"<tr>{_HEAD}</tr>{''.join(_row(standing) for standing in part.standings + part.starred)}</table></details>"
    )


def _row(standing: Standing) -> str:
    colour, sign = _SIGNS[standing.state]
    task = standing.task
    cells = (
        f"<code>{html.escape(task.name)}</code>",
        f'<span aria-hidden="true" style="color:color-mix(in srgb,{colour} 55%,currentColor)">{sign}</span> <span style="white-space:normal">{html.escape(standing.words)}</span>',
        f"{standing.points:g} of {task.points}" if task.points else "starred",
        f"{task.difficulty} of 5",
        f"{task.minutes}",
    )
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"
