"""When something was handed in: a `timestamp.txt` as students and their programs write it.

nbgrader reads UTF-8 and dates that python-dateutil knows, and a single file that is neither stops its commands, and formgrader's
list of submissions, for the whole class. The dates themselves are still read by nbgrader's own `parse_utc`.
"""

import codecs
import os
import stat
import warnings
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from dateutil.tz import gettz
from nbgrader.utils import parse_utc

FILE = "timestamp.txt"
MOST_BYTES = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REMEDY = "Write it like 2027-01-31 23:59:00 UTC"


class Stamp(NamedTuple):
    """What a timestamp.txt says."""

    when: datetime | None
    """In UTC, without a time zone, as nbgrader keeps it; None where there is none."""
    warning: str = ""
    """What is wrong with it, as a sentence."""


def stamp_of(folder: Path) -> Stamp:
    """When the submission in a folder was handed in."""
    file = folder / FILE
    try:
        # Neither through a link, nor waiting at a pipe for somebody to write.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with open(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return _unread(file, "is not a file")
            raw = opened.read(MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return Stamp(None)
    except OSError as error:
        return _unread(file, f"cannot be read ({error.strerror})")
    text = decoded(raw).strip()
    if not text:
        return _unread(file, "is empty")
    try:
        with warnings.catch_warnings(record=True) as strange:
            warnings.simplefilter("always")
            when = parse_utc(text)
    except (ValueError, OverflowError, TypeError):
        return _unread(file, f"says {text[:60]!r}, which is no date that can be read")
    *_, zone = text.split(" ")
    if strange or (text.count(" ") == 2 and not zone.lstrip("+-").isdigit() and gettz(zone) is None):
        return Stamp(when, f"{file} says {text[:60]!r}, whose time zone is not known: it is taken for UTC. {_REMEDY}.")
    return Stamp(when)


def decoded(raw: bytes) -> str:
    """The text in a small file, whatever program wrote it: Notepad and PowerShell put marks first, or write two bytes a letter."""
    encoding = next((encoding for mark, encoding in _MARKS if raw.startswith(mark)), "")
    if not encoding and raw.count(0) > len(raw) // 3:
        encoding = "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
    try:
        return raw.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        return raw.decode(encoding or "cp1252", errors="replace")


def _unread(file: Path, what: str) -> Stamp:
    return Stamp(None, f"{file} {what}: it is left aside, as if there were none, so nothing is late. {_REMEDY}.")
