"""Keeping one's work: `save_work()` puts it into a zip to download, `restore_work()` brings it back from one.

For a machine that is only lent, such as Binder's, and as a backup. Restoring loses nothing that is in the folder: a file
that differs keeps a name beside, and at every moment each file is there whole.
"""

import errno
import html
import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from mi_tutor.check import records
from mi_tutor.check.card_style import card_style
from mi_tutor.check.outline import chapter_of
from mi_tutor.files import notebook_file, safe_write
from mi_tutor.files.notebook_file import NotANotebook
from mi_tutor.workspace import archive
from mi_tutor.workspace import bring as workspace
from mi_tutor.workspace.archive import Archive, Unusable
from mi_tutor.workspace.bring import STATE, WorkspaceError, bring_chapters

MY_WORK = "my-work"
SAVED_HERE = "saved-here"
"""In .mi-tutor/: the ids of the zips that were made of this folder; an uploaded one is not among them."""


@dataclass(frozen=True)
class Kept:
    """What was saved or restored. A card in a notebook, sentences as its `repr`."""

    path: Path | None
    """The zip; None when nothing was saved or restored."""
    done: tuple[str, ...] = ()
    troubles: tuple[str, ...] = ()
    link: bool = False
    """Whether the card offers the zip for download."""

    def __repr__(self) -> str:
        return "\n".join((*self.done, *self.troubles))

    def _repr_html_(self) -> str:
        rows = [f"<div>{html.escape(sentence)}</div>" for sentence in (*self.done, *self.troubles)]
        if self.link and self.path is not None:
            rows.insert(0, f'<div style="margin:4px 0 8px">{_download(self.path)}</div>')
        return f'<div role="status" style="{card_style()}">{"".join(rows)}</div>'


def save_work(file: str | os.PathLike[str] | None = None, *, folder: str | os.PathLike[str] | None = None) -> Kept:
    """Put your notebooks and progress into one zip and, in a notebook, offer it for download.

    What is not saved in JupyterLab yet (File > Save All) is not in it. The zip lies in your folder, named with the date,
    or is `file`, which must not be there yet. In Colab your work goes where Colab keeps it.
    """
    if "google.colab" in sys.modules:
        from mi_tutor.workspace import in_colab

        return Kept(None, tuple(in_colab.save()))
    here = _learners_folder(folder)
    if here is None:
        return _trouble("There is no folder of yours with chapters here. Name it: save_work(folder='my-work').")
    try:
        return _save(here, None if file is None else Path(file).expanduser())
    except FileExistsError as error:
        return _trouble(f"There is a {error.filename} already, and it was left as it is. Give another name.")
    except OSError as error:
        if error.errno in safe_write.NO_ROOM:
            return _trouble("There is no room left on the disk, so nothing was saved. Make room and try again.")
        return _trouble(f"Nothing was saved: {error.filename or here}: {error.strerror or error}.")


def restore_work(file: str | os.PathLike[str] | None = None, *, folder: str | os.PathLike[str] | None = None) -> Kept:
    """Bring back what `save_work()` put into a zip: `file`, or the newest one that was uploaded into your folder.

    Nothing is lost: a file of yours that differs is kept beside, as `01_bigrams (before 2026-11-21).ipynb`. Results of
    checks are united, and chapters are then brought up to date. A file that is not such a zip changes nothing.
    """
    named = Path.cwd() / MY_WORK if folder is None else Path(folder).expanduser().absolute()
    here = _learners_folder(folder) or named
    try:
        path = _uploaded(here) if file is None else _named(Path(file).expanduser(), here)
        found = archive.look_through(path)
        _room_for(found, here)
        return _restore(found, here)
    except (Unusable, WorkspaceError) as error:
        return _trouble(str(error))
    except OSError as error:
        no_room = error.errno in safe_write.NO_ROOM
        why = "there is no room left on the disk" if no_room else f"{error.filename or here}: {error.strerror or error}"
        return _trouble(
            f"Not everything could be restored: {why}. Nothing that was here is lost; run it again after that."
        )


