"""What an exercise is: a declaration that the judge reads, and how one is found.

The declarations are plug-ins, found by name as the references are: the exercise `count_bigrams` of chapter 01 is
`mi_tutor.exercises.ch01_bigrams.count_bigrams`, its reference the function of that name in
`mi_tutor.solutions.ch01_bigrams`. Nothing here imports one, and reading all of them loads no torch.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from mi_tutor.check.compare import Answer, close
from mi_tutor.check.draw import Case, Draw, cases_from_annotations
from mi_tutor.check.errors import UnknownExercise
from mi_tutor.check.law import Law
from mi_tutor.check.outline import chapters

GROUPS = ("basic", "general", "edge")
DECLARATIONS = "mi_tutor.exercises"


class Misconception(NamedTuple):
    """A known mistake: a short wrong implementation and the sentence that a learner who made it should read."""

    name: str
    sentence: str
    function: Callable[..., Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise of the contract."""

    declared_in: str
    """The `__name__` of the module that declares it: its last part is the exercise's name, the one before its chapter."""
    wrong: tuple[Callable[..., Any], ...]
    """The misconceptions. Each is a function whose docstring is the sentence that the learner reads."""
    hints: tuple[str, ...] = ()
    """From a nudge to nearly the answer."""
    cases: Callable[[Draw], Iterator[Case]] | None = None
    """How inputs are drawn, simplest first; None draws sizes for the axis names in the reference's annotations."""
    answer: Answer = close
    """How a result is compared with the reference's."""
    law: Law | None = None
    """For a sampler: the tallies of its draws and what they should be. Then results are not compared one by one."""
    parts: tuple[str, ...] = ()
    """Names for the entries of a result that are answers of their own: each can have its own mistake."""
    gradients: tuple[str, ...] = ()
    """The arguments whose gradients are judged."""
    bf16: bool = False
    """Whether bfloat16 arguments are drawn too, judged to 5 %."""
    further: str = ""
    """A question for whoever has solved it, that it leads to: another case, a limit, what it is good for. Without an answer."""
    points: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({"basic": 1, "general": 1, "edge": 1}))
    """Whole points for each group of cases."""
    solution: Callable[..., Any] | None = None
    """The reference, where it stands in the declaration's own file, as a course's own exercise has it."""

    @property
    def name(self) -> str:
        """The function's name; the reference solution has the same."""
        return self.declared_in.rpartition(".")[2]

    @property
    def solutions(self) -> str:
        """The module under `mi_tutor.solutions` that holds the reference."""
        return self.declared_in.split(".")[-2]

    @property
    def reference(self) -> Callable[..., Any]:
        """The solution that is declared here, else the one that the chapter's source holds."""
        if self.solution is not None:
            return self.solution
        function: Callable[..., Any] = getattr(
            importlib.import_module(f"mi_tutor.solutions.{self.solutions}"), self.name
        )
        return function

    @property
    def parameters(self) -> tuple[str, ...]:
        """Argument names in the order of the contract."""
        return tuple(inspect.signature(self.reference).parameters)

    @property
    def misconceptions(self) -> tuple[Misconception, ...]:
        return tuple(Misconception(f.__name__, _one_line(inspect.getdoc(f) or ""), f) for f in self.wrong)

    @property
    def max_points(self) -> int:
        return sum(self.points.values())

    def draw_cases(self, draw: Draw) -> list[Case]:
        """The cases of one seed and dtype, in the order in which they are tried: basic, general, edge."""
        cases = self.cases(draw) if self.cases else cases_from_annotations(self.reference, draw)
        return sorted(cases, key=lambda case: GROUPS.index(case.group))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


@functools.cache
def exercises() -> dict[str, Exercise]:
    """Every exercise by name, in the order in which the chapters ask for them."""
    places = [(chapter.module, task.name) for chapter in chapters() for task in chapter.every_task]
    return {name: importlib.import_module(f"{DECLARATIONS}.{chapter}.{name}").exercise for chapter, name in places}


def find_exercise(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        UnknownExercise: with the nearest names, when there is none.
    """
    known = exercises()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    advice = f"Did you mean {_either(near)}?" if near else "`progress()` lists them all."
    raise UnknownExercise(
        f"No exercise is called {name!r}. {advice} An exercise is found by the function's name; "
        f"for a function with another name write check(function, name)."
    )


def _either(names: list[str]) -> str:
    *first, last = (repr(name) for name in names)
    return f"{', '.join(first)} or {last}" if first else last
