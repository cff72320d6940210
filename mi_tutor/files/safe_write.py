"""Writing into a folder of someone's work: at every moment each file is there whole, old or new.

What is written goes to a file of its own first, reaches the disk, and only then takes its name; a name that is taken is
never taken over unless that is asked for. A run that is killed leaves at most such a file behind, hidden, and the next
run sweeps it away.
"""

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import BinaryIO

PART_PREFIX, PART_SUFFIX = ".mi-tutor-", ".part"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def replace(path: Path, content: bytes) -> None:
    """Give the file at `path` (where a link points, if it is one) this content, or leave it as it is: OSError."""
    path = Path(os.path.realpath(path))
    part = _write_part(path.parent, content, like=path)
    try:
        os.replace(part, path)
    except BaseException:
        _remove_quietly(part)
        raise
    _sync_folder(path.parent)


def create(path: Path, content: bytes) -> None:
    """Make a file that is not there yet (where a link points, if it is one): FileExistsError when it is."""
    path = Path(os.path.realpath(path))
    part = _write_part(path.parent, content)
    try:
        _move_to_free_name(part, path)
    except BaseException:
        _remove_quietly(part)
        raise
    _sync_folder(path.parent)


def create_first_free(names: Iterable[Path], write: Callable[[BinaryIO], object]) -> Path:
    """Make a file, too large to hold in memory maybe, by `write`, under the first of these names that is free.

    All the names lie in one folder. FileExistsError when every one of them is taken.
    """
    names = list(names)
    part = _part_name(names[0].parent)
    try:
        with part.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        for name in names:
            with suppress(FileExistsError):
                _move_to_free_name(part, name)
                _sync_folder(name.parent)
                return name
        raise FileExistsError(errno.EEXIST, "every name for the file is taken", str(names[-1]))
    except BaseException:
        _remove_quietly(part)
        raise


def keep_beside(path: Path, beside: list[Path]) -> Path:
    """The file at `path` under a second name, the first that is free among `beside`; the file itself stays.

    A second name for the same file where the file system has such, so that not even a program that is writing to it
    at this moment can come between; a copy elsewhere. A second name that an interrupted run gave it is used again.
    """
    real = Path(os.path.realpath(path))
    for name in beside:
        try:
            os.link(real, name)
        except FileExistsError:
            if _same_file(real, name):
                return name
            continue
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            try:
                create(name, real.read_bytes())
            except FileExistsError:
                continue
        _sync_folder(name.parent)
        return name
    raise FileExistsError(errno.EEXIST, "every name for the old file is taken", str(path))


def dated_names(path: Path, word: str) -> list[Path]:
    """Names to keep an old file under, beside it: with a word and today's date, then counted."""
    today = f"{word} {date.today().isoformat()}"
    counts = ("", *(f", {n}" for n in range(2, 1000)))
    return [path.with_name(f"{path.stem} ({today}{count}){path.suffix}") for count in counts]


def move_aside(path: Path, aside: list[Path]) -> Path:
    """Give the file at `path` the first free name among `aside` instead of its own."""
    for name in aside:
        try:
            _move_to_free_name(path, name)
        except FileExistsError:
            if path.is_symlink() or not _same_file(path, name):
                continue
            os.unlink(path)  # an interrupted run gave it the second name already
        _sync_folder(path.parent)
        return name
    raise FileExistsError(errno.EEXIST, "every name for the old file is taken", str(path))


def sweep(folder: Path) -> None:
    """Remove what a killed run was still writing. Only for one who holds the folder."""
    for part in folder.glob(f"{PART_PREFIX}*{PART_SUFFIX}"):
        _remove_quietly(part)


@contextmanager
def hold(lock: Path, before_waiting: Callable[[], object]) -> Iterator[bool]:
    """Be the only one at work where `lock` lies, waiting for another; False where the file system has no such locks."""
    import fcntl  # not on Windows itself; there the course runs in WSL

    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    held = True
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            before_waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)


def _write_part(folder: Path, content: bytes, like: Path | None = None) -> Path:
    part = _part_name(folder)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
            if like is not None:
                with suppress(OSError):
                    os.chmod(part, os.stat(like).st_mode & 0o7777)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        _remove_quietly(part)
        raise
    return part


def _part_name(folder: Path) -> Path:
    return folder / f"{PART_PREFIX}{secrets.token_hex(8)}{PART_SUFFIX}"


def _move_to_free_name(path: Path, name: Path) -> None:
    """Rename without ever taking over another file: link and unlink where that works, for it cannot collide."""
    try:
        os.link(path, name, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(name)) from None
        os.rename(path, name)
    else:
        os.unlink(path)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _remove_quietly(path: Path) -> None:
    with suppress(OSError):
        os.unlink(path)


def _sync_folder(folder: Path) -> None:
    """A name is on the disk only when its folder is; some file systems cannot, and lose nothing but the last rename."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
