"""What Colab shows of a figure: what a cell shows lies in a frame of its own, and Plotly comes from the network."""

import sys
from importlib.resources import files
from typing import Any

import pytest

from mi_tutor.views import curves


@pytest.mark.parametrize("network", [True, False])
def test_every_figure_of_a_cell_is_shown_once_live_with_a_network_and_still_without(
    browser_program: str, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    from playwright.sync_api import sync_playwright

    monkeypatch.setitem(sys.modules, "google.colab", sys)
    figures = [curves({name: ([0, 1], [0, 1])}, "x", "y")._repr_mimebundle_()["text/html"] for name in ("one", "two")]
    plotly = files("plotly").joinpath("package_data/plotly.min.js").read_text("utf-8")

    def answer(route: Any) -> None:
        route.fulfill(body=plotly, headers={"Access-Control-Allow-Origin": "*"}) if network else route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.route("https://cdn.plot.ly/**", answer)
        page.set_content("".join(f"<div>{figure}</div>" for figure in figures), wait_until="load")
        still, live = page.locator(".mi-tutor-still:visible"), page.locator(".plotly-graph-div svg.main-svg:visible")
        if network:
            live.first.wait_for()
        assert still.count() == (0 if network else 2)
        assert (live.count() > 0) == network
        browser.close()
