"""The solution with one thing changed, to name mistakes that nobody listed.

Mutation testing the other way round (DeMillo, Lipton and Sayward 1978, "Hints on test data selection"): there a program's
mutants ask whether its tests tell them apart; here the tests' results ask which mutant of the solution somebody wrote. The
operations that the solution calls are seen by a `TorchFunctionMode`, and one of them runs over another axis, with another
sign, one place further on, or not at all; or an argument is exchanged, one larger, or its first entry taken for all. What
gives the learner's result on every case is what they did, whatever they wrote. (mutmut and cosmic-ray change source files,
to be imported anew for each mutant; here a hundred are tried in a second, without any source.)
"""

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch.overrides import TorchFunctionMode

from mi_tutor.check.altered import Change, arguments_altered, operations_altered

Site = tuple[types.CodeType, int]
"""A place in the solution's code: all calls from it are changed alike."""


class Variation(NamedTuple):
    """A solution with one change, and the sentence for a learner whose function does the same."""

    name: str
    sentence: str
    function: Callable[..., Any]


def variations(reference: Callable[..., Any], args: dict[str, Any]) -> Iterator[Variation]:
    """All of them, for a solution and arguments on which its calls are looked at."""
    own = types.FunctionType(reference.__code__, reference.__globals__, reference.__name__, reference.__defaults__)
    for change in arguments_altered(args):
        yield Variation(change.name, change.sentence, _on_other_arguments(own, list(args), change))
    file = reference.__code__.co_filename
    seen = _Seen(file)
    with torch.no_grad(), seen:
        own(**args)
    for site, (operation, values, named) in seen.calls.items():
        for change in operations_altered(operation, values, named):
            yield Variation(change.name, change.sentence, _with_a_call_changed(own, file, site, change))


def _on_other_arguments(own: Callable[..., Any], names: list[str], change: Change) -> Callable[..., Any]:
    def varied(*args: Any) -> Any:
        return own(**change.apply(dict(zip(names, args, strict=True))))

    return varied


def _with_a_call_changed(own: Callable[..., Any], file: str, site: Site, change: Change) -> Callable[..., Any]:
    def varied(*args: Any) -> Any:
        with _Changed(file, site, change):
            return own(*args)

    return varied


class _FromTheSolution(TorchFunctionMode):
    """Sees what the solution itself calls, not what runs inside a model or a library."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file

    def site(self) -> Site | None:
        frame = sys._getframe(2)
        while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in (
            "torch",
            "einops",
            "contextlib",
        ):
            if frame.f_code.co_name in ("_call_impl", "_wrapped_call_impl"):
                return None  # inside a module's own forward
            frame = frame.f_back
        return (frame.f_code, frame.f_lasti) if frame.f_code.co_filename == self.file else None


class _Seen(_FromTheSolution):
    """The first call from every place."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.calls: dict[Site, tuple[str, tuple[Any, ...], dict[str, Any]]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if (site := self.site()) is not None:
            self.calls.setdefault(site, (operation_name(func), args, kwargs or {}))
        return func(*args, **kwargs or {})


class _Changed(_FromTheSolution):
    def __init__(self, file: str, at: Site, change: Change) -> None:
        super().__init__(file)
        self.at, self.change = at, change

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.site() == self.at:
            return self.change.apply(func, args, kwargs or {})
        return func(*args, **kwargs or {})


def operation_name(func: Any) -> str:
    """`mean` for `Tensor.mean` and `torch.mean`, `sub` for a minus sign, `T` for the property."""
    name: str = func.__name__
    if name == "__get__":
        return str(func.__self__.__name__)
    return name.strip("_")
