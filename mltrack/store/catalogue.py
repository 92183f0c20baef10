"""Catalogues: what an index says of where objects are. The only code that reads or
writes the rows of one.

An index holds fixed-width rows sorted by digest behind a 256-way fan-out. The same
bytes stand at the end of each pack (then the one pack is the pack itself) and in the
files of a remote's ``index/`` (then the packs are listed). The layout is settled in
docs/reference/formats.md; nothing of an index is believed before its own digest was
checked.

A row says that an object is whole, or kept as a list of chunks, or something that only
a newer mltrack knows. Whoever asks for whole objects is never given one of the others:
to this version those are absent. It must then not rewrite the index, or delete what it
may name: ``is_understood``.
"""

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Set
from typing import NamedTuple

from mltrack.errors import FormatError, IntegrityError, NewerFormatError
from mltrack.objects.digest import Algorithm

MAGIC = b"MLTINDEX"
VERSION = 1
_WHOLE, _CHUNKS = 0, 1
_ALONE = 0xFFFFFFFF
"""The pack number of an object that is a file of its own."""

UNLISTED = "?"
"""Stands for a pack that a row names by a number without a name: the index contradicts
itself.
"""

_HEADER = struct.Struct(">8sIIQII")
_FANOUT = struct.Struct(">256I")
_ROWS_AT = _HEADER.size + _FANOUT.size
_WORTH_A_PASS = 8
"""Where more than one in so many rows is asked for, one pass over all beats bisecting
for each.
"""


class Whole(NamedTuple):
    """A whole object: ``size`` bytes in a pack from ``offset`` on, or all of a file of
    its own (``pack_id`` is '' then). ``raw`` is its digest.
    """

    raw: bytes
    pack_id: str
    offset: int
    size: int


class Chunked(NamedTuple):
    """An object that is kept as chunks, which a list of ``stored`` bytes names; joined
    they have ``size`` bytes.
    """

    raw: bytes
    pack_id: str
    offset: int
    stored: int
    size: int


_Row = tuple[bytes, int, int, int, int, int]
"""Digest, kind, number of the pack, offset, stored length, size."""


def alone(hex_digest: str, size: int) -> Whole:
    """Returns the entry of an object that is a file of its own."""
    return Whole(bytes.fromhex(hex_digest), "", 0, size)


# bytes behind the kind: the pack's number and the offset come first
_STORED_AT, _SIZE_AT = 12, 20


def _row_struct(algorithm: Algorithm) -> struct.Struct:
    return struct.Struct(f">{algorithm.raw_size}sBIQQQ")


def encode_own(
    objects: Iterable[tuple[bytes, int, int]], algorithm: Algorithm
) -> bytes:
    """Returns the index that a pack carries of its own objects: digest, offset and size
    of each, in any order.
    """
    return _encode(
        [(raw, _WHOLE, 0, offset, size, size) for raw, offset, size in objects],
        algorithm,
        (),
        (),
    )


def encode(
    entries: Iterable[Whole], algorithm: Algorithm, supersedes: Iterable[str] = ()
) -> bytes:
    """Returns an index of a remote that names these objects, in any order, and counts
    instead of those it supersedes.
    """
    numbers: dict[str, int] = {"": _ALONE}
    rows: list[_Row] = []
    for raw, id_, offset, size in entries:
        number = numbers.get(id_)
        if number is None:
            number = numbers[id_] = len(numbers) - 1
        rows.append((raw, _WHOLE, number, offset, size, size))
    return _encode(rows, algorithm, [id_ for id_ in numbers if id_], supersedes)


def _encode(
    rows: list[_Row],
    algorithm: Algorithm,
    packs: Iterable[str],
    supersedes: Iterable[str],
) -> bytes:
    # by digest, which comes first in a row: look-ups bisect
    rows.sort()
    counts = [0] * 256
    for row in rows:
        counts[row[0][0]] += 1
    total, fanout = 0, []
    for count in counts:
        total += count
        fanout.append(total)
    pack_list, old_list = list(packs), list(supersedes)
    pack_row = _row_struct(algorithm).pack
    body = b"".join(
        (
            _HEADER.pack(
                MAGIC, VERSION, algorithm.code, len(rows), len(pack_list), len(old_list)
            ),
            _FANOUT.pack(*fanout),
            *(pack_row(*row) for row in rows),
            *(bytes.fromhex(name) for name in (*pack_list, *old_list)),
        )
    )
    return body + bytes.fromhex(algorithm.hex_of(body))


class _Head(NamedTuple):
    rows: int
    packs: int
    supersedes: int


