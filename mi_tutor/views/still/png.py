"""A grid of colours as a PNG of some hundred bytes; no imaging library is among the dependencies."""

import base64
import struct
import zlib

from torch import Tensor


def png(indices: Tensor, palette: list[tuple[int, int, int, int]]) -> bytes:
    """A PNG with one pixel an entry.

    Args:
        indices: rows and columns of indices into the palette.
        palette: up to 256 colours: red, green, blue, opacity, each from 0 to 255.
    """
    height, width = indices.shape
    rows = b"".join(b"\0" + bytes(row) for row in indices.tolist())
    colours = bytes(part for colour in palette for part in colour[:3])
    opacity = bytes(colour[3] for colour in palette)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", colours),
        (b"tRNS", opacity),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def data_address(mime: str, data: bytes) -> str:
    """The data as an address that needs no server."""
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"
