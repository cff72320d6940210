"""Colours are told apart by readers who see fewer of them: with no cones for red, for green, or for blue.

Distances are CAM02-UCS, the uniform space of the appearance model CIECAM02: 1 is about the least that can be seen side by
side. Colour-blind sight is Machado, Oliveira and Fernandes' (2009), at its strongest.
"""

from itertools import combinations, pairwise

import pytest
from colorspacious import cspace_convert, deltaE

from mi_tutor.check.progress_card import _SIGNS
from mi_tutor.check.report import _COLOURS
from mi_tutor.views import heatmap
from mi_tutor.views.colours import BLUE, DIVERGING, INK, ORANGE, PALETTE, POINTS, as_hex, between, fade

APART, NEIGHBOURS = 11.0, 15.0
"""Least distances: of any two colours of a palette, and of the first three, which most figures need."""
SIGHTS = [None, "deuteranomaly", "protanomaly", "tritanomaly"]
WHITE, BLACK = (255, 255, 255), (17, 17, 17)
LEVEL = 10.0
"""Of 100: how much lighter one side of a diverging scale may be than the other, at the same share of its end."""
LIFT = 1.2
"""What theme.css does to pictures in the dark."""


def channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def lifted(colour: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(min(255, round(part * LIFT)) for part in colour)


def seen(colour: tuple[int, ...], sight: str | None) -> list[float]:
    """The colour as somebody sees it, sRGB from 0 to 1."""
    space = "sRGB1" if sight is None else {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
    shown = cspace_convert([part / 255 for part in colour], space, "sRGB1")
    return [float(min(max(part, 0.0), 1.0)) for part in shown]


def distance(a: tuple[int, ...], b: tuple[int, ...], sight: str | None) -> float:
    return float(deltaE(seen(a, sight), seen(b, sight), input_space="sRGB1"))


def lightness(colour: tuple[int, ...], sight: str | None) -> float:
    """J′ of CAM02-UCS, from 0 to 100."""
    return float(cspace_convert(seen(colour, sight), "sRGB1", "CAM02-UCS")[0])


def on(colour: tuple[int, int, int, int], page: tuple[int, int, int]) -> tuple[int, ...]:
    """A translucent colour as it is painted."""
    share = colour[3] / 255
    return tuple(round(top * share + below * (1 - share)) for top, below in zip(colour, page, strict=False))


def luminance(colour: tuple[int, ...]) -> float:
    linear = [part / 255 / 12.92 if part <= 10 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("shown", [tuple, lifted], ids=["light", "dark"])
def test_no_two_colours_of_the_palette_look_alike(sight, shown):
    colours = [shown(channels(colour)) for colour in PALETTE]
    for a, b in combinations(colours, 2):
        assert distance(a, b, sight) >= APART, (a, b)
    for a, b in combinations(colours[:3], 2):
        assert distance(a, b, sight) >= NEIGHBOURS, (a, b)


@pytest.mark.parametrize("sight", SIGHTS)
def test_right_wrong_and_waiting_look_different(sight):
    for colours in (_COLOURS.values(), [colour for colour, _ in _SIGNS.values()]):
        for a, b in combinations(map(channels, colours), 2):
            assert distance(a, b, sight) >= NEIGHBOURS


def test_right_wrong_and_waiting_differ_in_their_signs_as_well():
    assert len({sign for _, sign in _SIGNS.values()}) == len(_SIGNS)


@pytest.mark.parametrize("sight", SIGHTS)
def test_sequential_scales_grow_lighter_all_along(sight):
    for stops in (heatmap([[0.0, 1.0]]).figure.data[0].colorscale, POINTS):
        for shown in (tuple, lifted):
            steps = [lightness(shown(between(stops, i / 32)[:3]), sight) for i in range(33)]
            # Lifted, the lightest colours lose what is beyond white: they stay as light as each other.
            least = 0.0 if shown is tuple else -0.2
            assert all(later - earlier > least for earlier, later in pairwise(steps))
            assert steps[24] > steps[16] > steps[8] > steps[0]
            assert steps[-1] - steps[0] >= 20


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("page", [WHITE, BLACK], ids=["light", "dark"])
def test_diverging_scales_fade_alike_on_both_sides_and_their_ends_stay_apart(sight, page):
    scales = [lambda share: fade(2 * share - 1), lambda share: between(DIVERGING, share)]
    for scale in scales:
        for share in (0.0, 0.1, 0.2, 0.3, 0.4):
            low, high = (lightness(on(scale(place), page), sight) for place in (share, 1 - share))
            assert low == pytest.approx(high, abs=LEVEL)
        for side in ([0.5, 0.375, 0.25, 0.125, 0.0], [0.5, 0.625, 0.75, 0.875, 1.0]):
            away = [distance(on(scale(place), page), page, sight) for place in side]
            assert away == sorted(away)
        assert distance(on(scale(0.0), page), on(scale(1.0), page), sight) >= 2 * NEIGHBOURS
    assert (as_hex(BLUE), as_hex(ORANGE)) == (PALETTE[0].lower(), PALETTE[1].lower())


@pytest.mark.parametrize("colour", [*PALETTE, *(stop for _, stop in POINTS)])
def test_lines_and_points_stand_out_from_both_pages(colour):
    assert contrast(channels(colour), WHITE) >= 3
    assert contrast(lifted(channels(colour)), BLACK) >= 3


@pytest.mark.parametrize("colour", PALETTE)
def test_lines_stand_out_from_a_dark_page_without_a_stylesheet_too(colour):
    assert contrast(channels(colour), BLACK) >= 3


def test_letters_can_be_read_on_both_pages():
    assert contrast(channels(INK), WHITE) >= 4.5
    assert contrast(lifted(channels(INK)), BLACK) >= 4.5
    # Where a page lets no stylesheet through, they are still as clear as lines have to be.
    assert contrast(channels(INK), BLACK) >= 3
