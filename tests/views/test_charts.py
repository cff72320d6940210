"""Charts: what the interactive form holds, the static form draws and the words say."""

import json
import math
import re
import subprocess
import sys

import pytest
import torch
from reading import ADDRESS, HOSTILE, Tags, drawing

from mi_tutor.views import curves, heatmap, scatter, slider, table, top_predictions
from mi_tutor.views.colours import BLUE, DIVERGING, PALETTE, between
from mi_tutor.views.controls import explore
from mi_tutor.views.still.svg import ticks

PLOTLY = "application/vnd.plotly.v1+json"
LINES = {"trained": ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]), "held out": ([1.0, 2.0, 3.0], [3.0, 2.5, math.inf])}
CHARTS = {
    "curves": lambda: curves(LINES, "step", "loss, nats", title="Loss"),
    "log": lambda: curves({"a": ([0.0, 0.1, 10.0], [1.0, 2.0, math.nan])}, "x", "y", log_x=True),
    "scatter": lambda: scatter(
        {"head 0": ([0.0, 1.0], [2.0, math.nan]), "head 1": ([3.0], [4.0])}, "real", "imaginary"
    ),
    "heatmap": lambda: heatmap([[1.0, -2.0], [math.nan, 3.0]], ["a", "b"], ["c", "c"], "key", "query", "Title", "nats"),
    "one cell": lambda: heatmap([[0.0]]),
    "nothing finite": lambda: heatmap([[math.nan]]),
    "table": lambda: table([["a", 1.0], ["b", math.nan]], ["word", "loss"], "Title"),
    "ranking": lambda: top_predictions([" a", " a", "\n"], torch.tensor([0.5, 0.3, 0.2]), "After x"),
    "hostile": lambda: heatmap(torch.eye(len(HOSTILE)), HOSTILE, HOSTILE, *HOSTILE[:4]),
    "hostile scatter": lambda: scatter({token: ([0, 1], [0, 1]) for token in HOSTILE}, HOSTILE[0], HOSTILE[1]),
    "hostile ranking": lambda: top_predictions(HOSTILE, torch.ones(len(HOSTILE)), HOSTILE[0]),
    "hostile table": lambda: table([[token] for token in HOSTILE], [HOSTILE[0]], HOSTILE[0]),
    "hostile curves": lambda: curves({token: ([0, 1], [0, 1]) for token in HOSTILE}, HOSTILE[0], HOSTILE[1]),
}


