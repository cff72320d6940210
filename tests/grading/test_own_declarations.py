"""What is wrong with a course's own exercise is said in a sentence, before students have it."""

from importlib.resources import files
from string import Template

import pytest
import torch

from mi_tutor.check import check
from mi_tutor.check.judge import judge
from mi_tutor.grading.new_exercise import run_exercise
from mi_tutor.grading.own_audit import fit
from mi_tutor.grading.own_exercises import Own, WrongDeclaration, load, name_problem, read_course
from mi_tutor.grading.own_released import as_code

NAME = "row_norms"
FILE = Template(files("mi_tutor.grading").joinpath("own_exercise.py.txt").read_text("utf-8")).substitute(name=NAME)
DRAWN = 'yield basic("a row of three", x=draw.integers([[draw.size(1, 9) for _ in range(3)]]).to(draw.dtype))'


def changed(*pairs: tuple[str, str]) -> Own:
    text = FILE
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return Own(NAME, text)


def test_the_template_is_fit():
    made = fit(Own(NAME, FILE))
    assert (made.exercise.max_points, made.examples) == (3, 2)


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        ([("    solution=row_norms,\n", "")], "has no solution"),
        ([("solution=row_norms", "solution=squared")], "has no solution"),
        ([("def row_norms", "def lengths"), ("solution=row_norms", "solution=lengths")], "has no solution"),
        ([("exercise = Exercise(", "declared = Exercise(")], "declares nothing"),
        ([("    __name__,", '    "own.other",')], "first argument"),
        ([("from torch import Tensor", "from torch import Tensors")], r"line \d+: ImportError"),
        ([("def squared(x", "def squared(x:")], "not valid Python"),
        ([("    cases=cases,", "    cases=lambda draw: iter(()),")], "no basic case"),
        ([('yield edge("', 'yield general("')], "no edge case"),
        ([('"edge": 1}', '"edge": 0}')], "whole numbers above 0"),
        ([('"basic": 1, ', "")], "'basic' first"),
        ([(', "edge": 1}', "}")], "no points for 'edge'"),
        ([("wrong=(squared, sum_of_magnitudes)", "wrong=()")], "knows no mistake"),
        ([('    """These are the squares of the lengths: take the root."""\n', "")], "no docstring"),
        ([("    return x.square().sum(-1)\n", "    return x.square().sum(-1).sqrt()\n")], "squared passes"),
        ([("x.abs().sum(-1)", "x.square().sum(-1)")], "is told as"),
        ([("return x.square().sum(-1).sqrt()", "return x.square_root()")], "breaks off with AttributeError"),
        ([("return x.square().sum(-1).sqrt()", "return x.mul_(x).sum(-1).sqrt()")], "solution itself is not right"),
        ([("return x.square().sum(-1).sqrt()", "return x.norm(dim=-1).tolist()")], "returned a list, which cannot be compared"),
        ([(DRAWN, "pass")], "same whatever the seed"),
        ([("draw.of([[3.0, 4.0], [0.0, -2.0]])", "draw.normal(30, 40)")], "too large"),
        ([('yield basic("two rows", x=', 'yield basic("two rows", y=')], r"arguments \(y\)"),
        ([('yield edge("no rows", x=draw.normal(0, 3))', 'raise KeyError("rows")')], "raises KeyError"),
        ([('-> Float[Tensor, "row"]', "-> Rows"), ("def row_norms", "Rows = Tensor\n\n\ndef row_norms")], "uses Rows"),
        ([('    """The Euclidean length of every row.\n\n    Args:\n        x: one vector a row.\n\n    Returns:\n        One length a row, 0 or more.\n    """\n', "")], "wants a docstring"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_told(pairs, says):
    with pytest.raises(WrongDeclaration, match=says) as told:
        fit(changed(*pairs))
    assert f"exercises/{NAME}.py" in str(told.value)
    assert "Traceback" not in str(told.value)


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([[0.1, -1e-20, 3.0]]),
        torch.tensor([float("inf"), float("-inf")]),
        torch.tensor(2.5, dtype=torch.float64),
        torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0)),
        torch.randn(3, generator=torch.Generator().manual_seed(0), dtype=torch.float64),
        torch.tensor([True, False]),
        torch.tensor([[2**40, -1]]),
        torch.zeros(0, 3),
        torch.zeros(2, 0, dtype=torch.int64),
        (torch.ones(1), [2, 0.1], {"a": None, "b": "it's"}),
        float("inf"),
        (1,),
    ],
)
def test_an_example_reads_as_what_it_was_to_the_last_digit(value):
    again = eval(as_code(value), {"torch": torch})
    assert type(again) is type(value)
    assert as_code(again) == as_code(value)
    if isinstance(value, torch.Tensor):
        assert (again.dtype, again.shape) == (value.dtype, value.shape)
        assert torch.equal(again, value)


