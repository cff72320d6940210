"""The exercise `top_successors`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.compare import ranking
from mi_tutor.check.draw import Case, Draw, basic, edge, general, large_table
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _successor_cases(draw: Draw) -> Iterator[Case]:
    yield basic("four tokens", W_E=draw.normal(4, 2), W_U=draw.normal(2, 4), k=2, chunk_size=2)
    yield basic("large logits", W_E=draw.normal(5, 3, scale=10), W_U=draw.normal(3, 5, scale=10), k=3, chunk_size=5)
    for chunk_size in (3, 7, 4):
        d_vocab, d_model = draw.size(9, 24), draw.size(2, 7)
        W_E, W_U = draw.normal(d_vocab, d_model), draw.normal(d_model, d_vocab)
        yield general(f"chunks of {chunk_size}", W_E=W_E, W_U=W_U, k=draw.size(2, 6), chunk_size=chunk_size)
    # The second chunk is smaller than √d_vocab, so that as many chunks as rows in one will not do.
    for vocabulary, chunks, d_model, k in (((420, 560), (35, 56), 5, 3), ((150, 200), (9, 11), 2, 1)):
        d_vocab, chunk_size = draw.size(*vocabulary), draw.size(*chunks)
        args = {
            "W_E": draw.normal(d_vocab, d_model),
            "W_U": draw.normal(d_model, d_vocab),
            "k": k,
            "chunk_size": chunk_size,
        }
        # The best k in pieces and joined, and a copy of each matrix.
        allowance = 2 * d_vocab * (k + d_model)
        what = f"a vocabulary of {d_vocab}, watching memory"
        yield Case("general", what, args, block=(chunk_size, d_vocab, allowance))
    W_E, W_U = draw.normal(7, 3), draw.normal(3, 7)
    yield edge("k = 1", W_E=W_E, W_U=W_U, k=1, chunk_size=4)
    yield edge("k = d_vocab", W_E=W_E, W_U=W_U, k=7, chunk_size=4)
    yield edge("one row at a time", W_E=W_E, W_U=W_U, k=2, chunk_size=1)
    yield edge("a chunk larger than the vocabulary", W_E=W_E, W_U=W_U, k=2, chunk_size=20)
    yield edge("ties", W_E=W_E, W_U=torch.cat([W_U[:, :4], W_U[:, :3]], dim=1), k=3, chunk_size=3)
    yield edge("a vocabulary of one token", W_E=draw.normal(1, 2), W_U=draw.normal(2, 1), k=1, chunk_size=1)
    yield edge("a d_model of 1", W_E=draw.normal(6, 1), W_U=draw.normal(1, 6), k=2, chunk_size=4)
    yield large_table(
        draw, lambda n: {"W_E": draw.normal(n, 4), "W_U": draw.normal(4, n), "k": 3, "chunk_size": draw.size(50, 70)}
    )


def _blocks(W_E: Tensor, chunk_size: int) -> Iterator[Tensor]:
    return (W_E[i : i + chunk_size] for i in range(0, W_E.shape[0], chunk_size))


def whole_table_built(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The whole d_vocab × d_vocab table is built at once. Work through `chunk_size` rows at a time and keep only the
    best k of each row."""
    values, ids = (W_E @ W_U).topk(k)
    return values, ids


def every_block_kept(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The blocks are made one by one but all of them are kept, so together they are the whole table again. Take the
    best k of a block before you make the next."""
    blocks = [rows @ W_U for rows in _blocks(W_E, chunk_size)]
    best = [block.topk(k) for block in blocks]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def least_for_most(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """These are the k smallest logits; the k largest are asked for."""
    best = [(rows @ W_U).topk(k, largest=False) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def best_last(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The right ones, but the best comes last: best first."""
    best = [(rows @ W_U).topk(k) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.values.flip(-1) for b in best]), torch.cat([b.indices.flip(-1) for b in best])


