"""Drawing the inputs of an exercise from a seed."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mi_tutor.check.factored import factored, in_factors, is_factored
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

MODELS = 2**20
"""From here on a seed is two numbers: what small models are drawn from is the rest that this leaves, everything else comes
from the whole. Making one takes seconds, so that a class that is graded has the same models and other questions."""


@dataclass
class Case:
    """One input of an exercise."""

    group: str
    """Which points it counts for: "basic", "general" or "edge"."""
    what: str
    """What is particular about it, as a phrase that completes "on …"."""
    args: dict[str, Any]
    """Arguments by name, in the order of the signature."""
    calls: int = 1
    """How often a sampler is called in a row, with one generator."""
    block: tuple[int, int, int] | None = None
    """A rule on memory: (rows, columns, allowance) of `BlockRule`."""
    no_table: int | None = None
    """A rule on memory: the d_vocab of a table [d_vocab d_vocab] that is not to be made."""
    held_bytes: int | None = None
    """A rule on memory: what the process may hold, at most, beyond a fresh one. That is seen from outside, so the case is
    tried only where the function runs in a process of its own, and only when nothing else in its group failed."""
    smooth: bool = True
    """Whether gradients are compared here: False at a kink or where a value is infinite."""
    expected: Any = field(default=None, repr=False)
    """The reference's answer, once it was asked: it is the same for every function that is tried."""
    tried: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)
    """What each misconception did here (a `Trial`), once it was asked: that, too, is the same for everybody."""

    @property
    def watched(self) -> bool:
        """Whether there is a rule on memory; it is tried once, in single precision."""
        return not (self.block is self.no_table is self.held_bytes is None)

    @property
    def seen_from_outside(self) -> bool:
        """Whether its rule is on a whole process, so that it is for a function in one of its own."""
        return self.held_bytes is not None

    def __post_init__(self) -> None:
        if self.group not in ("basic", "general", "edge"):
            raise ValueError(f"unknown group {self.group!r}")


def basic(what: str, **args: Any) -> Case:
    """The idea itself, on an input small enough to follow by hand."""
    return Case("basic", what, args)


def general(what: str, **args: Any) -> Case:
    """Ordinary inputs of any size; tried again in every dtype the exercise accepts, with gradients where judged."""
    return Case("general", what, args)


def edge(what: str, **args: Any) -> Case:
    """What the contract says of the corners."""
    return Case("edge", what, args)


def large_table(draw: Draw, arguments: Callable[[int], dict[str, Any]]) -> Case:
    """Arguments for a d_vocab whose table [d_vocab d_vocab] is so large that a process which makes it is seen to hold it.

    What is allowed, eight tenths of the table in single precision, leaves room for libraries that a notebook imports.
    """
    d_vocab = draw.size(12_000, 12_400)
    args = arguments(d_vocab)
    return Case("general", f"a vocabulary of {d_vocab:,}", args, held_bytes=d_vocab**2 * 4 * 8 // 10, smooth=False)


@dataclass
class Draw:
    """A source of inputs: the same seed gives the same ones, in whichever dtype."""

    seed: int
    salt: str = ""
    dtype: torch.dtype = field(default_factory=lambda: torch.float32)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def __post_init__(self) -> None:
        # Inputs are drawn on the CPU in float64 and then moved, so that every device and dtype sees the same case.
        self._source = self._begin(self.seed)
        self._models = self._source if self.seed < MODELS else self._begin(self.seed % MODELS)

    def _begin(self, seed: int) -> torch.Generator:
        digest = hashlib.blake2b(f"{seed} {self.salt}".encode(), digest_size=8).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest) >> 1)

    def size(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self._source))

    def sizes(self, *names: str, low: int = 2, high: int = 9) -> dict[str, int]:
        """A size for each axis name, all different, so that no axis can be mistaken for another."""
        choice = low + torch.randperm(max(high - low + 1, len(names)), generator=self._source)
        return dict(zip(names, choice.tolist(), strict=False))

    def normal(self, *shape: int, scale: float = 1.0) -> Tensor:
        """Normal values of that shape, in the case's dtype."""
        return self.of(torch.randn(shape, generator=self._source, dtype=torch.float64) * scale)

    def ids(self, shape: int | tuple[int, ...], below: int) -> Tensor:
        """Token ids, int64, uniform over 0 … below-1."""
        shape = (shape,) if isinstance(shape, int) else shape
        return torch.randint(below, shape, generator=self._source).to(self.device)

    def log_probs(self, rows: int, columns: int, spread: float = 2.0) -> Tensor:
        """Rows of log-probabilities whose logits have that standard deviation."""
        logits = torch.randn(rows, columns, generator=self._source, dtype=torch.float64) * spread
        return self.of(logits.log_softmax(-1))

    def factored(self, rows: int, inner: int, columns: int, scale: float = 1.0) -> Any:
        """A FactoredMatrix of normal factors; `scale` is that of the left one."""
        return factored(self.normal(rows, inner, scale=scale), self.normal(inner, columns))

    def of(self, values: Tensor | list[Any]) -> Tensor:
        """These values in the case's dtype, on its device."""
        return torch.as_tensor(values).to(self.dtype).to(self.device)

    def integers(self, values: Tensor | list[Any]) -> Tensor:
        """These values as int64, on the case's device."""
        return torch.as_tensor(values, dtype=torch.int64).to(self.device)

    def model(self, **choices: Any) -> Any:
        """A `small_model` with these sizes and properties, in the case's dtype, on its device."""
        from mi_tutor.check.small_model import small_model

        seed = int(torch.randint(2**31, (), generator=self._models))
        return small_model(seed, **choices, dtype=self.dtype, device=str(self.device))

    def generator(self) -> torch.Generator:
        """A generator of its own for a function that draws; another one in each dtype, or its law were tested once."""
        seed = int(torch.randint(2**31, (), generator=self._source)) + torch.finfo(self.dtype).bits
        return torch.Generator(device=self.device).manual_seed(seed)


