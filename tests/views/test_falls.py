"""Tokens in their context: which kinds they are of, and which line says what of them."""

import torch

from mi_tutor.views.falls import in_context, token_kinds

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
