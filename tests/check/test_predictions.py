"""What a learner expects is taken as they write it, kept, put beside what came, and summed up without a score."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mi_tutor import predict, progress, reveal
from mi_tutor.check import outline, records
from mi_tutor.check import predict as asking
from mi_tutor.check.predictions import Question, Unreadable, miss, summary
from mi_tutor.check.records import Prediction, Record

HEADS = {"heads": (2, 8)}


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "progress.jsonl"
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(path))
    monkeypatch.setattr(records, "_unsaved", [])
    monkeypatch.setattr(asking, "_asked", {})
    return path


@pytest.mark.parametrize(
    ("asked", "answer", "noted"),
    [
        ({"number": (0, 1)}, 0.5, "0.5"),
        ({"number": (0, 1)}, torch.tensor(0.5), "0.5"),
        ({"number": True, "unit": "%"}, "30 to 50 %", "30 to 50 %"),
        ({"number": True, "unit": "%"}, "30-50", "30 to 50 %"),
        ({"number": (-3, 3), "unit": "nats"}, "-1", "-1 nats"),
        ({"number": (0, 100)}, (50, 30), "30 to 50"),
        ({"number": True}, "1e-3", "0.001"),
        ({"choices": ["sooner", "later"]}, "Later", "later"),
        ({"choices": range(5)}, 3, "3"),
        ({"choices": ["the direct path", "the heads"]}, "the heads", "the heads"),
        (HEADS, (1, 6), "1.6"),
        (HEADS, "L1H6", "1.6"),
        (HEADS, "1.6, 0.2", "1.6, 0.2"),
        (HEADS, [(1, 6), (0, 2)], "1.6, 0.2"),
        ({"heads": 8}, 6, "6"),
        ({"heads": 8}, [6, 1], "6, 1"),
        ({"tokens": [" self", "cls", "a b"]}, " self", " self"),
        ({"tokens": [" self", "cls", "a b"]}, ["self", "a b"], " self, a b"),
        ({"tokens": True}, "self cls", "self, cls"),
        ({}, "It rises, then it falls.", "It rises, then it falls."),
    ],
)
def test_an_answer_is_taken_as_it_is_written(asked, answer, noted):
    predict("p", **asked)
    assert str(predict("p", answer)) == f"Noted: {noted}."


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"number": (0, 1)}, 40),
        ({"number": (0, 1)}, "forty"),
        ({"number": (0, 1)}, float("nan")),
        ({"number": True}, [1, 2, 3]),
        ({"number": True}, []),
        ({"choices": ["sooner", "later"]}, "never"),
        ({"choices": ["sooner", "later"]}, ["sooner", "later"]),
        (HEADS, (2, 0)),
        (HEADS, ""),
        (HEADS, 7),
        ({"tokens": True}, "  "),
    ],
)
def test_what_is_no_answer_is_told_so_and_stops_nothing(file, asked, answer):
    predict("p", **asked)
    told = str(predict("p", answer))
    assert told.startswith("Wanted is ")
    assert told.endswith("Nothing was noted.")
    assert not file.exists()


def test_what_was_said_stands_beside_what_came(capsys):
    predict("share", 0.5, number=(0, 1))
    reveal("share", torch.tensor(0.93))
    assert capsys.readouterr().out == "You said 0.5; it is 0.93.\n"


def test_a_range_is_told_whether_it_held(capsys):
    predict("share", (30, 50), number=True, unit="%", sure="very sure")
    reveal("share", 43)
    reveal("share", 51)
    assert capsys.readouterr().out.splitlines() == [
        "You said 30 to 50 % (very sure); it is 43 %: inside.",
        "You said 30 to 50 % (very sure); it is 51 %: outside.",
    ]


def test_whoever_says_nothing_reads_what_came(capsys):
    predict("share", number=(0, 1))
    reveal("share", 0.93)
    assert capsys.readouterr().out == "It is 0.93.\n"


def test_a_line_of_another_kind_stops_nothing(capsys):
    predict("which", 6)
    reveal("which", "1.6")
    assert capsys.readouterr().out == "You said 6; it is 1.6.\n"


def test_what_came_may_lie_outside_of_what_could_be_said(capsys):
    predict("x", 1, number=(0, 1))
    reveal("x", 1.5)
    assert "it is 1.5" in capsys.readouterr().out


def test_it_outlives_the_process(file):
    predict("share", 0.5, number=(0, 1), sure="a guess")
    code = "from mi_tutor import predict, reveal; print(predict('share', number=(0, 1))); reveal('share', .93)"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert "You said 0.5, a guess." in seen.stdout
    assert "You said 0.5 (a guess); it is 0.93." in seen.stdout


def test_the_widget_takes_an_answer_and_shows_it_again():
    shown = predict("share", number=(0, 1))
    _, field, sure, line = shown.widget.children
    field.value = "0.4"
    assert line.value == "Noted: 0.4."
    sure.value = "very sure"
    assert line.value == "Noted: 0.4, very sure."
    field.value = "four"
    assert "Nothing was noted" in line.value
    again = predict("share", number=(0, 1)).widget.children
    assert (again[1].value, again[2].value) == ("0.4", "very sure")


def test_every_widget_gives_what_the_code_would_be_given():
    for name, asked, value, noted in (
        ("a", {"choices": ["x", "y"]}, "y", "y"),
        ("b", {"choices": range(9)}, "8", "8"),
        ("c", HEADS, ("1.6", "0.2"), "1.6, 0.2"),
        ("d", {"heads": (8, 8)}, "7.7", "7.7"),
        ("e", {}, "because", "because"),
        ("f", {"tokens": True}, "self cls", "self, cls"),
    ):
        shown = predict(name, **asked)
        shown.widget.children[1].value = value
        assert shown.widget.children[3].value == f"Noted: {noted}."


def test_the_static_form_says_what_to_write_where_no_widget_runs():
    assert "predict(&#x27;share&#x27;, 0.5)" in predict("share", number=(0, 1)).static


def test_code_in_a_choice_leaves_the_call_on_the_card_in_one_piece():
    shown = predict("name", choices=["before `self`", "behind it"]).static
    assert shown.count("<code>") == 1
    assert str(predict("name", "before self")) == "Noted: before `self`."


def test_the_summary_tells_how_near_how_often_and_where_one_was_surest_and_wrong():
    for name, asked, said, sure, came in (
        ("near", {"number": (0, 100)}, 40, "", 50),
        ("far", {"number": (0, 100)}, 10, "fairly sure", 90),
        ("held", {"number": (0, 100)}, (30, 50), "", 43),
        ("right", {"choices": ["x", "y"]}, "x", "", "x"),
        ("wrong", {"choices": ["x", "y"]}, "x", "very sure", "y"),
        ("named", HEADS, ["1.6", "0.2"], "", ["1.6"]),
        ("words", {}, "because", "", "for another reason"),
    ):
        predict(name, said, sure=sure, **asked)
        reveal(name, came)
    told = str(progress().predictions)
    assert told == (
        "7 predictions made and looked at. Of 2 numbers half lay within 45% of the scale asked about. "
        "1 of 1 range held what came. Of 2 choices 1 came out so. Of 2 heads and tokens named, 1 were there. "
        "Surest and wrong: `wrong`, very sure, x; it was y."
    )
    assert told in repr(progress())
    assert progress().as_dict()["predictions"]["made"] == 7
    assert "<code>wrong</code>" in progress()._repr_html_()


def test_an_answer_after_the_fact_does_not_count():
    predict("x", "a", choices=["a", "b"])
    reveal("x", "b")
    assert "the first answer counts" in str(predict("x", "b"))
    reveal("x", "b")
    assert "Of 1 choice 0 came out so." in str(progress().predictions)


def test_predictions_earn_nothing_and_move_nobody(file):
    before = progress()
    predict("x", 1, number=True)
    reveal("x", 1)
    after = progress()
    assert (before.total, before.current, before.next) == (after.total, after.current, after.next)


def test_an_older_version_reads_the_same_file(file):
    """It takes lines that have no exercise for none of its own; this is the rule that it goes by."""
    records.keep(Record("count_bigrams", 3, 3, True))
    predict("x", 1, number=True)
    lines = [json.loads(line) for line in file.read_bytes().split(b"\n") if line]
    assert [("exercise" in line) for line in lines] == [True, False]


def test_what_is_carried_to_another_machine_has_them(file, tmp_path, monkeypatch):
    predict("x", (1, 2), number=True)
    reveal("x", 1.5)
    exported = records.export()
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "elsewhere.jsonl"))
    assert records.unite(exported) == 2
    assert records.unite(exported) == 0
    assert progress().predictions.made == 1


@given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode))
def test_any_line_in_the_file_is_read_or_left_alone(line):
    records._parse(b'{"format": 1, "prediction": "x", ' + line + b"}")


@pytest.mark.parametrize(
    ("kind", "said", "came"),
    [
        ("number", "1", None),
        ("number", [1, 2, 3], None),
        ("number", True, None),
        ("choice", 1, None),
        ("several", [1], None),
        ("other", "x", None),
        ("choice", "x", 3),
    ],
)
def test_a_line_that_does_not_fit_its_kind_is_left_alone(kind, said, came):
    line = {"format": 1, "prediction": "x", "kind": kind, "said": said, "sure": "", "came": came, "span": None}
    assert records._parse(json.dumps(line).encode()) is None


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_miss_lies_between_right_and_one(said, came):
    off = miss(Prediction("x", "number", said, came=came))
    assert 0 <= off <= 1
    assert (off == 0) == (said == came)


def test_a_miss_is_measured_by_the_scale_asked_about():
    assert miss(Prediction("x", "number", 40.0, came=50.0, span=100.0)) == pytest.approx(0.1)
    assert miss(Prediction("x", "number", (30.0, 45.0), came=50.0, span=100.0)) == pytest.approx(0.05)
    assert miss(Prediction("x", "several", ("a", "b"), came=("b", "c"))) == 0.5
    assert miss(Prediction("x", "sentence", "a", came="b")) is None


def test_nothing_made_is_nothing_said():
    assert str(summary([])) == ""
    with pytest.raises(Unreadable, match="Wanted is a number"):
        Question("number").read("x")


def test_names_are_one_of_a_kind_in_the_course():
    names = Counter(name for chapter in outline.chapters() for name in chapter.predictions)
    assert not [name for name, count in names.items() if count > 1]
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
