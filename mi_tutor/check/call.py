"""Calling a learner's function: whatever it does, the notebook goes on.

Processor time is limited with SIGALRM and memory with RLIMIT_AS where the system has them. Nothing is forked: after a parallel
matrix product in the parent, torch hangs in every child. This protects against accidents. Marks that must withstand
intent are given by two processes, see mi_tutor/grading.
"""

import builtins
import contextlib
import io
import linecache
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from mi_tutor.check.compare import Problem
from mi_tutor.check.renamed import new_name

try:
    import resource
except ImportError:  # not a Unix
    resource = None  # type: ignore[assignment]

SECONDS = 10.0
"""Of processor time, so that a busy machine makes nobody's answer slow; what is being imported meanwhile is not counted."""
PATIENCE = 4
"""Times so many seconds by the clock, after which a call is ended though it has hardly worked: it sleeps, or waits.

What it stood in line for a processor is not counted, where the system tells that.
"""
IMPORT_SECONDS = 120.0
"""By the same clock, for what a call imports."""
TICK = 0.05
MEMORY_BYTES = 2 * 2**30
PRINTED_CHARACTERS = 200_000
NOT_ATTEMPTED = Problem("not attempted", "Not attempted yet: the function still raises NotImplementedError.")
_OURS = str(Path(__file__).resolve().parents[1]) + os.sep


@dataclass
class Outcome:
    """What came of a call."""

    value: Any = None
    problem: Problem | None = None
    """Why there is no value: kinds "not attempted", "exception", "time", "memory limit", "exit", "printing", "interrupt"."""
    printed: str = ""
    """The end of what it printed."""

    @property
    def fatal(self) -> bool:
        """Whether calling it again would only cost the learner more time."""
        return self.problem is not None and self.problem.kind in FATAL


FATAL = ("not attempted", "time", "memory limit", "exit", "printing", "interrupt")


class _TimeUp(BaseException):
    """A call's time is up; its argument is a sentence on what it was doing."""


class _PrintedTooMuch(BaseException):
    pass


class _Asked(Exception):
    """It wants somebody to type something, which a check is not there for: the notebook would wait for ever."""


def _nobody_types(*args: Any, **named: Any) -> Any:
    raise _Asked


class _Paper(io.TextIOBase):
    """Takes what is printed, up to a limit, and keeps the end of it."""

    def __init__(self, limit: int) -> None:
        self.limit, self.length, self.tail = limit, 0, ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.length += len(text)
        self.tail = (self.tail + text[-2000:])[-2000:]
        if self.length > self.limit:
            raise _PrintedTooMuch
        return len(text)


def call(function: Callable[..., Any], arguments: tuple[Any, ...], *, limit_memory: bool = True) -> Outcome:
    """Call it with limits, and describe what came of it. Raises KeyboardInterrupt only when the person pressed it."""
    paper = _Paper(PRINTED_CHARACTERS)
    memory = _limited_memory(MEMORY_BYTES) if limit_memory else contextlib.nullcontext()
    pressed: list[bool] = []
    try:
        with _streams(paper), memory, _noticed_interrupt(pressed), _alarm(SECONDS):
            outcome = Outcome(function(*arguments))
    except BaseException as error:
        if pressed:
            raise KeyboardInterrupt from None
        outcome = Outcome(problem=_read(error))
        traceback.clear_frames(error.__traceback__)
    outcome.printed = paper.tail
    return outcome


