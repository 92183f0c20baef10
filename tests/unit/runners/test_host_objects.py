"""A host's objects: equal to ours to the byte, never trusted when changed, within their
limit.
"""

import os
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.objects import tree
from mltrack.objects.digest import XXH3
from mltrack.runners.worker import hashing
from mltrack.runners.worker.objects import (
    FRESH_SECONDS,
    STAMP_NS,
    Content,
    Damaged,
    Objects,
)
from mltrack.runners.worker.parts import Parts


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    found = hashing.find("xxh3", str(tmp_path))
    assert found is not None
    return Objects(str(tmp_path / "host"), "xxh3", found)


names = st.binary(min_size=1, max_size=20).filter(
    lambda name: (
        b"/" not in name
        and b"\0" not in name
        and name not in (b".", b"..")
        and not tree.is_reserved_name(name)
    )
)


@given(
    files=st.dictionaries(names, st.binary(max_size=50), max_size=8),
    mode=st.sampled_from([0o644, 0o755]),
)
def test_a_directory_becomes_the_tree_that_we_would_make(
    files: dict[bytes, bytes], mode: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("d")
    found = hashing.find("xxh3", str(top))
    host = Objects(str(top / "host"), "xxh3", found)
    directory = os.fsencode(top / "out")
    os.mkdir(directory)
    rows = []
    for name, data in files.items():
        path = directory + b"/" + name
        with open(path, "wb") as file:
            file.write(data)
        os.chmod(path, mode)
        rows.append((name, "x" if mode & 0o100 else "f", XXH3.hex_of(data), len(data)))
    content = host.take_in(os.fsdecode(directory))
    encoded = tree.encode(rows)
    assert content == Content(
        "tree", XXH3.hex_of(encoded), sum(map(len, files.values())), len(files)
    )
    assert tree.decode(Path(host.path_of(content.hex)).read_bytes(), 32) == sorted(
        tree.Entry(*row) for row in rows
    )
    assert {entry.name: entry.kind for entry in host.tree(content.hex)} == {
        row[0]: row[1] for row in rows
    }


def test_bytes_that_do_not_match_are_refused(objects: Objects) -> None:
    with pytest.raises(Damaged):
        objects.put(XXH3.hex_of(b"right"), b"wrong")
    assert not objects.has(XXH3.hex_of(b"right"))


def test_what_was_written_to_is_dropped(objects: Objects) -> None:
    hex_digest = XXH3.hex_of(b"right")
    objects.put(hex_digest, b"right")
    path = objects.path_of(hex_digest)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o444 and objects.has(hex_digest)
    os.chmod(path, 0o644)
    Path(path).write_bytes(b"wrong")
    assert not objects.has(hex_digest) and not os.path.exists(path)


def test_a_large_object_goes_on_where_it_was_cut_off(objects: Objects) -> None:
    data = os.urandom(100_000)
    hex_digest = XXH3.hex_of(data)
    first, again = Parts(objects), Parts(objects)
    first.put(hex_digest, 0, len(data), data[:40_000])
    os.close(first._open.pop(hex_digest))  # as when the connection ends
    assert again.begin(hex_digest, len(data)) == 40_000
    again.put(hex_digest, 40_000, len(data), data[40_000:])
    assert (
        objects.has(hex_digest, len(data))
        and Path(objects.path_of(hex_digest)).read_bytes() == data
    )


def test_a_part_that_is_whole_becomes_the_object_and_one_that_is_too_long_starts_over(
    objects: Objects,
) -> None:
    data = os.urandom(1000)
    hex_digest = XXH3.hex_of(data)
    place = Path(objects.aside) / hex_digest
    for left, expected in ((data, 1000), (bytes(1000), 0), (data + b"more", 0)):
        place.write_bytes(left)
        assert Parts(objects).begin(hex_digest, 1000) == expected
        assert objects.has(hex_digest) == (expected == 1000)
        with suppress(FileNotFoundError):
            os.unlink(objects.path_of(hex_digest))


def test_a_large_object_that_is_sent_twice_at_once_arrives(objects: Objects) -> None:
    first, other = Parts(objects), Parts(objects)
    data = os.urandom(1000)
    hex_digest = XXH3.hex_of(data)
    first.put(hex_digest, 0, 1000, data[:500])
    other.put(hex_digest, 0, 1000, data)
    first.put(hex_digest, 500, 1000, data[500:])
    assert objects.has(hex_digest)


def test_a_part_with_other_bytes_starts_over(objects: Objects) -> None:
    parts = Parts(objects)
    data = os.urandom(1000)
    hex_digest = XXH3.hex_of(data)
    with pytest.raises(Damaged):
        parts.put(hex_digest, 0, 1000, bytes(1000))
    assert parts.begin(hex_digest, 1000) == 0
    parts.put(hex_digest, 0, 1000, data)
    assert objects.has(hex_digest)


def test_the_oldest_goes_first_and_only_what_nobody_needs(
    objects: Objects, tmp_path: Path
) -> None:
    digests = []
    for number in range(5):
        data = bytes([number]) * 1000
        digests.append(XXH3.hex_of(data))
        objects.put(digests[-1], data)
        long_ago = time.time_ns() - int((FRESH_SECONDS * (10 - number)) * 1e9)
        os.utime(
            objects.path_of(digests[-1]),
            ns=(long_ago, os.stat(objects.path_of(digests[-1])).st_mtime_ns),
        )
    os.link(objects.path_of(digests[0]), tmp_path / "used")
    assert objects.evict(5000, set()) == 0
    assert objects.evict(2000, {digests[1]}) == 3000
    assert [os.path.exists(objects.path_of(one)) for one in digests] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_names_that_lead_elsewhere_are_refused(
    objects: Objects, tmp_path: Path
) -> None:
    hostile = tree.HEADER + b"f %s 1 ..\n" % XXH3.hex_of(b"x").encode()
    objects.put(XXH3.hex_of(hostile), hostile)
    with pytest.raises(Damaged):
        objects.place_content(
            Content("tree", XXH3.hex_of(hostile), 1),
            str(tmp_path / "work"),
            private=False,
        )
    for digest in ("../x", "a" * 31, ""):
        with pytest.raises(Damaged):
            objects.path_of(digest)


@pytest.mark.parametrize("hashes", [True, False])
def test_a_tree_that_a_power_cut_emptied_is_asked_for_again(
    hashes: bool, objects: Objects, tmp_path: Path
) -> None:
    """Nobody knows the size of a tree: its name and its stamp are right."""
    if not hashes:
        objects = Objects(str(tmp_path / "host"), "xxh3", None)
    encoded = tree.encode([(b"x", "f", XXH3.hex_of(b"x"), 1)])
    hex_digest = XXH3.hex_of(encoded)
    content = Content("tree", hex_digest, 1)

    def put_and_empty() -> None:
        objects.put(hex_digest, encoded)
        objects.put(XXH3.hex_of(b"x"), b"x")
        os.truncate(objects.path_of(hex_digest), 0)
        os.utime(objects.path_of(hex_digest), ns=(time.time_ns(), STAMP_NS))

    put_and_empty()
    assert objects.missing([content[:3]]) == [hex_digest]
    put_and_empty()
    with pytest.raises(Damaged, match="not here any more"):
        objects.place_content(content, str(tmp_path / "work"), private=False)
    objects.put(hex_digest, encoded)
    assert objects.missing([content[:3]]) == []


def test_what_was_asked_for_within_the_hour_stays_whatever_its_notes_say(
    objects: Objects,
) -> None:
    """Neither the time of access nor the note that a tree is whole is written at each
    look.
    """
    encoded = tree.encode([(b"x", "f", XXH3.hex_of(b"x"), 1)])
    hex_digest, inner = XXH3.hex_of(encoded), XXH3.hex_of(b"x")
    objects.put(hex_digest, encoded)
    objects.put(inner, b"x")
    lag = FRESH_SECONDS / 2 - 1
    age(objects.path_of(inner), lag)
    assert objects.missing([("tree", hex_digest, 1)]) == []
    # half an hour later it is asked for again, and nearly an hour later evicted
    age(os.path.join(objects._whole, hex_digest), lag)
    age(objects.path_of(inner), 2 * lag)
    assert objects.missing([("tree", hex_digest, 1)]) == []
    age(objects.path_of(inner), 2 * lag + FRESH_SECONDS - 60)
    assert objects.evict(0, set()) == 0


def age(path: str, seconds: float) -> None:
    """Sets the times of a file back: of last access, and of change where it has one."""
    moment = time.time_ns() - int(seconds * 1e9)
    changed = os.stat(path).st_mtime_ns
    os.utime(path, ns=(moment, STAMP_NS if changed == STAMP_NS else moment))
