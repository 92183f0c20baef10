"""Frames: what is sent arrives, whatever else is on the way, and nonsense is told."""

import os
import struct
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.runners.worker import frames
from mltrack.runners.worker.frames import Closed, Garbled, receive, send

plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
messages = st.dictionaries(st.text(max_size=6), values, max_size=4)


def through(*sent: tuple[dict[str, Any], bytes]) -> list[tuple[dict[str, Any], bytes]]:
    """Sends frames through a pipe that is closed behind them; returns what arrives."""
    read, write = os.pipe()

    def sending() -> None:
        for message, data in sent:
            send(write, message, data)
        os.close(write)

    thread = threading.Thread(target=sending)
    thread.start()
    try:
        found = [receive(read) for _ in sent]
        with pytest.raises(Closed):
            receive(read)
    finally:
        thread.join()
        os.close(read)
    return found


def given_bytes(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Receives from a stream that holds just these bytes."""
    read, write = os.pipe()
    thread = threading.Thread(target=lambda: (os.write(write, data), os.close(write)))
    thread.start()
    try:
        return receive(read)
    finally:
        thread.join()
        os.close(read)


@given(st.lists(st.tuples(messages, st.binary(max_size=300)), max_size=4))
def test_what_is_sent_arrives_in_order(
    sent: list[tuple[dict[str, Any], bytes]],
) -> None:
    assert through(*sent) == sent


def test_large_frames_arrive_whole() -> None:
    data = os.urandom(3 << 20)
    [(message, arrived)] = through(({"text": "x" * (2 << 20)}, data))
    assert arrived == data and len(message["text"]) == 2 << 20


def test_nothing_is_read_ahead() -> None:
    read, write = os.pipe()
    send(write, {"a": 1}, b"data")
    os.write(write, b"next")
    assert receive(read) == ({"a": 1}, b"data") and os.read(read, 9) == b"next"
    os.close(read)
    os.close(write)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">4sIQ", b"HTTP", 2, 0) + b"{}",
        struct.pack(">4sIQ", b"MLTF", 1, 0) + b"{",
        struct.pack(">4sIQ", b"MLTF", 2, 0) + b"[]",
        struct.pack(">4sIQ", b"MLTF", 1, 0) + b"\xff",
        struct.pack(">4sIQ", b"MLTF", frames.MAX_MESSAGE + 1, 0) + b"{}",
        struct.pack(">4sIQ", b"MLTF", 2, frames.MAX_DATA + 1) + b"{}",
        struct.pack(">4sIQ", b"MLTF", 2, 1 << 60) + b"{}",
    ],
)
def test_what_is_no_frame_is_told_before_it_is_taken(data: bytes) -> None:
    with pytest.raises(Garbled):
        given_bytes(data)


@given(st.integers(0, 24))
def test_a_stream_that_ends_anywhere_is_told(cut: int) -> None:
    whole = struct.pack(">4sIQ", b"MLTF", 7, 2) + b'{"a":1}' + b"xy"
    with pytest.raises(Closed):
        given_bytes(whole[:cut])
    assert given_bytes(whole) == ({"a": 1}, b"xy")


def test_nobody_who_reads_is_told() -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(Closed):
        send(write, {}, b"data")
    os.close(write)
