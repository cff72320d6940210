"""What every exercise must leave as it found it: arguments, models, random state and torch's settings."""

import operator
import os
import random
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mi_tutor.check.compare import Problem
from mi_tutor.check.factored import is_factored


class Settings(NamedTuple):
    """The global state that a call could disturb."""

    torch_random: Tensor
    cuda_random: list[Tensor]
    python_random: Any
    numpy_random: Any
    grad: bool
    default_dtype: torch.dtype
    default_device: torch.device
    deterministic: bool
    threads: int
    matmul_precision: str
    anomaly: bool
    folder: str


def take_settings() -> Settings:
    """The state now."""
    numpy = sys.modules.get("numpy")
    return Settings(
        torch_random=torch.get_rng_state(),
        cuda_random=torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        python_random=random.getstate(),
        numpy_random=numpy.random.get_state() if numpy else None,
        grad=torch.is_grad_enabled(),
        default_dtype=torch.get_default_dtype(),
        default_device=torch.get_default_device(),
        deterministic=torch.are_deterministic_algorithms_enabled(),
        threads=torch.get_num_threads(),
        matmul_precision=torch.get_float32_matmul_precision(),
        anomaly=torch.is_anomaly_enabled(),
        folder=os.getcwd(),
    )


Names = list[tuple[Any, dict[str, Any]]]
"""What the libraries' own modules and classes hold."""
_CLASSES = {
    "transformer_lens.hook_points": ("HookPoint",),
    "transformer_lens.model_bridge.bridge": ("TransformerBridge",),
}


def _spaces() -> list[Any]:
    """Where a call could put something of its own into the place of a library's function; nothing is imported for it."""
    found = [torch, torch.nn.functional, torch.linalg, Tensor, nn.Module]
    for module, classes in _CLASSES.items():
        if loaded := sys.modules.get(module):
            found += [vars(loaded)[name] for name in classes if name in vars(loaded)]
    return found


def restore_settings(before: Settings, given_generator: bool = True) -> Problem | None:
    """Put the state back, and say what had changed. What to do instead depends on whether a generator was among the arguments."""
    after = take_settings()
    problem: Problem | None = None
    if not _random_equal(before, after):
        torch.set_rng_state(before.torch_random)
        if before.cuda_random:
            torch.cuda.set_rng_state_all(before.cuda_random)
        random.setstate(before.python_random)
        if before.numpy_random is not None:
            sys.modules["numpy"].random.set_state(before.numpy_random)
        instead = (
            "Draw only from the `generator` argument, or not at all."
            if given_generator
            else "The result has to depend on the arguments alone: draw nothing, or from a generator of your own with a fixed seed, "
            "`torch.Generator().manual_seed(0)`."
        )
        problem = Problem(
            "changed random state", f"It changed the global random state: it drew from it, or seeded it. {instead}"
        )
    setters: dict[str, tuple[Callable[[Any], Any], str]] = {
        "grad": (torch.set_grad_enabled, "gradient mode"),
        "default_dtype": (torch.set_default_dtype, "the default dtype"),
        "default_device": (torch.set_default_device, "the default device"),
        "deterministic": (torch.use_deterministic_algorithms, "deterministic mode"),
        "threads": (torch.set_num_threads, "the number of threads"),
        "matmul_precision": (torch.set_float32_matmul_precision, "the precision of matrix products"),
        "anomaly": (torch.autograd.set_detect_anomaly, "anomaly detection"),
        "folder": (os.chdir, "the working folder"),
    }
    for field, (setter, what) in setters.items():
        if getattr(after, field) != getattr(before, field):
            setter(getattr(before, field))
            problem = problem or Problem("changed settings", f"It changed {what} for everything that runs later.")
    return problem


def take_names() -> Names:
    """What the libraries' own functions are now."""
    return [(space, dict(vars(space))) for space in _spaces()]


