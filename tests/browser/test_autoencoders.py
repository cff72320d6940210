"""Chapter 05 in a real browser, the network cut: the feature picker draws another dashboard."""

from typing import Any


def test_the_feature_picker_shows_another_feature(learner: Any) -> None:
    learner.open("05_sparse_autoencoders.ipynb")
    learner.run(learner.position("imports"))
    learner.run(learner.position_of_text("from mi_tutor import ("))
    opening = learner.position_of_text("feature_contexts(dashboards[")
    learner.run(opening)
    view = learner.output(opening).locator(".mi-tutor-view")
    # The library draws into an element of its own; only then does the static form give way.
    view.locator(":scope > div").first.wait_for(state="hidden")
    learner.screenshot("05-contexts")

    at = learner.position_of_text("explore_features(")
    learner.run(at)
    # The widget, and not the slider below it that is for pages without a kernel.
    shown = learner.output(at).locator(".jp-OutputArea-output").first
    box = shown.locator("input[type=number]")
    box.wait_for()
    shown.locator(".mi-tutor-feature").wait_for()
    seen = []
    for feature in ("913", "684"):
        box.fill(feature)
        box.press("Enter")
        card = shown.locator(".mi-tutor-feature")
        card.get_by_text(f"feature {feature}", exact=True).wait_for()
        assert card.locator("img").count() == 1
        assert card.locator("table").count() == 3
        seen.append(card.inner_text())
        learner.screenshot(f"05-feature-{feature}")
    assert seen[0] != seen[1]
    assert learner.outside == []
    assert learner.errors == []
