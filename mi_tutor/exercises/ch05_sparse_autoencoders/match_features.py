"""The exercise `match_features`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem, close, near
from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import F, torch

if TYPE_CHECKING:
    from torch import Tensor


def _match_cases(draw: Draw) -> Iterator[Case]:
    a = [[1.0, 0.0], [0.0, 2.0], [2.0, 0.0], [0.0, 1.0]]
    b = [[0.0, 3.0, 1.0], [1.0, 0.0, 1.0], [0.0, 5.0, 1.0], [2.0, 1.0, 1.0]]
    yield basic("four tokens", f_a=draw.of(a), f_b=draw.of(b))
    yield basic("six tokens", **_two_dictionaries(draw, 6, 2, 3))
    for _ in range(3):
        size = draw.sizes("token", "d_a", "d_b", low=5, high=12)
        yield general("random features", **_two_dictionaries(draw, *size.values()))
    yield general("many tokens", **_two_dictionaries(draw, 200, 6, 8))
    yield general("features of very different strength", **_uneven(draw))
    yield edge("two tokens", f_a=draw.of([[0.0, 1.0, 2.0], [1.0, 0.5, 3.0]]), f_b=draw.of([[2.0, 0.0], [1.0, 4.0]]))
    yield edge("one feature each", **_two_dictionaries(draw, 7, 1, 1))
    yield edge("as many tokens as features", **_two_dictionaries(draw, 5, 5, 5))
    args = _two_dictionaries(draw, 9, 4, 5)
    silent_a, silent_b = args["f_a"].clone(), args["f_b"].clone()
    silent_a[:, 1], silent_b[:, 3], silent_b[:, 0] = 0, 0, 2.0
    yield edge("dead features of a", **{**args, "f_a": silent_a})
    yield edge("constant features of b", **{**args, "f_b": silent_b})
    yield edge("dead features on both sides", f_a=silent_a, f_b=silent_b)
    yield edge("nothing but dead features", f_a=args["f_a"] * 0, f_b=args["f_b"] * 0)
    against = draw.of([[3.0, 1.0], [2.0, 2.0], [1.0, 2.5], [0.0, 4.0]])
    yield edge("only negative correlations", f_a=against[:, :1].clone(), f_b=against[:, 1:].clone())
    turned = torch.cat([against[:, 1:], against[:, :1] * 0], 1)
    yield edge("negative correlations and a dead feature", f_a=against[:, :1].clone(), f_b=turned)
    yield edge("the same features, shuffled and rescaled", f_a=args["f_a"], f_b=args["f_a"].flip(1) * 7)
    twice = torch.cat([args["f_b"], args["f_b"]], 1)
    yield edge("features of b that are equal", **{**args, "f_b": twice})


def _two_dictionaries(draw: Draw, token: int, d_a: int, d_b: int) -> dict[str, Tensor]:
    """Features of two autoencoders that share some of what they see; none of them is constant."""
    common = draw.normal(token, max(d_a, d_b))
    for _ in range(100):
        f_a = (common[:, :d_a] + draw.normal(token, d_a, scale=0.6) + 0.4).relu()
        f_b = (common.flip(1)[:, :d_b] + draw.normal(token, d_b, scale=0.6) + 0.4).relu()
        if bool((f_a.amax(0) > f_a.amin(0)).all()) and bool((f_b.amax(0) > f_b.amin(0)).all()):
            break
    return {"f_a": f_a, "f_b": f_b}


def _uneven(draw: Draw) -> dict[str, Tensor]:
    args = _two_dictionaries(draw, 30, 5, 7)
    return {
        "f_a": args["f_a"] * draw.of(torch.logspace(-1, 1, 5)),
        "f_b": args["f_b"] * draw.of(torch.logspace(1, -1, 7)),
    }


def _standardised(f: Tensor) -> Tensor:
    constant = (f == f[0]).all(0)
    return F.normalize((f - f.mean(0)).masked_fill(constant, 0), dim=0)


def _correlations(f_a: Tensor, f_b: Tensor) -> Tensor:
    return _standardised(f_a).T @ _standardised(f_b)


def _best(table: Tensor) -> tuple[Tensor, Tensor]:
    best = table.max(dim=1)
    return best.indices, best.values


def _same_matches(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    """Correlations as expected; ids judged by the correlations they point to."""
    table = _correlations(args["f_a"], args["f_b"])
    ids = got[0].to(table.device)
    slack = 100.0 if got[1].dtype == torch.float64 else 1.0
    if not bool(near(got[1], expected[1], slack=slack).all()):
        problem = close(args, expected[1], got[1]) or Problem("value", "a correlation is wrong.")
        return Problem(problem.kind, f"Result 1: {problem.sentence}")
    if int(ids.min()) < 0 or int(ids.max()) >= table.shape[1]:
        return Problem("value", f"Result 0: some ids lie outside 0 … {table.shape[1] - 1}.")
    pointed = table.gather(1, ids[:, None])[:, 0]
    wrong = ~near(pointed.to(got[1].dtype), expected[1], slack=slack)
    if bool(wrong.any()):
        at = int(wrong.nonzero()[0])
        return Problem(
            "value",
            f"Result 0: feature {at} of a correlates {float(pointed[at]):.6g} with feature {int(ids[at])} of b; there is "
            f"one with {float(expected[1][at]):.6g}.",
        )
    return None


def not_centred_over_tokens(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are cosines: subtract each feature's mean over tokens first. Two features that are nearly always on have a large
    cosine whatever they do."""
    return _best(F.normalize(f_a, dim=0).T @ F.normalize(f_b, dim=0))