def restore_names(before: Names) -> Problem | None:
    """Put back what was replaced in a library, and say what it was."""
    problem: Problem | None = None
    for space, then in before:
        if all(map(operator.is_, map(vars(space).get, then), then.values())):  # names are added, as more is loaded
            continue
        for name, value in then.items():
            if vars(space).get(name, space) is not value and not _by_torch_itself(vars(space).get(name), value):
                setattr(space, name, value)
                what = f"{getattr(space, '__qualname__', space.__name__)}.{name}"
                problem = problem or Problem(
                    "changed settings", f"It replaced `{what}` for everything that runs later."
                )
    return problem


def _by_torch_itself(now: Any, before: Any) -> bool:
    """Whether PyTorch wrapped its own function, as `torch.func.grad` has it wrap `torch.manual_seed` when it is first used."""
    code = getattr(now, "__code__", None)
    return (
        getattr(now, "__wrapped__", None) is before
        and code is not None
        and code.co_filename.startswith(os.path.dirname(torch.__file__) + os.sep)
    )


def _random_equal(a: Settings, b: Settings) -> bool:
    return (
        torch.equal(a.torch_random, b.torch_random)
        and all(torch.equal(x, y) for x, y in zip(a.cuda_random, b.cuda_random, strict=False))
        and a.python_random == b.python_random
        and (a.numpy_random is None or _numpy_equal(a.numpy_random, b.numpy_random))
    )


def _numpy_equal(a: Any, b: Any) -> bool:
    return a[0] == b[0] and a[2:] == b[2:] and bool((a[1] == b[1]).all())


class Watched(NamedTuple):
    """An argument as it was before the call."""

    name: str
    value: Any
    before: Any


def watch_arguments(args: dict[str, Any]) -> list[Watched]:
    """Remember tensors and models among the arguments."""
    return [Watched(name, value, _portrait(value)) for name, value in args.items()]


def changed_argument(watched: list[Watched]) -> Problem | None:
    """The first argument that is no longer as it was."""
    for name, value, before in watched:
        if isinstance(value, Tensor) and not _same_tensor(before, value):
            return Problem(
                "changed argument",
                f"It changed its argument `{name}`. Work on a copy (`{name}.clone()`), and avoid operations in place "
                "such as `+=`, `x[i] = …` and names that end in an underscore.",
            )
        if is_factored(value) and not _same_factors(before, value):
            return Problem(
                "changed argument",
                f"It changed its argument `{name}`, a FactoredMatrix: leave its factors A and B as they are.",
            )
        if isinstance(value, nn.Module) and (what := _module_change(before, value)):
            _restore_module(before, value)
            return Problem("changed model", f"It left the model changed: {what}.")
        if isinstance(value, list | tuple | dict | set) and not _same_content(before, value):
            return Problem("changed argument", f"It changed its argument `{name}`, or something in it: work on a copy.")
    return None


