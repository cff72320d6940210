"""A newcomer with a folder of work and the zip of it, for the tests of keeping one's work."""

from pathlib import Path

import pytest
from keeping import FIRST, NAME, learners

from mi_tutor.check import records
from mi_tutor.workspace import keep
from mi_tutor.workspace.bring import bring_chapters
from mi_tutor.workspace.keep import save_work


@pytest.fixture
def newcomer(tmp_path, monkeypatch):
    """A progress file of this test's own, an empty current folder, and a course of one small chapter."""
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "progress.jsonl"))
    monkeypatch.setattr(records, "_unsaved", [])
    monkeypatch.setattr(keep, "bring_chapters", lambda folder: bring_chapters(folder, {NAME: FIRST}))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def folder(tmp_path) -> Path:
    """A learner's folder with an answer, a note and a file of their own in it."""
    return learners(tmp_path / "my-work")


@pytest.fixture
def saved(folder, tmp_path) -> Path:
    """The zip of that folder, away from it, as it is when it was downloaded."""
    return save_work(tmp_path / "downloaded.zip", folder=folder).path
