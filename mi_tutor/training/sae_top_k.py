"""TopK autoencoders at any site, in minutes of one core: what tables in chapters are made with, not what ships."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from mi_tutor.training.sae_gradient import Parameters, top_k_gradient

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


class TopKSae(NamedTuple):
    """An autoencoder that keeps the k largest features of each input (Gao et al. 2024)."""

    W_enc: "Float[Tensor, 'd_in d_sae']"
    b_enc: "Float[Tensor, 'd_sae']"
    W_dec: "Float[Tensor, 'd_sae d_in']"
    b_dec: "Float[Tensor, 'd_in']"
    k: int

    def encode(self, x: "Float[Tensor, 'token d_in']") -> "Float[Tensor, 'token d_sae']":
        """How strongly each feature is active; 0 for all but k."""
        import torch

        best = ((x - self.b_dec) @ self.W_enc + self.b_enc).topk(self.k, dim=-1)
        f = x.new_zeros(len(x), len(self.b_enc), dtype=torch.float32)
        return f.scatter_(-1, best.indices, best.values.relu())

    def decode(self, f: "Float[Tensor, 'token d_sae']") -> "Float[Tensor, 'token d_in']":
        """The activation that these features add up to."""
        return f @ self.W_dec + self.b_dec


def train_top_k(
    batches: "Iterable[Float[Tensor, 'batch d_in']]",
    steps: int,
    d_sae: int,
    k: int,
    learning_rate: float = 2e-3,
    seed: int = 0,
) -> TopKSae:
    """Train one on so many batches, float32, on the CPU.

    Activations are centred and scaled by what the first batch says, which is taken out of the weights at the end. The
    decoder's rows begin as random unit vectors, the encoder as their transpose; the rate falls in the last third.
    """
    import torch

    mean, scale, optimizer = torch.zeros(0), 1.0, None
    for step, batch in zip(range(steps), batches, strict=False):
        if not step:
            mean = batch.mean(0)
            scale = float((batch.shape[1] / (batch - mean).square().sum(-1).mean()).sqrt())
            parameters = _initial(d_sae, batch.shape[1], seed)
            optimizer = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        assert optimizer
        with torch.no_grad():
            gradients = top_k_gradient(parameters, (batch - mean) * scale, k).gradients
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.param_groups[0]["lr"] = learning_rate * min(1.0, 3 * (1 - step / steps))
        optimizer.step()
    W_enc, b_enc, W_dec, b_dec = (parameter[0].detach() for parameter in parameters)
    return TopKSae((W_enc * scale).T.contiguous(), b_enc, W_dec / scale, b_dec / scale + mean, k)


def _initial(d_sae: int, d_in: int, seed: int) -> Parameters:
    import torch

    draw = torch.Generator().manual_seed(seed)
    rows = torch.nn.functional.normalize(torch.randn(1, d_sae, d_in, generator=draw), dim=-1)
    start = Parameters(rows.clone(), torch.zeros(1, d_sae), rows, torch.zeros(1, d_in))
    return Parameters(*(tensor.requires_grad_() for tensor in start))
