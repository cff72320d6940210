"""Tensors and texts that are either complete on the disk or not there, whenever the process is killed."""

from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.files import safe_write

if TYPE_CHECKING:
    from torch import Tensor


def write_tensors(path: Path, tensors: "dict[str, Tensor]", metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file, its folder too where there is none yet.

    Raises:
        OSError: when the folder cannot be made or written.
    """
    from safetensors.torch import save

    _write(path, save({name: tensor.contiguous().cpu() for name, tensor in tensors.items()}, metadata))


def write_text(path: Path, text: str) -> None:
    """The same for a text, in UTF-8."""
    _write(path, text.encode())


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    safe_write.replace(path, data)
