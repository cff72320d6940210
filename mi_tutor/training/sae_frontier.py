"""Three ways to be sparse, each trained long enough at several strengths: the second frontier of chapter 05.

    python -m mi_tutor.training.sae_frontier

trains autoencoders of 512 features on what relu-1l-py's neurons write (a quarter of an hour of one core; what is done is
kept in `training-runs`), measures them and two yardsticks on held-out text, and writes `frontier.json` beside the shipped
ones.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mi_tutor.assets import ASSETS
from mi_tutor.figures.stored import write_table
from mi_tutor.models.plain import first_mlp_output
from mi_tutor.models.recipes import RELU_1L_PY
from mi_tutor.models.zoo import bundled_weights, load_model
from mi_tutor.training.activations import ActivationStream
from mi_tutor.training.command import RUNS
from mi_tutor.training.sae_small import SmallSae, jump, l0_price, l1_price, relu, top_k, train_small

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


def train_one(
    kind: str,
    strength: float,
    batches: "list[Float[Tensor, 'batch d_in']]",
    seed: int,
    scale: float = 1.0,
    d_sae: int = D_SAE,
) -> SmallSae:
    """Train one autoencoder on activations that are scaled to a mean squared length of d_in.

    Args:
        kind: "L1", "TopK" or "JumpReLU".
        strength: the price of activity weighted by row length; how many features are kept; the price of an active one.
        batches: one for each step.
        scale: by which they have been multiplied.
    """
    activation, price = {
        "L1": lambda: (relu, l1_price(strength)),
        "TopK": lambda: (top_k(int(strength)), None),
        "JumpReLU": lambda: (jump, l0_price(strength)),
    }[kind]()
    return train_small(batches, activation, price, d_sae=d_sae, scale=scale, seed=seed)


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
                made = train_one(kind, strength, batches, seed, scale)
                point = judge(HOOK_NAME, made.encode, made.decode)
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
