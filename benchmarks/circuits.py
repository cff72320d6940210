"""What chapter 02's circuits need beyond the weights at the size of GPT-2 small, beside the table that they stand for."""

import resource
import subprocess
import sys
import time
from pathlib import Path

from rich.table import Table

D_VOCAB, D_MODEL, D_HEAD, HEADS, POSITIONS = 50_257, 768, 64, 12, 256
EXERCISES = ("one_layer_logits", "ov_circuit", "qk_circuit", "top_skip_trigrams", "copying_score")


def circuits() -> Table:
    weights = (2 * D_VOCAB * D_MODEL + 4 * HEADS * D_MODEL * D_HEAD) * 4
    table = Table(
        "reference solution",
        "seconds",
        "peak beyond the weights, GB",
        "of the table's",
        title=f"Circuits with {D_VOCAB:,} tokens, d_model {D_MODEL}, d_head {D_HEAD} (weights: {weights / 1e9:.2f} GB)",
    )
    whole = D_VOCAB**2 * 4 / 1e9
    for name in EXERCISES:
        # A process each: what one has touched would hide what the next one needs.
        command = [sys.executable, "-c", f"from benchmarks.circuits import measured; measured({name!r})"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, peak = map(float, said.split())
        table.add_row(name, f"{seconds:.2f}", f"{peak:.3f}", f"{peak / whole:.1%}")
    table.add_row("one table of all pairs, not built", "", f"{whole:.1f}", "100%")
    return table


def measured(name: str) -> None:
    """Prints seconds and the growth of the largest resident set, in GB, of one call on weights that are there before."""
    import torch

    from mi_tutor.check.exercise import find_exercise

    draw = torch.Generator().manual_seed(0)
    W_E = torch.randn(D_VOCAB, D_MODEL, generator=draw)
    W_U = torch.randn(D_MODEL, D_VOCAB, generator=draw)
    W_Q, W_K, W_V = torch.randn(3, HEADS, D_MODEL, D_HEAD, generator=draw) / D_MODEL**0.5
    W_O = torch.randn(HEADS, D_HEAD, D_MODEL, generator=draw) / D_HEAD**0.5
    head = {"W_V": W_V[0], "W_O": W_O[0], "W_U": W_U}
    args: dict[str, object]
    if name == "one_layer_logits":
        tokens = torch.randint(D_VOCAB, (1, POSITIONS), generator=draw)
        pattern = torch.ones(HEADS, POSITIONS, POSITIONS).tril()
        pattern = (pattern / pattern.sum(-1, keepdim=True))[None]
        args = {"tokens": tokens, "pattern": pattern, "W_E": W_E, "W_V": W_V, "W_O": W_O, "W_U": W_U}
    elif name == "qk_circuit":
        args = {"W_E": W_E, "W_Q": W_Q[0], "W_K": W_K[0]}
    elif name == "top_skip_trigrams":
        made = {"ov": find_exercise("ov_circuit").reference(W_E=W_E, **head)}
        made["qk"] = find_exercise("qk_circuit").reference(W_E=W_E, W_Q=W_Q[0], W_K=W_K[0])
        args = {**made, "source": 1000, "k": 10}
    else:
        args = {"W_E": W_E, **head}
    reference = find_exercise(name).reference
    _forget_the_peak()
    before, start = _peak(), time.perf_counter()
    result = reference(**args)
    seconds = time.perf_counter() - start
    print(seconds, _peak() - before)
    del result


def _forget_the_peak() -> None:
    """On Linux the kernel can be told to measure the largest resident set from now on; elsewhere drawing counts too."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def _peak() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
