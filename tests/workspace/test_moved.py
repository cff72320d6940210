"""A learner's folder from before the rooms moved opens and is brought up to date, and the old names go on working."""

import importlib
import re
import sys
from pathlib import Path

import nbformat
import pytest
from commands import run
from learners_notebooks import as_bytes, cell_of, code

from mi_tutor.files import notebook_file
from mi_tutor.moved import MOVED
from mi_tutor.workspace.bring import bring_chapters

ROOT = Path(__file__).parents[2]
CHAPTERS = {path.name: path.read_bytes() for path in sorted((ROOT / "chapters").glob("[0-9]*.ipynb"))}
BEFORE = {new: old for old, new in MOVED.items()}
IMPORT = re.compile(rb"\bfrom (mi_tutor[\w.]*) import")


def as_it_was(chapter: bytes) -> bytes:
    """The chapter with the names that its modules had."""

    def old(found: re.Match[bytes]) -> bytes:
        name = found[1].decode()
        return f"from {BEFORE.get(name, name)} import".encode()

    return IMPORT.sub(old, chapter)


@pytest.mark.parametrize("old", MOVED)
def test_the_old_name_is_the_module_itself(old):
    new = importlib.import_module(MOVED[old])
    assert importlib.import_module(old) is new
    assert new.__name__ == new.__spec__.name == MOVED[old]


def test_a_name_that_never_was_is_still_an_error():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("mi_tutor.models.nowhere")


@pytest.mark.parametrize("name", [name for name, chapter in CHAPTERS.items() if as_it_was(chapter) != chapter])
def test_the_old_chapters_imports_run(name, tmp_path):
    cells = nbformat.reads(as_it_was(CHAPTERS[name]), as_version=4).cells
    imports = [cell.source for cell in cells if cell.cell_type == "code" and "from mi_tutor." in cell.source]
    program = "\n".join(line for source in imports for line in _imports(source))
    assert "mi_tutor.models" in program
    done = run(sys.executable, "-c", program, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def _imports(source: str) -> list[str]:
    """The import statements of a cell that stand at its beginnings of lines."""
    return re.findall(r"^from mi_tutor[\w.]* import (?:\([^)]*\)|.+)", source, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name, chapter in CHAPTERS.items() if as_it_was(chapter) != chapter])
def test_a_folder_of_the_version_before_is_brought_up_to_date_with_the_answers_in_it(name, tmp_path):
    bring_chapters(tmp_path, {name: as_it_was(CHAPTERS[name])})
    mine = notebook_file.read((tmp_path / name).read_bytes())
    exercise = next(
        cell["metadata"]["nbgrader"]["grade_id"]
        for cell in mine["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code"
    )
    cell_of(mine, exercise)["source"] = f"def {exercise}(*args):\n    return 'mine'"
    note = code("from mi_tutor.models.toy import train_toy  # mine") | {"id": "my-own-cell"}
    mine["cells"].append(note)
    (tmp_path / name).write_bytes(as_bytes(mine))

    bring_chapters(tmp_path, {name: CHAPTERS[name]})
    brought = notebook_file.read((tmp_path / name).read_bytes())
    assert "return 'mine'" in "".join(cell_of(brought, exercise)["source"])
    sources = ["".join(cell["source"]) for cell in brought["cells"]]
    assert "from mi_tutor.models.toy import train_toy  # mine" in sources
    text = "\n".join(source for source in sources if not source.endswith("# mine"))
    assert not [old for old in MOVED if f"from {old} import" in text]
    assert any("before" in path.name for path in tmp_path.glob("*.ipynb"))
