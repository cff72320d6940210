"""The drawing of the residual stream: an image with nothing outside of it, and words that say the same."""

import pytest
from reading import ADDRESS, Tags, drawing

from mi_tutor.views.diagrams_ch00 import residual_stream


@pytest.mark.parametrize("heads", [(), ("head 0", "head 1", "…", "head 7")], ids=["zero layers", "a layer"])
def test_the_stream_is_an_image_with_a_description_and_asks_no_network(heads):
    view = residual_stream(heads)
    shown = view._repr_mimebundle_()["text/html"]
    assert not ADDRESS.search(shown)
    assert Tags(shown).tags == ["img"]
    written = "".join(drawing(shown).itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "W_U" in written
    assert all(name in view.text and name in written for name in heads)


def test_everything_lies_within_the_picture_and_no_two_boxes_overlap():
    picture = drawing(residual_stream(("head 0", "head 1", "…", "head 7")).to_static())
    width, height = float(picture.get("width")), float(picture.get("height"))
    boxes = [
        [float(each.get(side)) for side in ("x", "y", "width", "height")]
        for each in picture.iter()
        if each.tag.endswith("rect")
    ]
    assert len(boxes) == 3 + 3
    assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
    for i, (x, y, w, h) in enumerate(boxes):
        for a, b, c, d in boxes[:i]:
            assert x + w <= a or a + c <= x or y + h <= b or b + d <= y


def test_without_heads_nothing_adds():
    picture = drawing(residual_stream().to_static())
    assert not [each for each in picture.iter() if each.tag.endswith("circle")]
