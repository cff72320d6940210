"""One case tried on one function: what was expected, what came, what is wrong with it."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from mi_tutor.check.call import Outcome, call
from mi_tutor.check.compare import Problem, coarsest, in_dtype, kind_of, near, plain
from mi_tutor.check.conditions import changed_argument, restore_settings, take_settings, watch_arguments
from mi_tutor.check.draw import Case, copy_arguments, in_double
from mi_tutor.check.exercise import Exercise
from mi_tutor.check.factored import in_factors, is_factored
from mi_tutor.check.law import Finding
from mi_tutor.check.memory import BlockRule, ProcessRule, Rule, TableRule
from mi_tutor.check.watched import forget_seen

Gradients = dict[str, Tensor | None]


class Elsewhere:
    """A function that runs in another process, where what `check` does around a call is done as well.

    The judge sees what a call in this process would have shown it: `args` hold the generators as the call left them, and
    `rule` what it counted; a `ProcessRule` is for such a function only.
    """

    patience = 5
    """Times the seconds of a check here: other processes are at work, too."""

    def wrong_signature(self, parameters: tuple[str, ...]) -> Problem | None:
        """`signature_problem` there."""
        raise NotImplementedError

    def guarded(self, args: dict[str, Any], rule: Rule | None) -> tuple[Outcome, Problem | None]:
        """`guarded` there."""
        raise NotImplementedError

    def in_a_row(self, args: dict[str, Any], calls: int) -> Iterator[tuple[Outcome, Problem | None]]:
        """`guarded` there, so many times, or until something is wrong."""
        raise NotImplementedError

    def pull_back(self, args: dict[str, Any], names: tuple[str, ...]) -> tuple[Gradients, Problem | None]:
        """`pull_back` there."""
        raise NotImplementedError


Function = Callable[..., Any] | Elsewhere


@dataclass
class Trial:
    """A case, the reference's answer, the function's answer."""

    case: Case
    dtype: torch.dtype
    expected: Any = None
    outcome: Outcome = field(default_factory=Outcome)
    tallies: list[Finding] = field(default_factory=list)
    """For a sampler."""
    problem: Problem | None = None
    """What is wrong, most telling first; None when the case is passed."""

    @property
    def got(self) -> Any:
        """The result as plain values, without its graph."""
        return detached(self.outcome.value)


def first_failed(trials: Iterable[Trial]) -> Trial | None:
    """The first trial with a problem. One of dtype alone comes after all others: it says the least."""
    failed = [trial for trial in trials if trial.problem]
    return next(
        (trial for trial in failed if trial.problem and trial.problem.kind != "dtype"), next(iter(failed), None)
    )


def read_result(value: Any, expected: Any, dtype: torch.dtype, device: torch.device) -> tuple[Any, Problem | None]:
    """`plain`, for a result that may refuse to be looked at."""
    try:
        value, problem = plain(value, expected, dtype, device)
    except Exception:
        problem = Problem("type", f"It returned {kind_of(value)}, which cannot be compared with anything.")
    return (None if problem and problem.kind == "type" else value), problem


def detached(value: Any) -> Any:
    """Tensors without their graph, inside tuples and dicts too."""
    if isinstance(value, tuple):
        return tuple(detached(part) for part in value)
    if isinstance(value, dict):
        return {name: detached(part) for name, part in value.items()}
    if is_factored(value):
        return in_factors(value, Tensor.detach)
    return value.detach() if isinstance(value, Tensor) else value


def memory_rule(case: Case) -> Rule | None:
    """What watches this case, if anything does."""
    if case.held_bytes is not None:
        return ProcessRule(case.held_bytes)
    if case.no_table is not None:
        return TableRule(case.no_table)
    return BlockRule(*case.block) if case.block else None


def guarded(
    exercise: Exercise, function: Function, args: dict[str, Any], device: torch.device, rule: Rule | None = None
) -> tuple[Outcome, Problem | None]:
    """Call it within limits. Returns the outcome, and what it disturbed on the way."""
    if isinstance(function, Elsewhere):
        return function.guarded(args, rule)
    if isinstance(rule, ProcessRule):
        raise TypeError("a rule on a process is for a function in one of its own")
    with _out_of_reach(exercise.reference, function):
        return guarded_here(function, args, device, rule)


def in_a_row(
    exercise: Exercise, function: Function, args: dict[str, Any], calls: int, device: torch.device
) -> Iterator[tuple[Outcome, Problem | None]]:
    """`guarded`, so many times with the same arguments; a generator among them is, at each, as that call left it."""
    if isinstance(function, Elsewhere):
        yield from function.in_a_row(args, calls)
    else:
        for _ in range(calls):
            yield guarded(exercise, function, args, device)


def guarded_here(
    function: Callable[..., Any], args: dict[str, Any], device: torch.device, rule: BlockRule | None
) -> tuple[Outcome, Problem | None]:
    """`guarded` in this process."""
    forget_seen(args)
    watched, settings = watch_arguments(args), take_settings()
    with rule or nullcontext():
        # CUDA maps far more addresses than it uses, so a limit on addresses means nothing there.
        outcome = call(function, tuple(args.values()), limit_memory=device.type == "cpu")
    disturbed = restore_settings(settings, any(isinstance(value, torch.Generator) for value in args.values()))
    return outcome, changed_argument(watched) or disturbed


@contextmanager
def _out_of_reach(reference: Callable[..., Any], function: Callable[..., Any]) -> Iterator[None]:
    """Our solution refuses to be called while somebody else's is checked, however it was come by."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        # It runs as the reference, among its globals: only builtins are certain to be there.
        raise PermissionError("this is the course's own solution of the exercise, and it is yours that is checked")

    code = reference.__code__
    if function is not reference:
        reference.__code__ = refuse.__code__
    try:
        yield
    finally:
        reference.__code__ = code


