"""A tensor on disk under the user's cache folder: asked for by name, made when it is not there."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.files.tensor_file import write_tensors

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor


def cache_folder() -> Path:
    """Where cached tokens lie; safe to delete at any time."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("mi-tutor", appauthor=False))


def load_or_make(name: str, make: Callable[[], "Int[Tensor, 'position']"]) -> "Int[Tensor, 'position']":
    """The int64 tensor stored as `name`, or what `make` returns, stored for the next time.

    The cache is only ever an optimisation: whatever is wrong with it (damaged file, full disk, read-only home), the
    tensor is made again and nothing is raised. The ids must fit 16 bits; safetensors rather than pickle, since a
    cache folder may be written by others.
    """
    import torch
    from safetensors.torch import load_file

    path = cache_folder() / f"{name}.safetensors"
    try:
        stored = load_file(path)["tokens"]
        if stored.ndim == 1 and stored.dtype == torch.int16 and len(stored):
            return stored.to(torch.int64)
    except Exception:  # safetensors raises its own error beside OSError and KeyError; none of them matters here
        pass
    tokens = make()
    with contextlib.suppress(OSError):
        write_tensors(path, {"tokens": tokens.to(torch.int16)})
    return tokens
