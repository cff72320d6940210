"""A course's own exercises: `exercises/NAME.py` in its folder, with solution, cases and mistakes, seen by judges alone.

They travel to judges as text beside the settings, so that a judge needs no course folder, and what is judged is what the
marks are kept for. Nothing here loads torch until `load` runs such a file.
"""

import hashlib
import importlib.util
import linecache
import os
import re
import sys
import traceback
from collections.abc import Iterable
from functools import lru_cache
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from mi_tutor.check.exercise import Exercise
from mi_tutor.check.outline import Chapter, Task, chapter_of, chapters
from mi_tutor.files.cells import CHECK
from mi_tutor.files.notebook_file import NotANotebook, part, read
from mi_tutor.grading.records import Key
from mi_tutor.grading.submissions import CannotGrade

EXERCISES, SOURCE, SUBMITTED, CONFIGURATION = "exercises", "source", "submitted", "nbgrader_config.py"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,57}")


class WrongDeclaration(CannotGrade):
    """Why a course's own exercise cannot be judged; one sentence that names its file."""


class Own(NamedTuple):
    """One of them, as it is written."""

    name: str
    source: str

    @property
    def file(self) -> str:
        """Its place in the course's folder."""
        return f"{EXERCISES}/{self.name}.py"


class Course(NamedTuple):
    """What judges have to know of a course."""

    root: Path | None
    """Its folder; None for notebooks that belong to none."""
    outline: tuple[Chapter, ...]
    """The notebooks there are, and which exercises each asks for."""
    own: tuple[Own, ...] = ()

    def own_among(self, names: Iterable[str]) -> tuple[Own, ...]:
        """Those of its own exercises that have these names."""
        wanted = set(names)
        return tuple(own for own in self.own if own.name in wanted)

    def key(self, key: Key, names: Iterable[str]) -> Key:
        """What marks hold for in a notebook with these exercises: another edition when one of its own changes."""
        own = self.own_among(names)
        if not own:
            return key
        digest = hashlib.sha256("\0".join(text for each in own for text in each).encode())
        return key._replace(edition=f"{key.edition}+{digest.hexdigest()[:12]}")


def no_course() -> Course:
    """The chapters as they are, and nothing else."""
    return Course(None, chapters())


def read_course(root: Path) -> Course:
    """The course in a folder. Raises WrongDeclaration."""
    own = tuple(_read(path) for path in sorted((root / EXERCISES).glob("*.py")) if not path.name.startswith("_"))
    return Course(root, _outline(root, {each.name for each in own}), own)


def find_course(home: Path) -> Path | None:
    """The folder of the course whose submissions these are: the one with an nbgrader_config.py, and `home` in its
    submitted/. The outermost such, for what lies inside a submission is a stranger's.
    """
    home = Path(os.path.abspath(home))
    above = (folder for folder in reversed(home.parents) if (folder / CONFIGURATION).is_file())
    return next((folder for folder in above if home.is_relative_to(folder / SUBMITTED)), None)


def name_problem(name: str) -> str:
    """Why an exercise of the course's own cannot be called so; empty when it can."""
    if not _NAME.fullmatch(name) or iskeyword(name):
        return f"{name!r} is no name for an exercise: small letters, digits and underscores, at most 58, as in row_lengths."
    if chapter := chapter_of(name):
        return f"{name} is an exercise of {chapter.file} already: give yours another name."
    return ""


@lru_cache(maxsize=256)
def load(own: Own) -> Exercise:
    """Run an exercise's file.

    Raises:
        WrongDeclaration: it cannot be run, or declares no exercise with a solution.
    """
    module = ModuleType(f"own_exercises.{own.name}")
    sys.modules[module.__name__] = module  # dataclasses look their module up
    linecache.cache[own.file] = (len(own.source), None, own.source.splitlines(keepends=True), own.file)
    try:
        exec(compile(own.source, own.file, "exec", dont_inherit=True), module.__dict__)
    except SyntaxError as error:
        raise WrongDeclaration(f"{own.file}, line {error.lineno}, is not valid Python: {error.msg}.") from None
    except Exception as error:
        at = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own.file]
        line = f", line {at[-1]}" if at else ""
        raise WrongDeclaration(f"{own.file}{line}: {type(error).__name__}: {error}.") from None
    exercise = module.__dict__.get("exercise")
    if not isinstance(exercise, Exercise):
        raise WrongDeclaration(f"{own.file} declares nothing: it has to end in `exercise = Exercise(__name__, …)`.")
    if exercise.solution is None or exercise.solution is not module.__dict__.get(own.name):
        raise WrongDeclaration(
            f"{own.file} has no solution: write the function {own.name} in it, and `solution={own.name}` into its "
            "`Exercise(…)`."
        )
    if exercise.name != own.name:
        raise WrongDeclaration(f"{own.file}: the first argument of `Exercise(…)` is `__name__`, as it stands.")
    return exercise


def _read(path: Path) -> Own:
    if trouble := name_problem(path.stem):
        raise WrongDeclaration(f"{EXERCISES}/{path.name}: {trouble}")
    try:
        return Own(path.stem, importlib.util.decode_source(path.read_bytes()))
    except OSError as error:
        raise WrongDeclaration(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, SyntaxError) as error:
        raise WrongDeclaration(f"{path} is not text that Python reads: {error}.") from None


def _outline(root: Path, own: set[str]) -> tuple[Chapter, ...]:
    """The chapters, those that stand in the course's source/ as they stand there, and what else does."""
    found = {chapter.file: chapter for chapter in chapters()}
    for path in sorted((root / SOURCE).glob("*/*.ipynb")):
        try:
            cells = read(path.read_bytes())["cells"]
        except (OSError, NotANotebook):
            continue  # nbgrader says it when it releases it
        tasks = []
        for cell in cells:
            marks = part(cell, "nbgrader")
            name = str(marks.get("grade_id")).removeprefix(CHECK)
            check = cell["cell_type"] == "code" and marks.get("grade") is True and not marks.get("solution")
            if check and (name in own or chapter_of(name)):
                points = marks.get("points")
                tasks.append(Task(name, 1, 0, points if isinstance(points, int) else 0))
        if tasks:
            found[path.name] = Chapter(path.name, path.stem, tuple(tasks))
    return tuple(found.values())
