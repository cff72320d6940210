"""Answers to `sample_bigrams` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch


def sample_by_gumbel(log_probs, start, length, generator):
    sample = [start]
    while len(sample) < length:
        noise = torch.rand(log_probs.shape[1], generator=generator, device=log_probs.device, dtype=torch.float64)
        gumbel = -(-noise.clamp(min=1e-300).log()).log()
        sample.append(int((log_probs[sample[-1]].double() + gumbel).argmax()))
    return torch.tensor(sample, device=log_probs.device)


def sample_where_there_is_a_choice(log_probs, start, length, generator):
    sample = [start]
    for _ in range(length - 1):
        row = log_probs[sample[-1]].exp()
        possible = row.nonzero()[:, 0]
        if len(possible) == 1:
            sample.append(int(possible[0]))
        else:
            sample.append(int(possible[torch.multinomial(row[possible], 1, generator=generator)]))
    return torch.tensor(sample, device=log_probs.device)


def sample_by_inverse_cdf(log_probs, start, length, generator):
    cumulative = log_probs.double().exp().cumsum(1)
    uniform = torch.rand(length - 1, generator=generator, device=log_probs.device, dtype=torch.float64)
    sample = torch.full((length,), start, device=log_probs.device)
    for i, u in enumerate(uniform):
        row = cumulative[sample[i]]
        sample[i + 1] = torch.searchsorted(row, u * row[-1], right=True).clamp(max=len(row) - 1)
    return sample


def _chain(step):
    def sample(log_probs, start, length, generator):
        tokens = [start]
        for position in range(length - 1):
            tokens.append(step(log_probs, tokens, position, generator))
        return torch.tensor(tokens, device=log_probs.device)

    sample.__name__ = step.__name__
    return sample


def _pick(weights, generator):
    return int(torch.multinomial(weights, 1, generator=generator))


@_chain
def temperature_of_0_9(log_probs, tokens, position, generator):
    return _pick((log_probs[tokens[-1]] / 0.9).softmax(-1), generator)


@_chain
def temperature_of_1_1(log_probs, tokens, position, generator):
    return _pick((log_probs[tokens[-1]] / 1.1).softmax(-1), generator)


@_chain
def sticky(log_probs, tokens, position, generator):
    row = log_probs[tokens[-1]].exp()
    stay = float(torch.rand((), generator=generator, device=row.device)) < 0.05 and row[tokens[-1]] > 0
    return tokens[-1] if stay else _pick(row, generator)


@_chain
def unlikely_tokens_dropped(log_probs, tokens, position, generator):
    row = log_probs[tokens[-1]].exp()
    return _pick(torch.where(row < 0.02, 0.0, row), generator)


@_chain
def a_little_added(log_probs, tokens, position, generator):
    return _pick(log_probs[tokens[-1]].exp() + 1e-3, generator)


def _reusing(count):
    def sample(log_probs, start, length, generator):
        numbers = torch.rand(count, generator=generator, dtype=torch.float64, device=log_probs.device)
        cumulative = log_probs.double().exp().cumsum(-1)
        tokens = [start]
        for position in range(length - 1):
            row = cumulative[tokens[-1]]
            tokens.append(min(int((row <= numbers[position % count] * row[-1]).sum()), row.numel() - 1))
        return torch.tensor(tokens, device=log_probs.device)

    sample.__name__ = f"{count}_numbers_in_a_cycle"
    return sample


def _cut(keep, name):
    """Sampling as language models often do it, from a part of each row: `keep` zeroes the rest of a sorted row."""

    def sample(log_probs, start, length, generator):
        probabilities, order = log_probs.double().exp().sort(-1, descending=True)
        table = torch.zeros_like(probabilities).scatter_(-1, order, keep(probabilities))
        tokens = [start]
        for _ in range(length - 1):
            tokens.append(_pick(table[tokens[-1]], generator))
        return torch.tensor(tokens, device=log_probs.device)

    sample.__name__ = name
    return sample


def _top(k):
    return _cut(lambda rows: rows * (torch.arange(rows.shape[-1], device=rows.device) < k), f"top_{k}")


def _nucleus(share):
    return _cut(lambda rows: rows * (rows.cumsum(-1) - rows < share), f"nucleus_of_{share}")


def antithetic_pairs(log_probs, start, length, generator):
    cumulative, tokens, u = log_probs.double().exp().cumsum(-1), [start], 0.0
    for position in range(length - 1):
        fresh = float(torch.rand((), generator=generator, device=log_probs.device, dtype=torch.float64))
        u = 1 - u if position % 2 else fresh
        row = cumulative[tokens[-1]]
        tokens.append(min(int((row <= u * row[-1]).sum()), row.numel() - 1))
    return torch.tensor(tokens, device=log_probs.device)


def rewound(log_probs, start, length, generator):
    state, tokens = generator.get_state(), [start]
    for position in range(length - 1):
        if position == 50:
            generator.set_state(state)
        tokens.append(_pick(log_probs[tokens[-1]].exp(), generator))
    return torch.tensor(tokens, device=log_probs.device)


RIGHT = (sample_by_gumbel, sample_by_inverse_cdf, sample_where_there_is_a_choice)


NEARLY_RIGHT = (
    temperature_of_0_9,
    temperature_of_1_1,
    sticky,
    unlikely_tokens_dropped,
    a_little_added,
    _reusing(2),
    _reusing(50),
    _reusing(500),
    _top(50),
    _top(6),
    _nucleus(0.99),
    antithetic_pairs,
    rewound,
)
