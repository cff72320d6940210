"""Units to be rated by somebody who cannot know whether they are features or neurons.

    python -m mi_tutor.figures.blind_sheet --seed 7

writes `sheet.txt`, to read and to rate, and `key.json`, to open afterwards: 50 features of the shipped autoencoder, 50
neurons of relu-1l-py, and 25 features of the untrained model's autoencoder, shuffled. Without a seed one is drawn. The
ratings that chapter 05 shows are in `blind-rating.json` beside the autoencoders, with their seed.
"""

import argparse
import json
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float, Int
    from torch import Tensor

HOOK_NAME = "blocks.0.mlp.hook_post"
DRAWN = {"feature": 50, "neuron": 50, "untrained": 25}
STRONGEST, ANY = 6, 7
"""How many contexts of each kind a unit shows."""
_USED = 30  # a unit is drawn that is active on so many tokens
_WINDOWS = 480


class BlindUnit(NamedTuple):
    """What a rater sees, and what it is of."""

    kind: str
    unit: int
    strongest: list[str]
    """Contexts of its largest activations, one a sequence; the token in angle quotes, the share of the maximum first."""
    any: list[str]
    """Contexts drawn from all tokens on which it is active."""


def blind_units(
    columns: "Mapping[str, tuple[int, Callable[[int], Float[Tensor, 'token']]]]",
    windows: "Int[Tensor, 'batch position']",
    tokenizer: Any,
    drawn: Mapping[str, int],
    generator: "torch.Generator",
) -> list[BlindUnit]:
    """Draw units of several kinds and shuffle them.

    Args:
        columns: for each kind how many units there are, and what gives one's activations on all tokens, on the CPU.
        windows: the text, each row beginning with BOS, which is not counted.
        drawn: how many units of each kind.
    """
    import torch

    width = windows.shape[1]
    inside = (torch.arange(windows.numel()) % width > 0).float()
    chosen: list[tuple[str, int]] = []
    for kind, count in drawn.items():
        total, column = columns[kind]
        found: list[tuple[str, int]] = []
        for unit in torch.randperm(total, generator=generator).tolist():
            if int((column(unit) * inside > 0).sum()) >= _USED:
                found.append((kind, unit))
            if len(found) == count:
                break
        chosen += found
    order = torch.randperm(len(chosen), generator=generator).tolist()
    units = []
    for kind, unit in (chosen[i] for i in order):
        values = columns[kind][1](unit) * inside
        peaks = values.view(-1, width).max(1)
        rows = peaks.values.topk(STRONGEST).indices
        on = values.nonzero()[:, 0]
        some = on[torch.randperm(len(on), generator=generator)[:ANY]]
        show = _Shower(windows, values, tokenizer)
        units.append(
            BlindUnit(
                kind,
                unit,
                [show(at) for at in (rows * width + peaks.indices[rows]).tolist() if values[at] > 0],
                [show(at) for at in some.tolist()],
            )
        )
    return units


class _Shower(NamedTuple):
    windows: "Int[Tensor, 'batch position']"
    values: "Float[Tensor, 'token']"
    tokenizer: Any

    def __call__(self, at: int) -> str:
        row, column = divmod(at, self.windows.shape[1])
        parts = ((max(0, column - 9), column), (column, column + 1), (column + 1, column + 4))
        before, this, after = (self.tokenizer.decode(self.windows[row, first:last]) for first, last in parts)
        text = f"{before}«{this}»{after}".replace("\n", "⏎").replace("<|bos|>", "^")
        return f"{float(self.values[at] / self.values.max()):.1f} {re.sub(r' {3,}', '  ', text)}"


def sheet_text(units: list[BlindUnit], lines: int = ANY) -> str:
    """The sheet, without what the units are; so many contexts of each kind at most."""
    blocks = []
    for i, unit in enumerate(units):
        blocks.append("\n  ".join([f"#{i}", *unit.strongest[:lines], "--", *unit.any[:lines]]))
    return "\n".join(blocks) + "\n"


def drawn_from_held_out(seed: int) -> list[BlindUnit]:
    """The units of the module's docstring, from held-out text of the standard library."""
    import torch

    from mi_tutor.corpus.tokens import corpus_tokens
    from mi_tutor.figures.sae_figures import mlp_activations
    from mi_tutor.models.sae_zoo import load_sae
    from mi_tutor.models.zoo import load_model

    model, untrained = (load_model("relu-1l-py", "cpu", checkpoint=step) for step in (None, 0))
    held_out = corpus_tokens("heldout")
    windows = held_out[torch.linspace(64, len(held_out) - 128, _WINDOWS).long()[:, None] + torch.arange(128)]
    windows[:, 0] = model.tokenizer.bos_token_id
    x, before = (mlp_activations(each, HOOK_NAME, windows) for each in (model, untrained))

    def feature(name: str, x: "Tensor") -> "tuple[int, Callable[[int], Tensor]]":
        sae = load_sae(name, 0, "cpu")
        return len(sae.b_enc), lambda i: ((x - sae.b_dec) @ sae.W_enc[:, i] + sae.b_enc[i]).relu()

    columns = {
        "feature": feature("sae-relu-1l-py", x),
        "neuron": (x.shape[1], lambda i: x[:, i]),
        "untrained": feature("sae-relu-1l-py-untrained", before),
    }
    return blind_units(columns, windows, model.tokenizer, DRAWN, torch.Generator().manual_seed(seed))


def main() -> None:
    """Write the sheet and the key into the working directory."""
    parser = argparse.ArgumentParser(description="A sheet of units to rate blindly, and its key.")
    parser.add_argument("--seed", type=int, default=None)
    seed = parser.parse_args().seed
    seed = secrets.randbits(40) if seed is None else seed
    units = drawn_from_held_out(seed)
    Path("sheet.txt").write_text(sheet_text(units), encoding="utf-8")
    key = {"seed": seed, "units": [[unit.kind, unit.unit] for unit in units]}
    Path("key.json").write_text(json.dumps(key) + "\n", encoding="utf-8")
    print(f"{len(units)} units in sheet.txt; open key.json when all are rated.")


if __name__ == "__main__":
    main()
