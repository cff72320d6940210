"""Views of toy models: square planes, maps with named states, histograms with their marks; each with a static form."""

import json

import pytest
import torch
from reading import ADDRESS, Tags, drawing

from mi_tutor.views import directions, geometry, histogram, phase_diagrams, slider

PLOTLY = "application/vnd.plotly.v1+json"
SQUARE = torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 0.5]])
MAPS = {"theory": torch.tensor([[0, 1], [2, 2]]), "trained": torch.tensor([[0, 1], [1, 2]])}
LABELS = ["0.1", "1"], ["1", "0.1"], "importance", "probability"
VIEWS = {
    "directions": lambda: directions({"dense": SQUARE, "sparse": -SQUARE}, "Two models"),
    "one panel": lambda: directions({"<b>": torch.zeros(2, 1)}),
    "geometry": lambda: geometry(SQUARE),
    "phases": lambda: phase_diagrams(MAPS, ["first", "second", "both"], *LABELS),
    "one phase": lambda: phase_diagrams({"all": torch.zeros(2, 2)}, ["first"], *LABELS),
    "histogram": lambda: histogram(torch.tensor([0.4, 0.5, 0.5, 0.6]), 5, "share", {"1/2": 0.5}),
    "one value": lambda: histogram(torch.tensor([0.5]), 3, "share"),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_has_three_forms_and_asks_no_network(name):
    bundle = VIEWS[name]()._repr_mimebundle_()
    assert set(bundle) == {PLOTLY, "text/html", "text/plain"}
    everything = "".join(json.dumps(form, ensure_ascii=False, allow_nan=False) for form in bundle.values())
    assert not ADDRESS.search(everything)
    assert Tags(bundle["text/html"]).tags == ["img"]
    drawing(bundle["text/html"])
    assert len(bundle["text/plain"]) > 20


def test_a_plane_is_as_high_as_it_is_wide_in_both_forms():
    picture = directions({"a": SQUARE, "b": SQUARE})
    layout = picture.figure.layout
    assert layout.xaxis.range == layout.yaxis.range
    assert (layout.yaxis.scaleanchor, layout.yaxis2.scaleanchor) == ("x", "x2")
    frames = [e for e in drawing(picture.to_static()).iter() if e.tag.endswith("rect")]
    assert len(frames) == 2
    for frame in frames:
        assert float(frame.get("width")) == pytest.approx(float(frame.get("height")), rel=0.2)


def test_the_words_give_lengths_and_angles():
    text = directions({"dense": SQUARE}).text
    assert "feature 0 of length 1 at 0°, feature 1 of length 1 at 180°, feature 2 of length 0.5 at 90°" in text
    assert "1 shorter than 0.1" in directions({"dense": SQUARE * torch.tensor([1, 1, 0.1])}).text
    assert "no feature has a direction" in directions({"dense": SQUARE * 0}).text


def test_geometry_shows_what_comes_back():
    trace = geometry(SQUARE).figure.data[-1]
    assert trace.type == "heatmap"
    assert [list(row) for row in trace.z] == [[1, -1, 0], [-1, 1, 0], [0, 0, 0.25]]


def test_rows_of_what_comes_back_have_their_numbers_in_the_static_form_too():
    said = [e.text for e in drawing(geometry(SQUARE).to_static()).iter() if e.text]
    assert said.count("2") >= 2  # the row and the column of feature 2


def test_phases_say_how_much_of_the_map_each_state_has():
    text = VIEWS["phases"]().text
    assert "theory: first in 25%, second in 25%, both in 50%" in text
    assert "trained: first in 25%, second in 50%, both in 25%" in text


def test_a_histogram_counts_every_value_and_marks_places():
    figure = VIEWS["histogram"]().figure
    assert sum(figure.data[0].y) == 4
    assert figure.data[1].name == "1/2"
    assert figure.data[1].x == (0.5, 0.5)


def test_a_histogram_puts_a_place_into_the_middle_of_a_bar():
    values = torch.tensor([0.1, 0.498, 0.5, 0.502, 0.9])
    split, whole = (histogram(values, 4, "share", middle=middle).figure.data[0] for middle in (None, 0.5))
    assert list(split.y) == [1, 1, 2, 1]
    assert list(whole.y) == [1, 0, 3, 0, 1]
    assert list(whole.x) == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    for drawn in range(50):
        values = torch.rand(40, generator=torch.Generator().manual_seed(drawn))
        bars = histogram(values, 1 + drawn % 9, "share", middle=0.5).figure.data[0]
        assert sum(bars.y) == 40
        assert min(abs(x - 0.5) for x in bars.x) < 1e-4
        gap = 1.001 * float(values.max() - values.min()) / (1 + drawn % 9) / 2
        assert bars.x[0] - gap <= float(values.min())
        assert float(values.max()) <= bars.x[-1] + gap


def test_a_slider_moves_through_geometries():
    slides = slider("probability", [1.0, 0.5, 0.1], lambda p: geometry(SQUARE * p))
    assert slides.html.count("<img") == 2
    assert "length 1 at 180°" in slides.text


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: directions({}), "`panels` is empty"),
        (lambda: directions({"a": torch.zeros(3, 2)}), "2 rows"),
        (lambda: geometry(torch.zeros(3, 2)), "2 rows"),
        (lambda: phase_diagrams({}, ["a"], *LABELS), "`panels` is empty"),
        (lambda: phase_diagrams(MAPS, ["a", "b"], *LABELS), "indices outside 0 … 1"),
        (lambda: phase_diagrams(MAPS, list("abcdefg"), *LABELS), "colours for 6 states"),
        (lambda: phase_diagrams(MAPS, list("abc"), ["1"], *LABELS[1:]), "`x_labels` has 1"),
        (lambda: histogram(torch.tensor([torch.nan]), 3, "x"), "infinities or NaN"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_advice(make, said):
    with pytest.raises(ValueError, match=said):
        make()
