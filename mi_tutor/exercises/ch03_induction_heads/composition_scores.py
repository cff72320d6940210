"""The exercise `composition_scores`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.draw import Case, Draw, basic, edge, general
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch03_induction_heads._shared import frobenius, ratio

if TYPE_CHECKING:
    from torch import Tensor


def _scores_cases(draw: Draw) -> Iterator[Case]:
    usual, single, dead = draw.model(), draw.model(n_heads=1, d_head=6), draw.model(dead_head=True)
    sizes = draw.sizes("n_heads", "d_head", "d_model", low=2, high=7)
    other = draw.model(n_heads=sizes["n_heads"], d_head=2 * sizes["d_head"], d_model=sizes["d_model"] + 4, d_mlp=5)
    for kind in "QKV":
        yield basic(f"three heads a layer, {kind}-composition", model=usual, kind=kind)
        yield general(f"other sizes and an MLP, {kind}-composition", model=other, kind=kind)
        yield edge(f"one head a layer, {kind}-composition", model=single, kind=kind)
        yield edge(f"a head that writes nothing, {kind}-composition", model=dead, kind=kind)
    yield edge("a model as wide as its heads together", model=draw.model(n_heads=2, d_head=4, d_model=8), kind="K")
    yield edge(
        "a model in training mode that carries a hook of yours", model=draw.model(training=True, hooked=True), kind="Q"
    )


def _factors(model: Any, kind: str, layer: int) -> tuple[Tensor, Tensor]:
    """W_B's two factors for every head of a layer, so that W_B is the first times the second's transpose."""
    return {
        "Q": (model.W_Q[layer], model.W_K[layer]),
        "K": (model.W_K[layer], model.W_Q[layer]),
        "V": (model.W_V[layer], model.W_O[layer].mT),
    }[kind]


def _all_scores(A: Tensor, B: Tensor) -> Tensor:
    """Composition scores of every A (columns) with every B (rows)."""
    A, B = A.detach(), B.detach()
    products = torch.einsum("eij,ljk->leik", A, B).flatten(2).norm(dim=-1)
    below = B.flatten(1).norm(dim=-1)[:, None] * A.flatten(1).norm(dim=-1)
    return ratio(products, below)


def _written(model: Any, layer: int = 0) -> Tensor:
    written: Tensor = model.W_V[layer] @ model.W_O[layer]
    return written


def _read(model: Any, kind: str, layer: int = 1) -> Tensor:
    left, right = _factors(model, kind, layer)
    return left @ right.mT


def early_in_rows(model: Any, kind: str) -> Tensor:
    """Rows and columns are exchanged: a row for each head of layer 1, a column for each head of layer 0."""
    return _all_scores(_written(model), _read(model, kind)).T


def queries_and_keys_exchanged(model: Any, kind: str) -> Tensor:
    """Q and K are exchanged. In Q-composition layer 1's W_Q reads what layer 0 wrote, so that W_B is W_Q W_Kᵀ, beginning with
    W_Q."""
    return _all_scores(_written(model), _read(model, {"Q": "K", "K": "Q", "V": "V"}[kind]))


def same_circuit_for_q_and_k(model: Any, kind: str) -> Tensor:
    """The QK circuit is used the same way round for both. For "K" it has to be turned, W_K W_Qᵀ: what layer 0 wrote goes in
    at the keys."""
    return _all_scores(_written(model), _read(model, "V" if kind == "V" else "Q"))


def one_layer_with_itself(model: Any, kind: str) -> Tensor:
    """Both matrices come from layer 0: what is read has to be read by layer 1."""
    return _all_scores(_written(model), _read(model, kind, layer=0))


def later_layer_writes(model: Any, kind: str) -> Tensor:
    """The layers are exchanged: layer 0 writes and layer 1 reads."""
    return _all_scores(_written(model, 1), _read(model, kind, layer=0))


def value_and_output_exchanged(model: Any, kind: str) -> Tensor:
    """What a head writes is W_V W_O, in this order: into the head, and out again. Here it is W_Oᵀ W_Vᵀ."""
    return _all_scores(_written(model).mT, _read(model, kind))


def product_the_wrong_way_round(model: Any, kind: str) -> Tensor:
    """The product is W_B W_A: with row vectors the earlier matrix stands on the left."""
    return _all_scores(_read(model, kind), _written(model)).T


def value_composition_always(model: Any, kind: str) -> Tensor:
    """This is V-composition whatever `kind` is."""
    return _all_scores(_written(model), _read(model, "V"))


def what_is_written_alone(model: Any, kind: str) -> Tensor:
    """A is W_O alone: it is the whole way through the early head that counts, W_V W_O."""
    return _all_scores(model.W_O[0], _read(model, kind))


def one_side_of_what_is_read(model: Any, kind: str) -> Tensor:
    """B is one matrix of the late head alone, as W_K for "K": take the whole circuit that reads there, W_K W_Qᵀ for "K"."""
    return _all_scores(_written(model), _factors(model, kind, 1)[0])


def one_side_of_the_qk_circuit(model: Any, kind: str) -> Tensor:
    """For "Q" and "K" B is W_Q or W_K alone: take the whole circuit that reads there, W_Q W_Kᵀ for "Q" and W_K W_Qᵀ for "K"."""
    return _all_scores(_written(model), _read(model, kind) if kind == "V" else _factors(model, kind, 1)[0])


def half_of_both_circuits(model: Any, kind: str) -> Tensor:
    """Half of either circuit is left out: A is W_O alone, B one matrix of the late head, as W_K for "K". Take the whole circuits,
    W_V W_O and, for "K", W_K W_Qᵀ."""
    return _all_scores(model.W_O[0], _factors(model, kind, 1)[0])


def dead_heads_are_nan(model: Any, kind: str) -> Tensor:
    """A head whose weights are zero gives 0/0: its scores are 0."""
    A, B = _written(model).detach(), _read(model, kind).detach()
    products = torch.einsum("eij,ljk->leik", A, B).flatten(2).norm(dim=-1)
    return products / (B.flatten(1).norm(dim=-1)[:, None] * A.flatten(1).norm(dim=-1))


def heads_taken_together(model: Any, kind: str) -> Tensor:
    """One number for the whole layer: a score for each pair of heads is asked for."""
    A, B = _written(model).sum(0).detach(), _read(model, kind).sum(0).detach()
    return ratio(frobenius(A @ B), frobenius(A) * frobenius(B))


def random_level_subtracted(model: Any, kind: str) -> Tensor:
    """The level of random weights is subtracted: raw scores are asked for."""
    return _all_scores(_written(model), _read(model, kind)) - model.cfg.d_model**-0.5


exercise = Exercise(
    __name__,
    further="In a model of three layers, a head of layer 2 may read layer 0 by way of the values of a head of layer 1. Which `W_A` and `W_B` score that path, and how many such paths do eight heads a layer make?",
    cases=_scores_cases,
    wrong=(
        early_in_rows,
        queries_and_keys_exchanged,
        same_circuit_for_q_and_k,
        one_layer_with_itself,
        later_layer_writes,
        value_and_output_exchanged,
        product_the_wrong_way_round,
        value_composition_always,
        what_is_written_alone,
        one_side_of_what_is_read,
        one_side_of_the_qk_circuit,
        half_of_both_circuits,
        dead_heads_are_nan,
        heads_taken_together,
        random_level_subtracted,
    ),
    hints=(
        "For one pair of heads it is `composition_score(A, B)`. Which two matrices make A, and which two make B for each kind?",
        "`model.W_V[0]` has the axes head, d_model, d_head. `model.W_V[0] @ model.W_O[0]` multiplies head by head, and "
        "`.mT` turns the last two axes only.",
        'B for "K" is `model.W_K[1] @ model.W_Q[1].mT`: what the early head wrote goes in at the keys, on the left.',
        'For "Q" it is `model.W_Q[1] @ model.W_K[1].mT`, for "V" `model.W_V[1] @ model.W_O[1]`; A is `model.W_V[0] @ model.W_O[0]`. '
        "A double loop over heads of layer 1 (rows) and of layer 0 (columns), `torch.stack` and `.view`.",
    ),
)
