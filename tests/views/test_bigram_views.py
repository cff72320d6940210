"""The pictures of chapter 01 hold the numbers they claim to."""

import html

import pytest
import torch

from mi_tutor.models import load_tokenizer
from mi_tutor.views import compare_scatter, compare_tables, explore_successors, token_label
from mi_tutor.views.bigrams import successors

TOKENIZER = load_tokenizer()
D_VOCAB = len(TOKENIZER)


@pytest.fixture(scope="module")
def log_probs():
    return torch.randn(D_VOCAB, D_VOCAB, generator=torch.Generator().manual_seed(0)).log_softmax(-1)


def test_typing_shows_the_successors_of_the_last_token(log_probs):
    control = explore_successors({"a": log_probs, "b": log_probs / 2}, TOKENIZER, "self")
    box, shown = control.widget.children
    for text in ("return", "x = not"):
        box.value = text
        last = TOKENIZER.encode(text, add_special_tokens=False)[-1]
        assert html.escape(successors({"a": log_probs, "b": log_probs / 2}, TOKENIZER, last).text) in shown.value
        assert "the\N{NO-BREAK SPACE}last\N{NO-BREAK SPACE}one" in shown.value
    box.value = ""
    assert "Type something" in shown.value
    assert "Most likely tokens after self." in control.text


def test_successors_are_the_first_tables_most_likely_ones(log_probs):
    picture = successors({"a": log_probs, "b": log_probs / 2}, TOKENIZER, 7, k=12)
    best = log_probs[7].exp().topk(12)
    first, second = picture.figure.data
    assert first.x == second.x
    assert list(first.y) == pytest.approx(best.values.tolist(), rel=1e-3)
    assert list(second.y) == pytest.approx((log_probs[7, best.indices] / 2).exp().tolist(), rel=1e-3)
    assert TOKENIZER.decode([7]) in picture.text


def test_every_token_has_a_label_of_its_own():
    labels = [token_label(TOKENIZER, i) for i in range(D_VOCAB)]
    assert len(set(labels)) == D_VOCAB
    assert not any("\N{REPLACEMENT CHARACTER}" in label for label in labels)
    (indented,) = TOKENIZER.encode("\n" + 15 * " ", add_special_tokens=False)
    assert labels[indented] == "↵+15"
    assert labels[TOKENIZER.encode(" not", add_special_tokens=False)[0]] == "·not"


def test_a_token_that_looks_like_another_ones_spelling_is_written_as_a_string():
    class Spelled:
        def decode(self, ids):
            return ["↵+15", "·not", "", "\x0b", "\n" + 15 * " "][ids[0]]

    assert [token_label(Spelled(), i) for i in range(5)] == ["'↵+15'", "'·not'", "''", r"'\x0b'", "↵+15"]


def test_two_tables_are_drawn_with_one_scale(log_probs):
    tokens = torch.tensor([5, 3, 9])
    figure = compare_tables({"a": log_probs, "b": log_probs}, tokens, TOKENIZER).figure
    assert figure.data[0].z[1][2] == pytest.approx(log_probs[3, 9].exp().item(), rel=1e-2)
    assert {trace.coloraxis for trace in figure.data} == {"coloraxis"}


def test_the_scatter_takes_pairs_from_the_most_frequent_to_the_rarest(log_probs):
    counts = torch.zeros(D_VOCAB, D_VOCAB, dtype=torch.int64)
    counts[0, :100] = torch.arange(1, 101)
    figure = compare_scatter(log_probs, log_probs, counts, TOKENIZER, points=10).figure
    assert figure.data[0].x == figure.data[0].y
    assert len(figure.data[0].x) == 10
    assert figure.data[0].marker.color[0] == pytest.approx(2.0)
