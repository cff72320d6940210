"""What the cards of sparse autoencoders say: how sparse, how faithful, and how well features match exact labels."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mi_tutor.corpus.tokenizer import BOS_ID
from mi_tutor.models.sae import Sae

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Bool, Float, Int
    from torch import Tensor
    from transformer_lens.model_bridge import TransformerBridge

WINDOWS = 512
WINDOW = 256
# Where a feature's activation is cut to predict a label: anything above 0, and these shares of its largest one.
_THRESHOLDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def heldout_windows(heldout: "Int[Tensor, 'position']") -> "Int[Tensor, 'batch position']":
    """Windows spread evenly over the held-out text, each beginning with BOS."""
    import torch

    starts = torch.linspace(0, len(heldout) - WINDOW, WINDOWS).long()
    windows = heldout[starts[:, None] + torch.arange(WINDOW)]
    windows[:, 0] = BOS_ID
    return windows


@dataclass(frozen=True)
class Faithfulness:
    """What an autoencoder keeps of a model's activations, on the windows it was measured on."""

    l0: float
    """Mean number of active features on a token."""
    explained_variance: float
    """1 - squared error / squared distance from the mean."""
    dead_share: float
    """Share of features active on no token."""
    clean_loss: float
    """The model's loss, nats per token."""
    spliced_loss: float
    """Its loss with every activation replaced by its reconstruction."""
    mean_ablated_loss: float
    """Its loss with every activation replaced by the mean activation."""
    zero_ablated_loss: float
    """Its loss with every activation replaced by zeros."""

    @property
    def loss_recovered(self) -> float:
        """Share of what mean ablation costs that the reconstruction saves."""
        return (self.mean_ablated_loss - self.spliced_loss) / (self.mean_ablated_loss - self.clean_loss)

    @property
    def loss_recovered_from_zero(self) -> float:
        """The same beside zero ablation, the easier yardstick."""
        return (self.zero_ablated_loss - self.spliced_loss) / (self.zero_ablated_loss - self.clean_loss)


def faithfulness(model: "TransformerBridge", sae: Sae, windows: "Int[Tensor, 'batch position']") -> Faithfulness:
    """Measure an autoencoder on whole windows of text."""
    import torch

    x = mlp_activations(model, sae.hook_name, windows)
    mean = x.mean(0)
    active, squared_error = torch.zeros_like(sae.b_enc), 0.0
    with torch.inference_mode():
        for rows in x.split(4096):
            f = sae.encode(rows)
            active += (f > 0).sum(0)
            squared_error += float((sae.decode(f) - rows).square().sum())
    loss = _loss_with
    return Faithfulness(
        l0=float(active.sum()) / len(x),
        explained_variance=1 - squared_error / float((x - mean).square().sum()),
        dead_share=float((active == 0).float().mean()),
        clean_loss=loss(model, sae.hook_name, windows, lambda value: value),
        spliced_loss=loss(model, sae.hook_name, windows, lambda value: sae.decode(sae.encode(value))),
        mean_ablated_loss=loss(model, sae.hook_name, windows, lambda value: mean.expand_as(value)),
        zero_ablated_loss=loss(model, sae.hook_name, windows, lambda value: value * 0),
    )


def mlp_activations(
    model: "TransformerBridge", hook_name: str, windows: "Int[Tensor, 'batch position']"
) -> "Float[Tensor, 'token d_in']":
    """The activations at a hook, window after window."""
    import torch

    rows = []
    with torch.inference_mode():
        for part in windows.split(32):
            _, cache = model.run_with_cache(part, names_filter=hook_name, stop_at_layer=1)
            rows.append(cache[hook_name].flatten(0, 1))
    return torch.cat(rows)


