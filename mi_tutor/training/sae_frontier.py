"""Three ways to be sparse, each trained long enough at several strengths: the second frontier of chapter 05.

    python -m mi_tutor.training.sae_frontier

trains autoencoders of 512 features on what relu-1l-py's neurons write (a quarter of an hour of one core; what is done is
kept in `training-runs`), measures them and two yardsticks on held-out text, and writes `frontier.json` beside the shipped
ones.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.assets import ASSETS
from mi_tutor.figures.stored import write_table
from mi_tutor.models.plain import first_mlp_output
from mi_tutor.models.recipes import RELU_1L_PY
from mi_tutor.models.zoo import bundled_weights, load_model
from mi_tutor.training.activations import ActivationStream
from mi_tutor.training.command import RUNS

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

FILE = "frontier.json"
HOOK_NAME = "blocks.0.hook_mlp_out"
NEURONS = "blocks.0.mlp.hook_post"
D_SAE = 512
TOKENS = 1_000_000
BATCH = 512
SEEDS = (0,)
STRENGTHS: dict[str, tuple[float, ...]] = {
    "L1": (1.0, 2.0, 4.0, 8.0),
    "TopK": (32, 16, 8, 4),
    "JumpReLU": (0.3, 0.7, 1.5, 3.5),
}
KEPT = (32, 16, 11, 8, 4)
"""How many of the strongest neurons the yardstick keeps."""
_RATE = 3e-3
_WINDOW_WIDTH = 0.5  # of the pretended gradient around a threshold, in units of the scaled activations


class Trained(NamedTuple):
    """An autoencoder of whatever kind."""

    encode: "Callable[[Tensor], Tensor]"
    W_dec: "Float[Tensor, 'd_sae d_in']"
    b_dec: "Float[Tensor, 'd_in']"

    def at_scale(self, scale: float) -> "tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]":
        """Encoder and decoder of activations that are to be multiplied by `scale` first."""
        return lambda x: self.encode(x * scale), lambda f: (f @ self.W_dec + self.b_dec) / scale


def train_one(
    kind: str, strength: float, batches: "list[Float[Tensor, 'batch d_in']]", seed: int, d_sae: int = D_SAE
) -> Trained:
    """Train one autoencoder on activations that are scaled to a mean squared length of d_in.

    Args:
        kind: "L1", "TopK" or "JumpReLU".
        strength: the price of activity weighted by row length; how many features are kept; the price of an active one.
        batches: one for each step.
    """
    import torch

    draw, d_in = torch.Generator().manual_seed(seed), batches[0].shape[1]
    rows = torch.nn.functional.normalize(torch.randn(d_sae, d_in, generator=draw), dim=-1)
    weights = [rows.T.clone(), torch.zeros(d_sae), rows.clone(), batches[0].float().mean(0), torch.full((d_sae,), -1.0)]
    W_enc, b_enc, W_dec, b_dec, log_threshold = (weight.requires_grad_() for weight in weights)

    def encode(x: "Tensor") -> "Tensor":
        pre = (x - b_dec) @ W_enc + b_enc
        if kind == "TopK":
            best = pre.topk(int(strength), dim=-1)
            return torch.zeros_like(pre).scatter(-1, best.indices, best.values.relu())
        return pre.relu() if kind == "L1" else torch.where(pre > log_threshold.exp(), pre, 0.0)

    groups: list[dict[str, Any]] = [
        {"params": [W_enc, b_enc, W_dec, b_dec], "lr": _RATE},
        {"params": [log_threshold], "lr": 10 * _RATE},
    ]
    optimizer, steps = torch.optim.Adam(groups), len(batches)
    for step, batch in enumerate(batches):
        x, price = batch.float(), strength * min(1.0, 10 * step / steps)
        if kind == "JumpReLU":
            f, active = _jump((x - b_dec) @ W_enc + b_enc, log_threshold.exp())
            cost = price * active.sum(-1).mean()
        else:
            f = encode(x)
            cost = (price if kind == "L1" else 0.0) * (f * W_dec.norm(dim=-1)).sum(-1).mean()
        loss = (x - f @ W_dec - b_dec).square().sum(-1).mean() + cost
        for group, rate in zip(optimizer.param_groups, (_RATE, 10 * _RATE), strict=True):
            group["lr"] = rate * min(1.0, 3 * (1 - step / steps))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Trained(encode, W_dec.detach(), b_dec.detach())


def _jump(pre: "Tensor", threshold: "Tensor") -> "tuple[Tensor, Tensor]":
    """Activations and which are on; a threshold's gradient is pretended in a window around it (Rajamanoharan et al. 2024)."""
    near = ((pre - threshold).abs() < _WINDOW_WIDTH / 2).to(pre.dtype) / _WINDOW_WIDTH
    on = (pre > threshold).to(pre.dtype)
    slope = near.detach() * (threshold.detach() - threshold)  # 0, with the gradient of the step
    gate = on + slope
    return pre * on + threshold.detach() * slope, gate


