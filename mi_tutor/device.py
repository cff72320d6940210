"""Which device a chapter runs on: a GPU where there is one that computes, else the CPU."""

import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

VARIABLE = "MI_TUTOR_DEVICE"


def choose_device() -> "torch.device":
    """CUDA where there is a GPU that works, else the CPU; the environment variable MI_TUTOR_DEVICE overrides it.

    A GPU that PyTorch sees and cannot use (too old a card, too old a driver) is passed over, with a warning that says
    why. Apple's GPUs are not used: they have no double precision and no eigenvalues, which the chapters need.

    Raises:
        ValueError: MI_TUTOR_DEVICE names no device, one that the chapters do not run on, or one that does not work here.
    """
    import torch

    asked = os.environ.get(VARIABLE, "").strip()
    if asked:
        return _asked_for(asked)
    if not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", torch.cuda.current_device())
    if problem := _problem(device):
        warnings.warn(f"There is a GPU, and it does not compute ({problem}): this runs on the CPU.", stacklevel=2)
        return torch.device("cpu")
    return device


def device_name(device: "torch.device") -> str:
    """A device in words: "the CPU", "a GPU: Tesla T4"."""
    import torch

    return f"a GPU: {torch.cuda.get_device_name(device)}" if device.type == "cuda" else "the CPU"


def _asked_for(asked: str) -> "torch.device":
    import torch

    instead = (
        'Set it to "cpu" or "cuda" ("cuda:1" for a second GPU), or unset it: then a GPU is used where there is one.'
    )
    try:
        device = torch.device(asked)
    except RuntimeError:
        raise ValueError(f"{VARIABLE} is {asked!r}, which is no device. {instead}") from None
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"{VARIABLE} is {asked!r}, and the chapters run on the CPU or on CUDA only. {instead}")
    if problem := _problem(device):
        raise ValueError(f"{VARIABLE} is {asked!r}, which does not work here: {problem}. {instead}")
    return torch.empty(0, device=device).device  # "cuda" with its number, as tensors on it say


def _problem(device: "torch.device") -> str:
    """Why a tiny product cannot be computed there; empty when it can."""
    import torch

    try:
        ones = torch.ones(2, 2, device=device)
        right = (ones @ ones).sum().item() == 8
    except (RuntimeError, AssertionError) as error:
        return str(error).strip().splitlines()[0].rstrip(".")
    return "" if right else "a product came out wrong"
