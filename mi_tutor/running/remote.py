"""A learner's functions in a worker process, as the judge calls them.

Whatever comes back is taken for what a stranger says: values are judged, and a side condition can only lower a mark.
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

import torch
from torch import nn

from mi_tutor.check import call as calling
from mi_tutor.check.call import FATAL, Outcome
from mi_tutor.check.compare import Problem
from mi_tutor.check.factored import is_factored
from mi_tutor.check.memory import BlockRule, ProcessRule, Rule, TableRule
from mi_tutor.check.trial import Elsewhere, Gradients
from mi_tutor.check.watched import WITNESS, note_edit
from mi_tutor.running import wire
from mi_tutor.running.worker import NO_ANSWER, Lost, Worker, number, sentence

GRACE_SECONDS = 5.0
"""After a call's own limit, before the process is stopped."""
LARGE_TIMES = 6
"""How much longer a call may take whose arguments are large enough for its memory to be seen from outside."""
LIBRARY_SECONDS = 60.0
"""More, once, for a call whose arguments are TransformerLens's: it has to be imported for them."""
MOST_BYTES = 2**27
"""Of all results of an exercise together: what the judge holds until it has found the mistake."""
_KINDS = {
    *(*FATAL, "exception", "gradient", "signature", "changed argument", "changed model"),
    *("changed random state", "changed settings"),
}


Read = TypeVar("Read")


class RemoteFunction(Elsewhere):
    """A function of that name in a worker. Once the worker is lost, so is every later call."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker, self.name = worker, name
        self.until_bytes = worker.received + MOST_BYTES
        self.lost: Lost | None = None

    def wrong_signature(self, parameters: tuple[str, ...]) -> Problem | None:
        def read(answer: dict[str, Any]) -> Problem | None:
            if missing := answer.get("missing"):
                return Problem("not defined", sentence(missing))
            return _problem(answer["problem"])

        try:
            (answer,) = self._ask("signature", parameters=parameters)
            return self._read(read, answer)
        except Lost as lost:
            return lost.problem

    def guarded(self, args: dict[str, Any], rule: Rule | None) -> tuple[Outcome, Problem | None]:
        return next(self.in_a_row(args, 1, rule))

    def in_a_row(
        self, args: dict[str, Any], calls: int, rule: Rule | None = None
    ) -> Iterator[tuple[Outcome, Problem | None]]:
        def read(answer: dict[str, Any]) -> tuple[Outcome, Problem | None]:
            if answer.get("too_large"):
                most = f"{wire.BODY_LIMIT // 2**20} MiB"
                return Outcome(problem=Problem("memory limit", f"Its result holds more than {most}.")), None
            _leave_behind(answer, args, counted)
            value = _beside_arguments(answer["value"], answer["shared"], args)
            outcome = Outcome(value, _problem(answer["problem"]), sentence(answer["printed"]))
            return outcome, _problem(answer["disturbed"])

        counted = rule if isinstance(rule, BlockRule) else None
        patience = LARGE_TIMES if isinstance(rule, ProcessRule) else 1
        request = {"args": args, "rule": _described(counted), "patience": patience, "calls": calls}
        try:
            if isinstance(rule, ProcessRule):
                self.worker.forget_peak()
            answers = self._ask("call", calls, patience, **request)
            if len(answers) < calls and not (answers[-1].get("problem") or answers[-1].get("disturbed")):
                self._give_up()
            if isinstance(rule, ProcessRule):
                rule.held = self.worker.held_bytes()
            for answer in answers:
                yield self._read(read, answer)
        except Lost as lost:
            yield Outcome(problem=lost.problem), None

    def pull_back(self, args: dict[str, Any], names: tuple[str, ...]) -> tuple[Gradients, Problem | None]:
        def read(answer: dict[str, Any]) -> tuple[Gradients, Problem | None]:
            found: Gradients = {name: answer["gradients"][name] for name in names}
            for name, gradient in found.items():
                if gradient is not None and (gradient.shape, gradient.dtype) != (args[name].shape, args[name].dtype):
                    raise ValueError("no gradient in that argument")
            return found, _problem(answer["problem"])

        try:
            (answer,) = self._ask("gradients", args=args, names=names)
            return self._read(read, answer)
        except Lost as lost:
            return dict.fromkeys(names), lost.problem

    def _ask(self, do: str, most: int = 1, patience: int = 1, /, **request: Any) -> list[dict[str, Any]]:
        """At least one answer, and `most` at most; each may take `patience` times as long as a call."""
        seconds = patience * calling.PATIENCE * self.worker.seconds + GRACE_SECONDS
        library = 0.0
        if not self.worker.has_library and any(map(_of_library, request.get("args", {}).values())):
            self.worker.has_library, library = True, LIBRARY_SECONDS
        try:
            self._refuse_more()
            answers = [self.worker.ask(do, seconds=seconds + library, name=self.name, **request)]
            while answers[-1].get("more") is True and len(answers) < most:
                self._refuse_more()
                answers.append(self.worker.next_answer(seconds=seconds))
        except Lost as lost:
            self.lost = lost
            raise
        return answers

    def _refuse_more(self) -> None:
        if self.lost:
            raise self.lost
        if self.worker.received > self.until_bytes:
            raise Lost("memory limit", f"Its results hold more than {MOST_BYTES // 2**20} MiB together.")

    def _read(self, read: Callable[[dict[str, Any]], Read], answer: dict[str, Any]) -> Read:
        """What an answer says. Raises Lost, and ends the worker, when it says nothing that makes sense."""
        try:
            return read(answer)
        except (KeyError, TypeError, ValueError, AttributeError):
            self._give_up()

    def _give_up(self) -> NoReturn:
        self.worker.stop()
        self.lost = Lost("exit", NO_ANSWER)
        raise self.lost from None


def _leave_behind(answer: dict[str, Any], args: dict[str, Any], rule: BlockRule | None) -> None:
    """Make what the judge looks at here as the call left it there."""
    for name, value in args.items():
        if isinstance(value, torch.Generator):
            value.set_state(answer["generators"][name].get_state())
        if hasattr(value, WITNESS) and answer["edited"] is not False:
            note_edit(value)
    if rule is not None:
        rule.largest, rule.most_live, rule.outside = map(number, answer["counted"])


def _beside_arguments(value: Any, shared: dict[str, str], args: dict[str, Any]) -> Any:
    """The result, those of its tensors that shared memory with an argument doing so here: a law may look at that."""
    if not shared:
        return value
    parts = list(value) if isinstance(value, tuple | list) else [value]
    for place, name in shared.items():
        part, memory = parts[int(place)], args[name].untyped_storage()
        # At the end of the argument's memory, made longer for it.
        first = -(-memory.nbytes() // part.element_size())
        memory.resize_((first + part.numel()) * part.element_size())
        parts[int(place)] = torch.empty(0, dtype=part.dtype).set_(memory, first, part.shape, part.stride()).copy_(part)
    return tuple(parts) if isinstance(value, tuple | list) else parts[0]


def _of_library(value: Any) -> bool:
    return isinstance(value, nn.Module) or is_factored(value)


def _described(rule: BlockRule | None) -> tuple[Any, ...] | None:
    if rule is None:
        return None
    if isinstance(rule, TableRule):
        return ("table", rule.columns)
    return ("block", rule.rows, rule.columns, rule.allowance)


def _problem(told: Any) -> Problem | None:
    if told is None:
        return None
    kind, text = told
    return Problem(kind if kind in _KINDS else "exception", sentence(text))
