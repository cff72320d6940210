"""A learner's folder and the zip of it, for the tests of keeping one's work."""

from datetime import date
from pathlib import Path

from learners_notebooks import as_bytes, cell_of, chapter, check, code, exercise, prose

from mi_tutor.files import notebook_file
from mi_tutor.workspace.bring import bring_chapters

NAME = "09_small.ipynb"
ANSWER = 'def double(x: int) -> int:\n    """Says what is asked."""\n    return 2 * x'
FIRST = as_bytes(chapter(prose("# Small"), exercise("double"), check("double"), code("plot(1)")))
SECOND = as_bytes(chapter(prose("# Small, again"), exercise("double"), check("double"), code("plot(1)")))
TODAY = date.today().isoformat()


def learners(folder: Path, answer: str = ANSWER) -> Path:
    bring_chapters(folder, {NAME: FIRST})
    notebook = notebook_file.read((folder / NAME).read_bytes())
    cell_of(notebook, "double")["source"] = answer
    (folder / NAME).write_bytes(as_bytes(notebook))
    (folder / "data").mkdir()
    (folder / "data" / "übung 1.txt").write_text("mine")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Every file that is a learner's, by its name."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != ".mi-tutor")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files if path.suffix != ".zip"}


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
