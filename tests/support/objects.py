"""Objects for tests of the store's pieces: put into a cache, looked up, damaged,
sent.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from mltrack.objects import tree
from mltrack.objects.content import FILE, TREE, Content
from mltrack.objects.digest import XXH3
from mltrack.store.local.cache import Cache
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import ANY, SMALL_OBJECT, TREES
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import Remote

LARGE = bytes(range(256)) * (SMALL_OBJECT // 256)
"""The smallest object that is a file of its own."""


def named(data: bytes) -> str:
    return XXH3.hex_of(data)


def put(cache: Cache, *data: bytes, contents: int = ANY) -> list[str]:
    """Adds objects together, in one pack if they are small; returns their digests."""
    with CacheWriter(cache) as writer:
        found = [writer.put(one, contents) for one in data]
        writer.publish()
    return found


def put_tree(cache: Cache, found: Mapping[str, object]) -> Content:
    """Adds a directory: bytes by name, and mappings for the directories in it."""
    with CacheWriter(cache) as writer:
        content = _put_tree(writer, found)
        writer.publish()
    return content


def _put_tree(writer: CacheWriter, found: Mapping[str, object]) -> Content:
    rows, size, files = [], 0, 0
    for name, inner in found.items():
        if isinstance(inner, bytes):
            content = Content("file", writer.put(inner), len(inner))
        else:
            assert isinstance(inner, Mapping)
            content = _put_tree(writer, inner)
        letter = "d" if content.kind == TREE else "f"
        rows.append((name.encode(), letter, content.hex, content.size))
        size, files = size + content.size, files + content.files
    return Content(TREE, writer.put(tree.encode(rows), TREES), size, files)


def pack_of(cache: Cache, hex_digest: str) -> str:
    """The id of the pack that an object lies in."""
    place = cache.find(hex_digest)
    assert place is not None and place.pack_id
    return place.pack_id


def flip(path: str | Path, at: int) -> None:
    """Changes one byte of a file."""
    os.chmod(path, 0o644)
    data = bytearray(Path(path).read_bytes())
    data[at] ^= 1
    Path(path).write_bytes(data)


def damage(cache: Cache, hex_digest: str) -> None:
    """Changes a byte of an object where it lies."""
    place = cache.find(hex_digest)
    assert place is not None
    flip(place.path, place.offset)


def silent(progress: object) -> None:
    """Tells nobody how far a transfer is."""


def again(remote: Remote) -> Remote:
    """A remote as another command of the same clone opens it."""
    made = Remote(remote.name, remote.store, remote.algorithm, remote.met)
    made.open()
    return made


def push(cache: Cache, remote: Remote, *data: bytes) -> list[Content]:
    """Adds objects to a cache and sends them, with an index of their own."""
    found = [
        Content(FILE, hex_digest, len(one))
        for hex_digest, one in zip(put(cache, *data), data, strict=True)
    ]
    push_contents(cache, remote, found, silent)
    return found
