"""What is known of each feature of an autoencoder, for all features at once from the few activations that are not 0.

Of two thousand features a dozen are active on a token, so everything here works on the list of active ones: where,
which, how strongly. A full table [token d_sae] exists only for a part of the text at a time.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.figures.sae_figures import always_true_f1
from mi_tutor.models.sae import Sae

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Bool, Float, Int
    from torch import Tensor

CONTEXTS = 8
"""Sequences in which a feature is strongest."""
BINS = 20
NEAREST = 5
TOKENS = 8
"""Tokens that a feature raises most, and lowers most."""
_AT_ONCE = 4096  # tokens: tables of 32 MB and more go back to the system when they are done with
# Where an activation is cut to predict a label, as shares of the feature's largest one on the first half.
_THRESHOLDS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.7)


class Active(NamedTuple):
    """The activations above 0, feature by feature, each feature's in the order of the text."""

    ends: "Int[Tensor, 'd_sae+1']"
    """Feature i has the entries from ends[i] to ends[i + 1]."""
    feature: "Int[Tensor, 'entry']"
    token: "Int[Tensor, 'entry']"
    """Counted through all sequences."""
    value: "Float[Tensor, 'entry']"


class Context(NamedTuple):
    """A stretch of text around a maximum."""

    tokens: "Int[Tensor, 'position']"
    values: "Float[Tensor, 'position']"
    """The feature's activation on each."""
    peak: int
    """The place of the maximum in it."""


class FeatureDashboard(NamedTuple):
    """What a reader wants to see of one feature."""

    feature: int
    share: float
    """Of tokens on which it is active."""
    peak: float
    """Its largest activation; 0 where it never was active."""
    contexts: list[Context]
    """Strongest first, one a sequence."""
    counts: "Int[Tensor, 'bin']"
    """How often it is active, by strength, in bins of equal width from 0 to the peak."""
    raised: list[tuple[int, float]]
    """Tokens and how much an activation of 1 adds to their logit, largest first; the direct path, centred."""
    lowered: list[tuple[int, float]]
    nearest: list[tuple[int, float]]
    """Other features and the cosine of the decoder rows, largest first."""
    label: str
    """The exact label that it predicts best; "" without labels."""
    f1: float
    """How well: label and threshold chosen on the first half of the sequences, scored on the second."""
    floor: float
    """What saying "yes" always would earn for that label."""


@dataclass(frozen=True)
class Dashboards:
    """All features of an autoencoder on one text; `dashboards[i]` is made when it is asked for."""

    tokens: "Int[Tensor, 'batch position']"
    active: Active
    logits: "Float[Tensor, 'd_sae d_vocab']"
    cosines: "Float[Tensor, 'd_sae nearest']"
    neighbours: "Int[Tensor, 'd_sae nearest']"
    label: "Int[Tensor, 'd_sae']"
    f1: "Float[Tensor, 'd_sae']"
    floors: "Float[Tensor, 'label']"
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.active.ends) - 1

    @property
    def share(self) -> "Float[Tensor, 'd_sae']":
        """Of tokens on which each feature is active."""
        return self.active.ends.diff() / self.tokens.numel()

    def __getitem__(self, feature: int) -> FeatureDashboard:
        import torch

        if not 0 <= feature < len(self):
            raise IndexError(f"There is no feature {feature}; they run from 0 to {len(self) - 1}.")
        part = slice(int(self.active.ends[feature]), int(self.active.ends[feature + 1]))
        # On the CPU: what follows asks for one number after the other.
        token, value = self.active.token[part].cpu(), self.active.value[part].cpu()
        peak = float(value.max()) if len(value) else 0.0
        bins = (value / peak * BINS).long().clamp(max=BINS - 1) if peak else token
        best = int(self.label[feature]) if self.names else -1
        up, down = self.logits[feature].topk(TOKENS), self.logits[feature].topk(TOKENS, largest=False)
        return FeatureDashboard(
            feature=feature,
            share=len(value) / self.tokens.numel(),
            peak=peak,
            contexts=self._contexts(token, value),
            counts=torch.bincount(bins, minlength=BINS),
            raised=_pairs(up.indices, up.values),
            lowered=_pairs(down.indices, down.values),
            nearest=_pairs(self.neighbours[feature], self.cosines[feature]),
            label=self.names[best] if self.names else "",
            f1=float(self.f1[feature]) if self.names else 0.0,
            floor=float(self.floors[best]) if self.names else 0.0,
        )

    def _contexts(self, token: "Tensor", value: "Tensor", before: int = 14, after: int = 6) -> list[Context]:
        import torch

        width = self.tokens.shape[1]
        found: list[Context] = []
        seen: set[int] = set()
        for entry in value.argsort(descending=True).tolist():
            row, column = divmod(int(token[entry]), width)
            if row in seen:
                continue
            seen.add(row)
            first, last = max(0, column - before), min(width, column + after + 1)
            inside = (token >= row * width + first) & (token < row * width + last)
            values = torch.zeros(last - first)
            values[token[inside] - row * width - first] = value[inside]
            found.append(Context(self.tokens[row, first:last].cpu(), values, column - first))
            if len(found) == CONTEXTS:
                break
        return found


