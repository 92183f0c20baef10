"""Indexes: which object lies where. Fixed-width rows sorted by digest behind a 256-way fan-out.

The same bytes stand at the end of each pack (then the one pack is the pack itself) and in the files of a remote's
``index/`` (then the packs are listed). The layout is settled in docs/reference/formats.md; nothing of an index is
believed before its own digest was checked.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Set
from typing import NamedTuple

from mltrack.errors import FormatError, IntegrityError
from mltrack.objects.digest import Algorithm

MAGIC = b"MLTINDEX"
VERSION = 1
WHOLE, CHUNKS = 0, 1
ALONE = 0xFFFFFFFF
"""The pack number of an object that is a file of its own."""

_HEADER = struct.Struct(">8sIIQII")
_FANOUT = struct.Struct(">256I")
_ROWS_AT = _HEADER.size + _FANOUT.size


class Row(NamedTuple):
    """Where an object lies: its pack's number, offset and stored length there, and its size. ``raw`` is its digest."""

    raw: bytes
    kind: int
    pack: int
    offset: int
    stored: int
    size: int


def _row_struct(algorithm: Algorithm) -> struct.Struct:
    return struct.Struct(f">{algorithm.raw_size}sBIQQQ")


def encode(
    rows: Iterable[tuple[bytes, int, int, int, int, int]],
    algorithm: Algorithm,
    *,
    packs: Iterable[str] = (),
    supersedes: Iterable[str] = (),
) -> bytes:
    """Returns the bytes of an index with these rows, in any order; its own digest comes last."""
    ordered = sorted(rows)
    counts = [0] * 256
    for row in ordered:
        counts[row[0][0]] += 1
    total, fanout = 0, []
    for count in counts:
        total += count
        fanout.append(total)
    pack_list, old_list = list(packs), list(supersedes)
    pack_row = _row_struct(algorithm).pack
    body = b"".join(
        (
            _HEADER.pack(MAGIC, VERSION, algorithm.code, len(ordered), len(pack_list), len(old_list)),
            _FANOUT.pack(*fanout),
            *(pack_row(*row) for row in ordered),
            *(bytes.fromhex(name) for name in (*pack_list, *old_list)),
        )
    )
    return body + bytes.fromhex(algorithm.hex_of(body))


