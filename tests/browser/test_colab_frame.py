"""What Colab shows of a figure: what a cell shows lies in a frame of its own, and Plotly comes from the network."""

import sys
from importlib.resources import files
from typing import Any

import pytest
import torch

from mi_tutor.views import colored_tokens, curves


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


@pytest.mark.parametrize("network", [True, False])
def test_coloured_tokens_are_drawn_with_a_network_and_stay_and_say_so_without(
    browser_program: str, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    from playwright.sync_api import sync_playwright

    monkeypatch.setitem(sys.modules, "google.colab", sys)
    view = colored_tokens(["def", " f", "("], torch.tensor([0.1, 0.9, 0.5]))
    shown = view._repr_mimebundle_()["text/html"]
    # The wheel has the library as one script; the network has the same as a module.
    library = files("circuitsvis").joinpath("dist/cdn/iife.js").read_text("utf-8")
    library += f"\nexport const render=CircuitsVis.render,{view.component}=CircuitsVis.{view.component};"

    def answer(route: Any) -> None:
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
        route.fulfill(body=library, headers=headers) if network else route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.route("https://unpkg.com/**", answer)
        page.set_content(f"<div>{shown}</div>", wait_until="load")
        if network:
            page.locator(".mi-tutor-view > div[id]:visible").wait_for()
        else:
            page.get_by_text("it is shown still").wait_for()
            assert page.get_by_text("def").first.is_visible()
        browser.close()