def run_keep(kept: Kept) -> int:
    """Say on the standard streams what was done and what is wrong; the command's exit status."""
    for sentence in kept.done:
        print(sentence)
    for sentence in kept.troubles:
        print(sentence, file=sys.stderr)
    return int(bool(kept.troubles))


def _save(folder: Path, to: Path | None) -> Kept:
    today = f"{MY_WORK}-{date.today().isoformat()}"
    if to is None or to.is_dir():
        names = [(to or folder) / f"{today}{n}.zip" for n in ("", *(f"-{n}" for n in range(2, 1000)))]
    else:
        names = [to.absolute()]
    state = folder / STATE
    state.mkdir(exist_ok=True)
    written: list[archive.Written] = []
    progress = records.export()
    with safe_write.hold(state / "lock", _say_waiting) as held:
        if held:
            safe_write.sweep(folder)
        path = safe_write.create_first_free(names, lambda file: written.append(archive.write(file, folder, progress)))
        with suppress(OSError), (state / SAVED_HERE).open("a") as known:
            known.write(f"{written[0].id}\n")
    notebooks = sum(name.endswith(".ipynb") and not name.startswith(STATE) for name in written[0].files)
    results = sum(bool(line) for line in progress.splitlines())
    told = f"Saved {_many(notebooks, 'notebook')} and {_many(results, 'result')} of checks in {path} ({_size(path)})."
    return Kept(path, (told,), (*_behind(folder, progress), *written[0].left_out), link=True)


def _behind(folder: Path, progress: bytes) -> list[str]:
    """A sentence when something was checked in the last hour after its chapter was saved: its answer may not be in it."""
    now, late = datetime.now(UTC), set()
    for name, tried in records.latest(progress).items():
        chapter = chapter_of(name)
        path = folder / chapter.file if chapter else folder
        if path.is_file() and now - tried < timedelta(hours=1):
            saved = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            late |= {path.name} if tried - saved > timedelta(seconds=1) else set()
    if not late:
        return []
    return [
        f"{' and '.join(sorted(late))}: something was checked there after it was last saved. Choose File > Save All and run "
        "this again, or your newest answers are not in the zip."
    ]


def _restore(found: Archive, folder: Path) -> Kept:
    state = folder / STATE
    workspace.refuse_the_packages_own(folder)
    state.mkdir(parents=True, exist_ok=True)
    restored, told, troubles = 0, [], []
    with safe_write.hold(state / "lock", _say_waiting) as held:
        for place in {folder, state, *((folder / name).parent for name in found.files)} if held else ():
            safe_write.sweep(place)
        for name, content in found.contents():
            try:
                sentences = _put(folder, name, content)
            except OSError as error:
                if error.errno in (*safe_write.NO_ROOM, errno.EROFS):
                    raise
                troubles.append(f"{name} was not restored: {error.strerror or error}.")
                continue
            restored += sentences is not None and not name.startswith(STATE)
            told += sentences or []
    try:
        results = records.unite(found.progress())
    except OSError as error:
        results = 0
        troubles.append(f"The results of checks were not restored: {error.strerror or error}.")
    brought = bring_chapters(folder)
    first = f"From {found.path.name}, saved {found.saved}: {_many(restored, 'file')} and {_many(results, 'result')} of checks."
    if not (restored or results or troubles):
        first = f"Everything in {found.path.name}, saved {found.saved}, is here already."
    last = (
        [
            "Run a restored notebook from the top. One that is open still shows what it was: File > Reload Notebook from Disk."
        ]
        if restored
        else []
    )
    return Kept(found.path, (first, *told, *brought.done, *last), (*troubles, *brought.troubles))


