"""What a learner is shown: one sentence, the input that failed, the points."""

import html
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mi_tutor.check.card_style import BLUE, GREY, ORANGE, card_style, with_code
from mi_tutor.check.compare import in_dtype
from mi_tutor.check.draw import copy_arguments
from mi_tutor.check.factored import is_factored
from mi_tutor.check.onward import onward
from mi_tutor.check.outline import is_starred
from mi_tutor.check.trial import Trial

PLAIN_KINDS = ("value", "nan", "shape", "dtype", "device", "type", "exception", "law", "signature", "prediction")
"""Mistakes whose name adds nothing to the sentence."""
SMALL = 40
"""Entries up to which a tensor is written out, so that it can be pasted and rerun by hand."""
OTHER_INPUTS = "The marks come from other inputs, drawn when it is graded."


class GroupMark(NamedTuple):
    """The mark of one group of cases."""

    group: str
    points: int
    max_points: int
    passed: bool
    cases: int


@dataclass(frozen=True)
class Report:
    """The result of a check.

    In a notebook it shows as a card. `repr` is the earned points alone, which is what nbgrader reads (of examples that
    pass, which earn none, the sentence); `str` is the sentence.
    """

    exercise: str
    points: float
    max_points: float
    mistake: str | None
    """The misconception or detector that matched; None when all is right."""
    message: str
    groups: tuple[GroupMark, ...] = ()
    failed_on: dict[str, Any] = field(default_factory=dict, repr=False)
    """The arguments of the first case that failed."""
    expected: Any = field(default=None, repr=False)
    """What that case should have given, in the dtype in which it is asked for; None where no one answer is."""
    got: Any = field(default=None, repr=False)
    """What it gave."""
    printed: str = ""
    """The end of what the function printed there."""
    note: str = ""
    """What the learner should know of the function that was judged: that it is an earlier version, for example."""
    warning: str = ""
    """What will keep a right answer from its marks where it is graded."""
    further: str = ""
    """The question that a right answer leads to."""
    examples: int = 0
    """How many written-out examples it was tried on, where that was all; then there are no points."""

    @property
    def arguments(self) -> dict[str, Any]:
        """A fresh copy of them, generators included, for trying it again: `function(**report.arguments)`."""
        return copy_arguments(self.failed_on)

    @property
    def passed(self) -> bool:
        """Whether every point was earned."""
        return self.mistake is None

    @classmethod
    def make(
        cls, exercise: str, groups: tuple[GroupMark, ...], mistake: str | None, sentence: str, failed: Trial | None
    ) -> "Report":
        points, most = sum(g.points for g in groups), sum(g.max_points for g in groups)
        if mistake is None:
            return cls(exercise, float(points), float(most), None, f"{exercise}: right.", groups)
        if failed is None:
            return cls(exercise, 0.0, float(most), mistake, f"{exercise}: {sentence}", groups)
        seen = failed.problem.sentence if failed.problem and failed.problem.sentence not in sentence else ""
        where = f" On {_case(failed)}: {_within(seen)}" if seen else f" Seen on {_case(failed)}."
        law = failed.problem is not None and failed.problem.kind == "law"
        # Weights that somebody builds are judged by what they do: ours would be the answer, and no more right than others.
        built = isinstance(failed.expected, dict)
        if mistake == "not attempted":
            where = ""
        return cls(
            exercise,
            float(points),
            float(most),
            mistake,
            f"{exercise}: {sentence}{where}",
            groups,
            failed.case.args,
            None if law or built else in_dtype(failed.expected, failed.dtype),
            failed.got,
            failed.outcome.printed.strip(),
        )

    def __repr__(self) -> str:
        # nbgrader's Validate takes a number for what was earned, and 0 for a failure, whatever there was to earn.
        return self.message if self.examples and self.passed else f"{self.points:g}"

    def __str__(self) -> str:
        earned = OTHER_INPUTS if self.examples else f"{self.points:g} of {self.max_points:g} points."
        return " ".join(filter(None, (self.message, earned, self.note, self.warning)))

    def _repr_html_(self) -> str:
        return card(self)


def _within(sentence: str) -> str:
    """A sentence after a colon: its first word small, unless it is a name, such as W_Q, or has other capitals."""
    return re.sub(r"^[A-Z](?=[a-z]*\b)", lambda first: first[0].lower(), sentence)


def _case(trial: Trial) -> str:
    dtype = "" if trial.dtype == torch.float32 else f" ({str(trial.dtype).removeprefix('torch.')})"
    return f"{trial.case.what}{dtype}"


