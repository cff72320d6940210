"""A learner's work in one zip: the files of the folder under work/, the results of checks, and what says that it is ours.

Everything in a zip that somebody hands us is looked at before anything of it is used.
"""

import json
import os
import re
import secrets
import time
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from mi_tutor.files import notebook_file
from mi_tutor.workspace.bring import STATE, read_settled

MANIFEST, PROGRESS, WORK = "mi-tutor.json", "progress.jsonl", "work/"
FORMAT = 1
LARGEST, LARGEST_TOGETHER, MOST_FILES = 50_000_000, 1_000_000_000, 5_000
MEMORY = re.compile(r"[a-z0-9_]+-[0-9a-f]{16}\.ipynb")
"""A file in .mi-tutor/ that goes along: a chapter as it was released."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


class Unusable(Exception):
    """Why nothing can be taken from a file, as sentences for the learner."""


class Archive(NamedTuple):
    """A zip that was looked through and can be used."""

    path: Path
    id: str
    saved: str
    """When, such as 2026-11-21 15:30."""
    size: int
    """Of all its files together, unpacked, in bytes."""
    files: dict[str, str]
    """By the name that a file is to have in the folder: its name in the zip."""

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each file, those of .mi-tutor first: they say what the others were made from."""
        with zipfile.ZipFile(self.path) as file:
            for name in sorted(self.files, key=lambda name: (not name.startswith(STATE), name)):
                yield name, file.read(self.files[name])

    def progress(self) -> bytes:
        """The exported records."""
        with zipfile.ZipFile(self.path) as file:
            return file.read(PROGRESS)


class Written(NamedTuple):
    """What went into a zip."""

    id: str
    files: list[str]
    left_out: list[str]
    """What did not, a sentence each."""


def write(file: BinaryIO, folder: Path, progress: bytes) -> Written:
    """Put the folder's files and the records into a zip; what cannot be taken along is left out and named."""
    identity, room = secrets.token_hex(8), LARGEST_TOGETHER
    names: list[str] = []
    left_out: list[str] = []
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, path in _files(folder):
            if not is_plain(name):
                left_out.append(f"{name!a} was left out: rename it, its name cannot be used everywhere.")
                continue
            try:
                content = _content(path)
            except OSError as error:
                left_out.append(f"{name} was left out: {error.strerror or error}.")
                continue
            if content is None or len(content) > min(LARGEST, room) or len(names) == MOST_FILES:
                left_out.append(f"{name} was left out: there is too much of it. Keep it by hand if you need it.")
            else:
                _add(target, WORK + name, content)
                names.append(name)
                room -= len(content)
        _add(target, PROGRESS, progress)
        saved = datetime.now(UTC).isoformat(timespec="seconds")
        _add(target, MANIFEST, json.dumps({"format": FORMAT, "id": identity, "saved": saved}).encode())
    return Written(identity, names, left_out)


def is_plain(name: str) -> bool:
    """Whether a name with slashes is a file's inside a folder on every system, and not hidden, but for .mi-tutor's."""
    if not name or re.search(r"[\\:\x00-\x1f\x7f\ud800-\udfff]", name) or len(name.encode()) > 1000:
        return False
    parts = name.split("/")
    if parts[0] == STATE:
        return len(parts) == 2 and bool(MEMORY.fullmatch(parts[1]))
    return not any(part == "" or part.startswith(".") or len(part.encode()) > 255 for part in parts)


def identity(path: Path) -> str | None:
    """What tells this zip from others that `write` made; None when it does not say so or cannot be read."""
    try:
        with zipfile.ZipFile(path) as file:
            if MANIFEST in file.namelist() and file.getinfo(MANIFEST).file_size < 10_000:
                return str(json.loads(file.read(MANIFEST))["id"])
    except (*_DAMAGE, LookupError, TypeError):
        pass
    return None


def look_through(path: Path) -> Archive:
    """Read the whole zip once; Unusable when anything in it is not as `write` makes it."""
    if not path.is_file():
        raise Unusable(f"There is no file {path}.")
    try:
        with zipfile.ZipFile(path) as file:
            if MANIFEST not in file.namelist():
                raise Unusable(f"{path.name} was not made by save_work(), so nothing was taken from it.")
            entries = _checked(path, file.infolist())
            manifest = _manifest(path, file.read(MANIFEST))
            # That each can be unpacked, and is what its checksum says.
            size = sum(len(file.read(entry)) for entry in file.namelist())
    except _DAMAGE:
        raise Unusable(
            f"{path.name} is no whole zip file, so nothing was taken from it. Download or upload it once more."
        ) from None
    return Archive(path, manifest["id"], manifest["saved"], size, {name.removeprefix(WORK): name for name in entries})


def _checked(path: Path, entries: list[zipfile.ZipInfo]) -> list[str]:
    """The names of the folder's files in a zip; Unusable when any entry is not to be trusted."""
    names = [entry.filename for entry in entries]
    sizes = [entry.file_size for entry in entries]
    if len(names) > MOST_FILES + 2 or max(sizes) > LARGEST or sum(sizes) > LARGEST_TOGETHER + LARGEST:
        raise Unusable(
            f"{path.name} says that it holds more than save_work() ever puts into one, so nothing was taken from it."
        )
    twice = len(set(names)) < len(names)
    for entry in entries:
        is_file = (entry.external_attr >> 28) in (0, 0o10) and not entry.is_dir()
        inside = entry.filename in (MANIFEST, PROGRESS) or (
            entry.filename.startswith(WORK) and is_plain(entry.filename.removeprefix(WORK))
        )
        if not is_file or not inside or entry.flag_bits & 1 or twice:
            raise Unusable(
                f"{path.name} holds something that save_work() does not put there ({entry.filename!a}), "
                "so nothing was taken from it."
            )
    if PROGRESS not in names:
        raise Unusable(
            f"{path.name} holds no {PROGRESS}, so nothing was taken from it. It was changed after save_work()."
        )
    return [name for name in names if name.startswith(WORK)]


def _manifest(path: Path, content: bytes) -> dict[str, str]:
    try:
        found = json.loads(content)
        version, identity = found["format"], found["id"]
        saved = datetime.fromisoformat(found["saved"]).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        raise Unusable(f"{path.name} does not say what it is, so nothing was taken from it.") from None
    if version != FORMAT or not isinstance(identity, str):
        raise Unusable(f"{path.name} was saved by another version of mi-tutor; install the newest and try again.")
    return {"id": identity, "saved": saved}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """What is the learner's in a folder, its name with slashes first: no hidden files, no zips of ours, no linked folders."""
    for root, inside, names in os.walk(folder):
        here = Path(root)
        is_state = here == folder / STATE
        keep = {STATE} if here == folder else set()
        inside[:] = sorted(
            name for name in inside if name in keep or not (name.startswith((".", "__pycache__")) or is_state)
        )
        for name in sorted(names):
            path = here / name
            hidden = not MEMORY.fullmatch(name) if is_state else name.startswith(".")
            if not hidden and path.is_file() and not (path.suffix == ".zip" and identity(path)):
                yield str(PurePosixPath(path.relative_to(folder))), path


def _content(path: Path) -> bytes | None:
    """A file's bytes; of a notebook that is too large, its texts without the outputs; None when it is too large still."""
    if path.suffix == ".ipynb":
        raw, notebook = read_settled(path)
        if len(raw) > LARGEST and notebook:
            raw = notebook_file.write(notebook_file.texts_only(notebook))
        return raw
    return path.read_bytes() if path.stat().st_size <= LARGEST else None


def _add(target: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o100600 << 16
    target.writestr(entry, content)