def covariances(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are covariances: divide by both standard deviations, or the strongest feature wins everywhere."""
    return _best((f_a - f_a.mean(0)).T @ (f_b - f_b.mean(0)) / len(f_a))


def magnitudes_of_correlations(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The best match is chosen by magnitude: a feature that is off whenever this one is on is no match. Keep the sign."""
    return _best(_correlations(f_a, f_b).abs())


def chosen_by_magnitude(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The correlations keep their sign, but the best match is still chosen by magnitude, so that a feature which is off
    whenever this one is on can win: take the highest, `max`, of the signed ones."""
    table = _correlations(f_a, f_b)
    ids = table.abs().argmax(1)
    return ids, table.gather(1, ids[:, None])[:, 0]


def deviations_by_one_fewer(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """`std` divides by one fewer than there are tokens, the covariance by all of them, so that even a perfect match stays
    below 1: divide both alike, `correction=0`."""
    ids, values = _best(_correlations(f_a, f_b))
    return ids, values * (len(f_a) - 1) / len(f_a)


def covariances_by_one_fewer(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The covariance is divided by one fewer than there are tokens, the deviations by all of them, so that a perfect match
    comes out above 1: divide both alike."""
    ids, values = _best(_correlations(f_a, f_b))
    return ids, values * len(f_a) / (len(f_a) - 1)


def matches_of_b(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """This gives for each feature of b the best of a: it is asked the other way round, for each feature of a."""
    return _best(_correlations(f_b, f_a))


def correlated_over_features(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The means are taken over features: a correlation is over tokens, so subtract each feature's mean over them."""
    a, b = f_a - f_a.mean(-1, keepdim=True), f_b - f_b.mean(-1, keepdim=True)
    return _best(F.normalize(a, dim=0).T @ F.normalize(b, dim=0))


def correlations_before_ids(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The two results have changed places: ids first, then correlations."""
    ids, values = _best(_correlations(f_a, f_b))
    return values, ids


def constant_gives_nan(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """A feature that never changes has a standard deviation of 0, and 0/0 is NaN: it correlates 0 with everything."""
    a, b = (f - f.mean(0) for f in (f_a, f_b))
    return _best((a / a.norm(dim=0)).T @ (b / b.norm(dim=0)))


def each_match_used_once(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """A feature of b that has been given away is not given again: several features of a may have the same best match."""
    table = _correlations(f_a, f_b).clone()
    ids, values = [], []
    for row in table:
        best = int(row.argmax())
        ids.append(best)
        values.append(row[best].clone())
        if len(ids) < table.shape[1]:
            table[:, best] = -2
    return torch.tensor(ids, device=f_a.device), torch.stack(values)


def worst_matches(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are the lowest correlations: the highest are asked for."""
    worst = _correlations(f_a, f_b).min(dim=1)
    return worst.indices, worst.values


def correlated_when_active(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """Only whether features are active is compared: how strongly counts too, so correlate the activations themselves."""
    return _best(_correlations((f_a > 0).to(f_a.dtype), (f_b > 0).to(f_b.dtype)))


def correlation_squared(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """These are squared correlations: the correlations themselves are asked for."""
    ids, values = _best(_correlations(f_a, f_b))
    return ids, values.square()


def whole_table_of_correlations(f_a: Tensor, f_b: Tensor) -> tuple[Tensor, Tensor]:
    """The second result is the whole table: only the highest correlation of each feature of a is asked for."""
    table = _correlations(f_a, f_b)
    return table.argmax(1), table


exercise = Exercise(
    __name__,
    further="A rare feature's occasions are shared out evenly among two features of the other dictionary, or among ten. About how high is its best correlation if all are on at strength 1, and is it found again?",
    cases=_match_cases,
    answer=_same_matches,
    wrong=(
        not_centred_over_tokens,
        covariances,
        magnitudes_of_correlations,
        chosen_by_magnitude,
        deviations_by_one_fewer,
        covariances_by_one_fewer,
        matches_of_b,
        correlated_over_features,
        correlations_before_ids,
        constant_gives_nan,
        each_match_used_once,
        worst_matches,
        correlated_when_active,
        correlation_squared,
        whole_table_of_correlations,
    ),
    hints=(
        "A correlation is a cosine between two columns after each has lost its own mean. What is left of a feature that "
        "never changes?",
        "`normalize(f - f.mean(0), dim=0)` makes columns of length 1, and leaves a column of zeros at 0. The product "
        "`a.T @ b` is then the whole table, [d_a, d_b].",
        "`table.max(dim=1)` has `.indices` and `.values`.",
    ),
)
