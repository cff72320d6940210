"""What can be predicted and how it is read, how far a prediction was from what came, and the sum of them all.

Nothing here is a mark: it tells a learner what to trust of their own expectations, and how surely. Loads no torch.
"""

import numbers
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mi_tutor.check.outline import chapters
from mi_tutor.check.records import Prediction
from mi_tutor.check.standing import many

SURE = ("a guess", "fairly sure", "very sure")
FAR = 0.25
"""A miss from which on a prediction counts as wrong: a quarter of what could be said."""
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})(?:\s*(?:to|\.\.|,|–|-)\s*({_NUMBER}))?\s*")
_LONGEST = 500


class Unreadable(ValueError):
    """What was said is no answer to what was asked; the sentence says what would be one."""


@dataclass(frozen=True)
class Question:
    """What is asked: a number, one of several things, some of them, or a sentence."""

    kind: str = "sentence"
    """"number", "choice", "several" or "sentence"."""
    low: float | None = None
    high: float | None = None
    unit: str = ""
    options: tuple[str, ...] = ()
    """What can be chosen; empty for tokens that nobody listed."""

    @property
    def span(self) -> float | None:
        """How far apart the ends of what can be said lie."""
        return self.high - self.low if self.low is not None and self.high is not None else None

    @property
    def wanted(self) -> str:
        """What an answer looks like, as "Wanted is …" goes on."""
        if self.kind == "number":
            if self.low is None or self.high is None:
                return f"a number{_unit(self.unit)}, or a range such as 2 to 3"
            near, far = (self.low + part * (self.high - self.low) for part in (0.4, 0.6))
            return (
                f"a number from {self.low:g} to {self.high:g}{_unit(self.unit)}, or a range such as {near:g} to {far:g}"
            )
        if self.kind == "sentence":
            return "a sentence"
        some = "one of these" if self.kind == "choice" else "one or more of these"
        if not self.options:
            return "one token, or several with spaces between them"
        shown = self.options if len(self.options) <= 12 else (*self.options[:3], "…", self.options[-1])
        return f"{some}: {', '.join(shown)}".replace("`", "")  # between backticks stands code, on a card

    @property
    def example(self) -> str:
        """Something to write into the call, as Python."""
        if self.kind == "number":
            middle = (self.low + self.high) / 2 if self.low is not None and self.high is not None else 1
            return f"{middle:g}"
        if self.kind == "sentence":
            return '"what you expect"'
        return repr(self.options[0].replace("`", "")) if self.options else '" self"'

    def read(self, answer: Any) -> Any:
        """An answer as it is kept.

        Args:
            answer: from a cell or from a widget: a number, a pair of numbers for a range, an option, several of them
                in a list, or any of these as text; heads also as pairs.

        Raises:
            Unreadable: it is none.
        """
        answer = plain(answer)
        if self.kind == "number":
            return self._number(answer)
        if self.kind == "sentence":
            return str(answer).strip()[:_LONGEST]
        several = self._several(answer)
        if self.kind == "choice" and len(several) != 1:
            raise Unreadable(f"Wanted is {self.wanted}.")
        return several[0] if self.kind == "choice" else several

    def words(self, value: Any) -> str:
        """An answer as kept, to be read."""
        if self.kind == "number":
            ends = value if isinstance(value, tuple) else (value,)
            return " to ".join(f"{end:.3g}" for end in ends) + _unit(self.unit)
        return ", ".join(value) if isinstance(value, tuple) else str(value)

    def _number(self, answer: Any) -> float | tuple[float, float]:
        if isinstance(answer, str):
            found = _RANGE.fullmatch(answer.replace(self.unit, "") if self.unit else answer)
            answer = found and [float(end) for end in found.groups() if end is not None]
        ends = [answer] if isinstance(answer, numbers.Real) else answer
        if not isinstance(ends, Sequence) or not all(isinstance(end, numbers.Real) for end in ends) or len(ends) > 2:
            raise Unreadable(f"Wanted is {self.wanted}.")
        low, high = (-float("inf") if self.low is None else self.low), float("inf") if self.high is None else self.high
        values = sorted(float(end) for end in ends)
        if not values or not all(low <= value <= high and abs(value) < float("inf") for value in values):
            raise Unreadable(f"Wanted is {self.wanted}.")
        return values[0] if len(set(values)) == 1 else (values[0], values[1])

    def _several(self, answer: Any) -> tuple[str, ...]:
        if isinstance(answer, str):
            whole = _alike(answer)
            if any(_alike(option) == whole for option in self.options):
                answer = [answer]
            else:
                answer = re.split(r"[,;]\s*|\s+" if self.options else r"\s+", answer.strip())
        elif not isinstance(answer, Sequence) or _is_pair(answer):
            answer = [answer]
        said = [f"{a[0]}.{a[1]}" if _is_pair(a) else str(a) for a in answer]
        if not self.options:
            chosen = [each.strip() for each in said]
        else:
            by_name = {_alike(option): option for option in reversed(self.options)}
            unknown = [each for each in said if _alike(each) not in by_name]
            if unknown:
                raise Unreadable(f"Wanted is {self.wanted}; {unknown[0]!r} is not among them.")
            chosen = [by_name[_alike(each)] for each in said]
        if not all(chosen) or not chosen:
            raise Unreadable(f"Wanted is {self.wanted}.")
        return tuple(dict.fromkeys(each[:_LONGEST] for each in chosen))


