"""The gradient of the SAE loss, written out, for several autoencoders of one size on the same activations.

Nearly every feature of a trained autoencoder is 0 on a given token. Of the five matrix products that a step takes
(encode, decode, and three backwards) only the first needs all of them, so on a processor the other four visit the
active features alone. Nothing is approximated: a feature that is 0 adds 0 to each of them.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor

# Above this share of active features four dense products are faster than visiting the active ones.
_SPARSE_BELOW = 0.05


class Parameters(NamedTuple):
    """The weights of several autoencoders; each tensor's first axis counts them."""

    W_enc: "Float[Tensor, 'instance d_sae d_in']"
    """Transposed, unlike in `Sae`: a feature's weights lie together, and so do its gradient's."""
    b_enc: "Float[Tensor, 'instance d_sae']"
    W_dec: "Float[Tensor, 'instance d_sae d_in']"
    b_dec: "Float[Tensor, 'instance d_in']"


class Step(NamedTuple):
    """What one batch says about each autoencoder."""

    gradients: Parameters
    squared_error: "Float[Tensor, 'instance']"
    """Mean over the batch of the squared distance between activation and reconstruction."""
    penalty: "Float[Tensor, 'instance']"
    """Mean over the batch of the sum of activation times decoder norm, without its coefficient."""
    l0: "Float[Tensor, 'instance']"
    """Mean number of active features."""
    fired: "Float[Tensor, 'instance d_sae']"
    """How many tokens of the batch each feature is active on."""


def loss_gradient(
    parameters: Parameters, x: "Float[Tensor, 'batch d_in']", l1_coefficient: float, dtype: "torch.dtype"
) -> Step:
    """Loss and gradient of mean_batch(|x - x_hat|^2 + l1_coefficient * sum_i f_i |W_dec_i|).

    Args:
        parameters: float32; all on one device.
        x: the activations, the same for every autoencoder.
        l1_coefficient: the weight of the penalty.
        dtype: the type in which matrix products are computed; sums and results are float32.
    """
    import numpy as np
    import torch

    W_enc, b_enc, W_dec, b_dec = parameters
    instances, d_sae, _ = W_enc.shape
    x_low = x.to(dtype)
    # (x - b_dec) W_enc + b_enc, for all autoencoders in one product.
    bias = b_enc - torch.einsum("i s d, i d -> i s", W_enc, b_dec)
    pre = torch.nn.functional.linear(x_low, W_enc.flatten(0, 1).to(dtype), bias.flatten().to(dtype))
    active = pre > 0
    if x.device.type == "cpu" and np.count_nonzero(active.numpy()) < _SPARSE_BELOW * active.numel():
        return _sparse(parameters, x, pre, active, l1_coefficient, dtype)

    f = (pre * active).view(len(x), instances, d_sae).transpose(0, 1)  # [instance batch d_sae]
    norms = W_dec.norm(dim=-1)
    W_dec_low = W_dec.to(dtype)
    residual = torch.bmm(f, W_dec_low).float() + b_dec[:, None] - x
    upstream = residual * (2 / len(x))
    upstream_low = upstream.to(dtype)
    to_pre = torch.bmm(upstream_low, W_dec_low.mT) + (l1_coefficient / len(x) * norms[:, None]).to(dtype)
    to_pre = to_pre * (f > 0)
    strength = f.sum(1, dtype=torch.float32)
    to_bias = to_pre.sum(1, dtype=torch.float32)
    inner = torch.bmm(to_pre.mT, x_low.expand(instances, -1, -1)).float()
    return Step(
        Parameters(
            W_enc=inner - to_bias[..., None] * b_dec[:, None],
            b_enc=to_bias,
            W_dec=torch.bmm(f.mT, upstream_low).float() + _norm_gradient(W_dec, norms, strength, l1_coefficient, x),
            b_dec=upstream.sum(1) - torch.einsum("i s, i s d -> i d", to_bias, W_enc),
        ),
        squared_error=residual.square().sum(-1).mean(-1),
        penalty=(strength * norms).sum(-1) / len(x),
        l0=(f > 0).sum((1, 2)) / len(x),
        fired=(f > 0).sum(1).float(),
    )