def run_trial(exercise: Exercise, function: Function, case: Case, dtype: torch.dtype, device: torch.device) -> Trial:
    """Try one case of an exercise whose results are compared with the reference's, asked in double precision."""
    trial = Trial(case, dtype)
    rule, args = memory_rule(case), copy_arguments(case.args)
    forget_seen(args)
    trial.outcome, disturbed = guarded(exercise, function, args, device, rule)
    exact = in_double(case.args)
    if case.expected is None:
        case.expected = detached(exercise.reference(**copy_arguments(exact)))
    trial.expected = case.expected
    if trial.outcome.problem:
        trial.problem = trial.outcome.problem
        return trial
    device = _where(case.args, device)
    trial.outcome.value, mistyped = read_result(trial.outcome.value, trial.expected, dtype, device)
    if mistyped and mistyped.kind == "dtype":
        mistyped = _beside_the_dtype(exercise, trial, mistyped, device)
    trial.problem = (
        mistyped
        or exercise.answer(exact, trial.expected, trial.got)
        or disturbed
        or (rule.broken() if rule else None)
        or (_wrong_gradient(exercise, function, trial) if _has_gradients(exercise, trial) else None)
    )
    return trial


def _where(args: dict[str, Any], device: torch.device) -> torch.device:
    """Where a result belongs: with the arguments, and on the CPU when these are plain numbers, which lie nowhere."""
    lies_somewhere = (Tensor, nn.Module, torch.Generator)
    return (
        device if any(isinstance(a, lies_somewhere) or is_factored(a) for a in args.values()) else torch.device("cpu")
    )