def plain(value: Any) -> Any:
    """A tensor or an array as Python's own numbers."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, numbers.Integral) for v in value)


def _alike(text: object) -> str:
    """L1H6 is 1.6; capitals, spaces at the ends and marks of code do not count."""
    head = re.fullmatch(r"l(\d+)h(\d+)", text := str(text).strip().casefold().replace("`", ""))
    return f"{head[1]}.{head[2]}" if head else text


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def miss(made: Prediction) -> float | None:
    """How far off a prediction was, from 0, right, to 1; None for a sentence, and for what was not shown yet.

    A number: its distance in parts of what could be said, or of the larger of the two numbers where that has no ends;
    a range counts from its nearer end. Several: the share of what was named and was not there.
    """
    said, came = made.said, made.came
    if came is None or made.kind == "sentence":
        return None
    if made.kind == "choice":
        return float(said != came)
    if made.kind == "several":
        return 1 - len(set(said) & set(came)) / len(said)
    low, high = said if isinstance(said, tuple) else (said, said)
    least, most = came if isinstance(came, tuple) else (came, came)
    distance = max(low - most, least - high, 0.0)
    scale = made.span or max(abs(end) for end in (low, high, least, most))
    return min(1.0, distance / scale) if distance else 0.0


def verdict(question: Question, made: Prediction) -> str:
    """What was said beside what came, in a sentence; what came alone where nothing was said."""
    came = question.words(made.came)
    if made.said is None:
        return f"It is {came}."
    said, off = question.words(made.said), miss(made)
    sure = f" ({made.sure})" if made.sure else ""
    if made.kind == "sentence":
        return f"You said{sure}: {said}\nSeen: {came}"
    if isinstance(made.said, tuple) and made.kind == "number":
        return f"You said {said}{sure}; it is {came}: {'inside' if off == 0 else 'outside'}."
    if made.kind == "several":
        hits = len(set(made.said) & set(made.came))
        return f"You said {said}{sure}; it is {came}: {hits} of your {len(made.said)}."
    return f"You said {said}{sure}; it is {came}."


@dataclass(frozen=True)
class Summary:
    """A learner's predictions, summed up: no score, and no marks."""

    made: int
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.sentences)


def summary(predictions: Iterable[Prediction]) -> Summary:
    """What was predicted before it was shown, by kind: how near, how often right, where one was surest and wrong."""
    first: dict[str, Prediction] = {}
    for each in predictions:
        if each.came is not None and each.said is not None:
            first.setdefault(each.prediction, each)  # what is said later was said by somebody who had seen it
    if not first:
        return Summary(0, ())
    told = [f"{many(len(first), 'prediction')} made and looked at."]
    by_kind = {kind: [p for p in first.values() if p.kind == kind] for kind in ("number", "choice", "several")}
    points = [p for p in by_kind["number"] if not isinstance(p.said, tuple)]
    ranges = [p for p in by_kind["number"] if isinstance(p.said, tuple)]
    if points:
        middle = statistics.median(miss(p) or 0.0 for p in points)
        told.append(f"Of {many(len(points), 'number')} half lay within {middle:.0%} of the scale asked about.")
    if ranges:
        told.append(f"{sum(miss(p) == 0 for p in ranges)} of {many(len(ranges), 'range')} held what came.")
    if choices := by_kind["choice"]:
        told.append(f"Of {many(len(choices), 'choice')} {sum(miss(p) == 0 for p in choices)} came out so.")
    if several := by_kind["several"]:
        hits = sum(len(set(p.said) & set(p.came)) for p in several)
        told.append(f"Of {sum(len(p.said) for p in several)} heads and tokens named, {hits} were there.")
    wrong = [p for p in first.values() if (miss(p) or 0.0) > FAR and p.sure in SURE[1:]]
    if wrong:
        worst = max(wrong, key=lambda p: (SURE.index(p.sure), miss(p) or 0.0))
        question = Question(worst.kind)
        told.append(
            f"Surest and wrong: `{worst.prediction}`{_where(worst.prediction)}, {worst.sure}, "
            f"{question.words(worst.said)}; it was {question.words(worst.came)}."
        )
    return Summary(len(first), tuple(told))


def _where(name: str) -> str:
    place = next((chapter for chapter in chapters() if name in chapter.predictions), None)
    return f" in {place.title}" if place else ""
