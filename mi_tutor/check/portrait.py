"""Everything that can be reached from a module, taken down so exactly that a call which changed any of it is seen.

Values are compared where there are values, identities where there are objects: a list that was rebound to an equal one is
the same; a hook that was taken off is not, nor is another function in its place.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

from mi_tutor.deferred import torch

DEEPEST = 4
"""Containers within containers that are looked into."""


class Portrait(NamedTuple):
    """A model as it was; what is not in it is held by reference, so that nothing else can take its place in memory."""

    modules: list[torch.nn.Module]
    attributes: list[dict[str, Any]]
    """Of each module, its containers copied, since what they hold may change in place."""
    tensors: list[tuple[torch.Tensor, torch.Tensor, bool, bool]]
    """Each with a copy of its values, whether it required a gradient, and whether it had none yet."""
    configurations: list[tuple[Any, str]]
    """Objects of plain values, and how they were written."""


def portrait(model: torch.nn.Module, without: tuple[str, ...] = ()) -> Portrait:
    """Every attribute of the model and of all modules below it.

    Args:
        without: names of attributes that are left out, such as a place for notes.
    """
    modules = list(model.modules())
    attributes = [{name: _frame(value, DEEPEST) for name, value in _seen(each, without).items()} for each in modules]
    leaves = {id(leaf): leaf for frame in attributes for leaf in _leaves(frame)}.values()
    return Portrait(
        modules,
        attributes,
        [
            (each, each.detach().clone(), each.requires_grad, each.grad is None)
            for each in leaves
            if isinstance(each, torch.Tensor)
        ],
        [(each, _written(each)) for each in leaves if hasattr(type(each), "__dataclass_fields__")],
    )


def unchanged(before: Portrait, model: torch.nn.Module, without: tuple[str, ...] = ()) -> bool:
    """Whether the model is what it was."""
    try:
        modules = list(model.modules())
        return (
            len(modules) == len(before.modules)
            and all(now is then for now, then in zip(modules, before.modules, strict=True))
            # Identity first, as Python compares what containers hold: in C, so that it takes a moment.
            and all(_seen(m, without) == then for m, then in zip(modules, before.attributes, strict=True))
            and all(_holds(*each) for each in before.tensors)
            and all(_written(each) == said for each, said in before.configurations)
        )
    except Exception:  # whatever was put in the place of its parts, and cannot be compared
        return False


def _seen(module: torch.nn.Module, without: tuple[str, ...]) -> dict[str, Any]:
    attributes = vars(module)
    if any(name in attributes for name in without):
        return {name: value for name, value in attributes.items() if name not in without}
    return attributes


def _frame(value: Any, depth: int) -> Any:
    """The containers copied, what they hold at the end by reference."""
    kind = type(value)
    if depth and kind in (dict, OrderedDict):
        return kind((key, _frame(part, depth - 1)) for key, part in value.items())
    if depth and kind in (list, tuple):
        return kind(_frame(part, depth - 1) for part in value)
    return value.copy() if kind is set else value


def _leaves(frame: Any) -> list[Any]:
    if type(frame) in (dict, OrderedDict):
        return [leaf for part in frame.values() for leaf in _leaves(part)]
    if type(frame) in (list, tuple):
        return [leaf for part in frame for leaf in _leaves(part)]
    return [frame]


def _written(configuration: Any) -> str:
    """Without a class's own layout, which takes most of the time of a check."""
    return repr(vars(configuration)) if hasattr(configuration, "__dict__") else repr(configuration)


def _holds(tensor: torch.Tensor, values: torch.Tensor, requires_grad: bool, no_grad_yet: bool) -> bool:
    now = tensor.detach()
    return (
        tensor.requires_grad == requires_grad
        and (tensor.grad is None) == no_grad_yet
        and now.shape == values.shape
        and now.dtype == values.dtype
        and bool(((now == values) | ((now != now) & (values != values))).all())
    )