def _read_head(data: bytes, algorithm: Algorithm, name: str) -> _Head:
    if len(data) < _ROWS_AT or data[:8] != MAGIC:
        raise IntegrityError(f"{name}: not an index, or truncated")
    _, version, code, count, pack_count, old_count = _HEADER.unpack_from(data)
    # first: of a newer format nothing else is known
    if version > VERSION:
        raise NewerFormatError(
            f"{name}: an index of a newer mltrack (format {version})",
            hint="upgrade mltrack",
        )
    if code != algorithm.code:
        raise FormatError(
            f"{name}: an index with another digest algorithm than this project's "
            f"{algorithm.name}"
        )
    return _Head(count, pack_count, old_count)


def _answer(row: _Row, packs: dict[int, str]) -> Whole | Chunked | None:
    """What a row says, with the packs by number; None for what this version does not
    know, or what contradicts itself.
    """
    raw, kind, number, offset, stored, size = row
    id_ = packs.get(number)
    if id_ is None:
        return None
    if kind == _WHOLE and stored == size:
        return Whole(raw, id_, offset, size)
    if kind == _CHUNKS:
        return Chunked(raw, id_, offset, stored, size)
    return None


class Catalogue:
    """A decoded index. Look-ups bisect the bytes themselves; rows become entries only
    when they are asked for.

    Immutable but for what it remembers of itself, so any thread may ask it.
    """

    def __init__(
        self, data: bytes, algorithm: Algorithm, name: str, *, pack_id: str = ""
    ) -> None:
        """Checks ``data`` wholly; raises FormatError or IntegrityError, with ``name``.
        ``pack_id`` is the pack that carries this index.
        """
        raw = algorithm.raw_size
        head = _read_head(data, algorithm, name)
        self._row = _row_struct(algorithm)
        end = _ROWS_AT + head.rows * self._row.size
        # before anything is made by these counts: they may be forged
        if len(data) != end + (head.packs + head.supersedes + 1) * raw:
            raise IntegrityError(f"{name}: its length does not fit its counts")
        if algorithm.hex_of(data[:-raw]) != data[-raw:].hex():
            raise IntegrityError(f"{name}: its bytes do not match its digest")
        self._fanout: tuple[int, ...] = _FANOUT.unpack_from(data, _HEADER.size)
        # look-ups cut by it: a forged one would lead out of the rows
        is_sorted = all(
            a <= b for a, b in zip(self._fanout, self._fanout[1:], strict=False)
        )
        if not is_sorted or self._fanout[255] != head.rows:
            raise IntegrityError(f"{name}: its fan-out does not fit its rows")
        self.data = data
        self.name = name
        self.count: int = head.rows
        names = [data[at : at + raw].hex() for at in range(end, len(data) - raw, raw)]
        self.packs = [pack_id] if pack_id else names[: head.packs]
        self.supersedes = names[head.packs :]
        self._raw = raw
        self._end = end
        self._names = dict(enumerate(self.packs)) | {_ALONE: ""}
        # one stride over the bytes: no row is decoded for this
        kinds = data[_ROWS_AT + raw : end : self._row.size]
        self.is_understood: bool = kinds.count(_WHOLE) == head.rows
        """Whether every row names a whole object."""
        self._digests: frozenset[bytes] | None = None

    def __iter__(self) -> Iterator[Whole]:
        """Yields the whole objects, in order of digest."""
        names = self._names
        for raw, kind, number, offset, stored, size in self._rows():
            if kind == _WHOLE and stored == size and number in names:
                yield Whole(raw, names[number], offset, size)

    def digests(self) -> frozenset[bytes]:
        """Returns the digests of the whole objects, raw; computed once."""
        if self._digests is None:
            width, raw, data = self._row.size, self._raw, self.data
            if self._is_plain():
                # cut from the bytes: a remote has millions of rows
                self._digests = frozenset(
                    data[at : at + raw] for at in range(_ROWS_AT, self._end, width)
                )
            else:
                self._digests = frozenset(entry.raw for entry in self)
        return self._digests

    def _is_plain(self) -> bool:
        """Whether every row names a whole object in a pack that is listed: none
        contradicts itself.
        """
        start = _ROWS_AT + self._raw + 1

        # a byte of each row at a stride: no row is decoded for this
        def column(at: int) -> bytes:
            return self.data[start + at : self._end : self._row.size]

        if not self.is_understood or any(
            column(_STORED_AT + at) != column(_SIZE_AT + at) for at in range(8)
        ):
            return False
        numbers = set(zip(*map(column, range(4)), strict=True))
        return all(int.from_bytes(bytes(one), "big") in self._names for one in numbers)

    def among(self, raws: Set[bytes]) -> list[Whole]:
        """Returns the whole objects among these digests."""
        hits = self.digests() & raws
        if len(hits) * _WORTH_A_PASS > self.count:
            return [entry for entry in self if entry.raw in hits]
        return [entry for entry in map(self.whole, hits) if entry is not None]

    def whole(self, raw: bytes) -> Whole | None:
        """Returns where the whole object of a digest is, or None."""
        found = self.find(raw)
        return found if isinstance(found, Whole) else None

    def find(self, raw: bytes) -> Whole | Chunked | None:
        """Returns what is said of a digest; None where it is absent."""
        first = raw[0]
        low = self._fanout[first - 1] if first else 0
        high = self._fanout[first]
        # the fan-out leaves one row in 256 to search
        at = bisect_left(range(low, high), raw, key=self._digest_at) + low
        if at < high:
            row: _Row = self._row.unpack_from(self.data, _ROWS_AT + at * self._row.size)
            if row[0] == raw:
                return _answer(row, self._names)
        return None

    def pack_ends(self) -> dict[str, int]:
        """Returns where the last object of each pack ends, by the pack's name; of files
        of their own under '', of packs that are not listed under UNLISTED.
        """
        ends: dict[int, int] = {}
        for _, _, number, offset, stored, _ in self._rows():
            end = offset + stored
            if end > ends.get(number, -1):
                ends[number] = end
        return {self._names.get(number, UNLISTED): end for number, end in ends.items()}

    def pack_bytes(self) -> dict[str, int]:
        """Returns the bytes of the objects in each pack, by the pack's name, as
        ``pack_ends`` does.
        """
        totals: dict[int, int] = {}
        for _, _, number, _, stored, _ in self._rows():
            totals[number] = totals.get(number, 0) + stored
        return {
            self._names.get(number, UNLISTED): total for number, total in totals.items()
        }

    def _rows(self) -> Iterator[tuple[bytes, int, int, int, int, int]]:
        # a view: a slice would copy all rows
        return self._row.iter_unpack(memoryview(self.data)[_ROWS_AT : self._end])

    def _digest_at(self, number: int) -> bytes:
        at = _ROWS_AT + number * self._row.size
        return self.data[at : at + self._raw]


