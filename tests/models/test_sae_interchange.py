"""Files for SAELens and from it: opened by a real sae-lens, in an environment of its own, and by us."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mi_tutor.models.sae import Sae, read_sae, save_sae

ROOT = Path(__file__).parents[2]
# What the other side does: open ours, say what it computes, and write one of its own.
THERE = """
import sys, torch
from pathlib import Path
from safetensors.torch import load_file, save_file
from sae_lens import SAE, StandardSAE, StandardSAEConfig

folder = Path(sys.argv[1])
x = load_file(folder / "x.safetensors")["x"]
ours = SAE.load_from_disk(folder / "ours", device="cpu").to(torch.float32)
f = ours.encode(x)
save_file({"f": f.detach().contiguous(), "x_hat": ours.decode(f).detach().contiguous()}, folder / "ours-there.safetensors")
torch.manual_seed(0)
config = StandardSAEConfig(d_in=12, d_sae=40, dtype="float32", device="cpu", apply_b_dec_to_input=True)
config.metadata.hook_name = "blocks.0.mlp.hook_post"
config.metadata.model_name = "relu-1l-py"
theirs = StandardSAE(config)
with torch.no_grad():
    for weight in theirs.parameters():
        weight.copy_(torch.randn_like(weight) * 0.5)
theirs.save_model(folder / "theirs")
f = theirs.encode(x)
save_file({"f": f.detach().contiguous(), "x_hat": theirs.decode(f).detach().contiguous()}, folder / "theirs-there.safetensors")
print(ours.cfg.metadata.hook_name, ours.cfg.metadata.model_name)
"""


@pytest.mark.slow
def test_sae_lens_opens_our_files_and_we_open_its(tmp_path):
    from safetensors.torch import load_file, save_file

    sys.path.insert(0, str(ROOT))
    from benchmarks.sae import environment

    try:
        python = environment("sae_lens")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"sae-lens cannot be installed here: {error}")
    draw = torch.Generator().manual_seed(0)
    shapes = {"W_enc": (12, 40), "b_enc": (40,), "W_dec": (40, 12), "b_dec": (12,)}
    weights = {name: torch.randn(shape, generator=draw).half().float() for name, shape in shapes.items()}
    ours = Sae(**weights, model="relu-1l-py", hook_name="blocks.0.mlp.hook_post")
    save_sae(ours, tmp_path / "ours")
    x = torch.randn(9, 12, generator=draw)
    save_file({"x": x}, tmp_path / "x.safetensors")

    (tmp_path / "there.py").write_text(THERE)
    done = subprocess.run(
        [python, tmp_path / "there.py", tmp_path], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-2:] == ["blocks.0.mlp.hook_post", "relu-1l-py"]

    theirs = read_sae(tmp_path / "theirs")
    assert (theirs.model, theirs.hook_name) == ("relu-1l-py", "blocks.0.mlp.hook_post")
    for sae, name in ((ours, "ours"), (theirs, "theirs")):
        there = load_file(tmp_path / f"{name}-there.safetensors")
        f = sae.encode(x)
        torch.testing.assert_close(f, there["f"].float(), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(sae.decode(f), there["x_hat"].float(), rtol=1e-4, atol=1e-4)
