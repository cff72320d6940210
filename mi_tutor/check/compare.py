"""Is this result the expected one? Type, device, dtype, shape, then values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mi_tutor.check.factored import LARGE, blocks, factored, in_factors, is_factored, root_mean_square
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = {"torch.float64": (1e-9, 1e-11), "torch.float32": (1e-4, 1e-5), "torch.bfloat16": (0.05, 0.05)}
"""By dtype: relative, and absolute in units of the expected values' root mean square (at least 1)."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one outcome."""

    kind: str
    """A short name: "shape", "value", "exception", "changed argument" …"""
    sentence: str
    """For the learner."""


@dataclass(frozen=True)
class Described:
    """A result of which only the kind is known: it stayed in the process that made it."""

    kind: str
    """As `kind_of` says it."""


Answer = Callable[[dict[str, Any], Any, Any], Problem | None]
"""(arguments in double precision, expected, plain result) -> what is wrong with it, if anything."""


def plain(value: Any, expected: Any, dtype: torch.dtype, device: torch.device) -> tuple[Any, Problem | None]:
    """The learner's result as plain tensors, numbers and tuples, and what is wrong with its type, dtype or shape.

    Tensor subclasses lose their class first: a result that overrides `==` is compared as the numbers it holds.
    """
    if isinstance(expected, tuple):
        if not isinstance(value, tuple | list) or isinstance(value, torch.Tensor):
            return value, Problem("type", f"It should return {len(expected)} results; it returned {kind_of(value)}.")
        if len(value) != len(expected):
            return value, Problem("type", f"It should return {len(expected)} results; it returned {len(value)}.")
        parts = [plain(v, e, dtype, device) for v, e in zip(value, expected, strict=True)]
        problem = next((Problem(p.kind, f"Result {i}: {p.sentence}") for i, (_, p) in enumerate(parts) if p), None)
        return tuple(part for part, _ in parts), problem
    if isinstance(expected, torch.Tensor):
        return _plain_tensor(value, expected, dtype, device)
    if is_factored(expected):
        return _plain_factored(value, expected, dtype, device)
    if isinstance(expected, dict):
        return _plain_weights(value, expected, dtype)
    if isinstance(expected, int):
        good = isinstance(value, int) and not isinstance(value, bool)
        return value, None if good else Problem("type", f"It should return a Python int; it returned {kind_of(value)}.")
    raise TypeError(f"the reference returned {kind_of(expected)}, which the checker cannot compare")


def _plain_tensor(value: Any, expected: Tensor, dtype: torch.dtype, device: torch.device) -> tuple[Any, Problem | None]:
    wanted = dtype if expected.is_floating_point() else expected.dtype
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and expected.ndim == 0 and expected.is_floating_point():
        return torch.tensor(float(value), dtype=wanted), None
    if not isinstance(value, torch.Tensor):
        return value, Problem("type", f"It should return a tensor; it returned {kind_of(value)}.")
    if type(value) is not torch.Tensor:
        with torch._C.DisableTorchFunctionSubclass():
            value = torch.Tensor.as_subclass(value, torch.Tensor)
    if value.layout != torch.strided or value.is_nested or value.is_quantized or value.device.type == "meta":
        return value, Problem("type", "It should return an ordinary dense tensor.")
    if value.device.type != device.type:
        return value, Problem(
            "device",
            f"The arguments are on {device.type!r}, the result is on {value.device.type!r}. "
            "Create new tensors with device=argument.device.",
        )
    if value.shape != expected.shape:
        return value, Problem("shape", f"The shape should be {_shape(expected)}; it is {_shape(value)}.")
    if value.dtype != wanted:
        return value, Problem("dtype", f"The dtype should be {_name(wanted)}; it is {_name(value.dtype)}.")
    value.detach().clone()  # fails here, not in the comparison, for a tensor that only looks like one
    return value, None


