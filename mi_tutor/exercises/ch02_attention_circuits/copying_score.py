"""The exercise `copying_score`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mi_tutor.check.compare import Problem
from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch
from mi_tutor.exercises.ch02_attention_circuits._shared import ov_weights

if TYPE_CHECKING:
    from torch import Tensor


def _copying_cases(draw: Draw) -> Iterator[Case]:
    yield basic("five tokens", **ov_weights(draw, 5, 4, 2))
    yield basic("a head that copies", **_turning(draw, 6, 4, 2, "copy"))
    for _ in range(3):
        d_head, d_model = sorted(draw.sizes("d_head", "d_model", low=2, high=7).values())
        yield general("random weights", **ov_weights(draw, draw.size(9, 20), d_model, d_head))
    # Every second eigenvalue is half of a complex pair: real parts and magnitudes differ.
    yield general("complex eigenvalues", **_turning(draw, 11, 8, 4, "turn"))
    yield general("large weights", **ov_weights(draw, 12, 6, 3, scale=1000.0))
    d_vocab = draw.size(400, 500)
    yield Case(
        "general", f"a vocabulary of {d_vocab}, watching memory", ov_weights(draw, d_vocab, 12, 4), no_table=d_vocab
    )
    yield edge("a head that deletes", **_turning(draw, 7, 5, 3, "delete"))
    yield edge("a quarter turn", **_turning(draw, 7, 5, 2, "quarter"))
    yield edge("a d_head of 1", **ov_weights(draw, 6, 4, 1))
    yield edge("a d_model as narrow as the head", **ov_weights(draw, 6, 3, 3))
    yield edge("a vocabulary as small as the head", **ov_weights(draw, 3, 5, 3))
    yield edge("sizes of 1 throughout", **ov_weights(draw, 1, 1, 1))
    weights = ov_weights(draw, 8, 5, 3)
    yield edge("a head that reads nothing", **{**weights, "W_V": weights["W_V"] * 0})
    yield edge("weights that are all zero", **{name: weight * 0 for name, weight in weights.items()})
    yield edge("small weights", **{name: weight * 0.003 for name, weight in weights.items()})
    yield large_table(draw, lambda d_vocab: ov_weights(draw, d_vocab, 12, 4))


def _turning(draw: Draw, d_vocab: int, d_model: int, d_head: int, what: str) -> dict[str, Tensor]:
    """A circuit whose eigenvalues are known: those of a d_head × d_head matrix between two inverse maps."""
    E = draw.normal(d_vocab, d_model).double().cpu()
    V = draw.normal(d_model, d_head).double().cpu()
    inverse = torch.linalg.pinv(E @ V)
    if what == "copy":
        middle = torch.diag(torch.arange(1.0, d_head + 1))
    elif what == "delete":
        middle = -torch.diag(torch.arange(1.0, d_head + 1))
    else:
        middle, turn = torch.zeros(d_head, d_head), torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
        for i in range(0, d_head, 2):
            middle[i : i + 2, i : i + 2] = turn * (i + 1) + (0.0 if what == "quarter" else 0.5) * torch.eye(2)
    # W_O carries the middle and W_U the inverse, through a random basis of the stream.
    basis = torch.linalg.qr(draw.normal(d_model, d_model).double().cpu()).Q[:d_head]
    return {
        "W_E": draw.of(E),
        "W_V": draw.of(V),
        "W_O": draw.of(middle.double() @ basis),
        "W_U": draw.of(basis.mT @ inverse),
    }


def _to_a_thousandth(args: dict[str, Any], expected: Any, got: Any) -> Problem | None:
    if got.isnan():
        return Problem("nan", f"It is NaN, where {float(expected):.4g} is expected.")
    if abs(float(got) - float(expected)) > 1e-3:
        return Problem("value", f"Expected {float(expected):.4g}, got {float(got):.4g}.")
    return None


def _small_square(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    return (W_O @ W_U) @ (W_E @ W_V)


def _share(over: Tensor, under: Tensor) -> Tensor:
    return torch.where(under > 0, over / under, torch.zeros_like(under))


def singular_values_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The sum of the eigenvalues is divided by that of the singular values: their own magnitudes are asked for."""
    square = _small_square(W_E, W_V, W_O, W_U)
    return _share(square.trace(), torch.linalg.svdvals(square).sum())