def largest_by_magnitude(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """These are the largest in magnitude: a strongly negative logit is an unlikely successor."""
    values, ids = [], []
    for rows in _blocks(W_E, chunk_size):
        logits = rows @ W_U
        chosen = logits.abs().topk(k).indices
        values.append(logits.gather(-1, chosen))
        ids.append(chosen)
        del logits
    return torch.cat(values), torch.cat(ids)


def predecessors_for_successors(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """For each token these are the best predecessors, the largest of its column; successors are in its row."""
    best = [(W_E @ columns.T).topk(k, dim=0) for columns in _blocks(W_U.T, chunk_size)]
    return torch.cat([b.values.T for b in best]), torch.cat([b.indices.T for b in best])


def probabilities_for_logits(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The ids are right, the values are probabilities: the logits are asked for."""
    best = [(rows @ W_U).softmax(-1).topk(k) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def last_partial_chunk_lost(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The rows after the last full chunk are missing: when chunk_size does not divide d_vocab the last chunk is shorter."""
    whole = W_E[: W_E.shape[0] // chunk_size * chunk_size]
    best = [(rows @ W_U).topk(k) for rows in _blocks(whole, chunk_size)]
    empty = W_E.new_zeros(0, k)
    return torch.cat([empty, *(b.values for b in best)]), torch.cat([empty.long(), *(b.indices for b in best)])


def last_rows_never_filled(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The rows after the last full chunk are left as they were made, zeros: when chunk_size does not divide d_vocab the last
    chunk is shorter, and has to be done, too."""
    values, ids = last_partial_chunk_lost(W_E, W_U, k, chunk_size)
    missing = W_E.shape[0] - len(values)
    return torch.cat([values, values.new_zeros(missing, k)]), torch.cat([ids, ids.new_zeros(missing, k)])


def pieces_for_rows(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """`chunk(n)` makes n pieces; what is asked for are pieces of n rows, which is `split(n)`."""
    best = [(rows @ W_U).topk(k) for rows in W_E.chunk(chunk_size)]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best])


def ids_count_from_the_chunk(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """The vocabulary was cut into chunks, and the ids count from the start of a chunk: cut the rows of W_E instead, or
    add where the chunk begins."""
    values = [rows @ W_U for rows in _blocks(W_E, chunk_size)]
    best = [block.topk(k) for block in values]
    return torch.cat([b.values for b in best]), torch.cat([b.indices for b in best]) % chunk_size


def ids_before_values(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> tuple[Tensor, Tensor]:
    """Ids and values are the wrong way round: the logits come first, then their ids."""
    best = [(rows @ W_U).topk(k) for rows in _blocks(W_E, chunk_size)]
    return torch.cat([b.indices for b in best]), torch.cat([b.values for b in best])


def _logits_of(ids: Tensor, W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> Tensor:
    return torch.einsum("vd,dvk->vk", W_E, W_U[:, ids])


def _d_vocab(W_E: Tensor, W_U: Tensor, k: int, chunk_size: int) -> int:
    return W_U.shape[1]


exercise = Exercise(
    __name__,
    further="Now the other way round: for every next token the k current tokens with the largest logits. Can your function find them as it stands, and are logits of different rows comparable?",
    cases=_successor_cases,
    answer=ranking(_logits_of, _d_vocab, values=0, ids=1),
    bf16=True,
    wrong=(
        whole_table_built,
        every_block_kept,
        least_for_most,
        best_last,
        largest_by_magnitude,
        predecessors_for_successors,
        probabilities_for_logits,
        last_partial_chunk_lost,
        last_rows_never_filled,
        pieces_for_rows,
        ids_count_from_the_chunk,
        ids_before_values,
    ),
    hints=(
        "Which rows of the table of logits do the first chunk_size rows of W_E give? What of them do you need later?",
        "`range(0, d_vocab, chunk_size)` gives the first row of each chunk; a slice past the end is simply shorter.",
        "For each chunk: a product with W_U, then `topk(k)`, and keep its values and indices. Join the pieces with "
        "`torch.cat` at the end. A block you still have a name for stays in memory.",
    ),
)
