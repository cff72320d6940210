"""What students hand in, as it comes: one folder each, and what its function earns when a person reads it fairly.

SUBMISSIONS: by student, how the folder is made, the points it deserves and a word of what the teacher has to be told
"""

import copy
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

NAME = "01_bigrams"
FILE = f"{NAME}.ipynb"
ANSWER = """import torch

def count_bigrams(tokens, d_vocab):
    return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).view(d_vocab, d_vocab)
"""
FULL = 3
Notebook = dict[str, Any]


class Odd(NamedTuple):
    """A submission."""

    make: Callable[[Path, Notebook], None]
    """Writes it: into the student's folder, from a notebook in which `count_bigrams` is right and nothing else is tried."""
    points: float | None = FULL
    """None where it cannot be graded."""
    told: str = ""
    """What both ways say of it, or its mark does."""


def cell_of(notebook: Notebook, name: str) -> dict[str, Any]:
    return next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == name)


def answered(released: Notebook) -> Notebook:
    notebook = copy.deepcopy(released)
    cell_of(notebook, "count_bigrams")["source"] = ANSWER
    return notebook


def saved(notebook: Notebook) -> bytes:
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def put(folder: Path, place: str, content: bytes) -> Path:
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def at(place: str, change: Callable[[bytes], bytes] = lambda raw: raw) -> Callable[[Path, Notebook], None]:
    """The notebook in that place, its bytes changed."""
    return lambda folder, notebook: put(folder, place, change(saved(notebook))) and None


def with_cells(change: Callable[[Notebook], Any]) -> Callable[[Path, Notebook], None]:
    """The notebook with something done to it."""

    def make(folder: Path, notebook: Notebook) -> None:
        change(notebook)
        put(folder, f"{NAME}/{FILE}", saved(notebook))

    return make


def beside(place: str, content: bytes) -> Callable[[Path, Notebook], None]:
    """The notebook, and another file."""

    def make(folder: Path, notebook: Notebook) -> None:
        put(folder, f"{NAME}/{FILE}", saved(notebook))
        put(folder, place, content)

    return make


def stamped(content: bytes) -> Callable[[Path, Notebook], None]:
    return beside(f"{NAME}/timestamp.txt", content)


def answer(**fields: Any) -> Callable[[Notebook], None]:
    return lambda notebook: cell_of(notebook, "count_bigrams").update(fields)


def above_the_answer(lines: str) -> Callable[[Notebook], None]:
    return answer(source=lines + ANSWER)


def code(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


# --- what a change does to a whole notebook


def of_prose(kind: str) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        cell = cell_of(notebook, "count_bigrams")
        cell["cell_type"] = kind
        for field in ("outputs", "execution_count"):
            del cell[field]

    return change


def of_format(minor: int) -> Callable[[Notebook], None]:
    def change(notebook: Notebook) -> None:
        notebook["nbformat_minor"] = minor
        for cell in notebook["cells"]:
            del cell["id"]

    return change


def without_metadata(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["metadata"] = {"_uuid": "d629ff2d2480ee46fbb7e2d37f6b5fab8052498a", "trusted": True}
        cell.pop("id", None)
    notebook["nbformat_minor"] = 4
    notebook["metadata"] = {"kaggle": {"accelerator": "none"}}


def from_colab(notebook: Notebook) -> None:
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"id": f"x{number}", "cellView": "form", "colab": {"base_uri": "https://localhost:8080/"}}
        cell.pop("id", None)
        cell["source"] = (
            cell["source"] if isinstance(cell["source"], list) else cell["source"].splitlines(keepends=True)
        )


def from_vs_code(notebook: Notebook) -> None:
    notebook["metadata"] = {
        "language_info": {"name": "python"},
        "orig_nbformat": 4,
        "vscode": {"interpreter": {"hash": "0"}},
    }
    for cell in notebook["cells"]:
        cell["metadata"] |= {"vscode": {"languageId": "python"}}
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "display_data", "data": {"text/plain": 7}, "metadata": None}]


