"""The door to the models: bundled ones by name, any other from a package, the hub or a folder."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.assets import ASSETS, UnknownModelError
from mi_tutor.models import smollm2
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.weight_files import read_weights

__all__ = [
    "ASSETS",
    "UnknownModelError",
    "bundled_models",
    "bundled_weights",
    "checkpoint_path",
    "checkpoint_steps",
    "language_model",
    "load_model",
    "training_curves",
]

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

WEIGHTS_FILE = "model.safetensors"
CHECKPOINTS = "checkpoints"
CURVES_FILE = "curves.json"
# Seconds to wait for the hub's first answer. Left alone, its client retries for 23 s where a name does not resolve
# and for over a minute where packets are dropped.
_HUB_PATIENCE = 5.0


def bundled_models(assets: Path | None = None) -> tuple[str, ...]:
    """The names of the models that need no network: those whose recipe is known and whose weights are installed."""
    return tuple(name for name in RECIPES if ((assets or ASSETS) / name / WEIGHTS_FILE).exists())


def load_model(
    name: str,
    device: "str | torch.device | None" = None,
    assets: Path | None = None,
    *,
    checkpoint: int | None = None,
) -> "TransformerBridge":
    """A model by name: bundled ("zero-layer-py"), "smollm2-135m", from the hub ("gpt2"), or a folder in the hub's format.

    Bundled models come in float32, with their tokenizer, in evaluation mode, exactly as shipped; loading them needs
    no network, prints nothing and leaves the random state alone. All bundled models are TransformerLens's "native"
    architecture. zero-layer-py has neither norm nor bias nor positions: `model(tokens)` is `W_E[tokens] @ W_U`. (The
    native source knows only learned and rotary positions; it is built with rotary ones, which act inside attention
    alone, and the zero `model.b_U` is TransformerLens's stand-in for a bias that does not exist.)
    The others have rotary positions, a norm without weights (LNPre) before each layer and before the unembedding, biases
    in attention, none in the unembedding, and were trained on sequences that begin with BOS.

    "smollm2-135m" is a real language model of English, 30 layers, read from a package of 93 MB that has to be installed (an
    error says how), and kept in float32 under the user's cache folder. It needs no hub, and 2.4 GB of memory. Nine heads a
    layer share three keys and values: `W_Q` and `W_O` are `[layer 9 …]`, `W_K` and `W_V` `[layer 3 …]`, and head h reads
    those of number h // 3. Its norm (RMS) takes no mean, and has weights, as every norm of a Llama has. It has no biases:
    `model.b_O` and the like say so in an error.

    Args:
        name: a bundled model, "smollm2-135m", the path of a folder, or whatever `TransformerBridge.boot_transformers`
            accepts.
        device: CUDA where there is one when left out, else the CPU.
        assets: the folder of the bundled models; the installed one when left out.
        checkpoint: the weights after this many training steps instead of the final ones; `checkpoint_steps(name)` lists
            which there are.

    Raises:
        UnknownModelError: when the name is neither bundled nor to be had from the hub, or the hub is out of reach, or
            there is no such checkpoint; the message says what to do.
        WeightsError: when the installed file is damaged.
    """
    import torch

    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if name not in bundled_models(assets):
        if checkpoint is not None:
            raise UnknownModelError(f"Checkpoints are bundled with some of our own models only, not with {name!r}.")
        return _from_elsewhere(name, device, bundled_models(assets))
    from mi_tutor.corpus.tokenizer import load_tokenizer
    from mi_tutor.models.build import build_model

    return build_model(RECIPES[name], bundled_weights(name, assets, checkpoint), load_tokenizer(), device)


def language_model(device: "str | torch.device | None" = None, name: str = smollm2.NAME) -> "TransformerBridge | None":
    """A model that others trained, for the last section of a chapter; None where there is none, which the chapter can do without.

    In that case one line is printed, with what to do about it.
    """
    try:
        return load_model(name, device)
    except UnknownModelError as reason:
        print(f"Skipped: {reason}")
    return None


def bundled_weights(name: str, assets: Path | None = None, checkpoint: int | None = None) -> "dict[str, Tensor]":
    """The shipped weights of a bundled model, float16, by parameter name; of a checkpoint where one is named.

    Raises:
        UnknownModelError: when there is no such checkpoint.
        WeightsError: when the file is damaged.
    """
    folder = (assets or ASSETS) / name
    if checkpoint is None:
        return read_weights(folder / WEIGHTS_FILE)
    path = checkpoint_path(folder, checkpoint)
    if not path.exists():
        steps = ", ".join(map(str, checkpoint_steps(name, assets)))
        raise UnknownModelError(
            f"{name} has no checkpoint after {checkpoint} steps; {f'there are: {steps}' if steps else 'none is bundled'}."
        )
    return read_weights(path)


def checkpoint_steps(name: str, assets: Path | None = None) -> tuple[int, ...]:
    """After how many training steps copies of a bundled model's weights travel with it, in order; often none."""
    files = ((assets or ASSETS) / name / CHECKPOINTS).glob("*.safetensors")
    return tuple(sorted(int(file.stem.split("-")[1]) for file in files))


def training_curves(name: str, assets: Path | None = None) -> dict[str, list[float]]:
    """What was measured at every checkpoint of a model's training, shipped or not: columns of equal length.

    `step` and `tokens` say when; the others are what `mi_tutor.figures.induction.checkpoint_curves` measures.

    Raises:
        UnknownModelError: when no curves are bundled with that model.
    """
    path = (assets or ASSETS) / name / CURVES_FILE
    if not path.exists():
        raise UnknownModelError(f"No training curves are bundled with {name!r}; attn-2l-py has them.")
    return json.loads(path.read_text(encoding="utf-8"))


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where a model's folder keeps the weights after this many steps."""
    return folder / CHECKPOINTS / f"checkpoint-{step}.safetensors"


def _from_elsewhere(name: str, device: "torch.device", bundled: tuple[str, ...]) -> "TransformerBridge":
    have = f"Bundled, and always there: {', '.join(bundled) or 'none in this installation'}."
    if name == smollm2.NAME:
        model = _boot(name, smollm2.smollm2_folder(), device, have)
        model.cfg.model_name = name
        return model
    if Path(name).is_dir():
        return _boot(name, Path(name), device, have)
    source = name if _hub_answers() else _in_hub_cache(name)
    if source is None:
        raise UnknownModelError(
            f"{name!r} is not a bundled model, and the model hub cannot be reached from here. Try again with a network; "
            f"without one, {smollm2.NAME!r} comes from a pip package. {have}"
        )
    return _boot(name, source, device, have)


def _boot(name: str, source: str | Path, device: "torch.device", have: str) -> "TransformerBridge":
    """Have TransformerLens read a name of the hub, which may take a download and shows it, or a folder, silently."""
    from transformer_lens.model_bridge import TransformerBridge

    try:
        with smollm2.silent() if isinstance(source, Path) else nullcontext():
            return TransformerBridge.boot_transformers(str(source), device=device)
    except (OSError, ValueError) as error:  # what transformers raises for names and folders that hold no model
        reason = str(error).strip().splitlines()[0]
    # Raised outside the handler: a learner needs this sentence, not the libraries' chain of tracebacks.
    raise UnknownModelError(f"{name!r} is not a bundled model and could not be loaded: {reason} {have}")


def _hub_answers() -> bool:
    import huggingface_hub

    try:  # through the hub's own client, so that its proxy, mirror and offline settings count
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=_HUB_PATIENCE)
    except Exception:  # the client's error classes have changed between its versions
        return False
    return True


def _in_hub_cache(name: str) -> str | None:
    """The folder of an earlier download; None where there is none."""
    import huggingface_hub

    try:
        return huggingface_hub.snapshot_download(name, local_files_only=True)
    except Exception:  # not cached, or not a name the hub could have
        return None
