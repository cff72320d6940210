"""`mi-tutor check FILE`: what a learner in an editor hears of a file, whatever stands in it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from mi_tutor.check.outline import chapters
from mi_tutor.check.records import kept
from mi_tutor.files.cells import Cell, Unreadable, read_cells
from mi_tutor.files.definitions import definitions, execute
from mi_tutor.running import check_process
from mi_tutor.running.check_notebook import run_check

ROOT = Path(__file__).parents[2]
RIGHT = "def direct_path_logits(W_E, W_U):\n    return W_E @ W_U\n"
WRONG = "def direct_path_logits(W_E, W_U):\n    return W_E @ W_U + 1\n"
STUB = "def direct_path_logits(W_E, W_U):\n    raise NotImplementedError\n"


@pytest.fixture(autouse=True)
def nothing_done_yet(tmp_path, monkeypatch):
    monkeypatch.setenv("MI_TUTOR_PROGRESS", str(tmp_path / "progress.jsonl"))


def cell(source: str, **nbgrader) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(source, metadata={"nbgrader": nbgrader} if nbgrader else {})


def checks(exercise: str) -> nbformat.NotebookNode:
    return cell(f"check({exercise})", grade=True, solution=False, grade_id=f"check_{exercise}", points=3)


def notebook(folder: Path, *cells, name: str = "mine.ipynb") -> Path:
    made = nbformat.v4.new_notebook(cells=[cell(each) if isinstance(each, str) else each for each in cells])
    nbformat.write(made, folder / name)
    return folder / name


def python_file(folder: Path, source: str, name: str = "mine.py") -> Path:
    (folder / name).write_text(source, encoding="utf-8")
    return folder / name


def names_after(*sources: str) -> dict:
    """The namespace after the cells have been run without their demonstrations."""
    namespace: dict = {}
    for part in definitions(Cell(n, source, f"cell {n}") for n, source in enumerate(sources, 1)):
        assert not part.error, part.error
        assert execute(part, namespace) == []
    return {name: value for name, value in namespace.items() if not name.startswith("__")}


# --- what is run -----------------------------------------------------------------------------------------------------


def test_imports_definitions_and_constants_are_run_and_demonstrations_are_not():
    names = names_after(
        "import math, os.path as p\nfrom typing import Any\nx = 3; y: int = -x; z = w = (1, [2, 'a'], {'b': None})\n"
        "half, inf = 1 / 2, math.inf\nln2 = math.log(2)\nshape = dict[str, Any]\n"
        "print('a demonstration')\nmodel = load_model('gpt2')\nfor i in range(3):\n    total = i\n",
        "@staticmethod\ndef f(a, b=x):\n    return a + b\nclass C:\n    n = 2\ndouble = lambda v: 2 * v\nx += 1",
    )
    assert " ".join(names) == "math p Any x y z w half inf ln2 shape f C double"
    assert names["x"] == 4
    assert names["f"](1) == 4
    assert names["double"](4) == 8


def test_what_stands_on_a_demonstration_is_one():
    names = names_after(
        "model = None\nmodel = load('gpt2')\nW = model.W_E\nrow = W[0]\nk = len(row)\nk += 1\nn = 5", "W = 2\nv = W * n"
    )
    assert names == {"n": 5, "W": 2, "v": 10, "model": None}


def test_imports_may_be_tried_and_chosen_but_blocks_that_do_something_are_not_run():
    names = names_after(
        "import sys\ntry:\n    import no_such_library as lib\nexcept ImportError:\n    lib = None\n"
        "if sys.version_info > (3, 0):\n    new = True\nelse:\n    new = False\n"
        "RUN = True\nif RUN:\n    print(1 / 0)\nwith open('/nowhere') as file:\n    inside = 1\n"
        "while True:\n    pass\n"
    )
    assert {name: value for name, value in names.items() if name != "sys"} == {"lib": None, "new": True, "RUN": True}


def test_magics_and_shell_lines_are_passed_over_wherever_they_stand():
    source = (
        "%matplotlib inline\n!pip install \\\n    something\nx = 1\nfiles = !ls\nt = %timeit -o f(1)\nx?\n?x\n"
        'def f(n):\n    """One line:\n% not a magic\n! nor this\n"""\n    !echo "it\'s"\n    %time n\n    return n + 1\n'
    )
    names = names_after("%%time\n" + source, "%%bash\nrm -r /nowhere", "%%html\n<b>", "\n\n%%writefile a.py\ny = 2")
    assert set(names) == {"x", "f"}
    assert names["f"](1) == 2
    assert "% not a magic" in names["f"].__doc__


def test_a_future_import_holds_for_later_cells():
    names = names_after("from __future__ import annotations", "def f(a: no_such_name) -> none_either: ...")
    assert names["f"].__annotations__ == {"a": "no_such_name", "return": "none_either"}


def test_a_failing_statement_stops_nothing_and_is_told_with_its_line():
    (part,) = definitions([Cell(4, "import no_such_library\nx = 1\ny = 1 / 0\nz = 2", "cell 4")])
    namespace: dict = {}
    first, second = execute(part, namespace)
    assert first == "Cell 4, line 1: `import no_such_library`: ModuleNotFoundError: No module named 'no_such_library'"
    assert second == "Cell 4, line 3: `y = 1 / 0`: ZeroDivisionError: division by zero"
    assert (namespace["x"], namespace["z"]) == (1, 2)


def test_the_source_of_a_functions_is_found_as_in_a_notebook():
    import inspect

    assert inspect.getsource(names_after("x = 1\n" + RIGHT)["direct_path_logits"]) == RIGHT


def test_nothing_of_a_check_cell_is_run():
    (part,) = definitions([Cell(1, "x = 1\ncheck(f)", "cell 1", grade_id="check_f", graded=True)])
    assert part.statements == ()
    assert part.checks == (("f", "f"),)


def test_reading_what_is_run_loads_nothing_heavy():
    code = "import sys, mi_tutor.files.definitions; assert not {'torch', 'numpy', 'IPython', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- what is a cell --------------------------------------------------------------------------------------------------


def test_a_python_file_falls_into_cells_that_know_their_lines(tmp_path):
    header = json.dumps({"grade": True, "grade_id": "check_f", "points": 3, "solution": False})
    text = f"import math\n\n# %% [markdown]\n# prose\n\n#%%\ndef f():\n    pass\n\n# %% tags=['a'] nbgrader={header}\ncheck(f)\n"
    cells = read_cells(python_file(tmp_path, text))
    assert [(c.number, c.first_line, c.graded) for c in cells] == [(1, 1, False), (3, 6, False), (4, 10, True)]
    assert definitions(cells)[-1].checks == (("f", "f"),)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("torn.ipynb", b'{"cells": [', "torn.ipynb is not a notebook that can be read"),
        ("list.ipynb", b"[1, 2]", "list.ipynb is not a notebook that can be read"),
        ("bytes.py", b"x = '\xff\xfe'", "bytes.py is not text in UTF-8"),
        ("notes.txt", b"x = 1", "notes.txt is neither a notebook (.ipynb) nor a Python file (.py)."),
        ("missing.ipynb", None, "There is no file"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:8] else "",
)
def test_a_file_that_cannot_be_read_is_named_in_a_sentence(tmp_path, name, content, sentence, capsys):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Unreadable):
        read_cells(tmp_path / name)
    assert run_check([tmp_path / name]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err + said.out


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", sorted((ROOT / "solutions").glob("ch*.py")), ids=lambda path: path.stem)
def test_the_solutions_of_a_chapter_are_all_right(source, capfd):
    assert run_check([source]) == 0
    chapter = next(chapter for chapter in chapters() if chapter.file == f"{source.stem.removeprefix('ch')}.ipynb")
    said = capfd.readouterr().out
    for task in chapter.every_task:
        assert f"{task.name}: right. {task.points} of {task.points} points." in said
    assert {record.exercise for record in kept().records if record.passed} == {t.name for t in chapter.every_task}


def test_a_chapter_as_handed_out_is_not_attempted_and_draws_nothing(capfd):
    path = ROOT / "chapters" / "01_bigrams.ipynb"
    tasks = next(chapter for chapter in chapters() if chapter.file == path.name).every_task
    assert run_check([path]) == 1
    said = capfd.readouterr()
    assert said.err == ""
    lines = [f"{task.name}: not attempted yet. 0 of {task.points} points." for task in tasks]
    assert sorted(line for line in said.out.splitlines() if ": not attempted" in line) == sorted(lines)
    assert kept().records == []


def test_right_and_wrong_are_said_with_the_arguments_the_total_and_what_is_next(tmp_path, capfd):
    path = notebook(
        tmp_path,
        "import torch\nprint('a demonstration')",
        WRONG,
        checks("direct_path_logits"),
        "def count_bigrams(tokens, d_vocab):\n"
        "    return torch.bincount(tokens[:-1] * d_vocab + tokens[1:], minlength=d_vocab**2).view(d_vocab, -1)",
        checks("count_bigrams"),
        "def mean_kl(another, thing): ...  # its check does not stand here",
    )
    assert run_check([path]) == 1
    said = capfd.readouterr().out
    assert "direct_path_logits: not yet right. 0 of 3 points." in said
    assert "  W_E = torch.tensor([[" in said
    assert "  expected: torch.tensor([[" in said
    assert "count_bigrams: right. 3 of 3 points." in said
    assert "1 of 2 exercises right, 3 of 6 points." in said
    assert "\nNext: bigram_log_probs in 01_bigrams.ipynb" in said
    assert "mean_kl" not in said
    assert "a demonstration" not in said
    assert "\x1b" not in said, "no colours where nobody sees them"
    assert [(record.exercise, record.passed) for record in kept().records] == [
        ("direct_path_logits", False),
        ("count_bigrams", True),
    ]


def test_a_function_is_checked_as_it_stands_at_its_check(tmp_path, capfd):
    path = notebook(tmp_path, RIGHT, checks("direct_path_logits"), WRONG)
    assert run_check([path]) == 0, "what a later cell tries under the same name is another matter"


def test_a_plain_file_of_functions_is_checked_by_their_names(tmp_path, capfd):
    helper = python_file(tmp_path, "def product(a, b):\n    return a @ b\n", "helper.py")
    path = python_file(
        tmp_path,
        f"from {helper.stem} import product\n\n\ndef direct_path_logits(W_E, W_U):\n    return product(W_E, W_U)\n"
        "\n\ndef something_else(): ...\n\n\nif __name__ == '__main__':\n    print('a demonstration')\n",
    )
    assert run_check([path]) == 0
    assert "1 of 1 exercise right, 3 of 3 points." in capfd.readouterr().out


def test_a_name_that_only_a_demonstration_makes_is_explained(tmp_path, capfd):
    path = notebook(
        tmp_path,
        "scale = float(input())\ntimes = sorted([1])[0]",
        "def direct_path_logits(W_E, W_U):\n    return W_E @ W_U * times",
        checks("direct_path_logits"),
    )
    assert run_check([path]) == 1
    assert "`times` comes from a demonstration, which is not run here" in capfd.readouterr().out


def test_one_broken_cell_is_named_and_the_rest_is_checked(tmp_path, capfd):
    path = notebook(
        tmp_path, nbformat.v4.new_markdown_cell("# Prose"), "def count_bigrams(:", "1 +", RIGHT, checks("count_bigrams"),
        checks("direct_path_logits"),
    )  # fmt: skip
    assert run_check([path]) == 1
    said = capfd.readouterr()
    assert "Cell 2 is not valid Python, line 1: invalid syntax: `def count_bigrams(:`" in said.out
    assert "Cell 3 is not valid Python" in said.out
    assert "No function count_bigrams is defined." in said.out
    assert "direct_path_logits: right." in said.out
    assert said.err == ""


def test_code_that_exits_crashes_or_never_ends_is_named_and_the_rest_is_checked(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(check_process, "DEFINING_SECONDS", 5.0)
    monkeypatch.setattr(check_process, "PATIENCE_SECONDS", 2.0)
    python_file(tmp_path, "while True: pass", "hangs.py")
    python_file(tmp_path, "import os; os._exit(0)", "exits.py")
    path = notebook(
        tmp_path,
        "class A:\n    exit()",
        "import hangs",
        "import exits",
        "import ctypes\ndef count_bigrams(tokens, d_vocab):\n    return ctypes.string_at(0)",
        checks("count_bigrams"),
        RIGHT,
        checks("direct_path_logits"),
    )
    assert run_check([path]) == 1
    said = capfd.readouterr().out
    assert said.count("Cell 1, line 2: `exit()`: it calls exit") == 1
    assert "Cell 2 is still running; it is stopped after 5 s." in said
    assert "Cell 2 was still running after 5 seconds and was stopped; the rest is checked without it." in said
    assert "Cell 3 ended Python (exit status 0); the rest is checked without it." in said
    assert "count_bigrams: not yet right. 0 of 3 points.\n  It ended Python with the signal SIGSEGV." in said
    assert "direct_path_logits: right. 3 of 3 points." in said


def test_what_the_learners_code_prints_goes_where_it_sent_it(tmp_path, capfd):
    talks = "import sys\nclass A:\n    print('out [bold]')\n    print('err', file=sys.stderr)\n"
    assert run_check([notebook(tmp_path, talks, RIGHT, checks("direct_path_logits"))]) == 0
    said = capfd.readouterr()
    assert said.out.index("out [bold]") < said.out.index("direct_path_logits: right.")
    assert said.err == "err\n"


def test_a_file_with_nothing_to_check_says_so(tmp_path, capfd):
    assert run_check([notebook(tmp_path, "x = 1")]) == 1
    assert "Nothing in it is checked" in capfd.readouterr().out


def test_one_exercise_another_seed_and_several_files(tmp_path, capfd):
    first = notebook(tmp_path, STUB, checks("direct_path_logits"), name="first.ipynb")
    second = python_file(tmp_path, RIGHT + "\n\ndef count_bigrams(tokens, d_vocab):\n    return 1\n", "second.py")
    assert run_check([second], exercise="direct_path_logits", seed=7) == 0
    assert run_check([first, second, tmp_path / "missing.py"], exercise="direct_path_logits") == 2
    said = capfd.readouterr()
    assert "count_bigrams" not in said.out.replace("Next: count_bigrams", "")
    assert "1 of 2 exercises right, 3 of 6 points." in said.out
    assert "There is no file" in said.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"exercise": "cont_bigrams"}, "Did you mean 'count_bigrams'"),
        ({"exercise": "count_bigrams"}, "Nothing there is called count_bigrams"),
        ({"device": "no such device"}, "Checking is not possible on the device 'no such device' here"),
    ],
    ids=["no exercise", "not there", "no device"],
)
def test_asking_for_what_does_not_exist_is_answered_in_a_sentence(tmp_path, capfd, options, sentence):
    assert run_check([python_file(tmp_path, RIGHT)], **options) == 2
    said = capfd.readouterr()
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_ctrl_c_stops_it_and_leaves_nothing_running(tmp_path):
    path = python_file(tmp_path, f"import os\npid = open({str(tmp_path / 'pid')!r}, 'w')\n" + RIGHT)
    python_file(
        tmp_path, f"import os\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nwhile 1: pass", "h.py"
    )
    path.write_text("import h\n" + RIGHT)
    command = [sys.executable, "-c", "from mi_tutor.cli import app; app()", "check", str(path)]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert (running.returncode, said) == (130, "Stopped.\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_an_exercise_of_a_teachers_own_is_checked_on_its_examples(tmp_path, capfd):
    examples = '[("two rows", {"x": torch.tensor([[3.0, 4.0], [0.0, -2.0]])}, torch.tensor([5.0, 2.0]))]'
    asked = cell(
        f"import torch\nfrom mi_tutor import check\n\ncheck(row_lengths, examples={examples})",
        grade=True,
        solution=False,
        grade_id="check_row_lengths",
        points=3,
    )
    right = cell("def row_lengths(x):\n    return x.norm(dim=-1)")
    wrong = cell("def row_lengths(x):\n    return x.sum(-1)")
    assert run_check([notebook(tmp_path, right, asked)]) == 0
    assert "row_lengths: right" in capfd.readouterr().out
    assert run_check([notebook(tmp_path, wrong, asked)], exercise="row_lengths") == 1
    said = capfd.readouterr().out
    assert "row_lengths: not yet right" in said
    assert "two rows" in said
