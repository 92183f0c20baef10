"""Files that are links to the cache: making them private again, so that they may be
written.
"""

import os
import stat
from collections.abc import Iterator

from mltrack.disk.beneath import Beneath
from mltrack.disk.copying import copy_bytes
from mltrack.disk.durable import opened, temporary_path
from mltrack.store.local.cache import Cache


def make_private(project_path: str, root: str, cache: Cache) -> int:
    """Replaces every link to the cache at or below ``root`` by a writable copy; returns
    how many there were.

    A file is complete before it takes the link's place.
    """
    count = 0
    with Beneath(project_path) as beneath:
        for path in _linked(os.fsencode(project_path), os.fsencode(root), cache):
            parent, name = beneath.parent(path)
            temporary = os.fsencode(temporary_path(""))
            try:
                # following the link is right here: it was seen to lead to an object of
                # the cache
                with (
                    opened(name, os.O_RDONLY, directory=parent) as source,
                    opened(
                        temporary,
                        os.O_WRONLY | os.O_CREAT | os.O_EXCL,
                        0o666,
                        directory=parent,
                    ) as target,
                ):
                    copy_bytes(source, target)
                # over the link: the object behind it is not touched
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                if os.path.lexists(
                    os.path.join(
                        os.fsencode(project_path), os.path.dirname(path), temporary
                    )
                ):
                    os.unlink(temporary, dir_fd=parent)
                raise
            count += 1
    return count


def _linked(top: bytes, root: bytes, cache: Cache) -> Iterator[bytes]:
    """Yields the paths of links to the cache; other symbolic links are left alone."""
    pending = [root]
    while pending:
        path = pending.pop()
        full = os.path.join(top, path)
        state = os.lstat(full)
        if stat.S_ISDIR(state.st_mode):
            pending += [path + b"/" + name for name in os.listdir(full)]
        elif stat.S_ISLNK(state.st_mode):
            if cache.object_behind(os.readlink(full)) is not None:
                yield path
        elif (
            stat.S_ISREG(state.st_mode)
            and state.st_nlink > 1
            and not state.st_mode & 0o222
        ):
            yield path
