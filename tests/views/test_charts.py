"""Charts: what the interactive form holds, the static form draws and the words say."""

import json
import math
import re
import subprocess
import sys
from itertools import pairwise

import pytest
import torch
from reading import ADDRESS, HOSTILE, Tags, drawing

from mi_tutor.views import curves, heatmap, phase_diagrams, scatter, slider, top_predictions
from mi_tutor.views.colours import BLUE, DIVERGING, PALETTE, between
from mi_tutor.views.controls import explore
from mi_tutor.views.still.svg import ticks
from mi_tutor.views.theme import LABEXTENSIONS

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
    "ranking": lambda: top_predictions([" a", " a", "\n"], torch.tensor([0.5, 0.3, 0.2]), "After x"),
    "hostile": lambda: heatmap(torch.eye(len(HOSTILE)), HOSTILE, HOSTILE, *HOSTILE[:4]),
    "hostile scatter": lambda: scatter({token: ([0, 1], [0, 1]) for token in HOSTILE}, HOSTILE[0], HOSTILE[1]),
    "hostile ranking": lambda: top_predictions(HOSTILE, torch.ones(len(HOSTILE)), HOSTILE[0]),
    "categories": lambda: curves({"a": (["12", "0.01", "1e-3"], [1, 2, 3])}, "x", "y", chance=(2.5, "one in four")),
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
    assert found.tags == ["img"]
    assert len(bundle["text/plain"]) > 10
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


NUMBERS = ["12", "0.01", "1e-3"]


def said(html):
    return [e.text.strip("\u200b").replace("\N{NO-BREAK SPACE}", " ") for e in drawing(html).iter() if e.text]


def test_labels_that_look_like_numbers_are_names_in_every_chart():
    charts = (
        heatmap(torch.eye(3), NUMBERS, NUMBERS),
        curves({"a": (NUMBERS, [1, 2, 3])}, "x", "y"),
        top_predictions(NUMBERS, torch.ones(3)),
        phase_diagrams({"a": torch.eye(3)}, ["no", "yes"], NUMBERS, NUMBERS, "x", "y"),
    )
    for chart in charts:
        axes = [chart.figure.layout.xaxis, chart.figure.layout.yaxis]
        named = [getattr(chart.figure.data[0], axis) for axis in "xy"]
        for axis, places in zip(axes, named, strict=True):
            if isinstance(places[0], str):
                assert axis.type == "category"
                assert list(places) == NUMBERS
        assert set(NUMBERS) <= set(said(chart.to_static()))


def test_up_to_forty_labels_all_stand_there_and_more_are_thinned_unless_all_are_asked_for():
    def names(count):
        return [f"{i}:token" for i in range(count)]

    few, many = heatmap(torch.eye(40), names(40), names(40)), heatmap(torch.eye(90), names(90), names(90))
    for axis in (few.figure.layout.xaxis, few.figure.layout.yaxis):
        assert axis.dtick == 1
        assert axis.tickfont.size >= 8
    assert many.figure.layout.xaxis.dtick is None
    assert heatmap(torch.eye(90), names(90), names(90), every_tick=True).figure.layout.yaxis.dtick == 1
    assert few.figure.layout.height > heatmap(torch.eye(40)).figure.layout.height  # the labels stand upright


def test_labels_of_the_still_form_never_overlap():
    names = [f"{i}:token" for i in range(90)]
    image = drawing(heatmap(torch.eye(90), names, names, every_tick=True).to_static())
    below = [float(e.get("x")) for e in image.iter() if e.text in names and "rotate" in (e.get("transform") or "")]
    beside = [float(e.get("y")) for e in image.iter() if e.text in names and "rotate" not in (e.get("transform") or "")]
    for places in (below, beside):
        assert len(places) > 20
        assert min(b - a for a, b in pairwise(places)) >= 11


def test_a_logarithmic_axis_has_its_ticks_at_the_data():
    steps = [1, 10, 100, 1000, 3000, 8700]
    picture = curves({"a": (steps, range(6))}, "step", "score", log_x=True)
    axis = picture.figure.layout.xaxis
    assert list(axis.tickvals) == steps
    assert list(axis.ticktext) == ["1", "10", "100", "1,000", "3,000", "8,700"]
    assert set(axis.ticktext) <= set(said(picture.to_static()))
    uneven = curves({"a": ([1.0, 1.299, 6.24, 12.3], range(4))}, "1 / probability", "y", log_x=True)
    assert list(uneven.figure.layout.xaxis.tickvals) == [1, 2, 5, 10]
    crowded = curves({"a": (range(1, 200), range(199))}, "step", "score", log_x=True).figure.layout.xaxis.tickvals
    assert (crowded[0], crowded[-1]) == (1, 199)
    assert all(math.log(b / a) >= 0.07 * math.log(199) for a, b in pairwise(crowded))


def test_few_values_of_x_all_have_a_tick_and_many_have_if_asked():
    assert list(curves({"a": ([0, 2, 7], [1, 2, 3])}, "x", "y").figure.layout.xaxis.tickvals) == [0, 2, 7]
    many = {"a": (range(30), range(30))}
    assert curves(many, "x", "y").figure.layout.xaxis.tickvals is None
    assert len(curves(many, "x", "y", every_tick=True).figure.layout.xaxis.tickvals) == 30


def test_chance_is_a_line_with_a_name():
    picture = curves(LINES, "step", "score", chance=(0.25, "one in four"))
    line = picture.figure.data[-1]
    assert (line.name, list(line.y), list(line.x)) == (
        "one\N{NO-BREAK SPACE}in\N{NO-BREAK SPACE}four",
        [0.25, 0.25],
        [1, 3],
    )
    assert "one in four: 0.25." in picture.text
    assert "one in four" in said(picture.to_static())
    ranking = top_predictions([" a", " b"], torch.tensor([0.5, 0.3]), chance=0.1)
    assert list(ranking.figure.data[-1].x) == [0.1, 0.1]
    assert "chance" in said(ranking.to_static())


def test_the_legend_begins_below_the_title():
    for title, above in (("Title", 30), ("", 0)):
        layout = curves(LINES, "step", "loss", title=title).figure.layout
        assert (layout.legend.yref, layout.legend.yanchor) == ("container", "top")
        assert (1 - layout.legend.y) * layout.height >= above


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
def test_a_figure_is_as_wide_as_its_page_and_our_extension_keeps_its_height(name):
    picture = CHARTS[name]()
    assert picture.figure.layout.width is None
    assert picture.figure.layout.height
    meta = picture._repr_mimebundle_()[PLOTLY]["layout"]["meta"]
    assert meta == {"description": picture.text, "height": picture.figure.layout.height}
    assert "layout.meta.height" in LABEXTENSIONS.joinpath("mi-tutor", "static", "remoteEntry.js").read_text()
