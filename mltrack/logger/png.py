"""Pictures as files: an array as a PNG, by the standard library."""

from __future__ import annotations

import struct
import zlib
from typing import Any

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# colour types of the PNG specification, section 11.2.1, by the number of channels
_COLOURS = {1: 0, 3: 2, 4: 6}


def png(array: Any) -> bytes:
    """Returns an image as PNG: rows of grey values, or of 1, 3 or 4 channels; whole
    numbers from 0 to 255, or fractions from 0 to 1. Raises ValueError for other shapes.
    """
    for step in ("detach", "cpu", "numpy"):  # a tensor of torch
        if hasattr(array, step) and not hasattr(array, "tobytes"):
            array = getattr(array, step)()
    if hasattr(array, "tolist"):
        data, shape = _of_array(array)
    else:
        data, shape = _of_lists(array)
    height, width, channels = shape
    if channels not in _COLOURS or not height or not width:
        raise ValueError(
            f"an image has rows, columns and 1, 3 or 4 channels, not the shape {shape}"
        )
    stride = width * channels
    # each row begins with the number of its filter: 0, none
    rows = b"".join(
        b"\0" + data[at : at + stride] for at in range(0, len(data), stride)
    )
    head = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    return (
        _SIGNATURE
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _of_array(array: Any) -> tuple[bytes, tuple[int, int, int]]:
    if array.dtype.kind == "f":
        array = (array * 255).round().clip(0, 255)
    elif array.dtype.kind == "b":
        array = array * 255
    return array.astype("uint8").tobytes(), _shape(tuple(array.shape))


def _of_lists(rows: Any) -> tuple[bytes, tuple[int, int, int]]:
    cells = [cell for row in rows for cell in row]
    is_flat = not cells or not isinstance(cells[0], (list, tuple))
    flat = cells if is_flat else [value for cell in cells for value in cell]
    channels = 1 if is_flat else len(cells[0])
    data = bytes(_level(value) for value in flat)
    return data, (len(rows), len(cells) // max(1, len(rows)), channels)


def _level(value: Any) -> int:
    number = value * 255 if isinstance(value, float) else value
    return min(255, max(0, round(number)))


def _shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    sides: list[int] = [int(side) for side in shape]
    if len(sides) == 2:
        sides.append(1)
    if len(sides) != 3:
        raise ValueError(f"an image has two or three dimensions, not the shape {shape}")
    return sides[0], sides[1], sides[2]


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