def _beside_the_dtype(exercise: Exercise, trial: Trial, mistyped: Problem, device: torch.device) -> Problem:
    """What is wrong with a result of a wrong dtype: its numbers, where they are wrong too, which is the graver mistake.

    Then the trial goes on with them in the right dtype, so that they can be recognised.
    """
    dtype = coarsest(trial.outcome.value, trial.dtype)
    if dtype is None:
        return mistyped
    value, otherwise = read_result(in_dtype(trial.outcome.value, dtype), trial.expected, dtype, device)
    if otherwise:
        return mistyped
    if problem := exercise.answer(in_double(trial.case.args), trial.expected, detached(value)):
        trial.outcome.value = in_dtype(trial.outcome.value, trial.dtype)
        return problem
    whose = [name for name, arg in trial.case.args.items() if isinstance(arg, Tensor) and arg.is_floating_point()]
    advice = f" A result has the dtype of the arguments: `.to({whose[0]}.dtype)`." if whose else ""
    return Problem("dtype", f"The numbers are right. {mistyped.sentence}{advice}")


def _has_gradients(exercise: Exercise, trial: Trial) -> bool:
    return (
        bool(exercise.gradients)
        and trial.case.group == "general"
        and trial.case.smooth
        and trial.dtype != torch.bfloat16
    )


def _wrong_gradient(exercise: Exercise, function: Function, trial: Trial) -> Problem | None:
    """Pull one random cotangent back through the function and through the reference, and compare."""
    expected, _ = pull_back(exercise.reference, in_double(trial.case.args), exercise.gradients)
    got, problem = pull_back(function, copy_arguments(trial.case.args), exercise.gradients)
    for name in exercise.gradients:
        mine, theirs = got[name], expected[name]
        if problem:
            return problem
        if theirs is None:
            raise ValueError(f"the reference of {exercise.name} has no gradient in {name}")
        if mine is None:
            return Problem(
                "gradient", f"No gradient reaches `{name}`: something on the way detaches it or leaves torch."
            )
        wrong = ~near(mine, theirs, slack=10.0)
        if wrong.any():
            at = tuple(wrong.nonzero()[0].tolist())
            return Problem(
                "gradient",
                f"The result is right, but not its gradient in `{name}`: at {list(at)} expected "
                f"{theirs[at].item():.6g}, got {mine[at].item():.6g}.",
            )
    return None


def pull_back(function: Function, args: dict[str, Any], names: tuple[str, ...]) -> tuple[Gradients, Problem | None]:
    """Gradients, in the named arguments, of a fixed random projection of the result."""
    if isinstance(function, Elsewhere):
        return function.pull_back(args, names)
    for name in names:
        args[name].requires_grad_(True)
    nothing: Gradients = dict.fromkeys(names)

    def gradients(*values: Any) -> Any:
        with torch.enable_grad():
            result = function(*values)
            if not isinstance(result, Tensor) or not result.requires_grad:
                return None
            source = torch.Generator().manual_seed(result.numel())
            cotangent = torch.randn(result.shape, generator=source, dtype=torch.float64).to(result)
            # As a sum, not as grad_outputs: those make torch import sympy, which takes longer than the whole check.
            return torch.autograd.grad((result * cotangent).sum(), [args[name] for name in names], allow_unused=True)

    outcome = call(gradients, tuple(args.values()), limit_memory=False)
    if outcome.problem:
        return nothing, Problem("gradient", f"With arguments that require gradients: {outcome.problem.sentence}")
    return nothing if outcome.value is None else dict(zip(names, outcome.value, strict=True)), None


def signature_problem(parameters: tuple[str, ...], function: Function) -> Problem | None:
    """Whether the function can be called with the contract's arguments at all."""
    if isinstance(function, Elsewhere):
        return function.wrong_signature(parameters)
    if inspect.iscoroutinefunction(function):
        return Problem("signature", "It is an `async def`; use a plain `def`.")
    try:
        signature = inspect.signature(function)
        signature.bind(*parameters)
    except TypeError:
        wanted, found = ", ".join(parameters), ", ".join(signature.parameters)
        if wanted == found:
            return Problem("signature", f"Its arguments have to be positional, in this order: {wanted}.")
        return Problem("signature", f"It should take ({wanted}); it takes ({found}).")
    except ValueError:
        return None
    return None
