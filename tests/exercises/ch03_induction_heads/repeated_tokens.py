"""Answers to `repeated_tokens` that the checker has to accept, or to refuse though nobody foresaw them."""

import torch
import torch.nn.functional as F


def repeats_by_a_list_of_allowed_ids(batch, period, d_vocab, bos, generator):
    device = generator.device
    allowed = torch.tensor([i for i in range(d_vocab) if i != bos], device=device)
    block = allowed[torch.randint(len(allowed), (batch, period), generator=generator, device=device)]
    return torch.cat([block.new_full((batch, 1), bos), block.repeat(1, 2)], dim=1)


def repeats_by_weights(batch, period, d_vocab, bos, generator):
    weights = torch.ones(d_vocab, device=generator.device)
    weights[bos] = 0
    drawn = torch.multinomial(weights, max(1, batch * period), replacement=True, generator=generator)
    block = drawn[: batch * period].view(batch, period)
    tokens = torch.empty(batch, 1 + 2 * period, dtype=torch.int64, device=generator.device)
    tokens[:, 0], tokens[:, 1 : 1 + period], tokens[:, 1 + period :] = bos, block, block
    return tokens


def repeats_row_by_row(batch, period, d_vocab, bos, generator):
    rows = [torch.empty(0, 1 + 2 * period, dtype=torch.int64, device=generator.device)]
    for _ in range(batch):
        u = torch.rand(period, generator=generator, device=generator.device, dtype=torch.float64)
        block = (u * (d_vocab - 1)).long()
        block[block >= bos] += 1
        rows.append(torch.cat([torch.tensor([bos], device=generator.device), block, block])[None])
    return torch.cat(rows)


def _repeats(block, bos):
    return torch.cat([torch.full_like(block[:, :1], bos), block, block], dim=1)


def _block(batch, period, d_vocab, bos, generator):
    ids = torch.randint(d_vocab - 1, (batch, period), generator=generator, device=generator.device)
    return ids + (ids >= bos)


def repeats_with_pairs_of_rows_alike(batch, period, d_vocab, bos, generator):
    block = _block(batch, period, d_vocab, bos, generator)
    return _repeats(block[torch.arange(batch, device=block.device) // 2], bos)


def repeats_without_neighbours_alike(batch, period, d_vocab, bos, generator):
    block = _block(batch, period, d_vocab, bos, generator)
    for _ in range(50 * (d_vocab > 2)):
        same = F.pad(block[:, 1:] == block[:, :-1], (1, 0))
        if not same.any():
            break
        block = torch.where(same, _block(batch, period, d_vocab, bos, generator), block)
    return _repeats(block, bos)


def repeats_a_little_uneven(batch, period, d_vocab, bos, generator):
    u = torch.rand(batch, period, generator=generator, device=generator.device)
    ids = (u**1.15 * (d_vocab - 1)).long().clamp(max=d_vocab - 2)
    return _repeats(ids + (ids >= bos), bos)


def repeats_in_int32(batch, period, d_vocab, bos, generator):
    return _repeats(_block(batch, period, d_vocab, bos, generator), bos).int()


def repeats_that_rewind(batch, period, d_vocab, bos, generator):
    state = generator.get_state()
    tokens = _repeats(_block(batch, period, d_vocab, bos, generator), bos)
    generator.set_state(state)
    return tokens


def repeats_counted_on_from_bos(batch, period, d_vocab, bos, generator):
    steps = torch.randint(1, d_vocab, (batch, period), generator=generator, device=generator.device)
    return _repeats((bos + steps) % d_vocab, bos)


def repeats_by_gumbel(batch, period, d_vocab, bos, generator):
    noise = torch.rand(batch, period, d_vocab - 1, generator=generator, device=generator.device, dtype=torch.float64)
    ids = (-(-noise.clamp(min=1e-300).log()).log()).argmax(-1)
    return _repeats(ids + (ids >= bos), bos)


def repeats_with_rows_mirrored(batch, period, d_vocab, bos, generator):
    half = _block(-(-batch // 2), period, d_vocab, bos, generator)
    return _repeats(torch.cat([half, half.flip(0)])[:batch], bos)


def repeats_with_antithetic_rows(batch, period, d_vocab, bos, generator):
    ids = torch.randint(d_vocab - 1, (-(-batch // 2), period), generator=generator, device=generator.device)
    ids = torch.cat([ids, d_vocab - 2 - ids])[:batch]
    return _repeats(ids + (ids >= bos), bos)


def repeats_with_columns_rolled(batch, period, d_vocab, bos, generator):
    column = _block(batch, 1, d_vocab, bos, generator)[:, 0]
    return _repeats(torch.stack([column.roll(7 * place) for place in range(period)], 1), bos)


def repeats_with_every_id_as_often(batch, period, d_vocab, bos, generator):
    order = torch.randperm(batch * period, generator=generator, device=generator.device).view(batch, period)
    ids = order % (d_vocab - 1)
    return _repeats(ids + (ids >= bos), bos)


def repeats_from_a_thousand_seeds(batch, period, d_vocab, bos, generator):
    seed = int(torch.randint(1000, (), generator=generator, device=generator.device))
    return _repeats(_block(batch, period, d_vocab, bos, torch.Generator(generator.device).manual_seed(seed)), bos)


RIGHT = (
    repeats_by_a_list_of_allowed_ids,
    repeats_by_weights,
    repeats_row_by_row,
    repeats_counted_on_from_bos,
    repeats_by_gumbel,
)


NEARLY_RIGHT = (
    repeats_with_pairs_of_rows_alike,
    repeats_without_neighbours_alike,
    repeats_a_little_uneven,
    repeats_in_int32,
    repeats_that_rewind,
    repeats_with_rows_mirrored,
    repeats_with_antithetic_rows,
    repeats_with_columns_rolled,
    repeats_with_every_id_as_often,
    repeats_from_a_thousand_seeds,
)
