"""The learner's own copy of the chapters: a folder of notebooks, brought up to date without losing anything in it.

Beside the notebooks lies .mi-tutor/: the chapters as they were released when they were brought (what a merge starts
from), and the lock. Each brought notebook says in its metadata which release it was made from. A notebook whose release
is current is not touched; of one that is not, the file as it was is kept beside before the merged one takes its name.
"""

import errno
import os
import platform
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from mi_tutor.files import notebook_file, safe_write
from mi_tutor.files.notebook_file import NotANotebook, Notebook
from mi_tutor.workspace.merge import Merged, merge
from mi_tutor.workspace.pairing import grade_id

STATE = ".mi-tutor"
INDEX = "index.ipynb"
"""The table of chapters: brought as they are, and no chapter."""
CHAPTER = re.compile(rf"\d\d_[a-z0-9_]+\.ipynb|{re.escape(INDEX)}")
A_SAVE_TAKES_S = 0.5


class WorkspaceError(Exception):
    """Why the folder cannot be used, as sentences for the learner."""


class Brought(NamedTuple):
    done: list[str]
    """What was done, a sentence each; empty when everything was up to date."""
    troubles: list[str]
    """Chapters that could not be brought, a sentence each; the others were."""


LANGUAGE = {
    "name": "python",
    "version": platform.python_version(),
    "mimetype": "text/x-python",
    "codemirror_mode": {"name": "ipython", "version": 3},
    "pygments_lexer": "ipython3",
    "nbconvert_exporter": "python",
    "file_extension": ".py",
}
"""As the kernel says it; asking ipykernel would take longer than bringing all chapters."""


def released_chapters() -> dict[str, bytes]:
    """Name and bytes of every chapter in the installed package, and of their table."""
    entries = files("mi_tutor.chapters").iterdir()
    return {entry.name: entry.read_bytes() for entry in entries if CHAPTER.fullmatch(entry.name)}


def bring_chapters(folder: Path, chapters: Mapping[str, bytes] | None = None) -> Brought:
    """Put the installed chapters into `folder`, the learner's work kept; WorkspaceError when the folder cannot be used."""
    chapters = released_chapters() if chapters is None else chapters
    state = folder / STATE
    try:
        refuse_the_packages_own(folder)
        state.mkdir(parents=True, exist_ok=True)
        with safe_write.hold(
            state / "lock", lambda: print("Another mi-tutor is at work in this folder; waiting.")
        ) as held:
            if held:
                safe_write.sweep(folder)
                safe_write.sweep(state)
            return _bring_all(folder, chapters)
    except OSError as error:
        raise WorkspaceError(_explained(folder, error)) from None


def _bring_all(folder: Path, chapters: Mapping[str, bytes]) -> Brought:
    done, troubles = [], []
    for name, content in sorted(chapters.items()):
        try:
            notebook_file.read(content)
        except NotANotebook as error:
            troubles.append(f"{name} in the installed package cannot be read ({error}); install mi-tutor again.")
            continue
        try:
            done += _bring(folder, name, content)
        except OSError as error:
            if error.errno in (*safe_write.NO_ROOM, errno.EROFS) or not os.access(folder, os.W_OK):
                raise
            troubles.append(f"{name} could not be brought up to date ({error.strerror}); it is as it was.")
    return Brought(done, troubles)


def _bring(folder: Path, name: str, content: bytes) -> list[str]:
    """One chapter: new, or up to date already, or merged with what the learner has."""
    path, release = folder / name, notebook_file.release(content)
    _remember(folder, name, content)
    if not path.exists():
        safe_write.create(path, _first_copy(content))
        return [f"{name} is new."]
    if not path.is_file():
        raise FileExistsError(errno.EEXIST, "something that is not a file has its name")
    raw, found = read_settled(path)
    if found is None:
        return _rescue(folder, name, content)
    made_from = notebook_file.made_from(found)
    if made_from == release or raw == content:
        return []
    new = notebook_file.read(content)
    if made_from is None and not _same_chapter(found, new):
        aside = safe_write.move_aside(path, safe_write.dated_names(path, "yours,"))
        safe_write.create(path, _first_copy(content))
        return [f"{name} is new; a notebook of yours had that name and is now '{aside.name}'."]
    begun_from = remembered(folder, name, made_from)
    if name == INDEX and begun_from and not is_begun(found, begun_from):  # its outputs come again with a run
        safe_write.replace(path, _first_copy(content))
        return [f"{name} has a new version."]
    merged = _merged(found, begun_from, new)
    if (
        begun_from
        and notebook_file.write(_for_this_kernel(found)) == _first_copy(begun_from)
        and not (merged.answers or merged.gone)
    ):
        safe_write.replace(path, _first_copy(content))
        return [f"{name} has a new version; you had not begun the old one."]
    kept = safe_write.keep_beside(path, safe_write.dated_names(path, "before"))
    if kept.read_bytes() != raw:  # a JupyterLab that is running saved in this very moment: begin again with that
        return _bring(folder, name, content)
    safe_write.replace(path, _written(merged.notebook, release))
    return [_told(name, merged, kept, base_known=begun_from is not None)]


def _merged(found: Notebook, begun_from: bytes | None, new: Notebook) -> Merged:
    """The merge; of a notebook with something in it that no format allows, the texts only."""
    base = notebook_file.read(begun_from) if begun_from else None
    merged = merge(found, base, new)
    if notebook_file.is_valid(merged.notebook):
        return merged
    return merge(notebook_file.texts_only(found), base, new)


