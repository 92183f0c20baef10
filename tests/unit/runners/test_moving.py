"""What a host sends is bounded by what it has, not by what it says."""

from collections import deque
from pathlib import Path
from typing import Any

import pytest

from mltrack.errors import IntegrityError
from mltrack.objects.content import FILE, Content
from mltrack.objects.digest import XXH3
from mltrack.runners import moving
from mltrack.runners.connection import Address
from mltrack.runners.worker.messages import ListRaw, ReadPart, ReadRaw
from mltrack.store.local.cache import Cache


class FakeHost:
    """Answers as a host would that lists a file of ``said`` bytes and has ``data``."""

    address = Address("gpu1", "python3", "")

    def __init__(self, said: int, data: bytes) -> None:
        self.said, self.data, self.asked = said, data, 0
        self.replies: deque[tuple[dict[str, Any], bytes]] = deque()

    def send(self, message: Any, data: bytes = b"") -> None:
        self.asked += 1
        if isinstance(message, ListRaw):
            self.replies.append(({"rows": [["", "file", self.said, ""]]}, b""))
        else:
            assert isinstance(message, ReadPart | ReadRaw)
            piece = self.data[message.offset : message.offset + moving.FRAME]
            self.replies.append(({}, piece))

    def receive(self) -> tuple[dict[str, Any], bytes]:
        return self.replies.popleft()

    def request(self, message: Any) -> tuple[dict[str, Any], bytes]:
        self.send(message)
        return self.receive()


def raw(host: FakeHost, path: Path) -> None:
    moving.receive_raw(host, "k", 1, "out", str(path))  # type: ignore[arg-type]


def hashed(host: FakeHost, path: Path) -> None:
    content = Content(FILE, XXH3.hex_of(host.data), host.said)
    cache = Cache(str(path.parent / "cache"), XXH3)
    moving.receive_output(host, XXH3, cache, content, str(path))  # type: ignore[arg-type]


@pytest.mark.parametrize("receive", [raw, hashed])
def test_a_size_that_no_disk_has_costs_no_memory(receive: Any, tmp_path: Path) -> None:
    host = FakeHost(2**60, b"a few bytes")
    with pytest.raises(IntegrityError, match="gpu1 sent other bytes"):
        receive(host, tmp_path / "out")
    assert host.asked < 10


@pytest.mark.parametrize("said", [2, 4])
def test_a_raw_file_that_is_not_as_long_as_it_was_listed_is_refused(
    said: int, tmp_path: Path
) -> None:
    with pytest.raises(IntegrityError, match="those of out"):
        raw(FakeHost(said, b"123"), tmp_path / "out")


@pytest.mark.parametrize("size", [0, 3, moving.FRAME, 6 * moving.FRAME + 1])
def test_a_raw_file_of_any_size_arrives_whole(size: int, tmp_path: Path) -> None:
    host = FakeHost(size, bytes(size))
    raw(host, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == host.data
