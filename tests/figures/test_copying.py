"""A token's rank in its own row, against sorting the row."""

import torch
from transformer_lens import FactoredMatrix

from mi_tutor.figures.copying import BLOCK, own_ranks


def test_a_rank_is_the_place_in_the_sorted_row() -> None:
    draw = torch.Generator().manual_seed(0)
    size = BLOCK + 40
    circuit = FactoredMatrix(torch.randn(size, 6, generator=draw), torch.randn(6, size, generator=draw))
    tokens = torch.randperm(size, generator=draw)[: BLOCK + 9]
    table = circuit.A @ circuit.B
    places = table.argsort(descending=True).argsort()
    # Two ways to add up six products may put neighbours the other way round.
    assert (own_ranks(circuit, tokens) - places[tokens, tokens]).abs().max() <= 1


def test_a_head_that_raises_each_token_alone_has_rank_0_and_one_that_lowers_it_the_last() -> None:
    eye = torch.eye(12)
    assert own_ranks(FactoredMatrix(eye, eye), torch.arange(12)).tolist() == 12 * [0]
    assert own_ranks(FactoredMatrix(eye, -eye), torch.tensor([4])).tolist() == [11]
