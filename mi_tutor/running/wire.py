"""What passes between the judge and a worker: plain data and plain tensors, never code.

A message is a dict. On the wire it is two lengths, a JSON header, and the bytes of its tensors in the order in which the
header names them. A header is a tree of JSON values; what JSON has no word for is an object with one key, the kind:

    {"int": "7"}  {"float": "0x1.8p+0"}  {"tuple": [...]}  {"dict": [["W_E", ...], ...]}  {"kind": "a set"}
    {"tensor": ["float32", [2, 3]]}  {"factored": [A, B]}  {"generator": 5056}  {"model": {"seed": 3, ...}}

The judge reads what a hostile process may have written: sizes are checked before anything is made of them, nothing is
called or looked up by a name that came in, and whatever does not fit is `Refused`.
"""

import ctypes
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from mi_tutor.check.compare import Described, kind_of
from mi_tutor.check.factored import factored, is_factored
from mi_tutor.check.small_model import CHOICES, small_model

LENGTHS = struct.Struct("<4sIQ")
MAGIC = b"mit1"
HEADER_LIMIT = 2**20
BODY_LIMIT = 2**26
"""Bytes that the judge takes in one message. The largest right answer has a tenth of it."""
DEEPEST = 12
DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "bfloat16"),
        *("float32", "float64", "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2"),
    )
    if hasattr(torch, name)
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_GENERATOR_BYTES = torch.Generator().get_state().numel()
# Kept from before any learner's code ran, which may put others in their place.
_as_subclass, _detach, _contiguous, _pointer = (
    Tensor.as_subclass,
    Tensor.detach,
    Tensor.contiguous,
    Tensor.data_ptr,
)


class Refused(ValueError):
    """The bytes are no message, or one that is not taken."""


def lengths(prefix: bytes, *, limited: bool) -> tuple[int, int]:
    """The sizes of header and body that a message begins with, in bytes.

    Args:
        limited: whether they may not exceed `HEADER_LIMIT` and `BODY_LIMIT`.

    Raises:
        Refused: it begins differently, or is too long.
    """
    magic, header, body = LENGTHS.unpack(prefix)
    if magic != MAGIC:
        raise Refused("it does not begin as a message does")
    if limited and (header > HEADER_LIMIT or body > BODY_LIMIT):
        raise Refused(f"a message of {header + body:,} bytes is too long")
    return header, body


def pack(message: dict[str, Any], *, limited: bool = False) -> bytes:
    """The message as bytes.

    Args:
        limited: raise Refused where the judge would not take it.
    """
    tensors: list[bytes] = []
    header = json.dumps(_written(message, tensors, 0), allow_nan=False).encode()
    body = b"".join(tensors)
    if limited and (len(header) > HEADER_LIMIT or len(body) > BODY_LIMIT):
        raise Refused("too long")
    return LENGTHS.pack(MAGIC, len(header), len(body)) + header + body


def unpack(header: bytes, body: bytes, *, trusted: bool) -> dict[str, Any]:
    """The message that those bytes are.

    Args:
        trusted: whether it comes from the judge. Only then are models made, and strides kept.

    Raises:
        Refused: it is none.
    """
    reader = _Reader(body, trusted)
    try:
        message = reader.read(json.loads(header, parse_constant=_no_constant), 0)
    except Refused:
        raise
    except Exception as error:  # whatever torch or a class says of sizes and parts that do not go together
        raise Refused(f"it cannot be read: {type(error).__name__}") from None
    if not isinstance(message, dict) or reader.at != len(body):
        raise Refused("it is not a message")
    return message


def _written(value: Any, tensors: list[bytes], depth: int) -> Any:
    if depth > DEEPEST:
        return {"kind": "something nested too deeply"}
    deeper = depth + 1
    if value is None or value is True or value is False or type(value) is str:
        return value
    if isinstance(value, Described):
        return {"kind": value.kind[:200]}
    try:
        # The classes' own methods: a subclass may have others.
        if isinstance(value, int):
            return {"int": int.__repr__(value)}
        if isinstance(value, float):
            return {"float": float.hex(value)}
        if isinstance(value, Tensor):
            return _written_tensor(value, tensors)
        if isinstance(value, tuple):
            return {"tuple": [_written(part, tensors, deeper) for part in tuple.__iter__(value)]}
        if isinstance(value, list):
            return {"list": [_written(part, tensors, deeper) for part in list.__iter__(value)]}
        if isinstance(value, dict):
            pairs = [(name, part) for name, part in dict.items(value) if type(name) is str]
            return {"dict": [[name, _written(part, tensors, deeper)] for name, part in pairs]}
        if is_factored(value):
            return {"factored": [_written(part, tensors, deeper) for part in (value.A, value.B)]}
        if isinstance(value, torch.Generator):
            tensors.append(_bytes_of(value.get_state()))
            return {"generator": len(tensors[-1])}
        if isinstance(value, nn.Module) and hasattr(value, CHOICES):
            choices = getattr(value, CHOICES)
            return {"model": choices | {"dtype": _NAMES[choices["dtype"]]}}
    except Exception:  # whatever a strange object does when it is looked at
        return {"kind": _kind(value)}
    return {"kind": _kind(value)}


