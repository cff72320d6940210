"""Weights on disk: safetensors, float16, and for checkpoints on the way a form of two thirds the size."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.files.tensor_file import write_tensors

if TYPE_CHECKING:
    from torch import Tensor

_SCALE = ".scale"
# The two large matrices; what a chapter reads entry by entry stays in float16.
_IN_BYTES = ("tok_embed.weight", "head.weight")


class WeightsError(RuntimeError):
    """A file of weights is damaged; the message says which and what to do."""


def write_weights(path: Path, weights: "Mapping[str, Tensor]") -> None:
    """Write weights in float16.

    Raises:
        OSError: when they cannot be written; the file is then what it was before.
    """
    import torch

    write_tensors(path, {name: value.detach().to(torch.float16) for name, value in weights.items()})


def write_checkpoint(path: Path, weights: "Mapping[str, Tensor]") -> None:
    """Write weights in float16, embedding and unembedding in bytes with one scale a row.

    Rounding moves an entry by at most 1/254 of the largest in its row. Sixteen checkpoints of attn-2l-py take 33 MB so,
    and would take 50.

    Raises:
        OSError: as for `write_weights`.
    """
    import torch

    stored: dict[str, Tensor] = {}
    for name, value in weights.items():
        value = value.detach().float()
        if name in _IN_BYTES:
            scale = (value.abs().amax(1, keepdim=True) / 127).clamp(min=1e-6).to(torch.float16)
            stored[name] = (value / scale.float()).round().clamp(-127, 127).to(torch.int8)
            stored[name + _SCALE] = scale
        else:
            stored[name] = value.to(torch.float16)
    write_tensors(path, stored)


def read_weights(path: Path) -> "dict[str, Tensor]":
    """The weights of either form, float16.

    Raises:
        WeightsError: when the file cannot be read to its end.
    """
    import torch
    from safetensors.torch import load_file

    try:
        stored = load_file(path)
    except Exception as error:  # safetensors raises its own class beside OSError
        raise WeightsError(
            f"{path} cannot be read ({error}). Install mi-tutor again, or in a clone `git checkout -- {path.name}` in its "
            "folder."
        ) from None
    weights = {}
    for name, value in stored.items():
        if not name.endswith(_SCALE):
            scale = stored.get(name + _SCALE)
            weights[name] = value if scale is None else (value.float() * scale.float()).to(torch.float16)
    return weights
