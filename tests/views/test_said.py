"""Sentences about a model."""

import torch

from mi_tutor.corpus.tokenizer import load_tokenizer
from mi_tutor.views.said import likeliest, looks_at


def test_the_most_probable_come_first_with_their_shares_and_a_key_with_its_own():
    tokenizer = load_tokenizer()
    ids = torch.tensor([tokenizer.encode(t, add_special_tokens=False)[0] for t in (" if", " else", "self")])
    logits = torch.full((len(tokenizer),), -torch.inf)
    logits[ids] = torch.tensor([0.2, 0.3, 0.5]).log()
    assert likeliest(tokenizer, logits) == "self 50%, ·else 30%"
    assert likeliest(tokenizer, logits, 1) == "self 50%"
    assert looks_at(tokenizer, ids, torch.tensor([0.7, 0.2, 0.1])) == "·if, 70% of its attention"
