"""How long the dashboards of a thousand features take, beside the dense way: every activation of every feature in memory."""

import time

from rich.table import Table

FEATURES = 1_000


def dashboards() -> Table:
    import torch

    from mi_tutor.corpus.labels import LABELS, corpus_labels
    from mi_tutor.corpus.tokens import corpus_tokens
    from mi_tutor.figures.dashboard import feature_dashboards
    from mi_tutor.figures.sae_figures import mlp_activations
    from mi_tutor.models.sae_zoo import load_sae
    from mi_tutor.models.zoo import load_model
    from mi_tutor.views.dashboard import feature_dashboard

    model, sae = load_model("relu-1l-py", "cpu"), load_sae("sae-relu-1l-py", device="cpu")
    heldout, truth = corpus_tokens("heldout"), corpus_labels("heldout").labels
    places = torch.linspace(0, len(heldout) - 128, 320).long()[:, None] + torch.arange(128)
    windows, labels = heldout[places], truth[places]
    to_logits = (model.W_out[0] @ model.W_U).detach()
    x = mlp_activations(model, sae.hook_name, windows).view(*windows.shape, -1)

    start = time.perf_counter()
    found = feature_dashboards(sae, x, windows, to_logits, labels, LABELS)
    gathered = time.perf_counter() - start
    start = time.perf_counter()
    pages = [feature_dashboard(found[feature], model.tokenizer) for feature in range(FEATURES)]
    drawn = time.perf_counter() - start
    size = sum(len(page.html) for page in pages) / FEATURES

    start = time.perf_counter()
    f = sae.encode(x.flatten(0, 1)).view(*windows.shape, -1)
    for feature in range(FEATURES):
        peaks = f[..., feature].max(1)
        peaks.values.topk(8)
        torch.histc(f[..., feature][f[..., feature] > 0], 20)
    dense = time.perf_counter() - start
    table = Table(
        "what",
        "seconds",
        title=f"Dashboards of {FEATURES:,} features on {windows.numel():,} tokens, {size / 1e3:.0f} kB each",
    )
    table.add_row("gathering, all features", f"{gathered:.2f}")
    table.add_row(f"drawing {FEATURES:,}", f"{drawn:.2f}")
    table.add_row("both", f"{gathered + drawn:.2f}")
    table.add_row("dense: maxima and histograms alone", f"{dense:.2f}")
    return table
