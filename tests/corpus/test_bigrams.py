"""Counting: the shipped counts, the divergence from them, and n-gram losses against slow and obvious versions."""

import math
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mi_tutor.corpus.bigrams import COUNTS_FILE, count_bigrams, kl_from_counts, write_bigram_counts
from mi_tutor.corpus.ngrams import _probabilities, ngram_loss
from mi_tutor.corpus.source import corpus_hash
from mi_tutor.models import corpus_tokens, load_model, training_bigram_counts
from mi_tutor.models.cards import read_card
from mi_tutor.models.zoo import ASSETS, UnknownModelError


def test_the_zero_layer_table_approaches_the_counted_bigrams() -> None:
    model = load_model("zero-layer-py", "cpu")
    counts = training_bigram_counts("zero-layer-py")
    with torch.inference_mode():
        logits = model(torch.arange(2048)[:, None])[:, 0]  # the model's own forward, one token of context each
    assert 0 < kl_from_counts(counts, logits) < 0.05


def test_the_table_is_far_from_bigrams_it_did_not_learn() -> None:
    model = load_model("zero-layer-py", "cpu")
    counts = training_bigram_counts("zero-layer-py")
    logits = (model.W_E @ model.W_U).detach()
    assert kl_from_counts(counts.T, logits) > 1
    assert kl_from_counts(counts + 1, logits) > kl_from_counts(counts, logits)


def test_the_shipped_counts_are_those_of_the_training_split() -> None:
    card = read_card("zero-layer-py", ASSETS)
    assert card is not None
    counts = training_bigram_counts("zero-layer-py")
    assert counts.dtype == torch.int64
    assert counts.shape == (2048, 2048)
    assert counts.sum() == card["figures"]["train_tokens"]["value"] - 1
    if corpus_hash() == card["corpus"]["hash"]:
        assert torch.equal(counts, count_bigrams(corpus_tokens("train")))


def test_each_token_is_followed_as_often_as_it_follows_but_for_the_two_ends() -> None:
    counts = training_bigram_counts("zero-layer-py")
    assert (counts.sum(0) - counts.sum(1)).abs().sum() <= 2


def test_counts_without_a_model_name_those_that_exist() -> None:
    with pytest.raises(UnknownModelError, match="zero-layer-py"):
        training_bigram_counts("gpt2")


@settings(deadline=None, max_examples=25)  # each one handles a table of four million entries
@given(st.lists(st.integers(0, 2047), min_size=2, max_size=60))
def test_counts_survive_being_written(ids: list[int]) -> None:
    counts = count_bigrams(torch.tensor(ids))
    counts[ids[0], ids[1]] += 100_000  # more than 16 bits hold
    with tempfile.TemporaryDirectory() as folder:
        write_bigram_counts(Path(folder, "some", COUNTS_FILE), counts)
        assert torch.equal(training_bigram_counts("some", Path(folder)), counts)


def test_the_divergence_is_zero_for_the_bigram_itself_and_what_kl_div_says_elsewhere() -> None:
    generator = torch.Generator().manual_seed(0)
    counts = torch.randint(1, 50, (7, 7), generator=generator)
    assert kl_from_counts(counts, counts.double().log() + 3) == pytest.approx(0, abs=1e-12)
    logits = torch.randn(7, 7, generator=generator, dtype=torch.float64)
    probabilities = counts / counts.sum(-1, keepdim=True, dtype=torch.float64)
    rows = torch.nn.functional.kl_div(logits.log_softmax(-1), probabilities, reduction="none").sum(-1)
    assert kl_from_counts(counts, logits) == pytest.approx(float((rows * counts.sum(-1)).sum() / counts.sum()))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_ngram_probabilities_sum_to_one_over_the_next_token(n: int) -> None:
    train = torch.randint(0, 6, (200,), generator=torch.Generator().manual_seed(1))
    for context in ([0, 1], [5, 5], [2, 3]):
        each = [_probabilities(train, torch.tensor([*context, token]), n, 7)[-1] for token in range(7)]
        assert sum(each) == pytest.approx(1)


def test_an_ngram_learns_what_its_order_allows() -> None:
    # Of a cycle a, b, a, c a bigram can know half: after b and c comes a; after a it has to guess.
    cycle = torch.tensor([0, 1, 0, 2]).repeat(500)
    assert ngram_loss(cycle, cycle, 1, 3) == pytest.approx(1.5 * math.log(2), abs=0.02)
    assert ngram_loss(cycle, cycle, 2, 3) == pytest.approx(0.5 * math.log(2), abs=0.02)
    assert ngram_loss(cycle, cycle, 3, 3) == pytest.approx(0, abs=0.02)


def test_an_unseen_token_costs_much_but_not_everything() -> None:
    train = torch.tensor([0, 1] * 50)
    assert math.isfinite(ngram_loss(train, torch.tensor([0, 2, 2]), 3, 3))
