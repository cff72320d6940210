"""An explanation of a unit, scored by what it predicts.

Bills et al. (2023), "Language models can explain neurons in language models": whoever has read an explanation says on
other text where, and how strongly, the unit will be active; the score is the correlation with what it does. Here an
explanation is a function of the text, so nobody has to simulate it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.corpus.tokenizer import D_VOCAB

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

Explanation = Callable[[str, str], "float | bool"]
"""From the text before a token, and the token, to what it predicts there."""
REACH = 40
"""How many tokens of the text before an explanation is given."""


class Told(NamedTuple):
    """The best of the explanations that can be looked up."""

    words: str
    score: float
    """On other tokens than it was chosen on."""


def predicted(
    explanation: Explanation, windows: "Int[Tensor, 'batch position']", tokenizer: Any
) -> "Float[Tensor, 'batch position']":
    """What an explanation says of every token; 0 at the first position, which holds BOS."""
    import torch

    pieces = [tokenizer.decode([i]) for i in range(tokenizer.vocab_size)]
    said = torch.zeros(windows.shape)
    for i, row in enumerate(windows.tolist()):
        text = ["", *(pieces[token] for token in row[1:])]
        said[i] = torch.tensor(
            [0.0] + [float(explanation("".join(text[max(1, j - REACH) : j]), text[j])) for j in range(1, len(row))]
        )
    return said


def correlation(prediction: "Float[Tensor, 'token']", activation: "Float[Tensor, 'token']") -> float:
    """Pearson's, 0 where one of the two is constant."""
    import torch

    a, b = ((v.double() - v.double().mean()) for v in (prediction, activation))
    size = (a.norm() * b.norm()).item()
    return torch.dot(a, b).item() / size if size else 0.0


def best_looked_up(
    choose: "tuple[Float[Tensor, 'token'], Int[Tensor, 'token'], Bool[Tensor, 'token label']]",
    score: "tuple[Float[Tensor, 'token'], Int[Tensor, 'token'], Bool[Tensor, 'token label']]",
    labels: tuple[str, ...],
    tokenizer: Any,
) -> tuple[Told, Told]:
    """The best "the token is …" and the best exact label for a unit, by correlation, chosen on one text, scored on another.

    Args:
        choose: the unit's activations, the tokens, and their labels.
        score: the same of the other text.
        labels: the names of the labels.
        tokenizer: it names the token.
    """
    import torch

    (f, tokens, truth), (f_score, tokens_score, truth_score) = choose, score
    # The correlation with a column of zeros and ones needs no column: counts and sums are enough.
    count = torch.bincount(tokens, minlength=D_VOCAB).double()
    total = torch.zeros(D_VOCAB, dtype=torch.float64).index_add_(0, tokens.cpu(), f.double().cpu())
    share = count.cpu() / len(tokens)
    lift = (total - share * f.double().sum().cpu()) / (share * (1 - share)).sqrt().clamp(min=1e-9)
    token = int(lift.argmax())
    label = max(range(len(labels)), key=lambda i: correlation(truth[:, i], f))
    return (
        Told(f"the token is {tokenizer.decode([token])!r}", correlation(tokens_score == token, f_score)),
        Told(labels[label], correlation(truth_score[:, label], f_score)),
    )
