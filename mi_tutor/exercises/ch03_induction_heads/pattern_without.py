"""The exercise `pattern_without`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import INF

if TYPE_CHECKING:
    from torch import Tensor


def _without_cases(draw: Draw) -> Iterator[Case]:
    def on(path: str, batch: int, position: int, d_model: int, d_head: int, scale: float = 1.0) -> dict[str, Any]:
        width = d_model**-0.5
        return {
            "resid": draw.normal(batch, position, d_model, scale=scale),
            "removed": draw.normal(batch, position, d_model, scale=scale),
            "W_Q": draw.normal(d_model, d_head, scale=width * 2),
            "W_K": draw.normal(d_model, d_head, scale=width * 2),
            "path": path,
        }

    for path in "KQ":
        what = "keys" if path == "K" else "queries"
        yield basic(f"three positions, cut from the {what}", **on(path, 1, 3, 4, 2))
        for _ in range(2):
            size = draw.sizes("batch", "position", "d_model", "d_head", low=3, high=11)
            yield general(f"random weights, cut from the {what}", **on(path, *size.values()))
        yield general(f"a wide head, cut from the {what}", **on(path, 2, 5, 8, 24, 0.5))
        yield edge(f"one position, cut from the {what}", **on(path, 2, 1, 4, 3))
        yield edge(f"a d_head of 1, cut from the {what}", **on(path, 2, 6, 5, 1))
        yield edge(f"one sequence, cut from the {what}", **on(path, 1, 6, 5, 3))
        yield edge(f"sizes of 4 throughout, cut from the {what}", **on(path, 4, 4, 4, 4))
        nothing = on(path, 2, 5, 4, 3)
        yield edge("an output of zeros to remove", **{**nothing, "removed": nothing["removed"] * 0})
        yield edge("a stream that is removed whole", **{**nothing, "removed": nothing["resid"].clone()})
        yield edge("scores in the hundreds", **on(path, 2, 5, 6, 4, 12.0))


def _attend(reads_q: Tensor, reads_k: Tensor, W_Q: Tensor, W_K: Tensor, scale: float | None = None) -> Tensor:
    scores = (reads_q @ W_Q) @ (reads_k @ W_K).mT / (W_Q.shape[-1] ** 0.5 if scale is None else scale)
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -INF).softmax(-1)


def _cut(resid: Tensor, removed: Tensor, path: str) -> tuple[Tensor, Tensor]:
    """What queries and keys read."""
    return resid - removed if path == "Q" else resid, resid - removed if path == "K" else resid


def cut_from_both(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """It is subtracted from what the queries read and from what the keys read: `path` names one of the two, the other stays. (Two
    names for one tensor, `q = k = resid.clone()`, and a `-=` do that as well.)"""
    return _attend(resid - removed, resid - removed, W_Q, W_K)


def stream_changed_in_place(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """`resid` itself is changed: after `q = resid` queries and keys are two names of one tensor, and `-=` changes it for both.
    Make a new tensor, `resid - removed`, for the one that `path` names."""
    reads_q = reads_k = resid
    if path == "Q":
        reads_q -= removed
    else:
        reads_k -= removed
    return _attend(reads_q, reads_k, W_Q, W_K)


def stream_changed_by_the_queries(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "K" is right, and "Q" changes `resid` itself: after `q = resid` both are names of one tensor, so `q -= removed` changes what
    the keys read as well. Make a new tensor, `q = resid - removed`."""
    reads_q = reads_k = resid
    if path == "Q":
        reads_q -= removed
    else:
        reads_k = resid - removed
    return _attend(reads_q, reads_k, W_Q, W_K)


