"""What a learner has done and expected, kept: one line of JSON a change, appended to one file in the learner's data folder.

A line leaves in one write to a descriptor opened for appending, so that notebooks running at once do not overwrite each
other. It begins with a newline as well as ending in one: what a crash left torn stays a line of its own, and no lock
and no look at the file's end is needed for that. Which record is the later one is told by its place, not by the clock.
"""

import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from mi_tutor.check.outline import chapter_of

VARIABLE = "MI_TUTOR_PROGRESS"
"""The environment variable that names another file."""
FORMAT = 1


class Record(NamedTuple):
    """The result of one check."""

    exercise: str
    points: float
    max_points: float
    passed: bool


class Prediction(NamedTuple):
    """What a learner said before a demonstration and, once it was shown, what came."""

    prediction: str
    """Its name, one of a kind in the course."""
    kind: str
    """"number", "choice", "several" or "sentence"."""
    said: Any
    """A number, two for a range, a string, or a list of strings."""
    sure: str = ""
    came: Any = None
    """None until it was shown."""
    span: float | None = None
    """Of a number: how far apart the ends of what could be said lie, where it has ends."""


class Kept(NamedTuple):
    """What is known of a learner's work."""

    records: list[Record]
    """Oldest first."""
    predictions: list[Prediction]
    """Oldest first."""
    path: Path | None
    """The file; None where none is kept."""
    trouble: str
    """Why progress cannot be kept, as a sentence; empty where it can."""


Entry = Record | Prediction

_unsaved: list[Entry] = []
_failure = ""


def progress_file() -> Path | None:
    """Where the records are; None while nbgrader marks other people's notebooks in a teacher's account."""
    # Not "validate", which is a student's own run, and which nbgrader leaves set in the server where one breaks off.
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":
        return None
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("mi-tutor", appauthor=False)) / "progress.jsonl"


def keep(entry: Entry) -> None:
    """Append the result of a check, or a prediction, where it tells something new.

    It raises nothing and prints nothing: a check must not fail because a disk is full. What could not be written is
    remembered in this process and tried again with the next result; `kept` has the reason.
    """
    try:
        if _tells_something_new(entry, kept()):
            _unsaved.append(entry)
    except Exception as error:
        _note(error)
    save()


def save() -> None:
    """Try once more to write what only this process remembers."""
    global _failure
    try:
        path = progress_file()
        if path is not None and _unsaved:
            _append(path, b"".join(_line(each) for each in _unsaved))
            _unsaved.clear()
            _failure = ""
    except Exception as error:  # no home folder, a null byte in the path: whatever it is, the check goes on
        _note(error)


def bring(source: Path, into: Path) -> None:
    """Append to one file of records the lines of another that it lacks, whatever they say; the other stays as it is.

    Raises:
        OSError: a file cannot be read or written.
    """
    if source.is_file():
        there = set(into.read_bytes().split(b"\n")) if into.exists() else set()
        missing = [line for line in source.read_bytes().split(b"\n") if line and line not in there]
        if missing:
            _append(into, b"".join(b"\n" + line + b"\n" for line in missing))


def kept() -> Kept:
    """Everything that can be read, what only this process remembers last. Raises nothing."""
    path: Path | None = None
    entries: list[Entry] = []
    try:
        path = progress_file()
        if path is not None and os.path.isfile(path):
            entries = [entry for line in path.read_bytes().split(b"\n") if (entry := _parse(line))]
        if path is None:
            return Kept(
                *_by_kind(_unsaved), None, "Nothing is kept here as anybody's progress: nbgrader marks this notebook."
            )
        trouble = _failure or _obstacle(path)
    except Exception as error:
        trouble = _reason(error)
    if trouble:
        trouble = f"Progress cannot be kept in {path or 'your data folder'}: {trouble[:1].lower()}{trouble[1:]}."
    return Kept(*_by_kind(entries + _unsaved), path, trouble)


def _by_kind(entries: list[Entry]) -> tuple[list[Record], list[Prediction]]:
    return [each for each in entries if isinstance(each, Record)], [
        each for each in entries if isinstance(each, Prediction)
    ]


def export() -> bytes:
    """Everything that can be read, with its time, a line each: what `unite` takes. OSError when the file cannot be read."""
    path = progress_file()
    content = path.read_bytes() if path is not None and path.is_file() else b""
    return b"".join([*(_line(*each) for each in _timed(content)), *map(_line, _unsaved)])


def latest(lines: bytes) -> dict[str, datetime]:
    """When each exercise of exported records was last tried, for those of which that is known."""
    tried = _last(_timed(lines)).values()
    return {entry.exercise: time for entry, time in tried if isinstance(entry, Record) and time.year > 1}


