"""A folder of submissions: what in it is nobody's work, and why a student's folder holds no notebook."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mi_tutor.check.outline import chapters

NOTEBOOK = ".ipynb"
_LISTED = 3
_PACKED = (".zip", ".gz", ".tar", ".7z", ".rar")


def is_hidden(name: str) -> bool:
    """Whether a file or folder is a program's own: .ipynb_checkpoints, a lock, what macOS adds to a zip."""
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def is_notebook(name: str) -> bool:
    """By its name; some systems write .IPYNB."""
    return name.lower().endswith(NOTEBOOK) and not is_hidden(name)


def chapter_names() -> list[str]:
    """What assignments are called, such as `01_bigrams`."""
    return [chapter.file.removesuffix(NOTEBOOK) for chapter in chapters()]


def without_notebook(home: Path, folders: Iterable[Path], notebooks: Iterable[Path]) -> list[Path]:
    """The folders that should hold a notebook and do not: a student's, directly in `home`, and those named like a chapter.

    Args:
        folders: all that there are below `home`, each after the one that it lies in.
        notebooks: all that there are below `home`.
    """
    above = {folder for notebook in notebooks for folder in notebook.parents}
    names = {name.casefold() for name in chapter_names()}
    students = all(notebook.parent != home for notebook in notebooks)
    found: list[Path] = []
    for folder in folders:
        wanted = (students and folder.parent == home) or folder.name.casefold() in names
        if wanted and folder not in above and not any(outer in folder.parents for outer in found):
            found.append(folder)
    return found


def why_none(folder: Path) -> str:
    """A sentence for a folder without a notebook; "" where nothing was handed in: it is empty, or all in it is hidden."""
    files: list[str] = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        kept = (name for name in sorted(names) if not is_hidden(name) and name != "timestamp.txt")
        files += [os.path.relpath(os.path.join(here, name), folder) for name in kept]
    if packed := [name for name in files if name.lower().endswith(_PACKED)]:
        return f"It holds no notebook (.ipynb), but {in_words(packed)}: unpack it there."
    if renamed := [name for name in files if NOTEBOOK in name.lower()]:
        return f"It holds no notebook (.ipynb), but {in_words(renamed)}: take away what stands behind .ipynb."
    return f"It holds no notebook (.ipynb), only {in_words(files)}: ask for the notebook." if files else ""


def in_words(names: Sequence[str]) -> str:
    """The first few of these names, and how many more there are."""
    if len(names) > _LISTED:
        return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"
    return " and ".join(names) if len(names) == 2 else ", ".join(names)
