"""Chapters from their sources: solutions/chNN_topic.py becomes chapters/NN_topic.ipynb.

A source is a Jupytext percent notebook that also imports as a module of nothing but solution functions. Prose is
`# %% [markdown]`; demonstrations and checks carry the tag that keeps them out of the module, with their lines
commented out; a solution and its check follow each other, with nbgrader's own metadata and whole points. The cell that
Google Colab needs is in no source (colab_cell.py). An example:

    # %% tags=["active-ipynb"]
    # px.line(losses).show()

    # %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
    def double(x: int) -> int:
        \"\"\"Twice x.\"\"\"
        ### BEGIN SOLUTION
        return 2 * x
        ### END SOLUTION

    # %% tags=["active-ipynb"] nbgrader={"grade": true, "grade_id": "check_double", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
    # check(double)
"""

import difflib
import json
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mi_tutor.authoring.chapter_table import chapter_rows
from mi_tutor.authoring.colab_cell import colab_cell, with_colab_cell
from mi_tutor.authoring.conventions import ANSWER_STUB, notebook_problems, source_problems, stub_problems
from mi_tutor.check.outline import read_chapter

INDEX_SOURCE, TABLE_GOES_HERE = "index.py", "<!-- the table of chapters -->"
SOURCE_NAME = re.compile(r"ch(\d\d_[a-z0-9_]+)\.py")
STUB = "# Your code here\nraise NotImplementedError"
# No interpreter version: it would change with the machine that builds.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


class BuildError(Exception):
    """What stops a build, as sentences for the person who edits the chapters."""


def run_build(*, check: bool = False, solved: Path | None = None, root: Path | None = None) -> int:
    """Write the chapters of a clone; with `check` compare only; with `solved` write solved notebooks there instead.

    Returns the command's exit status and says on the standard streams what was done or what is wrong.
    """
    try:
        root = root or clone_root()
        made = dict(notebooks(root / "solutions", released=solved is None))
        if solved is None and (root / "solutions" / INDEX_SOURCE).exists():
            made["index.ipynb"] = index_notebook(root)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    folder = solved or root / "chapters"
    strays = sorted({path.name for path in folder.glob("*.ipynb")} - set(made)) if solved is None else []
    if check:
        return _compare(folder, made, strays)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text:
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
            print(f"wrote {folder / name}")
    for name in strays:
        print(f"{folder / name} comes from no source in solutions/; remove it or keep it elsewhere", file=sys.stderr)
    return 0


def clone_root() -> Path:
    """The clone this package lies in: sources and chapters are only found and changed together there."""
    root = Path(__file__).resolve().parents[2]
    if not (root / "pyproject.toml").is_file() or not (root / "solutions").is_dir():
        raise BuildError(
            "mi-tutor build needs a clone of the repository with the package installed from it (pip install -e .): "
            f"there is no solutions/ beside {Path(__file__).parents[1]}."
        )
    return root


def notebooks(sources: Path, *, released: bool) -> Iterator[tuple[str, str]]:
    """Name and text of every chapter's notebook, as learners get it or solved; BuildError lists every mistake."""
    missing = [name for name in ("jupytext", "nbformat", "nbgrader") if find_spec(name) is None]
    if missing:
        raise BuildError(f"Building chapters needs {' and '.join(missing)}: pip install 'mi-tutor[course]'")
    problems, made = [], []
    for path in sorted(sources.glob("ch*.py")):
        name = SOURCE_NAME.fullmatch(path.name)
        if name is None:
            problems.append(f"{path.name}: a chapter's source is named chNN_topic.py, in lower case")
            continue
        text = path.read_text(encoding="utf-8")
        notebook, found = _read(text, name[1])
        notebook.cells = with_colab_cell(notebook.cells)
        if not found:
            stub = _release(notebook)
            found = stub_problems(stub.cells)
        problems += [f"{path.name}: {problem}" for problem in found]
        if not found:
            made.append((f"{name[1]}.ipynb", _write(stub if released else notebook)))
    if problems:
        raise BuildError("\n".join(problems))
    yield from made


