"""The three things most worth seeing, as pictures for README and the first page of the site.

make pictures       or: python -m docs.take_pictures
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from docs.browser import ADVICE, find_browser, new_page
from mi_tutor import corpus_tokens, load_model
from mi_tutor.corpus.labels import LABELS, corpus_labels
from mi_tutor.figures.dashboard import feature_dashboards
from mi_tutor.figures.heads import random_repeats
from mi_tutor.figures.sae_figures import mlp_activations
from mi_tutor.models import load_sae
from mi_tutor.training.toy import best_of, train_toy
from mi_tutor.views import directions, feature_dashboard
from mi_tutor.views.colours import SEQUENTIAL
from mi_tutor.views.picture import Picture, new_figure

FOLDER = Path(__file__).parent / "pictures"
WIDTH, SCALE = 900, 1.5
"""Of a picture, in pixels, and dots in each of them."""
LARGEST = 150_000
"""Bytes of a picture; the repository keeps every version of it."""


def induction() -> Any:
    """The induction head's mean attention on random tokens that come twice, before, during and after it forms."""
    steps = (1000, 3000, 4000, 8700)
    tokens = random_repeats()
    scale = {
        "colorscale": SEQUENTIAL,
        "cmin": 0,
        "cmax": 0.6,
        "colorbar": {"title": {"text": "attention", "side": "right"}},
    }
    figure = new_figure(height=214, coloraxis=scale).set_subplots(
        cols=len(steps), subplot_titles=[f"after {step:,} steps" for step in steps], shared_yaxes=True
    )
    for column, step in enumerate(steps, start=1):
        model = load_model("attn-2l-py", device="cpu", checkpoint=step)
        _, cache = model.run_with_cache(tokens)
        figure.add_heatmap(z=cache["pattern", 1][:, 6].mean(0).tolist(), coloraxis="coloraxis", row=1, col=column)
    figure.update_traces(x=list(range(tokens.shape[1])), y=list(range(tokens.shape[1])))
    figure.update_xaxes(title_text="key")
    figure.update_yaxes(autorange="reversed")
    figure.update_yaxes(title_text="query", col=1)
    return Picture(figure, "Attention of head 1.6 at four checkpoints.")


def superposition() -> Any:
    """Five features in two dimensions, from always there to one time in twenty."""
    probabilities, restarts = (1.0, 0.35, 0.2, 0.05), 6
    rows = torch.tensor(probabilities).repeat_interleave(restarts)[:, None].expand(-1, 5)
    best = best_of(train_toy(rows, 2, 0.9 ** torch.arange(5.0)), restarts)
    named = zip(probabilities, best.W, strict=True)
    return directions({f"there {probability:.0%} of the time": W for probability, W in named})


def feature() -> Any:
    """The dashboard of one feature of an autoencoder."""
    model, sae = load_model("relu-1l-py", device="cpu"), load_sae("sae-relu-1l-py", seed=0, device="cpu")
    heldout, truth = corpus_tokens("heldout"), corpus_labels("heldout").labels
    places = torch.linspace(0, len(heldout) - 128, 240).long()[:, None] + torch.arange(128)
    windows, labels = heldout[places], truth[places]
    windows[:, 0], labels[:, 0] = model.tokenizer.bos_token_id, False
    x = mlp_activations(model, "blocks.0.mlp.hook_post", windows)
    W_out = model.W_out[0] - model.W_out[0].mean(-1, keepdim=True)  # the final norm takes the mean
    found = feature_dashboards(sae, x.view(*windows.shape, -1), windows, W_out @ model.W_U, labels, LABELS)
    return feature_dashboard(found[1342], model.tokenizer)


PICTURES: tuple[Callable[[], Any], ...] = (induction, superposition, feature)


def take(folder: Path, program: str) -> None:
    """Draw each picture's static form in the browser, on white, with more than a dot a pixel."""
    folder.mkdir(exist_ok=True)
    with new_page(program, viewport={"width": WIDTH, "height": 400}, device_scale_factor=SCALE) as page:
        for draw in PICTURES:
            with torch.no_grad():
                shown = draw().to_static()
            style = f"margin:0;padding:12px;box-sizing:border-box;width:fit-content;max-width:{WIDTH}px;font:13px system-ui,sans-serif;color:#222"
            page.set_content(
                f'<!doctype html><body style="margin:0;background:#fff"><div id="all" style="{style}">{shown}</div>'
            )
            path = folder / f"{draw.__name__}.png"
            page.locator("#all").screenshot(path=path)
            print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> int:
    program = find_browser()
    if program is None:
        print(f"Taking pictures {ADVICE}.", file=sys.stderr)
        return 1
    take(FOLDER, program)
    large = [path.name for path in FOLDER.glob("*.png") if path.stat().st_size > LARGEST]
    if large:
        print(f"Larger than {LARGEST / 1000:.0f} kB: {', '.join(large)}", file=sys.stderr)
    return int(bool(large))


if __name__ == "__main__":
    sys.exit(main())
