"""Answers to `sparse_features` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def sparse_by_bernoulli(batch, feature_probability, generator):
    p = feature_probability.expand(batch, -1, -1).contiguous()
    values = torch.empty_like(p).uniform_(generator=generator)
    return values * torch.bernoulli(p, generator=generator)


def sparse_by_one_rescaled_draw(batch, feature_probability, generator):
    p = feature_probability
    u = torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device)
    return torch.where(u < p, u / p.clamp(min=1e-30), torch.zeros_like(u))


def sparse_in_a_loop(batch, feature_probability, generator):
    instances, features = feature_probability.shape
    x = feature_probability.new_zeros(batch, instances, features)
    for i in range(instances):
        for f in range(features):
            kind = {"generator": generator, "dtype": x.dtype, "device": x.device}
            gate = torch.rand(batch, **kind) <= feature_probability[i, f]
            x[gate, i, f] = torch.rand(int(gate.sum()), **kind)
    return x


def sparse_a_little_too_often(batch, feature_probability, generator):
    p = feature_probability
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    return torch.where(gate < 1.1 * p, value, 0)


def sparse_with_values_never_small(batch, feature_probability, generator):
    p = feature_probability
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    return torch.where(gate < p, value.clamp(min=0.05), 0)


def sparse_with_strong_values_often_together(batch, feature_probability, generator):
    p = feature_probability
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    follow = torch.rand(batch, 1, 1, generator=generator, dtype=p.dtype, device=p.device) < 0.3
    return torch.where(gate < p, torch.where(follow, value[..., :1], value), 0)


def sparse_with_every_number_used_twice(batch, feature_probability, generator):
    half = -(-batch // 2)
    p = feature_probability
    gate, value = (torch.rand(half, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    return torch.where(gate < p, value, 0).repeat(2, 1, 1)[:batch]


def sparse_in_float32_cast_back(batch, feature_probability, generator):
    p = feature_probability.float()
    gate, value = (torch.rand(batch, *p.shape, generator=generator, device=p.device) for _ in range(2))
    return torch.where(gate < p, value, 0)


def sparse_with_its_generator_rewound(batch, feature_probability, generator):
    p, state = feature_probability, generator.get_state()
    gate, value = (torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device) for _ in range(2))
    generator.set_state(state)
    return torch.where(gate < p, value, 0)


def sparse_by_multinomial(batch, feature_probability, generator):
    p = feature_probability
    weights = torch.stack([1 - p, p], -1).flatten(0, 1)
    drawn = torch.multinomial(weights, max(batch, 1), True, generator=generator)[:, :batch]
    value = torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device)
    return value * drawn.T.reshape(value.shape)


def _from_noise(gate=None, value=None):
    """An answer whose gates or values come from noise that is not quite random: a function of (batch, shape, draw)."""

    def answer(batch, feature_probability, generator):
        p = feature_probability

        def draw(*shape):
            return torch.rand(shape, generator=generator, dtype=p.dtype, device=p.device)

        gates, values = ((noise or _plain)(batch, p.shape, draw) for noise in (gate, value))
        return torch.where(gates < p, values, 0)

    answer.__name__ = "_".join(
        f"{which}_{noise.__name__.strip('_')}" for which, noise in (("gates", gate), ("values", value)) if noise
    )
    return answer


def _plain(batch, shape, draw):
    return draw(batch, *shape)


def _mirrored(batch, shape, draw):
    half = draw(-(-batch // 2), *shape)
    return torch.cat([half, half.flip(0)])[:batch]


def _antithetic_and_mirrored(batch, shape, draw):
    half = draw(-(-batch // 2), *shape)
    return torch.cat([half, (1 - half).flip(0)])[:batch].clamp(max=1 - 2**-24)


def _three_times_over(batch, shape, draw):
    return draw(-(-batch // 3), *shape).repeat(3, 1, 1)[:batch]


def _rolled_from_feature_to_feature(batch, shape, draw):
    column = draw(batch)
    return torch.stack([column.roll(7 * i) for i in range(shape.numel())], -1).view(batch, *shape)


def _in_equal_strata(batch, shape, draw):
    order = draw(batch, *shape).argsort(0)
    return ((order + draw(batch, *shape)) / max(batch, 1)).clamp(max=1 - 2**-24)


def _cut_at_99_hundredths(batch, shape, draw):
    return draw(batch, *shape).clamp(max=0.99)


def _never_in_the_highest_hundredth(batch, shape, draw):
    return 0.99 * draw(batch, *shape)


def _never_in_the_lowest_hundredth(batch, shape, draw):
    return 0.01 + 0.99 * draw(batch, *shape)


def sparse_with_the_gates_of_five_samples_before_as_values(batch, feature_probability, generator):
    p = feature_probability
    u = torch.rand(batch + 5, *p.shape, generator=generator, dtype=p.dtype, device=p.device)
    return torch.where(u[5:] < p, u[:-5], 0)


def sparse_with_as_many_active_as_expected(batch, feature_probability, generator):
    p = feature_probability
    order = torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device).argsort(0).argsort(0)
    value = torch.rand(batch, *p.shape, generator=generator, dtype=p.dtype, device=p.device)
    return torch.where(order < (p * batch).round(), value, 0)


RIGHT = (sparse_by_bernoulli, sparse_by_one_rescaled_draw, sparse_in_a_loop, sparse_by_multinomial)


NEARLY_RIGHT = (
    sparse_a_little_too_often,
    sparse_with_values_never_small,
    sparse_with_strong_values_often_together,
    sparse_with_every_number_used_twice,
    sparse_in_float32_cast_back,
    sparse_with_its_generator_rewound,
    _from_noise(gate=_mirrored),
    _from_noise(gate=_antithetic_and_mirrored),
    _from_noise(gate=_three_times_over),
    _from_noise(gate=_rolled_from_feature_to_feature),
    _from_noise(gate=_in_equal_strata),
    _from_noise(value=_antithetic_and_mirrored),
    _from_noise(value=_rolled_from_feature_to_feature),
    _from_noise(value=_in_equal_strata),
    _from_noise(value=_cut_at_99_hundredths),
    _from_noise(value=_never_in_the_highest_hundredth),
    _from_noise(value=_never_in_the_lowest_hundredth),
    sparse_with_the_gates_of_five_samples_before_as_values,
    sparse_with_as_many_active_as_expected,
)
