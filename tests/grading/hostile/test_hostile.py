"""Hostile notebooks, graded in one run: each earns what its honest part deserves, and nothing outside is touched."""

import csv
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from attacks import CLAIMING, READING
from harm import MARKER, form, machine, memory
from isolation import SANDBOX

pytestmark = pytest.mark.skipif(not SANDBOX.isolated, reason=f"the hostile set is for bubblewrap. {SANDBOX.why_not}")
TIMEOUT = 5 + os.getpid() / 2**32
"""Nobody else gives a call just so long, which tells this run's processes from others."""


class Listener:
    """Somebody who would be glad of a connection."""

    def __init__(self):
        self.heard = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            self.heard.append(self.socket.accept())


def notebook(cells):
    written = [
        {"cell_type": "code", "metadata": {"nbgrader": marks} if marks else {}, "source": source, "outputs": []}
        | {"execution_count": None, "id": f"cell-{number}"}
        for number, (source, marks) in enumerate(cells)
    ]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The whole set, with two honest notebooks among it, graded by two workers."""
    home, listener = tmp_path_factory.mktemp("hostile"), Listener()
    attacks = READING | CLAIMING | form() | memory() | machine(listener.socket.getsockname()[1])
    for name, attack in attacks.items():
        (home / name).mkdir()
        (home / name / "01_bigrams.ipynb").write_text(notebook(attack.cells))
    before = {path: path.read_bytes() for path in home.rglob("*.ipynb")}
    command = [
        str(Path(sys.executable).with_name("mi-tutor")),
        "grade",
        str(home),
        "--json",
        "--workers",
        "2",
        "--seed",
        "4711",
    ]
    command += ["--timeout", str(TIMEOUT), "--csv", str(home / "marks.csv")]
    surroundings = {**os.environ, "TEACHERS_SECRET": "TEACHERS_SECRET"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, env=surroundings)
    assert done.returncode == 0, done.stderr + done.stdout
    assert {path: path.read_bytes() for path in home.rglob("*.ipynb")} == before
    return attacks, json.loads(done.stdout), home, listener, done.stderr


def test_there_are_at_least_forty(graded):
    assert len(graded[0]) >= 40


@pytest.mark.parametrize("name", [*READING, *CLAIMING, *form(), *memory(), *machine(0)])
def test_it_earns_what_its_honest_part_deserves(name, graded):
    attacks, marks, home, _, _ = graded
    found = marks["notebooks"][str(home / name / "01_bigrams.ipynb")]
    earned = {exercise: mark["points"] for exercise, mark in found["exercises"].items() if mark["points"]}
    assert earned == {exercise: points for exercise, points in attacks[name].earned.items() if points}, found
    assert found["max_points"] == 21


def test_nothing_of_it_is_left(graded):
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        assert MARKER.encode() not in command
        assert str(TIMEOUT).encode() not in command, command


def test_nobody_was_called(graded):
    assert graded[3].heard == []


def test_only_the_marks_were_written(graded):
    home = graded[2]
    assert sorted(path.name for path in (home / ".mi-tutor").iterdir()) == ["marks.sqlite"]
    assert sorted(path.name for path in home.iterdir() if path.is_file()) == ["marks.csv"]


def test_spreadsheet_and_terminal_get_no_orders(graded):
    _, marks, home, _, said = graded
    with open(home / "marks.csv", newline="", encoding="utf-8") as file:
        words = [word for row in csv.reader(file) for word in row]
    assert any("cmd|calc" in word for word in words)
    assert not [word for word in words if word[:1] in ("=", "@", "+")]
    assert "\x1b" not in said + json.dumps(marks, ensure_ascii=False) + "".join(words)
