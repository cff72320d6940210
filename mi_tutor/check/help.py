"""Hints, one at a time, and the solution for those who ask for it."""

import html
import inspect
import textwrap
from dataclasses import dataclass

from mi_tutor.check.card_style import GREY, with_code
from mi_tutor.check.demonstration import LAST_CHECK
from mi_tutor.check.errors import LearnerError
from mi_tutor.check.exercise import find_exercise

_shown: dict[str, int] = {}


@dataclass(frozen=True)
class Note:
    """A piece of advice that shows as plain text or as HTML."""

    title: str
    text: str
    code: bool = False
    after: str = ""
    """What can be asked for next."""

    def __repr__(self) -> str:
        return "\n".join(part for part in (self.title, self.text, self.after) if part)

    def _repr_html_(self) -> str:
        style = f"border-left:6px solid {GREY};padding:6px 14px;max-width:60em;margin:4px 0"
        inner = (
            f"<pre><code>{html.escape(self.text)}</code></pre>" if self.code else f"<div>{with_code(self.text)}</div>"
        )
        inner += f'<div style="opacity:.75;margin-top:4px">{with_code(self.after)}</div>' if self.after else ""
        return f'<div style="{style}"><strong>{html.escape(self.title)}</strong>{inner}</div>'


def hint(name: object = None, number: int | None = None) -> Note:
    """The next hint for an exercise, or the hint of that number, counted from 1.

    Args:
        name: the exercise, or its function; the one that was checked last when left out.

    Raises:
        UnknownExercise: there is no exercise of that name.
        LearnerError: there is no hint of that number.
    """
    exercise = find_exercise(_as_name(name))
    hints = exercise.hints
    if number is None:
        number = min(_shown.get(exercise.name, 0) + 1, len(hints))
    if not 1 <= number <= len(hints):
        raise LearnerError(f"{exercise.name} has hints 1 to {len(hints)}; there is no hint {number}.")
    _shown[exercise.name] = max(number, _shown.get(exercise.name, 0))
    after = (
        f"Next: `hint({exercise.name!r})` once more."
        if number < len(hints)
        else f"That was the last one. `show_solution({exercise.name!r})` shows ours."
    )
    return Note(f"Hint {number} of {len(hints)} for {exercise.name}", hints[number - 1], after=after)


def show_solution(name: object = None) -> Note:
    """Our solution of an exercise, as it stands in the chapter's source; of the one that was checked last without a name.

    Raises:
        LearnerError: nothing has been checked yet, and no name was given.
        UnknownExercise: there is no exercise of that name.
    """
    exercise = find_exercise(_as_name(name))
    source = textwrap.dedent(inspect.getsource(exercise.reference))
    lines = [line for line in source.splitlines() if line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION")]
    return Note(f"One solution of {exercise.name}", "\n".join(lines), code=True)


def _as_name(name: object) -> str:
    if name is None:
        if not LAST_CHECK:
            raise LearnerError(
                "Which exercise? For example: hint('count_bigrams'). Without a name it is the one checked last."
            )
        return next(reversed(LAST_CHECK))
    return name if isinstance(name, str) else getattr(name, "__name__", str(name))
