"""The door to the bundled sparse autoencoders."""

from pathlib import Path
from typing import TYPE_CHECKING

from mi_tutor.models.sae import WEIGHTS_FILE, Sae, read_sae
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.zoo import ASSETS, UnknownModelError

if TYPE_CHECKING:
    import torch


def load_sae(name: str, seed: int = 0, device: "str | torch.device | None" = None, assets: Path | None = None) -> Sae:
    """A bundled sparse autoencoder, in float32, or one in SAELens's layout from a folder.

    Args:
        name: "sae-relu-1l-py" (4 features a neuron), "sae-relu-1l-py-8x", "sae-relu-1l-py-untrained" (of the same model
            with its initial weights), "sae-relu-1l-py-seed-1" (of relu-1l-py-seed-1), or a path.
        seed: which of those trained side by side; sae-relu-1l-py has 0 and 1.
        device: CUDA where there is one when left out, else the CPU.
        assets: the folder of the bundled models; the installed one when left out.

    Raises:
        UnknownModelError: when there is none of that name and seed.
        SaeFileError: when its files are damaged.
    """
    import torch

    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if name not in SAE_RECIPES and Path(name).is_dir():
        return read_sae(Path(name), device)
    folder = sae_folder(name, seed, assets)
    if name not in SAE_RECIPES or not (folder / WEIGHTS_FILE).exists():
        have = "; ".join(f"{each} (seed {' or '.join(map(str, recipe.seeds))})" for each, recipe in SAE_RECIPES.items())
        raise UnknownModelError(f"There is no bundled SAE {name!r} with seed {seed}; there are: {have}.")
    return read_sae(folder, device)


def sae_folder(name: str, seed: int, assets: Path | None = None) -> Path:
    """Where a bundled SAE lies."""
    return (assets or ASSETS) / name / f"seed-{seed}"