def _loss_with(
    model: "TransformerBridge",
    hook_name: str,
    windows: "Int[Tensor, 'batch position']",
    replace: "Callable[[Tensor], Tensor]",
) -> float:
    import torch
    from torch.nn.functional import cross_entropy

    total = 0.0
    with torch.inference_mode():
        for part in windows.split(32):
            logits = model.run_with_hooks(part, fwd_hooks=[(hook_name, lambda value, hook: replace(value))])
            total += float(cross_entropy(logits[:, :-1].flatten(0, 1), part[:, 1:].flatten(), reduction="sum"))
    return total / windows[:, 1:].numel()


def best_predictors(
    choose: "Float[Tensor, 'token predictor']",
    choose_labels: "Bool[Tensor, 'token label']",
    score: "Float[Tensor, 'token predictor']",
    score_labels: "Bool[Tensor, 'token label']",
) -> "tuple[Int[Tensor, 'label'], Float[Tensor, 'label']]":
    """For each label the predictor, with its threshold, of best F1 on one split, and the F1 that it has on the other.

    Args:
        choose: activations on the tokens among which predictor and threshold are chosen; a predictor says "yes" where it
            is above the threshold.
        choose_labels: the truth there.
        score: activations of the same predictors on other tokens.
        score_labels: the truth there.
    """
    import torch

    peaks = choose.amax(0)
    tried = torch.stack([_f1(choose > share * peaks, choose_labels) for share in _THRESHOLDS])
    best_share = tried.amax(1).argmax(0)  # over predictors, then over thresholds: one of each for a label
    labels = torch.arange(choose_labels.shape[1], device=choose.device)
    predictor = tried[best_share, :, labels].argmax(1)
    threshold = torch.tensor(_THRESHOLDS, device=choose.device)[best_share] * peaks[predictor]
    scored = _f1(score[:, predictor] > threshold, score_labels)
    return predictor, scored[labels, labels]


def probe_f1(
    choose: "Float[Tensor, 'token d_in']",
    choose_labels: "Bool[Tensor, 'token label']",
    score: "Float[Tensor, 'token d_in']",
    score_labels: "Bool[Tensor, 'token label']",
    steps: int = 60,
) -> "Float[Tensor, 'label']":
    """F1 on one split of linear probes (logistic regression) trained, and given their threshold, on the other."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    mean, std = choose.mean(0), choose.std(0).clamp(min=1e-6)
    x, y = (choose - mean) / std, choose_labels.float()
    weight = torch.zeros(x.shape[1], y.shape[1], device=x.device, requires_grad=True)
    bias = torch.zeros(y.shape[1], device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=steps, line_search_fn="strong_wolfe")

    def loss() -> "Tensor":
        optimizer.zero_grad()
        value = binary_cross_entropy_with_logits(x @ weight + bias, y) * y.shape[1] + 1e-4 * weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        fitted, unseen = x @ weight + bias, (score - mean) / std @ weight + bias
        cuts = torch.linspace(-3, 1, 17, device=x.device)
        tried = torch.stack([_f1(fitted > cut, choose_labels).diagonal() for cut in cuts])
        return _f1(unseen > cuts[tried.argmax(0)], score_labels).diagonal()


def always_true_f1(labels: "Bool[Tensor, 'token label']") -> "Float[Tensor, 'label']":
    """What saying "yes" everywhere earns: 2p / (1 + p), with p the share of tokens that have the label."""
    share = labels.float().mean(0)
    return 2 * share / (1 + share)


def _f1(
    says: "Bool[Tensor, 'token predictor']", labels: "Bool[Tensor, 'token label']"
) -> "Float[Tensor, 'predictor label']":
    """2 TP / (2 TP + FP + FN); 0 where that is 0/0. Summed in parts, for no part needs all tokens in float."""
    import torch

    true_positives = torch.zeros(says.shape[1], labels.shape[1], device=says.device)
    for part, truth in zip(says.split(8192), labels.split(8192), strict=True):
        true_positives += part.float().T @ truth.float()
    together = says.sum(0)[:, None] + labels.sum(0)[None]
    return torch.where(together > 0, 2 * true_positives / together.clamp(min=1), 0.0)
