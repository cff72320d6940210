"""Where a feature that should speak is silent, and which one speaks instead (Chanin et al. 2024).

Among many tokens some show a hole by chance. So the feature, the token and the speaker are chosen on one half of a text,
and what they do is read off the other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

ENOUGH = 5
"""A token is asked about that has the label so often on both halves."""

BestFeature = Callable[["Tensor", "Tensor", float], tuple[int, "Tensor"]]


class Half(NamedTuple):
    """Half of a text, for one label."""

    f: "Float[Tensor, 'token d_sae']"
    tokens: "Int[Tensor, 'token']"
    label: "Bool[Tensor, 'token']"

    def recall(self, feature: int, token: int | None = None) -> float:
        """The share of tokens with the label (or of one such token) on which the feature is active."""
        at = self.label if token is None else self.label & (self.tokens == token)
        return float((self.f[at, feature] > 0).float().mean())


class Hole(NamedTuple):
    """What was found for one label."""

    feature: int
    """The best one for the label, on the half to choose on."""
    recall: float
    """How often it is active where the label holds, on the other half, as all that follows."""
    token: int
    """On which it is active least often, chosen."""
    times: int
    """How often that token has the label."""
    recall_chosen: float
    """How often it is active there: on the half to choose on, and on the other."""
    recall_fresh: float
    speaker: int
    """The feature that marks that token best among those with the label, chosen."""
    speaker_f1: float


def find_hole(choose: Half, score: Half, best_feature_f1: BestFeature) -> Hole | None:
    """The token with a label on which the label's best feature is most silent; None where no token is frequent enough.

    Args:
        choose: one half of the text.
        score: the other; of it only the tokens with the label are looked at.
        best_feature_f1: of chapter 05.
    """
    import torch

    general, _ = best_feature_f1(choose.f, choose.label, 0.0)
    vocab = 1 + int(max(choose.tokens.max(), score.tokens.max()))
    often = [torch.bincount(half.tokens[half.label], minlength=vocab) for half in (choose, score)]
    candidates = (torch.minimum(*often) >= ENOUGH).nonzero()[:, 0].tolist()
    if not candidates:
        return None
    recalls = {token: choose.recall(general, token) for token in candidates}
    silent = min(candidates, key=recalls.__getitem__)
    here = [half.tokens[half.label] == silent for half in (choose, score)]
    speaker, _ = best_feature_f1(choose.f[choose.label], here[0], 0.0)
    _, f1 = best_feature_f1(score.f[score.label][:, [speaker]], here[1], 0.0)
    return Hole(
        general,
        score.recall(general),
        silent,
        int(here[1].sum()),
        recalls[silent],
        score.recall(general, silent),
        speaker,
        float(f1),
    )
