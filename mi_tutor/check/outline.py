"""What the course holds: chapters, their exercises, how hard and how long each is. Reading it loads no torch.

It is read from the chapters' sources, not from the notebooks: in a clone those are what the learner edits.
"""

import functools
import importlib.resources
import json
import re
from typing import NamedTuple

_SOURCE = re.compile(r"ch(\d\d_[a-z0-9_]+)\.py")
_TITLE = re.compile(r"^# # (.+)$", re.MULTILINE)
_ANNOUNCED = re.compile(r"^# ### Exercise: `(\w+)`\n# \*Difficulty ([1-5]) of 5, about (\d+) minutes\b", re.MULTILINE)
_GRADED = re.compile(r"^# %%.*?\bnbgrader=(\{.*\})", re.MULTILINE)


class Task(NamedTuple):
    """An exercise as its chapter announces it."""

    name: str
    difficulty: int
    """From 1 to 5."""
    minutes: int
    points: int


class Chapter(NamedTuple):
    """A chapter's place in the course."""

    file: str
    """The notebook's name, such as `01_bigrams.ipynb`."""
    title: str
    tasks: tuple[Task, ...]

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
        cell["grade_id"].removeprefix("check_"): cell["points"]
        for cell in cells
        if cell["grade"] and not cell["solution"]
    }
    names = [cell["grade_id"] for cell in cells if cell["solution"] and cell["grade_id"] in points]
    tasks = (Task(name, *announced.get(name, (1, 0)), points[name]) for name in names)
    return Chapter(file, title[1].strip() if title else file.removesuffix(".ipynb"), tuple(tasks))


def chapter_of(exercise: str) -> Chapter | None:
    """The chapter that asks for an exercise."""
    return next((c for c in chapters() if any(task.name == exercise for task in c.tasks)), None)
