"""Processes under one hard limit of memory, all of them together: a control group of their own, of version 1 or 2.

Where none can be made (no root, no delegated group, not Linux) a watch takes its place: it adds up what the processes
have and kills them when that is over the limit. It looks a few times a second, so a short peak escapes it.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LOOKS_PER_S = 5


class Group:
    """A control group with a limit on memory; remove it when its processes have ended."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.is_v1 = folder, (folder / "memory.limit_in_bytes").exists()
        if self.is_v1:
            _write(folder / "memory.limit_in_bytes", limit)
            # Memory and swap together; a kernel without accounting for swap has no such file.
            with suppress(FileNotFoundError):
                _write(folder / "memory.memsw.limit_in_bytes", limit)
        else:
            _write(folder / "memory.max", limit)
            with suppress(FileNotFoundError):
                _write(folder / "memory.swap.max", 0)

    def limit(self) -> int:
        """What holds in fact, in bytes: a group further up may allow less."""
        name = "memory.limit_in_bytes" if self.is_v1 else "memory.max"
        found = []
        for folder in (self.folder, *self.folder.parents):
            with suppress(OSError, ValueError):  # outside the groups there is no such file, and "max" is no number
                found.append(int((folder / name).read_text()))
        return min(found)

    def killed(self) -> int:
        """How many of its processes the kernel killed because the memory did not suffice."""
        events = (self.folder / ("memory.oom_control" if self.is_v1 else "memory.events")).read_text()
        return next(int(line.split()[1]) for line in events.splitlines() if line.startswith("oom_kill "))

    def enter(self) -> None:
        """Put the calling process in."""
        _write(self.folder / "cgroup.procs", os.getpid())

    def remove(self) -> None:
        self.folder.rmdir()


def make_group(limit: int) -> Group | None:
    """A group under that of this process (under the topmost where that one may not be divided); None where none can be made."""
    for parent in _parents():
        folder = parent / f"mi-tutor-{os.getpid()}"
        try:
            if (parent / "cgroup.subtree_control").exists():
                _write(parent / "cgroup.subtree_control", "+memory")
            folder.mkdir()
        except OSError:
            continue
        try:
            return Group(folder, limit)
        except OSError:
            folder.rmdir()
    return None


def _parents() -> list[Path]:
    """Folders in which a group might be made: this process's own, then the one at the top."""
    found = []
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, place = line.split(":", 2)
            top = Path("/sys/fs/cgroup", *(["memory"] if controllers else []))
            if "memory" in controllers.split(",") or (not controllers and (top / "cgroup.controllers").exists()):
                found += [top / place.lstrip("/"), top]
    return found


class Limited:
    """A program and all that it starts, under the limit and on so many cores; its end ends all of them.

    `peak` is the most memory in bytes that they were seen to have together, pages that they share counted once (the sum
    of the proportional set sizes; of the resident sets where the system does not tell those).
    """

    def __init__(
        self, command: Sequence[str], limit: int, cores: int, cwd: Path, env: Mapping[str, str], log: Path
    ) -> None:
        self.group, self.allowed, self.peak, self.watch_killed = make_group(limit), limit, 0, False
        if self.group:
            self.allowed = min(limit, self.group.limit())

        def enter() -> None:
            if self.group:
                self.group.enter()
            if hasattr(os, "sched_setaffinity"):
                os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command, cwd=cwd, env=env, stdout=file, stderr=file, preexec_fn=enter, start_new_session=True
            )
        self._over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def out_of_memory(self) -> bool:
        """Whether the limit was met and something was killed for it."""
        return self.watch_killed or bool(self.group and self.group.killed())

    def close(self) -> None:
        """End everything; the group goes with it."""
        family = self._family()
        self._over.set()
        self._watcher.join()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=15)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=15)
        self.process.wait()
        if self.group:
            self.group.remove()

    def _family(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _watch(self) -> None:
        while not self._over.wait(1 / LOOKS_PER_S):
            family = self._family()
            self.peak = max(self.peak, sum(map(_resident, family)))
            if self.group is None and self.peak > self.allowed:
                self.watch_killed = True
                for process in family:
                    with suppress(psutil.NoSuchProcess):
                        process.kill()


def _resident(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
        return int(getattr(found, "pss", 0) or found.rss)
    except psutil.Error:
        return 0


def _write(path: Path, value: object) -> None:
    if not path.exists():
        raise FileNotFoundError(path)
    path.write_text(f"{value}\n")
