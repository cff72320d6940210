"""Answers that use PyTorch's function transforms are judged like any other, the first use of them in a process too."""

import subprocess
import sys

import torch

from mi_tutor import check

FIRST_USE = """
import torch
from mi_tutor import check


def direct_path_logits(W_E, W_U):
    return torch.func.vmap(lambda row: row @ W_U)(W_E)


def toy_loss(x, x_hat, importance):
    with torch.no_grad():
        torch.func.grad(lambda y: y.square().sum())(x.detach())
    return (importance * (x - x_hat).square()).mean((0, 2))


assert "torch._dynamo" not in __import__("sys").modules
print(check(toy_loss))
print(check(direct_path_logits))
"""


def test_the_first_use_in_a_process_replaces_nothing():
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["toy_loss: right. 3 of 3 points.", "direct_path_logits: right. 3 of 3 points."]


def test_an_answer_whose_memory_is_watched_may_be_mapped():
    def top_successors(W_E, W_U, k, chunk_size):
        best = [torch.func.vmap(lambda row: (row @ W_U).topk(k))(rows) for rows in W_E.split(chunk_size)]
        return torch.cat([values for values, _ in best]), torch.cat([ids for _, ids in best])

    assert check(top_successors).passed


def test_a_wrapper_of_a_learners_own_is_still_told():
    import functools

    before = torch.manual_seed

    @functools.wraps(before)
    def mine(seed):
        return before(seed)

    def direct_path_logits(W_E, W_U):
        torch.manual_seed = mine
        return W_E @ W_U

    report = check(direct_path_logits)
    assert torch.manual_seed is before
    assert "It replaced `torch.manual_seed`" in report.message
