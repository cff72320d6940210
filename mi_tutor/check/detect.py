"""General differences between results and the right ones: axes exchanged, a factor, a shift, a sum that is missing.

Each detector takes all wrong results at once, and speaks only when one difference explains every one of them.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mi_tutor.check.compare import near
from mi_tutor.check.factored import is_factored, whole
from mi_tutor.check.trial import Trial


class Pair(NamedTuple):
    """A wrong result beside the right one, in double precision."""

    args: dict[str, Any]
    expected: Tensor
    got: Tensor
    dtype: torch.dtype


def detect(trials: list[Trial]) -> Iterator[tuple[str, str]]:
    """Every general difference that holds on all wrong results at once, most telling first."""
    pairs = [pair for trial in trials if trial.problem for pair in _pairs(trial)]
    telling = [pair for pair in pairs if pair.got.numel() > 0]
    if not telling:
        return
    for detector in DETECTORS:
        if found := detector(telling):
            yield found


def _pairs(trial: Trial) -> Iterator[Pair]:
    expected = trial.expected if isinstance(trial.expected, tuple) else (trial.expected,)
    got = trial.got if isinstance(trial.got, tuple) else (trial.got,)
    for e, g in zip(expected, got, strict=False):
        # Before factors are multiplied, which is done in double precision.
        dtype: Any = g.A.dtype if is_factored(g) else None
        e, g = (_as_tensor(whole(part) if is_factored(part) else part) for part in (e, g))
        dtype = dtype or getattr(g, "dtype", None)
        if isinstance(e, Tensor) and isinstance(g, Tensor) and not _agree(g.double(), e.double(), dtype):
            yield Pair(trial.case.args, e.double().to(g.device), g.double(), dtype)


def _as_tensor(part: Any) -> Any:
    """A plain number as a tensor, for what explains the tensors of a result has to explain its numbers, too."""
    return torch.tensor(part) if type(part) in (int, float) else part


def _agree(got: Tensor, expected: Tensor, dtype: torch.dtype) -> bool:
    if got.shape != expected.shape:
        return False
    dtype = dtype if dtype.is_floating_point else torch.float64
    return bool(near(got.to(dtype), expected).all())


def _holds(pairs: list[Pair], mend: Callable[[Pair], Tensor | None]) -> bool:
    """Whether mending every wrong result in this way makes it right, on results with something to tell."""
    entries = 0
    for pair in pairs:
        mended = mend(pair)
        if mended is None or not _agree(mended, pair.expected, pair.dtype):
            return False
        entries += int(pair.expected.isfinite().sum())
    return entries >= 3


def _nearly(pairs: list[Pair]) -> tuple[str, str] | None:
    away = []
    for pair in pairs:
        if pair.got.shape != pair.expected.shape or not torch.equal(pair.got.isfinite(), pair.expected.isfinite()):
            return None
        finite = pair.expected.isfinite()
        if not torch.equal(pair.got[~finite], pair.expected[~finite]) or not finite.any():
            return None
        scale = max(1.0, float(pair.expected[finite].square().mean().sqrt()))
        away.append(float((pair.got - pair.expected)[finite].abs().max()) / scale)
    # An estimate from random draws is now and then further away than it usually is.
    usual = sorted(away)[len(away) // 2]
    if not 0 < usual < 1e-2 or max(away) > 3e-2:
        return None
    digits = int(-math.log10(usual))
    return (
        "lost precision",
        f"Close, but right to about {digits} digits only: is something computed in a lower precision, a small constant added"
        + (", or estimated from random draws where the exact number can be computed?" if digits < 4 else "?"),
    )


def _made_finite(pairs: list[Pair]) -> tuple[str, str] | None:
    def with_infinities(pair: Pair) -> Tensor | None:
        if pair.got.shape != pair.expected.shape or not pair.expected.isinf().any():
            return None
        return torch.where(pair.expected.isinf() & pair.got.isfinite(), pair.expected, pair.got)

    if not _holds(pairs, with_infinities):
        return None
    return (
        "infinity made finite",
        "An infinite value is meant here; a clamp, `nan_to_num` or a small constant makes it finite.",
    )


def _permuted(pairs: list[Pair]) -> tuple[str, str] | None:
    rank = pairs[0].expected.ndim
    if rank < 2 or any(p.got.ndim != rank or p.expected.ndim != rank for p in pairs):
        return None
    for order in itertools.permutations(range(rank)):
        if list(order) == sorted(order) or not _holds(pairs, lambda p, order=order: p.got.permute(order)):  # type: ignore[misc]
            continue
        if rank == 2:
            return "transposed", "The result is transposed: rows and columns are swapped."
        return "swapped axes", f"The axes are in another order: permute{order} of your result would be right."
    return None


def _factor(pairs: list[Pair]) -> tuple[str, str] | None:
    def ratio(pair: Pair) -> float | None:
        keep = pair.expected.isfinite() & (pair.expected != 0)
        if pair.got.shape != pair.expected.shape or not keep.any():
            return None
        return float((pair.got[keep] / pair.expected[keep]).median())

    ratios = [ratio(pair) for pair in pairs]
    if any(r is None or r == 0 or not math.isfinite(r) for r in ratios):
        return None
    if not _holds(pairs, lambda p: p.got / (ratio(p) or 1.0)):
        return None
    known = [float(r) for r in ratios if r is not None]
    if all(math.isclose(r, 1, rel_tol=1e-3) for r in known):
        return None  # a size of 1 would explain it, and say nothing
    for name, values in _named_factors(pairs):
        if all(math.isclose(r, v, rel_tol=1e-3) for r, v in zip(known, values, strict=True)):
            if name == "-1":
                return "sign", "The sign is the wrong way round."
            return f"factor {name}", f"The result is {name} times what it should be."
    if all(math.isclose(r, known[0], rel_tol=1e-3) for r in known) and not math.isclose(known[0], 1, rel_tol=1e-3):
        return "constant factor", f"The result is {known[0]:.4g} times what it should be, everywhere."
    return None


def _named_factors(pairs: list[Pair]) -> Iterator[tuple[str, list[float]]]:
    constants = {
        "-1": -1.0,
        "2": 2.0,
        "1/2": 0.5,
        "ln 2": math.log(2),
        "1/ln 2": 1 / math.log(2),
        "-1/ln 2": -1 / math.log(2),
    }
    for name, value in constants.items():
        yield name, [value] * len(pairs)
    sizes = [_sizes(pair) for pair in pairs]
    for axis in sizes[0]:
        if all(axis in size for size in sizes):
            n = [size[axis] for size in sizes]
            yield axis, n
            yield f"1/({axis})", [1 / v for v in n]
            yield f"√({axis})", [math.sqrt(v) for v in n]
            yield f"1/√({axis})", [1 / math.sqrt(v) for v in n]
            if min(n) > 1:
                yield f"({axis} - 1)/({axis})", [(v - 1) / v for v in n]


def _sizes(pair: Pair) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in pair.args.items():
        if isinstance(value, Tensor):
            for axis, size in enumerate(value.shape):
                found[f"size of {name} along axis {axis}"] = float(size)
            found[f"number of entries of {name}"] = float(value.numel())
    return {name: size for name, size in found.items() if size > 0}


def _missing_reduction(pairs: list[Pair]) -> tuple[str, str] | None:
    rank = pairs[0].got.ndim
    if any(p.got.ndim != rank for p in pairs):
        return None
    for axis in range(rank):
        if any(p.got.shape[axis] < 2 for p in pairs):
            continue
        for word, reduce in (("sum", torch.sum), ("mean", torch.mean)):
            if _holds(pairs, lambda p, reduce=reduce, axis=axis: reduce(p.got, dim=axis)):  # type: ignore[misc]
                return f"missing {word}", f"The {word} over axis {axis} of the result is missing."
    return None


def _shifted(pairs: list[Pair]) -> tuple[str, str] | None:
    for axis in range(pairs[0].expected.ndim):
        for shift, word in ((1, "late"), (-1, "early")):

            def overlap(pair: Pair, axis: int = axis, shift: int = shift) -> Tensor | None:
                if pair.got.shape != pair.expected.shape or pair.expected.ndim <= axis or pair.got.shape[axis] < 3:
                    return None
                n = pair.got.shape[axis] - 1
                got, expected = (pair.got, pair.expected) if shift > 0 else (pair.expected, pair.got)
                if not _agree(got.narrow(axis, 1, n), expected.narrow(axis, 0, n), pair.dtype):
                    return None
                return pair.expected

            if _holds(pairs, overlap):
                return "shifted by one", f"Everything along axis {axis} comes one place too {word}."
    return None


def _reversed(pairs: list[Pair]) -> tuple[str, str] | None:
    for axis in range(pairs[0].expected.ndim):
        if all(p.got.ndim > axis for p in pairs) and _holds(pairs, lambda p, axis=axis: p.got.flip(axis)):  # type: ignore[misc]
            return "reversed", f"The order along axis {axis} is reversed."
    return None


def _transformed(pairs: list[Pair]) -> tuple[str, str] | None:
    mends: list[tuple[str, str, Callable[[Tensor], Tensor]]] = [
        ("missing log", "These are probabilities where their logarithms are asked for.", torch.log),
        ("missing exp", "These are logarithms where the numbers themselves are asked for.", torch.exp),
        ("squared", "This is the square of what it should be.", lambda x: x.clamp(min=0).sqrt()),
        ("missing square", "This is the square root of what it should be.", torch.square),
        ("missing rectification", "Negative values should be 0 here.", torch.relu),
    ]
    same_shape = all(p.got.shape == p.expected.shape for p in pairs)
    kept = torch.cat([p.got.flatten() for p in pairs])  # numbers that are all 0 have not been cut off, but lost
    if same_shape and bool((kept > 0).any()) and all(_agree(p.got, p.expected.relu(), p.dtype) for p in pairs):
        return "extra rectification", "Negative values have been cut off at 0; they are meant to stay."
    if same_shape and bool((kept < 0).any()) and all(_agree(p.got, p.expected.clamp(max=0), p.dtype) for p in pairs):
        return "only the negative part", "Positive values have been cut off at 0; they are meant to stay."
    if same_shape and all(_agree(p.got, p.expected.abs(), p.dtype) for p in pairs):
        return "sign lost", "Negative values have lost their sign; they are meant to keep it."
    for name, sentence, mend in mends:
        if _holds(pairs, lambda p, mend=mend: mend(p.got)):  # type: ignore[misc]
            return name, sentence
    return None


def _clamped(pairs: list[Pair]) -> tuple[str, str] | None:
    """Everything beyond one number, the same in every case, made that number. One entry alone is always so."""
    if any(p.got.shape != p.expected.shape or not p.got.numel() for p in pairs):
        return None
    wrong = torch.cat([p.got[(p.got != p.expected) & ~near(p.got, p.expected)].flatten() for p in pairs])
    if len(wrong) < 2 or not bool(torch.isclose(wrong, wrong[0], rtol=1e-4).all()):
        return None
    for word, limit, clamp in (("below", float(wrong.amin()), "min"), ("above", float(wrong.amax()), "max")):
        if all(_agree(p.got, p.expected.clamp(**{clamp: limit}), p.dtype) for p in pairs):
            return "cut off", f"Everything {word} {limit:.6g} has become {limit:.6g}; such numbers are meant to stay."
    return None


def _one_for_all(pairs: list[Pair]) -> tuple[str, str] | None:
    """One number along an axis, the first entry's, the last one's or the mean, given for all of them."""
    for axis in range(min(p.expected.ndim for p in pairs)):
        if not all(p.got.shape == p.expected.shape and p.expected.shape[axis] > 1 for p in pairs):
            continue
        if all(_agree(p.got, p.expected.mean(axis, keepdim=True).expand_as(p.got), p.dtype) for p in pairs):
            return "the mean for all", f"Along axis {axis} every entry is the mean of what the entries should be."
        for word, place in (("first", 0), ("last", -1)):
            if all(
                _agree(p.got, p.expected.select(axis, place).unsqueeze(axis).expand_as(p.got), p.dtype) for p in pairs
            ):
                return f"the {word} for all", f"Along axis {axis} every entry is what only the {word} one should be."
    return None


def _softmaxed(pairs: list[Pair]) -> tuple[str, str] | None:
    ranks = {p.got.ndim for p in pairs}
    for axis in range(min(ranks)):
        others = [other for other in range(min(ranks)) if other != axis]
        for word, function in (("softmax", torch.softmax), ("log_softmax", torch.log_softmax)):
            if _holds(pairs, lambda p, f=function, a=axis: f(p.got, dim=a)):  # type: ignore[misc]
                return f"missing {word}", f"A {word} over axis {axis} is missing."
            if all(
                p.got.shape == p.expected.shape and _agree(p.got, function(p.expected, dim=axis), p.dtype)
                for p in pairs
            ):
                return f"extra {word}", f"There is a {word} over axis {axis} too many."
            for other in others:
                if _sums_to_one(pairs, axis, word) and _sums_to_one(pairs, other, word, expected=True):
                    return f"{word} over the wrong axis", f"Axis {axis} sums to one; axis {other} should."
    return None


def _sums_to_one(pairs: list[Pair], axis: int, word: str, expected: bool = False) -> bool:
    chosen = [pair.expected if expected else pair.got for pair in pairs]
    if any(t.ndim <= axis or t.shape[axis] < 2 for t in chosen):
        return False
    tensors = [t.exp() if word == "log_softmax" else t for t in chosen]
    return all(
        bool(torch.isclose(t.sum(axis), torch.ones((), dtype=t.dtype, device=t.device), atol=1e-4).all())
        for t in tensors
    )


def _constant_offset(pairs: list[Pair]) -> tuple[str, str] | None:
    if any(p.got.shape != p.expected.shape or p.expected.numel() < 2 for p in pairs):
        return None
    for axis in [None, *range(min(p.expected.ndim for p in pairs))]:
        if axis is not None and all(p.expected.shape[axis] < 2 for p in pairs):
            continue

        def level(pair: Pair, axis: int | None = axis) -> Tensor | None:
            gap = pair.got - pair.expected
            return pair.got - (gap.mean() if axis is None else gap.mean(axis, keepdim=True))

        if _holds(pairs, level):
            along = "everywhere" if axis is None else f"along axis {axis}"
            return "constant offset", f"The result is off by the same number {along}."
    return None


def _guarded(pairs: list[Pair]) -> tuple[str, str] | None:
    """Everything too small by a little, and by more where numbers are small."""
    gaps = []
    for pair in pairs:
        if pair.got.shape != pair.expected.shape or not (pair.got.isfinite() & pair.expected.isfinite()).all():
            return None
        # What is small beside the rest may have been rounded away.
        large = pair.expected.abs() > 1e-3 * pair.expected.abs().amax()
        gap = 1 - pair.got[large] / pair.expected[large]
        if bool((gap > 1).any()) or bool((gap < -1e-5).any()):
            return None
        # In single precision a little can be nothing.
        if pair.dtype == torch.float64:
            gaps.append(gap)
    every = torch.cat(gaps) if gaps else torch.zeros(0)
    if len(every) < 8 or bool((every <= 0).any()) or not float(every.median()) < 2e-3:
        return None
    if float(every.max()) < 1.5 * float(every.min()):
        return None  # a factor
    return (
        "guarded division",
        "Every number is too small, most of them by very little: is a small constant added somewhere, to what is divided by or "
        "inside a logarithm, as a guard against 0? Leave it out, and treat exactly 0 by itself.",
    )


def _extra_axis(pairs: list[Pair]) -> tuple[str, str] | None:
    def without(pair: Pair) -> Tensor | None:
        fits = pair.got.ndim > pair.expected.ndim and pair.got.numel() == pair.expected.numel()
        return pair.got.reshape(pair.expected.shape) if fits else None

    if not _holds(pairs, without):
        return None
    return "extra axis", "The numbers are right, with an axis of size 1 too many: `squeeze` or `keepdim=False`."


DETECTORS = (
    _extra_axis,
    _permuted,
    _factor,
    _missing_reduction,
    _one_for_all,
    _transformed,
    _softmaxed,
    _shifted,
    _reversed,
    _constant_offset,
    _made_finite,
    _clamped,
    _nearly,
    _guarded,
)
