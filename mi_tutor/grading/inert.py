"""Submissions that are inert when somebody looks at them: what nbgrader writes into autograded/ and what its pages show.

A notebook is put together anew from what is known to be harmless; whatever is not known is left out, so a new kind of output
or metadata is no new hole. nbgrader's own preprocessors clear outputs, and leave text, attachments and metadata alone;
nbconvert's SanitizeHTML leaves attachments, ids and execution counts alone.
"""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import nbgrader
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader import utils
from nbgrader.preprocessors.base import NbGraderPreprocessor

from mi_tutor.files.notebook_file import fresh_id
from mi_tutor.grading.inert_html import clean, is_picture, pictures_of
from mi_tutor.grading.inert_markdown import inert

TEMPLATES = Path(__file__).parent / "templates"
NBGRADERS_TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"
_NBGRADERS_KEYS = (
    "cell_type",
    "checksum",
    "grade",
    "grade_id",
    "locked",
    "points",
    "schema_version",
    "solution",
    "task",
)
_FIRST_BYTES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_PICTURE_FILES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


def configure_pages(config: Any) -> None:
    """Have nbconvert's HTML, which formgrader and feedback are, hold no more of a notebook than is harmless."""
    config.HTMLExporter.preprocessors = [InertPage]
    config.HTMLExporter.filters = {"markdown2html": "mi_tutor.grading.inert_html.markdown2html", "clean_html": clean}
    # Found before nbgrader's own of the same names: without MathJax, and with a policy in feedback.
    config.HTMLExporter.extra_template_basedirs = [str(TEMPLATES), str(NBGRADERS_TEMPLATES)]


class Inert(NbGraderPreprocessor):
    """Puts a notebook together anew of what cannot run wherever it is shown."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        return anew(nb), resources


class InertPage(Preprocessor):
    """The same for a page, which also shows who handed in what: names are written as text."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        for name in ("student", "first_name", "last_name", "notebook_path"):
            if isinstance(resources.get(name), str):
                resources[name] = escape(resources[name])
        return anew(nb), resources


def anew(nb: Any) -> NotebookNode:
    """A notebook with the same words and pictures in the same places, and nothing that is not known to be harmless."""
    cells: list[Any] = []
    for cell in nb.cells:
        made = _cell(cell)
        made["id"] = fresh_id(made | {"id": cell.get("id")}, {there["id"] for there in cells})
        cells.append(made)
    metadata: dict[str, Any] = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    about = nb.metadata.get("kernelspec")
    if isinstance(about, Mapping):
        names = {key: _word(about.get(key)) for key in ("name", "display_name", "language")}
        metadata["kernelspec"] = {key: name for key, name in names.items() if name}
    return new_notebook(cells=cells, metadata=metadata)


class PicturesOnly(NbGraderPreprocessor):
    """Of the files that lie beside a submitted notebook only pictures are kept in autograded/, and so in feedback/.

    nbgrader copies every file, through links, and formgrader serves them from the teacher's own address.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        about, directory = resources["nbgrader"], self.parent.parent.coursedir
        places = (directory.submitted_directory, directory.autograded_directory, directory.source_directory)
        student = (about["student"], about["student"], ".")
        submitted, autograded, source = (
            Path(directory.format_path(place, who, about["assignment"]))
            for place, who in zip(places, student, strict=True)
        )
        for name in map(Path, utils.find_all_files(str(autograded), ["*.ipynb", "timestamp.txt"])):
            beside = name.relative_to(autograded)
            if not (source / beside).is_file() and not _is_picture_file(submitted, beside):
                self.log.warning("%s is no picture and is left out of %s", submitted / beside, autograded)
                name.unlink()
        return nb, resources


def _is_picture_file(folder: Path, beside: Path) -> bool:
    path = folder / beside
    if beside.suffix.lower() not in _PICTURE_FILES or path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8).startswith(_FIRST_BYTES)


def _cell(cell: Any) -> NotebookNode:
    """A cell of the same words and the same place in nbgrader."""
    source = cell.get("source")
    source = source if isinstance(source, str) else ""
    metadata = _metadata(cell.get("metadata"))
    if cell.get("cell_type") == "code":
        outputs = [made for made in map(_output, cell.get("outputs") or []) if made]
        return new_code_cell(source, metadata=metadata, outputs=outputs, execution_count=_count(cell))
    if cell.get("cell_type") == "markdown":
        made = new_markdown_cell(inert(source), metadata=metadata)
        if pictures := pictures_of(cell.get("attachments")):
            made["attachments"] = pictures
        return made
    return new_raw_cell(source, metadata=metadata)


def _metadata(metadata: Any) -> dict[str, Any]:
    ours = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    if not isinstance(ours, Mapping):
        return {}
    return {
        "nbgrader": {key: ours[key] for key in _NBGRADERS_KEYS if isinstance(ours.get(key), bool | int | float | str)}
    }


def _output(output: Any) -> NotebookNode | None:
    kind = output.get("output_type")
    if kind == "stream":
        return new_output(
            "stream", name="stderr" if output.get("name") == "stderr" else "stdout", text=_text(output, "text")
        )
    if kind == "error":
        lines = [line for line in output.get("traceback") or [] if isinstance(line, str)]
        return new_output("error", ename=_text(output, "ename"), evalue=_text(output, "evalue"), traceback=lines)
    if kind in ("display_data", "execute_result"):
        shown = output.get("data")
        data = (
            {name: made for name, value in shown.items() if (made := _shown(name, value)) is not None} if shown else {}
        )
        more = {"execution_count": _count(output)} if kind == "execute_result" else {}
        return new_output(kind, data=data, metadata={}, **more)
    return None


_INERT: dict[str, Callable[[str], str]] = {
    "text/plain": str,
    "text/latex": str,
    "text/markdown": inert,
    "text/html": clean,
}


def _shown(kind: Any, value: Any) -> str | None:
    """What is shown for one MIME type; None for those that run, frame or fetch something, or are not known."""
    if kind in _INERT and isinstance(value, str):
        return _INERT[kind](value)
    return value if is_picture(kind, value) else None


def _text(node: Any, name: str) -> str:
    return node[name] if isinstance(node.get(name), str) else ""


def _word(value: Any) -> str:
    return (
        "".join(letter for letter in value if letter.isalnum() or letter in " .+-_()")[:80]
        if isinstance(value, str)
        else ""
    )


def _count(node: Any) -> int | None:
    return node.get("execution_count") if isinstance(node.get("execution_count"), int) else None