def same_ids(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["id"] = "same"


def answer_copied(notebook: Notebook) -> None:
    place = notebook["cells"].index(cell_of(notebook, "count_bigrams"))
    notebook["cells"].insert(
        place, copy.deepcopy(notebook["cells"][place]) | {"source": "def count_bigrams(t, d): ..."}
    )


def nbgrader_of_another_time(**fields: Any) -> Callable[[Notebook], None]:
    return lambda notebook: cell_of(notebook, "count_bigrams")["metadata"]["nbgrader"].update(fields)


def strange_metadata(notebook: Notebook) -> None:
    for number, cell in enumerate(notebook["cells"]):
        strange: list[Any] = [
            [],
            "x",
            {"grade": True},
            {"grade_id": 7, "solution": True},
            {"grade_id": ["a"], "grade": True},
        ]
        if "nbgrader" not in cell["metadata"]:
            cell["metadata"]["nbgrader"] = strange[number % len(strange)]
    notebook["metadata"] = {"kernelspec": "none", "language_info": 3}


def with_attachment(notebook: Notebook) -> None:
    of_prose("markdown")(notebook)
    cell_of(notebook, "count_bigrams")["attachments"] = {"a.png": {"image/png": "iVBORw0KGgo="}}


# --- what lies in the folder


def twice(folder: Path, notebook: Notebook) -> None:
    put(folder, f"{NAME}/{NAME} (1).ipynb", saved(notebook))
    put(folder, f"{NAME}/{NAME} (2).ipynb", saved(notebook).replace(b"import torch", b"import torch # later"))


def an_old_copy(folder: Path, notebook: Notebook) -> None:
    put(folder, f"{NAME}/{FILE}", saved(notebook))
    put(folder, f"{NAME}/{NAME}-Copy1.ipynb", saved(notebook).replace(b"minlength", b"maxlength"))


def zipped(folder: Path, notebook: Notebook) -> None:
    (folder / NAME).mkdir(parents=True)
    with zipfile.ZipFile(folder / NAME / "homework.zip", "w") as archive:
        archive.writestr(FILE, saved(notebook))


def unpacked_on_a_mac(folder: Path, notebook: Notebook) -> None:
    put(folder, f"{NAME}/{FILE}", saved(notebook))
    put(folder, f"{NAME}/__MACOSX/._{FILE}", b"\0\5\26\7")
    put(folder, f"{NAME}/__MACOSX/{FILE}", b"\0\5\26\7")
    put(folder, f"{NAME}/.ipynb_checkpoints/{NAME}-checkpoint.ipynb", saved(notebook))
    put(folder, f"{NAME}/.~{FILE}", b"lock")


def with_what_nobody_can_copy(folder: Path, notebook: Notebook) -> None:
    put(folder, f"{NAME}/{FILE}", saved(notebook))
    os.mkfifo(folder / NAME / "pipe.png")
    (folder / NAME / "endless.png").symlink_to("/dev/zero")
    (folder / NAME / "gone.png").symlink_to("nowhere")
    (folder / NAME / "mine").symlink_to("/etc")
    put(folder, f"{NAME}/page.html", b"<script>alert(1)</script>")


def a_pipe_for_a_timestamp(folder: Path, notebook: Notebook) -> None:
    put(folder, f"{NAME}/{FILE}", saved(notebook))
    os.mkfifo(folder / NAME / "timestamp.txt")


def a_link(folder: Path, notebook: Notebook) -> None:
    put(folder, "elsewhere.txt", saved(notebook))
    (folder / NAME).mkdir()
    (folder / NAME / FILE).symlink_to(folder / "elsewhere.txt")


def empty(folder: Path, notebook: Notebook) -> None:
    (folder / NAME).mkdir(parents=True)


def only_a_folder(folder: Path, notebook: Notebook) -> None:
    folder.mkdir()


PLAIN = f"{NAME}/{FILE}"
DATE = "2026-01-09 12:00:00 UTC"
SUBMISSIONS: dict[str, Odd] = {
    "plain": Odd(at(PLAIN)),
    # what a folder of a student is called
    "x [lab]": Odd(at(PLAIN)),
    "[a-z]": Odd(at(PLAIN)),
    "who?": Odd(at(PLAIN)),
    "star*": Odd(at(PLAIN)),
    "Zoë Müller-李": Odd(at(PLAIN)),
    "two  spaces ": Odd(at(PLAIN)),
    "-dash": Odd(at(PLAIN)),
    "{student_id}": Odd(at(PLAIN)),
    "dot.": Odd(at(PLAIN)),
    "long" * 50: Odd(at(PLAIN)),
    # what the notebook is called, and where it lies
    "copy": Odd(at(f"{NAME}/{NAME}-Copy1.ipynb")),
    "download": Odd(at(f"{NAME}/{NAME} (1).ipynb")),
    "case": Odd(at(f"{NAME}/01_BIGRAMS.IPYNB")),
    "own_name": Odd(at(f"{NAME}/my homework.ipynb")),
    "nested": Odd(at(f"{NAME}/{NAME}/{FILE}")),
    "no_folder": Odd(at(FILE)),
    "folders_case": Odd(at(f"01_Bigrams/{FILE}")),
    "twice": Odd(twice, None, "which one counts"),
    "old_copy": Odd(an_old_copy, told="is not looked at"),
    "zipped": Odd(zipped, None, "unpack it"),
    "txt": Odd(at(f"{NAME}/{FILE}.txt"), None, "take away what stands behind .ipynb"),
    "essay": Odd(lambda folder, notebook: put(folder, f"{NAME}/essay.pdf", b"%PDF") and None, None, "only essay.pdf"),
    "mac": Odd(unpacked_on_a_mac),
    "nothing": Odd(empty, None, "nothing was handed in"),
    "nothing_at_all": Odd(only_a_folder, None, "nothing was handed in"),
    "uncopyable": Odd(with_what_nobody_can_copy),
    "link": Odd(a_link, None, "links are not followed"),
    # the file
    "bom": Odd(at(PLAIN, lambda raw: b"\xef\xbb\xbf" + raw)),
    "crlf": Odd(at(PLAIN, lambda raw: raw.replace(b"\n", b"\r\n"))),
    "crlf_in_cells": Odd(with_cells(answer(source=ANSWER.replace("\n", "\r\n")))),
    "zero_bytes": Odd(at(PLAIN, lambda raw: b""), None, "It is empty"),
    "cut_off": Odd(at(PLAIN, lambda raw: raw[:-99]), None, "breaks off"),
    "utf16": Odd(at(PLAIN, lambda raw: raw.decode().encode("utf-16")), None, "not text in UTF-8"),
    "format_3": Odd(at(PLAIN, lambda raw: b'{"nbformat": 3, "worksheets": []}'), None, "format 3"),
    "format_5": Odd(at(PLAIN, lambda raw: raw.replace(b'"nbformat": 4', b'"nbformat": 5')), None, "format 5"),
    "format_4_0": Odd(with_cells(of_format(0))),
    "no_ids": Odd(with_cells(of_format(5))),
    "same_ids": Odd(with_cells(same_ids)),
    "colab": Odd(with_cells(from_colab)),
    "vs_code": Odd(with_cells(from_vs_code)),
    "kaggle": Odd(with_cells(without_metadata)),
    # when it was handed in
    "german_date": Odd(stamped(b"Samstag, 9. Januar 2026, 12 Uhr"), told="no date that can be read"),
    "powershell": Odd(stamped(f"{DATE}\r\n".encode("utf-16"))),
    "notepad": Odd(stamped(b"\xef\xbb\xbf" + DATE.encode() + b"\r\n")),
    "no_date": Odd(stamped(b"\x81\x8d\xff"), told="no date that can be read"),
    "huge_date": Odd(stamped(b"9" * 40), told="no date that can be read"),
    "empty_date": Odd(stamped(b"\r\n"), told="is empty"),
    "pipe": Odd(a_pipe_for_a_timestamp, told="is not a file"),
    # the cells
    "markdown": Odd(with_cells(of_prose("markdown"))),
    "raw": Odd(with_cells(of_prose("raw"))),
    "attachment": Odd(with_cells(with_attachment)),
    "time": Odd(with_cells(above_the_answer("%%time\n"))),
    "capture_time": Odd(with_cells(above_the_answer("\n%%capture out\n%%time\n"))),
    "writefile": Odd(with_cells(above_the_answer("%%writefile a.py\n")), 0, "begins with %%writefile"),
    "timeit": Odd(with_cells(above_the_answer("%%timeit\n")), 0, "gone when it has run"),
    "bash": Odd(with_cells(above_the_answer("%%bash\n")), 0, "not run as the notebook's Python"),
    "renamed": Odd(
        with_cells(answer(source=ANSWER.replace("count_bigrams", "count_pairs"))), 0, "call it `count_bigrams`"
    ),
    "copied_cell": Odd(with_cells(answer_copied)),
    "compiled": Odd(with_cells(answer(source=ANSWER.replace("def", "@torch.compile\ndef")))),
    "newer_nbgrader": Odd(with_cells(nbgrader_of_another_time(schema_version=99))),
    "older_nbgrader": Odd(with_cells(nbgrader_of_another_time(schema_version=1))),
    "worth_more": Odd(with_cells(nbgrader_of_another_time(points=100, grade=True, locked=True))),
    "strange_metadata": Odd(with_cells(strange_metadata)),
    "no_cells": Odd(with_cells(lambda notebook: notebook["cells"].clear()), 0, "no exercise of 01_bigrams"),
}

IN_GATE = (
    *(
        "plain",
        "x [lab]",
        "-dash",
        "copy",
        "case",
        "nested",
        "no_folder",
        "twice",
        "old_copy",
        "zipped",
        "nothing",
        "uncopyable",
    ),
    *(
        "link",
        "bom",
        "cut_off",
        "kaggle",
        "german_date",
        "powershell",
        "pipe",
        "markdown",
        "capture_time",
        "writefile",
        "renamed",
    ),
    *("newer_nbgrader", "strange_metadata", "no_cells"),
)
"""One of each kind; the others are in the long tier."""
