"""The notebooks that are to be graded: which there are, what is in them, and a sentence for each that cannot be read."""

import json
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from mi_tutor.check.outline import Chapter, chapters
from mi_tutor.files.cells import Cell, cells_of_notebook
from mi_tutor.files.notebook_file import NotANotebook
from mi_tutor.grading.folders import is_hidden, is_notebook, why_none, without_notebook

MOST_BYTES = 32 * 2**20
"""Of a notebook. Beyond it, it is outputs that somebody forgot to clear."""
NOTHING = "It is empty: nothing was handed in."
"""Said of a folder; nothing in it waits to be graded."""
OF_NONE = " of any chapter (a course's own are found with --course DIR)"
_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)


class CannotGrade(Exception):
    """One sentence about a notebook."""


class Submission(NamedTuple):
    """A notebook file."""

    path: Path
    """As the person who named it, or its folder, would find it."""
    key: str
    """Its place below the folder of all submissions, the same wherever that is."""
    named: bool
    """Whether it was named itself, and not found in a folder: then it may be a link."""


class Content(NamedTuple):
    """What a notebook holds."""

    cells: list[Cell]
    chapter: Chapter


def home_of(paths: list[Path]) -> Path:
    """The folder of all submissions: the one that was named, or the one that all lie in; what is not there lies nowhere."""
    there = [path for path in paths if path.exists()] or paths
    return Path(os.path.commonpath([os.path.abspath(path if path.is_dir() else path.parent) for path in there]))


def find(paths: list[Path]) -> Iterator[tuple[Submission, str]]:
    """Every notebook in files and folders, in order, and beside it why it is not graded, if so.

    A student's folder that holds none is there as well, with what it holds instead, or with NOTHING.
    """
    home = home_of(paths)
    for path in paths:
        if path.is_dir():
            yield from _in_folder(path, home)
        else:
            yield Submission(path, _key(path, home), True), "" if path.exists() else "There is no such file."


def read(submission: Submission) -> bytes:
    """The notebook's bytes. Raises CannotGrade."""
    try:
        # Not through a link that was put in the file's place, and not waiting at a pipe for somebody to write.
        flags = os.O_RDONLY | os.O_NONBLOCK | (0 if submission.named else os.O_NOFOLLOW)
        descriptor = os.open(submission.path, flags)
        with open(descriptor, "rb") as file:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise CannotGrade("It is not a file.")
            if about.st_size > MOST_BYTES:
                size, most = about.st_size / 2**20, MOST_BYTES // 2**20
                raise CannotGrade(f"It has {size:.0f} MB, more than {most}: clear its outputs and hand it in again.")
            return file.read(MOST_BYTES)
    except OSError as error:
        raise CannotGrade(f"It cannot be read: {error.strerror}.") from None


def content_of(raw: bytes, name: str, outline: Sequence[Chapter] | None = None) -> Content:
    """The code in a notebook's bytes, and which of these chapters it is, or of all when left out. Raises CannotGrade."""
    cells = cells_in(raw, name)
    return Content(cells, _chapter(name, cells, chapters() if outline is None else outline))


def cells_in(raw: bytes, name: str) -> list[Cell]:
    """The code in a notebook's bytes. Raises CannotGrade."""
    try:
        return cells_of_notebook(raw, name)
    except NotANotebook as error:
        raise CannotGrade(_what_it_is(raw) or f"It is no notebook: {error}.") from None


def _in_folder(folder: Path, home: Path) -> Iterator[tuple[Submission, str]]:
    shut: list[OSError] = []
    inside, notebooks = [], []
    for here, folders, files in os.walk(folder, followlinks=False, onerror=shut.append):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted([*files, *folders]):
            path = Path(here, name)
            submission = Submission(path, _key(path, home), False)
            if path.is_symlink() and (is_notebook(name) or path.is_dir()):
                notebooks.append(path)
                yield submission, f"It is a link to {os.path.realpath(path)}, and links are not followed."
            elif name in files and is_notebook(name):
                notebooks.append(path)
                yield submission, ""
            elif name in folders:
                inside.append(path)
    for error in shut:
        path = Path(error.filename)
        notebooks.append(path / "notebook")
        yield Submission(path, _key(path, home), False), f"It cannot be opened: {error.strerror}."
    for path in without_notebook(folder, inside, notebooks):
        yield Submission(path, _key(path, home), False), why_none(path) or NOTHING


def _key(path: Path, home: Path) -> str:
    return os.path.relpath(os.path.abspath(path), home).replace(os.sep, "/")


def _what_it_is(raw: bytes) -> str:
    """What the file is instead of a notebook, where that can be said."""
    if not raw.strip():
        return "It is empty."
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return f"It is not text in UTF-8: byte {error.start} is none of it."
    try:
        found = json.loads(text)
    except RecursionError:
        return "It is no notebook: its JSON is nested too deeply."
    except ValueError as error:
        return f"It is no notebook, or only the beginning of one: its JSON breaks off or is damaged ({error})."
    if isinstance(found, dict) and isinstance(found.get("nbformat"), int) and found["nbformat"] != 4:
        return (
            f"It is a notebook of format {found['nbformat']}; format 4 is wanted. `jupyter nbconvert --to notebook` "
            "writes it."
        )
    return ""


def _chapter(name: str, cells: list[Cell], outline: Sequence[Chapter]) -> Chapter:
    """The chapter that a notebook is: by its name, else by the exercises that it holds."""
    held = {cell.grade_id for cell in cells} | {word for cell in cells for word in _DEFINED.findall(cell.source)}
    count = {chapter: sum(task.name in held for task in chapter.tasks) for chapter in outline}
    most = max(count, key=lambda chapter: count[chapter])
    named = [chapter for chapter in count if Path(chapter.file).stem in name]
    by_name = max(named, key=lambda chapter: len(chapter.file), default=None)
    if by_name and count[by_name]:
        return by_name
    if by_name and count[most]:
        raise CannotGrade(f"It is named like {by_name.file}, but the exercises in it are those of {most.file}.")
    if not count[most]:
        raise CannotGrade(f"It holds no exercise{f' of {by_name.file}' if by_name else OF_NONE}.")
    return most
