"""What a learner has done is kept through crashes, full disks and two notebooks at once, and told plainly."""

import inspect
import json
import os
import re
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mi_tutor
from mi_tutor import check, progress
from mi_tutor.check import outline, records
from mi_tutor.check.records import Record

ROOT = Path(__file__).parents[2]
FIRST = Record("count_bigrams", 3, 3, True)
SECOND = Record("bigram_log_probs", 1, 3, False)
THIRD = Record("mean_kl", 3, 3, True)


def right(W_E, W_U):
    return W_E @ W_U


def wrong(W_E, W_U):
    return W_E @ W_U + 1


def not_attempted(W_E, W_U):
    raise NotImplementedError


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch) -> Path:
    """A learner who has done nothing yet."""
    path = tmp_path / "data" / "progress.jsonl"
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(path))
    monkeypatch.setattr(records, "_unsaved", [])
    monkeypatch.setattr(records, "_failure", "")
    return path


def standing(exercise: str):
    return next(s for part in progress().chapters for s in part.standings if s.task.name == exercise)


def python(code: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, **options
    )


def test_what_is_done_outlives_the_process():
    check(right, "direct_path_logits")
    seen = python("from mi_tutor import progress; print(progress())")
    assert re.search(r"direct_path_logits +3 of 3 points +done\n", seen.stdout)


def test_what_is_done_outlives_a_restart_of_the_kernel():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", env=dict(os.environ))
    try:
        for code in ("check(lambda W_E, W_U: W_E @ W_U, 'direct_path_logits')", "print(progress())"):
            printed: list[str] = []
            reply = client.execute_interactive(
                f"from mi_tutor import check, progress; {code}",
                timeout=120,
                output_hook=lambda message, printed=printed: printed.append(message["content"].get("text", "")),
            )
            assert reply["content"]["status"] == "ok"
            manager.restart_kernel(now=True)
            client.wait_for_ready(timeout=120)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert re.search(r"direct_path_logits +3 of 3 points +done\n", "".join(printed))


def test_done_stays_done_and_a_later_failure_shows():
    check(right, "direct_path_logits")
    check(wrong, "direct_path_logits")
    assert standing("direct_path_logits").state == "done"
    assert standing("direct_path_logits").points == 3
    assert "your latest try does not pass" in repr(progress())
    check(right, "direct_path_logits")
    assert "your latest try does not pass" not in repr(progress())


def test_a_try_counts_the_most_points_that_it_earned(file):
    records.keep(SECOND)
    records.keep(SECOND._replace(points=0))
    assert (standing("bigram_log_probs").state, standing("bigram_log_probs").points) == ("tried", 1)


def test_an_exercise_not_attempted_is_no_try(file):
    check(not_attempted, "direct_path_logits")
    assert not file.exists()
    assert standing("direct_path_logits").state == "not yet"


def test_another_seed_counts_the_same():
    check(right, "direct_path_logits", seed=11)
    assert standing("direct_path_logits").state == "done"


def test_only_what_is_new_is_written(file):
    for _ in range(3):
        check(right, "direct_path_logits")
    assert file.read_text().count("direct_path_logits") == 1


def test_nothing_but_results_is_written(file):
    check(wrong, "direct_path_logits")
    keys = {"format", "exercise", "points", "max_points", "passed", "time", "version"}
    assert set(json.loads(file.read_text())) == keys


def test_a_line_torn_at_any_byte_costs_itself_only(file, monkeypatch):
    records.keep(FIRST)
    whole = file.read_bytes()
    records.keep(SECOND)
    both = file.read_bytes()
    for cut in range(len(whole), len(both)):
        file.write_bytes(both[:cut])
        survivors = records.kept().records
        assert survivors in ([FIRST], [FIRST, SECOND])
        records.keep(THIRD)
        assert records.kept().records == [*survivors, THIRD]
    assert survivors == [FIRST, SECOND]


def test_a_write_that_the_system_cuts_short_is_made_again(file, monkeypatch):
    write, cuts = os.write, iter([20])
    monkeypatch.setattr(os, "write", lambda where, data: write(where, data[: next(cuts, None)]))
    records.keep(FIRST)
    assert records.kept() == ([FIRST], [], file, "")
    assert len(file.read_bytes().split()) > len(json.dumps(FIRST._asdict()).split()), "the part is still there"


def test_a_process_killed_in_the_middle_of_a_write_costs_that_write_only(file):
    records.keep(FIRST)
    killed = python(
        "import os, signal\n"
        "from mi_tutor.check import records\n"
        "write = os.write\n"
        "def half(where, data):\n"
        "    write(where, data[:30])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.write = half\n"
        "records.keep(records.Record('bigram_log_probs', 1, 3, False))\n"
    )
    assert killed.returncode == -signal.SIGKILL
    assert records.kept().records == [FIRST]
    records.keep(THIRD)
    assert records.kept().records == [FIRST, THIRD]


BUSY = """
import sys
from mi_tutor.check import records
for n in range(int(sys.argv[2])):
    records.keep(records.Record(sys.argv[1], n % 1000, 1000, False))
    print(n, flush=True)
"""


