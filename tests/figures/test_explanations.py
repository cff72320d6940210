"""Explanations are scored by what they predict, on other text than they were chosen on."""

import torch

from mi_tutor.corpus.tokenizer import BOS_ID, load_tokenizer
from mi_tutor.figures.explanations import best_looked_up, correlation, predicted

TOKENIZER = load_tokenizer()


def window(text: str) -> torch.Tensor:
    return torch.tensor([[BOS_ID, *TOKENIZER.encode(text)]])


def test_an_explanation_is_given_each_token_and_the_text_before_it() -> None:
    seen = []

    def remember(before: str, token: str) -> bool:
        seen.append((before, token))
        return token == " os"

    said = predicted(remember, window("import os, sys"), TOKENIZER)
    assert "".join(token for _, token in seen) == "import os, sys"
    assert seen[0][0] == ""
    assert all(before == "".join(token for _, token in seen[:i]) for i, (before, _) in enumerate(seen))
    assert said[0].tolist() == [0.0, *(float(token == " os") for _, token in seen)]


def test_the_score_is_pearsons_and_0_for_what_never_changes() -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 500, generator=draw)
    assert abs(correlation(a, b) - float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 1e-6
    assert correlation(a > 0, -(a > 0).float()) < -0.999
    assert correlation(torch.zeros(500), b) == 0.0


def test_what_can_be_looked_up_is_found_and_scored_on_the_other_text() -> None:
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(2, 40, (2, 2000), generator=draw)
    truth = torch.rand(2, 2000, 2, generator=draw) < 0.2
    of_token = (tokens == 7).float() * 3
    of_label = truth[..., 1].float()
    told = best_looked_up(
        (of_token[0], tokens[0], truth[0]), (of_token[1], tokens[1], truth[1]), ("one", "two"), TOKENIZER
    )
    assert told[0].words == f"the token is {TOKENIZER.decode([7])!r}"
    assert told[0].score > 0.999
    _, label = best_looked_up(
        (of_label[0], tokens[0], truth[0]), (of_label[1], tokens[1], truth[1]), ("one", "two"), TOKENIZER
    )
    assert label.words == "two"
    assert label.score > 0.999
    _, gone = best_looked_up(
        (of_label[0], tokens[0], truth[0]), (of_token[1], tokens[1], truth[1]), ("one", "two"), TOKENIZER
    )
    assert gone.score < 0.2