def in_dtype(value: Any, dtype: torch.dtype) -> Any:
    """Floating tensors in that dtype, inside tuples and factors too; everything else as it is."""
    if isinstance(value, tuple):
        return tuple(in_dtype(part, dtype) for part in value)
    if is_factored(value):
        return in_factors(value, lambda part: part.to(dtype))
    return value.to(dtype) if isinstance(value, torch.Tensor) and value.is_floating_point() else value


def coarsest(value: Any, dtype: torch.dtype) -> torch.dtype | None:
    """The dtype of fewest digits among that one and those of a result: what the result can be held to, if anything."""
    dtypes = {dtype, *(part.dtype for part in _tensors(value) if part.is_floating_point())}
    finest_first = list(TOLERANCE)
    known = all(str(each) in TOLERANCE for each in dtypes)
    return max(dtypes, key=lambda each: finest_first.index(str(each))) if known else None


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    for part in value if isinstance(value, tuple) else ():
        yield from _tensors(part)


def _plain_factored(value: Any, expected: Any, dtype: torch.dtype, device: torch.device) -> tuple[Any, Problem | None]:
    """A FactoredMatrix of ordinary factors; a subclass of it, or of their tensors, loses its class."""
    how = "`FactoredMatrix(A, B)`, from transformer_lens, keeps the two factors of the product and never multiplies them out."
    if isinstance(value, torch.Tensor):
        what = "the whole table" if value.shape == expected.shape else f"of shape {_shape(value)}"
        return value, Problem("type", f"It should return a FactoredMatrix; it returned a tensor, {what}. {how}")
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(part, torch.Tensor) for part in value):
        return value, Problem("type", f"It returned two tensors side by side; make one result of them: {how}")
    if not is_factored(value):
        return value, Problem("type", f"It should return a FactoredMatrix; it returned {kind_of(value)}. {how}")
    for name, part in (("A", value.A), ("B", value.B)):
        if not isinstance(part, torch.Tensor):
            return value, Problem("type", f"The factor {name} should be a tensor; it is {kind_of(part)}.")
        _, problem = _plain_tensor(part, expected.A.new_empty(()).expand(part.shape), dtype, device)
        if problem:
            return value, Problem(problem.kind, f"The factor {name}: {problem.sentence}")
    with torch._C.DisableTorchFunctionSubclass():
        A, B = (torch.Tensor.as_subclass(part, torch.Tensor) for part in (value.A, value.B))
    product = factored(A, B)
    if product.shape != expected.shape:
        return product, Problem("shape", f"The shape should be {list(expected.shape)}; it is {list(product.shape)}.")
    return product, None


def _plain_weights(value: Any, expected: dict[str, Tensor], dtype: torch.dtype) -> tuple[Any, Problem | None]:
    """Named tensors whose sizes are partly the learner's choice: shapes are judged by the exercise's answer. Nothing was
    given that they could share a device with, so any will do. Entries with other names are dropped."""
    names = ", ".join(map(repr, expected))
    if not isinstance(value, dict):
        return value, Problem("type", f"It should return a dict with the keys {names}; it returned {kind_of(value)}.")
    if missing := [name for name in expected if name not in value]:
        return value, Problem("type", f"The dict lacks {', '.join(map(repr, missing))}; its keys should be {names}.")
    parts: dict[str, Tensor] = {}
    for name, like in expected.items():
        part = value[name]
        if isinstance(part, torch.Tensor):
            like = like.new_empty(()).expand(part.shape)
        parts[name], problem = _plain_tensor(part, like, dtype, getattr(part, "device", like.device))
        if problem:
            return value, Problem(problem.kind, f"{name}: {problem.sentence}")
    return parts, None


