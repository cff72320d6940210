"""Which exercise is meant, when a function does not say so itself; and what a check never waits for."""

import functools

import pytest

from mi_tutor import check, hint, show_solution
from mi_tutor.check import demonstration, help
from mi_tutor.check.errors import LearnerError, UnknownExercise
from mi_tutor.check.exercise import Exercise


@pytest.fixture(autouse=True)
def nothing_checked_and_no_hint_shown(monkeypatch):
    demonstration.LAST_CHECK.clear()
    monkeypatch.setattr(help, "_shown", {})


def plain_decorator(function):
    def wrapper(*args):
        return function(*args)

    return wrapper


def test_a_decorated_function_is_known_by_the_name_it_is_checked_by():
    direct_path_logits = plain_decorator(lambda W_E, W_U: W_E @ W_U)
    assert check(direct_path_logits).passed


def test_a_partial_and_a_lambda_are_known_by_the_name_they_are_checked_by():
    direct_path_logits = functools.partial(lambda scale, W_E, W_U: scale * W_E @ W_U, 1)
    assert check(direct_path_logits).passed
    direct_path_logits = lambda W_E, W_U: W_E @ W_U  # noqa: E731
    assert check(direct_path_logits).passed


def test_a_function_without_a_name_is_told_how_to_say_it_and_what_this_chapter_asks_for():
    check(lambda W_E, W_U: W_E @ W_U, "direct_path_logits")
    mine = plain_decorator(lambda W_E, W_U: W_E @ W_U)
    with pytest.raises(UnknownExercise) as caught:
        check(mine)
    said = str(caught.value)
    assert 'check(function, "name")' in said
    assert "functools.wraps" in said
    assert "count_bigrams" in said
    assert "steer" not in said


def test_a_hint_without_a_name_is_for_the_exercise_checked_last():
    with pytest.raises(LearnerError, match="checked last"):
        hint()
    check(lambda W_E, W_U: W_E, "direct_path_logits")
    check(lambda counts, smoothing: counts, "bigram_log_probs")
    check(lambda W_E, W_U: W_E, "direct_path_logits")
    assert "for direct_path_logits" in repr(hint())
    assert "of direct_path_logits" in repr(show_solution())


def test_a_hint_shows_code_as_code_and_what_is_next_in_a_line_of_its_own():
    shown = hint("direct_path_logits", 1)._repr_html_()
    assert "`" not in shown
    assert "<code>hint(&#x27;direct_path_logits&#x27;)</code>" in shown


@pytest.mark.parametrize("asks", ["input('? ')", "breakpoint()"])
def test_an_answer_that_waits_for_somebody_to_type_is_told_so(asks):
    report = check(lambda W_E, W_U: eval(asks), "direct_path_logits")
    assert not report.passed
    assert "waits for somebody to type" in report.message
    assert input.__module__ == "builtins"


def test_nothing_is_made_for_a_stub(monkeypatch):
    def draws(self, draw):
        raise AssertionError("inputs were drawn")

    monkeypatch.setattr(Exercise, "draw_cases", draws)

    def head_pattern(model, tokens, layer, head):
        """What it is to do."""
        # Your code here
        raise NotImplementedError

    report = check(head_pattern)
    assert report.mistake == "not attempted"
    assert (report.points, report.max_points) == (0, 3)
    assert "Not attempted yet" in report._repr_html_()
