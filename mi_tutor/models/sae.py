"""Sparse autoencoders: what one is, and the layout on disk that SAELens uses."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_tutor.files.tensor_file import write_tensors, write_text

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

CONFIG_FILE = "cfg.json"
WEIGHTS_FILE = "sae_weights.safetensors"
_SHAPES = {"W_enc": ("d_in", "d_sae"), "b_enc": ("d_sae",), "W_dec": ("d_sae", "d_in"), "b_dec": ("d_in",)}


class SaeFileError(ValueError):
    """A folder does not hold a sparse autoencoder that can be opened here; the message says why."""


@dataclass(frozen=True)
class Sae:
    """A ReLU sparse autoencoder, its weights under the names of the field.

    Bricken et al., "Towards Monosemanticity" (2023), appendix on training; without the unit norm of the decoder's rows
    (Conerly et al., "Update on how we train SAEs", 2024).
    """

    W_enc: "Float[Tensor, 'd_in d_sae']"
    b_enc: "Float[Tensor, 'd_sae']"
    W_dec: "Float[Tensor, 'd_sae d_in']"
    """Row i is the direction that feature i writes."""
    b_dec: "Float[Tensor, 'd_in']"
    model: str
    """The model it was trained on, by the name that `load_model` takes."""
    hook_name: str
    """The activation it was trained on."""

    def encode(self, x: "Float[Tensor, '*batch d_in']") -> "Float[Tensor, '*batch d_sae']":
        """How strongly each feature is active: ReLU((x - b_dec) W_enc + b_enc)."""
        f = (x - self.b_dec) @ self.W_enc
        f += self.b_enc  # in place, as the next step: one table of all features at a time and not three
        return f.relu_()

    def decode(self, f: "Float[Tensor, '*batch d_sae']") -> "Float[Tensor, '*batch d_in']":
        """The activation that these features add up to: f W_dec + b_dec."""
        return f @ self.W_dec + self.b_dec

    def to(self, device: "str | torch.device") -> "Sae":
        """The same autoencoder on another device."""
        weights = {name: getattr(self, name).to(device) for name in _SHAPES}
        return Sae(**weights, model=self.model, hook_name=self.hook_name)


def save_sae(sae: Sae, folder: Path) -> None:
    """Write `cfg.json` and `sae_weights.safetensors` (float16) as SAELens 6 does for a "standard" SAE.

    Raises:
        OSError: when the folder cannot be made or written.
    """
    import torch

    d_in, d_sae = sae.W_enc.shape
    config: dict[str, Any] = {
        "d_in": d_in,
        "d_sae": d_sae,
        "dtype": "float16",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        # Without a version SAELens takes the file for one from before 6.0, and drops what is in here.
        "metadata": {
            "sae_lens_version": "6.0.0",
            "model_name": sae.model,
            "hook_name": sae.hook_name,
            "prepend_bos": True,
        },
        "architecture": "standard",
    }
    write_tensors(folder / WEIGHTS_FILE, {name: getattr(sae, name).detach().to(torch.float16) for name in _SHAPES})
    write_text(folder / CONFIG_FILE, json.dumps(config, indent=2) + "\n")


def read_sae(folder: Path, device: "str | torch.device" = "cpu") -> Sae:
    """Open a "standard" SAE in SAELens's layout, in float32.

    Raises:
        SaeFileError: when files are missing, damaged, of another architecture, or do not fit together.
    """
    import torch
    from safetensors.torch import load_file

    try:
        config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS_FILE, device=str(device))
    except Exception as error:  # safetensors raises its own class beside OSError and ValueError
        raise SaeFileError(f"{folder} holds no SAE that can be read ({error}).") from None
    if config.get("architecture", "standard") != "standard" or not config.get("apply_b_dec_to_input", True):
        raise SaeFileError(
            f"{folder / CONFIG_FILE} describes a {config.get('architecture')!r} SAE with apply_b_dec_to_input "
            f"{config.get('apply_b_dec_to_input')}; only 'standard' ones that subtract b_dec first can be opened."
        )
    sizes = {"d_in": config["d_in"], "d_sae": config["d_sae"]}
    wanted = {name: tuple(sizes[axis] for axis in axes) for name, axes in _SHAPES.items()}
    found = {name: tuple(value.shape) for name, value in weights.items() if name in wanted}
    if found != wanted:
        raise SaeFileError(f"{folder / WEIGHTS_FILE} holds {found}, but {CONFIG_FILE} promises {wanted}.")
    metadata = config.get("metadata", config)  # before SAELens 6 these stood beside the rest
    return Sae(
        **{name: weights[name].to(torch.float32) for name in wanted},
        model=metadata.get("model_name", ""),
        hook_name=metadata.get("hook_name", ""),
    )
