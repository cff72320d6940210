"""The decoder fitted once more when training is over: least squares, with the encoder as it is."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mi_tutor.training.sae_gradient import Parameters

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

# A row gives way as if so many tokens, each with the feature at its usual strength, had spoken for it as it was. A feature
# seen on two or three tokens would otherwise learn these by heart.
_TOKENS_FOR_THE_OLD_ROW = 10


def refit_decoder(parameters: Parameters, batches: "Iterable[Float[Tensor, 'batch d_in']]") -> Parameters:
    """Decoders of least squared error, for features that stay exactly as active as they are.

    The L1 penalty pays for every feature that is weaker than it should be, so each reconstruction is too short: "feature
    suppression" (Wright and Sharkey, "Addressing feature suppression in SAEs", 2024, who train scales and decoder further
    without the penalty). With the encoder fixed that is a linear regression, solved here at once.

    Args:
        parameters: of autoencoders trained side by side; not changed.
        batches: activations, scaled as in training.

    Returns:
        New W_dec and b_dec, and the b_enc with which (x - b_dec) W_enc + b_enc is what it was.
    """
    import torch

    instances, d_sae, d_in = parameters.W_dec.shape
    device = parameters.W_dec.device
    gram = torch.zeros(instances, d_sae + 1, d_sae + 1, dtype=torch.float64, device=device)
    toward = torch.zeros(instances, d_sae + 1, d_in, dtype=torch.float64, device=device)
    active = torch.zeros(instances, d_sae, dtype=torch.float64, device=device)
    for x in batches:
        for i in range(instances):
            W_enc, b_enc, W_dec, b_dec = (tensor[i] for tensor in parameters)
            f = ((x - b_dec) @ W_enc.T + b_enc).relu()
            error = x - f @ W_dec - b_dec
            active[i] += (f > 0).sum(0)
            regressors = torch.nn.functional.pad(f, (0, 1), value=1.0)
            sparse = regressors.T.to_sparse()  # a few features a token: a hundredth of the dense product's work
            gram[i] += sparse @ regressors
            toward[i] += sparse @ error
    held = _TOKENS_FOR_THE_OLD_ROW * gram.diagonal(dim1=1, dim2=2)[:, :-1] / active.clamp(min=1)
    held[active == 0] = 1.0  # any number: nothing pulls at the row of a feature that never was active
    gram.diagonal(dim1=1, dim2=2)[:, :-1] += held
    step = torch.linalg.solve(gram, toward).float()
    b_step = step[:, -1]
    return Parameters(
        W_enc=parameters.W_enc,
        b_enc=parameters.b_enc + torch.einsum("i s d, i d -> i s", parameters.W_enc, b_step),
        W_dec=parameters.W_dec + step[:, :-1],
        b_dec=parameters.b_dec + b_step,
    )