@pytest.mark.parametrize("value", [torch.nn.ReLU(), torch.Generator(), torch.ones(2, dtype=torch.bfloat16), object()])
def test_what_cannot_be_written_out_is_refused(value):
    with pytest.raises(ValueError, match="cannot be"):
        as_code(value)


def test_only_the_imports_of_the_head_are_given_out():
    own = changed(
        ("import torch\n", "import torch\nfrom math import hypot\n"), ("from torch import Tensor", "from torch import Tensor, hypot as h")
    )  # fmt: skip
    head = fit(own).stub.split("def ")[0].split()
    assert head == ["import", "torch", "from", "jaxtyping", "import", "Float", "from", "torch", "import", "Tensor"]


def test_whoever_writes_the_examples_down_earns_nothing():
    made = fit(Own(NAME, FILE))
    written: dict = {"row_norms": lambda x: x, "torch": torch}
    given = eval(made.check[made.check.index("examples=") + len("examples=") : made.check.rindex("]") + 1], written)

    def row_norms(x):
        for _, args, result in given:
            if args["x"].shape == x.shape and torch.allclose(args["x"], x.float()):
                return result.to(x.dtype)
        return x.new_zeros(len(x))

    assert check(row_norms, examples=given).passed
    for seed in range(20):
        assert judge(made.exercise, row_norms, seed, torch.device("cpu")).points == 0


@pytest.mark.parametrize(
    ("name", "says"), [("mean_kl", "01_bigrams.ipynb already"), ("Rows", "small"), ("class", "small")]
)
def test_a_name_that_is_taken_or_none_is_told_and_nothing_is_written(name, says, tmp_path, capsys):
    assert says in name_problem(name)
    (tmp_path / "nbgrader_config.py").write_text("")
    assert run_exercise(tmp_path, name, None) == 2
    assert says in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["nbgrader_config.py"]


def test_a_file_with_a_chapters_name_stops_the_course(tmp_path):
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "mean_kl.py").write_text(FILE)
    with pytest.raises(WrongDeclaration, match=r"exercises/mean_kl\.py: mean_kl is an exercise of 01_bigrams"):
        read_course(tmp_path)


def test_a_folder_that_is_no_course_is_told(tmp_path, capsys):
    assert run_exercise(tmp_path, NAME, None) == 2
    assert "is no course" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_is_left_as_it_is_and_goes_into_no_assignment(tmp_path, capsys):
    (tmp_path / "nbgrader_config.py").write_text("")
    (tmp_path / "exercises").mkdir()
    file = tmp_path / "exercises" / f"{NAME}.py"
    file.write_text("exercise = 1\n")
    assert run_exercise(tmp_path, NAME, None) == 1
    assert "declares nothing" in capsys.readouterr().err
    assert file.read_text() == "exercise = 1\n"
    assert not (tmp_path / "source").exists()


def test_what_is_loaded_is_what_was_read():
    assert load(Own(NAME, FILE)) is load(Own(NAME, FILE))
    more = load(changed(('"edge": 1', '"edge": 4')))
    assert (load(Own(NAME, FILE)).max_points, more.max_points) == (3, 6)
