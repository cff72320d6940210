"""What a notebook calls right earns the marks: what an answer usually reads from outside itself is there when it is graded."""

import pytest

from mi_tutor.files.cells import Cell
from mi_tutor.files.definitions import definitions, execute

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
