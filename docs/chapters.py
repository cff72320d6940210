"""The chapters as pages: solved and run, readable where no kernel answers, solutions folded until they are asked for."""

import functools
import hashlib
import html
import json
import os
import re
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import nbformat

from docs.exercises import with_targets
from docs.launch import on_binder
from mi_tutor.address import in_colab
from mi_tutor.authoring.build import notebooks
from mi_tutor.authoring.colab_cell import COLAB

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
PATIENCE_S = 1200
"""For one cell, on a machine that does other things as well."""
_MARKER = re.compile("### (BEGIN|END) SOLUTION")
_SECTION = re.compile(r"^## (?=(\d+)\. )", re.MULTILINE)
_TO_CHAPTER = re.compile(r"\(\.\./(chapters/(\d\d)_\w+\.ipynb)\)")
_TO_SECTION = re.compile(r"(\[(\d\d), section (\d+)\])" + _TO_CHAPTER.pattern)
_DECIDES = ("torch", "transformer-lens", "transformers", "plotly", "circuitsvis", "ipywidgets", "numpy")


class Chapter(NamedTuple):
    """A chapter in the two forms that its source gives."""

    name: str
    """Such as `01_bigrams`."""
    solved: str
    released: str
    """As learners get it; the text of a notebook, as `solved`."""


@functools.cache
def read_chapters(root: Path) -> tuple[Chapter, ...]:
    """Every chapter of a clone, in order."""
    solved, released = (dict(notebooks(root / "solutions", released=released)) for released in (False, True))
    return tuple(Chapter(name.removesuffix(".ipynb"), text, released[name]) for name, text in solved.items())


def run_solved(chapter: Chapter, root: Path, cache: Path) -> Any:
    """The solved chapter with its outputs, from the cache where nothing that decides them has changed.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails.
    """
    kept = cache / f"{chapter.name}-{_fingerprint(chapter, root)}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    from nbclient import NotebookClient

    notebook = nbformat.reads(chapter.solved, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        # The page shows nobody's progress but that of whoever solved this chapter.
        alone = os.environ | {"MI_TUTOR_PROGRESS": str(Path(folder, "progress.jsonl"))}
        client = NotebookClient(
            notebook,
            timeout=PATIENCE_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            store_widget_state=False,
        )
        client.execute(env=alone)
    cache.mkdir(parents=True, exist_ok=True)
    for old in cache.glob(f"{chapter.name}-*.ipynb"):
        old.unlink()
    nbformat.write(notebook, kept)
    return notebook


def _fingerprint(chapter: Chapter, root: Path) -> str:
    """A hash of what decides a chapter's outputs: its text, the package with its models, the libraries."""
    digest = hashlib.sha256(chapter.solved.encode())
    files = (path for path in (root / "mi_tutor").rglob("*") if path.suffix in (".py", ".json", ".safetensors"))
    for path in sorted(files):
        digest.update(f"{path.relative_to(root)} {path.stat().st_size}".encode())
        digest.update(path.read_bytes())
    digest.update(" ".join(version(name) for name in _DECIDES).encode())
    return digest.hexdigest()[:12]


def as_page(chapter: Chapter, executed: Any) -> Any:
    """The executed chapter for readers: each exercise first as learners get it, then its solution, folded."""
    page = deepcopy(executed)
    stubs = {cell.id: cell for cell in nbformat.reads(chapter.released, as_version=4).cells}
    page.cells = [shown for cell in page.cells if cell.id != COLAB for shown in _shown(cell, stubs)]
    for cell in page.cells:
        if cell.cell_type == "markdown":
            cell.source = _SECTION.sub(lambda at: f"({_section(chapter.name[:2], at[1])})=\n## ", cell.source)
    page.cells.insert(1, nbformat.v4.new_markdown_cell(_note(chapter.name, _is_run(executed)), id="how-to-read"))
    return page


def to_sections(page: str) -> str:
    """A page whose links to the chapters of the clone, `[03, section 7](../chapters/….ipynb)`, lead to those of the site."""
    page = _TO_SECTION.sub(lambda found: f"{found[1]}(#{_section(found[2], found[3])})", page)
    return _TO_CHAPTER.sub(r"(\1)", page)


def _section(chapter: str, number: str) -> str:
    """The target before the heading of a numbered section."""
    return f"section-{chapter}-{number}"


def _is_run(notebook: Any) -> bool:
    return any(cell.get("outputs") for cell in notebook.cells)


def _note(name: str, is_run: bool) -> str:
    how = "Everything below was computed when this page was made. Plots answer to the pointer, sliders slide."
    if not is_run:
        how = "No cell of it was run when this page was made."
    return (
        f"```{{admonition}} Solved{' and run' if is_run else ''}, to be read\n:class: reading\n"
        f"{how} Solutions are folded away: predict, try, then open them. To work on it yourself, open it "
        f"[on Binder]({on_binder(f'{name}.ipynb')}) or [in Colab]({in_colab(f'{name}.ipynb')}), or {{ref}}`start here <start>` "
        f"and open `{name}.ipynb`.\n```"
    )


def _shown(cell: Any, stubs: dict[str, Any]) -> Iterator[Any]:
    if cell.cell_type == "markdown":
        if cell.metadata.get("nbgrader", {}).get("grade"):
            return  # what a grader looks for in an answer
        cell.source = with_targets(cell.source).replace("<details>", "<details open>")  # nobody predicts on a page
        yield cell
        return
    cell.outputs = [shown for output in cell.outputs if (shown := without_kernel(output))]
    if not cell.metadata.get("nbgrader", {}).get("solution"):
        yield cell
        return
    stub = deepcopy(stubs[cell.id])
    stub.id = f"asked-{cell.id}"[:64]
    yield stub
    cell.source = "\n".join(line for line in cell.source.splitlines() if not _MARKER.search(line))
    cell.metadata["tags"] = ["hide-input", "solution"]
    cell.metadata["mystnb"] = {"code_prompt_show": "Show a solution", "code_prompt_hide": "Hide the solution"}
    yield cell


def without_kernel(output: Any) -> Any | None:
    """An output as a page can show it by itself; None for what only a kernel could bring to life."""
    data = output.get("data", {})
    if WIDGET in data:
        return None  # its static form is an output of its own
    if PLOTLY in data:
        figure = json.dumps(data[PLOTLY], separators=(",", ":")).replace("<", "\\u003c")
        label = html.escape(data["text/plain"])
        output = deepcopy(output)
        output.data = {
            "text/html": f'<div class="mi-plot" role="group" aria-label="{label}"><div>{data["text/html"]}</div>'
            f'<script type="application/json">{figure}</script></div>',
            "text/plain": data["text/plain"],
        }
    return output
