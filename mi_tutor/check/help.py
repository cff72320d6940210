"""Hints, one at a time, the solution for those who ask for it, the stub and the best attempt to begin again from."""

import html
import inspect
import json
import textwrap
from dataclasses import dataclass
from importlib.resources import files

from mi_tutor.check.attempts import best_attempt
from mi_tutor.check.card_style import GREY, aside, with_code
from mi_tutor.check.demonstration import LAST_CHECK
from mi_tutor.check.errors import LearnerError
from mi_tutor.check.exercise import find_exercise
from mi_tutor.check.outline import chapter_of

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
        inner = (
            f"<pre><code>{html.escape(self.text)}</code></pre>" if self.code else f"<div>{with_code(self.text)}</div>"
        )
        inner += f'<div style="opacity:.75;margin-top:4px">{with_code(self.after)}</div>' if self.after else ""
        return aside(f"<strong>{html.escape(self.title)}</strong>{inner}", GREY)


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


def show_stub(name: object = None) -> Note:
    """An exercise as it was handed out, to begin it again; the one that was checked last without a name.

    Raises:
        LearnerError: nothing has been checked yet, and no name was given.
        UnknownExercise: there is no exercise of that name.
    """
    exercise = find_exercise(_as_name(name)).name
    chapter = chapter_of(exercise)
    assert chapter is not None
    notebook = json.loads(files("mi_tutor.chapters").joinpath(chapter.file).read_bytes())
    cell = next(cell for cell in notebook["cells"] if cell["id"] == exercise)
    after = f"`show_attempt({exercise!r})` shows the best of yours."
    return Note(f"{exercise} as it was handed out", "".join(cell["source"]), code=True, after=after)


def show_attempt(name: object = None) -> Note:
    """Your best attempt at an exercise, the latest of equals; at the one that was checked last without a name.

    Raises:
        LearnerError: none was kept, or nothing has been checked yet and no name was given.
        UnknownExercise: there is no exercise of that name.
    """
    exercise = find_exercise(_as_name(name)).name
    source = best_attempt(exercise)
    if source is None:
        raise LearnerError(f"No attempt at {exercise} was kept: one is when it is checked and earns as much as before.")
    return Note(f"Your best attempt at {exercise}", source.rstrip(), code=True)


def _as_name(name: object) -> str:
    if name is None:
        if not LAST_CHECK:
            raise LearnerError(
                "Which exercise? For example: hint('count_bigrams'). Without a name it is the one checked last."
            )
        return next(reversed(LAST_CHECK))
    return name if isinstance(name, str) else getattr(name, "__name__", str(name))
