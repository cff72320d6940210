"""Chapter 04 in a real browser, the network cut: the slider over sparsity moves the geometry."""

from typing import Any

SHOWN = ".mi-tutor-slider > div:not([hidden])"


def test_the_slider_over_sparsity_moves_the_geometry(learner: Any) -> None:
    learner.open("04_superposition.ipynb")
    learner.run(learner.position("imports"))
    for text in ("from mi_tutor import (", "directions({", 'slider(\n    "probability of being active"'):
        at = learner.position_of_text(text)
        learner.run(at)
    shown = learner.output(at)
    shown.locator("input[type=range]").wait_for()

    seen = {}
    for place in (0, 7, 11):
        shown.locator("input[type=range]").fill(str(place))
        frame = shown.locator(SHOWN)
        assert frame.count() == 1
        seen[place] = frame.locator("img").get_attribute("alt")
        learner.screenshot(f"04-slider-{place}")
    assert "3 shorter than 0.1" in seen[0]
    assert "feature 4 of length" in seen[11]
    assert len(set(seen.values())) == 3

    # A person moves it by keys as well, and the value beside it follows.
    shown.locator("input[type=range]").focus()
    learner.page.keyboard.press("ArrowLeft")
    assert shown.locator("output").inner_text() == "0.07"
    assert learner.outside == []
    assert learner.errors == []
