"""Features that follow each other: which ones a text puts one after the other, and which of these a model promises.

Bricken et al. (2023), "Finite State Automata". A link goes from A to B when B is active far more often than usual on the
token after A, and A's own logits are high on the tokens where B is active.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.figures.dashboard import Dashboards, followers

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

SELDOM, DENSE = 40, 0.03
"""A feature is left out that is active on no more tokens than that, or on a larger share of them."""
LIFT, GIVEN = 10, 0.3
"""B follows A so many times as often as it is active at all, and in this share of cases."""


class Links(NamedTuple):
    """What follows what. Rows are A, columns B."""

    found: "Bool[Tensor, 'd_sae d_sae']"
    """Whether the text has a link there."""
    given: "Float[Tensor, 'd_sae d_sae']"
    """The share of A's tokens after which B is active."""
    promise: "Float[Tensor, 'd_sae d_sae']"
    """A's logits on B's tokens, in standard deviations of A's logits."""
    weight: "Float[Tensor, 'd_sae d_vocab']"
    """How a feature's activity is shared out over the tokens that are read."""
    often: "Float[Tensor, 'd_sae']"
    """On how many tokens each is active."""

    def promised(self, least: float = 1.0) -> "Float[Tensor, 'd_sae d_sae']":
        """`given` where there is a link that A promises by more than `least`, between two features; else 0."""
        import torch

        return torch.where(self.found & (self.promise > least), self.given, 0.0).fill_diagonal_(0)

    def chains(self, shortest: int = 4, longest: int = 5) -> list[list[int]]:
        """Walks along the links that are kept most often, strongest beginnings first; no feature is in two."""
        score = self.promised()
        walks: list[list[int]] = []
        used: set[int] = set()
        for start in score.amax(1).argsort(descending=True).tolist():
            walk = [start]
            while len(walk) < longest:
                options = score[walk[-1]].clone()
                options[walk] = 0
                if float(options.max()) == 0:
                    break
                walk.append(int(options.argmax()))
            if len(walk) >= shortest and not used & set(walk):
                used |= set(walk)
                walks.append(walk)
        return walks

    def most_frequent(self, count: int, every: int = 1) -> list[tuple[int, int]]:
        """The links that occur most often in the text, of each `every` the first."""
        width = self.given.shape[1]
        order = (self.promised() * self.often[:, None]).flatten().argsort(descending=True)
        return [divmod(i, width) for i in order[: count * every : every].tolist()]


def find_links(dashboards: Dashboards) -> Links:
    """Count what follows what, and look up what is promised."""
    import torch

    active, tokens = dashboards.active, dashboards.tokens
    often = active.ends.diff().float()
    chance = often / tokens.numel()
    usable = (often > SELDOM) & (chance < DENSE)
    given = followers(active, tokens).float() / often.clamp(min=1)[:, None]
    found = (given > LIFT * chance) & (given > GIVEN) & usable[:, None] & usable
    weight = torch.zeros_like(dashboards.logits)
    weight.index_put_((active.feature, tokens.flatten()[active.token]), active.value, accumulate=True)
    weight /= weight.sum(1, keepdim=True).clamp(min=1e-9)
    centred = dashboards.logits - dashboards.logits.mean(1, keepdim=True)
    promise = centred @ weight.T / dashboards.logits.std(1, keepdim=True).clamp(min=1e-9)
    return Links(found, given, promise, weight, often)


def out_of_order(dashboards: Dashboards, seed: int = 0) -> Dashboards:
    """The same with the tokens of the text in any order: what is active together stays so, what follows is chance."""
    import torch

    count = dashboards.tokens.numel()
    mixed = torch.randperm(count, generator=torch.Generator().manual_seed(seed)).to(dashboards.tokens.device)
    return replace(dashboards, active=dashboards.active._replace(token=mixed[dashboards.active.token]))
