"""Where a learner's code is graded: isolated where it can be, said so where it cannot."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from isolation import SANDBOX, needs_sandbox

from mi_tutor.grading.marker import Marker, grade_notebook
from mi_tutor.grading.submissions import CannotGrade
from mi_tutor.running import sandbox as rooms
from mi_tutor.running.confine import Limits
from mi_tutor.running.sandbox import NoSandbox, find_sandbox

COUNT = """import torch
def count_bigrams(tokens, d_vocab):
    return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).view(d_vocab, d_vocab)
"""
SPIES = """import os, sys
def direct_path_logits(W_E, W_U):
    raise ValueError(json.dumps({"user": os.getuid(), "environment": sorted(os.environ), "open": FILES}))
import json
FILES = None
class Look:
    global FILES
    FILES = [os.readlink(f"/proc/self/fd/{name}").split(":")[0] for name in sorted(os.listdir("/proc/self/fd"))[:-1]]
def mean_kl(target_log_probs, logits, weights):
    import mi_tutor, mi_tutor.models, mi_tutor.views
    return mi_tutor.load_model("attn-2l-py").cfg.n_layers
"""


def notebook(folder: Path, *sources: str) -> Path:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": s, "outputs": [], "execution_count": None} for s in sources
    ]
    path = folder / "01_bigrams.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))
    return path


@needs_sandbox
def test_one_notebook_for_another_program(tmp_path, monkeypatch):
    monkeypatch.setenv("A_TEACHERS_SECRET", "1")
    marker = Marker(SANDBOX, limits=Limits(seconds=60))
    try:
        marks = grade_notebook(notebook(tmp_path, COUNT, SPIES), marker, 3)
        assert marks["count_bigrams"] == (3.0, 3.0, None, "count_bigrams: right.")
        assert len(marks) == 7
        told = marks["direct_path_logits"].message
        seen = json.loads(told[told.index("{") : told.index("}") + 1])
        assert "A_TEACHERS_SECRET" not in seen["environment"]
        assert seen["user"] != 0
        assert set(seen["open"]) <= {"…/null", "pipe"}
        assert "`models.zoo.load_model` of mi_tutor is not there" in marks["mean_kl"].message
        again = grade_notebook(notebook(tmp_path, COUNT, SPIES), marker, 3, exercise="count_bigrams")
        assert again == {"count_bigrams": marks["count_bigrams"]}
        with pytest.raises(CannotGrade, match="no exercise"):
            grade_notebook(notebook(tmp_path, "1 + 1"), marker, 3)
    finally:
        marker.close()


A_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]


@needs_sandbox
@pytest.mark.parametrize("who", [[], A_USER], ids=["as we are", "as a user"])
def test_what_a_worker_sees_and_may_make(who):
    """The interpreter and its libraries, nothing else of the machine; no sockets, no shared memory, few files."""
    if who and (shutil.which("unshare") is None or subprocess.run([*who, "true"], capture_output=True).returncode):
        pytest.skip("this system lets nobody become another user")
    program = [*who, sys.executable, str(Path(__file__).with_name("look_around.py"))]
    done = subprocess.run(program, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["isolated"] is True
    seen = set(found["direct_path_logits"].split("ValueError: ")[1].split(" (in line")[0].split())
    above_python = {f":{Path(path).parts[1]}" for path in (*rooms._python(), str(rooms._PACKAGE))}
    allowed = {":dev", ":etc", ":proc", ":usr", ":mi-tutor-work", ":lib", ":lib32", ":lib64", ":libx32", ":usr:local"}
    libraries = {folder.replace("/", ":") for folder in rooms._LIBRARIES}
    assert seen <= allowed | above_python | libraries | {":usr:bin", ":usr:local:bin"}
    assert "sockets []" in found["count_bigrams"]
    assert "Read-only file system" in found["bigram_log_probs"]
    assert "…/gradebook.db and a/b, W_E/W_U and …/x.py" in found["bigram_cross_entropy"]
    assert len(found["bigram_cross_entropy"]) < 1000
    assert "more than 4,000 files" in found["mean_kl"]


def test_bubblewrap_that_does_not_work_is_said_with_its_reason(tmp_path, monkeypatch):
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(rooms.os, "geteuid", lambda: 1000)
    sandbox = find_sandbox()
    assert (sandbox.isolated, sandbox.name) == (False, "not isolated")
    assert "No permissions to create new namespace" in sandbox.why_not


def test_root_without_bubblewrap_needs_a_python_that_others_can_read(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(rooms.os, "geteuid", lambda: 0)
    (tmp_path / "closed").mkdir(mode=0o700)
    monkeypatch.setattr(rooms, "_python", lambda: [str(tmp_path / "closed")])
    with pytest.raises(NoSandbox, match="cannot read"):
        find_sandbox()


def test_without_bubblewrap_honest_work_gets_its_marks(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    try:
        sandbox = find_sandbox()
    except NoSandbox as trouble:
        pytest.skip(str(trouble))
    marker = Marker(sandbox, limits=Limits())
    try:
        marks = grade_notebook(notebook(tmp_path, COUNT), marker, 3, exercise="count_bigrams")
    finally:
        marker.close()
    assert marks["count_bigrams"].points == 3
