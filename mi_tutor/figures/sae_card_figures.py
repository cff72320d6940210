"""The figures on the cards of sparse autoencoders; all are computed on held-out code, with the model they belong to."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mi_tutor.corpus.labels import LABELS
from mi_tutor.figures.figure import Context, Figure, Value
from mi_tutor.figures.sae_figures import (
    Faithfulness,
    always_true_f1,
    best_predictors,
    faithfulness,
    heldout_windows,
    mlp_activations,
    probe_f1,
)
from mi_tutor.figures.sae_labels import labelled_windows
from mi_tutor.models.sae import Sae
from mi_tutor.models.sae_recipes import SAE_RECIPES
from mi_tutor.models.sae_zoo import load_sae, sae_folder

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


@dataclass(frozen=True)
class Evidence:
    """What the figures of one card are computed from; each part when it is first asked for."""

    context: Context

    @cached_property
    def saes(self) -> dict[str, Sae]:
        """By seed, as on the card."""
        name, assets = self.context.name, self.context.assets
        return {f"seed {seed}": load_sae(name, seed, "cpu", assets) for seed in SAE_RECIPES[name].seeds}

    @cached_property
    def faithfulness(self) -> dict[str, Faithfulness]:
        """Of each autoencoder."""
        windows = heldout_windows(self.context.heldout)
        return {seed: faithfulness(self.context.model, sae, windows) for seed, sae in self.saes.items()}

    @cached_property
    def splits(self) -> "tuple[_Split, _Split]":
        """The tokens to choose on and the tokens to score on: neurons, labels, and which share bytes."""
        one, other = labelled_windows(self.context.roots)
        hook_name = next(iter(self.saes.values())).hook_name

        def split(windows: "Tensor", labels: "Tensor", straddles: "Tensor") -> _Split:
            keep = (windows != windows[0, 0]).flatten()  # all but BOS
            neurons = mlp_activations(self.context.model, hook_name, windows)
            return _Split(neurons[keep], labels.flatten(0, 1)[keep], straddles.flatten()[keep])

        return split(*one), split(*other)

    @cached_property
    def features(self) -> "dict[str, tuple[Int[Tensor, 'label'], Float[Tensor, 'label']]]":
        """For each autoencoder the best feature for each label, and its F1."""
        choose, score = self.splits
        return {
            seed: best_predictors(sae.encode(choose.neurons), choose.labels, sae.encode(score.neurons), score.labels)
            for seed, sae in self.saes.items()
        }


@dataclass(frozen=True)
class _Split:
    neurons: "Float[Tensor, 'token d_in']"
    labels: "Bool[Tensor, 'token label']"
    straddles: "Bool[Tensor, 'token']"


_EVIDENCE: dict[tuple[str, str], Evidence] = {}


def _evidence(context: Context) -> Evidence:
    """The same for all figures of a card; only that of the card at hand is kept, for it is large."""
    key = (context.name, str(context.assets))
    if key not in _EVIDENCE or _EVIDENCE[key].context is not context:
        _EVIDENCE.clear()
        _EVIDENCE[key] = Evidence(context)
    return _EVIDENCE[key]


def _by_seed(read: Callable[[Faithfulness], float | str]) -> Callable[[Context], Value]:
    def compute(context: Context) -> Value:
        values = {seed: read(found) for seed, found in _evidence(context).faithfulness.items()}
        return {seed: value if isinstance(value, str) else round(value, 4) for seed, value in values.items()}

    return compute


def _where_there_is_a_cost(share: float, cost: float) -> float | str:
    """A share of what an ablation costs; of a model that is no worse without its neurons, such as an untrained one, it
    would be one rounding error by another."""
    return share if cost > _SOME_COST else "nothing to recover"


_SOME_COST = 0.05  # nats per token


def _by_label(values: "Tensor") -> Value:
    return {label: round(float(value), 4) for label, value in zip(LABELS, values, strict=True)}


def _neuron_f1(context: Context) -> Value:
    choose, score = _evidence(context).splits
    return _by_label(best_predictors(choose.neurons, choose.labels, score.neurons, score.labels)[1])


def _probe_f1(context: Context) -> Value:
    choose, score = _evidence(context).splits
    return _by_label(probe_f1(choose.neurons, choose.labels, score.neurons, score.labels))


def _hashes(context: Context) -> Value:
    folders = {
        f"seed {seed}": sae_folder(context.name, seed, context.assets) for seed in SAE_RECIPES[context.name].seeds
    }
    return {
        seed: hashlib.sha256((folder / "sae_weights.safetensors").read_bytes()).hexdigest()
        for seed, folder in folders.items()
    }


_F1 = 0.02  # a threshold may be chosen otherwise where two are all but equal
OF_SAES: dict[str, Figure] = {
    "weights_sha256": Figure(_hashes, "", "SHA-256 of the weights files", "files"),
    "features": Figure(
        lambda c: {seed: sae.b_enc.shape[0] for seed, sae in _evidence(c).saes.items()}, "", "features", "files"
    ),
    "l0": Figure(_by_seed(lambda f: f.l0), "", "mean number of active features on a token", "corpus", 0.05),
    "explained_variance": Figure(
        _by_seed(lambda f: f.explained_variance), "", "share of the activations' variance", "corpus", 1e-3
    ),
    "loss_recovered": Figure(
        _by_seed(lambda f: _where_there_is_a_cost(f.loss_recovered, f.mean_ablated_loss - f.clean_loss)),
        "",
        "share of what mean ablation costs that is saved",
        "corpus",
        5e-3,
    ),
    "loss_recovered_from_zero": Figure(
        _by_seed(lambda f: _where_there_is_a_cost(f.loss_recovered_from_zero, f.zero_ablated_loss - f.clean_loss)),
        "",
        "the same beside zero ablation",
        "corpus",
        5e-3,
    ),
    "clean_loss": Figure(_by_seed(lambda f: f.clean_loss), "nats/token", "the model's own loss there", "corpus", 2e-3),
    "spliced_loss": Figure(
        _by_seed(lambda f: f.spliced_loss), "nats/token", "with every activation reconstructed", "corpus", 2e-3
    ),
    "mean_ablated_loss": Figure(
        _by_seed(lambda f: f.mean_ablated_loss), "nats/token", "with the mean in place of all", "corpus", 2e-3
    ),
    "dead_share": Figure(
        _by_seed(lambda f: f.dead_share), "", "share of features active on none of these tokens", "corpus", 5e-3
    ),
    "feature_f1": Figure(
        lambda c: {seed: _by_label(f1) for seed, (_, f1) in _evidence(c).features.items()},
        "",
        "F1 of the best feature for each exact label; feature and threshold chosen on other files",
        "corpus",
        _F1,
    ),
    "neuron_f1": Figure(_neuron_f1, "", "the same of the best neuron", "corpus", _F1),
    "probe_f1": Figure(_probe_f1, "", "the same of a linear probe on all neurons", "corpus", _F1),
    "always_true_f1": Figure(
        lambda c: _by_label(always_true_f1(_evidence(c).splits[1].labels)), "", "of saying yes always", "corpus", 1e-3
    ),
    "label_share": Figure(
        lambda c: _by_label(_evidence(c).splits[1].labels.float().mean(0)), "", "share of tokens", "corpus", 1e-3
    ),
    "straddling_share": Figure(
        lambda c: float(_evidence(c).splits[1].straddles.float().mean()),
        "",
        "share of tokens that lie in more than one lexical token; they take the first label",
        "corpus",
        1e-3,
    ),
}
