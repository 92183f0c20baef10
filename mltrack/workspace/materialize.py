"""Putting objects into the workspace, and taking files out of it.

Every directory on the way is opened by descriptor without following links, so that no name from a tree, a pointer or
a lock leads out of the project. A file is complete before it has its name; a kill leaves the old one or the new one.
"""

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from mltrack.disk.beneath import Beneath
from mltrack.disk.durable import opened, temporary_path
from mltrack.errors import WorkspaceError
from mltrack.objects import tree
from mltrack.objects.tree import DIRECTORY, EXEC, SYMLINK, Entry
from mltrack.store.cache import Cache
from mltrack.workspace.checkout_plan import Operation
from mltrack.workspace.scan import leaves_root

Report = Callable[[int, int], None]


def apply(
    project_path: str,
    tmp_path: str,
    root: bytes,
    operations: Iterable[Operation],
    cache: Cache,
    links: tuple[str, ...],
    report: Report,
) -> None:
    """Carries out operations, whose paths are relative to the project and lie at or below ``root``.

    Removes first, directories that became empty included, then creates. Raises on the first failure; running again
    completes what is left.
    """
    ordered = sorted(operations, key=lambda op: (op.path, op.entry is not None))
    with Beneath(project_path) as beneath:
        gone = [op for op in ordered if op.replaced is not None and (op.entry is None or _kinds_differ(op))]
        for op in reversed(gone):
            _remove(beneath, op, root)
        for number, op in enumerate(ordered):
            if op.entry is not None:
                _create(beneath, tmp_path, op.path, op.entry, root, cache, links)
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


def _create(
    beneath: Beneath, tmp_path: str, path: bytes, entry: Entry, root: bytes, cache: Cache, links: tuple[str, ...]
) -> None:
    for part in path.split(b"/"):
        tree.check_name(part)
    if entry.kind == DIRECTORY:
        beneath.directory(path, create=True)
        return
    parent, name = beneath.parent(path, create=True)
    if entry.kind == SYMLINK:
        _create_link(parent, name, path, entry, root, cache)
        return
    temporary = temporary_path(tmp_path)
    try:
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if entry.kind == EXEC else 0o666) as target:
            cache.copy_to(entry.hex, target, entry.size, links)
        try:
            os.rename(temporary, name, dst_dir_fd=parent)
        except OSError as error:
            if error.errno == errno.EXDEV:
                _create_beside(parent, name, entry, cache, links)
            elif error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
                raise _in_the_way(path) from error
            else:
                raise
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _create_beside(parent: int, name: bytes, entry: Entry, cache: Cache, links: tuple[str, ...]) -> None:
    """The workspace's directory is another file system than mltrack's own: the temporary file stands there."""
    temporary = os.fsencode(temporary_path(""))
    mode = 0o777 if entry.kind == EXEC else 0o666
    try:
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, directory=parent) as target:
            cache.copy_to(entry.hex, target, entry.size, links)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=parent)


def _create_link(parent: int, name: bytes, path: bytes, entry: Entry, root: bytes, cache: Cache) -> None:
    target = cache.read(entry.hex)
    if not target or b"\0" in target or leaves_root(path[len(root) + 1 :], target):
        raise WorkspaceError(
            f"refusing to create {os.fsdecode(path)!r}: it is a link to {os.fsdecode(target)[:120]!r}, outside its directory"
        )
    temporary = os.fsencode(temporary_path(""))
    os.symlink(target, temporary, dir_fd=parent)
    try:
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError as error:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=parent)
        if error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
            raise _in_the_way(path) from error
        raise


def _in_the_way(path: bytes) -> WorkspaceError:
    return WorkspaceError(
        f"{os.fsdecode(path)!r} is a directory that holds files mltrack does not track, where a file must stand",
        hint="move it away",
    )


def make_parents(project_path: str, path: str) -> None:
    """Creates the directories above a path of the project."""
    with Beneath(project_path) as beneath:
        beneath.parent(os.fsencode(path), create=True)
