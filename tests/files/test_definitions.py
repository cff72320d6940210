"""What a notebook calls right earns the marks: what an answer usually reads from outside itself is there when it is graded."""

import pytest

from mi_tutor.files.cells import Cell, cells_of_notebook
from mi_tutor.files.definitions import definitions, execute
from mi_tutor.files.notebook_file import write

FIRST = "import functools, torch\nimport numpy as np\nfrom torch import nn\nfrom mi_tutor import choose_device\n"


def run(source):
    (part,) = definitions([Cell(1, FIRST + source, "cell")])
    namespace = {}
    assert execute(part, namespace) == []
    return part, namespace


@pytest.mark.parametrize(
    "value",
    [
        "choose_device()",
        'torch.device("cuda" if torch.cuda.is_available() else "cpu")',
        "torch.eye(3)",
        "torch.ones(4, 4).triu(1).bool()",
        "torch.nn.ReLU()",
        "nn.Softmax(dim=-1)",
        "torch.no_grad()(lambda x: 2 * x)",
        "functools.lru_cache(maxsize=None)(lambda x: x)",
        "np.array([1.0, 2.0])",
        "torch.finfo(torch.float32).max",
        '"a b c".split()',
    ],
)
def test_a_cheap_value_is_a_constant(value):
    part, namespace = run(f"mine = {value}")
    assert "mine" in namespace
    assert "mine" not in part.left_out


@pytest.mark.parametrize(
    "value",
    ['load_model("gpt2")', "model.to('cpu')", "model(torch.eye(3))", "torch.load('weights.pt')", "nn.Linear(9, 9)(x)"],
)
def test_a_model_and_what_stands_on_it_is_a_demonstration(value):
    part, namespace = run(f"model = load_model('attn-1l-py')\nmine = {value}")
    assert "mine" not in namespace
    assert {"model", "mine"} <= part.left_out


DEFINES = "def mine(x):\n    return x"


@pytest.mark.parametrize("first", ["%%time\n", "\n\n%%time -n 1\n", "%%capture out\n%%time\n", "%%prun\n", "%time\n"])
def test_below_a_magic_that_runs_python_here_what_is_defined_counts(first):
    (part,) = definitions([Cell(1, first + DEFINES, "cell")])
    namespace = {}
    assert (execute(part, namespace), part.error) == ([], "")
    assert namespace["mine"](3) == 3


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (
            "%%writefile a.py\n",
            "begins with %%writefile, and its text goes into a file and is not run: take that line away.",
        ),
        ("%%timeit -n 3\n", "begins with %%timeit, and what the cell defines is gone when it has run"),
        ("%%bash\n", "begins with %%bash, and its text is not run as the notebook's Python"),
        ("%%time\n%%javascript\n", "begins with %%javascript"),
    ],
)
def test_below_another_magic_nothing_counts_and_the_reason_is_told(first, why):
    (part,) = definitions([Cell(1, first + DEFINES, "cell")])
    assert part.statements == ()
    assert why in part.error
    (without,) = definitions([Cell(1, first + "print(1)", "cell")])
    assert (without.statements, without.error) == ((), "")


def notebook_with(source, kind, **nbgrader):
    metadata = {"nbgrader": nbgrader} if nbgrader else {}
    cells = [{"cell_type": kind, "metadata": metadata, "source": source}]
    return write({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_that_was_turned_into_prose_is_code_and_other_prose_is_not(kind):
    answer = cells_of_notebook(notebook_with(DEFINES, kind, grade_id="mine", solution=True, grade=False), "n")
    (part,) = definitions(answer)
    assert len(part.statements) == 1
    broken = cells_of_notebook(notebook_with("# A title\nfor you", kind, grade_id="mine", solution=True), "n")
    assert f"It is {kind.capitalize()}: make it a code cell." in definitions(broken)[0].error
    (loose,) = definitions(cells_of_notebook(notebook_with(DEFINES, kind), "n"))
    assert loose.statements == ()
    assert f"is not code but {kind.capitalize()}" in loose.error
    assert (
        cells_of_notebook(notebook_with("An essay. def of it", kind, grade_id="q", solution=True, grade=True), "n")
        == []
    )
    assert cells_of_notebook(notebook_with("Prose, with `def mine(x)` in it.", kind), "n") == []
