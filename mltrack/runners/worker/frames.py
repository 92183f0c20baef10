"""Frames: a message in JSON, and raw bytes behind it. Both sides of a connection use
this module.

A frame is ``MLTF``, the length of the JSON (4 bytes) and of the bytes (8 bytes, both
big-endian), the JSON, the bytes. Nothing is read ahead: a descriptor that has bytes to
read has a frame that begins.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any

from .system import write_all

MAGIC = b"MLTF"
HEADER = struct.Struct(">4sIQ")
# in bytes: bounds what a garbled header makes us gather
MAX_MESSAGE = 256 << 20
MAX_DATA = 256 << 20
_PIECE = 1 << 20


class Closed(Exception):
    """The other side has gone."""


class Garbled(Exception):
    """What arrived is no frame."""


def send(descriptor: int, message: dict[str, Any], data: bytes = b"") -> None:
    """Writes one frame; raises Closed if nobody reads it."""
    text = json.dumps(message, separators=(",", ":")).encode()
    try:
        write_all(descriptor, HEADER.pack(MAGIC, len(text), len(data)) + text)
        # not joined to the header: that would copy megabytes
        write_all(descriptor, data)
    except (BrokenPipeError, ConnectionResetError) as error:
        raise Closed(str(error)) from error


def receive(descriptor: int) -> tuple[dict[str, Any], bytes]:
    """Reads one frame; raises Closed at the end of the stream, Garbled if it is none."""
    magic, text_size, size = HEADER.unpack(_read(descriptor, HEADER.size))
    if magic != MAGIC or text_size > MAX_MESSAGE or size > MAX_DATA:
        raise Garbled("bytes that are no frame")
    text = _read(descriptor, text_size)
    data = _read(descriptor, size)
    try:
        message = json.loads(text)
    except ValueError as error:
        raise Garbled(str(error)) from error
    if not isinstance(message, dict):
        raise Garbled("a message that is no object")
    return message, data


def _read(descriptor: int, size: int) -> bytes:
    pieces = []
    left = size
    while left:
        try:
            piece = os.read(descriptor, min(left, _PIECE))
        except ConnectionResetError as error:
            raise Closed(str(error)) from error
        if not piece:
            raise Closed("the connection ended")
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)
