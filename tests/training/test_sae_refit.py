"""The decoder's last fit: least squares, nothing else, and the features exactly as active as before."""

import torch
from torch import Tensor

from mi_tutor.training.sae_gradient import Parameters
from mi_tutor.training.sae_refit import refit_decoder

D_IN, D_SAE, TOKENS = 6, 9, 4000


def drawn(instances: int, device: str = "cpu") -> tuple[Parameters, Tensor]:
    generator = torch.Generator().manual_seed(instances)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator)

    parameters = Parameters(
        W_enc=normal(instances, D_SAE, D_IN),
        b_enc=normal(instances, D_SAE) - 1,
        W_dec=normal(instances, D_SAE, D_IN),
        b_dec=normal(instances, D_IN),
    )
    parameters.b_enc[:, 4] = -1e4  # never active
    return Parameters(*(tensor.to(device) for tensor in parameters)), normal(TOKENS, D_IN).to(device)


def features(parameters: Parameters, x: Tensor, i: int) -> Tensor:
    W_enc, b_enc, _, b_dec = (tensor[i] for tensor in parameters)
    return ((x - b_dec) @ W_enc.T + b_enc).relu()


def check(device: str) -> None:
    before, x = drawn(2, device)
    copy = Parameters(*(tensor.clone() for tensor in before))
    after = refit_decoder(before, x.split(1000))
    for was, now in zip(copy, before, strict=True):
        assert torch.equal(was, now)
    for i in range(2):
        f = features(before, x, i)
        torch.testing.assert_close(features(after, x, i), f, rtol=1e-4, atol=1e-4)
        # PyTorch's own least squares, over the features that are ever active and a constant.
        regressors = torch.nn.functional.pad(f[:, f.any(0)], (0, 1), value=1.0)
        best = torch.linalg.lstsq(regressors.cpu(), x.cpu()).solution.to(device)
        floor = (regressors @ best - x).square().sum()
        error = (f @ after.W_dec[i] + after.b_dec[i] - x).square().sum()
        assert floor <= error * (1 + 1e-4)
        assert error < 1.01 * floor  # ten tokens' worth of resistance
        assert error < (f @ before.W_dec[i] + before.b_dec[i] - x).square().sum() / 2
        assert torch.equal(after.W_dec[i, 4], before.W_dec[i, 4])


def test_it_is_least_squares_with_the_features_as_they_were() -> None:
    check("cpu")


def test_it_is_so_on_a_gpu(gpu: str) -> None:
    check(gpu)


def test_a_feature_seen_once_hardly_moves_and_one_seen_often_does() -> None:
    (before, x), rare = drawn(1), 2
    before.b_enc[0, rare] = 0.0
    strength = features(before, x, 0)[:, rare]
    before.b_enc[0, rare] = -float(strength.topk(2).values.mean())  # above it on one token only
    assert int((features(before, x, 0)[:, rare] > 0).sum()) == 1
    moved = (refit_decoder(before, [x]).W_dec - before.W_dec)[0].norm(dim=-1)
    usual = moved[[i for i in range(D_SAE) if i not in (rare, 4)]].min()
    error = (x - features(before, x, 0) @ before.W_dec[0] - before.b_dec[0]).norm(dim=-1)
    once = features(before, x, 0)[:, rare].argmax()
    assert moved[rare] < error[once] / features(before, x, 0)[once, rare] / 5
    assert moved[4] == 0 < usual
