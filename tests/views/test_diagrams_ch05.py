"""The drawing of an autoencoder in its place: well-formed, in the page's colours, with a description."""

import xml.etree.ElementTree as ET

import pytest

from mi_tutor.views.diagrams_ch05 import sae_in_place


def test_it_is_one_picture_with_its_words_and_no_colour_that_a_theme_could_swallow() -> None:
    view = sae_in_place(512, 2048, "blocks.0.mlp.hook_post")
    root = ET.fromstring(view.to_static())
    (svg,) = root
    assert svg.attrib["aria-label"] == repr(view)
    for said in ("512", "2,048", "blocks.0.mlp.hook_post"):
        assert said in repr(view)
        assert any(said in (text.text or "") for text in svg.iter("text"))
    assert svg.attrib["stroke"] == "currentColor"
    assert {text.attrib["fill"] for text in svg.iter("text")} == {"currentColor"}


def test_everything_lies_inside_the_picture() -> None:
    (svg,) = ET.fromstring(sae_in_place(512, 4096, "blocks.0.mlp.hook_post").to_static())
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    for shape in svg.iter():
        for point in shape.attrib.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="0 and 8"):
        sae_in_place(0, 8, "x")
