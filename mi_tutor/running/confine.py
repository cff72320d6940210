"""What a worker takes away from itself before it runs a learner's code: privileges, room, and calls to the system.

All of it is for good: nothing here can be undone by the process, nor by what it starts.
"""

import contextlib
import ctypes
import os
import platform
import signal
import struct
import sys
from pathlib import Path
from typing import NamedTuple

FILE_BYTES = 2**26
OPEN_FILES = 256
THREADS = 64
LATER_IMPORTS = 3 * 2**30
"""Bytes of address space for libraries that a learner's imports map; little of it is ever memory."""
LATER_DATA = 2**30
"""Bytes that these libraries and the interpreter may allocate."""
_DEATH_SIGNAL = 1
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER = 38, 22, 2
_DENY, _NO_SUCH_CALL, _ALLOW = 0x00050000 | 1, 0x00050000 | 38, 0x7FFF0000  # errno EPERM, errno ENOSYS, go on
_CLONE_THREAD = 0x10000


class Limits(NamedTuple):
    """What a submission may take. As in a notebook's checks, when nothing else is wished."""

    seconds: float = 10.0
    """For one call of a function."""
    memory_bytes: int = 2 * 2**30
    """For one call, beyond what its process holds."""


def confine(*, memory_bytes: int, seconds: int, uid: int | None) -> None:
    """Limit this process and all that it may start.

    Args:
        memory_bytes: address space beyond what is mapped now and what later imports map.
        seconds: of processor time.
        uid: become this user, which has to be one that nobody is, when started as root.

    Raises:
        OSError: this system does not allow one of the limits that it has.
    """
    if uid is not None and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    die_with_parent()  # forgotten by the kernel when a process becomes another user, so not before
    _limit(memory_bytes, seconds)
    with contextlib.suppress(OSError, AttributeError, KeyError):  # another system, another processor
        _forbid_calls()


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends, however that ends; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)


def _limit(memory_bytes: int, seconds: int) -> None:
    import resource

    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: _running() + THREADS,  # counted by user, threads too
    }
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + memory_bytes + LATER_IMPORTS
        limits[resource.RLIMIT_DATA] = memory_bytes + LATER_DATA
    for which, wanted in limits.items():
        _, hard = resource.getrlimit(which)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (value, value))


def _running() -> int:
    """How many threads of this user run already, as far as can be seen from here; many where nothing can."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            count += len(os.listdir(folder / "task")) if folder.stat().st_uid == os.getuid() else 0
    return count or 4000


# Numbers of system calls on (x86_64, aarch64); None where a processor does not have one.
_FORK, _VFORK, _CLONE, _CLONE3 = (57, None), (58, None), (56, 220), (435, 435)
_SOCKET, _LOCAL = (41, 198), 1
_FORBIDDEN = (
    *((112, 157), (109, 154)),  # setsid, setpgid: a session of its own gets a share of the processor of its own
    *((203, 122), (141, 140)),  # sched_setaffinity, setpriority
    *((101, 117), (310, 270), (311, 271)),  # ptrace, process_vm_readv, process_vm_writev
    *((319, 279), (447, 447)),  # memfd_create, memfd_secret: files in memory that no limit counts
    *((425, 425), (426, 426), (427, 427)),  # io_uring
    *((272, 97), (308, 268), (165, 40)),  # unshare, setns, mount
    *((248, 217), (250, 219), (321, 280), (298, 241), (323, 282)),  # add_key, keyctl, bpf, perf_event_open, userfaultfd
    *((29, 194), (64, 190), (68, 186)),  # shmget, semget, msgget: they outlive a process
)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def _forbid_calls() -> None:
    """A filter in the kernel: threads may be started, processes may not; nor what else a learner has no need of.

    A program in the kernel's little language for filters, instruction by instruction: (code, if true, if false, value),
    where the jumps count instructions to pass over.
    """
    column, machine = _MACHINES[platform.machine()]
    load, equal, at_least, any_bit, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    program = [
        (load, 0, 0, 4),  # the kind of machine that the call is made as
        (equal, 1, 0, machine),
        (answer, 0, 0, _DENY),
        (load, 0, 0, 0),  # the call's number
        (at_least, 0, 1, 0x40000000),  # x86_64's second table of calls
        (answer, 0, 0, _DENY),
    ]
    for numbers in (_FORK, _VFORK, *_FORBIDDEN):
        if (number := numbers[column]) is not None:
            program += [(equal, 0, 1, number), (answer, 0, 0, _DENY)]
    program += [
        (equal, 0, 4, _SOCKET[column]),
        (load, 0, 0, 16),  # its first argument, the family: Python's own event loops want local ones, nobody others
        (equal, 0, 1, _LOCAL),
        (answer, 0, 0, _ALLOW),
        (answer, 0, 0, _DENY),
        (equal, 0, 1, _CLONE3[column]),  # its flags lie in memory, out of a filter's sight; libc then takes clone
        (answer, 0, 0, _NO_SUCH_CALL),
        (equal, 0, 4, _CLONE[column]),
        (load, 0, 0, 16),  # clone's first argument, its flags
        (any_bit, 1, 0, _CLONE_THREAD),
        (answer, 0, 0, _DENY),
        (answer, 0, 0, _ALLOW),
        (answer, 0, 0, _ALLOW),
    ]
    filters = b"".join(struct.pack("<HBBI", *line) for line in program)
    held = ctypes.create_string_buffer(filters)
    described = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(held)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SECCOMP, _FILTER, described, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")
