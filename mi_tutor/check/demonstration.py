"""Demonstrations that stand on exercises: an unsolved chapter runs from top to bottom, and says what to do first."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

LAST_CHECK: dict[str, tuple[Callable[..., Any], bool]] = {}
"""By exercise: the function that was checked last, and whether it passed after having been attempted."""


@contextmanager
def needs(*functions: Callable[..., Any]) -> Iterator[None]:
    """Run a demonstration; while one of these exercises is unsolved, name it instead of showing a traceback.

    Every other error, and every error once all of them are attempted, is the learner's to see. A function that failed its
    last check is named too: what a demonstration then shows is not what the text says of it.
    """
    for function in functions:
        if LAST_CHECK.get(function.__name__) == (function, False):
            print(f"`check({function.__name__})` has not passed: what follows is computed with a wrong function.")
    try:
        yield
    except (NotImplementedError, NameError):
        empty = [f"`{function.__name__}`" for function in functions if is_stub(function)]
        if not empty:
            raise
        *others, last = empty
        what = f"{', '.join(others)} and {last}" if others else last
        print(f"This demonstration needs {what}: solve {'them' if others else 'it'} first.")


def is_stub(function: Callable[..., Any]) -> bool:
    """Whether an exercise is still as it was handed out."""
    code = getattr(function, "__code__", None)
    return code is not None and "NotImplementedError" in code.co_names


def is_untouched(function: object) -> bool:
    """Whether it does nothing at all but raise NotImplementedError, as a stub does: then no input need be made for it."""
    code = getattr(function, "__code__", None)
    return code is not None and code.co_names == ("NotImplementedError",) and code.co_nlocals == code.co_argcount
