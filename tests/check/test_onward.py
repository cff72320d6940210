"""Below a right answer stands what comes next; a stub and one's own best attempt can be had again."""

import inspect
import sys
from types import ModuleType

import nbformat
import pytest

from mi_tutor import check, show_attempt, show_stub
from mi_tutor.check import records
from mi_tutor.check.errors import LearnerError
from mi_tutor.check.exercise import exercises, find_exercise
from mi_tutor.check.onward import next_exercise, onward
from mi_tutor.check.outline import chapters
from mi_tutor.workspace.bring import released_chapters


@pytest.fixture(autouse=True)
def learner(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(records, "_unsaved", [])
    return tmp_path


def right(W_E, W_U):
    return W_E @ W_U


def wrong(W_E, W_U):
    return W_E @ W_U + 1


def test_a_right_answer_leads_to_the_next_exercise_by_its_heading():
    shown = check(right, "direct_path_logits")._repr_html_()
    _, task = next_exercise("direct_path_logits")
    assert f'href="01_bigrams.ipynb#Exercise:-{task.name}"' in shown
    cells = nbformat.reads(released_chapters()["01_bigrams.ipynb"].decode(), as_version=4).cells
    assert any(f"### Exercise: `{task.name}`" in cell.source for cell in cells)
    assert "show_solution(&#x27;direct_path_logits&#x27;)" in shown


def test_a_wrong_answer_leads_nowhere():
    assert "Next:" not in check(wrong, "direct_path_logits")._repr_html_()


def test_the_whole_course_is_one_chain():
    tasks = [task.name for chapter in chapters() for task in chapter.tasks]
    chain = [tasks[0]]
    while coming := next_exercise(chain[-1]):
        chain.append(coming[1].name)
    assert chain == tasks


def test_in_colab_the_next_chapter_opens_from_its_address(monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    last = chapters()[0].tasks[-1].name
    (line,) = [line for line in onward(last, "") if line.startswith("Next")]
    assert f"/blob/main/chapters/{chapters()[1].file}" in line
    (inside,) = [line for line in onward(chapters()[0].tasks[0].name, "") if line.startswith("Next")]
    assert "href" not in inside


@pytest.mark.parametrize("name", sorted(exercises()))
def test_a_stub_is_the_cell_that_was_handed_out(name):
    stub = show_stub(name).text
    assert "raise NotImplementedError" in stub
    assert inspect.getdoc(find_exercise(name).reference).splitlines()[0] in stub
    assert "BEGIN SOLUTION" not in stub


def test_the_best_attempt_can_be_seen_again_after_a_worse_one():
    check(right, "direct_path_logits")
    check(wrong, "direct_path_logits")
    assert show_attempt("direct_path_logits").text == inspect.getsource(right).rstrip()


def test_without_an_attempt_it_says_so():
    with pytest.raises(LearnerError, match="No attempt at mean_kl was kept"):
        show_attempt("mean_kl")


def test_an_attempt_that_cannot_be_kept_stops_no_check(learner):
    (learner / "attempts").write_text("in the way")
    assert check(right, "direct_path_logits").passed
    assert check(eval("lambda W_E, W_U: W_E @ W_U"), "direct_path_logits").passed
