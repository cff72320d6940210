"""The `mi-tutor` command as a learner meets it."""

import json
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import mi_tutor
from mi_tutor.check import records
from mi_tutor.check.outline import chapters
from mi_tutor.cli import app

FIRST = chapters()[0]


@pytest.fixture(autouse=True)
def newcomer(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(records, "_unsaved", [])
    monkeypatch.setattr(records, "_failure", "")


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


def passes(exercise: str) -> None:
    records.keep(records.Record(exercise, 3, 3, True))


def test_without_a_command_a_newcomer_hears_where_to_begin():
    lines = said().splitlines()
    assert lines[0] == f"Welcome. Begin with chapter {FIRST.title} ({FIRST.file})."
    assert lines[-1] == "`mi-tutor lab` opens the chapters; `mi-tutor --help` lists everything."
    assert 2 <= len(lines) <= 3


def test_without_a_command_a_learner_hears_where_they_are_and_what_is_next():
    passes("count_bigrams")
    lines = said().splitlines()
    assert lines[0].startswith("You are in chapter 01 Bigrams: the zero-layer transformer: 1 of 7 exercises, 3 of 21")
    assert lines[1].startswith("Next: bigram_log_probs in 01_bigrams.ipynb (difficulty 1 of 5, about 5 minutes).")
    assert lines[2] == "`mi-tutor lab` goes on there; `mi-tutor --help` lists everything."


def test_without_a_command_a_learner_who_is_done_hears_so():
    for chapter in chapters():
        for task in chapter.tasks:
            passes(task.name)
    assert said().startswith(f"All {sum(len(chapter.tasks) for chapter in chapters())} exercises are done.")


def test_progress_is_a_table_and_says_where_it_is_kept(tmp_path):
    passes("count_bigrams")
    assert re.search(r"^  count_bigrams +3 of 3 points  done$", said("progress"), re.MULTILINE)
    assert said("progress").endswith(f"(kept in {tmp_path / 'progress.jsonl'})\n")


def test_progress_can_be_read_by_a_program():
    passes("count_bigrams")
    found = json.loads(said("progress", "--json"))
    exercises = {each["name"]: each for part in found["chapters"] for each in part["exercises"]}
    assert exercises["count_bigrams"] == {
        "name": "count_bigrams",
        "difficulty": 1,
        "minutes": 10,
        "points": 3,
        "max_points": 3,
        "state": "done",
        "latest_try_passes": True,
    }
    assert found["next"]["name"] == "bigram_log_probs"
    assert found["next"]["chapter"] == "01_bigrams.ipynb"


def test_the_version_is_the_packages():
    assert said("--version") == f"mi-tutor {mi_tutor.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["progress"], ["progress", "--json"], ["--version"], ["--help"]], ids=str)
def test_where_a_learner_is_is_answered_without_loading_torch(arguments):
    code = (
        "import sys; from mi_tutor.cli import app; sys.argv[1:] = " + repr(arguments) + "\n"
        "try: app()\n"
        "finally: assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_help_lists_what_a_learner_can_do():
    for command in ("progress", "check", "models"):
        assert command in said("--help")


def test_check_without_a_file_says_what_it_wants():
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 2
    assert "files" in done.output.lower()
