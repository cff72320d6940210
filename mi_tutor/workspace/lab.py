"""`mi-tutor lab`: the learner's folder brought up to date, then JupyterLab on it, as a learner needs it."""

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from mi_tutor.check.outline import chapters
from mi_tutor.check.progress import progress
from mi_tutor.workspace import first_error
from mi_tutor.workspace.bring import WorkspaceError, bring_chapters

MY_WORK = Path("my-work")
# For that JupyterLab only: no question about news, nothing of nbgrader's, which is for teachers, and what a widget shows
# is saved with the notebook.
SETTINGS = Path(__file__).parent / "lab_settings"
# By its path: importing the views would load torch.
LABEXTENSIONS = Path(__file__).parents[1] / "views" / "theme" / "labextensions"
# JupyterLab's options that take no value: a bare word after one of them cannot be its value.
FLAGS = ("--no-browser", "--allow-root", "--debug", "-y")


def split_arguments(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The folder, if the first argument names one, and what is JupyterLab's: `--port 8899` names no folder."""
    if arguments and arguments[0] and not arguments[0].startswith("-"):
        return Path(arguments[0]).expanduser(), list(arguments[1:])
    return None, list(arguments)


def run_lab(folder: Path | None, arguments: Sequence[str], *, open_lab: bool = True) -> int:
    """Bring the chapters into `folder` (my-work when None) and become JupyterLab there, which gets the arguments.

    Returns an exit status when no JupyterLab is opened: asked for so, or something has to be put right first. A disk
    without room is such a thing: a JupyterLab on it could not save.
    """
    misplaced = _misplaced(arguments)
    if misplaced is not None:
        return _stop(f"The folder comes first: mi-tutor lab {misplaced} --no-browser, for example.", status=2)
    if open_lab and find_spec("jupyterlab") is None:
        return _stop("JupyterLab is not installed here. Install it with: pip install 'mi-tutor[lab]'")
    folder = MY_WORK if folder is None else folder
    is_new = not folder.exists()
    try:
        brought = bring_chapters(folder)
    except WorkspaceError as error:
        return _stop(str(error))
    if is_new:
        print(f"{folder} is your own copy of the chapters; what you write there is kept when they change.")
    for sentence in brought.done or [f"The chapters in {folder} are up to date."]:
        print(sentence)
    for sentence in brought.troubles:
        print(sentence, file=sys.stderr)
    if not open_lab:
        return int(bool(brought.troubles))
    if address := _running_at(folder):
        print(f"JupyterLab already runs on {folder}, at {address} (this starts another one).")
    sys.stdout.flush()
    return _become_jupyterlab(folder, [*_first_page(folder, arguments), *arguments])


def config_path() -> str:
    """What JUPYTER_CONFIG_PATH is to be for a learner's JupyterLab: our settings before those that it names already."""
    return os.pathsep.join(filter(None, [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]))


def _running_at(folder: Path) -> str | None:
    """The address of a JupyterLab of this user that serves the folder."""
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        if os.path.realpath(server["root_dir"]) == os.path.realpath(folder):
            return f"{server['url']}lab" + (f"?token={server['token']}" if server.get("token") else "")
    return None


def _first_page(folder: Path, arguments: Sequence[str]) -> list[str]:
    """JupyterLab opens on the chapter to go on with, not on its launcher; what the learner asks for comes first."""
    if any("default_url" in argument for argument in arguments):
        return []
    current = progress().current
    names = [current.chapter.file] if current else []
    names += [chapter.file for chapter in chapters()]
    found = next((name for name in names if (folder / name).is_file()), None)
    return [f"--LabApp.default_url=/lab/tree/{found}"] if found else []


def _become_jupyterlab(folder: Path, arguments: Sequence[str]) -> int:
    """In place of this process, so that Ctrl-C and a signal reach the server itself and it ends its kernels."""
    environment = os.environ | {"JUPYTER_CONFIG_PATH": config_path()} | first_error.variables(dict(os.environ))
    # -P: a learner's file called random.py in the current folder must not be taken for Python's.
    command = [sys.executable, "-P", "-m", "jupyterlab", f"--ServerApp.root_dir={os.path.abspath(folder)}"]
    command += [f"--LabApp.extra_labextensions_path={LABEXTENSIONS}", *arguments]
    os.execve(command[0], command, environment)


def _misplaced(arguments: Sequence[str]) -> str | None:
    """A bare word that is no option's value: a folder, most likely, that JupyterLab would open as it is."""
    for before, word in zip(["", *arguments], arguments, strict=False):
        if not word.startswith("-") and (not before.startswith("-") or "=" in before or before in FLAGS):
            return word
    return None


def _stop(sentence: str, status: int = 1) -> int:
    print(sentence, file=sys.stderr)
    return status
