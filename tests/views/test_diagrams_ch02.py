"""Chapter 02's drawings: everything said in them stands inside the picture, and they hold in light and dark."""

import pytest
from reading import ADDRESS, drawing

from mi_tutor.views import diagrams_ch02
from mi_tutor.views.theme import STILL, style

DIAGRAMS = (diagrams_ch02.one_layer_paths, diagrams_ch02.head_circuits, diagrams_ch02.paths_by_order)


@pytest.mark.parametrize("draw", DIAGRAMS)
def test_a_diagram_is_one_image_with_its_words_and_nothing_leaves_it(draw):
    shown = draw()
    html = shown.to_static()
    assert f'class="{STILL}"' in html
    assert shown._repr_mimebundle_()["text/html"] == style() + html
    assert not ADDRESS.search(
        html.replace("http://www.w3.org/2000/svg", "").replace("http%3A//www.w3.org/2000/svg", "")
    )
    image = drawing(html)
    width, height = float(image.get("width")), float(image.get("height"))
    for element in image.iter():
        tag = element.tag.rpartition("}")[2]
        if tag in ("polyline", "polygon"):
            points = [tuple(map(float, pair.split(","))) for pair in element.get("points").split()]
            assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
        if tag == "rect":
            left, top = float(element.get("x")), float(element.get("y"))
            assert left + float(element.get("width")) <= width
            assert top + float(element.get("height")) <= height
    boxes = [e for e in image.iter() if e.tag.endswith("rect")]
    labels = [e for e in image.iter() if e.tag.endswith("text")]
    for label in labels:
        inside = [box for box in boxes if _holds(box, float(label.get("x")), float(label.get("y")))]
        if inside:
            assert len(label.text) * 6.2 < float(inside[0].get("width"))


def _holds(box, x: float, y: float) -> bool:
    left, top, width, height = (float(box.get(name)) for name in ("x", "y", "width", "height"))
    return left <= x <= left + width and top <= y <= top + height


def test_the_last_head_drawn_is_the_last_there_is():
    assert "head 11" in [
        e.text.replace("\N{NO-BREAK SPACE}", " ")
        for e in drawing(diagrams_ch02.one_layer_paths(12).to_static()).iter()
        if e.text
    ]
