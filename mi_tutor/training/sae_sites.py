"""Dictionaries of several sizes at several sites, compared with the sites' own axes: a table of chapter 05.

    python -m mi_tutor.training.sae_sites

trains them (half an hour of one core; what is done is kept in `training-runs`), asks how well single units can be told
in words, and writes `sites.json` beside the autoencoders of relu-1l-py.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mi_tutor.assets import ASSETS
from mi_tutor.corpus.tokens import corpus_tokens
from mi_tutor.figures.stored import write_table
from mi_tutor.files.tensor_file import write_tensors
from mi_tutor.models.plain import final_residual, first_mlp_activations
from mi_tutor.models.recipes import RECIPES
from mi_tutor.models.weight_files import read_weights
from mi_tutor.models.zoo import bundled_weights
from mi_tutor.training.command import RUNS

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from mi_tutor.figures.readability import Reading, Text
    from mi_tutor.training.sae_top_k import TopKSae

TOKENS = 1_000_000
BATCH = 1024
ACTIVE = 12
"""What each dictionary may keep of an input: as many as the shipped ones have active."""


class Site(NamedTuple):
    """Where activations are read, and which dictionaries are compared there."""

    model: str
    checkpoint: int | None
    hook_name: str
    read: "Callable[..., Tensor]"
    sizes: tuple[int, ...]
    """Of the dictionaries that are trained here."""
    shipped: tuple[str, ...] = ()
    """The bundled ones that are measured beside them."""

    @property
    def name(self) -> str:
        """As the table calls it."""
        return f"{self.model}{' untrained' if self.checkpoint == 0 else ''}, {self.hook_name}"

    def activations(self, windows: "Int[Tensor, 'batch position']") -> "Float[Tensor, 'token d_in']":
        """What the model holds there on whole windows of text."""
        import torch

        weights = self.weights()
        with torch.inference_mode():
            parts = [self.read(RECIPES[self.model].architecture, weights, part) for part in windows.split(32)]
        return torch.cat(parts).flatten(0, 1)

    def weights(self) -> "dict[str, Tensor]":
        """Of the model, float32."""
        return {name: value.float() for name, value in bundled_weights(self.model, None, self.checkpoint).items()}


NEURONS = ("blocks.0.mlp.hook_post", first_mlp_activations)
STREAM = ("blocks.0.hook_resid_post", final_residual)
SITES = (
    Site("relu-1l-py", None, *STREAM, (512, 4096)),
    Site("relu-1l-py", None, *NEURONS, (256, 512, 2048, 4096), ("sae-relu-1l-py", "sae-relu-1l-py-8x")),
    Site("attn-2l-py", None, "blocks.1.hook_resid_post", final_residual, (1024, 4096)),
    Site("relu-1l-py", 0, *STREAM, (4096,)),
    Site("relu-1l-py", 0, *NEURONS, (), ("sae-relu-1l-py-untrained",)),
)


def train_dictionaries(site: Site, runs: Path) -> "dict[int, TopKSae]":
    """The dictionaries of a site by size, read from `runs` where they were trained before."""
    import torch

    from mi_tutor.training.activations import ActivationStream
    from mi_tutor.training.sae_top_k import TopKSae, train_top_k

    stem = site.name.replace(" ", "-").replace(",", "")
    files = {size: runs / "sites" / f"{stem}-{size}.safetensors" for size in site.sizes}
    batches: list[Tensor] = []
    for size, file in files.items():
        if file.exists():
            continue
        print(f"{site.name}: {size} features", flush=True)
        if not batches:
            stream = ActivationStream(
                *(RECIPES[site.model], site.weights(), corpus_tokens("train"), BATCH),
                *(0, torch.device("cpu"), site.read, False),
            )
            batches = [stream[step].clone() for step in range(TOKENS // BATCH)]  # bfloat16: a gigabyte at most
        made = train_top_k((batch.float() for batch in batches), len(batches), size, ACTIVE)
        write_tensors(file, {name: value for name, value in made._asdict().items() if name != "k"})
    found = {size: read_weights(file) for size, file in files.items()}
    return {size: TopKSae(**{n: w.float() for n, w in weights.items()}, k=ACTIVE) for size, weights in found.items()}


def compare(site: Site, halves: "tuple[Text, Text]", runs: Path) -> Iterator[dict[str, Any]]:
    """A row for the site's own axes, one for random directions, and one for each dictionary."""
    import torch

    from mi_tutor.figures.readability import read_units
    from mi_tutor.models.sae_zoo import load_sae

    dictionaries = train_dictionaries(site, runs)
    choose, score = ((half, site.activations(half.windows)) for half in halves)
    mean = choose[1].mean(0)
    turn = torch.linalg.qr(torch.randn(len(mean), len(mean), generator=torch.Generator().manual_seed(0))).Q

    def both_ways(x: "Tensor") -> "Tensor":
        return torch.cat([x.relu(), (-x).relu()], dim=-1)

    def row(units: str, encode: "Callable[[Tensor], Tensor]") -> dict[str, Any]:
        found = _in_numbers(read_units(encode, choose, score))
        active = sum(int((encode(part) > 0).sum()) for part in score[1].split(4096)) / len(score[1])
        print(site.name, units, found, flush=True)
        return {"site": site.name, "units": units, "active": round(active, 1), **found}

    with torch.inference_mode():
        if site.hook_name == NEURONS[0]:
            yield row("neurons", lambda x: x)
        else:
            yield row("axes, both ways", lambda x: both_ways(x - mean))
        yield row("random directions, both ways", lambda x: both_ways((x - mean) @ turn))
        for size, made in dictionaries.items():
            yield row(f"TopK, {size:,} features", made.encode)
        for name in site.shipped:
            yield row(name, load_sae(name, 0, "cpu").encode)


def _in_numbers(reading: "Reading") -> dict[str, Any]:
    return {
        "used": len(reading.score),
        "median": round(float(reading.score.median()), 3),
        "above_half": round(float((reading.score > 0.5).float().mean()), 3),
        "label_f1": [round(value, 3) for value in reading.label_f1.tolist()],
    }


def main(runs: Path = RUNS, assets: Path = ASSETS) -> None:
    """Train what is missing, compare, write."""
    from mi_tutor.figures.readability import held_out_halves

    halves = held_out_halves()
    write_table("sites", (row for site in SITES for row in compare(site, halves, runs)), assets)


if __name__ == "__main__":
    main()
