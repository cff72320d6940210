"""What grading knows and keeps beside the submissions, in `.mi-tutor/marks.sqlite`: a secret, and every mark that was given.

A mark holds for one content of a notebook, one seed, one edition of the checkers and one set of limits. Rows are only ever
added, each in a transaction of its own, so that a run which was killed goes on where it was, two runs at once lose nothing,
and a notebook costs the same whether it is the first or the five-thousandth. SQLite is what Python has for this.

Submissions may be unpacked from what a student sent, and hold a file of that name. So every row is signed with a key of this
account, and a file that is not ours in every part is put aside before anything is read from it; SQLite's own advice for
files of strangers (sqlite.org/security.html) is followed.
"""

import contextlib
import functools
import hashlib
import hmac
import importlib.util
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from mi_tutor.check.draw import MODELS
from mi_tutor.check.records import progress_file
from mi_tutor.files import safe_write
from mi_tutor.running.confine import Limits
from mi_tutor.version import __version__

FOLDER, FILE = ".mi-tutor", "marks.sqlite"
BUSY_SECONDS = 60.0
"""How long a run waits while another one writes."""
_SCHEMA = {
    "about": "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT, signature TEXT)",
    "regradings": "CREATE TABLE regradings (id INTEGER PRIMARY KEY, exercise TEXT, held_for TEXT, over INTEGER)",
    "marks": (
        "CREATE TABLE marks (id INTEGER PRIMARY KEY, notebook TEXT, exercise TEXT, place INTEGER, content TEXT, "
        "seed INTEGER, edition TEXT, isolation TEXT, seconds REAL, memory_bytes INTEGER, again INTEGER, points REAL, "
        "max_points REAL, mistake TEXT, message TEXT, signature TEXT, UNIQUE (notebook, exercise, content, seed, edition, "
        "isolation, seconds, memory_bytes, again))"
    ),
}
_MARK = ("points", "max_points", "mistake", "message")
_ROW = (
    *("notebook", "exercise", "place", "content", "seed", "edition", "isolation", "seconds", "memory_bytes", "again"),
    *_MARK,
)

Mark = dict[str, Any]
"""What one exercise earned: "points", "max_points", "mistake" and "message"; where it is kept, its `Key` as "key"."""


class BadRecords(Exception):
    """What is kept beside the submissions cannot be read or written; one sentence."""


class Key(NamedTuple):
    """What marks hold for."""

    content: str
    """A hash of the notebook's bytes."""
    seed: int
    edition: str
    isolation: str
    seconds: float
    memory_bytes: int


class Regrading(NamedTuple):
    """One exercise marked again in every notebook, for a reason: what its marks hold for now."""

    id: int
    exercise: str


@functools.cache
def edition() -> str:
    """The package's version and a hash of everything that decides about a mark."""
    digest = hashlib.sha256()
    for room in ("check", "exercises", "solutions", "models", "running", "files", "grading"):
        found = importlib.util.find_spec(f"mi_tutor.{room}")
        for folder in (found.submodule_search_locations or ()) if found else ():
            for file in sorted(Path(folder).rglob("*.py")):
                name = file.relative_to(folder).as_posix()
                digest.update(f"{room}/{name}".encode() + b"\0" + file.read_bytes() + b"\0")
    return f"{__version__}+{digest.hexdigest()[:12]}"


def hash_of(raw: bytes) -> str:
    """What tells one content of a notebook from another."""
    return hashlib.sha256(raw).hexdigest()


def derived_seed(secret: bytes, student: str, content: str) -> int:
    """The seed for one student's attempt: the same whenever it is asked for, and telling nothing of any other.

    Making a small model takes seconds, so those are drawn alike for everybody whose marks hang on this secret (the
    seed modulo `MODELS`); what is asked of them is drawn from the whole seed.

    Args:
        student: the notebook's place among the submissions.
        content: the hash of its bytes, which is what tells one attempt from the next.
    """

    def drawn(words: str, below: int) -> int:
        return int.from_bytes(hmac.digest(secret, words.encode(), "sha256")) % below

    # Fifteen digits at most: a spreadsheet keeps no more.
    return (1 + drawn(f"attempt\0{student}\0{content}", 2**29)) * MODELS + drawn("models", MODELS)


