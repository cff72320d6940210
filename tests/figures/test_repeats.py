"""What is measured on text that comes twice, held against another way to it."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from mi_tutor.check.small_model import small_model
from mi_tutor.figures.heads import head_scores
from mi_tutor.figures.induction import copy_loss
from mi_tutor.figures.repeats import (
    either,
    head_names,
    kept_from,
    linear_read,
    near_tokens,
    patterns,
    ranked,
    rise_at_mean,
    said_of,
    spaced_pairs,
    token_losses,
    with_error,
)
from mi_tutor.models import load_model

TOKENS = torch.tensor([[0, 3, 5, 7, 3, 5, 7], [0, 2, 9, 4, 2, 9, 4]])


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(scope="module")
def two_layers():
    return load_model("attn-2l-py", "cpu")


def test_losses_by_token_are_those_that_copy_losses_average():
    model = small_model(3)
    loss = token_losses(model, TOKENS)
    whole = copy_loss(model(TOKENS), TOKENS)
    assert float(loss[:, 1:3].mean()) == pytest.approx(whole.first, rel=1e-5)
    assert float(loss[:, 4:].mean()) == pytest.approx(whole.second, rel=1e-5)


def test_patterns_are_causal_and_every_row_is_a_distribution():
    seen = patterns(small_model(3), TOKENS)
    assert seen.shape == (2, 2, 3, 7, 7)
    torch.testing.assert_close(seen.sum(-1), torch.ones(2, 2, 3, 7))
    assert not seen.triu(1).any()


def test_heads_are_ranked_by_name(two_layers):
    values = torch.tensor([[0.1, 0.3], [0.25, 0.2]])
    assert head_names(values, 2) == ["0.1", "1.0"]
    assert ranked(values, 2) == "0.1: 0.300, 1.0: 0.250"
    assert head_names(head_scores(two_layers).prefix_matching) == ["1.6"]


def test_a_position_that_stands_in_the_stream_is_read_and_one_that_does_not_is_not():
    draw = torch.Generator().manual_seed(0)
    stream = torch.randn(8, 30, 4, generator=draw)
    position = torch.arange(1.0, 31).repeat(8, 1)
    assert linear_read(stream, position) < 0.2
    stream[..., 2] = 3 * position + 1
    assert linear_read(stream, position) == pytest.approx(1, abs=1e-4)


def test_neighbours_are_others_and_come_in_order(two_layers):
    tokens = torch.tensor([[40, 500], [900, 1500]])
    W = two_layers.W_E - two_layers.W_E.mean(-1, keepdim=True)
    W = W / W.norm(dim=-1, keepdim=True)
    cosines = [(W[tokens] * W[near_tokens(two_layers, tokens, rank)]).sum(-1) for rank in (1, 2, 10)]
    assert (near_tokens(two_layers, tokens, 1) != tokens).all()
    assert (cosines[0] >= cosines[1]).all()
    assert (cosines[1] >= cosines[2]).all()
    others = (W[tokens.flatten()] @ W.mT).scatter(1, tokens.reshape(-1, 1), -1.0).amax(-1)
    torch.testing.assert_close(cosines[0].flatten(), others)


def test_pairs_are_the_same_letters_with_a_blank_and_without(two_layers):
    blank, bare = spaced_pairs(two_layers.tokenizer)
    decode = two_layers.tokenizer.decode
    assert len(blank) > 100
    assert all(decode([a]) == " " + decode([b]) for a, b in zip(blank.tolist(), bare.tolist(), strict=True))


def test_a_head_at_its_mean_costs_what_a_run_with_that_mean_costs():
    model, head = small_model(3), 1
    _, cache = model.run_with_cache(TOKENS)
    mean = cache["blocks.1.attn.hook_z"][:, :, head].mean((0, 1))

    def put(z, hook):
        return torch.cat([z[:, :, :head], mean.expand_as(z[:, :, :1]), z[:, :, head + 1 :]], 2)

    logits = model.run_with_hooks(TOKENS, fwd_hooks=[("blocks.1.attn.hook_z", put)])
    rise = cross_entropy(logits[:, 4:-1].mT, TOKENS[:, 5:]) - cross_entropy(model(TOKENS)[:, 4:-1].mT, TOKENS[:, 5:])
    assert float(rise_at_mean(model, TOKENS, 1, head)[1]) == pytest.approx(float(rise), abs=1e-5)
    assert not any(point.fwd_hooks for point in model.hook_dict.values())


def test_as_much_attention_is_taken_from_others_as_from_bos_and_no_other_head_is_touched():
    pattern = patterns(small_model(5), TOKENS)[0]
    from_bos, from_others = (kept_from(1, bos)(pattern, None) for bos in (True, False))
    assert not from_bos[:, 1, :, 0].any()
    lost = (pattern - from_others)[:, 1].sum(-1)
    most = pattern[:, 1, :, 1:].sum(-1)
    torch.testing.assert_close(lost, torch.minimum(pattern[:, 1, :, 0], most))
    assert torch.equal(from_others[:, 1, :, 0], pattern[:, 1, :, 0])
    for changed in (from_bos, from_others):
        assert torch.equal(changed[:, [0, 2]], pattern[:, [0, 2]])


def test_a_copy_in_the_same_form_is_said_as_it_stood_and_as_it_comes_alike(two_layers):
    block = torch.randint(1, 2000, (2, 6), generator=torch.Generator().manual_seed(0))
    same, other = said_of(two_layers, (1, 6), block, block), said_of(two_layers, (1, 6), block, block.roll(1, 0))
    assert torch.equal(same.as_it_stood, same.as_it_comes)
    assert (same.looked > other.looked).all()


def test_words_for_two():
    assert [either(names) for names in ([], ["one"], ["one", "two"])] == ["neither", "one", "both"]
    assert with_error(torch.tensor([1.0, 3.0])) == "2.00 ± 1.00"
