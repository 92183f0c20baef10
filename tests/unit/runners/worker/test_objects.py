"""A host's objects: equal to ours to the byte, never trusted when changed, within their
limit.
"""

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mltrack.objects import tree
from mltrack.objects.digest import XXH3
from mltrack.runners.worker import hashing
from mltrack.runners.worker.objects import FRESH_SECONDS, Content, Damaged, Objects

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
