"""One short training for every kind of sparse autoencoder: what chapter 05 trains while one waits, and its frontier.

The activation function and the price are arguments, so that the kinds differ in these and in nothing else; weights can be
frozen, which makes controls of them. (SAELens trains the same kinds, but streams activations from a model and hub of its
own and cannot be had without them.)
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

WIDTH = 0.5
"""Of the window around a threshold in which its gradient is pretended, in units of the scaled activations."""
_RATE = 3e-3

Activation = Callable[["Tensor", "Tensor"], "Tensor"]
"""From pre-activations [batch d_sae] and thresholds [d_sae] to features."""
Price = Callable[["Tensor", "Tensor", "Tensor", "Tensor"], "Tensor"]
"""From features, pre-activations, thresholds and W_dec to what they cost, a number."""


class SmallSae(NamedTuple):
    """An autoencoder with whatever activation function."""

    W_enc: "Float[Tensor, 'd_in d_sae']"
    b_enc: "Float[Tensor, 'd_sae']"
    W_dec: "Float[Tensor, 'd_sae d_in']"
    b_dec: "Float[Tensor, 'd_in']"
    threshold: "Float[Tensor, 'd_sae']"
    """What the activation function is given beside the pre-activations; only JumpReLU looks at it."""
    activation: Activation
    scale: float = 1.0
    """What activations are multiplied by before they are encoded; decoding undoes it."""

    def encode(self, x: "Float[Tensor, '*batch d_in']") -> "Float[Tensor, '*batch d_sae']":
        """How strongly each feature is active."""
        pre = (x.flatten(0, -2) * self.scale - self.b_dec) @ self.W_enc + self.b_enc
        return self.activation(pre, self.threshold).unflatten(0, x.shape[:-1])

    def decode(self, f: "Float[Tensor, '*batch d_sae']") -> "Float[Tensor, '*batch d_in']":
        """The activation that these features add up to."""
        return (f @ self.W_dec + self.b_dec) / self.scale


def train_small(
    batches: "Sequence[Float[Tensor, 'batch d_in']]",
    activation: Activation,
    price: Price | None = None,
    *,
    d_sae: int = 320,
    frozen: Collection[str] = (),
    scale: float = 1.0,
    seed: int = 0,
) -> SmallSae:
    """Train one, on the device of the batches, with Adam; the price is warmed up, the rate falls in the last third.

    The decoder begins with random unit rows, the encoder as their transpose, b_dec at the mean of the first batch.

    Args:
        batches: one for each step, scaled to a mean squared length of d_in.
        activation: differentiable where it is to be trained through.
        price: None for none.
        frozen: names of weights that stay as they begin.
        scale: by which the batches have been multiplied; it is kept with the weights.

    Raises:
        ValueError: a name in `frozen` that is no weight.
    """
    import torch

    device, d_in = batches[0].device, batches[0].shape[1]
    draw = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(d_sae, d_in, generator=draw), dim=-1).to(device)
    weights = {
        "W_enc": rows.T.clone(),
        "b_enc": rows.new_zeros(d_sae),
        "W_dec": rows.clone(),
        "b_dec": batches[0].float().mean(0),
        "log_threshold": rows.new_full((d_sae,), -1.0),
    }
    if unknown := set(frozen) - set(weights):
        raise ValueError(f"There is no weight {', '.join(sorted(unknown))}; there are {', '.join(weights)}.")
    for name, weight in weights.items():
        weight.requires_grad_(name not in frozen)
    W_enc, b_enc, W_dec, b_dec, log_threshold = weights.values()
    groups: list[dict[str, Any]] = [
        {"params": [W_enc, b_enc, W_dec, b_dec], "lr": _RATE},
        {"params": [log_threshold], "lr": 10 * _RATE},
    ]
    optimizer, steps = torch.optim.Adam(groups), len(batches)
    with torch.enable_grad():
        for step, batch in enumerate(batches):
            x = batch.float()
            pre = (x - b_dec) @ W_enc + b_enc
            f = activation(pre, log_threshold.exp())
            loss = (x - f @ W_dec - b_dec).square().sum(-1).mean()
            if price is not None:
                loss = loss + min(1.0, 10 * step / steps) * price(f, pre, log_threshold.exp(), W_dec)
            for group, rate in zip(optimizer.param_groups, (_RATE, 10 * _RATE), strict=True):
                group["lr"] = rate * min(1.0, 3 * (1 - step / steps))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    W_enc, b_enc, W_dec, b_dec, threshold = (w.detach() for w in (W_enc, b_enc, W_dec, b_dec, log_threshold.exp()))
    return SmallSae(W_enc, b_enc, W_dec, b_dec, threshold, activation, scale)


def relu(pre: "Tensor", threshold: "Tensor") -> "Tensor":
    """Of Bricken et al. (2023): thresholds are not looked at."""
    return pre.relu()


def top_k(k: int) -> Activation:
    """Keeps the k largest of each input (Gao et al. 2024)."""

    def activation(pre: "Tensor", threshold: "Tensor") -> "Tensor":
        best = pre.topk(k, dim=-1)
        return pre.new_zeros(pre.shape).scatter(-1, best.indices, best.values.relu())

    return activation


def step(pre: "Tensor", threshold: "Tensor") -> "Tensor":
    """1 above the threshold, else 0; backwards a window of width `WIDTH` stands for the step (Rajamanoharan et al. 2024)."""
    near = ((pre - threshold).abs() < WIDTH / 2).to(pre.dtype) / WIDTH
    return (pre > threshold).to(pre.dtype) + near.detach() * (threshold.detach() - threshold)


def jump(pre: "Tensor", threshold: "Tensor") -> "Tensor":
    """JumpReLU with the gradient of that step in its threshold: at the edge a feature is worth its threshold."""
    on = step(pre, threshold)
    return pre * on.detach() + threshold.detach() * (on - on.detach())


def l1_price(strength: float) -> Price:
    """Each activation, weighted by the length of its row (Conerly et al. 2024)."""
    return lambda f, pre, threshold, W_dec: strength * (f * W_dec.norm(dim=-1)).sum(-1).mean()


def l0_price(strength: float) -> Price:
    """Each active feature, however strong; its gradient is that of `step`."""
    return lambda f, pre, threshold, W_dec: strength * step(pre, threshold).sum(-1).mean()