def read_settled(path: Path) -> tuple[bytes, Notebook | None]:
    """A notebook's bytes and what they say; None when it stays unreadable: JupyterLab empties a file before it saves."""
    for patience in (A_SAVE_TAKES_S, A_SAVE_TAKES_S, 0):
        raw = path.read_bytes()
        try:
            return raw, notebook_file.read(raw)
        except NotANotebook:
            time.sleep(patience)
    return raw, None


def _rescue(folder: Path, name: str, content: bytes) -> list[str]:
    """Keep a damaged notebook beside, and put in its place what JupyterLab saved before it, if that is whole."""
    path = folder / name
    saved = _last_saved(Path(os.path.realpath(path)), notebook_file.read(content))
    damaged = safe_write.keep_beside(path, safe_write.dated_names(path, "damaged,"))
    safe_write.replace(path, saved or _first_copy(content))
    if saved is None:
        return [f"{name} is new; the file that had its name cannot be read and is now '{damaged.name}'."]
    told = f"{name} was damaged and is now '{damaged.name}'; in its place is what JupyterLab had saved before."
    return [told, *_bring(folder, name, content)]


def _last_saved(path: Path, new: Notebook) -> bytes | None:
    """The newest whole copy among those that JupyterLab makes: one while it saves, one at each save by hand."""
    copies = [path.with_name(f".~{path.name}"), path.parent / ".ipynb_checkpoints" / f"{path.stem}-checkpoint.ipynb"]
    for copy in sorted(filter(Path.is_file, copies), key=lambda copy: copy.stat().st_mtime, reverse=True):
        with suppress(OSError, NotANotebook):
            raw = copy.read_bytes()
            notebook = notebook_file.read(raw)
            if notebook_file.made_from(notebook) or _same_chapter(notebook, new):
                return raw
    return None


def _same_chapter(found: Notebook, new: Notebook) -> bool:
    return bool({grade_id(cell) for cell in found["cells"]} & {grade_id(cell) for cell in new["cells"]} - {None})


def _first_copy(content: bytes) -> bytes:
    """A chapter as it is put where the learner has none of its name."""
    return _written(notebook_file.read(content), notebook_file.release(content))


def _written(notebook: Notebook, release: str) -> bytes:
    """What is put into the learner's folder, with a note of the release it was made from."""
    return notebook_file.write(_for_this_kernel(notebook_file.stamped(notebook, release)))


def _for_this_kernel(notebook: Notebook) -> Notebook:
    """With the language that the kernel here will name: JupyterLab writes it in, and would call what nobody has touched
    unsaved."""
    return notebook | {"metadata": notebook["metadata"] | {"language_info": LANGUAGE}}


def is_begun(found: Notebook, begun_from: bytes) -> bool:
    """Whether a learner wrote anything into a notebook that was made from that release; outputs do not count."""
    texts = [
        [(cell["cell_type"], cell["source"]) for cell in notebook["cells"]]
        for notebook in (found, notebook_file.read(begun_from))
    ]
    return texts[0] != texts[1]


def _remember(folder: Path, name: str, content: bytes) -> None:
    path = _memory(folder, name, notebook_file.release(content))
    if not path.exists():
        safe_write.create(path, content)
    elif path.read_bytes() != content:
        safe_write.replace(path, content)


def remembered(folder: Path, name: str, release: str | None) -> bytes | None:
    """The chapter as it was when the learner's was made from it; None when that is gone or is not what it was."""
    if release is None:
        return None
    with suppress(OSError):
        content = _memory(folder, name, release).read_bytes()
        if notebook_file.release(content) == release:
            return content
    return None


def _memory(folder: Path, name: str, release: str) -> Path:
    return folder / STATE / f"{Path(name).stem}-{release}.ipynb"


def _told(name: str, merged: Merged, kept: Path, *, base_known: bool) -> str:
    n = len(merged.answers)
    parts = [f"{name} has a new version" + (f", with your {n} answer{'s' * (n > 1)} in it." if n else ".")]
    if merged.rewritten:
        parts.append(f"Worded differently now, see the note below your answer: {', '.join(merged.rewritten)}.")
    if merged.gone:
        parts.append(f"It no longer has {', '.join(merged.gone)}; your answer is kept in it.")
    if not base_known:
        parts.append("What you began from is not in .mi-tutor, so whatever differs from the new version was kept too.")
    return " ".join([*parts, f"Your file as it was: '{kept.name}'."])


def refuse_the_packages_own(folder: Path) -> None:
    if folder.resolve() == Path(str(files("mi_tutor.chapters"))).resolve():
        raise WorkspaceError(
            f"{folder} holds the course's own chapters. Work in a folder of yours: mi-tutor lab my-work"
        )


def _explained(folder: Path, error: OSError) -> str:
    if error.errno in safe_write.NO_ROOM:
        return (
            f"There is no room left on the disk, so the chapters in {folder} could not all be brought up to date. "
            "Nothing of yours was changed or lost. Make room and run the same command again."
        )
    if isinstance(error, FileExistsError | NotADirectoryError):
        blocking = next((path for path in (folder / STATE, folder, *folder.parents) if path.is_file()), error.filename)
        return f"{blocking} is a file, and a folder is needed there. Name another: mi-tutor lab my-work"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"You may not write in {folder}. Name another folder: mi-tutor lab ~/my-work"
    return f"The folder {folder} cannot be used: {error.strerror}."
