"""Answers to `anticorrelated_features` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def anticorrelated_by_a_coin(batch, n_pairs, probability, generator):
    gate, coin, value = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(3))
    x = torch.where(gate < 2 * probability, value, 0)
    return torch.stack([x * (coin < 0.5), x * (coin >= 0.5)], -1).flatten(1)


def anticorrelated_by_multinomial(batch, n_pairs, probability, generator):
    weights = torch.tensor([probability, probability, 1 - 2 * probability], device=generator.device)
    x = torch.zeros(batch, 2 * n_pairs, device=generator.device)
    if batch:
        state = torch.multinomial(weights, batch * n_pairs, True, generator=generator).view(batch, n_pairs)
        value = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
        x[:, 0::2], x[:, 1::2] = value * (state == 0), value * (state == 1)
    return x


def anticorrelated_by_one_rescaled_draw(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device, dtype=torch.float64)
    above, p = u - probability, max(probability, 1e-300)
    first = torch.where(u < probability, u / p, 0)
    second = torch.where((above >= 0) & (above < probability), above / p, 0)
    return torch.stack([first, second], -1).flatten(1).float()


def anticorrelated_with_few_clashes(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    low = 0.97 * probability
    gates = torch.stack([u < probability, (u >= low) & (u < low + probability)], -1)
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gates).flatten(1)


def anticorrelated_with_an_unfair_coin(batch, n_pairs, probability, generator):
    gate, coin = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    first = coin < 0.6
    gates = torch.stack([(gate < 2 * probability) & first, (gate < 2 * probability) & ~first], -1)
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gates).flatten(1)


def anticorrelated_with_halves_that_follow(batch, n_pairs, probability, generator):
    gate, coin = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    follow = torch.rand(batch, 1, generator=generator, device=generator.device) < 0.5
    first = torch.where(follow, coin[:, :1], coin) < 0.5
    gates = torch.stack([(gate < 2 * probability) & first, (gate < 2 * probability) & ~first], -1)
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gates).flatten(1)


def _apart(u, probability, values):
    gates = torch.stack([u < probability, (u >= probability) & (u < 2 * probability)], -1)
    return torch.where(gates, values, 0).flatten(1)


def anticorrelated_with_numbers_three_times_over(batch, n_pairs, probability, generator):
    u = torch.rand(-(-batch // 3), n_pairs, generator=generator, device=generator.device).repeat(3, 1)[:batch]
    return _apart(u, probability, torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device))


def anticorrelated_with_mirrored_numbers(batch, n_pairs, probability, generator):
    half = torch.rand(-(-batch // 2), n_pairs, generator=generator, device=generator.device)
    u = torch.cat([half, half.flip(0)])[:batch]
    return _apart(u, probability, torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device))


def anticorrelated_with_as_many_active_as_expected(batch, n_pairs, probability, generator):
    order = torch.rand(batch, n_pairs, generator=generator, device=generator.device).argsort(0).argsort(0)
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    return _apart(order, round(probability * batch), values)


def anticorrelated_with_values_below_99_hundredths(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    return _apart(u, probability, 0.99 * torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device))


RIGHT = (anticorrelated_by_a_coin, anticorrelated_by_multinomial, anticorrelated_by_one_rescaled_draw)


NEARLY_RIGHT = (
    anticorrelated_with_few_clashes,
    anticorrelated_with_an_unfair_coin,
    anticorrelated_with_halves_that_follow,
    anticorrelated_with_numbers_three_times_over,
    anticorrelated_with_mirrored_numbers,
    anticorrelated_with_as_many_active_as_expected,
    anticorrelated_with_values_below_99_hundredths,
)