def _portrait(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _Snapshot(value.detach().clone(), value.requires_grad, value.grad is None)
    if is_factored(value):
        return _portrait(value.A), _portrait(value.B)
    if isinstance(value, nn.Module):
        return _module_portrait(value)
    if isinstance(value, list | tuple):
        return [_portrait(part) for part in value]
    if isinstance(value, dict):
        return {name: _portrait(part) for name, part in value.items()}
    return value.copy() if isinstance(value, set) else value


def _same_content(before: Any, now: Any) -> bool:
    """Whether a container, and what it holds at whatever depth, is as its portrait says."""
    if isinstance(now, Tensor):
        return isinstance(before, _Snapshot) and _same_tensor(before, now)
    if is_factored(now):
        return isinstance(before, tuple) and _same_factors(before, now)
    if isinstance(now, list | tuple):
        return (
            isinstance(before, list)
            and len(before) == len(now)
            and all(_same_content(then, part) for then, part in zip(before, now, strict=True))
        )
    if isinstance(now, dict):
        return (
            isinstance(before, dict)
            and list(before) == list(now)
            and all(_same_content(then, now[name]) for name, then in before.items())
        )
    if isinstance(now, nn.Module):
        return isinstance(before, _ModulePortrait) and _module_change(before, now) is None
    return before is now or (type(before) is type(now) and bool(before == now))


class _Snapshot(NamedTuple):
    values: Tensor
    requires_grad: bool
    no_grad_yet: bool


def _same_tensor(before: _Snapshot, now: Tensor) -> bool:
    return (
        now.shape == before.values.shape
        and now.dtype == before.values.dtype
        and now.requires_grad == before.requires_grad
        and (now.grad is None) == before.no_grad_yet
        and bool(((now.detach() == before.values) | (now.detach().isnan() & before.values.isnan())).all())
    )


def _same_factors(before: "tuple[_Snapshot, _Snapshot]", now: Any) -> bool:
    return all(
        isinstance(factor, Tensor) and _same_tensor(then, factor)
        for then, factor in zip(before, (now.A, now.B), strict=True)
    )


class _ModulePortrait(NamedTuple):
    hooks: dict[tuple[int, str], tuple[Any, tuple[Any, ...]]]
    modes: list[tuple[nn.Module, bool]]
    settings: str
    values: dict[str, Tensor]
    trainable: list[bool]


# `fwd_hooks` and `bwd_hooks` are TransformerLens's own lists, in which dead handles stay: kept in step, not compared.
_HOOK_DICTS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_HOOK_LISTS = ("fwd_hooks", "bwd_hooks")


def _module_portrait(model: nn.Module) -> _ModulePortrait:
    return _ModulePortrait(
        hooks={
            (i, name): (held, tuple(held.items()) if isinstance(held, dict) else tuple(held))
            for i, m in enumerate(model.modules())
            for name in (*_HOOK_DICTS, *_HOOK_LISTS)
            if (held := m.__dict__.get(name)) is not None
        },
        modes=[(m, m.training) for m in model.modules()],
        settings=repr(getattr(model, "cfg", None)),
        values={name: value.detach().clone() for name, value in _state(model).items()},
        trainable=[p.requires_grad for p in model.parameters()],
    )


def _state(model: nn.Module) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if isinstance(value, Tensor)}


def _module_change(before: _ModulePortrait, model: nn.Module) -> str | None:
    now = _module_portrait(model)
    if [m for m, _ in before.modes] != [m for m, _ in now.modes]:
        return "its modules"
    pairs = [
        ({key for key, _ in then}, {key for key, _ in now.hooks[place][1]})
        for place, (_, then) in before.hooks.items()
        if place[1] in _HOOK_DICTS and (then or now.hooks[place][1])
    ]
    if any(then - after for then, after in pairs):
        return "a hook that was there before the call is gone (`reset_hooks` takes off everybody's)"
    if any(after - then for then, after in pairs):
        return "a hook has stayed on it"
    if before.modes != now.modes:
        return "its training or evaluation mode"
    if before.trainable != now.trainable:
        return "requires_grad of its parameters"
    if before.settings != now.settings:
        return "its configuration"
    if before.values.keys() != now.values.keys() or any(
        not torch.equal(value.nan_to_num(), now.values[name].nan_to_num()) for name, value in before.values.items()
    ):
        return "its parameters"
    return None


def _restore_module(before: _ModulePortrait, model: nn.Module) -> None:
    """Put hooks, modes and parameters back, so that the next call finds the model as this one did."""
    for held, then in before.hooks.values():
        held.clear()
        (held.update if isinstance(held, dict) else held.extend)(then)
    for module, mode in before.modes:
        module.training = mode
    with torch.no_grad():
        for name, value in _state(model).items():
            if name in before.values:
                value.copy_(before.values[name])
    for parameter, trainable in zip(model.parameters(), before.trainable, strict=False):
        parameter.requires_grad_(trainable)