def _kind(value: Any) -> str:
    try:
        return kind_of(value)[:200]
    except Exception:
        return "an object without a class"


def _written_tensor(value: Tensor, tensors: list[bytes]) -> Any:
    if type(value) is not Tensor:
        with torch._C.DisableTorchFunctionSubclass():
            value = _as_subclass(value, Tensor)
    dense = value.layout == torch.strided and not value.is_nested and not value.is_quantized
    if not dense or value.device.type != "cpu" or value.dtype not in _NAMES:
        return {"kind": "a tensor that is not dense"}
    value = _detach(value)
    tensors.append(_bytes_of(value))
    strides = [] if value.is_contiguous() else [list(value.clone().stride())]
    return {"tensor": [_NAMES[value.dtype], list(value.shape), *strides]}


def _bytes_of(value: Tensor) -> bytes:
    value = _contiguous(value.resolve_conj().resolve_neg())
    return ctypes.string_at(_pointer(value), value.numel() * value.element_size()) if value.numel() else b""


def _no_constant(word: str) -> None:
    raise Refused(f"{word} is no JSON")


class _Reader:
    """Makes values of a header, taking tensors' bytes from the body in order."""

    def __init__(self, body: bytes, trusted: bool) -> None:
        self.body, self.trusted, self.at = memoryview(body), trusted, 0

    def read(self, written: Any, depth: int) -> Any:
        if depth > DEEPEST + 1:
            raise Refused("it is nested too deeply")
        if written is None or isinstance(written, bool | str):
            return written
        if not isinstance(written, dict) or len(written) != 1:
            raise Refused("a value that is none")
        (kind, of), deeper = next(iter(written.items())), depth + 1
        match kind:
            case "int":
                return int(_text(of))
            case "float":
                return float.fromhex(_text(of))
            case "tuple":
                return tuple(self.read(part, deeper) for part in _list(of))
            case "list":
                return [self.read(part, deeper) for part in _list(of)]
            case "dict":
                return {_text(name): self.read(part, deeper) for name, part in _pairs(of)}
            case "tensor":
                return self._tensor(*_list(of))
            case "factored":
                A, B = (self.read(part, deeper) for part in _list(of))
                both = isinstance(A, Tensor) and isinstance(B, Tensor)
                return factored(A, B) if both else Described("a FactoredMatrix without two tensors as its factors")
            case "generator":
                return self._generator()
            case "model" if self.trusted:
                return small_model(**of | {"dtype": DTYPES[of["dtype"]]})
            case "kind":
                return Described(_text(of)[:200])
        raise Refused("a kind of value that is not sent")

    def _take(self, count: int) -> bytearray:
        if count > len(self.body) - self.at:
            raise Refused("its body is too short")
        self.at += count
        return bytearray(self.body[self.at - count : self.at])

    def _tensor(self, name: Any, shape: Any, stride: Any = None) -> Tensor:
        dtype = DTYPES[_text(name)]
        sizes = _list(shape)
        if len(sizes) > 16 or not all(type(size) is int and 0 <= size < 2**40 for size in sizes):
            raise Refused("a shape that is none")
        # Of the sizes that are not zero, or an empty tensor could have strides that no integer holds.
        if math.prod(size for size in sizes if size) > 2**40:
            raise Refused("a tensor that is too large")
        raw = self._take(math.prod(sizes) * dtype.itemsize)
        if not raw:
            return torch.empty(sizes, dtype=dtype)
        if dtype == torch.bool and raw.translate(None, b"\0\1"):
            raise Refused("a Boolean that is neither true nor false")
        value = torch.frombuffer(raw, dtype=torch.uint8).view(dtype).reshape(sizes)
        if stride is not None and self.trusted:
            return torch.empty_strided(sizes, stride, dtype=dtype).copy_(value)
        return value

    def _generator(self) -> torch.Generator:
        raw = self._take(_GENERATOR_BYTES)
        # The place in the Mersenne Twister's table and what is left of it, as ATen lays them out: a draw from a state in
        # which the two do not fit would read beside the table.
        left, _, place = struct.unpack_from("<iiQ", raw, 8)
        if (left, place) != (1, 0) and not (left + place == 625 and 1 <= left <= 624):
            raise Refused("a generator in no possible state")
        generator = torch.Generator()
        generator.set_state(torch.frombuffer(raw, dtype=torch.uint8))
        return generator


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Refused("text that is none")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Refused("a list that is none")
    return value


def _pairs(value: Any) -> Iterator[list[Any]]:
    for pair in _list(value):
        if len(_list(pair)) != 2:
            raise Refused("a pair that is none")
        yield pair
