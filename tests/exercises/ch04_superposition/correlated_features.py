"""Answers to `correlated_features` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def correlated_by_an_axis(batch, n_pairs, probability, generator):
    gate = torch.rand(batch, n_pairs, 1, generator=generator, device=generator.device) < probability
    return (torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device) * gate).flatten(1)


def correlated_by_bernoulli(batch, n_pairs, probability, generator):
    gate = torch.empty(batch, n_pairs, device=generator.device).bernoulli_(probability, generator=generator)
    values = torch.empty(batch, 2 * n_pairs, device=generator.device).uniform_(generator=generator)
    return values * torch.stack([gate, gate], dim=-1).reshape(batch, 2 * n_pairs)


def correlated_with_the_gate_rescaled(batch, n_pairs, probability, generator):
    u = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    v = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    x = torch.zeros(batch, 2 * n_pairs, device=generator.device)
    x[:, 0::2] = torch.where(u < probability, u / max(probability, 1e-30), 0)
    x[:, 1::2] = torch.where(u < probability, v, 0)
    return x


def correlated_with_values_that_follow(batch, n_pairs, probability, generator):
    draws = [torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(4)]
    gate, value, other, choice = draws
    second = torch.where(choice < 0.2, value, other)
    return torch.where((gate < probability)[..., None], torch.stack([value, second], -1), 0).flatten(1)


def correlated_nine_times_in_ten(batch, n_pairs, probability, generator):
    gate, alone = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    gates = torch.stack([gate < probability, (gate < probability) & (alone < 0.95)], -1)
    return (values * gates).flatten(1)


def correlated_with_neighbouring_pairs_alike(batch, n_pairs, probability, generator):
    gate = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    follow = torch.rand(batch, 1, generator=generator, device=generator.device) < 0.3
    gate = torch.where(follow, gate[:, :1], gate)
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    return (values * (gate < probability)[..., None]).flatten(1)


def _correlated(gate, values, probability):
    return torch.where((gate < probability)[..., None], values, 0).flatten(1)


def correlated_with_gates_three_times_over(batch, n_pairs, probability, generator):
    gate = torch.rand(-(-batch // 3), n_pairs, generator=generator, device=generator.device).repeat(3, 1)[:batch]
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    return _correlated(gate, values, probability)


def correlated_with_mirrored_values(batch, n_pairs, probability, generator):
    gate, value = (torch.rand(batch, n_pairs, generator=generator, device=generator.device) for _ in range(2))
    return _correlated(gate, torch.stack([value, value.flip(0)], -1), probability)


def correlated_with_as_many_active_as_expected(batch, n_pairs, probability, generator):
    order = torch.rand(batch, n_pairs, generator=generator, device=generator.device).argsort(0).argsort(0)
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    return _correlated(order, values, round(probability * batch))


def correlated_with_values_below_99_hundredths(batch, n_pairs, probability, generator):
    gate = torch.rand(batch, n_pairs, generator=generator, device=generator.device)
    values = torch.rand(batch, n_pairs, 2, generator=generator, device=generator.device)
    return _correlated(gate, 0.99 * values, probability)


RIGHT = (correlated_by_an_axis, correlated_by_bernoulli, correlated_with_the_gate_rescaled)


NEARLY_RIGHT = (
    correlated_with_values_that_follow,
    correlated_nine_times_in_ten,
    correlated_with_neighbouring_pairs_alike,
    correlated_with_gates_three_times_over,
    correlated_with_mirrored_values,
    correlated_with_as_many_active_as_expected,
    correlated_with_values_below_99_hundredths,
)
