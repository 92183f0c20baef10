"""Copies and their digests agree, also where a file has holes."""

import os
from pathlib import Path

import pytest

from mltrack.disk.abilities import Ability
from mltrack.disk.cloning import shares_blocks
from mltrack.disk.copying import copy_and_hash, copy_bytes, hash_bytes
from mltrack.disk.durable import opened
from mltrack.objects.digest import XXH3
from tests.support.abilities import needs

MEBIBYTE = 1 << 20


def small(path: Path) -> None:
    path.write_bytes(b"small")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def large(path: Path) -> None:
    path.write_bytes(os.urandom(MEBIBYTE) * 40)


def holes(path: Path) -> None:
    """Data, a hole, data, and a hole at the end."""
    with path.open("wb") as file:
        file.write(b"begin")
        file.seek(33 * MEBIBYTE)
        file.write(b"middle")
        file.truncate(70 * MEBIBYTE)


@pytest.mark.parametrize("make", [empty, small, large, holes])
def test_a_copy_has_the_bytes_and_the_digest_of_its_source(
    tmp_path: Path, make: object
) -> None:
    source, copy, plain = tmp_path / "source", tmp_path / "copy", tmp_path / "plain"
    assert callable(make)
    make(source)
    expected = XXH3.hex_of(source.read_bytes())
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
    hasher = XXH3.new()
    with opened(source, os.O_RDONLY) as one, opened(copy, flags) as two:
        assert copy_and_hash(one, two, hasher) == source.stat().st_size
    assert hasher.hexdigest() == expected
    assert copy.read_bytes() == source.read_bytes()
    with opened(source, os.O_RDONLY) as one, opened(plain, flags) as two:
        assert copy_bytes(one, two) == source.stat().st_size
    again = XXH3.new()
    with opened(plain, os.O_RDONLY) as one:
        assert hash_bytes(one, again) == source.stat().st_size
    assert again.hexdigest() == expected


@needs(Ability.HOLES)
def test_holes_stay_holes(tmp_path: Path) -> None:
    holes(tmp_path / "source")
    with (
        opened(tmp_path / "source", os.O_RDONLY) as one,
        opened(tmp_path / "copy", os.O_RDWR | os.O_CREAT) as two,
    ):
        copy_bytes(one, two)
    assert (tmp_path / "copy").stat().st_blocks * 512 < 2 * MEBIBYTE


def test_asking_whether_blocks_are_shared_leaves_nothing(tmp_path: Path) -> None:
    shares_blocks(str(tmp_path), str(tmp_path))
    assert os.listdir(tmp_path) == []
