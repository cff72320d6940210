"""Tokens in their context: which kinds they are of, and which line says what of them."""

import pytest
import torch

from mi_tutor.views.falls import in_context, kinds_of_largest, largest_falls, token_kinds
from mi_tutor.views.reads import most_read, sharp_reads

TEXTS = [["<|bos|>", "f", "(", " x", ")", "\n    "], ["<|bos|>", " x", " x", "1", "']", "x"]]


def test_tokens_are_of_the_kinds_they_look_like():
    kinds = {name: values.int().tolist() for name, values in token_kinds(TEXTS).items()}
    assert kinds == {
        "line break": [[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]],
        "quote or closing bracket": [[0, 0, 0, 1, 0], [0, 0, 0, 1, 0]],
        "begins with a letter": [[1, 0, 1, 0, 0], [1, 1, 0, 0, 1]],
        "stood earlier": [[0, 0, 0, 0, 0], [0, 1, 0, 0, 0]],
    }


def test_a_line_says_what_stood_before_and_what_became_of_the_token():
    before, after = torch.full((2, 5), 0.5).log(), torch.full((2, 5), 0.25).log()
    lines = in_context(TEXTS, before, after, torch.tensor([4, 6])).splitlines()
    assert [line.split()[:4] for line in lines] == [["0.50", "→", "0.2500", "no"], ["0.50", "→", "0.2500", "yes"]]
    assert lines[0].endswith("f( x)│↵    │")
    assert lines[1].endswith("  x│ x│")


def test_every_head_has_its_largest_falls_in_context():
    before = torch.zeros(2, 5)
    after = torch.zeros(2, 2, 5)
    after[0, 0, 4] = -3.0  # the line break
    after[1, 1, 1] = -2.0  # the second ` x`
    lines = largest_falls(TEXTS, before, after, count=1).splitlines()
    assert lines[1] == "head 0, mean fall +0.30 nats"
    assert lines[2].endswith("│↵    │")
    assert lines[3] == "head 1, mean fall +0.20 nats"
    assert lines[4].endswith("  x│ x│")
    assert len(lines) == 5


def test_shares_of_the_largest_falls_stand_after_those_of_all_places():
    falls = torch.zeros(2, 2, 5)
    falls[0, 0, 3:] = torch.tensor([1.0, 2.0])  # a bracket and a line break
    falls[1, 1, :2] = torch.tensor([1.0, 2.0])  # ` x` twice, the second of which stood earlier
    shares = kinds_of_largest(TEXTS, falls, count=2)
    assert shares["line break"].tolist() == pytest.approx([0.1, 0.5, 0.0])
    assert shares["quote or closing bracket"].tolist() == pytest.approx([0.2, 0.5, 0.0])
    assert shares["stood earlier"].tolist() == pytest.approx([0.1, 0.0, 0.5])


def test_what_is_read_most_stands_first():
    assert most_read(torch.tensor([0.1, 0.6, 0.3]), ["<|bos|>", "def", "·x"], 2) == "def 60%, ·x 30%"
    assert most_read(torch.tensor([1.0]), ["<|bos|>"]) == "<|bos|> 100%"


def test_a_sharp_look_is_at_neither_the_first_token_nor_the_own_one():
    pattern = torch.tensor([[1.0, 0, 0, 0], [0.1, 0.9, 0, 0], [0.1, 0.8, 0.1, 0], [0.2, 0.4, 0.4, 0]])
    assert [(query, key, round(share, 3)) for query, key, share in sharp_reads(pattern, 0.5)] == [(2, 1, 0.8)]
    assert list(sharp_reads(pattern, 0.9)) == []
