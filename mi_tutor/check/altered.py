"""The changes of which `variations` makes one at a time: of an operation's axis, sign, place or kind, or of an argument."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Change(NamedTuple):
    name: str
    sentence: str
    apply: Callable[..., Any]
    """For an operation `apply(function, args, kwargs)`, for arguments `apply(args)`."""


OVER_AN_AXIS = frozenset(
    [
        "sum",
        "mean",
        "softmax",
        "log_softmax",
        "logsumexp",
        "argmax",
        "argmin",
        "amax",
        "amin",
        "max",
        "min",
        "cumsum",
        "cumprod",
        "norm",
        "vector_norm",
        "linalg_vector_norm",
        "std",
        "var",
        "prod",
        "any",
        "all",
        "median",
        "flip",
        "sort",
        "argsort",
        "topk",
    ]
)
INSTEAD: dict[str, tuple[tuple[str, Callable[..., Any], str], ...]] = {
    "mean": (("median", lambda *a, **k: _median(*a, **k), "a median where the mean is meant"),),
    "median": (("mean", torch.mean, "a mean where the median is meant"),),
    "log": (
        ("log2", torch.log2, "logarithms to base 2 where natural ones are meant: bits for nats"),
        ("log10", torch.log10, "logarithms to base 10 where natural ones are meant"),
        ("log1p", torch.log1p, "`log(1 + x)` where the logarithm of x itself is meant"),
    ),
    "argmax": (("argmin", torch.argmin, "the smallest where the largest is meant"),),
    "argmin": (("argmax", torch.argmax, "the largest where the smallest is meant"),),
    "amax": (("amin", torch.amin, "the smallest where the largest is meant"),),
    "amin": (("amax", torch.amax, "the largest where the smallest is meant"),),
    "maximum": (("minimum", torch.minimum, "the smaller of two where the larger is meant"),),
    "minimum": (("maximum", torch.maximum, "the larger of two where the smaller is meant"),),
    "tril": (("triu", torch.triu, "the upper triangle where the lower is meant"),),
    "triu": (("tril", torch.tril, "the lower triangle where the upper is meant"),),
    "gt": (
        ("ge", torch.ge, "`>=` where `>` is meant, so that equal ones count"),
        ("lt", torch.lt, "the comparison the wrong way round"),
    ),
    "ge": (
        ("gt", torch.gt, "`>` where `>=` is meant, so that equal ones do not count"),
        ("le", torch.le, "the comparison the wrong way round"),
    ),
    "lt": (
        ("le", torch.le, "`<=` where `<` is meant, so that equal ones count"),
        ("gt", torch.gt, "the comparison the wrong way round"),
    ),
    "le": (
        ("lt", torch.lt, "`<` where `<=` is meant, so that equal ones do not count"),
        ("ge", torch.ge, "the comparison the wrong way round"),
    ),
    "eq": (("ne", torch.ne, "what is unequal where what is equal is meant"),),
    "ne": (("eq", torch.eq, "what is equal where what is unequal is meant"),),
    "add": (("sub", torch.sub, "a minus where a plus is meant"),),
    "sub": (("add", torch.add, "a plus where a minus is meant"),),
    "mul": (("div", torch.div, "a division where a product is meant"),),
    "div": (("mul", torch.mul, "a product where a division is meant"),),
    "norm": (("squared", lambda *a, **k: torch.norm(*a, **k).square(), "squared norms where norms are meant"),),
    "vector_norm": (
        ("squared", lambda *a, **k: torch.linalg.vector_norm(*a, **k).square(), "squared norms where norms are meant"),
    ),
    "square": (("abs", torch.abs, "absolute values where squares are meant"),),
    "abs": (("square", torch.square, "squares where absolute values are meant"),),
    "softmax": (("log", torch.log_softmax, "logarithms of probabilities where probabilities are meant"),),
    "log_softmax": (("exp", torch.softmax, "probabilities where their logarithms are meant"),),
}
"""By operation: what might have been written, and how a learner is told."""
LEFT_OUT = {
    "relu": "negative values kept: a rectification is missing",
    "abs": "signs kept: an absolute value is missing",
    "log": "the numbers themselves where their logarithms are meant",
    "exp": "the numbers themselves where their exponentials are meant",
    "sqrt": "squares where their roots are meant",
    "square": "the numbers themselves where their squares are meant",
    "softmax": "no softmax where one is meant",
    "log_softmax": "no log_softmax where one is meant",
    "T": "a matrix not transposed where it has to be",
    "mT": "a matrix not transposed where it has to be",
    "cumsum": "no running sum where one is meant",
    "flip": "the order not reversed where it has to be",
    "tril": "no triangle cut out where one is meant",
    "triu": "no triangle cut out where one is meant",
    "clamp": "nothing clamped where it has to be",
    "masked_fill": "nothing masked where it has to be",
    "neg": "the other sign somewhere on the way",
    "conj": "no conjugate taken where it has to be",
}
"""Operations of one tensor, and what is told of a result that lacks one."""
OPERANDS = {
    "add": ("nothing added where something has to be", (0, 1)),
    "sub": ("nothing subtracted where something has to be", (0,)),
    "mul": ("one factor of a product missing", (0, 1)),
    "div": ("nothing divided where something has to be", (0,)),
}
MASKS = (0.0, -1.0, -100.0, -1e3, -1e4, -1e5, -1e6, -1e9)
GUARDS = (1e-12, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)
"""Constants that are added, or clamped at, so that nothing is divided by 0 and no logarithm is infinite."""


def arguments_altered(args: dict[str, Any]) -> Iterator[Change]:
    """Changes of what the solution is given."""
    for (one, a), (other, b) in itertools.combinations(args.items(), 2):
        if isinstance(a, Tensor) and isinstance(b, Tensor) and a.dtype == b.dtype and a.ndim == b.ndim:
            yield _swap(one, other, a.shape == b.shape)
        elif type(a) is type(b) and isinstance(a, (int, float)):
            yield _swap(one, other, True)
    for name, value in args.items():
        if isinstance(value, int) and not isinstance(value, bool):
            for by, word in ((1, "larger"), (-1, "smaller")):
                yield _set(
                    name,
                    f"{name} one {word}",
                    f"the right one for a `{name}` one {word}",
                    functools.partial(operator.add, by),
                )
        if isinstance(value, Tensor) and value.is_floating_point():
            yield _set(name, f"-{name}", f"the right one for `{name}` with the other sign", torch.neg)
            yield _set(name, f"|{name}|", f"the right one for the absolute values of `{name}`", torch.abs)
            yield _set(
                name, f"relu({name})", f"the right one with negative values of `{name}` cut off at 0", torch.relu
            )
        if isinstance(value, Tensor) and value.ndim > 0:
            for axis in range(value.ndim):
                yield _set(
                    name,
                    f"{name}: the first for all",
                    f"the right one if along axis {axis} of `{name}` all were like the first",
                    functools.partial(_first_for_all, axis),
                )
                yield _set(
                    name,
                    f"{name} reversed",
                    f"the right one for `{name}` reversed along axis {axis}",
                    functools.partial(torch.flip, dims=(axis,)),
                )
        if isinstance(value, Tensor) and value.ndim >= 2:
            yield _set(
                name, f"{name} transposed", f"the right one for `{name}` transposed", lambda v: v.mT.contiguous()
            )


def _swap(one: str, other: str, alike: bool) -> Change:
    def swapped(args: dict[str, Any]) -> dict[str, Any]:
        return args | {one: args[other], other: args[one]}

    return Change(
        f"{one} and {other} exchanged",
        f"Your result is the right one with `{one}` and `{other}` exchanged"
        + ("." if alike else ", whatever their sizes."),
        swapped,
    )


def _first_for_all(axis: int, value: Tensor) -> Tensor:
    return value.narrow(axis, 0, 1).expand_as(value).clone()


def _set(name: str, title: str, words: str, alter: Callable[[Any], Any]) -> Change:
    return Change(title, f"Your result is {words}.", lambda args: args | {name: alter(args[name])})


def operations_altered(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Change]:
    """Changes of one call of an operation that has been seen with these arguments."""
    yield from _other_axes(operation, args, kwargs)
    for short, function, words in INSTEAD.get(operation, ()):
        yield _told(f"{short} for {operation}", words, lambda f, a, k, g=function: g(*a, **_plain(k)))
    if operation in LEFT_OUT:
        yield _told(f"no {operation}", LEFT_OUT[operation], lambda f, a, k: a[0])
    if operation in OPERANDS and len(args) == 2:
        words, kept = OPERANDS[operation]
        for place in kept:
            yield _told(f"no {operation}", words, lambda f, a, k, place=place: _like_both(a, place))
    if operation == "shape":
        for one, other in itertools.combinations(range(args[0].ndim), 2):
            words = f"the size of axis {one} where that of axis {other} is meant, or the other way"
            yield _told("another axis's size", words, functools.partial(_sizes_exchanged, one, other))
    for where, function in _guarded(operation):
        for guard in GUARDS:
            words = f"a guard of about {guard:g} {where}: leave it out, and treat exactly 0 by itself"
            yield _told("guard", words, lambda f, a, k, g=guard, h=function: h(f, a, _plain(k), g))
    if operation in ("gt", "ge") and len(args) == 2 and isinstance(args[0], Tensor) and args[0].is_floating_point():
        yield from _thresholds(args)
    if operation == "matmul":
        yield from _products(args)
    if operation in ("tril", "triu"):
        yield from _diagonals(operation, args, kwargs)
    if operation == "masked_fill":
        for value in MASKS:
            yield _told(
                "mask value",
                f"{value:g} where the mask is, instead of {args[2]!s}",
                lambda f, a, k, value=value: f(a[0], a[1], value),
            )
    if operation == "where":
        yield _told("branches of where exchanged", "the two cases exchanged", lambda f, a, k: f(a[0], a[2], a[1]))
    if operation == "getitem":
        yield from _places(args)
    if operation in ("std", "var"):
        for correction in (0, 1):
            yield _told(
                f"correction {correction}",
                f"a {operation} that divides by {'n - 1' if correction else 'n'}",
                lambda f, a, k, c=correction: f(a[0], dim=_dim(a, k), correction=c, keepdim=k.get("keepdim", False)),
            )


def _guarded(operation: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Where a small constant is put, and the operation with it there."""
    if operation in ("div", "rdiv"):
        below = 1 if operation == "div" else 0
        yield (
            "added to what is divided by",
            lambda f, a, k, g: f(*(each + g if place == below else each for place, each in enumerate(a))),
        )
        yield (
            "as the least that is divided by",
            lambda f, a, k, g: f(*(_at_least(each, g) if place == below else each for place, each in enumerate(a))),
        )
    if operation in ("log", "log2", "sqrt"):
        yield f"added inside `{operation}`", lambda f, a, k, g: f(a[0] + g)
        yield f"as the least that `{operation}` is given", lambda f, a, k, g: f(_at_least(a[0], g))
    if operation == "normalize":
        yield (
            "added to the length that is divided by",
            lambda f, a, k, g: a[0] / (a[0].norm(dim=k.get("dim", 1), keepdim=True) + g),
        )
        yield (
            "added to the squared length that is divided by",
            lambda f, a, k, g: a[0] / (a[0].square().sum(k.get("dim", 1), keepdim=True) + g).sqrt(),
        )
    if operation == "log_softmax":
        yield "added to the probabilities before their logarithm", lambda f, a, k, g: (torch.softmax(*a, **k) + g).log()
        yield (
            "as the least probability that the logarithm is given",
            lambda f, a, k, g: torch.softmax(*a, **k).clamp(min=g).log(),
        )