def _put(folder: Path, name: str, content: bytes) -> list[str] | None:
    """One file of a zip into the folder; what is to be said of it, None when it changed nothing."""
    path = folder / name
    for parent in path.parents:
        if parent == folder:
            break
        if parent.is_symlink():
            raise OSError(errno.ELOOP, "its folder is a link to elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    if not os.path.lexists(path):
        safe_write.create(path, content)
        return []
    if not path.is_file():
        raise OSError(errno.EEXIST, "something that is not a file has its name")
    here = path.read_bytes()
    if here == content or name.startswith(STATE) or not _holds_work(folder, name, content):
        return None
    if not _holds_work(folder, name, here) and not _was_run(here):
        safe_write.replace(path, content)
        return []
    kept = safe_write.keep_beside(path, safe_write.dated_names(path, "before"))
    if kept.read_bytes() != here:  # it was saved in this very moment: begin again with that
        return _put(folder, name, content)
    safe_write.replace(path, content)
    return [f"{name} as it was here is now '{kept.relative_to(folder)}'."]


def _holds_work(folder: Path, name: str, content: bytes) -> bool:
    """Whether a file is more than a chapter, or the table of them, in which nobody has written yet."""
    try:
        notebook = notebook_file.read(content)
    except NotANotebook:
        return True
    begun_from = workspace.remembered(folder, name, notebook_file.made_from(notebook))
    return begun_from is None or workspace.is_begun(notebook, begun_from)


def _was_run(content: bytes) -> bool:
    return any(cell.get("outputs") for cell in notebook_file.read(content)["cells"])


def _learners_folder(named: str | os.PathLike[str] | None) -> Path | None:
    """The folder that the chapters were brought into: the one that is named, or one around here."""
    if named is not None:
        folder = Path(named).expanduser().absolute()
        return folder if folder.is_dir() else None
    here = Path.cwd()
    return next((each for each in (here, *here.parents, here / MY_WORK) if (each / STATE).is_dir()), None)


def _named(path: Path, folder: Path) -> Path:
    """The zip that was named, as seen from here or from the learner's folder."""
    return next((each for each in (path, folder / path) if each.is_file()), path)


def _uploaded(folder: Path) -> Path:
    """The newest zip of ours that lies in the folder or around it and was not made there."""
    own: list[str] = []
    with suppress(OSError):
        own = (folder / STATE / SAVED_HERE).read_text().split()
    places = {folder, folder.parent, Path.cwd()}
    found = {path: identity for place in places for path in place.glob("*.zip") if (identity := archive.identity(path))}
    zips = sorted(found, key=lambda path: path.stat().st_mtime)
    if others := [path for path in zips if found[path] not in own]:
        return others[-1]
    if zips:
        raise Unusable(
            f"The saved work that lies here was saved here. To go back to it, name it: restore_work({zips[-1].name!r})."
        )
    raise Unusable(
        "No saved work lies here yet. Drag the zip that save_work() gave you into the list of files on the left, and run "
        "this again when it is there."
    )


def _room_for(found: Archive, folder: Path) -> None:
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())
    if shutil.disk_usage(place).free < found.size:
        raise Unusable(
            "There is not enough room on the disk for what is in it, so nothing was changed. Make room first."
        )


def _download(path: Path) -> str:
    """A link that downloads the file, relative to the notebook, so that it holds behind any address a server has.

    JupyterLab and Notebook turn it into the server's own address of that file.
    """
    notebook = Path(os.environ.get("JPY_SESSION_NAME", ""))
    start = notebook.parent if notebook.is_absolute() and notebook.parent.is_dir() else Path.cwd()
    address = quote(os.path.relpath(path, start).replace(os.sep, "/"))
    style = (
        "display:inline-block;padding:4px 14px;border-radius:4px;background:#2b7bba;color:#fff;text-decoration:none;"
        "font-weight:600"
    )
    return (
        f'<a href="{address}" download="{html.escape(path.name)}" style="{style}">Download {html.escape(path.name)}</a>'
    )


def _trouble(sentence: str) -> Kept:
    return Kept(None, troubles=(sentence,))


def _say_waiting() -> None:
    print("Another mi-tutor is at work in this folder; waiting.")


def _size(path: Path) -> str:
    return f"{max(path.stat().st_size / 1e6, 0.1):.1f} MB"


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