def norm_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The trace is divided by the circuit's Frobenius norm: divide the sum of the eigenvalues by the sum of their
    magnitudes."""
    A, B = W_E @ W_V, W_O @ W_U
    return _share(_small_square(W_E, W_V, W_O, W_U).trace(), ((A.mT @ A) * (B @ B.mT)).sum().sqrt())


def norm_of_the_square_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The trace of the d_head × d_head matrix is divided by that matrix's Frobenius norm: divide the sum of the eigenvalues by
    the sum of their magnitudes."""
    square = _small_square(W_E, W_V, W_O, W_U)
    return _share(square.trace(), square.norm())


def real_parts_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The magnitudes are taken of the real parts alone: a complex eigenvalue's magnitude counts its imaginary part, too.
    Take `.abs()` before `.real`."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return _share(values.real.sum(), values.real.abs().sum())


def share_of_positive_ones(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """This is the share of eigenvalues with a positive real part: large ones have to count more than small ones."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return (values.real > 0).to(W_E.dtype).mean()


def signs_counted(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The eigenvalues' signs are counted, each as much as any other: large ones have to count more than small ones. Divide their
    sum by the sum of their magnitudes."""
    return torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U)).real.sign().mean()


def sign_lost(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The magnitude of the sum is taken, so that a head that deletes looks like one that copies: take its real part."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return _share(values.sum().abs(), values.abs().sum())


def divided_by_their_number(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The sum of the eigenvalues is divided by how many there are: divide it by the sum of their magnitudes, so that the
    score lies between -1 and 1."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return values.real.sum() / len(values)


def stream_for_tokens(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """These are the eigenvalues of W_V W_O, from stream to stream. The full circuit goes from tokens to tokens: W_E and W_U
    belong to it."""
    values = torch.linalg.eigvals(W_O @ W_V)
    return _share(values.real.sum(), values.abs().sum())


def eigenvalues_of_the_table(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The eigenvalues are those of the whole d_vocab × d_vocab table. AB and BA have the same ones, but for zeros: take those
    of BA, which is as small as the head."""
    values = torch.linalg.eigvals(W_E @ W_V @ W_O @ W_U)
    score = _share(values.real.sum(), values.abs().sum())
    return score.clamp(-1, 1)


def symmetric_by_force(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """`eigvalsh` takes one triangle and presumes that the matrix is symmetric, which this is not: use `eigvals`, whose values
    may be complex."""
    values = torch.linalg.eigvalsh(_small_square(W_E, W_V, W_O, W_U))
    return _share(values.sum(), values.abs().sum())


def complex_score(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """The score is a complex number. The eigenvalues of a real matrix come in conjugate pairs, so the imaginary parts cancel
    in the sum: return its `.real`."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    below = values.abs().sum()
    return values.sum() / torch.where(below > 0, below, 1)


def zero_by_zero(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A head that writes nothing has eigenvalues of 0, and 0/0 is NaN: its score is 0."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return values.real.sum() / values.abs().sum()


def epsilon_below(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """A small number is added to the denominator. Where the weights are small it is not small beside them: ask whether the
    denominator is 0 instead."""
    values = torch.linalg.eigvals(_small_square(W_E, W_V, W_O, W_U))
    return values.real.sum() / (values.abs().sum() + 1e-8)


exercise = Exercise(
    __name__,
    further="Which scores can a head with d_head = 1 have? What does a score of 1 then say about how it treats each of 2,048 tokens?",
    cases=_copying_cases,
    answer=_to_a_thousandth,
    wrong=(
        singular_values_below,
        norm_below,
        norm_of_the_square_below,
        real_parts_below,
        share_of_positive_ones,
        signs_counted,
        sign_lost,
        divided_by_their_number,
        stream_for_tokens,
        eigenvalues_of_the_table,
        symmetric_by_force,
        complex_score,
        zero_by_zero,
        epsilon_below,
    ),
    hints=(
        "The full circuit is A @ B with A = W_E W_V and B = W_O W_U. If v is an eigenvector of B @ A, what does A @ B do to "
        "A @ v?",
        "So the eigenvalues of A @ B that are not 0 are those of B @ A, which is [d_head, d_head]: "
        "`torch.linalg.eigvals(B @ A)`.",
        "They are complex. `.abs()` gives magnitudes; the sum of all is real but for rounding, so take `.real` of it.",
        "When the sum of the magnitudes is 0, return a 0 of the right dtype; otherwise `values.sum().real / values.abs().sum()`.",
    ),
)
