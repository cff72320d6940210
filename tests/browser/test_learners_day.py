"""A learner's day in a real browser, the network cut: a wrong answer, a right one, a control, a picture of heads."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from visitor import DARK, LIGHT

from mi_tutor.check.exercise import exercises

WRONG = """def count_bigrams(tokens, d_vocab):
    counts = torch.zeros(d_vocab, d_vocab, dtype=torch.int64)
    counts[tokens[:-1], tokens[1:]] += 1
    return counts
"""


def reference(name: str) -> str:
    return inspect.getsource(exercises()[name].reference)


def answer(learner: Any, name: str, source: str) -> Any:
    """Write an answer, run it and its check; what the check shows."""
    at = learner.position(name)
    learner.write(at, source)
    learner.run(at)
    learner.run(learner.position(f"check_{name}"))
    return learner.output(learner.position(f"check_{name}"))


@pytest.fixture
def in_both_themes(learner: Any) -> Callable[[str], None]:
    def look(name: str) -> None:
        for theme in (DARK, LIGHT):
            learner.change_theme(theme)
            learner.screenshot(f"{name}-{theme.split()[1].lower()}")

    return look


def test_chapter_01_names_the_mistake_then_gives_full_marks_and_its_control_moves(
    learner: Any, in_both_themes: Callable[[str], None]
) -> None:

    learner.open("01_bigrams.ipynb")
    page = learner.page
    learner.run_all()
    first_check = learner.output(learner.position("check_count_bigrams"))
    first_check.get_by_text("not attempted yet").first.wait_for()
    assert page.get_by_text("Nbgrader").count() == page.get_by_text("Validate").count() == 0

    card = answer(learner, "count_bigrams", WRONG)
    card.get_by_text("A pair that occurs again is not counted again").first.wait_for()
    in_both_themes("01-wrong")

    card = answer(learner, "count_bigrams", reference("count_bigrams"))
    card.get_by_text("3 of 3").first.wait_for()
    in_both_themes("01-right")
    card.get_by_role("link", name="bigram_log_probs").click()
    expect(page.get_by_role("heading", name="Exercise: bigram_log_probs")).to_be_in_viewport()

    learner.run(learner.position_of_text("counts = count_bigrams(train"))
    answer(learner, "bigram_log_probs", reference("bigram_log_probs")).get_by_text("3 of 3").first.wait_for()
    control = learner.position_of_text("view = explore_successors(")
    learner.run(control)
    shown = learner.output(control)
    box = shown.locator("input").first
    before = shown.inner_html()
    box.fill("import")
    box.press("Enter")
    page.wait_for_function("([place, before]) => place.innerHTML !== before", arg=[shown.element_handle(), before])
    in_both_themes("01-control")
    assert learner.outside == []
    assert learner.errors == []


def test_a_figure_keeps_its_size_when_the_page_changes(learner: Any, in_both_themes: Callable[[str], None]) -> None:
    learner.open("00_orientation.ipynb")
    learner.run_all()
    answer(learner, "top_k_predictions", reference("top_k_predictions")).get_by_text("3 of 3").first.wait_for()
    at = learner.position_of_text("figure = top_predictions(")
    learner.run(at)
    figure = learner.output(at)
    figure.locator("svg").first.wait_for()
    before = figure.bounding_box()
    assert before["height"] > 200
    in_both_themes("00-figure")
    learner.page.set_viewport_size({"width": 1400, "height": 900})
    learner.page.wait_for_timeout(500)
    assert figure.bounding_box()["height"] == before["height"]


def test_chapter_00_draws_its_heads_without_a_network(learner: Any, in_both_themes: Callable[[str], None]) -> None:
    learner.open("00_orientation.ipynb")
    learner.run_all()
    at = learner.position_of_text("attention_heads(cache")
    view = learner.output(at).locator(".mi-tutor-view")
    # The library draws into an element of its own; only then does the static form give way.
    view.locator(":scope > [id^=mi-tutor-] canvas, :scope > [id^=mi-tutor-] img").first.wait_for()
    view.locator(":scope > div").first.wait_for(state="hidden")
    in_both_themes("00-heads")
    assert learner.outside == []
    assert learner.errors == []


def test_chapter_03_slides_through_checkpoints_and_draws_its_heads(
    learner: Any, in_both_themes: Callable[[str], None]
) -> None:
    learner.open("03_induction_heads.ipynb")
    for text in ("import torch", "from mi_tutor.figures.edges", "model, control ="):
        learner.run(learner.position_of_text(text))
    for name in ("repeated_tokens", "prefix_matching_score", "previous_token_score"):
        answer(learner, name, reference(name)).get_by_text("3 of 3").first.wait_for()
    demonstrations = ("PERIOD = 25", "code_repeats(heldout", "on_random, on_code =", "attention_heads(shown, labels")
    for text in (*demonstrations, "history = training_curves(", "seen_at, notes, stripes ="):
        learner.run(learner.position_of_text(text))

    view = learner.output(learner.position_of_text("attention_heads(shown, labels")).locator(".mi-tutor-view")
    # The library draws into an element of its own; only then does the static form give way.
    view.locator(":scope > [id^=mi-tutor-] canvas, :scope > [id^=mi-tutor-] img").first.wait_for()
    view.locator(":scope > div").first.wait_for(state="hidden")
    in_both_themes("03-heads")

    at = learner.position_of_text('slider("step"')
    learner.run(at)
    slides = learner.output(at).locator(".mi-tutor-slider")
    bar = slides.locator("input[type=range]")
    shown, first = slides.locator(":scope > div:visible"), slides.locator("output").inner_text()
    before = shown.inner_html()
    assert shown.count() == 1
    assert shown.locator("img").count() == 3  # the stripe, the scores, the losses
    bar.focus()
    bar.press("Home")
    assert slides.locator("output").inner_text() == "0" != first
    assert shown.count() == 1
    assert shown.inner_html() != before
    in_both_themes("03-slider")
    assert learner.outside == []
    assert learner.errors == []
