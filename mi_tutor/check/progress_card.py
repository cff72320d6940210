"""Progress as a card: colour repeats what a word already says, and themes come from JupyterLab's variables."""

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mi_tutor.check.progress import ChapterProgress, Progress, Standing

CARD = (
    "font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:14px;line-height:1.5;"
    "color:var(--jp-ui-font-color1,inherit);border:1px solid var(--jp-border-color1,#9993);"
    "border-left:6px solid #2b7bba;border-radius:4px;padding:10px 14px;max-width:60em;margin:4px 0"
)
# Blue, orange and grey as on a check's card; the sign differs too, for those who see no colours.
_SIGNS = {"done": ("#2b7bba", "&#10003;"), "tried": ("#d9822b", "&#9680;"), "not yet": ("#8a8a8a", "&#9675;")}
_CELL = "text-align:left;padding:1px 14px 1px 0;background:none;border:none;font-size:14px;vertical-align:top;white-space:nowrap"
_HEAD = "".join(
    f'<th scope="col" style="{_CELL};font-weight:normal;opacity:.75">{name}</th>'
    for name in ("exercise", "state", "points", "difficulty", "minutes, about")
)


def card(progress: "Progress") -> str:
    """The whole card."""
    rows = [
        f'<div role="status" style="{CARD}">',
        f"<div><strong>Your progress</strong> &middot; {html.escape(str(progress.total))}</div>",
        *(_chapter(part, part is progress.current or _slipped(part)) for part in progress.chapters),
        f"<div><strong>{html.escape(progress.next_sentence)}</strong> {html.escape(progress.left_sentence)}</div>",
    ]
    if progress.trouble:
        rows.append(f"<div>{html.escape(progress.trouble)} What you see is known until this notebook stops.</div>")
    return "\n".join([*rows, "</div>"])


def _slipped(part: "ChapterProgress") -> bool:
    """Whether something done there no longer passes, which a folded chapter would hide."""
    return any(standing.slipped for standing in part.standings)


def _chapter(part: "ChapterProgress", is_open: bool) -> str:
    share = 100 * part.done / max(len(part.standings), 1)
    return (
        f'<details{" open" if is_open else ""} style="margin:6px 0">'
        f"<summary>{html.escape(part.chapter.title)} &middot; {html.escape(str(part))}</summary>"
        '<div aria-hidden="true" style="height:5px;margin:3px 0;background:var(--jp-border-color2,#9993)">'
        f'<div style="height:5px;width:{share:.0f}%;background:#2b7bba"></div></div>'
        '<table style="border-collapse:collapse;margin:2px 0 0 14px">'
        f"<tr>{_HEAD}</tr>{''.join(_row(standing) for standing in part.standings)}</table></details>"
    )


def _row(standing: "Standing") -> str:
    colour, sign = _SIGNS[standing.state]
    task = standing.task
    cells = (
        f"<code>{html.escape(task.name)}</code>",
        f'<span aria-hidden="true" style="color:color-mix(in srgb,{colour} 55%,currentColor)">{sign}</span> <span style="white-space:normal">{html.escape(standing.words)}</span>',
        f"{standing.points:g} of {task.points}",
        f"{task.difficulty} of 5",
        f"{task.minutes}",
    )
    return "<tr>" + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells) + "</tr>"