def test_importing_the_views_loads_neither_plotly_nor_ipywidgets():
    code = "import sys, mi_tutor.views; print([m for m in ('plotly', 'ipywidgets', 'circuitsvis') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_has_three_forms_and_asks_no_network(name):
    bundle = CHARTS[name]()._repr_mimebundle_()
    assert set(bundle) == {PLOTLY, "text/html", "text/plain"}
    json.dumps(bundle, allow_nan=False).encode()
    everything = "".join(json.dumps(form, ensure_ascii=False) for form in bundle.values())
    everything.encode()
    assert not ADDRESS.search(everything)
    found = Tags(bundle["text/html"])
    assert set(found.tags) <= {"img", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "img" in found.tags or "table" in found.tags
    assert len(bundle["text/plain"]) > 10
    if "img" in found.tags:
        assert 'alt="' in bundle["text/html"]
        drawing(bundle["text/html"])
    # 6 kB of Plotly's own template stay away.
    assert len(json.dumps(bundle[PLOTLY])) < 5_000


def test_curves_leave_out_what_is_infinite_in_both_forms():
    bundle = CHARTS["curves"]()._repr_mimebundle_()
    assert bundle[PLOTLY]["data"][1]["y"] == [3.0, 2.5, None]
    lines = [e for e in drawing(bundle["text/html"]).iter() if e.get("stroke-width") == "2" and "L" in e.get("d", "")]
    assert [e.get("d").count("L") for e in lines] == [2, 1]


def test_curves_differ_in_dashes_as_well_as_in_colour():
    looks = [(trace.line.color, trace.line.dash) for trace in CHARTS["curves"]().figure.data]
    assert len({colour for colour, _ in looks}) == len({dash for _, dash in looks}) == 2


def test_a_heatmap_of_both_signs_parts_at_zero_and_one_of_one_sign_does_not():
    both, one = heatmap([[1.0, -4.0]]).figure.data[0], heatmap([[1.0, 4.0]]).figure.data[0]
    assert (both.zmin, both.zmax) == (-4, 4)
    assert (one.zmin, one.zmax) == (1, 4)
    assert (both.colorscale[0][1], one.colorscale[0][1]) == (PALETTE[1], "#00224e")
    assert heatmap([[1.0]], limits=(0, 2)).figure.data[0].zmax == 2


def test_zero_between_two_signs_shows_the_page_and_the_ends_do_not():
    opacities = [between(DIVERGING, share)[3] for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert (opacities[0], opacities[2], opacities[4]) == (255, 0, 255)
    assert opacities[1] == pytest.approx(opacities[3], abs=1) == pytest.approx(127.5, abs=1)
    assert between(DIVERGING, 0.75)[:3] == BLUE


def test_equal_labels_keep_rows_apart():
    trace = CHARTS["heatmap"]().figure.data[0]
    assert len(set(trace.y)) == 2
    words = [e.text for e in drawing(CHARTS["heatmap"]().to_static()).iter() if e.text]
    assert sum(word.strip("\u200b") == "c" for word in words) == 2


def test_a_heatmap_says_where_its_largest_value_stands():
    text = heatmap([[1.0, 2.0], [5.0, math.inf]], ["a", "b"], ["c", "d"]).text
    assert "the largest is at row d, column a" in text
    assert "1 entry is infinite or not a number" in text


def test_a_kind_of_trace_without_a_static_form_leaves_its_description():
    picture = CHARTS["curves"]()
    picture.figure.add_violin(y=[1, 2])
    assert picture.to_static() == f"<p>{picture.text}</p>"


def test_a_ranking_keeps_its_order_and_its_numbers():
    picture = CHARTS["ranking"]()
    assert picture.figure.data[0].x == (0.5, 0.3, 0.2)
    assert "·a 0.5, ·a 0.3, ↵ 0.2" in picture.text
    words = [e.text for e in drawing(picture.to_static()).iter() if e.text]
    assert {"0.5", "0.3", "0.2"} <= set(words)


def test_a_table_is_a_table_without_scripts():
    html = CHARTS["table"]().to_static()
    assert html.count("<tr>") == 3
    assert '<td style="text-align:right">nan</td>' in html


def test_in_colab_plotly_comes_from_the_network_above_the_static_form(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", object())
    bundle = CHARTS["curves"]()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert "https://cdn.plot.ly" in bundle["text/html"]
    assert "<img alt=" in bundle["text/html"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: curves({}, "x", "y"), "empty"),
        (lambda: curves({"a": ([1, 2], [1])}, "x", "y"), "2 values of x and 1 of y"),
        (lambda: heatmap(torch.zeros(2)), r"values\[None\]"),
        (lambda: heatmap(torch.zeros(2, 2), ["a"]), "`x_labels` has 1"),
        (lambda: scatter({}, "x", "y"), "`points` is empty"),
        (lambda: scatter({"a": ([], [])}, "x", "y"), "`x` is empty"),
        (lambda: curves({"a": ([1], [1, 2])}, "x", "y"), "line 'a' has 1 values of x and 2 of y"),
        (lambda: table([], ["a"]), "empty"),
        (lambda: table([[1, 2]], ["a"]), "2 entries"),
        (lambda: top_predictions(["a"], torch.zeros(2)), "`labels` has 1"),
        (lambda: slider("step", [], heatmap), "needs an entry"),
        (lambda: slider("step", [1], heatmap, start=3), "start"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_advice(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7), (0, 1e-9), (5, 5), (-1e6, 1e6)])
def test_ticks_are_few_and_lie_inside(low, high):
    found = ticks(low, high)
    assert 1 <= len(found) <= 9
    assert all(low - 1e-12 <= tick <= high + 1e-12 for tick in found)


def test_a_slider_holds_every_picture_and_shows_three_without_scripts():
    slides = slider("step", [0, 10, 100, 1000, 0.5], lambda step: heatmap([[float(step)]]), start=1)
    html = slides._repr_mimebundle_()["text/html"]
    still, script = html.split("<script>")
    assert still.count("<img ") == 3
    data = json.loads(re.search(r"more\}=(\{.*?\}\}),bar=", script)[1])
    assert data["labels"] == ["0", "10", "100", "1000", "0.5"]
    assert data["start"] == 1
    assert set(data["more"]) == {"2", "3"}
    assert not ADDRESS.search(html)
    assert "At 0: Heatmap" in slides.text
    assert "At 0.5: Heatmap" in slides.text


def test_a_control_shows_a_static_form_beside_the_widget(monkeypatch):
    import ipywidgets

    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    control = explore(lambda n: heatmap([[1.0 / n]]), n=ipywidgets.IntSlider(2, 0, 5))
    control._ipython_display_()
    live, still = shown
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == control.widget.model_id
    assert live["text/html"] == ""
    assert "<img alt=" in still["text/html"]
    assert not ADDRESS.search(still["text/html"])

    box, picture = control.widget.children
    before = picture.value
    box.value = 4
    assert picture.value != before
    box.value = 0
    assert "ZeroDivisionError" in picture.value


def test_a_control_without_its_kernel_slides_through_examples():
    import ipywidgets

    def draw(n):
        return heatmap([[float(n)]])

    control = explore(draw, examples=[3, 2, 5], n=ipywidgets.IntSlider(2, 0, 5, description="features"))
    assert control.static == slider("features", [2, 3, 5], draw).to_static()
    with pytest.raises(ValueError, match="values of one control; there are a, b"):
        explore(lambda a, b: "", examples=[1], a=ipywidgets.IntSlider(), b=ipywidgets.IntSlider())


@pytest.mark.parametrize("name", CHARTS)
def test_a_figure_fixes_both_its_sizes_or_plotly_would_forget_one(name):
    layout = CHARTS[name]().figure.layout
    assert layout.width
    assert layout.height
