"""Models of several heads wired by hand: the same for a seed, what they say they are, and the same in another process."""

import pytest
import torch

from mi_tutor.check.built.wired import WIRINGS, wired
from mi_tutor.check.small_model import small_model
from mi_tutor.running import wire


@pytest.mark.parametrize("name", WIRINGS)
def test_heads_change_places_with_the_seed_and_stay_what_they_are(name):
    drawn = [wired(name, seed) for seed in range(8)]
    assert torch.equal(drawn[0].weights["tok_embed.weight"], wired(name, 0).weights["tok_embed.weight"])
    assert not torch.equal(drawn[0].weights["tok_embed.weight"], drawn[1].weights["tok_embed.weight"])
    for each in drawn:
        assert [sorted(row) for row in each.heads] == [sorted(row) for row in WIRINGS[name]]
    assert any(each.heads != drawn[0].heads for each in drawn)


def test_a_circuit_is_where_its_two_heads_stand():
    for seed in range(4):
        pair = wired("pair in layers 1 and 2", seed)
        early_layer, early, late_layer, late = pair.circuit
        assert (pair.heads[early_layer][early], pair.heads[late_layer][late]) == ("previous", "induction")
    assert wired("says nothing", 0).circuit == (-1, -1, -1, -1)


@pytest.mark.parametrize("name", ["pair", "pair by pointer"])
def test_a_wired_model_says_what_came_after_the_token_the_last_time(name):
    model = small_model(5, wired=name)
    block = 1 + torch.stack([torch.randperm(23)[:10] for _ in range(4)])
    tokens = torch.cat([torch.zeros(4, 1, dtype=torch.int64), block, block], 1)
    assert torch.equal(model(tokens)[:, 11:20].argmax(-1), tokens[:, 12:])


def test_a_wired_model_crosses_to_another_process_as_its_name_and_seed():
    model = small_model(6, wired="says the opposite", dtype=torch.float64)
    packed = wire.pack({"model": model}, limited=True)
    header, _ = wire.lengths(packed[: wire.LENGTHS.size], limited=True)
    start = wire.LENGTHS.size
    made = wire.unpack(packed[start : start + header], packed[start + header :], trusted=True)["model"]
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), model.parameters(), strict=True))
    assert "wired='says the opposite'" in made.described_as