def written(value: Any) -> str:
    """A value as code where it is small, as its shape and dtype where it is not."""
    if isinstance(value, tuple):
        return "(" + ", ".join(written(part) for part in value) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name!r}: {written(part)}" for name, part in value.items()) + "}"
    if is_factored(value):
        if value.A.numel() + value.B.numel() <= 2 * SMALL:
            return f"FactoredMatrix({written(value.A)}, {written(value.B)})"
        return f"<FactoredMatrix of shape {list(value.shape)}, inner dimension {value.mdim}>"
    if isinstance(value, torch.Generator):
        return f"torch.Generator({str(value.device)!r}).manual_seed({value.initial_seed()})"
    if isinstance(value, nn.Module):
        return str(getattr(value, "described_as", f"<{type(value).__name__}>"))
    if not isinstance(value, Tensor):
        text = repr(value)
        return text if len(text) <= 200 else text[:200] + " …"
    dtype = "" if value.dtype in (torch.float32, torch.int64, torch.bool) else f", dtype={value.dtype}"
    if value.numel() > SMALL:
        name = str(value.dtype).removeprefix("torch.")
        return f"<{name} tensor of shape {list(value.shape)}>"
    entries = _rounded(value.detach().cpu().double() if value.is_floating_point() else value.detach().cpu())
    return f"torch.tensor({entries}{dtype})"


def _rounded(value: Tensor) -> str:
    if value.ndim == 0:
        number = value.item()
        if not isinstance(number, float):
            return str(number)
        if number != number or number in (float("inf"), float("-inf")):
            return f"float('{number}')"
        text = f"{number:.5g}"
        return text if "." in text or "e" in text else f"{text}."  # 2 would be read as a whole number, of another dtype
    return "[" + ", ".join(_rounded(part) for part in value) + "]"


_CODE = "font-family:var(--jp-code-font-family,monospace);font-size:13px;white-space:pre-wrap;overflow-wrap:anywhere"
_COLOURS = {"right": BLUE, "wrong": ORANGE, "waiting": GREY}


def card(report: Report) -> str:
    """The report as HTML that reads in light and dark themes."""
    state = "right" if report.passed else "waiting" if report.mistake == "not attempted" else "wrong"
    right = "Right on the examples" if report.examples else "Right"
    title = {"right": right, "wrong": "Not yet right", "waiting": "Not attempted yet"}[state]
    if report.note and report.passed:
        state, title = "wrong", "An earlier version is right"
    esc = html.escape
    sentence = report.message.split(": ", 1)[-1]
    rows = [
        f'<div role="status" style="{card_style(_COLOURS[state])}">',
        f"<div><strong>{title}</strong> &middot; <code>{esc(report.exercise)}</code>"
        f'<span style="float:right">{_worth(report)}</span></div>',
    ]
    if report.note:
        rows.append(f"<div>{with_code(report.note)} Run it again, then this cell.</div>")
    if report.warning:
        rows.append(f"<div>{with_code(report.warning)}</div>")
    if not report.passed:
        rows.append(f"<div>{with_code(sentence)}</div>")
    if state == "wrong" and report.mistake and report.mistake not in PLAIN_KINDS:
        rows.append(f'<div style="opacity:.75">Mistake: {esc(report.mistake.replace("_", " "))}</div>')
    if state == "wrong" and report.arguments:
        lines = [f"{name} = {written(value)}" for name, value in report.arguments.items()]
        if report.expected is not None:
            lines.append(f"expected: {written(report.expected)}")
        if report.got is not None:
            lines.append(f"got:      {written(report.got)}")
        body = "\n".join(esc(line) for line in lines)
        rows.append(f'<pre style="{_CODE};margin:6px 0;background:none;color:inherit">{body}</pre>')
    if report.printed:
        rows.append(
            f'<details><summary>It printed</summary><pre style="{_CODE}">{esc(report.printed[-600:])}</pre></details>'
        )
    if report.examples:
        rows.append(f'<div style="opacity:.75">{OTHER_INPUTS}</div>')
    elif state != "waiting":
        rows.append(f'<div style="opacity:.75">{" &middot; ".join(_mark(mark) for mark in report.groups)}</div>')
    if not report.passed and not report.examples:
        rows.append(f'<div style="opacity:.75">Stuck? <code>hint({esc(report.exercise)!r})</code></div>')
    if state == "right" and not report.examples:
        rows += [f"<div>{line}</div>" for line in onward(report.exercise, report.further)]
    rows.append("</div>")
    return "\n".join(rows)


def _worth(report: Report) -> str:
    if report.examples:
        return f"{report.examples} example{'s' if report.examples > 1 else ''}"
    return "starred" if is_starred(report.exercise) else f"{report.points:g} of {report.max_points:g} points"


def _mark(mark: GroupMark) -> str:
    word = "passed" if mark.passed else "failed"
    if mark.passed and not mark.points:
        word = "passed, but counted only when the basic cases pass"
    return f"{mark.group} cases: {word}, {mark.points} of {mark.max_points} point{'s' if mark.max_points > 1 else ''}"