def stream_changed_by_the_keys(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "Q" is right, and "K" changes `resid` itself: after `k = resid` both are names of one tensor, so `k -= removed` changes what
    the queries read as well. Make a new tensor, `k = resid - removed`."""
    reads_q = reads_k = resid
    if path == "K":
        reads_k -= removed
    else:
        reads_q = resid - removed
    return _attend(reads_q, reads_k, W_Q, W_K)


def queries_path_cuts_both(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "K" is right, and "Q" cuts both: for "Q" the keys read `resid`, as it is."""
    return _attend(resid - removed if path == "Q" else resid, resid - removed, W_Q, W_K)


def keys_path_cuts_both(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """ "Q" is right, and "K" cuts both: for "K" the queries read `resid`, as it is."""
    return _attend(resid - removed, resid - removed if path == "K" else resid, W_Q, W_K)


def cut_from_the_other_path(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The paths are exchanged: "K" cuts what the keys read, "Q" what the queries read."""
    reads_k, reads_q = _cut(resid, removed, path)
    return _attend(reads_q, reads_k, W_Q, W_K)


def always_cut_from_the_keys(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """It is subtracted from the keys whatever `path` is."""
    return _attend(resid, resid - removed, W_Q, W_K)


def always_cut_from_the_queries(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """It is subtracted from the queries whatever `path` is."""
    return _attend(resid - removed, resid, W_Q, W_K)


def nothing_cut(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Nothing is cut: this is the pattern of the whole stream."""
    return _attend(resid, resid, W_Q, W_K)


def added_instead(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """`removed` is added: it is in the stream already, and has to be subtracted."""
    return _attend(*_cut(resid, -removed, path), W_Q, W_K)


def only_that_path_kept(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """This keeps `removed` and drops all the rest: the other way round."""
    return _attend(*_cut(resid, resid - removed, path), W_Q, W_K)


def path_not_scaled(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The scores are not divided by √d_head."""
    return _attend(*_cut(resid, removed, path), W_Q, W_K, scale=1.0)


def path_scaled_by_the_stream(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The scores are divided by √d_model: it is the head's own width that counts, √d_head, the last axis of W_Q."""
    return _attend(*_cut(resid, removed, path), W_Q, W_K, scale=W_Q.shape[0] ** 0.5)


def path_sees_the_future(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Positions attend to later ones: mask the scores before the softmax, with `triu(1)` and -inf."""
    reads_q, reads_k = _cut(resid, removed, path)
    return ((reads_q @ W_Q) @ (reads_k @ W_K).mT / W_Q.shape[-1] ** 0.5).softmax(-1)


def path_masked_with_zero(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Future scores are set to 0, which still gets attention, since e⁰ is 1: use -inf."""
    reads_q, reads_k = _cut(resid, removed, path)
    return ((reads_q @ W_Q) @ (reads_k @ W_K).mT / W_Q.shape[-1] ** 0.5).tril().softmax(-1)


def keys_in_rows(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """W_Q and W_K have changed places: a row belongs to the query, which W_Q makes."""
    return _attend(*_cut(resid, removed, path), W_K, W_Q)


def patterns_subtracted(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """Two patterns are subtracted. A softmax is not a sum: take the vector out before anything is computed from it."""
    return _attend(resid, resid, W_Q, W_K) - _attend(*_cut(resid, resid - removed, path), W_Q, W_K)


def path_cut_from_the_graph(resid: Tensor, removed: Tensor, W_Q: Tensor, W_K: Tensor, path: str) -> Tensor:
    """The pattern is right, but no gradient reaches `resid`: something on the way detaches it."""
    return _attend(*_cut(resid.detach(), removed, path), W_Q, W_K)


exercise = Exercise(
    __name__,
    further="Write `resid` as a + b, where b is `removed`. A score is then a sum of four products: which of them go when b is cut from the queries, which when from the keys, and which in both cases?",
    cases=_without_cases,
    gradients=("resid",),
    bf16=True,
    wrong=(
        cut_from_both,
        stream_changed_in_place,
        stream_changed_by_the_queries,
        stream_changed_by_the_keys,
        queries_path_cuts_both,
        keys_path_cuts_both,
        cut_from_the_other_path,
        always_cut_from_the_keys,
        always_cut_from_the_queries,
        nothing_cut,
        added_instead,
        only_that_path_kept,
        path_not_scaled,
        path_scaled_by_the_stream,
        path_sees_the_future,
        path_masked_with_zero,
        keys_in_rows,
        patterns_subtracted,
        path_cut_from_the_graph,
    ),
    hints=(
        "A head reads the stream twice, once for its queries and once for its keys. Nothing says that both have to read the same "
        "tensor.",
        "Make two tensors, what the queries read and what the keys read; one of them is `resid`, the other `resid - removed`. Which "
        "is which, `path` says.",
        "From there on it is chapter 02's `attention_pattern` for one head: scores over √d_head, the future at -inf, softmax over "
        "keys.",
    ),
)