def measure(points: list[dict[str, Any]], runs: Path) -> list[dict[str, Any]]:
    """Every training's L0 and loss recovered, and the two yardsticks'; `points` are those measured before."""
    import torch

    from mi_tutor.corpus.tokens import corpus_tokens

    weights = {name: value.float() for name, value in bundled_weights(RELU_1L_PY.name).items()}
    tokens, cpu = corpus_tokens("train"), torch.device("cpu")
    stream = ActivationStream(RELU_1L_PY, weights, tokens, BATCH, 0, cpu, first_mlp_output, bfloat16=False)
    judge = _Judge()
    scale = float((stream[0].shape[1] / stream[0].float().square().sum(-1).mean()).sqrt())
    batches: list[Tensor] = []
    for seed in SEEDS:
        for kind, strengths in STRENGTHS.items():
            for strength in strengths:
                if any((p["kind"], p["strength"], p["seed"]) == (kind, strength, seed) for p in points):
                    continue
                batches = batches or [stream[step] * scale for step in range(TOKENS // BATCH)]
                made = train_one(kind, strength, batches, seed)
                point = judge(HOOK_NAME, *made.at_scale(scale))
                points.append({"kind": kind, "strength": strength, "seed": seed, **point})
                print(points[-1], flush=True)
                runs.mkdir(parents=True, exist_ok=True)
                (runs / FILE).write_text(json.dumps(points), encoding="utf-8")
    return points + judge.yardsticks()


class _Judge:
    """Loss recovered on held-out windows, the mean as ablation."""

    def __init__(self) -> None:
        from mi_tutor.corpus.tokens import corpus_tokens
        from mi_tutor.figures.sae_figures import heldout_windows, mlp_activations

        self.model = load_model(RELU_1L_PY.name, "cpu")
        self.windows = heldout_windows(corpus_tokens("heldout"))[::4]
        mean = mlp_activations(self.model, NEURONS, self.windows).mean(0)
        self.clean = self.loss(NEURONS, lambda x: x)
        self.ablated = self.loss(NEURONS, lambda x: mean.expand_as(x))

    def loss(self, hook_name: str, replace: "Callable[[Tensor], Tensor]") -> float:
        import torch
        from torch.nn.functional import cross_entropy

        total = 0.0
        with torch.inference_mode():
            for part in self.windows.split(32):
                logits = self.model.run_with_hooks(part, fwd_hooks=[(hook_name, lambda x, hook: replace(x))])
                total += float(cross_entropy(logits[:, :-1].flatten(0, 1), part[:, 1:].flatten(), reduction="sum"))
        return total / self.windows[:, 1:].numel()

    def __call__(
        self, hook_name: str, encode: "Callable[[Tensor], Tensor]", decode: "Callable[[Tensor], Tensor]"
    ) -> dict[str, float]:
        active: list[int] = []

        def rebuild(x: "Tensor") -> "Tensor":
            f = encode(x.flatten(0, 1))
            active.append(int((f > 0).sum()))
            return decode(f).view_as(x)

        recovered = (self.ablated - self.loss(hook_name, rebuild)) / (self.ablated - self.clean)
        return {"l0": round(sum(active) / self.windows.numel(), 2), "recovered": round(recovered, 4)}

    def yardsticks(self) -> list[dict[str, Any]]:
        """The shipped autoencoder, and neurons of which only the strongest are kept."""
        from mi_tutor.models.sae_zoo import load_sae

        sae = load_sae("sae-relu-1l-py", 0, "cpu")
        rows = [{"kind": "shipped", "strength": 6.0, "seed": 0, **self(NEURONS, sae.encode, sae.decode)}]
        for k in KEPT:
            point = self(NEURONS, _strongest(k), lambda f: f)
            rows.append({"kind": "neurons", "strength": k, "seed": 0, **point})
        return rows


def _strongest(k: int) -> "Callable[[Tensor], Tensor]":
    return lambda x: x * (x >= x.topk(k).values[..., -1:])


def main(runs: Path = RUNS, assets: Path = ASSETS) -> None:
    """Train what is missing, measure, write."""
    before = runs / "frontier" / FILE
    points = measure(json.loads(before.read_text(encoding="utf-8")) if before.exists() else [], before.parent)
    write_table("frontier", points, assets)


if __name__ == "__main__":
    main()
