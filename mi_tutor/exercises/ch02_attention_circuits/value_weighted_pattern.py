"""The exercise `value_weighted_pattern`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from einops import einsum

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise

if TYPE_CHECKING:
    from torch import Tensor


def _weighted_cases(draw: Draw) -> Iterator[Case]:
    yield basic("one head, two keys", **_reading(draw, 1, 2, 2, 3, 2))
    yield basic("two heads, three keys", **_reading(draw, 2, 3, 3, 4, 3))
    for _ in range(3):
        size = draw.sizes("head", "query", "key", "d_model", "d_head", low=2, high=9)
        yield general("random values", **_reading(draw, *size.values()))
    yield general("large values", **_reading(draw, 3, 4, 5, 7, 6, scale=100.0))
    yield edge("one head", **_reading(draw, 1, 4, 5, 6, 3))
    yield edge("one query", **_reading(draw, 3, 1, 5, 6, 2))
    yield edge("one key", **_reading(draw, 3, 4, 1, 6, 2))
    yield edge("a d_head of 1", **_reading(draw, 3, 4, 5, 6, 1))
    yield edge("a d_model of 1", **_reading(draw, 3, 4, 5, 1, 2))
    n = draw.size(3, 4)
    yield edge("sizes that are all the same", **_reading(draw, n, n, n, n, n))
    args = _reading(draw, 3, 4, 4, 6, 2)
    nothing = args["v"].clone()
    nothing[0], nothing[2, 1] = 0, 0
    yield edge("keys that write nothing", **{**args, "v": nothing})
    yield edge("a head that writes nothing", **{**args, "W_O": args["W_O"] * draw.of([[[1.0]], [[0.0]], [[1.0]]])})
    yield edge(
        "rows that do not sum to 1", **{**args, "pattern": args["pattern"] * draw.of([[[0.5]], [[2.0]], [[0.0]]])}
    )


def _reading(
    draw: Draw, head: int, query: int, key: int, d_model: int, d_head: int, scale: float = 1.0
) -> dict[str, Tensor]:
    return {
        "pattern": draw.normal(head, query, key, scale=1.5).softmax(-1),
        "v": draw.normal(key, head, d_head, scale=scale),
        "W_O": draw.normal(head, d_head, d_model),
    }


def _by_head(v: Tensor, W_O: Tensor) -> Tensor:
    return einsum(v, W_O, "key h d, h d m -> h key m")


def values_not_yet_written(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """These are the norms of the values inside the head: W_O decides how much of them reaches the stream."""
    return pattern * v.norm(dim=-1).mT[:, None]


def norms_multiplied(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The norm of v is multiplied by the norm of W_O, which is only a bound: multiply first, then take the norm."""
    return pattern * v.norm(dim=-1).mT[:, None] * W_O.flatten(1).norm(dim=-1)[:, None, None]


def norm_squared(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """This is the squared norm: its square root is missing."""
    return pattern * _by_head(v, W_O).square().sum(-1)[:, None]


def sum_of_magnitudes(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The magnitudes of the entries are added up: the Euclidean norm is the root of the sum of squares."""
    return pattern * _by_head(v, W_O).abs().sum(-1)[:, None]


def root_mean_square_for_norm(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """This is the root of the mean square: the norm is the root of the sum."""
    return pattern * _by_head(v, W_O).square().mean(-1).sqrt()[:, None]


def rows_brought_back_to_one(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The rows are divided by their sums, so that how much is written at all is lost: leave them as they are."""
    weighted = pattern * _by_head(v, W_O).norm(dim=-1)[:, None]
    return weighted / weighted.sum(-1, keepdim=True)


def queries_values(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """Each row is multiplied by the norm of the query's own value: what is moved is the key's, so the norm belongs to
    columns."""
    return pattern * _by_head(v, W_O).norm(dim=-1)[:, :, None]


def one_output_matrix_for_all(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """Every head goes through the first head's W_O: each has its own."""
    return pattern * _by_head(v, W_O[:1].expand_as(W_O)).norm(dim=-1)[:, None]


def all_heads_together(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """What all heads would write from a key is added up before the norm is taken: head h is weighted by what it writes
    alone."""
    return pattern * _by_head(v, W_O).sum(0).norm(dim=-1)[None, None]


def heads_met_keys(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """`v @ W_O` lines up v's keys with W_O's heads. Head h of v belongs to W_O[h]: name the axes in an einsum, or bring the
    heads to the front first."""
    return pattern * (v @ W_O).norm(dim=-1)[:, None]


def nothing_weighted(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """This is the pattern itself: multiply every entry by how much its key writes."""
    return pattern.clone()


def norm_of_what_arrives(pattern: Tensor, v: Tensor, W_O: Tensor) -> Tensor:
    """The norm is that of the sum over keys, what arrives at a query: one number for every key is asked for, before they are
    added."""
    arrives = pattern @ _by_head(v, W_O)
    return arrives.norm(dim=-1, keepdim=True).expand_as(pattern).clone()


exercise = Exercise(
    __name__,
    further="A head gives half of its attention to each of two keys, which write opposite vectors of length 5. What does your row say, and what does the head write?",
    cases=_weighted_cases,
    bf16=True,
    wrong=(
        values_not_yet_written,
        norms_multiplied,
        norm_squared,
        sum_of_magnitudes,
        root_mean_square_for_norm,
        rows_brought_back_to_one,
        queries_values,
        one_output_matrix_for_all,
        all_heads_together,
        heads_met_keys,
        nothing_weighted,
        norm_of_what_arrives,
    ),
    hints=(
        "If head h gave a key all of its attention, which vector would it write? How long is that vector?",
        'What each key would write: `einsum(v, W_O, "key head d_head, head d_head d_model -> head key d_model")`.',
        "`.norm(dim=-1)` of it is [head, key]. With an axis of size 1 for the query it multiplies the pattern.",
    ),
)