def unite(lines: bytes) -> int:
    """Append what of somebody's exported results and predictions is not here yet; how many there were.

    They come behind what is here, and the later record is told by its place: what was tried here after them is
    therefore said once more.

    Raises:
        OSError: they cannot be written, or no progress is kept here.
    """
    path = progress_file()
    if path is None:
        raise OSError("nobody's progress is kept here")
    here = _timed(path.read_bytes()) if path.is_file() else []
    new = [each for each in dict.fromkeys(_timed(lines)) if each not in set(here)]
    if not new:
        return 0
    last_here = _last(here)
    again = [
        last_here[name] for name, (_, time) in _last(new).items() if name in last_here and last_here[name][1] > time
    ]
    if here and here[-1][1] > new[-1][1] and here[-1] not in again:
        again.append(here[-1])
    again.sort(key=here.index)
    _append(path, b"".join(_line(*each) for each in [*new, *again]))
    return len(new)


def _last(timed: list[tuple[Entry, datetime]]) -> dict[tuple[type, str], tuple[Entry, datetime]]:
    """The last try at each exercise, and what was last said of each prediction."""
    return {(type(entry), entry[0]): (entry, time) for entry, time in timed}


def _timed(lines: bytes) -> list[tuple[Entry, datetime]]:
    """What is in these lines, in order, each with its time; the oldest there is where a line has no sensible one."""
    found = []
    for line in lines.split(b"\n"):
        if entry := _parse(line):
            try:
                time = datetime.fromisoformat(json.loads(line)["time"]).astimezone(UTC)
            except (ValueError, LookupError, TypeError, OverflowError):
                time = datetime.min.replace(tzinfo=UTC)
            found.append((entry, time))
    return found


def _note(error: Exception) -> None:
    global _failure
    _failure = _reason(error)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


def _tells_something_new(entry: Entry, before: Kept) -> bool:
    """Whether an exercise or a prediction stands differently now, or the learner has come to another chapter."""
    alike: list[Record] | list[Prediction] = before.predictions if isinstance(entry, Prediction) else before.records
    if entry != next((each for each in reversed(alike) if each[0] == entry[0]), None):
        return True
    return isinstance(entry, Record) and chapter_of(before.records[-1].exercise) != chapter_of(entry.exercise)


def _line(entry: Entry, time: datetime | None = None) -> bytes:
    from mi_tutor.version import __version__

    moment = (time or datetime.now(UTC)).isoformat(timespec="seconds")
    line = {"format": FORMAT, **entry._asdict(), "time": moment, "version": __version__}
    return b"\n" + json.dumps(line).encode("ascii") + b"\n"


def _append(path: Path, lines: bytes) -> None:
    """Write in one piece and wait until it is on the disk.

    Raises:
        OSError: it is not, or not all of it.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"{path} is not a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # A part only: the disk is full, and the next write says so, or it has just been freed. The part is skipped later.
        for _ in range(3):
            if os.write(descriptor, lines) == len(lines):
                break
        else:
            raise OSError("only a part of it could be written")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parse(line: bytes) -> Entry | None:
    """What is in a line; None for a torn one, another format's, or anything else that is not ours."""
    try:
        found = json.loads(line)
        if found["format"] != FORMAT:
            return None
        return _prediction(found) if "prediction" in found else _record(found)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _record(found: dict[str, Any]) -> Record | None:
    record = Record(found["exercise"], found["points"], found["max_points"], found["passed"])
    if not isinstance(record.exercise, str) or not isinstance(record.passed, bool):
        return None
    if not all(map(_is_number, (record.points, record.max_points))):
        return None
    return record if 0 <= record.points <= record.max_points <= 1000 else None


def _prediction(found: dict[str, Any]) -> Prediction | None:
    # Lists as tuples: entries are looked for in sets.
    said, came = (tuple(v) if isinstance(v, list) else v for v in (found["said"], found["came"]))
    prediction = Prediction(found["prediction"], found["kind"], said, found["sure"], came, found["span"])
    if not all(isinstance(text, str) for text in (prediction.prediction, prediction.kind, prediction.sure)):
        return None
    if not (prediction.span is None or (_is_number(prediction.span) and prediction.span > 0)):
        return None
    fits = {
        "number": lambda v: _is_number(v) or (isinstance(v, tuple) and len(v) == 2 and all(map(_is_number, v))),
        "choice": lambda v: isinstance(v, str),
        "several": lambda v: isinstance(v, tuple) and all(isinstance(each, str) for each in v),
        "sentence": lambda v: isinstance(v, str),
    }[prediction.kind]
    return prediction if fits(said) and (came is None or fits(came)) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _obstacle(path: Path) -> str:
    """Why the file could not be written now, without trying."""
    if path.exists():
        if not path.is_file():
            return "it is not a file"
        return "" if os.access(path, os.R_OK | os.W_OK) else "it may not be read and written"
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not folder.is_dir():
        return f"{folder} is not a folder"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"the folder {folder} may not be written"
