"""What grading knows and keeps beside the submissions, in `.mi-tutor/`: the secret seed, and every mark so far.

A mark holds for one content of a notebook, one seed, one edition of the checkers and one set of limits. Each file is at
every moment there whole, so that a run which was killed goes on where it was.
"""

import contextlib
import csv
import functools
import hashlib
import hmac
import importlib.util
import io
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from mi_tutor.check.records import progress_file
from mi_tutor.files import safe_write
from mi_tutor.grading.spreadsheet import as_cell
from mi_tutor.running.confine import Limits
from mi_tutor.version import __version__

FOLDER = ".mi-tutor"
_FORMAT = 1
_COLUMNS = ("notebook", "exercise", "points", "max_points", "mistake", "message", "seed", "isolation")

Mark = dict[str, Any]
"""What one exercise earned: "points", "max_points", "mistake" and "message"; where it is kept, "key" as well."""


class BadRecords(Exception):
    """What is kept beside the submissions cannot be read or written; one sentence."""


class Key(NamedTuple):
    """What marks hold for."""

    notebook: str
    """A hash of its bytes."""
    seed: int
    edition: str
    isolation: str
    seconds: float
    memory_bytes: int


@functools.cache
def edition() -> str:
    """The package's version and a hash of everything that decides about a mark."""
    digest = hashlib.sha256()
    for room in ("check", "exercises", "solutions", "course", "models"):
        found = importlib.util.find_spec(f"mi_tutor.{room}")
        for folder in (found.submodule_search_locations or ()) if found else ():
            for file in sorted(Path(folder).glob("*.py")):
                digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{__version__}+{digest.hexdigest()[:12]}"


def hash_of(raw: bytes) -> str:
    """What tells one content of a notebook from another."""
    return hashlib.sha256(raw).hexdigest()


def key_of(raw: bytes, seed: int, isolation: str, limits: Limits) -> Key:
    """What the marks of a notebook with this content hold for, given by the checkers installed here."""
    return Key(hash_of(raw), seed, edition(), isolation, *limits)


def seed_of(folder: Path, given: int | None, warn: Callable[[str], None]) -> int:
    """The assignment's seed: the given one, else the one that is kept, else a new one; kept from then on.

    Args:
        folder: where an assignment's marks and seed are kept.
        warn: told when what is kept is not believed.

    Raises:
        BadRecords: it cannot be read or written.
    """
    file = folder / "grading.json"
    kept = _read(file, warn)
    seed = kept.get("seed") if given is None else given
    if not isinstance(seed, int):
        seed = secrets.randbits(62)
    if kept.get("seed") != seed:
        _write(file, {"seed": seed})
    return seed


class Records:
    """The marks so far."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self._file = folder / "marks.json"
        kept = _read(self._file, warn)
        self.notebooks: dict[str, dict[str, Mark]] = kept.get("notebooks", {}) if kept.get("format") == _FORMAT else {}
        self.regrading: dict[str, Any] = kept.get("regrading", {}) if self.notebooks else {}
        """While one exercise is marked again: which, for what, and by notebook its points before and whether it is done."""

    def known(self, name: str, key: Key) -> set[str]:
        """The exercises of a notebook whose marks hold for this key."""
        marks = self.notebooks.get(name, {})
        return {exercise for exercise, mark in marks.items() if mark["key"] == list(key)}

    def keep(self, name: str, exercises: list[str], marks: dict[str, Mark], key: Key) -> None:
        """Write down new marks of a notebook that has these exercises. Raises BadRecords."""
        old = self.notebooks.get(name, {})
        new = {exercise: mark | {"key": list(key)} for exercise, mark in marks.items()}
        self.notebooks[name] = {exercise: (old | new)[exercise] for exercise in exercises if exercise in old | new}
        self.save()

    def save(self) -> None:
        """Raises BadRecords."""
        content = {"format": _FORMAT, "notebooks": dict(sorted(self.notebooks.items())), "regrading": self.regrading}
        _write(self._file, content)


def as_table(notebooks: dict[str, dict[str, Mark]], not_graded: dict[str, str]) -> bytes:
    """One line an exercise as CSV, for spreadsheets; a notebook that could not be graded has one line that says why."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for path, marks in sorted(notebooks.items()):
        for name, mark in marks.items():
            key = Key(*mark["key"])
            words = (path, name, mark["points"], mark["max_points"], mark["mistake"] or "", mark["message"])
            rows.writerow([as_cell(word) for word in (*words, key.seed, key.isolation)])
    for path, sentence in sorted(not_graded.items()):
        rows.writerow([as_cell(word) for word in (path, "", "", "", "not graded", sentence, "", "")])
    return text.getvalue().encode()


def write_table(file: Path, content: bytes) -> None:
    """Raises BadRecords."""
    try:
        safe_write.replace(file, content) if file.exists() else safe_write.create(file, content)
    except OSError as error:
        raise BadRecords(f"{file} cannot be written: {error.strerror}.") from None


def _read(file: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    """What was written there by `_write` in this person's account; nothing where it was not.

    Submissions may be unpacked from what a student sent, and hold a seed or marks of the student's own making.
    """
    _no_links(file)
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadRecords(f"{file} cannot be read ({error}). Move it away to begin anew.") from None
    signature = found.pop("signature", None) if isinstance(found, dict) else None
    if isinstance(signature, str) and hmac.compare_digest(
        signature.encode(errors="replace"), _signature(found).encode()
    ):
        return dict(found)
    warn(f"{file} was not written by this account, and is not believed: it begins anew.")
    return {}


def _write(file: Path, content: dict[str, Any]) -> None:
    _no_links(file)
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        written = (json.dumps(content | {"signature": _signature(content)}, indent=1) + "\n").encode()
        safe_write.replace(file, written) if file.exists() else safe_write.create(file, written)
    except OSError as error:
        raise BadRecords(f"{file} cannot be written: {error.strerror}.") from None


def _no_links(file: Path) -> None:
    for path in (file.parent, file):
        if path.is_symlink():
            raise BadRecords(f"{path} is a link, which grading does not make. Move it away.")


def _signature(content: dict[str, Any]) -> str:
    written = json.dumps(content, sort_keys=True).encode()
    return hmac.new(_account_key(), written, hashlib.sha256).hexdigest()


@functools.cache
def _account_key() -> bytes:
    """What nobody else's account has; where it cannot be kept, a new one, and then nothing of an earlier run is believed."""
    beside = progress_file()
    file = (beside.parent if beside else Path(platformdirs.user_data_dir("mi-tutor", appauthor=False))) / "grading.key"
    try:
        return file.read_bytes()
    except OSError:
        fresh = secrets.token_bytes(32)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):  # another run may be making it at the same time
            safe_write.create(file, fresh)
            file.chmod(0o600)
        return file.read_bytes()
    except OSError:
        return fresh
