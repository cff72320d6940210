"""`mi-tutor grade`: which notebooks, a sentence for each that cannot be graded, and nothing lost when it is killed."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from isolation import needs_sandbox, needs_worker

from mi_tutor.files.notebook_file import write
from mi_tutor.grading.records import FILE

HERE = Path(__file__).parent
COMMAND = str(Path(sys.executable).with_name("mi-tutor"))
COUNT = """import torch

def count_bigrams(tokens, d_vocab):
    return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).view(d_vocab, d_vocab)
"""


def notebook(*sources: str, **more) -> bytes:
    cells = [
        {"cell_type": "code", "metadata": {}, "source": s, "outputs": [], "execution_count": None} for s in sources
    ]
    return write({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4} | more)


def put(home: Path, place: str, content: bytes) -> Path:
    path = home / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def grade(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([COMMAND, "grade", *map(str, arguments)], capture_output=True, text=True, timeout=600)


@needs_sandbox
def test_what_cannot_be_graded_is_named_and_the_rest_is_graded(tmp_path):
    home, elsewhere = tmp_path / "submitted", tmp_path / "elsewhere"
    good = notebook(COUNT)
    wrong = {
        "not_json/01_bigrams.ipynb": (b"Dear teacher, here is my notebook.", "no notebook"),
        "empty/01_bigrams.ipynb": (b"", "empty"),
        "truncated/01_bigrams.ipynb": (good[:-100], "breaks off"),
        "old/01_bigrams.ipynb": (json.dumps({"nbformat": 3, "worksheets": []}).encode(), "format 3"),
        "a_list/01_bigrams.ipynb": (b"[1, 2]", "no notebook"),
        "nested/01_bigrams.ipynb": (b"[" * 10**6, "no notebook"),
        "bytes/01_bigrams.ipynb": (good.replace(b"torch", b"to\xffch", 1), "UTF-8"),
        "no_exercise/01_bigrams.ipynb": (notebook("print(1)"), "holds no exercise of 01_bigrams"),
        "nameless/mine.ipynb": (notebook("print(1)"), "no exercise of any chapter"),
        "other/01_bigrams.ipynb": (notebook("def ov_circuit(W_E): pass"), "those of 02_attention_circuits.ipynb"),
        "twice/01_bigrams (1).ipynb": (good, "which one counts"),
        "twice/01_bigrams (2).ipynb": (notebook(COUNT, "later = 1"), "which one counts"),
    }
    for place, (content, _) in wrong.items():
        put(home, place, content)
    large = put(home, "large/01_bigrams.ipynb", b"")
    with open(large, "wb") as file:
        file.truncate(200 * 10**6)
    target = put(elsewhere, "01_bigrams.ipynb", good)
    for place in ("link", "pipe"):
        (home / place).mkdir()
    (home / "link" / "01_bigrams.ipynb").symlink_to(target)
    (home / "linked_folder").symlink_to(elsewhere)
    os.mkfifo(home / "pipe" / "01_bigrams.ipynb")
    sentences = {str(home / place): word for place, (_, word) in wrong.items()} | {
        str(large): "more than 32",
        str(home / "link" / "01_bigrams.ipynb"): "links are not followed",
        str(home / "linked_folder"): "links are not followed",
        str(home / "pipe" / "01_bigrams.ipynb"): "not a file",
    }
    put(home, ".ipynb_checkpoints/01_bigrams.ipynb", good)
    right = put(home, "right/01_bigrams.ipynb", good)

    done = grade(home, "--json", "--workers", 1)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert list(found["notebooks"]) == [str(right)]
    marks = found["notebooks"][str(right)]
    assert marks["exercises"]["count_bigrams"] == {
        "points": 3.0,
        "max_points": 3.0,
        "mistake": None,
        "message": "count_bigrams: right.",
    }
    assert (marks["points"], marks["max_points"]) == (3.0, 21.0)
    assert marks["exercises"]["mean_kl"]["mistake"] == "not defined"
    assert found["not_graded"].keys() == sentences.keys()
    for path, word in sentences.items():
        assert word in found["not_graded"][path], path
        assert path in done.stderr
    assert "Traceback" not in done.stderr
    assert list((home / ".mi-tutor").iterdir()) == [home / ".mi-tutor" / FILE]
    reproduced = grade(right, "--json", "--seed", marks["seed"], "--workers", 1)
    assert json.loads(reproduced.stdout)["notebooks"][str(right)] == marks

    again = grade(home, "--json", "--workers", 1)
    assert json.loads(again.stdout) == found


@needs_worker
def test_a_file_that_is_missing_and_a_folder_without_notebooks(tmp_path):
    missing = grade(tmp_path / "nothing.ipynb")
    assert missing.returncode == 1
    assert "no such file" in missing.stdout
    empty = grade(tmp_path)
    assert empty.returncode == 2
    assert "no notebook" in empty.stderr


def test_an_exercise_that_does_not_exist(tmp_path):
    put(tmp_path, "a.ipynb", notebook(COUNT))
    done = grade(tmp_path, "--exercise", "count_bigram")
    assert done.returncode == 2
    assert "count_bigrams" in done.stderr


def graded_with(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, str(HERE / "grade_and_fail.py"), str(folder), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def class_of_three(home: Path) -> Path:
    for number, student in enumerate(("ada", "bea", "cyd")):
        put(home, f"{student}/01_bigrams.ipynb", notebook(COUNT + "\n" * number))
    return home


def rows(home: Path, what: str = "notebook, exercise, content, seed, again, points") -> list[tuple]:
    """What is kept of marks, sorted; nothing where there is no file or no table yet."""
    file = home / ".mi-tutor" / FILE
    if not file.exists():
        return []
    connection = sqlite3.connect(file)
    try:
        return sorted(connection.execute(f"SELECT {what} FROM marks"))
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def table(home: Path) -> str | None:
    file = home / "marks.csv"
    return file.read_text().replace(str(home), "") if file.exists() else None


def goes_on_after(tmp_path, fault, first, stride):
    whole = class_of_three(tmp_path / "whole")
    done = graded_with(whole)
    assert done.returncode == 0, done.stderr
    steps = int(done.stderr.split()[-1])
    assert steps > 40
    for step in range(first, steps + 1, stride):
        home = class_of_three(tmp_path / f"{step}")
        broken = graded_with(home, step, fault)
        safe = {row[0] for row in rows(home)}
        resumed = graded_with(home)
        assert resumed.returncode == 0, resumed.stderr
        assert (rows(home), table(home)) == (rows(whole), table(whole)), step
        marked = {line.split()[1] for line in resumed.stdout.splitlines() if line.startswith("marked")}
        assert marked == {"ada/01_bigrams.ipynb", "bea/01_bigrams.ipynb", "cyd/01_bigrams.ipynb"} - safe, step
        assert broken.returncode in (0, 2 if fault == "full" else -signal.SIGKILL)


@pytest.mark.parametrize(("fault", "first"), [("kill", 1), ("half", 2), ("full", 3)])
def test_killed_while_it_writes_it_goes_on_where_it_was(tmp_path, fault, first):
    goes_on_after(tmp_path, fault, first, 7)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["kill", "half", "full"])
def test_killed_at_any_step_of_writing_it_goes_on_where_it_was(tmp_path, fault):
    goes_on_after(tmp_path, fault, 1, 1)


def test_a_notebook_costs_the_same_whether_it_is_the_first_or_the_last(tmp_path):
    graded_with(class_of_three(tmp_path / "first"))  # an account's first run makes its key
    steps = []
    for many in (2, 5, 8):
        home = tmp_path / f"{many}"
        for student in range(many):
            put(home, f"{student}/01_bigrams.ipynb", notebook(COUNT))
        steps.append(int(graded_with(home).stderr.split()[-1]))
    assert steps[2] - steps[1] == steps[1] - steps[0] > 0


def test_two_runs_on_one_folder_lose_nothing_and_double_nothing(tmp_path):
    home, alone = class_of_three(tmp_path / "home"), class_of_three(tmp_path / "alone")
    command = [sys.executable, str(HERE / "grade_and_fail.py"), str(home)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = [run.communicate(timeout=300) for run in runs]
    assert [run.returncode for run in runs] == [0] * 4, said
    graded_with(alone)
    assert (rows(home), table(home)) == (rows(alone), table(alone))


def test_one_exercise_marked_again_says_what_changed(tmp_path):
    home = class_of_three(tmp_path)
    graded_with(home)
    before = rows(home)
    again = graded_with(home, 0, "", 10, "mean_kl")
    assert again.stdout.count("mean_kl ") == 3
    assert "3 of 3 marks changed." in again.stdout
    added = set(rows(home)) - set(before)
    assert set(before) < set(rows(home))
    points = {row[0]: row[-1] for row in before if row[1] == "mean_kl"}
    assert {row[0]: row[-1] - 10 for row in added} == points
    assert "0 of 3 marks changed." in graded_with(home, 0, "", 10, "mean_kl").stdout


def test_marking_again_that_was_killed_says_all_that_changed(tmp_path):
    home, other = class_of_three(tmp_path / "home"), class_of_three(tmp_path / "other")
    graded_with(home)
    graded_with(other)
    steps = int(graded_with(other, 0, "", 10, "mean_kl").stderr.split()[-1])
    killed = graded_with(home, steps // 2, "kill", 10, "mean_kl")
    assert killed.returncode == -signal.SIGKILL
    assert 0 < killed.stdout.count("marked") < 3
    resumed = graded_with(home, 0, "", 10, "mean_kl")
    assert "3 of 3 marks changed." in resumed.stdout


def test_a_notebook_that_changed_is_graded_again_and_no_other(tmp_path):
    home = class_of_three(tmp_path)
    graded_with(home)
    put(home, "bea/01_bigrams.ipynb", notebook(COUNT + "# better"))
    assert graded_with(home).stdout.count("marked") == 1


def change(home: Path, order: str) -> None:
    connection = sqlite3.connect(home / ".mi-tutor" / FILE)
    connection.execute(order)
    connection.commit()
    connection.close()


def test_marks_that_a_student_changed_are_not_believed_and_come_back(tmp_path):
    home = class_of_three(tmp_path)
    graded_with(home)
    before = table(home)
    change(home, "UPDATE marks SET points = 999999 WHERE notebook LIKE 'bea%' AND exercise = 'mean_kl'")
    again = graded_with(home)
    assert again.stdout.count("did not write") == 1
    assert "999999" not in (table(home) or "")
    change(home, "DELETE FROM marks WHERE points = 999999")
    assert graded_with(home).stdout.count("marked") == 1
    assert table(home) == before


FORGED = {
    "another account's": "UPDATE about SET signature = 'mine'",
    "another secret": "UPDATE about SET value = '00'",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON marks BEGIN UPDATE marks SET points = 99; END",
    "a view in a table's place": "ALTER TABLE marks RENAME TO old",
}


@pytest.mark.parametrize("what", [*FORGED, "no database", "a torn one"])
def test_a_file_that_a_student_sent_is_put_aside_and_read_by_nobody(tmp_path, what):
    home = class_of_three(tmp_path)
    graded_with(home)
    file, before = home / ".mi-tutor" / FILE, table(home)
    if what in FORGED:
        change(home, FORGED[what])
    else:
        file.write_bytes(b"Dear teacher" if what == "no database" else file.read_bytes()[:5000])
    sent = file.read_bytes()
    again = graded_with(home)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("marked") == 3
    assert again.stdout.count("is not believed") == 1
    assert (file.parent / "not-believed-1.sqlite").read_bytes() == sent
    assert table(home) == before
    assert "marked" not in graded_with(home).stdout


@pytest.mark.parametrize("link", [".mi-tutor", f".mi-tutor/{FILE}", f".mi-tutor/{FILE}-journal"])
def test_a_link_that_a_student_sent_is_not_written_through(tmp_path, link):
    home, precious = class_of_three(tmp_path / "home"), tmp_path / "precious"
    precious.mkdir()
    target = precious if link == ".mi-tutor" else put(precious, "gradebook.db", b"[1]")
    (home / link).parent.mkdir(exist_ok=True)
    (home / link).symlink_to(target)
    before = sorted((path.name, path.read_bytes()) for path in precious.iterdir())
    done = graded_with(home)
    assert done.returncode == 2
    assert "is a link" in done.stderr
    assert sorted((path.name, path.read_bytes()) for path in precious.iterdir()) == before


def processes(word: bytes) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


@needs_sandbox
def test_a_run_that_is_killed_leaves_no_process_and_goes_on(tmp_path):
    wait = "import time\ndef count_bigrams(tokens, d_vocab):\n    time.sleep(600)"
    put(tmp_path, "ada/01_bigrams.ipynb", notebook(COUNT))
    slow = put(tmp_path, "bea/01_bigrams.ipynb", notebook(wait))
    limit = b"398.125"  # tells this run's processes from others
    command = [COMMAND, "grade", str(tmp_path), "--workers", "1", "--timeout", limit.decode()]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 300
    while not rows(tmp_path) and time.monotonic() < until:
        time.sleep(0.2)
    assert processes(limit)
    run.kill()
    run.wait()
    first = rows(tmp_path)
    assert {row[0] for row in first} == {"ada/01_bigrams.ipynb"}
    while processes(limit) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes(limit) == []
    slow.write_bytes(notebook(COUNT))
    done = grade(tmp_path, "--workers", 1, "--timeout", limit.decode())
    assert done.returncode == 0, done.stdout
    assert "ada" not in done.stdout
    assert [row for row in rows(tmp_path) if row[0] == "ada/01_bigrams.ipynb"] == first


@pytest.mark.slow
@needs_sandbox
def test_killed_at_fifty_random_moments_it_ends_with_the_marks_of_a_run_that_was_not(tmp_path):
    whole, home = class_of_three(tmp_path / "whole"), class_of_three(tmp_path / "home")
    assert grade(whole, "--seed", 5, "--csv", whole / "marks.csv").returncode == 0
    moments = random.Random(7)
    for _ in range(50):
        run = subprocess.Popen(
            [COMMAND, "grade", str(home), "--seed", "5", "--csv", str(home / "marks.csv")], stdout=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0, 12))
        run.kill()
        run.wait()
    assert grade(home, "--seed", 5, "--csv", home / "marks.csv").returncode == 0
    assert (rows(home), table(home)) == (rows(whole), table(whole))
