"""Answers to `resample_dead` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def resample_by_inverse_cdf(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
    weights = ((x - x_hat) ** 2).sum(1).double() ** 2
    if dead.sum() == 0 or weights.sum() == 0:
        return W_enc, b_enc, W_dec
    cumulative = weights.cumsum(0)
    u = torch.rand(int(dead.sum()), generator=generator, dtype=torch.float64, device=x.device) * cumulative[-1]
    chosen = torch.searchsorted(cumulative, u, right=True).clamp(max=len(x) - 1)
    rows = x[chosen] / x[chosen].norm(dim=1, keepdim=True)
    alive = W_enc[:, ~dead]
    size = 0.2 * alive.norm(dim=0).mean() if alive.shape[1] else 0.2
    W_dec[dead] = rows
    W_enc[:, dead] = (rows * size).T
    b_enc[dead] = 0
    return W_enc, b_enc, W_dec


def resample_one_by_one(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    encoder, biases, decoder = W_enc.T.clone(), b_enc.clone(), W_dec.clone()
    loss = (x - x_hat).pow(2).sum(-1)
    if loss.sum() > 0:
        lengths = [float(row.norm()) for row, gone in zip(encoder, dead, strict=True) if not gone]
        size = 0.2 * (sum(lengths) / len(lengths) if lengths else 1.0)
        p = (loss / loss.sum()).pow(2)
        for i in dead.nonzero()[:, 0].tolist():
            new = x[torch.multinomial(p, 1, generator=generator)[0]]
            decoder[i] = new / new.norm()
            encoder[i] = size * decoder[i]
            biases[i] = 0
    return encoder.T, biases, decoder


def _resampled(power=2.0, scale=0.2, bias=0.0, again=False, alias=False, last=False):
    def resample(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
        loss = (x - x_hat).square().sum(-1)
        if not dead.any() or not loss.any():
            return (W_enc, b_enc, W_dec) if alias else (W_enc.clone(), b_enc.clone(), W_dec.clone())
        W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
        count = int(dead.sum())
        chances = (loss / loss.max()) ** power
        state = generator.get_state()
        chosen = torch.multinomial(chances, count, replacement=True, generator=generator)
        if again:
            generator.set_state(state)
        if last and count > 2:
            chosen[-2] = chosen[-1]
        direction = F.normalize(x[chosen], dim=-1)
        living = W_enc[:, ~dead].norm(dim=0)
        W_dec[dead] = direction
        W_enc[:, dead] = scale * (living.mean() if len(living) else 1.0) * direction.T
        b_enc[dead] = bias
        return W_enc, b_enc, W_dec

    resample.__name__ = f"resample_{power}_{scale}_{bias}_{again}_{alias}_{last}"
    return resample


def resample_and_touch_the_living(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
    new = list(_resampled()(x, x_hat, W_enc, b_enc, W_dec, dead, generator))
    new[2] = new[2] * (1 + 1e-6)
    return tuple(new)


def _resampled_by(numbers):
    """An answer whose uniform numbers, one a dead feature, come from `numbers`, a function of (count, generator)."""

    def resample(x, x_hat, W_enc, b_enc, W_dec, dead, generator):
        W_enc, b_enc, W_dec = W_enc.clone(), b_enc.clone(), W_dec.clone()
        chances = (x - x_hat).square().sum(-1).double().square()
        if not dead.any() or not chances.any():
            return W_enc, b_enc, W_dec
        up_to = chances.cumsum(0)
        u = numbers(int(dead.sum()), generator) * up_to[-1]
        direction = F.normalize(x[torch.searchsorted(up_to, u, right=True).clamp(max=len(x) - 1)], dim=-1)
        living = W_enc[:, ~dead].norm(dim=0)
        W_dec[dead], b_enc[dead] = direction, 0
        W_enc[:, dead] = 0.2 * (living.mean() if len(living) else 1.0) * direction.T
        return W_enc, b_enc, W_dec

    resample.__name__ = f"resample_by_{numbers.__name__.strip('_')}"
    return resample


def _uniform(count, generator):
    return torch.rand(count, generator=generator, dtype=torch.float64, device=generator.device)


def _systematic_numbers_in_any_order(count, generator):
    even = (torch.arange(count, device=generator.device) + _uniform(1, generator)) / count
    return even[_uniform(count, generator).argsort()]


def _numbers_there_and_back(count, generator):
    half = _uniform(-(-count // 2), generator)
    return torch.cat([half, half.flip(0)])[:count]


def _numbers_twice(count, generator):
    return _uniform(-(-count // 2), generator).repeat(2)[:count]


RIGHT = (resample_by_inverse_cdf, resample_one_by_one)


NEARLY_RIGHT = (
    _resampled(power=1.8),
    _resampled(power=2.2),
    _resampled(scale=0.21),
    _resampled(bias=1e-06),
    _resampled(again=True),
    _resampled(last=True),
    _resampled(alias=True),
    resample_and_touch_the_living,
    _resampled_by(_systematic_numbers_in_any_order),
    _resampled_by(_numbers_there_and_back),
    _resampled_by(_numbers_twice),
)
