"""Pictures side by side: all of them, in their static forms, and through a slider."""

import re

import pytest
from reading import drawing

from mi_tutor.views import curves, heatmap, slider, table, together
from mi_tutor.views.theme import style

PICTURES = heatmap([[0.0, 1.0]], title="left"), curves({"a": ([1, 2], [3, 4])}, "x", "y", title="right")


def test_all_pictures_stand_there_and_are_said():
    shown = together(*PICTURES, table([[1, 2]], ["a", "b"]))
    html = shown._repr_mimebundle_()["text/html"]
    assert html.removeprefix(style()) == shown.to_static()
    assert html.count("<img") == 2
    assert html.count("<table") == 1
    assert "<script" not in html
    for picture in PICTURES:
        assert picture.text in shown.text
        assert picture.to_static(560) in html
    assert repr(shown) == shown.text


def test_each_asks_for_its_own_width():
    html = together(*PICTURES, widths=(300, 500)).to_static()
    assert re.findall(r"flex:0 1 (\d+)px", html) == ["300", "500"]


def test_letters_stay_legible_in_a_narrow_picture_and_its_legend_takes_more_lines():
    names = [f"a line with a long name, the {i}th" for i in range(3)]
    picture = curves({name: ([1, 2], [3, 4]) for name in names}, "x", "y")
    wide, narrow = (drawing(picture.to_static(*width)) for width in ((), (400,)))
    for image, width, lines in ((wide, 720, 2), (narrow, 400, 3)):
        assert image.get("width") == str(width)
        assert image.get("font-size") == "11"
        said = {e.text.replace("\N{NO-BREAK SPACE}", " "): e for e in image.iter() if e.text}
        assert len({said[name].get("y") for name in names}) == lines
        assert all(float(said[name].get("x")) + 6 * len(name) < width for name in names)


def test_a_slider_moves_all_of_them():
    slides = slider("step", [1, 2, 3], lambda step: together(*PICTURES, heatmap([[float(step)]], title=f"at {step}")))
    for step in (1, 3):
        assert f"at {step}" in slides.text


@pytest.mark.parametrize(
    ("pictures", "widths", "said"), [((), (), "at least one"), (PICTURES, (1,), "2 pictures and 1 widths")]
)
def test_what_cannot_be_drawn_is_refused(pictures, widths, said):
    with pytest.raises(ValueError, match=said):
        together(*pictures, widths=widths)