@contextlib.contextmanager
def _streams(paper: _Paper) -> Iterator[None]:
    asks, stops = builtins.input, sys.breakpointhook
    builtins.input = sys.breakpointhook = _nobody_types
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(paper), contextlib.redirect_stderr(paper):
            warnings.simplefilter("ignore")
            yield
    finally:
        builtins.input, sys.breakpointhook = asks, stops


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    watch = _Watch(seconds)

    def ring(number: int, frame: FrameType | None) -> None:
        # Never inside our own clean-up, which it would tear: it rings again in a moment.
        if frame is None or frame.f_code.co_filename in (__file__, contextlib.__file__):
            return
        if sentence := watch.time_is_up(frame):
            watch.rings += 1
            if watch.rings % 2:
                raise _TimeUp(sentence)
            _raise_at_next_line(frame, sentence)

    before, tracer = signal.signal(signal.SIGALRM, ring), sys.gettrace()
    signal.setitimer(signal.ITIMER_REAL, min(TICK, seconds), min(TICK, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before if before is not None else signal.SIG_DFL)
        sys.settrace(tracer)


class _Watch:
    """What a call has used, asked at each tick."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.rings = seconds, 0
        self.imported, self.importing = 0.0, 0.0  # of processor time, by the clock
        self.begun, self.worked = unhindered(), time.thread_time()
        self.last, self.seen = self.worked, self.begun

    def time_is_up(self, frame: FrameType) -> str:
        """Why it is, as a sentence; empty while it is not."""
        now, clock, importing = time.thread_time(), unhindered(), _imports(frame)
        self.imported += importing * (now - self.last)
        self.importing += importing * (clock - self.seen)
        self.last, self.seen = now, clock
        if importing and self.importing > IMPORT_SECONDS:
            return f"It was still importing something after {IMPORT_SECONDS:g} seconds"
        if clock - self.begun - self.importing > PATIENCE * self.seconds:
            if now - self.worked - self.imported < self.seconds / 2:
                return f"It was still waiting for something after {PATIENCE * self.seconds:g} seconds"
            return f"It was still running after {PATIENCE * self.seconds:g} seconds"
        if importing or now - self.worked - self.imported < self.seconds:
            return ""
        return f"It was still running after {self.seconds:g} seconds"


def unhindered() -> float:
    """Seconds by the clock, less what this thread was ready to run and had to wait for a processor: Linux counts it."""
    try:
        with open("/proc/thread-self/schedstat", encoding="ascii") as counts:
            return time.monotonic() - int(counts.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return time.monotonic()


def _imports(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != __file__:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _raise_at_next_line(frame: FrameType | None, sentence: str) -> None:
    """For a loop whose bare `except:` swallowed the first ring: the next line may lie outside its `try`."""

    def trace(inner: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and inner.f_code.co_filename not in (__file__, contextlib.__file__):
            raise _TimeUp(sentence)
        return trace

    sys.settrace(trace)
    while frame is not None and frame.f_code.co_filename != __file__:
        frame.f_trace = trace
        frame = frame.f_back


@contextlib.contextmanager
def _noticed_interrupt(pressed: list[bool]) -> Iterator[None]:
    """Tell a person's Ctrl-C from a KeyboardInterrupt that the function raises itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(True)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before if before is not None else signal.SIG_DFL)


@contextlib.contextmanager
def _limited_memory(extra: int) -> Iterator[None]:
    if resource is None:
        yield
        return
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = pages * resource.getpagesize() + extra
        limited = wanted if soft == resource.RLIM_INFINITY else min(soft, wanted)
        resource.setrlimit(resource.RLIMIT_AS, (limited, hard))
    except (OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _read(error: BaseException) -> Problem:
    """A sentence for what was raised."""
    where = _learners_line(error)
    if isinstance(error, NotImplementedError) and _raised_by_name(error):
        return NOT_ATTEMPTED
    if isinstance(error, _TimeUp):
        asks = " Is there a loop that never ends?" if "running" in str(error) else ""
        return Problem("time", f"{error}{where}.{asks}")
    if isinstance(error, _PrintedTooMuch):
        return Problem(
            "printing",
            f"It printed more than {PRINTED_CHARACTERS:,} characters{where}. Take the print out of the loop.",
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in _text(error) or "bad_alloc" in _text(error):
        return Problem("memory limit", f"It asked for more than {MEMORY_BYTES / 2**30:g} GiB of memory{where}.")
    if isinstance(error, RecursionError):
        return Problem("exception", f"It calls itself without end{where}.")
    if isinstance(error, _Asked):
        return Problem(
            "exception", f"It waits for somebody to type something{where}: all that it needs are its arguments."
        )
    if isinstance(error, SystemExit):
        return Problem("exit", f"It called exit{where}. A function answers with `return`.")
    if isinstance(error, KeyboardInterrupt):
        return Problem("interrupt", f"It raised KeyboardInterrupt itself{where}.")
    if renamed := new_name(error):
        return Problem("exception", f"It could not import something{where}. {renamed}")
    text = _text(error)
    return Problem("exception", f"It raised {type(error).__name__}{f': {text}' if text else ''}{where}")


def _raised_by_name(error: BaseException) -> bool:
    """Whether the code that raised it names the class: torch raises it too, for operations that a dtype lacks."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and "NotImplementedError" in last.tb_frame.f_code.co_names


def _text(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:
        return ""
    return text if len(text) <= 400 else text[:400] + " …"


def _learners_line(error: BaseException) -> str:
    """The last line of the learner's own code on the way to the error: not ours, not a library's."""
    theirs = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]
    if not theirs:
        return ""
    last = theirs[-1]
    line = linecache.getline(last.filename, last.lineno or 0).strip() or (last.line or "")
    return f" (in line {last.lineno}: `{line}`)" if line else f" (in line {last.lineno})"


def _is_library(filename: str) -> bool:
    return filename.startswith((_OURS, sys.prefix, sys.base_prefix, "<frozen")) or "site-packages" in filename
