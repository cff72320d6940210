"""Which chapters and exercises the gate tests whole: those of which a file was touched, or anything that they stand on."""

import pytest
import touched


@pytest.fixture
def only(monkeypatch):
    def only(*files):
        monkeypatch.setattr(touched, "touched_files", lambda: frozenset(files))

    return only


def test_an_exercise_is_touched_by_its_own_files_and_by_what_is_beneath_it(only):
    for file in (
        "mi_tutor/exercises/ch03_induction_heads/composition_score.py",
        "mi_tutor/exercises/ch03_induction_heads/_shared.py",
        "tests/exercises/ch03_induction_heads/composition_score.py",
        "solutions/ch03_induction_heads.py",
        "mi_tutor/check/compare.py",
        "mi_tutor/check/explain.py",
        "mi_tutor/models/build.py",
        "constraints.txt",
    ):
        only(file)
        assert touched.exercise_is_touched("ch03_induction_heads", "composition_score"), file


def test_an_exercise_is_not_touched_by_its_neighbours_or_by_what_stands_above(only):
    only(
        "mi_tutor/exercises/ch03_induction_heads/induction_bump.py",
        "mi_tutor/exercises/ch01_bigrams/_shared.py",
        "tests/exercises/ch03_induction_heads/induction_bump.py",
        "mi_tutor/grading/grade.py",
        "mi_tutor/views/charts.py",
        "README.md",
    )
    assert not touched.exercise_is_touched("ch03_induction_heads", "composition_score")


def test_a_chapter_is_touched_by_what_it_imports(only):
    only("mi_tutor/training/toy.py")
    assert touched.chapter_is_touched("ch04_superposition")
    assert not touched.chapter_is_touched("ch01_bigrams")
    only("solutions/ch00_orientation.py")
    assert touched.chapter_is_touched("ch02_attention_circuits")
    assert not touched.chapter_is_touched("ch04_superposition")
    only("mi_tutor/views/still/axes.py")
    assert touched.chapter_is_touched("ch01_bigrams")
    only("mi_tutor/assets/attn-1l-py/model.safetensors")
    assert touched.chapter_is_touched("ch02_attention_circuits")
    only("mi_tutor/grading/grade.py", "docs/index.md")
    assert not touched.chapter_is_touched("ch01_bigrams")


def test_without_git_everything_is_touched(monkeypatch):
    monkeypatch.setattr(touched, "touched_files", lambda: None)
    assert touched.exercise_is_touched("ch01_bigrams", "count_bigrams")
    assert touched.room_is_touched("mi_tutor.training.sae_train")


def test_a_beginning_can_be_named(monkeypatch):
    monkeypatch.setenv("MI_TUTOR_SINCE", "HEAD")
    touched.touched_files.cache_clear()
    try:
        since_head = touched.touched_files()
    finally:
        touched.touched_files.cache_clear()
    if since_head is None:
        pytest.skip("no git here")
    monkeypatch.delenv("MI_TUTOR_SINCE")
    assert since_head <= touched.touched_files()