class Index:
    """A decoded index. Look-ups bisect the bytes themselves; rows become tuples only when they are asked for."""

    def __init__(self, data: bytes, algorithm: Algorithm, name: str) -> None:
        """Checks ``data`` wholly; raises FormatError or IntegrityError, with ``name``."""
        raw = algorithm.raw_size
        if len(data) < _ROWS_AT + raw or data[:8] != MAGIC:
            raise IntegrityError(f"{name}: not an index, or truncated")
        _, version, code, count, pack_count, old_count = _HEADER.unpack_from(data)
        if version > VERSION:
            raise FormatError(f"{name}: an index of a newer mltrack (format {version})", hint="upgrade mltrack")
        if code != algorithm.code:
            raise FormatError(f"{name}: an index with another digest algorithm than this project's {algorithm.name}")
        self._row = _row_struct(algorithm)
        end = _ROWS_AT + count * self._row.size
        if len(data) != end + (pack_count + old_count + 1) * raw:
            raise IntegrityError(f"{name}: its length does not fit its counts")
        if algorithm.hex_of(data[:-raw]) != data[-raw:].hex():
            raise IntegrityError(f"{name}: its bytes do not match its digest")
        self._fanout: tuple[int, ...] = _FANOUT.unpack_from(data, _HEADER.size)
        if any(a > b for a, b in zip(self._fanout, self._fanout[1:], strict=False)) or self._fanout[255] != count:
            raise IntegrityError(f"{name}: its fan-out does not fit its rows")
        self.data = data
        self.name = name
        self.count: int = count
        names = [data[at : at + raw].hex() for at in range(end, len(data) - raw, raw)]
        self.packs = names[:pack_count]
        self.supersedes = names[pack_count:]
        self._raw = raw
        self._end = end
        self._digests: frozenset[bytes] | None = None

    def __iter__(self) -> Iterator[Row]:
        view = memoryview(self.data)[_ROWS_AT : self._end]
        return map(Row._make, self._row.iter_unpack(view))

    def digests(self) -> frozenset[bytes]:
        """Returns all digests of the index, raw; computed once."""
        if self._digests is None:
            width, raw, data = self._row.size, self._raw, self.data
            self._digests = frozenset(data[at : at + raw] for at in range(_ROWS_AT, self._end, width))
        return self._digests

    def rows_of(self, raws: Set[bytes]) -> Iterator[Row]:
        """Yields the rows of those of the digests that are here, in order of digest for many of them."""
        hits = self.digests() & raws
        if len(hits) * 8 > self.count:
            return (row for row in self if row.raw in hits)
        return (row for row in map(self.find, hits) if row is not None)

    def pack_ends(self) -> dict[int, int]:
        """Returns where the last object of each pack ends, by the pack's number."""
        ends: dict[int, int] = {}
        for _, _, number, offset, stored, _ in self._row.iter_unpack(memoryview(self.data)[_ROWS_AT : self._end]):
            end = offset + stored
            if end > ends.get(number, -1):
                ends[number] = end
        return ends

    def pack_bytes(self) -> dict[int, int]:
        """Returns the bytes of the objects in each pack, by the pack's number."""
        totals: dict[int, int] = {}
        for _, _, number, _, stored, _ in self._row.iter_unpack(memoryview(self.data)[_ROWS_AT : self._end]):
            totals[number] = totals.get(number, 0) + stored
        return totals

    def find(self, raw: bytes) -> Row | None:
        """Returns the row of a digest, or None."""
        first = raw[0]
        low = self._fanout[first - 1] if first else 0
        high = self._fanout[first]
        width = self._row.size
        at = bisect_left(range(low, high), raw, key=self._digest_at) + low
        if at < high:
            row = Row._make(self._row.unpack_from(self.data, _ROWS_AT + at * width))
            if row.raw == raw:
                return row
        return None

    def _digest_at(self, number: int) -> bytes:
        at = _ROWS_AT + number * self._row.size
        return self.data[at : at + self._raw]


class RangedIndex:
    """An index of which only ranges are read: its head, and the rows that begin as a digest does.

    Its own digest is not checked, so what it says is a hint: whoever uses it checks the objects.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int, algorithm: Algorithm, name: str) -> None:
        head = read(0, _ROWS_AT)
        if len(head) < _ROWS_AT or head[:8] != MAGIC:
            raise IntegrityError(f"{name}: not an index, or truncated")
        _, version, code, count, pack_count, old_count = _HEADER.unpack_from(head)
        if version > VERSION:
            raise FormatError(f"{name}: an index of a newer mltrack (format {version})", hint="upgrade mltrack")
        raw = algorithm.raw_size
        self._row = _row_struct(algorithm)
        self._end = _ROWS_AT + count * self._row.size
        if code != algorithm.code or size != self._end + (pack_count + old_count + 1) * raw:
            raise IntegrityError(f"{name}: its length does not fit its counts")
        self._fanout: tuple[int, ...] = _FANOUT.unpack_from(head, _HEADER.size)
        data = read(self._end, (pack_count + old_count) * raw)
        names = [data[at : at + raw].hex() for at in range(0, len(data), raw)]
        self.packs = names[:pack_count]
        self.supersedes = names[pack_count:]
        self.name = name
        self._count = count
        self._read = read
        self._buckets: dict[int, dict[bytes, Row]] = {}

    def rows_of(self, raws: Set[bytes]) -> Iterator[Row]:
        """Yields the rows of those of the digests that are here."""
        return (row for row in map(self.find, raws) if row is not None)

    def find(self, raw: bytes) -> Row | None:
        """Returns the row of a digest, or None; reads the rows that share its first byte, once."""
        first = raw[0]
        if first not in self._buckets:
            low, high = self._fanout[first - 1] if first else 0, self._fanout[first]
            if not 0 <= low <= high <= self._count:
                raise IntegrityError(f"{self.name}: its fan-out does not fit its rows")
            data = self._read(_ROWS_AT + low * self._row.size, (high - low) * self._row.size)
            rows = map(Row._make, self._row.iter_unpack(data[: len(data) // self._row.size * self._row.size]))
            self._buckets[first] = {row.raw: row for row in rows}
        return self._buckets[first].get(raw)
