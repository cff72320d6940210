"""The exercise `smeared_pattern`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import INF

if TYPE_CHECKING:
    from torch import Tensor


def _smeared_cases(draw: Draw) -> Iterator[Case]:
    def on(batch: int, head: int, position: int, d_head: int, alpha: Any = None, scale: float = 1.0) -> dict[str, Any]:
        q, k = (draw.normal(batch, head, position, d_head, scale=scale) for _ in "qk")
        return {"q": q, "k": k, "alpha": draw.normal(head, scale=1.5) if alpha is None else draw.of(alpha)}

    q = draw.of([[[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]]])
    k = draw.of([[[[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]])
    yield basic("three positions, a share of about 0.73", q=q, k=k, alpha=draw.of([1.0]))
    yield basic("two heads", **on(1, 2, 3, 2))
    yield general("a random input", **on(2, 3, draw.size(5, 8), 4))
    yield general("larger queries and keys", **on(3, 2, draw.size(4, 9), 6, scale=3.0))
    yield general("as many sequences as heads and positions", **on(4, 4, 4, 4))
    yield edge("half and half", **on(2, 1, 5, 3, [0.0]))
    yield edge("keys nearly their own", **on(1, 2, 4, 3, [40.0, 30.0]))
    yield edge("keys nearly those of the position before", **on(1, 2, 4, 3, [-40.0, -30.0]))
    yield edge("one position", **on(2, 3, 1, 4))


def _attend(q: Tensor, k: Tensor) -> Tensor:
    scores = q @ k.mT / q.shape[-1] ** 0.5
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
    return scores.masked_fill(future, -INF).softmax(-1)


def _before(k: Tensor) -> Tensor:
    """The keys one position later; the first stands twice."""
    return torch.cat([k[..., :1, :], k[..., :-1, :]], -2)


def _mixed(k: Tensor, other: Tensor, alpha: Tensor) -> Tensor:
    own = alpha.sigmoid()[:, None, None]
    return own * k + (1 - own) * other


def shares_exchanged(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """The share is given to the key of the position before: it is what a key keeps of its own."""
    return _attend(q, _mixed(k, _before(k), -alpha))


def zeros_before_the_first(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """The first key is mixed with zeros and becomes shorter. It has none before it, and stays as it is."""
    return _attend(q, _mixed(k, torch.cat([torch.zeros_like(k[..., :1, :]), k[..., :-1, :]], -2), alpha))


def first_mixed_with_the_last(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """The first key is mixed with the last one: `roll` goes round in a circle. That is a look into the future, and the first key
    has none before it."""
    return _attend(q, _mixed(k, k.roll(1, -2), alpha))


def mixed_with_the_next(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """Keys are mixed with those of the position *after* them. A key would then say what comes, and not what came before."""
    return _attend(q, _mixed(k, torch.cat([k[..., 1:, :], k[..., -1:, :]], -2), alpha))


def alpha_as_the_share(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """`alpha` itself is taken as the share. It may be any number; its logistic function is the share, from 0 to 1."""
    own = alpha[:, None, None]
    return _attend(q, own * k + (1 - own) * _before(k))


def queries_smeared(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """The queries are smeared: it is the keys that have to say what stood before them."""
    return _attend(_mixed(q, _before(q), alpha), k)


def both_smeared(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """Queries and keys are both smeared: queries stay as they are."""
    return _attend(_mixed(q, _before(q), alpha), _mixed(k, _before(k), alpha))


def smeared_on_and_on(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """Each key is mixed with the one before *after* that was mixed itself, so that a trace of every earlier key is left: as in a
    running mean. Only the position before is asked for."""
    own = alpha.sigmoid()[:, None]
    keys = [k[..., 0, :]]
    for i in range(1, k.shape[-2]):
        keys.append(own * k[..., i, :] + (1 - own) * keys[-1])
    return _attend(q, torch.stack(keys, -2))


def patterns_mixed(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """Two patterns are mixed, after their softmax. The keys are mixed before it: the softmax of a mean is not the mean of two."""
    own = alpha.sigmoid()[:, None, None]
    return own * _attend(q, k) + (1 - own) * _attend(q, _before(k))


def not_scaled(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """The scores are not divided by √d_head."""
    return _attend(q * q.shape[-1] ** 0.5, _mixed(k, _before(k), alpha))


def only_keys_before(q: Tensor, k: Tensor, alpha: Tensor) -> Tensor:
    """Every key is that of the position before, whatever `alpha` is: it says how much is kept of a key's own."""
    return _attend(q, _before(k))


exercise = Exercise(
    __name__,
    further="Where a head mixes each key with the one before it: what does it attend to at the first position, which has none before?",
    cases=_smeared_cases,
    wrong=(
        shares_exchanged,
        zeros_before_the_first,
        first_mixed_with_the_last,
        mixed_with_the_next,
        alpha_as_the_share,
        queries_smeared,
        both_smeared,
        smeared_on_and_on,
        patterns_mixed,
        not_scaled,
        only_keys_before,
    ),
    gradients=("q", "k", "alpha"),
    hints=(
        "Only the keys change. Make the mixed keys first, then attend as in `pattern_without`.",
        "The keys of the position before are the same keys, moved one place along the axis of positions. What stands at the first "
        "place then, so that mixing leaves the first key as it is?",
        "The first key once more: mixed with itself it stays itself. `torch.cat([k[..., :1, :], k[..., :-1, :]], dim=-2)`.",
        "`own = alpha.sigmoid()[:, None, None]` lies along the heads. The keys are `own * k + (1 - own) * before`; then scores over "
        "√d_head, the mask, the softmax over keys.",
    ),
)
