"""`predict` asks what a learner expects of the next demonstration, `reveal` puts what came beside it.

A widget where widgets run; everywhere else the same call with the answer in it. Nothing depends on either: whoever says
nothing reads what came, and no error of theirs stops a chapter.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from mi_tutor.check.card_style import BLUE, GREY, aside, with_code
from mi_tutor.check.predictions import SURE, Question, Unreadable, plain, verdict
from mi_tutor.check.records import Prediction, keep, kept

_asked: dict[str, Question] = {}
"""By name: what was asked in this process."""

# What stands folded is open where it is printed, and in an exported page, whose readers cannot be asked first.
_UNFOLDED = (
    "<style>@media print{details::details-content{content-visibility:visible;block-size:auto;opacity:1}}"
    "body.jp-Notebook details::details-content{content-visibility:visible;block-size:auto;opacity:1}</style>"
)


@dataclass(frozen=True)
class Said:
    """What was just said, or why it is no answer."""

    text: str
    colour: str = BLUE

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return _UNFOLDED + aside(with_code(self.text), self.colour)


def predict(
    name: str,
    answer: Any = None,
    *,
    number: tuple[float, float] | bool = False,
    unit: str = "",
    choices: Iterable[Any] = (),
    heads: tuple[int, int] | int | None = None,
    tokens: Iterable[str] | bool = False,
    sure: str = "",
) -> Any:
    """Say what you expect before you see it. Nothing needs it, nothing is marked; `progress()` sums up how it went.

    Without an answer a widget asks for one, where widgets run. With one it is noted at once:
    `predict("which-head", "1.6")`, `predict("share", 40)`, `predict("share", (30, 50), sure="very sure")`.

    Args:
        name: of the prediction.
        answer: a number or a pair of them for a range; one of `choices`; a head such as "1.6", or a list of them;
            tokens; a sentence. It replaces what was said before.
        number: the lowest and the highest that can be said; True where there are no ends.
        unit: of the number, such as "nats" or "%" (then it is from 0 to 100).
        choices: one of these is asked for.
        heads: how many layers and how many heads a layer; or how many heads, where there is one layer.
        tokens: those to choose from; True for any.
        sure: "a guess", "fairly sure" or "very sure".

    Returns:
        What a notebook shows: the widget, or what was noted.
    """
    asked = _question(number, unit, tuple(choices), heads, tokens if isinstance(tokens, bool) else tuple(tokens))
    if asked is not None:
        _asked[name] = asked
    elif name not in _asked:
        guessed, before = Question() if answer is None else _guess(answer), _last(name)
        _asked[name] = replace(guessed, kind=before.kind) if before is not None else guessed
    question = _asked[name]
    if answer is None:
        return _ask(name, question, _last(name))
    return _note(name, question, answer, sure)


def reveal(name: str, came: Any, unit: str | None = None) -> None:
    """Print what a learner said beside what came: "You said 0.5; it is 0.93."

    Args:
        name: of the prediction.
        came: in the form of an answer; a sentence, for a prediction in words.
        unit: of the number, where `predict` was not run.
    """
    before = _last(name)
    question = _asked.get(name) or _guess(came)
    if unit is not None:
        question = replace(question, unit=unit)
    if before is None or before.kind != question.kind:
        before = Prediction(name, question.kind, None)
    try:
        # What came may lie outside of what could be said, and may be a choice that nobody listed.
        value = replace(question, low=None, high=None, options=()).read(_listed(question, came))
    except Unreadable:  # a number was said where a name was asked: they stand side by side, and nothing is kept
        said = f"You said {question.words(before.said)}; it" if before.said is not None else "It"
        print(f"{said} is {came}.")
        return
    made = before._replace(came=value)
    print(verdict(question, made))
    if made.said is not None:
        keep(made)


def _listed(question: Question, came: Any) -> Any:
    """A single name that came as a list of one, so that the spaces in it are its own."""
    if question.kind in ("choice", "several") and isinstance(came, str):
        return [came]
    return came


def _question(
    number: tuple[float, float] | bool,
    unit: str,
    choices: tuple[Any, ...],
    heads: tuple[int, int] | int | None,
    tokens: tuple[str, ...] | bool,
) -> Question | None:
    """What is asked; None where the call does not say."""
    if number:
        low, high = (None, None) if isinstance(number, bool) else (float(number[0]), float(number[1]))
        if isinstance(number, bool) and unit == "%":
            low, high = 0.0, 100.0
        return Question("number", low, high, unit)
    if choices:
        return Question("choice", options=tuple(map(str, choices)))
    if isinstance(heads, int):
        return Question("several", options=tuple(map(str, range(heads))))
    if heads:
        names = (f"{layer}.{head}" for layer in range(heads[0]) for head in range(heads[1]))
        return Question("several", options=tuple(names))
    if tokens:
        return Question("several", options=() if isinstance(tokens, bool) else tuple(map(str, tokens)))
    return None


def _guess(answer: Any) -> Question:
    """What must have been asked, of an answer whose question was not run."""
    answer = plain(answer)
    parts = answer if isinstance(answer, tuple | list) else [answer]
    if all(isinstance(part, int | float) and not isinstance(part, bool) for part in parts) and len(parts) <= 2:
        return Question("number")
    return Question("several") if isinstance(answer, list | tuple) else Question("sentence")


def _last(name: str) -> Prediction | None:
    return next((each for each in reversed(kept().predictions) if each.prediction == name), None)


def _note(name: str, question: Question, answer: Any, sure: str) -> Said:
    """Keep an answer; a sentence about it, or about why it is none."""
    if sure and sure not in SURE:
        return Said(f"`sure` is {', '.join(map(repr, SURE))}, not {sure!r}. Nothing was noted.", GREY)
    try:
        said = question.read(answer)
    except Unreadable as error:
        return Said(f"{error} Nothing was noted.", GREY)
    before = _last(name)
    seen = before is not None and before.came is not None
    if before is None or (before.said, before.sure, before.kind) != (said, sure, question.kind):
        keep(Prediction(name, question.kind, said, sure, before.came if before and seen else None, question.span))
    words = f"Noted: {question.words(said)}{f', {sure}' if sure else ''}."
    return Said(f"{words} You have seen what came; the first answer counts." if seen else words)


def _ask(name: str, question: Question, before: Prediction | None) -> Any:
    """The widget with what was said before in it, and beside it what stands where no widget runs."""
    said = before.said if before is not None and before.kind == question.kind else None
    sure = before.sure if before is not None else ""
    earlier = (
        f"You said {question.words(said)}{f', {sure}' if sure else ''}."
        if said is not None
        else f"Your prediction: {question.wanted}. "
        f"With no field to write it into, say it in a cell: `predict({name!r}, {question.example})`."
    )
    try:
        return _widget(name, question, said, sure, earlier)
    except ImportError:
        return Said(earlier)


def _widget(name: str, question: Question, said: Any, sure: str, earlier: str) -> Any:
    import ipywidgets

    from mi_tutor.views.controls import Control

    wide = ipywidgets.Layout(width="32em", max_width="100%")
    shown = question.words(said) if said is not None else ""
    if question.kind == "choice":
        many = len(question.options) > 4
        kind = ipywidgets.Dropdown if many else ipywidgets.RadioButtons
        field = kind(options=list(question.options), value=said if said in question.options else None, layout=wide)
    elif question.kind == "several" and 0 < len(question.options) <= 40:
        field = ipywidgets.SelectMultiple(
            options=list(question.options),
            value=tuple(each for each in said or () if each in question.options),
            rows=min(8, len(question.options)),
            layout=wide,
        )
    else:
        kind = ipywidgets.Textarea if question.kind == "sentence" else ipywidgets.Text
        field = kind(value=shown, placeholder=question.wanted, continuous_update=False, layout=wide)
    how_sure = ipywidgets.ToggleButtons(options=list(SURE), value=sure or None, style={"button_width": "7em"})
    line = ipywidgets.HTML(with_code(earlier if said is not None else f"Wanted is {question.wanted}."))

    def take(change: Any) -> None:
        if field.value in (None, "", ()):
            return
        line.value = with_code(_note(name, question, field.value, how_sure.value or "").text)

    field.observe(take, names="value")
    how_sure.observe(take, names="value")
    label = ipywidgets.HTML("<b>Your prediction</b>")
    box = ipywidgets.VBox([label, field, how_sure, line])
    return Control(box, _UNFOLDED + aside(with_code(earlier), BLUE), earlier)
