"""In Google Colab: what the first cell of a chapter calls, and where a learner's work is kept there.

Colab's machine forgets everything when its session ends; a learner's Google Drive keeps what is put into it while it is
mounted. Colab is free to change whatever is asked of it here, so every failure becomes a sentence and nothing is raised.
"""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from mi_tutor.check import records
from mi_tutor.files import notebook_file, safe_write
from mi_tutor.files.notebook_file import NotANotebook, Notebook

DRIVE = Path("/content/drive/MyDrive")
"""Where Colab shows a learner's Drive; there is no such folder until it is mounted."""
FOLDER = "mi-tutor"
HOW_TO_MOUNT = (
    "mount your Google Drive: the folder icon on the left, or "
    "`from google.colab import drive; drive.mount('/content/drive')`"
)
HOW_TO_SAVE = "`from mi_tutor import save_work; save_work()`"
A_NOTEBOOK_TAKES_S = 60

_saved: dict[Path, bytes] = {}
"""What this kernel has written: its own earlier state of a notebook need not be kept beside a later one."""
_told_last = ""


def set_up() -> None:
    """Say what is installed and where work is kept, and keep results on Drive from the moment it is mounted.

    Prints a line for each. Calling it again does no harm.
    """
    from mi_tutor.version import __version__

    print(f"mi-tutor {__version__} is installed, with its models and texts.")
    told = keep_progress()
    if told or _is_ours():
        print(told or f"Your results are kept in your Drive: {_progress_on_drive()}")
    elif not _mounted():
        print(f"Colab forgets your work when the session ends. To keep it, {HOW_TO_MOUNT}. Then: {HOW_TO_SAVE}")
    _after_each_cell(_follow_drive)


def keep_progress() -> str:
    """Keep results on Drive while it is mounted, those from before included, and on Colab's machine while it is not.

    A file that the learner named in MI_TUTOR_PROGRESS is left alone.

    Returns:
        What has changed or failed, as a sentence; empty where nothing has.
    """
    try:
        mounted = _mounted()
        if mounted and not os.environ.get(records.VARIABLE):
            before, file = records.progress_file(), _progress_on_drive()
            if before is not None:
                records.bring(before, file)
            os.environ[records.VARIABLE] = str(file)
            return f"Your results are now kept in your Drive: {file}"
        if not mounted and _is_ours():
            del os.environ[records.VARIABLE]
            return "Your Drive is no longer mounted: new results are kept on Colab's machine until it is again."
    except Exception as error:
        return f"Your results could not be put into your Drive ({_reason(error)}); they are on Colab's machine."
    return ""


def save() -> list[str]:
    """Save the open notebook in the learner's Drive, in MyDrive/mi-tutor, and see to it that results are kept there.

    A file of that name with something else in it is kept beside.

    Returns:
        What was done, or what has to be done first, in sentences. Raises nothing.
    """
    try:
        if not _mounted():
            return [f"Nothing is saved yet. First {HOW_TO_MOUNT}. Then again: {HOW_TO_SAVE}"]
        told = [keep_progress()]
        return [*_save(_open_notebook()), *filter(None, told)]
    except Exception as error:
        return [
            f"This notebook could not be saved in your Drive ({_reason(error)}). Use Colab's menu: File, Save a copy."
        ]


def _open_notebook() -> Notebook:
    """The notebook as it stands in the browser, unsaved changes included."""
    message = import_module("google.colab._message")
    answer = message.blocking_request("get_ipynb", request="", timeout_sec=A_NOTEBOOK_TAKES_S)
    if not isinstance(answer, dict) or "ipynb" not in answer:
        raise NotANotebook("Colab did not hand the notebook over")
    return notebook_file.read(json.dumps(answer["ipynb"]).encode())


def _save(notebook: Notebook) -> list[str]:
    folder = DRIVE / FOLDER
    folder.mkdir(exist_ok=True)
    path, content = folder / _name(notebook), notebook_file.write(notebook)
    if not path.exists():
        safe_write.create(path, content)
        done = [f"This notebook is saved in your Drive: {path}"]
    elif (older := path.read_bytes()) == content:
        done = [f"This notebook is already saved in your Drive as it is: {path}"]
    else:
        kept = None if _saved.get(path) == older else _copy_beside(path, older)
        _write_into(path, content)
        done = [f"This notebook is saved in your Drive: {path}"]
        done += [f"What that file held before is kept beside it, as '{kept.name}'."] if kept else []
    _saved[path] = content
    return done


def _write_into(path: Path, content: bytes) -> None:
    """Write into the file that is there: one renamed over it would be another to Drive, and the notebook that Colab has
    open would go on being saved in the old one, which is then in the bin.
    """
    path.write_bytes(content)
    if path.read_bytes() != content:
        raise OSError("it was not written in full")


def _copy_beside(path: Path, content: bytes) -> Path:
    for name in safe_write.dated_names(path, "before"):
        try:
            safe_write.create(name, content)
        except FileExistsError:
            continue
        return name
    raise FileExistsError(f"every name for the old {path.name} is taken")


def _name(notebook: Notebook) -> str:
    """The open notebook's file name: as Colab calls it, or the chapter's that has its exercises."""
    named = notebook_file.part(notebook, "colab").get("name")
    name = Path(named).name if isinstance(named, str) else _chapter_of(notebook)
    name = name.lstrip(".") or "notebook"
    return name if name.endswith(".ipynb") else f"{name}.ipynb"


def _chapter_of(notebook: Notebook) -> str:
    """The installed chapter that shares the most exercises with it; "notebook" where none shares any."""
    from mi_tutor.workspace.bring import released_chapters
    from mi_tutor.workspace.pairing import exercise_of

    def exercises(of: Notebook) -> set[str]:
        return {name for cell in of["cells"] if (name := exercise_of(cell))}

    mine = exercises(notebook)
    shared = {name: len(mine & exercises(notebook_file.read(raw))) for name, raw in released_chapters().items()}
    best = max(shared, key=lambda name: shared[name], default="")
    return best if shared.get(best) else "notebook"


def _mounted() -> bool:
    return os.path.isdir(DRIVE)


def _progress_on_drive() -> Path:
    return DRIVE / FOLDER / "progress.jsonl"


def _is_ours() -> bool:
    return os.environ.get(records.VARIABLE) == str(_progress_on_drive())


def _follow_drive(*_: Any) -> None:
    """After each cell: the learner may have mounted Drive, or taken it away. A failure that lasts is told once."""
    global _told_last
    told = keep_progress()
    if told and told != _told_last:
        print(told)
    _told_last = told or _told_last


def _after_each_cell(do: Any) -> None:
    try:
        from IPython import get_ipython

        if shell := get_ipython():
            shell.events.register("post_run_cell", do)
    except Exception as error:
        print(f"Run this cell again after mounting your Drive: that is not noticed by itself ({_reason(error)}).")


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