def kind_of(value: Any) -> str:
    """What a value is, with its article, and what to do about it where that is known."""
    if value is None:
        return "None (is there a `return`?)"
    if isinstance(value, Described):
        return value.kind
    module, name = type(value).__module__, type(value).__name__
    if module == "numpy" and name == "ndarray":
        return "a NumPy array (torch.from_numpy makes a tensor of it)"
    if module == "numpy":
        return f"a NumPy {name} (float(...) makes a Python number of it)"
    if name in ("coroutine", "generator"):
        return f"a {name} (use a plain `def` with `return`)"
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _shape(tensor: Tensor) -> str:
    return str(list(tensor.shape))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def close(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Every entry equal to the reference's, up to rounding in the result's dtype; integers and Booleans exactly."""
    if isinstance(expected, tuple):
        for i, (e, g) in enumerate(zip(expected, got, strict=True)):
            if problem := close(args, e, g):
                return Problem(problem.kind, f"Result {i}: {problem.sentence}")
        return None
    if is_factored(expected):
        return _same_product(expected, got)
    if isinstance(expected, dict):
        for name, e in expected.items():
            g = got[name]
            if isinstance(e, torch.Tensor) and isinstance(g, torch.Tensor) and e.shape != g.shape:
                return Problem("shape", f"{name}: The shape should be {_shape(e)}; it is {_shape(g)}.")
            if problem := close(args, e, g):
                return Problem(problem.kind, f"{name}: {problem.sentence}")
        return None
    if not isinstance(expected, torch.Tensor):
        return None if expected == got else Problem("value", f"Expected {expected}, got {got}.")
    wrong = ~near(got, expected)
    if not wrong.any():
        return None
    if got.is_floating_point() and (got.isnan() & ~expected.isnan().to(got.device)).any():
        where = got.isnan().nonzero()[0].tolist()
        return Problem("nan", f"It holds NaN{_at(where)}, where {_number(expected[tuple(where)])} is expected.")
    where = wrong.nonzero()[0].tolist()
    share = f" {int(wrong.sum())} of {wrong.numel()} entries differ." if wrong.numel() > 1 else ""
    return Problem(
        "value",
        f"Expected{_at(where)} {_told_apart(expected[tuple(where)], got[tuple(where)])}.{share}",
    )


def _difference(expected: Any, got: Any) -> float:
    """The root mean square of what one product has over another, without going through their entries."""
    mine, theirs = in_factors(expected, torch.Tensor.double), in_factors(got, torch.Tensor.double)
    return root_mean_square(factored(torch.cat([mine.A, -theirs.A], 1), torch.cat([mine.B, theirs.B])))


def _same_product(expected: Any, got: Any) -> Problem | None:
    """Any factors with that product are right, so long as there are no more of them than the reference needs."""
    scale, first, wrong = root_mean_square(expected), 0, 0
    entries = expected.shape[0] * expected.shape[1]
    if entries > LARGE and _difference(expected, got) <= TOLERANCE[str(got.A.dtype)][0] * scale:
        return None
    example: tuple[list[int], Tensor, Tensor] | None = None
    for e, g in zip(blocks(expected), blocks(got), strict=True):
        differs = ~near(g.to(got.A.dtype) if g.isfinite().all() else g, e, scale=scale)
        if differs.any() and example is None:
            row, column = differs.nonzero()[0].tolist()
            example = [first + row, column], e[row, column], g[row, column]
        wrong, first = wrong + int(differs.sum()), first + len(e)
    if example:
        where, right, theirs = example
        if theirs.isnan():
            return Problem("nan", f"The product of its factors holds NaN{_at(where)}.")
        total = expected.shape[0] * expected.shape[1]
        share = f" {wrong} of {total} entries differ." if total > 1 else ""
        return Problem(
            "value", f"In the product of its factors: expected{_at(where)} {_told_apart(right, theirs)}.{share}"
        )
    if got.mdim > expected.mdim:
        return Problem(
            "inner dimension",
            f"The product is right, but its inner dimension is {got.mdim}; it should be at most {expected.mdim}, "
            "that of the head: multiply until both factors end there.",
        )
    return None


def close_but_for_a_guard(args: dict[str, Any], expected: Tensor, got: Tensor) -> Problem | None:
    """`close`; in float64 a constant such as 1e-8 beside a length of 0.5 or more is forgiven."""
    if got.dtype == torch.float64 and bool(near(got, expected, slack=100.0).all()):
        return None
    return close(args, expected, got)


def close_to_single_precision(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """`close` for what a model computes: its norms work in float32 even in a float64 model."""
    return close(args, expected.float(), got.float())


def ranking(
    scores: Callable[..., Tensor], size: Callable[..., int], values: int, ids: int, what: str = "ids"
) -> Answer:
    """For results (best values, their ids) in either order: ids are judged by the values they point to.

    Args:
        scores: from ids [rows k] and the arguments, what each id scores in its row.
        size: from the arguments, how many ids there are.
        values, ids: the places of the two in the result.
    """

    def answer(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
        if problem := close(args, expected[values], got[values]):
            return Problem(problem.kind, f"Result {values}: {problem.sentence}")
        n, chosen = size(**args), got[ids].to(expected[ids].device)
        if chosen.numel() == 0:
            return None
        if chosen.min() < 0 or chosen.max() >= n:
            return Problem("value", f"Result {ids}: some {what} lie outside 0 … {n - 1}.")
        ordered = chosen.sort(-1).values
        if (ordered[..., 1:] == ordered[..., :-1]).any():
            return Problem("value", f"Result {ids}: some {what} stand twice in one ranking.")
        pointed = scores(chosen, **args)
        wrong = ~near(pointed.to(got[values].dtype), expected[values])
        if wrong.any():
            where = wrong.nonzero()[0].tolist()
            return Problem(
                "value",
                f"Result {ids}: the id{_at(where)} points to {_number(pointed[tuple(where)])}, "
                f"not to {_number(expected[values][tuple(where)])}.",
            )
        return None

    return answer


def near(got: Tensor, expected: Tensor, slack: float = 1.0, scale: float | None = None) -> Tensor:
    """Where two tensors of one shape agree up to rounding in the first one's dtype. NaN agrees with NaN.

    Args:
        scale: the root mean square of what they are part of; that of `expected` when left out.
    """
    expected = expected.to(got.device)
    if not got.is_floating_point():
        return got == expected
    relative, absolute = TOLERANCE.get(str(got.dtype), TOLERANCE["torch.float32"])
    # Infinities and NaN have no scale and are compared as they are.
    a, b = got.detach().double(), expected.detach().double()
    if scale is None:
        finite = b[b.isfinite()]
        scale = float(finite.square().mean().sqrt()) if finite.numel() else 1.0
    scale = max(1.0, scale)
    # torch.isclose written out: a function that is checked may have replaced that one.
    gap = (a - b).abs()
    within = gap.isfinite() & (gap <= absolute * slack * scale + relative * slack * b.abs())
    return within | (a == b) | (a.isnan() & b.isnan())


def same(a: Any, b: Any) -> bool:
    """Whether two plain results are one and the same up to rounding, dtype and shape included."""
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(part, b[name]) for name, part in a.items())
    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        if (a.shape, a.dtype, a.device, a.layout) != (b.shape, b.dtype, b.device, b.layout):
            return False
        if a.layout != torch.strided or a.device.type == "meta":
            return False
        return bool(near(a, b, slack=5.0).all())
    if is_factored(a) and is_factored(b):
        if (a.shape, a.mdim, a.A.dtype, a.B.dtype) != (b.shape, b.mdim, b.A.dtype, b.B.dtype):
            return False
        scale, pairs = root_mean_square(b), zip(blocks(a), blocks(b), strict=True)
        return all(bool(near(x.to(a.A.dtype), y, slack=5.0, scale=scale).all()) for x, y in pairs)
    return type(a) is type(b) and isinstance(a, int | float | str | bool | None) and a == b


def _at(where: list[int]) -> str:
    return f" at {where}" if where else ""


def _number(value: Tensor) -> str:
    return f"{value.item() + 0:.6g}"  # of a zero below zero only the zero


def _told_apart(expected: Tensor, got: Tensor) -> str:
    """Both numbers, with as many digits as it takes to see that they differ."""
    for digits in (6, 9, 12, 17):
        first, second = f"{expected.item() + 0:.{digits}g}", f"{got.item() + 0:.{digits}g}"
        if first != second:
            break
    return f"{first}, got {second}"
