"""The law of `resample_dead`: which new weights are possible, and how often which input is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.law import Finding, Score, Tally
from mi_tutor.check.reuse import follow_each_other, too_even
from mi_tutor.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


Weights = tuple["Tensor", "Tensor", "Tensor"]


def _chances(args: dict[str, Any]) -> Tensor:
    loss = (args["x"] - args["x_hat"]).double().square().sum(-1).cpu()
    return (loss / loss.max().clamp(min=1e-300)).square() if len(loss) else loss


def wrong_weights(args: dict[str, Any], result: Weights) -> str | None:
    """What is wrong with the new weights whatever was drawn."""
    given = {args[name].untyped_storage().data_ptr() for name in ("W_enc", "b_enc", "W_dec")}
    if any(part.numel() and part.untyped_storage().data_ptr() in given for part in result):
        return "What it returned is one of its arguments, or a view of it: return copies."
    W_enc, b_enc, W_dec = (part.double().cpu() for part in result)
    before = [args[name].double().cpu() for name in ("W_enc", "b_enc", "W_dec")]
    dead, x = args["dead"].cpu(), args["x"].double().cpu()
    if not all(bool(part.isfinite().all()) for part in (W_enc, b_enc, W_dec)):
        return "Some of the new weights are NaN or infinite."
    untouched = not bool(dead.any()) or not float(_chances(args).sum())
    same_as_before = [torch.equal(a, b) for a, b in zip((W_enc, b_enc, W_dec), before, strict=True)]
    if untouched:
        if not all(same_as_before):
            what = "no feature is dead" if not bool(dead.any()) else "every loss is 0"
            return f"Weights changed although {what}: return copies of all three."
        return None
    if all(same_as_before):
        return "Nothing has changed: the dead features still have their old weights."
    kept = [
        torch.equal(a[~dead], b[~dead]) for a, b in ((W_dec, before[2]), (W_enc.T, before[0].T), (b_enc, before[1]))
    ]
    for good, name in zip(kept, ("decoder rows", "encoder columns", "encoder biases"), strict=True):
        if not good:
            return f"The {name} of living features have changed: they stay as they are, bit for bit."
    rows, columns = W_dec[dead], W_enc.T[dead]
    unit, lengths = F.normalize(x, dim=-1), rows.norm(dim=-1)
    tolerance = 1e-3 if result[0].dtype != torch.float64 else 1e-6
    if sentence := _wrong_rows(args, rows, lengths, unit, tolerance):
        return sentence
    if not bool(((F.normalize(columns, dim=-1) - rows).norm(dim=-1) < 5 * tolerance).all()):
        return "The encoder column of a resampled feature does not point along its new decoder row."
    if sentence := _wrong_columns(before[0], dead, columns.norm(dim=-1), tolerance):
        return sentence
    if bool((b_enc[dead] != 0).any()):
        return "The encoder bias of a resampled feature is not 0."
    return None


def _wrong_rows(args: dict[str, Any], rows: Tensor, lengths: Tensor, unit: Tensor, tolerance: float) -> str | None:
    def are(directions: Tensor) -> bool:
        cosines = F.normalize(rows, dim=-1) @ F.normalize(directions, dim=-1).T
        return bool((cosines.amax(-1) > 1 - tolerance**2).all())

    x = args["x"].double().cpu()
    residual = x - args["x_hat"].double().cpu()
    if not are(unit):
        for name, directions in (("errors x - x_hat", residual), ("reconstructions", args["x_hat"].double().cpu())):
            if are(directions):
                return f"The new decoder rows point along {name}: the inputs themselves are asked for."
        if are(x - x.mean(0)) and len(x) > 1:
            return "The new decoder rows point along inputs less their mean: the inputs themselves are asked for."
        return "The new decoder row of a resampled feature points along none of the inputs."
    if not bool(((lengths - 1).abs() < tolerance).all()):
        return "The new decoder rows are not of length 1."
    return None


def _wrong_columns(W_enc: Tensor, dead: Tensor, lengths: Tensor, tolerance: float) -> str | None:
    norms = W_enc.norm(dim=0)
    living = float(norms[~dead].mean()) if bool((~dead).any()) else 1.0
    if bool(((lengths - 0.2 * living).abs() < tolerance * living).all()):
        return None
    known = {
        "a fifth of the mean over all features, the dead ones included": 0.2 * float(norms.mean()),
        "the mean itself, not a fifth of it": living,
        "a fifth, whatever the living ones are": 0.2,
        "1, whatever the living ones are": 1.0,
        "a fifth of the norm of the mean column": 0.2 * float(W_enc[:, ~dead].mean(1).norm()),
        "a fifth of the largest of them": 0.2 * float(norms[~dead].max()) if bool((~dead).any()) else 0.0,
    }
    for what, length in known.items():
        if bool(((lengths - length).abs() < tolerance * max(length, 1e-3)).all()):
            return f"The norms of the new encoder columns should be a fifth of the mean norm of the living ones; they are {what}."
    return "The norms of the new encoder columns are not a fifth of the mean norm of the living ones."


def resample_tallies(args: dict[str, Any], results: list[Weights]) -> Iterator[Finding]:
    chances = _chances(args)
    dead = args["dead"].cpu()
    if not float(chances.sum()) or not bool(dead.any()):
        return
    p = chances / chances.sum()
    n = len(p)
    unit = F.normalize(args["x"].double().cpu(), dim=-1)
    rows = torch.stack([result[2].double().cpu()[dead] for result in results])
    drawn = (rows @ unit.T).argmax(-1)  # [call, dead feature]
    sentence = "Inputs are not drawn in proportion to the squares of their losses."
    inputs = [f"input {i}" for i in range(n)]
    yield Tally("the inputs drawn", torch.bincount(drawn.flatten(), minlength=n), p, sentence, inputs)
    for i in range(min(3, drawn.shape[1])):
        if len(drawn) >= 30:
            counts = torch.bincount(drawn[:, i], minlength=n)
            yield Tally(f"the inputs drawn for dead feature {i}", counts, p, sentence, inputs)
    # One number that notices a power a little too high or too low.
    terms = (chances.clamp(min=1e-12)).log()
    mean = float((p * terms).sum())
    variance = float((p * (terms - mean).square()).sum()) * drawn.numel()
    if variance > 100:
        yield Score("log-weights", float(terms[drawn].sum()), mean * drawn.numel(), variance, sentence)
    joint = (p[:, None] * p).flatten()
    pairs = [f"{first} for the first, {second} for the second" for first in inputs for second in inputs]
    together = "The inputs drawn for different dead features are not independent, or not drawn with replacement."
    if 2 < drawn.shape[1] < 6 and len(drawn) >= 100:
        same = float(p.square().sum())
        for i in range(drawn.shape[1]):
            for j in range(i):
                agree = int((drawn[:, i] == drawn[:, j]).sum())
                counts = torch.tensor([agree, len(drawn) - agree])
                either, chances = ("the same input for both", "another for each"), torch.tensor([same, 1 - same])
                yield Tally(f"dead features {j} and {i}", counts, chances, together, either)
    for lag in (1, 2):
        if drawn.shape[1] > lag:
            # Blocks that do not overlap, so that the pairs are independent of each other.
            first = [i for i in range(drawn.shape[1] - lag) if i % (2 * lag) < lag]
            a, b = drawn[:, first], drawn[:, [i + lag for i in first]]
            yield Tally(
                f"pairs of dead features {lag} apart",
                torch.bincount((a * n + b).flatten(), minlength=n * n),
                joint,
                together,
                pairs,
            )
    half = len(drawn) // 2
    if half >= 30:
        a, b = drawn[0 : 2 * half : 2, 0], drawn[1 : 2 * half : 2, 0]
        again = "Two calls in a row are not independent."
        yield Tally("two calls in a row", torch.bincount(a * n + b, minlength=n * n), joint, again, pairs)
    # As numbers of mean 0 and variance 1, so that draws apart can be multiplied.
    scores = (terms - mean) / (p * (terms - mean).square()).sum().sqrt().clamp(min=1e-6)
    if variance > 100:
        furthest = scores[p > 0].abs().max().expand(len(drawn))
        yield follow_each_other("dead features and calls", scores[drawn], furthest, apart=False)
    each = [Tally("", torch.bincount(call, minlength=n), p) for call in drawn]
    yield too_even("how often each input is drawn in a call", each)