def index_notebook(root: Path) -> str:
    """The text of index.ipynb, the table of chapters as learners open it: README's, with links as they are in that folder.

    It is no assignment, so it is not among `notebooks`.
    """
    sources = root / "solutions"
    chapters = [
        read_chapter(f"{name[1]}.ipynb", path.read_text(encoding="utf-8"))
        for path in sorted(sources.glob("ch*.py"))
        if (name := SOURCE_NAME.fullmatch(path.name))
    ]
    try:
        rows = chapter_rows((root / "README.md").read_text(encoding="utf-8"), chapters)
    except LookupError as error:
        raise BuildError(error.args[0]) from None
    lines = ["| chapter | what you will have done | exercises | hours |", "| :--- | :--- | ---: | ---: |"]
    for chapter, done, hours in rows:
        lines.append(f"| [{chapter.title}]({chapter.file}) | {done} | {len(chapter.tasks)} | {hours} |")
    notebook, problems = _read((sources / INDEX_SOURCE).read_text(encoding="utf-8"), "index")
    if problems:
        raise BuildError("\n".join(f"{INDEX_SOURCE}: {problem}" for problem in problems))
    for cell in notebook.cells:
        cell.source = cell.source.replace(TABLE_GOES_HERE, "\n".join(lines))
    return _write(notebook)


def _read(text: str, name: str) -> tuple[Any, list[str]]:
    """The solved notebook in a source, and what is wrong with it."""
    import jupytext
    import nbformat

    problems = source_problems(text)
    notebook = jupytext.reads(text, fmt="py:percent")
    problems += notebook_problems([colab_cell(), *notebook.cells])
    notebook.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for position, cell in enumerate(notebook.cells):
        # Jupytext draws an id at random whenever it reads.
        cell.id = cell.metadata.get("nbgrader", {}).get("grade_id") or f"{name}-{position}"[-64:]
        cell.metadata.pop("lines_to_next_cell", None)
        tags = [tag for tag in cell.metadata.pop("tags", []) if tag != "active-ipynb"]
        if tags:
            cell.metadata["tags"] = tags
    return notebook, problems


def _release(notebook: Any) -> Any:
    """A copy as learners get it, by the preprocessors of nbgrader's generate_assignment and in their order.

    Left out are those that need a course: InstantiateTests (a kernel), SaveCells (a gradebook), ComputeChecksums
    (what is compared with the gradebook) and IncludeHeaderFooter (we have neither).
    """
    from copy import deepcopy

    from nbgrader import preprocessors
    from traitlets.config import Config

    config = Config({"ClearSolutions": {"code_stub": {"python": STUB}, "text_stub": ANSWER_STUB}})
    steps = ("LockCells", "ClearSolutions", "ClearOutput", "ClearHiddenTests", "ClearMarkScheme", "CheckCellMetadata")
    notebook = deepcopy(notebook)
    resources: dict[str, Any] = {}
    for step in steps:
        notebook, resources = getattr(preprocessors, step)(config=config).preprocess(notebook, resources)
    return notebook


def _write(notebook: Any) -> str:
    import nbformat

    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4).rstrip("\n") + "\n"


def _compare(folder: Path, made: dict[str, str], strays: list[str]) -> int:
    """Say where the committed chapters differ from what their sources give."""
    stale = []
    for name, text in made.items():
        committed = (folder / name).read_text(encoding="utf-8") if (folder / name).is_file() else ""
        if committed != text:
            stale.append(name)
            before, after = _readable(committed), _readable(text)
            labels = (f"chapters/{name} (committed)", f"chapters/{name} (from its source)")
            diff = list(difflib.unified_diff(before, after, *labels, lineterm=""))
            print("\n".join(diff) or f"chapters/{name}: the same cells, written differently")
    for name in strays:
        print(f"chapters/{name}: comes from no source in solutions/")
    if stale:
        print("`make chapters` writes them again; commit them with their sources.")
    return int(bool(stale or strays))


def _readable(text: str) -> list[str]:
    """A notebook as lines a person can compare: each cell's id, kind and metadata, then its source and outputs."""
    try:
        notebook = json.loads(text)
    except ValueError:
        return text.splitlines()
    lines = [json.dumps(notebook.get("metadata", {}), sort_keys=True)]
    for cell in notebook.get("cells", []):
        metadata = json.dumps(cell.get("metadata", {}), sort_keys=True)
        lines += ["", f"[{cell.get('id')}] {cell.get('cell_type')} {metadata}"]
        lines += "".join(cell.get("source", [])).split("\n")
        lines += [json.dumps(output, sort_keys=True) for output in cell.get("outputs", [])]
        if cell.get("execution_count") is not None:
            lines.append(f"run as {cell['execution_count']}")
    return lines