def feature_dashboards(
    sae: Sae,
    x: "Float[Tensor, 'batch position d_in']",
    tokens: "Int[Tensor, 'batch position']",
    to_logits: "Float[Tensor, 'd_in d_vocab']",
    labels: "Bool[Tensor, 'batch position label'] | None" = None,
    names: "Sequence[str]" = (),
) -> Dashboards:
    """Gather what the dashboards of all features need.

    Args:
        sae: the autoencoder; what follows is on its device.
        x: activations of the model at its hook.
        tokens: the text they belong to.
        to_logits: what a unit of each input dimension adds to every logit by the direct path, W_out @ W_U.
        labels: exact labels of the tokens; first and second half of the sequences should come from different files.
        names: of the labels.

    Raises:
        ValueError: sizes that do not fit together.
    """
    import torch

    if x.shape[:2] != tokens.shape or (labels is not None and labels.shape != (*tokens.shape, len(names))):
        sizes = f"x {list(x.shape)}, tokens {list(tokens.shape)}"
        raise ValueError(f"The text, its activations and its labels do not fit together: {sizes}.")
    with torch.no_grad():
        active = active_features(sae, x.flatten(0, 1))
        logits = sae.W_dec @ (to_logits - to_logits.mean(-1, keepdim=True))
        unit = torch.nn.functional.normalize(sae.W_dec, dim=-1)
        nearest = (unit @ unit.T).fill_diagonal_(-2).topk(min(NEAREST, len(unit) - 1))
        best, f1, floors = _best_labels(active, labels.flatten(0, 1), len(tokens)) if labels is not None else _nothing()
    return Dashboards(
        tokens, active, logits, nearest.values, nearest.indices, best, f1, floors, tuple(names) if len(floors) else ()
    )


def active_features(sae: Sae, x: "Float[Tensor, 'token d_in']") -> Active:
    """Where, which and how strongly features are active."""
    import torch

    places, values = [], []
    first = 0
    for rows in x.split(_AT_ONCE):
        f = sae.encode(rows.float())
        where = f.nonzero()
        values.append(f[where[:, 0], where[:, 1]])
        where[:, 0] += first
        places.append(where)
        first += len(rows)
    token, feature = torch.cat(places).unbind(1)
    order = feature.argsort(stable=True)
    ends = torch.nn.functional.pad(torch.bincount(feature, minlength=len(sae.b_enc)).cumsum(0), (1, 0))
    return Active(ends, feature[order], token[order], torch.cat(values)[order])


def _nothing() -> "tuple[Tensor, Tensor, Tensor]":
    import torch

    return torch.zeros(0, dtype=torch.int64), torch.zeros(0), torch.zeros(0)


def _best_labels(
    active: Active, labels: "Bool[Tensor, 'token label']", batch: int
) -> "tuple[Int[Tensor, 'd_sae'], Float[Tensor, 'd_sae'], Float[Tensor, 'label']]":
    """For each feature the label that it predicts best on the first half, and the F1 that it has on the second."""
    import torch

    half = batch // 2 * (len(labels) // batch)
    d_sae, count = len(active.ends) - 1, labels.shape[1]
    chosen = active.token < half
    peaks = active.value.new_zeros(d_sae).scatter_reduce_(0, active.feature[chosen], active.value[chosen], "amax")

    def f1(entries: "Tensor", truth: "Tensor") -> "Float[Tensor, 'd_sae label']":
        hits = active.value.new_zeros(d_sae, count).index_add_(
            0, active.feature[entries], labels[active.token[entries]].float()
        )
        together = torch.bincount(active.feature[entries], minlength=d_sae)[:, None] + truth.sum(0)
        return 2 * hits / together.clamp(min=1)

    tried = []
    for share in _THRESHOLDS:
        above = active.value > share * peaks[active.feature]
        tried.append(f1(chosen & above, labels[:half]))
    table = torch.stack(tried, -1)  # feature, label, threshold
    best = table.flatten(1).argmax(1)
    label, cut = best // len(_THRESHOLDS), peaks.new_tensor(_THRESHOLDS)[best % len(_THRESHOLDS)]
    threshold = cut * peaks
    scored = f1(~chosen & (active.value > threshold[active.feature]), labels[half:])
    return label, scored.gather(1, label[:, None])[:, 0], always_true_f1(labels[half:])


def _pairs(ids: "Tensor", values: "Tensor") -> list[tuple[int, float]]:
    return list(zip(ids.tolist(), values.tolist(), strict=True))


def followers(active: Active, tokens: "Int[Tensor, 'batch position']") -> "Int[Tensor, 'd_sae d_sae']":
    """How often each feature (column) is active on the token right after one on which another (row) is.

    Sequences are kept apart: what opens the next one follows nothing.
    """
    import torch

    d_sae, width = len(active.ends) - 1, tokens.shape[1]
    order = active.token.argsort(stable=True)
    token, feature = active.token[order], active.feature[order]
    starts = torch.nn.functional.pad(torch.bincount(token, minlength=tokens.numel()).cumsum(0), (1, 0))
    counts = token.new_zeros(d_sae * d_sae)
    next_token = token + 1
    usable = (next_token % width != 0).nonzero()[:, 0]
    for part in usable.split(65_536):
        first, last = starts[next_token[part]], starts[next_token[part] + 1]
        length = last - first
        before = feature[part].repeat_interleave(length)
        offset = torch.arange(len(before), device=token.device) - (length.cumsum(0) - length).repeat_interleave(length)
        after = feature[first.repeat_interleave(length) + offset]
        counts += torch.bincount(before * d_sae + after, minlength=d_sae * d_sae)
    return counts.view(d_sae, d_sae)
