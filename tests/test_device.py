"""Where a chapter runs: on a GPU that works, else on the CPU, and what one is told when one asks for another."""

import pytest
import torch
from pretend_gpu import NAME, PretendGpu

from mi_tutor import choose_device, device_name
from mi_tutor.device import VARIABLE


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_without_a_gpu_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == torch.device("cpu")
    assert device_name(choose_device()) == "the CPU"


def test_with_a_gpu_it_is_the_gpu_by_its_name():
    with PretendGpu():
        assert choose_device() == torch.device("cuda", 0)
        assert device_name(choose_device()) == f"a GPU: {NAME}"


def test_a_gpu_that_does_not_compute_is_passed_over_with_a_word(monkeypatch):
    with PretendGpu():

        def broken(*args, **kwargs):
            raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

        monkeypatch.setattr(torch, "ones", broken)
        with pytest.warns(UserWarning, match="does not compute .*no kernel image.*on the CPU"):
            assert choose_device() == torch.device("cpu")


@pytest.mark.parametrize("asked", ["cpu", " cuda", "cuda:0"])
def test_the_variable_overrides(asked, monkeypatch):
    monkeypatch.setenv(VARIABLE, asked)
    with PretendGpu():
        assert choose_device().type == asked.strip().partition(":")[0]
        assert choose_device() == torch.zeros(1, device=asked.strip()).device


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("gpu", "is no device"),
        ("mps", "on the CPU or on CUDA only"),
        ("meta", "on the CPU or on CUDA only"),
        ("cuda:7", "does not work here: .*invalid device ordinal"),
    ],
)
def test_a_device_that_cannot_be_is_refused_with_what_to_do(asked, said, monkeypatch):
    monkeypatch.setenv(VARIABLE, asked)
    with PretendGpu(), pytest.raises(ValueError, match=f"{VARIABLE} is {asked!r}.*{said}.*Set it to "):
        choose_device()


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("there is one")
    monkeypatch.setenv(VARIABLE, "cuda")
    with pytest.raises(ValueError, match="does not work here"):
        choose_device()
