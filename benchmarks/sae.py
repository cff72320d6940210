"""Autoencoder training beside dictionary_learning's and SAELens's own trainers: same activations, sizes, steps and loss.

Each peer gets an environment of its own in the user's cache folder (SAELens needs TransformerLens below 4), made at the
first run; where that cannot be done its row says so.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RUNNER = Path(__file__).with_name("sae_runner.py")
PEERS = {"dictionary_learning": "dictionary-learning==0.1.0", "sae_lens": "sae-lens==6.54.12"}
STEPS, BATCH, EXPANSION, EVALUATED = 150, 4096, 4, 8


def saes() -> Table:
    from mi_tutor.models.sae_recipes import SAE_RELU_1L_PY as recipe

    table = Table(
        "trainer",
        "tokens/s",
        "ours is so many times faster",
        "loss, other batches",
        "L0",
        title=f"An SAE on relu-1l-py's neurons, 512 to {512 * EXPANSION}, {STEPS} steps of {BATCH} tokens",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = {
            "d_sae": 512 * EXPANSION,
            "learning_rate": recipe.learning_rate,
            "l1": recipe.l1_coefficient,
            "l1_warmup_steps": STEPS // 10,
            "decay_steps": STEPS // 5,
        }
        (folder / "settings.json").write_text(json.dumps(settings))
        fresh = write_activations(folder / "activations.safetensors")
        speed: dict[str, float] = {}
        for library in ("ours", "dictionary_learning", "sae_lens", "sae_lens_bfloat16"):
            problem = run(library, folder)
            if problem:
                table.add_row(library, problem, "", "", "")
                continue
            found = json.loads((folder / f"{library}.json").read_text())
            speed[library] = found["tokens"] / found["seconds"]
            loss, l0 = evaluate(folder / f"{library}.safetensors", fresh, recipe.l1_coefficient)
            ratio = speed["ours"] / speed[library]
            table.add_row(library, f"{speed[library]:,.0f}", f"{ratio:.1f}", f"{loss:.2f}", f"{l0:.1f}")
    return table


def gpu() -> Table:
    """How much of a GPU's own speed at bfloat16 products a training step of four autoencoders reaches."""
    import time

    import torch

    from mi_tutor.models.sae_recipes import SaeRecipe
    from mi_tutor.training.sae_train import initial_parameters, sae_step

    table = Table("on the GPU", "TFLOP/s", "share", title="SAE training against the matrix products that it needs")
    if not torch.cuda.is_available():
        table.add_row("no CUDA device here", "", "")
        return table
    d_in, batch, steps, instances = 512, 16_384, 50, 4
    recipe = SaeRecipe(
        name="benchmark",
        summary="",
        model="",
        expansion=8,
        seeds=tuple(range(instances)),
        tokens=steps * batch,
        batch=batch,
        learning_rate=1e-3,
        l1_coefficient=1.0,
    )
    parameters = initial_parameters(recipe, d_in, torch.device("cuda"))
    optimizer = torch.optim.Adam([parameter.requires_grad_() for parameter in parameters], lr=0.0, fused=True)
    x = torch.randn(batch, d_in, device="cuda")
    wide = torch.randn(instances * 8 * d_in, d_in, device="cuda", dtype=torch.bfloat16)

    def product() -> None:
        torch.nn.functional.linear(x.bfloat16(), wide)

    def step() -> None:
        with torch.no_grad():
            sae_step(recipe, parameters, optimizer, x, 0)

    flop = 2 * batch * d_in * instances * 8 * d_in  # of one product; a step needs five
    reached = []
    for name, work, products in (("one bfloat16 product", product, 1), ("a training step", step, 5)):
        work()
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(steps):
            work()
        torch.cuda.synchronize()
        reached.append(steps * products * flop / (time.perf_counter() - start) / 1e12)
        table.add_row(name, f"{reached[-1]:.1f}", f"{reached[-1] / reached[0]:.0%}")
    return table


def write_activations(path: Path):  # type: ignore[no-untyped-def]
    """Store scaled activations of relu-1l-py for all steps; returns further ones to judge by."""
    import torch
    from safetensors.torch import save_file

    from mi_tutor.corpus.tokens import corpus_tokens
    from mi_tutor.models.recipes import RECIPES
    from mi_tutor.models.zoo import bundled_weights
    from mi_tutor.training.activations import ActivationStream

    weights = {name: value.float() for name, value in bundled_weights("relu-1l-py").items()}
    stream = ActivationStream(RECIPES["relu-1l-py"], weights, corpus_tokens("train"), BATCH, 0, torch.device("cpu"))
    scale = (512 / stream[0].float().square().sum(-1).mean()).sqrt()
    x = torch.stack([stream[step] * scale.bfloat16() for step in range(STEPS + EVALUATED)])
    save_file({"x": x[:STEPS].contiguous()}, path)
    return x[STEPS:].flatten(0, 1).float()


def evaluate(path: Path, x, l1: float) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """The loss that was trained, and L0, on activations that were not trained on."""
    from safetensors.torch import load_file

    w = load_file(path)
    f = ((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]).relu()
    error = (f @ w["W_dec"] + w["b_dec"] - x).square().sum(-1)
    loss = error + l1 * (f * w["W_dec"].norm(dim=-1)).sum(-1)
    return float(loss.mean()), float((f > 0).sum(-1).float().mean())


def run(library: str, folder: Path) -> str:
    """Train in the library's environment; what went wrong, or nothing."""
    try:
        python = Path(sys.executable) if library == "ours" else environment(library.removesuffix("_bfloat16"))
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no environment for it here: {error}"
    done = subprocess.run([python, RUNNER, library, folder], cwd=folder, capture_output=True, text=True, check=False)
    return f"failed: {done.stderr.strip().splitlines()[-1]}" if done.returncode else ""


def environment(library: str) -> Path:
    """The Python of a virtual environment that holds the library, made when it is not there."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("mi-tutor", appauthor=False)) / "peers" / PEERS[library]
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        torch = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
        (folder / "constraints.txt").write_text(torch + "\n")
        install = [python, "-m", "pip", "install", "-q", "-c", folder / "constraints.txt", torch, PEERS[library]]
        subprocess.run(install, check=True, capture_output=True)
        # dictionary_learning's nnsight brings a torchvision that does not fit a torch without CUDA; it runs without.
        subprocess.run([python, "-m", "pip", "uninstall", "-qy", "torchvision"], check=True, capture_output=True)
        (folder / "complete").touch()
    return python
