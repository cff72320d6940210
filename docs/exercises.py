"""The index of exercises: what each asks for, how hard it is, and where it stands."""

import ast
import inspect
import re
from collections.abc import Iterable
from itertools import takewhile

from docs.markdown import plain, table
from mi_tutor.check.exercise import Exercise, exercises
from mi_tutor.check.outline import Chapter, Task, chapters

HEADING = re.compile(r"^(### (?:Exercise|Starred): `(\w+)`)$", re.MULTILINE)


def exercise_index() -> str:
    """The page."""
    parts = list(chapters())
    tasks = [task for chapter in parts for task in chapter.tasks]
    mistakes = sum(len(exercises()[task.name].misconceptions) for task in tasks)
    head = (
        "# Exercises\n\n"
        f"{len(tasks)} functions to write, {hours(tasks)} of work. `check` tells {mistakes} mistakes apart by name: every "
        "one of them is a short wrong implementation in the repository, and the tests hold that it is recognised. Which "
        "they are stands here only as a number; you will meet yours.\n"
    )
    rows = [
        [
            f"[{plain(chapter.title)}](#exercises-{chapter.file[:2]})",
            str(len(chapter.tasks)),
            hours(chapter.tasks),
            str(sum(task.points for task in chapter.tasks)),
        ]
        for chapter in parts
    ]
    overview = table(["chapter", "exercises", "time for them", "points"], rows, numbers=(1, 2, 3))
    return "\n".join([head, overview, *(_chapter(chapter) for chapter in parts)])


def anchor(exercise: str) -> str:
    """The target in a chapter that an exercise's entry leads to."""
    return f"exercise-{exercise}"


def hours(tasks: Iterable[Task]) -> str:
    """How long exercises take together, in words."""
    minutes = sum(task.minutes for task in tasks)
    return f"{minutes} min" if minutes < 60 else f"{minutes / 60:.1f} h"


def _chapter(chapter: Chapter) -> str:
    name = chapter.file.removesuffix(".ipynb")
    head = f"(exercises-{chapter.file[:2]})=\n## [{plain(chapter.title)}](chapters/{name}.ipynb)\n"
    return "\n".join([head, *(_entry(task, exercises()[task.name]) for task in chapter.every_task)])


def _entry(task: Task, exercise: Exercise) -> str:
    facts = [
        f"difficulty {'●' * task.difficulty}{'○' * (5 - task.difficulty)}",
        f"about {task.minutes} minutes",
        f"{task.points} points" if task.points else "starred, outside of the points",
        f"{len(exercise.misconceptions)} mistakes known by name",
        *(["a law of chance is tested"] if exercise.law else []),
        *([f"gradients judged: {', '.join(f'`{name}`' for name in exercise.gradients)}"] if exercise.gradients else []),
    ]
    return (
        f"### [`{task.name}`](#{anchor(task.name)})\n\n{plain(asks(exercise))}\n\n"
        f"```python\n{signature(exercise)}\n```\n\n{{.facts}}\n{' · '.join(facts)}\n"
    )


def asks(exercise: Exercise) -> str:
    """The first paragraph of the contract."""
    lines = (inspect.getdoc(exercise.reference) or "").splitlines()
    return " ".join(takewhile(str.strip, lines))


def signature(exercise: Exercise) -> str:
    """The head of the function as the chapter has it, without the colon at its end."""
    source = inspect.getsource(exercise.reference)
    function = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    return "\n".join(source.splitlines()[function.lineno - 1 : function.body[0].lineno - 1]).rstrip(":")


def with_targets(prose: str) -> str:
    """A chapter's prose, with a target before the heading of each exercise."""
    return HEADING.sub(lambda found: f"({anchor(found[2])})=\n{found[1]}", prose)