def busy(name: str, results: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", BUSY, name, str(results)], stdout=subprocess.PIPE, text=True)


def test_notebooks_at_once_lose_nothing():
    notebooks = [busy(f"notebook_{i}", 60) for i in range(4)]
    for notebook in notebooks:
        notebook.communicate(timeout=120)
    found = records.kept().records
    assert len(found) == 4 * 60
    for i in range(4):
        assert [record.points for record in found if record.exercise == f"notebook_{i}"] == list(range(60))


def test_whatever_was_kept_before_a_kill_is_there_after_it():
    notebook, other = busy("killed", 10**6), busy("other", 100)
    said = [notebook.stdout.readline() for _ in range(50)]
    notebook.kill()
    said += notebook.communicate()[0].splitlines(keepends=True)
    other.communicate(timeout=120)
    kept_before = [int(line) for line in said if line.endswith("\n")]
    found = [record.points for record in records.kept().records if record.exercise == "killed"]
    assert len(kept_before) >= 50
    assert found[: len(kept_before)] == [n % 1000 for n in kept_before]
    assert len([record for record in records.kept().records if record.exercise == "other"]) == 100


FULL = """
import resource
from mi_tutor import check, progress
from mi_tutor.check import records
records.keep(records.Record("count_bigrams", 3, 3, True))
size = records.progress_file().stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, resource.RLIM_INFINITY))
print(repr(check(lambda W_E, W_U: W_E @ W_U, "direct_path_logits")))
print(progress())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print("freed", progress().trouble)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit on files' sizes")
def test_on_a_full_disk_the_check_works_and_progress_says_why_it_cannot_be_kept():
    seen = python(FULL)
    assert seen.returncode == 0
    assert seen.stderr == ""
    assert seen.stdout.startswith("3\n")
    assert re.search(r"direct_path_logits +3 of 3 points +done\n", seen.stdout)
    assert re.search(r"Progress cannot be kept in .*progress\.jsonl: file too large\.\n", seen.stdout)
    assert seen.stdout.endswith("freed \n")
    assert [record.exercise for record in records.kept().records] == ["count_bigrams", "direct_path_logits"]


def test_where_nothing_can_be_written_the_check_works_and_another_process_knows_why(tmp_path, monkeypatch, capfd):
    (tmp_path / "in the way").touch()
    for place, why in {
        tmp_path / "in the way" / "progress.jsonl": "is not a folder",
        tmp_path: "is not a file",
        Path("/proc/mi-tutor/progress.jsonl"): "may not be written" if os.getuid() else "",
    }.items():
        monkeypatch.setenv("MI_TUTOR_PROGRESS", str(place))
        assert why in progress().trouble
        assert check(right, "direct_path_logits").passed
        assert progress().trouble.startswith(f"Progress cannot be kept in {place}: ")
        assert standing("direct_path_logits").state == "done"
        assert progress().trouble in repr(progress())
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everything")
def test_a_file_that_may_only_be_read_is_read(file):
    records.keep(FIRST)
    file.chmod(0o400)
    records.keep(SECOND)
    assert records.kept().records == [FIRST, SECOND]
    assert "ermission" in progress().trouble


def test_without_a_home_the_check_works(monkeypatch):
    def nobody(*args, **kwargs):
        raise RuntimeError("Could not determine home directory.")

    import platformdirs

    monkeypatch.delenv("MI_TUTOR_PROGRESS")
    monkeypatch.setattr(platformdirs, "user_data_dir", nobody)
    assert check(right, "direct_path_logits").passed
    assert "home directory" in progress().trouble


def test_a_teachers_marking_is_nobodys_progress(file, monkeypatch):
    records.keep(FIRST)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    check(right, "direct_path_logits")
    assert standing("direct_path_logits").state == "done"
    assert standing("count_bigrams").state == "not yet"
    assert "nbgrader marks this notebook" in progress().trouble
    monkeypatch.delenv("NBGRADER_EXECUTION")
    assert b"direct_path_logits" not in file.read_bytes()


def test_nbgrader_says_so_when_it_marks():
    autograde = pytest.importorskip("nbgrader.converters.autograde")
    assert "setenv(NBGRADER_EXECUTION='autograde')" in inspect.getsource(autograde)


def test_a_students_own_validation_counts(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    check(right, "direct_path_logits")
    assert progress().trouble == ""
    assert standing("direct_path_logits").state == "done"


junk = st.one_of(
    st.binary(),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*Record._fields, "format"]), inner)
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@settings(deadline=None)
@given(lines=st.lists(junk, max_size=8))
def test_lines_that_are_not_ours_are_passed_over(lines, tmp_path_factory):
    file = tmp_path_factory.mktemp("junk") / "progress.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MI_TUTOR_PROGRESS", str(file))
        file.write_bytes(b"\n".join(lines))
        records.keep(FIRST)
        records.keep(SECOND)
        ours = records.kept().records
    assert ours[-2:] == [FIRST, SECOND]


@pytest.mark.parametrize(
    "change",
    [
        *({"points": value} for value in ("3", 4, -1, True, float("nan"))),
        *({"format": 2}, {"passed": 1}, {"exercise": ["mean_kl"]}, {"max_points": 10**400}),
    ],
    ids=str,
)
def test_a_line_that_means_something_else_is_passed_over(file, change):
    records.keep(THIRD)
    line = json.loads(file.read_text())
    file.write_text(json.dumps(line | change))
    assert records.kept().records == []


def test_an_exercise_of_another_course_is_not_counted():
    records.keep(Record("of_another_course", 3, 3, True))
    assert progress().total.done == 0
    assert progress().next == progress().chapters[0].standings[0]


@pytest.fixture
def two_chapters(monkeypatch):
    """A course of two chapters, with two exercises each."""
    tasks = {n: (outline.Task(f"{n}_one", 1, 10, 3), outline.Task(f"{n}_two", 2, 5, 3)) for n in ("a", "b")}
    course = tuple(outline.Chapter(f"{n}.ipynb", f"Chapter <{n}>", tasks[n]) for n in ("a", "b"))
    for module in ("outline", "progress"):
        monkeypatch.setattr(sys.modules[f"mi_tutor.check.{module}"], "chapters", lambda: course)


def passes(exercise: str) -> None:
    records.keep(Record(exercise, 3, 3, True))


@pytest.mark.usefixtures("two_chapters")
def test_next_is_the_first_open_exercise_of_the_chapter_worked_in_last():
    assert progress().next.task.name == "a_one"
    passes("b_two")
    assert progress().next.task.name == "b_one"
    records.keep(Record("a_two", 1, 3, False))
    assert progress().next.task.name == "a_one"
    passes("b_two")
    assert progress().next.task.name == "b_one", "coming back to a chapter counts as working in it"
    passes("b_one")
    assert progress().next.task.name == "a_one", "a finished chapter leads to the first unfinished one"
    passes("a_one")
    passes("a_two")
    assert progress().next is None
    assert progress().next_sentence == "All 4 exercises are done."


@pytest.mark.usefixtures("two_chapters")
def test_next_says_where_how_hard_and_how_long():
    passes("a_one")
    text = repr(progress())
    assert "Chapter <a>: 1 of 2 exercises, 3 of 6 points" in text
    assert "Next: a_two in a.ipynb (difficulty 2 of 5, about 5 minutes)." in text
    assert "The exercises left in this chapter take about 5 minutes." in text
    assert "Chapter <b>: 0 of 2 exercises, 0 of 6 points" in text
    assert "b_one" not in text, "a chapter not begun is one line"


@pytest.mark.usefixtures("two_chapters")
def test_the_card_says_in_words_what_it_says_in_colours():
    passes("a_one")
    passes("b_one")
    records.keep(Record("b_one", 0, 3, False))
    records.keep(Record("a_two", 1, 3, False))
    html = progress()._repr_html_()
    words = re.sub(r"<[^>]*>", " ", html)
    for word in ("done", "tried", "not yet", "your latest try does not pass", "1 of 3", "about 5"):
        assert word in words
    assert "Chapter <a>" not in html
    assert "Chapter &lt;a&gt;" in html
    assert html.count("<details open") == 2, "the current chapter, and the one whose latest try does not pass"
    colours = {colour for colour in re.findall(r"(?<!-)color:([^;\"]+)", html) if not colour.startswith("var(--jp-")}
    assert {re.search(r"#\w+", colour)[0] for colour in colours} == {"#2b7bba", "#d9822b", "#8a8a8a"}


@pytest.mark.usefixtures("two_chapters")
def test_only_the_current_chapter_is_open_unless_a_latest_try_does_not_pass():
    for exercise in ("a_one", "a_two", "b_one"):
        passes(exercise)
    assert [part.count("<details open") for part in progress()._repr_html_().split("</details>")] == [0, 1, 0]
    records.keep(Record("a_two", 0, 3, False))
    passes("b_one")
    assert [part.count("<details open") for part in progress()._repr_html_().split("</details>")] == [1, 1, 0]


def test_progress_and_its_card_load_no_torch():
    code = (
        "import sys; from mi_tutor import progress; progress()._repr_html_(); print(progress());"
        "assert not {'torch', 'numpy', 'rich'} & set(sys.modules)"
    )
    assert python(code).stderr == ""


def test_progress_is_the_function_in_the_package_whatever_was_imported_before():
    for before in ("import mi_tutor.check.progress", "from mi_tutor.check.progress import Progress", "pass"):
        assert python(f"{before}; import mi_tutor; mi_tutor.progress().next").stderr == ""
    assert "progress" in dir(mi_tutor)


def test_tests_do_not_write_the_developers_own_progress(nobodys_progress):
    code = "from mi_tutor.check.records import progress_file; print(progress_file())"
    seen = python(code, env={**os.environ, "MI_TUTOR_PROGRESS": str(nobodys_progress)})
    assert seen.stdout.strip() == str(nobodys_progress)