class RangedCatalogue:
    """An index of which only ranges are read: its head, and the rows that begin as a
    digest does.

    Its own digest is not checked, so what it says is a hint: whoever uses it checks the
    objects.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        size: int,
        algorithm: Algorithm,
        name: str,
    ) -> None:
        data = read(0, _ROWS_AT)
        head = _read_head(data, algorithm, name)
        raw = algorithm.raw_size
        self._row = _row_struct(algorithm)
        self._end = _ROWS_AT + head.rows * self._row.size
        # all that can be checked without reading the whole
        if size != self._end + (head.packs + head.supersedes + 1) * raw:
            raise IntegrityError(f"{name}: its length does not fit its counts")
        self._fanout: tuple[int, ...] = _FANOUT.unpack_from(data, _HEADER.size)
        names_data = read(self._end, (head.packs + head.supersedes) * raw)
        names = [
            names_data[at : at + raw].hex() for at in range(0, len(names_data), raw)
        ]
        self.supersedes = names[head.packs :]
        self.name = name
        self._names = dict(enumerate(names[: head.packs])) | {_ALONE: ""}
        self._count = head.rows
        self._read = read
        self.is_understood = True
        """Whether every row that was met names a whole object."""
        self._buckets: dict[int, dict[bytes, _Row]] = {}

    def among(self, raws: Set[bytes]) -> list[Whole]:
        """Returns the whole objects among these digests."""
        return [entry for entry in map(self.find, raws) if isinstance(entry, Whole)]

    def find(self, raw: bytes) -> Whole | Chunked | None:
        """Returns what is said of a digest; reads the rows that share its first byte,
        once.
        """
        first = raw[0]
        if first not in self._buckets:
            low, high = self._fanout[first - 1] if first else 0, self._fanout[first]
            # they say how much is asked for, and nothing has vouched for them
            if not 0 <= low <= high <= self._count:
                raise IntegrityError(f"{self.name}: its fan-out does not fit its rows")
            width = self._row.size
            data = self._read(_ROWS_AT + low * width, (high - low) * width)
            # whole rows only: a store may give less than was asked for
            rows = self._row.iter_unpack(data[: len(data) // width * width])
            self._buckets[first] = {row[0]: row for row in rows}
        row = self._buckets[first].get(raw)
        found = None if row is None else _answer(row, self._names)
        self.is_understood &= row is None or isinstance(found, Whole)
        return found
