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


RIGHT = (sparse_by_bernoulli, sparse_by_one_rescaled_draw, sparse_in_a_loop)


NEARLY_RIGHT = (
    sparse_a_little_too_often,
    sparse_with_values_never_small,
    sparse_with_strong_values_often_together,
    sparse_with_every_number_used_twice,
    sparse_in_float32_cast_back,
    sparse_with_its_generator_rewound,
)
