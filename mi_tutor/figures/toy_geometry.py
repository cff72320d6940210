"""Shapes that toy models of superposition settle in: unit arrows spread evenly, and the name of what a model has learnt."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def kept(W: Float[Tensor, "*instance hidden feature"]) -> Bool[Tensor, "*instance feature"]:
    """Which features have a direction: whose column is longer than a half."""
    return W.norm(dim=-2) > 0.5


def polygon(n: int) -> Float[Tensor, "2 n"]:
    """n unit vectors in the plane, evenly spread."""
    turn = 2 * math.pi * torch.arange(n) / n
    return torch.stack([turn.cos(), turn.sin()])


def antiprism() -> Float[Tensor, "3 8"]:
    """Eight unit vectors in space: a cube whose upper face has been turned by an eighth."""
    turn, height = math.pi * torch.arange(8) / 4, 3**-0.5
    level = height * (-1.0) ** torch.arange(8)
    beside = (1 - level.square()).sqrt()
    return torch.stack([beside * turn.cos(), beside * turn.sin(), level])


def solids() -> dict[str, Float[Tensor, "hidden feature"]]:
    """The shapes that Elhage et al. (2022) name, by name, those with most of a dimension for each feature first."""
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]).T / 3**0.5
    return {
        "tetrahedron": corners,
        "triangle": polygon(3),
        "antipodal pair": polygon(2)[:1],
        "pentagon": polygon(5),
        "square antiprism": antiprism(),
    }


def nearest_solid(share: float, within: float = 0.015) -> tuple[str, str] | None:
    """The fraction, such as "2/5", and the solid whose features have that share of a dimension each; None if none is near."""
    shapes = solids()
    name = min(shapes, key=lambda each: abs(shapes[each].shape[0] / shapes[each].shape[1] - share))
    hidden, features = shapes[name].shape
    return (f"{hidden}/{features}", name) if abs(hidden / features - share) < within else None


def shape_of(W: Float[Tensor, "2 feature"]) -> str:
    """What the kept columns of one model in the plane look like, by the angles between them."""
    columns = W[:, kept(W)]
    angles = torch.atan2(columns[1], columns[0]).rad2deg().sort().values
    gaps = sorted(((angles.roll(-1) - angles) % 360).round().tolist())
    count = len(gaps)
    names = {3: "triangle", 4: "two antipodal pairs", 5: "pentagon"}
    if count == 2 and abs(gaps[0] - 90) < 10:
        return "two at right angles"
    if count in names and gaps[-1] - gaps[0] < 12:
        return names[count]
    if count == 3 and abs(gaps[-1] - 180) < 15:
        return "an antipodal pair, one at right angles"
    return f"{count}, gaps of {', '.join(f'{gap:.0f}' for gap in gaps)} degrees"


def is_pentagon_and_pair(W: Float[Tensor, "3 feature"], shares: Float[Tensor, "feature"]) -> tuple[bool, bool]:
    """Whether a model in space keeps seven features with a pentagon's and a pair's shares, and whether the angles agree.

    Args:
        shares: of a dimension, for each feature.
    """
    of_kept = shares[kept(W)]
    pair, five = (of_kept - 0.5).abs() < 0.02, (of_kept - 0.4).abs() < 0.03
    if len(of_kept) != 7 or pair.sum() != 2 or five.sum() != 5:
        return False, False
    unit = torch.nn.functional.normalize(W[:, kept(W)], dim=0)
    regular = (polygon(5).mT @ polygon(5)).sort(-1).values.to(W.device)
    angles = (unit[:, five].mT @ unit[:, five]).sort(-1).values
    opposite = (unit[:, pair].mT @ unit[:, pair]).min() < -0.95
    return True, bool(opposite and (angles - regular).abs().max() < 0.1)
