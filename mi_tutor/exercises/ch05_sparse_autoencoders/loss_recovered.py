"""The exercise `loss_recovered`: its inputs, how an answer is judged, its mistakes and hints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mi_tutor.check.draw import Case, Draw
from mi_tutor.check.exercise import Exercise
from mi_tutor.deferred import torch

if TYPE_CHECKING:
    from torch import Tensor


def _recovered_cases(draw: Draw) -> Iterator[Case]:
    def case(group: str, what: str, clean: float, spliced: float, ablated: float) -> Case:
        values = {"clean": clean, "spliced": spliced, "ablated": ablated}
        return Case(group, what, {name: draw.of(torch.tensor(v).double()) for name, v in values.items()})

    yield case("basic", "three losses", 2.0, 2.5, 4.0)
    yield case("basic", "three other losses", 3.0, 3.75, 8.0)
    clean, cost, share = 1 + float(draw.normal().abs()), 1 + float(draw.normal().abs()), draw.size(10, 90) / 100
    yield case("basic", "three random losses", clean, clean + cost * share, clean + cost)
    for _ in range(4):
        base, gap, share = (float(draw.normal().abs()) for _ in range(3))
        yield case("general", "random losses", 1 + base, 1 + base + (0.5 + gap) * share / 2, 1.5 + base + gap)
    yield case("edge", "nothing lost", clean, clean, clean + cost)
    yield case("edge", "everything lost", clean, clean + cost, clean + cost)
    yield case("edge", "worse than the ablation", clean, clean + cost * (1 + share), clean + cost)
    yield case("edge", "better than the model", clean, clean - share, clean + cost)
    yield case("edge", "an ablation that helps", 3.0, 2.75, 2.5)
    yield case("edge", "a model without loss", 0.0, 0.5, 4.0)
    yield case("edge", "an ablation that hardly matters", 2.0, 2.03125, 2.0625)


def recovered_clamped(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """The result is kept between 0 and 1. An SAE can do worse than the ablation, and that should be seen: do not clamp."""
    return ((ablated - spliced) / (ablated - clean)).clamp(0, 1)


def loss_lost(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is the share that is *lost*: 1 should mean that nothing is."""
    return (spliced - clean) / (ablated - clean)


def share_of_the_ablated_loss(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This divides by the ablated loss: divide by what there was to be recovered, `ablated - clean`."""
    return (ablated - spliced) / ablated


def kept_of_the_ablated_loss(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """What is lost is held against the whole ablated loss: hold it against what the ablation costs, `ablated - clean`."""
    return 1 - (spliced - clean) / ablated


def share_of_the_clean_loss(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This holds the increase against the clean loss: hold what is recovered against what there was to be recovered,
    `ablated - clean`."""
    return 1 - (spliced - clean) / torch.where(clean != 0, clean, 1)


def ratio_of_losses(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is a ratio of two losses. It is near 1 for any SAE, even for one that destroys everything: the ablation is the
    yardstick."""
    return clean / spliced


def upside_down(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """The fraction is upside down: what is recovered stands above, what there was to be recovered below."""
    return (ablated - clean) / (ablated - spliced)


def recovered_in_nats(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is what is recovered in nats: divide by what there was to be recovered."""
    return ablated - spliced


def recovered_in_percent(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """This is in percent: a share is asked for, 1 when nothing is lost."""
    return 100 * (ablated - spliced) / (ablated - clean)


def recovered_by_magnitude(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """The differences lose their signs, so that worse than the ablation looks like better: keep them."""
    return (ablated - spliced).abs() / (ablated - clean).abs()


def spliced_and_clean_exchanged(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """Clean and spliced have changed places in the difference below: what there was to be recovered is `ablated - clean`."""
    below = spliced - clean
    return (ablated - clean) / torch.where(below != 0, below, 1)


def small_constant_below(clean: Tensor, spliced: Tensor, ablated: Tensor) -> Tensor:
    """A constant is added to the denominator, which changes the share where ablation costs little: leave it out."""
    return (ablated - spliced) / (ablated - clean + 1e-2)


exercise = Exercise(
    __name__,
    further="The three losses are means over tokens. Can 95% be recovered while the reconstruction does worse than the ablation on one token in ten, and which tokens might these be?",
    cases=_recovered_cases,
    wrong=(
        recovered_clamped,
        loss_lost,
        share_of_the_ablated_loss,
        share_of_the_clean_loss,
        ratio_of_losses,
        upside_down,
        recovered_in_nats,
        recovered_in_percent,
        recovered_by_magnitude,
        spliced_and_clean_exchanged,
        small_constant_below,
        kept_of_the_ablated_loss,
    ),
    hints=(
        "Put the three losses on a line. When should the answer be 1, when 0?",
        "Without the activation, `ablated - clean` is lost. With the reconstruction, `ablated - spliced` of it is back.",
        "`(ablated - spliced) / (ablated - clean)`.",
    ),
)