def cases_from_annotations(function: Callable[..., Any], draw: Draw) -> Iterator[Case]:
    """Cases for a function of floating tensors alone, from the axis names in its jaxtyping annotations."""
    axes = {name: p.annotation.dim_str.split() for name, p in inspect.signature(function).parameters.items()}
    names = list(dict.fromkeys(axis for shape in axes.values() for axis in shape))

    def arguments(sizes: dict[str, int], scale: float = 1.0) -> dict[str, Tensor]:
        return {name: draw.normal(*(sizes[axis] for axis in shape), scale=scale) for name, shape in axes.items()}

    yield basic("a small random input", **arguments(draw.sizes(*names, high=1 + len(names))))
    for _ in range(3):
        yield general("a random input", **arguments(draw.sizes(*names, high=9 + len(names))))
    yield general("an input of large values", **arguments(draw.sizes(*names), scale=1000.0))
    for single in names:
        yield edge(f"a single {single}", **arguments({**draw.sizes(*names), single: 1}))
    yield edge("every size 3", **arguments(dict.fromkeys(names, 3)))
    yield edge("every size 1", **arguments(dict.fromkeys(names, 1)))


def copy_arguments(args: dict[str, Any]) -> dict[str, Any]:
    """The same arguments for another call: tensors cloned, generators in the same state, small models as they were made, the
    rest as it is."""
    return {name: _copy(value) for name, value in args.items()}


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    if is_factored(value):
        return in_factors(value, _copy)
    if type(value) in (list, tuple, set):
        return type(value)(_copy(part) for part in value)
    if type(value) is dict:
        return {name: _copy(part) for name, part in value.items()}
    if isinstance(value, torch.Generator):
        twin = torch.Generator(device=value.device)
        twin.set_state(value.get_state())
        return twin
    if isinstance(value, torch.nn.Module):
        from mi_tutor.check.small_model import CHOICES, small_model

        choices: Any = getattr(value, CHOICES, None)
        return value if choices is None else small_model(**choices)
    return value


def in_double(args: dict[str, Any]) -> dict[str, Any]:
    """The same values in float64: what the reference is asked, so that its rounding is not the learner's problem.

    Beside a model tensors stay as they are: they have to fit what it computes with.
    """
    copies = copy_arguments(args)
    if any(isinstance(value, torch.nn.Module) for value in copies.values()):
        return copies
    return {name: _doubled(value) for name, value in copies.items()}


def _doubled(value: Any) -> Any:
    if is_factored(value):
        return in_factors(value, torch.Tensor.double)
    if type(value) in (list, tuple):
        return type(value)(_doubled(part) for part in value)
    if type(value) is dict:
        return {name: _doubled(part) for name, part in value.items()}
    return value.double() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