def _sizes_exchanged(one: int, other: int, f: Any, a: tuple[Any, ...], k: dict[str, Any]) -> torch.Size:
    sizes = list(f(*a))
    sizes[one], sizes[other] = sizes[other], sizes[one]
    return torch.Size(sizes)


def _at_least(value: Any, least: float) -> Any:
    return value.clamp(min=least) if isinstance(value, Tensor) else max(value, least)


def _told(name: str, words: str, apply: Callable[..., Any]) -> Change:
    return Change(name, f"Your result is what comes out with {words}.", apply)


def _plain(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Without what `torch.nn.functional` adds for itself."""
    return {name: value for name, value in kwargs.items() if name != "_stacklevel" and value is not None}


def _dim(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return kwargs.get("dim", args[1] if len(args) > 1 else None)


def _other_axes(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Change]:
    if operation not in OVER_AN_AXIS or not args or not isinstance(args[0], Tensor) or args[0].ndim < 2:
        return
    place = 2 if operation in ("norm", "vector_norm", "linalg_vector_norm", "topk") else 1
    dim = kwargs.get("dim", args[place] if len(args) > place else None)
    rank = args[0].ndim
    meant = tuple(d % rank for d in dim) if isinstance(dim, (tuple, list)) else None if dim is None else (dim % rank,)
    others: list[Any] = [axis for axis in range(rank) if meant != (axis,)]
    if meant is not None and len(meant) == 1 and operation in ("sum", "mean"):
        others.append(tuple(range(rank)))
    for other in others:

        def apply(f: Any, a: tuple[Any, ...], k: dict[str, Any], other: Any = other) -> Any:
            return f(*a[:place], **(_plain(k) | {"dim": other}))

        over = "all axes" if isinstance(other, tuple) else f"axis {other}"
        instead = "all axes" if meant is None else " and ".join(f"axis {axis}" for axis in meant)
        shown = operation.removeprefix("linalg_")
        yield _told(f"{shown} over {over}", f"a {shown} over {over} where {instead} {_are(meant)} meant", apply)


def _are(meant: tuple[int, ...] | None) -> str:
    return "is" if meant is not None and len(meant) == 1 else "are"


def _like_both(args: tuple[Any, ...], place: int) -> Any:
    """One operand alone, in the shape that both have together."""
    value = args[place]
    if not isinstance(value, Tensor):
        raise TypeError("a number is no result of its own")
    other = args[1 - place]
    return value.expand(torch.broadcast_shapes(value.shape, other.shape)) if isinstance(other, Tensor) else value


def _products(args: tuple[Any, ...]) -> Iterator[Change]:
    a, b = args[:2]
    if min(a.ndim, b.ndim) >= 2:
        words = "the {} matrix of a product transposed"
        yield _told("transposed factor", words.format("left"), lambda f, a, k: f(a[0].mT, a[1]))
        yield _told("transposed factor", words.format("right"), lambda f, a, k: f(a[0], a[1].mT))
        yield _told(
            "order of a product", "the two factors of a matrix product exchanged", lambda f, a, k: f(a[1], a[0])
        )


def _thresholds(args: tuple[Any, ...]) -> Iterator[Change]:
    """A threshold that is a share of the largest value, or a little above 0."""
    if isinstance(args[1], Tensor):
        return
    for share in (0.5, 0.1, 0.05, 0.01, 0.001) if args[1] == 0 else (float(args[1]),):
        whose = {"all": None, **{f"axis {axis}": axis for axis in range(args[0].ndim)}}
        for over, axis in whose.items():
            words = f"a threshold of {share:g} of the largest value {'of all' if axis is None else f'along {over}'}"
            yield _told("relative threshold", words, functools.partial(_above_a_share, share, axis))
    if args[1] == 0:
        for least in (1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
            yield _told(
                "threshold above 0", f"a threshold of {least:g} where 0 is meant", functools.partial(_above, least)
            )


def _above_a_share(share: float, axis: int | None, f: Any, a: tuple[Any, ...], k: dict[str, Any]) -> Tensor:
    largest = a[0].amax() if axis is None else a[0].amax(axis, keepdim=True)
    return torch.as_tensor(f(a[0], share * largest))


def _above(least: float, f: Any, a: tuple[Any, ...], k: dict[str, Any]) -> Tensor:
    return torch.as_tensor(f(a[0], least))


def _diagonals(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Change]:
    diagonal = kwargs.get("diagonal", args[1] if len(args) > 1 else 0)
    for by in (-1, 1):
        more = (by > 0) == (operation == "tril")
        words = f"one diagonal {'more' if more else 'fewer'} in the triangle than is meant"
        yield _told("diagonal off by one", words, lambda f, a, k, d=diagonal + by: f(a[0], diagonal=d))


def _places(args: tuple[Any, ...]) -> Iterator[Change]:
    """An index or a slice one place further on."""
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    for i, part in enumerate(index):
        for by in (1, -1):
            for which, words in _moves(part, by):

                def apply(
                    f: Any, a: tuple[Any, ...], k: dict[str, Any], i: int = i, by: int = by, w: str = which
                ) -> Any:
                    now = a[1] if isinstance(a[1], tuple) else (a[1],)
                    return f(a[0], (*now[:i], _moved(now[i], by, w), *now[i + 1 :]))

                yield _told("one place off", words, apply)


def _moves(part: Any, by: int) -> Iterator[tuple[str, str]]:
    late = "late" if by > 0 else "early"
    if isinstance(part, slice):
        if part.start is not None or by > 0:
            yield "start", f"a range that begins one place too {late}"
        if part.stop is not None or by < 0:
            yield "stop", f"a range that ends one place too {late}"
        if (part.start is not None or by > 0) and (part.stop is not None or by < 0):
            yield "both", f"a range that lies one place too {late}"
    elif isinstance(part, int) or (isinstance(part, Tensor) and part.dtype == torch.int64):
        yield "index", f"what stands one place too {late}"


def _moved(part: Any, by: int, which: str) -> Any:
    if which == "index":
        return part + by
    start, stop = part.start, part.stop
    if which in ("start", "both"):
        start = _without_crossing_zero(0 if start is None else start, by, from_end=False)
    if which in ("stop", "both"):
        stop = _without_crossing_zero(0 if stop is None else stop, by, from_end=stop is None or stop < 0)
    return slice(start, stop, part.step)


def _without_crossing_zero(place: int, by: int, from_end: bool) -> int | None:
    """-1 and one more is the end, not the beginning."""
    moved = int(place) + by
    if from_end:
        return None if moved >= 0 else moved
    return max(moved, 0) if place >= 0 else (None if moved >= 0 else moved)


def _median(x: Tensor, dim: Any = None, keepdim: bool = False, **kwargs: Any) -> Tensor:
    if dim is None:
        return x.median()
    if isinstance(dim, (tuple, list)):
        raise TypeError("a median has one axis")
    return x.median(dim, keepdim=keepdim).values