def top_k_gradient(parameters: Parameters, x: "Float[Tensor, 'batch d_in']", k: int) -> Step:
    """The same for a TopK autoencoder (Gao et al. 2024): no penalty, and of each input's features the k largest count.

    Args:
        parameters: float32, of one autoencoder, on the CPU.
        x: the activations.
        k: how many features an input keeps; those of them that are negative are 0.
    """
    import torch

    pre = torch.nn.functional.linear(x - parameters.b_dec[0], parameters.W_enc[0], parameters.b_enc[0])
    best = pre.topk(k, dim=-1)
    active = torch.zeros(pre.shape, dtype=torch.bool).scatter_(-1, best.indices, best.values > 0)
    return _sparse(parameters, x, pre, active, 0.0, torch.float32)


def _sparse(
    parameters: Parameters,
    x: "Float[Tensor, 'batch d_in']",
    pre: "Float[Tensor, 'batch instance*d_sae']",
    active: "Tensor",
    l1_coefficient: float,
    dtype: "torch.dtype",
) -> Step:
    """The same from the list of active features: embedding bags whose "tokens" are features or, backwards, inputs."""
    import numpy as np
    import torch
    from torch.nn.functional import embedding_bag

    W_enc, _, W_dec, b_dec = parameters
    instances, d_sae, d_in = W_dec.shape
    features = instances * d_sae
    where = np.flatnonzero(active.numpy())  # row by row
    value = pre.flatten()[torch.from_numpy(where)].float()
    token, feature = np.divmod(where, features)
    row = token * instances + feature // d_sae  # one row for each token and autoencoder
    # Sixteen bits where they suffice, because NumPy then sorts by radix: a hundred times faster.
    by_feature = np.argsort(feature.astype(np.uint16) if features <= 2**16 else feature, kind="stable")

    def bounds(ids: "np.ndarray", count: int) -> "Tensor":
        return torch.from_numpy(np.concatenate([[0], np.bincount(ids, minlength=count).cumsum()]))

    def sums(ids: "np.ndarray", values: "Tensor", count: int) -> "Tensor":
        return torch.from_numpy(np.bincount(ids, values.numpy(), count)).float()

    rows_end, features_end = bounds(row, len(x) * instances), bounds(feature, features)
    row_ids, feature_ids, token_ids = (torch.from_numpy(ids) for ids in (row, feature, token))
    order = torch.from_numpy(by_feature)

    table = W_dec.flatten(0, 1).to(dtype)
    norms = W_dec.norm(dim=-1)
    x_hat = embedding_bag(
        feature_ids, table, rows_end, mode="sum", per_sample_weights=value.to(dtype), include_last_offset=True
    )
    residual = x_hat.float().view(len(x), instances, d_in) + b_dec - x[:, None]
    upstream = (residual * (2 / len(x))).flatten(0, 1)
    # For each active feature the product of its token's upstream gradient with its decoder row.
    to_pre = (
        torch.ops.aten._embedding_bag_per_sample_weights_backward(
            upstream, table.float(), feature_ids, rows_end, row_ids, 0
        )
        + (l1_coefficient / len(x)) * norms.flatten()[feature_ids]
    )

    def gather(table: "Tensor", ids: "Tensor", weights: "Tensor") -> "Tensor":
        """For each feature the sum of table rows, weighted, over the tokens it is active on."""
        gathered = embedding_bag(
            ids[order], table, features_end, mode="sum", per_sample_weights=weights[order], include_last_offset=True
        )
        return gathered.view(instances, d_sae, d_in)

    strength = sums(feature, value, features).view(instances, d_sae)
    to_bias = sums(feature, to_pre, features).view(instances, d_sae)
    fired = (features_end[1:] - features_end[:-1]).float().view(instances, d_sae)
    return Step(
        Parameters(
            W_enc=gather(x, token_ids, to_pre) - to_bias[..., None] * b_dec[:, None],
            b_enc=to_bias,
            W_dec=gather(upstream, row_ids, value) + _norm_gradient(W_dec, norms, strength, l1_coefficient, x),
            b_dec=upstream.view(len(x), instances, d_in).sum(0) - torch.einsum("i s, i s d -> i d", to_bias, W_enc),
        ),
        squared_error=residual.square().sum(-1).mean(0),
        penalty=(strength * norms).sum(-1) / len(x),
        l0=fired.sum(-1) / len(x),
        fired=fired,
    )


def _norm_gradient(
    W_dec: "Tensor", norms: "Tensor", strength: "Tensor", l1_coefficient: float, x: "Tensor"
) -> "Tensor":
    """How the penalty pulls each decoder row towards zero: along itself, by its feature's mean activation."""
    return (l1_coefficient / len(x)) * (strength / norms.clamp(min=1e-12))[..., None] * W_dec
