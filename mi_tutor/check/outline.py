"""What the course holds: chapters, their exercises, how hard and how long each is. Reading it loads no torch.

It is read from the chapters' sources, not from the notebooks: in a clone those are what the learner edits.
"""

import functools
import importlib.resources
import json
import re
from typing import NamedTuple

from mi_tutor.files.cells import CHECK

_SOURCE = re.compile(r"ch(\d\d_[a-z0-9_]+)\.py")
_TITLE = re.compile(r"^# # (.+)$", re.MULTILINE)
_ANNOUNCED = re.compile(
    r"^# ### (?:Exercise|Starred): `(\w+)`\n# \*Difficulty ([1-5]) of 5, about (\d+) minutes\b", re.MULTILINE
)
_PREDICTED = re.compile(r"^# predict\(\s*(?:#\s*)?\"([^\"]+)\"", re.MULTILINE)
_GRADED = re.compile(r"^# %%.*?\bnbgrader=(\{.*\})", re.MULTILINE)


class Task(NamedTuple):
    """An exercise as its chapter announces it."""

    name: str
    difficulty: int
    """From 1 to 5."""
    minutes: int
    points: int
    """0 for a starred one, which stands outside of the points."""


class Chapter(NamedTuple):
    """A chapter's place in the course."""

    file: str
    """The notebook's name, such as `01_bigrams.ipynb`."""
    title: str
    tasks: tuple[Task, ...]
    starred: tuple[Task, ...] = ()
    """The exercises that are for whoever wants more: checked like others, and in no sum."""
    predictions: tuple[str, ...] = ()
    """The names of what it asks a learner to predict, in order."""

    @property
    def every_task(self) -> tuple[Task, ...]:
        """Its exercises, the starred ones last."""
        return self.tasks + self.starred

    @property
    def module(self) -> str:
        """What the chapter's modules are called, its solutions and its exercises: `ch01_bigrams`."""
        return f"ch{self.file.removesuffix('.ipynb')}"


@functools.cache
def chapters() -> tuple[Chapter, ...]:
    """Every chapter, in order."""
    room = importlib.resources.files("mi_tutor.solutions")
    found = []
    for file in sorted(room.iterdir(), key=lambda file: file.name):
        if name := _SOURCE.fullmatch(file.name):
            found.append(read_chapter(f"{name[1]}.ipynb", file.read_text(encoding="utf-8")))
    return tuple(found)


def read_chapter(file: str, source: str) -> Chapter:
    """The outline of one chapter, from its source in Jupytext's percent format."""
    title = _TITLE.search(source)
    announced = {name: (int(level), int(minutes)) for name, level, minutes in _ANNOUNCED.findall(source)}
    cells = [json.loads(header) for header in _GRADED.findall(source)]
    points = {
        cell["grade_id"].removeprefix(CHECK): cell["points"] for cell in cells if cell["grade"] and not cell["solution"]
    }
    checked = {cell["grade_id"].removeprefix(CHECK) for cell in cells if cell["grade_id"].startswith(CHECK)}
    names = [cell["grade_id"] for cell in cells if cell["solution"] and cell["grade_id"] in checked]
    tasks = [Task(name, *announced.get(name, (1, 0)), points.get(name, 0)) for name in names]
    return Chapter(
        file,
        title[1].strip() if title else file.removesuffix(".ipynb"),
        tuple(task for task in tasks if task.points),
        tuple(task for task in tasks if not task.points),
        tuple(_PREDICTED.findall(source)),
    )


def chapter_of(exercise: str) -> Chapter | None:
    """The chapter that asks for an exercise."""
    return next((c for c in chapters() if any(task.name == exercise for task in c.every_task)), None)


def is_starred(exercise: str) -> bool:
    """Whether it stands outside of its chapter's points."""
    chapter = chapter_of(exercise)
    return chapter is not None and any(task.name == exercise for task in chapter.starred)
