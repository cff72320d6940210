"""What crosses between judge and worker: everything that exercises use arrives whole, and nothing else arrives."""

import json
import math
import struct

import pytest
import torch

from mi_tutor.check.compare import Described
from mi_tutor.check.factored import factored
from mi_tutor.check.small_model import small_model
from mi_tutor.running import wire


def crossed(value, *, trusted=False):
    packed = wire.pack({"value": value}, limited=True)
    header, body = wire.lengths(packed[: wire.LENGTHS.size], limited=True)
    start = wire.LENGTHS.size
    assert len(packed) == start + header + body
    return wire.unpack(packed[start : start + header], packed[start + header :], trusted=trusted)["value"]


@pytest.mark.parametrize("dtype", wire.DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (4, 5)], ids=str)
def test_tensors_of_every_dtype_and_shape(dtype, shape):
    sent = (torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(1)) * 3).to(dtype)
    got = crossed(sent)
    assert (got.shape, got.dtype) == (sent.shape, sent.dtype)
    assert bytes(got.reshape(-1).view(torch.uint8).tolist()) == bytes(sent.reshape(-1).view(torch.uint8).tolist())


def test_entries_of_tensors_that_do_not_lie_in_a_row():
    table = torch.arange(12.0).view(3, 4)
    for sent in (table.T, table[:, ::2], table[0].expand(5, 4), torch.randn(3, dtype=torch.complex64).conj()):
        assert torch.equal(crossed(sent), sent)
    assert crossed(table.T, trusted=True).stride() == table.T.stride()
    assert crossed(table.T).is_contiguous()


@pytest.mark.parametrize(
    "value", [None, True, 0, -(10**40), 1.5, -0.0, math.inf, "W_E", "\ud800", (1, [2.0, ("a",)]), {"K": (1, None)}]
)
def test_plain_data(value):
    got = crossed(value)
    assert got == value
    assert type(got) is type(value)
    assert math.isnan(crossed(math.nan))


def test_a_generator_in_any_state_goes_on_as_it_would_have():
    generator = torch.Generator().manual_seed(2**63 + 5)
    for _ in range(630):  # more than the twister's table is long
        got = crossed(generator)
        assert got.initial_seed() == generator.initial_seed()
        draws = [torch.randint(1000, (3,), generator=g).tolist() for g in (got, generator)]
        assert draws[0] == draws[1]


def test_factors_stay_apart_and_models_are_made_again():
    product = factored(torch.randn(3, 2), torch.randn(2, 4))
    got = crossed(product)
    assert torch.equal(got.A, product.A)
    assert torch.equal(got.B, product.B)
    model = small_model(3, n_layers=1, watched="blocks.0.hook_resid_pre", dead_head=True, dtype=torch.float64)
    made = crossed(model, trusted=True)
    assert crossed(model, trusted=True) is made  # one object for all calls, as in a notebook's check
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), model.parameters(), strict=True))
    assert made.described_as == model.described_as
    with pytest.raises(wire.Refused):
        crossed(model)


def test_what_is_no_plain_data_is_described_in_words():
    class Liar(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise RuntimeError("no")

    class Claim:
        __class__ = torch.Tensor

    assert type(crossed(torch.ones(2).as_subclass(Liar))) is torch.Tensor
    for value, word in [({1}, "a set"), (torch.ones(2).to_sparse(), "not dense"), (Claim(), "Claim"), (len, "builtin")]:
        got = crossed(value)
        assert isinstance(got, Described)
        assert word in got.kind
    endless: list = []
    endless.append(endless)
    assert "nested too deeply" in repr(crossed(endless))


def header(value) -> bytes:
    return json.dumps({"dict": [["value", value]]}).encode()


STATE = bytes(torch.Generator().get_state().tolist())


@pytest.mark.parametrize(
    ("written", "body"),
    [
        (b"", b""),
        (b"[1, 2]", b""),
        (b"NaN", b""),
        (b"[" * 100_000, b""),
        (b'{"a": 1, "b": 2}', b""),
        (header({"int": "9" * 5000}), b""),
        (header({"int": 7}), b""),
        (header({"float": "rm -rf"}), b""),
        (header({"eval": "1+1"}), b""),
        (header(3.5), b""),
        (header({"tensor": ["float32", [2]]}), b"1234"),
        (header({"tensor": ["float32", [1]]}), b"12345"),
        (header({"tensor": ["float32", [-1]]}), b""),
        (header({"tensor": ["float32", [2**62, 0]]}), b""),
        (header({"tensor": ["float32", [2**39, 2**39, 0]]}), b""),
        (header({"tensor": ["float32", [True]]}), b"1234"),
        (header({"tensor": ["float32", [1] * 30]}), b"1234"),
        (header({"tensor": ["nn.Module", [1]]}), b"1234"),
        (header({"tensor": ["bool", [2]]}), b"\1\2"),
        (header({"tensor": ["float32", []]}), b""),
        (header({"factored": [{"tensor": ["float32", [1]]}, {"tensor": ["float32", [1]]}]}), b"12345678"),
        (header({"generator": 1}), b"short"),
        (header({"generator": 1}), STATE[:8] + struct.pack("<iiQ", 600, 1, 2**40) + STATE[24:]),
        (header({"model": {"seed": 1, "dtype": "float32"}}), b""),
        (header(json.loads("[" * 30 + "]" * 30)), b""),
    ],
    ids=range(25),
)
def test_anything_else_is_refused(written, body):
    with pytest.raises(wire.Refused):
        wire.unpack(written, body, trusted=False)


def test_lengths_are_looked_at_before_anything_is_read():
    for lengths in ((wire.HEADER_LIMIT + 1, 0), (0, wire.BODY_LIMIT + 1)):
        with pytest.raises(wire.Refused):
            wire.lengths(wire.LENGTHS.pack(wire.MAGIC, *lengths), limited=True)
    with pytest.raises(wire.Refused):
        wire.lengths(wire.LENGTHS.pack(b"GET ", 1, 1), limited=True)
    with pytest.raises(wire.Refused):
        wire.pack({"value": torch.zeros(wire.BODY_LIMIT + 1, dtype=torch.uint8)}, limited=True)
