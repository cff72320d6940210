"""Every place drawn ends in a colon and is followed by a break that counts."""

import torch

from mi_tutor.corpus.tokenizer import load_tokenizer
from mi_tutor.figures.indentation import after_colons


def test_places_end_in_a_colon_and_break_after_it() -> None:
    tokenizer = load_tokenizer()
    code = "if a:\n    b = {1: 2}\nfor c in d:\n        e()\nx = 1\n"
    text = torch.tensor(tokenizer.encode(20 * code, add_special_tokens=False))
    breaks = [i for i in range(len(tokenizer)) if tokenizer.decode([i]) in ("\n   ", "\n       ")]
    lines, follows = after_colons(text, tokenizer, breaks, 30, torch.Generator().manual_seed(0), length=12)
    assert lines.shape == (30, 12)
    assert set(follows.tolist()) == set(breaks)  # and not the break that ends other lines
    assert (lines[:, 0] == tokenizer.bos_token_id).all()
    for line, after in zip(lines, follows, strict=True):
        assert tokenizer.decode([line[-1]]).endswith(":")
        assert int(after) in breaks