class Records:
    """The secret, and the marks so far."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        """Open what is kept, or begin it.

        Args:
            folder: where an assignment's marks are kept; made when it is missing.
            warn: told when what is kept is not believed.

        Raises:
            BadRecords: it cannot be read or written.
        """
        self._file, self._warn, self._unsigned = folder / FILE, warn, False
        _no_links(folder, *(Path(f"{self._file}{end}") for end in ("", "-journal", "-wal", "-shm")))
        with self._told():
            folder.mkdir(mode=0o700, exist_ok=True)
            self._open()
            if not self._is_ours():
                self._put_aside()
                self._open()
            self._begin()
            self.secret = bytes.fromhex(self._about("secret"))

    def key(self, name: str, raw: bytes, seed: int | None, isolation: str, limits: Limits) -> Key:
        """What the marks of a notebook hold for, given by the checkers installed here.

        Args:
            name: its place among the submissions.
            raw: its bytes.
            seed: one for everybody, instead of each one's own.
        """
        content = hash_of(raw)
        seed = derived_seed(self.secret, name, content) if seed is None else seed
        return Key(content, seed, edition(), isolation, *limits)

    def known(self, name: str, key: Key) -> set[str]:
        """The exercises of a notebook whose marks hold for this key."""
        return set(self.marks(name, key))

    def marks(self, name: str, key: Key | None = None) -> dict[str, Mark]:
        """The last marks of a notebook by exercise, in the chapter's order: for this key, or whatever they hold for."""
        holds = " AND content = ? AND seed = ? AND edition = ? AND isolation = ? AND seconds = ? AND memory_bytes = ?"
        found = {}
        for row in self._rows(f"notebook = ?{holds if key else ''}", (name, *(key or ()))):
            found[row["exercise"]] = row
        return {
            exercise: {field: row[field] for field in _MARK} | {"key": _key(row)}
            for exercise, row in sorted(found.items(), key=lambda pair: pair[1]["place"])
        }

    def keep(
        self, name: str, exercises: list[str], marks: dict[str, Mark], key: Key, again: Regrading | None = None
    ) -> None:
        """Write down new marks of a notebook that has these exercises. Raises BadRecords."""
        rows = []
        for exercise, mark in marks.items():
            # Numbers as SQLite gives them back, or the signature were another's.
            holds = key._replace(seconds=float(key.seconds))
            earned = (float(mark["points"]), float(mark["max_points"]), mark["mistake"], mark["message"])
            row = (name, exercise, exercises.index(exercise), *holds, again.id if again else 0, *earned)
            rows.append((*row, _signature(row)))
        marked = f"({', '.join('?' * (len(_ROW) + 1))})"
        with self._told(), self._transaction():
            # Another run may have come to the same mark meanwhile.
            insert = f"INSERT OR IGNORE INTO marks ({', '.join(_ROW)}, signature) VALUES {marked}"
            self._connection.executemany(insert, rows)

    def begin_regrading(self, exercise: str, held_for: list[Any]) -> Regrading:
        """Note that an exercise is marked again, or go on with that. Raises BadRecords."""
        words = json.dumps(held_for)
        with self._told(), self._transaction():
            going_on = "SELECT id FROM regradings WHERE exercise = ? AND held_for = ? AND NOT over"
            found = self._connection.execute(going_on, (exercise, words)).fetchone()
            if found is None:
                begin = "INSERT INTO regradings (exercise, held_for, over) VALUES (?, ?, 0)"
                found = (self._connection.execute(begin, (exercise, words)).lastrowid,)
        return Regrading(found[0], exercise)

    def regraded(self, again: Regrading) -> dict[str, tuple[float | None, float]]:
        """By notebook, the points before (None where there were none) and now, of those that were marked again so far."""
        points: dict[str, list[float | None]] = {}
        for row in self._rows("exercise = ?", (again.exercise,)):
            points.setdefault(row["notebook"], [None, None])[row["again"] == again.id] = row["points"]
        return {name: (before, now) for name, (before, now) in sorted(points.items()) if now is not None}

    def end_regrading(self, again: Regrading) -> None:
        """It has been told. Raises BadRecords."""
        with self._told(), self._transaction():
            self._connection.execute("UPDATE regradings SET over = 1 WHERE id = ?", (again.id,))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _rows(self, where: str, values: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
        with self._told():
            chosen = f"SELECT {', '.join(_ROW)}, signature FROM marks WHERE {where} ORDER BY id"
            for *row, signature in self._connection.execute(chosen, values):
                if _is_signed(tuple(row), signature):
                    yield dict(zip(_ROW, row, strict=True))
                elif not self._unsigned:
                    self._unsigned = True
                    self._warn(f"{self._file} holds marks that this account did not write; they are not believed.")

    def _open(self) -> None:
        # Autocommit: transactions begin and end where it is written.
        self._connection = sqlite3.connect(self._file, timeout=BUSY_SECONDS, isolation_level=None)
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.execute("PRAGMA cell_size_check = ON")
        self._file.chmod(0o600)

    def _is_ours(self) -> bool:
        """Whether the file is new, or whole, of our tables and nothing else, and signed by this account."""
        try:
            found = dict(self._connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
            if found not in ({}, _SCHEMA):
                return False
            if [row[0] for row in self._connection.execute("PRAGMA quick_check")] != ["ok"]:
                return False
            return not found or bool(self._about("secret"))
        except sqlite3.DatabaseError as error:
            if isinstance(
                error, sqlite3.OperationalError
            ):  # locked, or not to be read: that says nothing of what it is
                raise
            return False

    def _put_aside(self) -> None:
        self._connection.close()
        aside = next(
            path for n in range(1, 10**6) if not (path := self._file.with_name(f"not-believed-{n}.sqlite")).exists()
        )
        self._file.rename(aside)
        self._warn(f"{self._file} was not written by this account, and is not believed: it begins anew. ({aside.name})")

    def _begin(self) -> None:
        """Make the tables and the secret, where there are none; of two runs the first does."""
        with self._transaction():
            if not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for table in _SCHEMA.values():
                    self._connection.execute(table)
                secret = secrets.token_hex(32)
                row = ("secret", secret, _signature(("secret", secret)))
                self._connection.execute("INSERT INTO about VALUES (?, ?, ?)", row)

    def _about(self, name: str) -> str:
        """What is noted under that name; nothing where it is not signed."""
        found = self._connection.execute("SELECT value, signature FROM about WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found and _is_signed((name, found[0]), found[1]) else ""

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise BadRecords(
                f"{self._file} cannot be read or written: {error}. Is the disk full, or the folder another's? "
                "Move the file away to begin anew."
            ) from None


def _key(row: dict[str, Any]) -> Key:
    return Key(*(row[field] for field in Key._fields))


def _no_links(*paths: Path) -> None:
    for path in paths:
        if path.is_symlink():
            raise BadRecords(f"{path} is a link, which grading does not make. Move it away.")


def _signature(row: tuple[Any, ...]) -> str:
    return hmac.new(_account_key(), json.dumps(row).encode(), hashlib.sha256).hexdigest()


def _is_signed(row: tuple[Any, ...], signature: Any) -> bool:
    return hmac.compare_digest(str(signature).encode(errors="replace"), _signature(row).encode())


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
