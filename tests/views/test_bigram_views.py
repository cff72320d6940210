"""The pictures of chapter 01 hold the numbers they claim to."""

import pytest
import torch

from mi_tutor.models import load_tokenizer
from mi_tutor.views import compare_scatter, compare_tables, explore_successors, token_label

TOKENIZER = load_tokenizer()
D_VOCAB = len(TOKENIZER)


@pytest.fixture(scope="module")
def log_probs():
    return torch.randn(D_VOCAB, D_VOCAB, generator=torch.Generator().manual_seed(0)).log_softmax(-1)


def test_typing_shows_the_successors_of_the_last_token(log_probs):
    box, note, figure = explore_successors({"a": log_probs, "b": log_probs / 2}, TOKENIZER, "self").children
    for text in ("return", "x = not"):
        box.value = text
        last = TOKENIZER.encode(text, add_special_tokens=False)[-1]
        assert list(figure.data[0].y) == pytest.approx(log_probs[last].exp().topk(12).values.tolist())
        assert token_label(TOKENIZER, last) in note.value
    box.value = ""
    assert "Type something" in note.value


def test_every_token_has_a_label_of_its_own():
    labels = [token_label(TOKENIZER, i) for i in range(D_VOCAB)]
    assert len(set(labels)) == D_VOCAB
    assert not any("\N{REPLACEMENT CHARACTER}" in label for label in labels)


def test_two_tables_are_drawn_with_one_scale(log_probs):
    tokens = torch.tensor([5, 3, 9])
    figure = compare_tables({"a": log_probs, "b": log_probs}, tokens, TOKENIZER)
    assert figure.data[0].z[1][2] == pytest.approx(log_probs[3, 9].exp().item())
    assert {trace.coloraxis for trace in figure.data} == {"coloraxis"}


def test_the_scatter_takes_pairs_from_the_most_frequent_to_the_rarest(log_probs):
    counts = torch.zeros(D_VOCAB, D_VOCAB, dtype=torch.int64)
    counts[0, :100] = torch.arange(1, 101)
    figure = compare_scatter(log_probs, log_probs, counts, TOKENIZER, points=10)
    assert figure.data[0].x == figure.data[0].y
    assert len(figure.data[0].x) == 10
    assert figure.data[0].marker.color[0] == pytest.approx(2.0)
