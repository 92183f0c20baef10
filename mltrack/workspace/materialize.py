"""Putting objects into the workspace, and taking files out of it.

Every directory on the way is opened by descriptor without following links, so that no name from a tree, a pointer or
a lock leads out of the project. A file is complete before it has its name; a kill leaves the old one or the new one.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress

from mltrack.disk.beneath import Beneath
from mltrack.disk.durable import opened, temporary_path, write_all
from mltrack.errors import WorkspaceError
from mltrack.objects import tree
from mltrack.objects.tree import DIRECTORY, EXEC, SYMLINK, Entry
from mltrack.store.cache import SYMLINK as SYMLINK_MODE
from mltrack.store.cache import Cache
from mltrack.store.pack import SMALL_OBJECT
from mltrack.store.reader import Reader
from mltrack.workspace.checkout_plan import Operation
from mltrack.workspace.scan import leaves_root
from mltrack.workspace.stat_index import STAMPS, stamps

Report = Callable[[int, int], None]


def apply(
    project_path: str, tmp_path: str, root: bytes, operations: Iterable[Operation], cache: Cache, report: Report
) -> None:
    """Carries out operations, whose paths are relative to the project and lie at or below ``root``.

    Removes first, directories that became empty included, then creates. Raises on the first failure; running again
    completes what is left.
    """
    ordered = sorted(operations, key=lambda op: (op.path, op.entry is not None))
    directory = os.O_RDONLY | os.O_DIRECTORY
    with Beneath(project_path) as beneath, Reader(cache) as reader, opened(tmp_path, directory) as aside:
        gone = [op for op in ordered if op.replaced is not None and (op.entry is None or _kinds_differ(op))]
        for op in reversed(gone):
            _remove(beneath, op, root)
        for number, op in enumerate(ordered):
            if op.entry is not None:
                _create(beneath, aside, op.path, op.entry, root, cache, reader)
            report(number + 1, len(ordered))


def _kinds_differ(op: Operation) -> bool:
    """A directory cannot be renamed over, nor can a file over it: the old one goes first."""
    return op.entry is not None and op.replaced is not None and DIRECTORY in (op.entry.kind, op.replaced.kind)


def _remove(beneath: Beneath, op: Operation, root: bytes) -> None:
    path = op.path
    try:
        parent, name = beneath.parent(path)
        if op.replaced is not None and op.replaced.kind == DIRECTORY:
            with suppress(OSError):
                os.rmdir(name, dir_fd=parent)
        else:
            os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return
    while path != root and b"/" in path:
        path = path.rpartition(b"/")[0]
        beneath.forget()
        parent, name = beneath.parent(path)
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError:
            return


def _create(beneath: Beneath, aside: int, path: bytes, entry: Entry, root: bytes, cache: Cache, reader: Reader) -> None:
    for part in path.split(b"/"):
        tree.check_name(part)
    if entry.kind == DIRECTORY:
        beneath.directory(path, create=True)
        return
    parent, name = beneath.parent(path, create=True)
    # where the workspace's directory is another file system than mltrack's own, the temporary file stands beside
    directory = aside if os.fstat(parent).st_dev == os.fstat(aside).st_dev else parent
    temporary = os.fsencode(temporary_path(""))
    try:
        if entry.kind == SYMLINK:
            os.symlink(link_target(path, entry, root, cache), temporary, dir_fd=directory)
        else:
            put_file(directory, temporary, entry, reader, cache)
        try:
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
                raise in_the_way(path) from error
            raise
        if cache.linking:  # a rename over another link of the same file does nothing
            _discard(temporary, directory)
    except BaseException:
        _discard(temporary, directory)
        raise


def _discard(name: bytes, directory: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def put_file(directory: int, name: bytes, entry: Entry, reader: Reader, cache: Cache) -> tuple[bytes, os.stat_result]:
    """Creates a file that does not exist yet from its object; returns the stamps of its row, and its state.

    It is a link to the object where the cache is set up so, the object is a file of its own, and not executable: the
    links of a file share their mode. Otherwise it is a writable file of its own.
    """
    if cache.linking and entry.kind != EXEC:
        state = _linked(cache, directory, name, entry)
        if state is not None:
            column = stamps(state) if cache.linking != SYMLINK_MODE else STAMPS.pack(entry.size, 0, 0, 0, 0)
            return column, state
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o777 if entry.kind == EXEC else 0o666, dir_fd=directory)
    try:
        data = reader.packed(entry.hex) if entry.size < SMALL_OBJECT else None
        if data is None:
            cache.copy_to(entry.hex, descriptor, entry.size)
        elif len(data) != entry.size:
            raise cache.wrong_size(entry.hex, len(data), entry.size)
        else:
            write_all(descriptor, data)
        state = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return stamps(state), state


def _linked(cache: Cache, directory: int, name: bytes, entry: Entry) -> os.stat_result | None:
    """Makes a link to an object that is a file of its own, whole by its size and read-only; None where that cannot be."""
    own = cache.absolute_loose_path(entry.hex)
    try:
        if cache.linking == SYMLINK_MODE:
            os.symlink(own, name, dir_fd=directory)
        else:
            os.link(own, name, dst_dir_fd=directory)
        state = os.stat(name, dir_fd=directory)
        if stat.S_ISREG(state.st_mode) and state.st_size == entry.size and not state.st_mode & 0o222:
            return os.stat(name, dir_fd=directory, follow_symlinks=False) if cache.linking == SYMLINK_MODE else state
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
    _discard(name, directory)
    return None


def link_target(path: bytes, entry: Entry, root: bytes, cache: Cache) -> bytes:
    """Returns the text of a tracked symbolic link at ``path``; refuses one that leads out of ``root``."""
    target = cache.read(entry.hex)
    if not target or b"\0" in target or leaves_root(path[len(root) + 1 :], target):
        raise WorkspaceError(
            f"refusing to create {os.fsdecode(path)!r}: it is a link to {os.fsdecode(target)[:120]!r}, outside its directory"
        )
    return target


def in_the_way(path: bytes) -> WorkspaceError:
    return WorkspaceError(
        f"{os.fsdecode(path)!r} is a directory that holds files mltrack does not track, where a file must stand",
        hint="move it away",
    )


def make_parents(project_path: str, path: str) -> None:
    """Creates the directories above a path of the project."""
    with Beneath(project_path) as beneath:
        beneath.parent(os.fsencode(path), create=True)
