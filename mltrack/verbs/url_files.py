"""What is remembered of the files of a directory at a URL: by what each was known when
it came, and its digest. An update then reads only those that are known by something
else.

It is kept beside the project's indexes and safe to delete: then all is read again.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress

from mltrack.disk.durable import (
    make_directories,
    opened,
    read_bounded,
    write_atomic,
)
from mltrack.errors import FormatError, IntegrityError, MissingObjectError
from mltrack.formats import json_text
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree import FILE
from mltrack.objects.tree_walk import leaves
from mltrack.project import Project
from mltrack.store.kinds.url_source import State

# bytes: as much as a JSON text may have
_MOST_BYTES = json_text.MAX_BYTES


class UrlFiles:
    """Of the directory at one URL."""

    def __init__(self, project: Project, url: str) -> None:
        digest = hashlib.blake2b(url.encode("utf-8", "surrogateescape"), digest_size=16)
        self._path = os.path.join(
            project.index_path, "urls", digest.hexdigest() + ".json"
        )
        self._cache = project.cache
        self._known = _read(self._path)

    def put(self, name: str, state: State, to: str) -> bool:
        """Writes a file to a path, if one of that name came in the same state and its
        bytes are in the cache, whole; returns whether it did.
        """
        mark, value, size, hex_digest = self._known.get(name, ("", "", -1, ""))
        # without a size there is nothing to compare the bytes here with
        if (mark, value, size) != state or size < 0:
            return False
        if not self._cache.algorithm.is_hex(hex_digest):
            return False
        try:
            with opened(to, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644) as target:
                self._cache.copy_to(hex_digest, target, size)
        except (MissingObjectError, IntegrityError):
            # it is read from the URL, into a file that is not there yet
            os.unlink(to)
            return False
        return True

    def remember(self, files: Mapping[str, State], content: Content) -> None:
        """Keeps by what the files of a directory were known that is in the cache."""
        if content.kind != TREE:
            return
        rows = {}
        for inner, entry in leaves(content.hex, self._cache.read_tree):
            name = os.fsdecode(inner)
            if entry.kind == FILE and name in files:
                rows[name] = (*files[name], entry.hex)
        data = json.dumps({"files": rows}).encode("ascii", "replace")
        # lost, or too large to be read again: all of it is
        with suppress(OSError):
            make_directories(os.path.dirname(self._path))
            write_atomic(self._path, data, durable=False)


def _read(path: str) -> dict[str, tuple[str, str, int, str]]:
    found = {}
    # whatever is wrong with it: the files are read
    with suppress(OSError, FormatError, ValueError, TypeError, AttributeError):
        data = read_bounded(path, _MOST_BYTES)
        if data is not None:
            for name, row in json_text.load(data, path)["files"].items():
                mark, value, size, hex_digest = row
                found[name] = (str(mark), str(value), int(size), str(hex_digest))
    return found
