"""Putting objects into the workspace, and taking files out of it.

Every directory on the way is opened by descriptor without following links, so that no
name from a tree, a pointer or a lock leads out of the project. A file is complete
before it has its name; a kill leaves the old one or the new one.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple, Protocol

from mltrack.disk.beneath import Beneath
from mltrack.disk.copying import hash_bytes
from mltrack.disk.durable import opened, sync_descriptor, temporary_path, write_all
from mltrack.disk.write_back import WriteBack
from mltrack.errors import WorkspaceError
from mltrack.events import meter
from mltrack.objects import tree
from mltrack.objects.tree import DIRECTORY, EXEC, FILE, SYMLINK, Entry
from mltrack.store.local.cache import SYMLINK as SYMLINK_MODE
from mltrack.store.local.cache import Cache
from mltrack.store.local.reader import Reader
from mltrack.store.pack import SMALL_OBJECT
from mltrack.workspace.checkout_plan import Operation
from mltrack.workspace.scan import leaves_root
from mltrack.workspace.stat_index import STAMPS, stamps

Report = Callable[[int, int], None]
_BATCH_BYTES = 256 << 20
_BATCH_FILES = 4000
"""So much is written aside before it is made durable and gets its names: more would
need the room twice.
"""


class Seen(Protocol):
    """What the plan was made from: the stamps of the file that stood at a project path
    then, None if that is not known.
    """

    def __call__(self, path: bytes, /) -> bytes | None: ...


class Workspace(NamedTuple):
    """The person's files, a directory for temporary ones, and the cache that objects
    come from.
    """

    project_path: str
    tmp_path: str
    cache: Cache


class Target(NamedTuple):
    """Where operations are carried out, and with what. ``aside`` is an open directory
    for temporary files, on the file system ``device``; ``seen`` tells what stood there
    when the plan was made.
    """

    root: bytes
    beneath: Beneath
    aside: int
    device: int
    cache: Cache
    reader: Reader
    seen: Seen


def apply(
    workspace: Workspace,
    root: bytes,
    operations: Iterable[Operation],
    report: Report,
    seen: Seen = lambda path: None,
) -> list[bytes]:
    """Carries out operations, whose paths are relative to the project and lie at or
    below ``root``.

    Removes first, directories that became empty included, then creates. Right before a
    file is replaced or removed it is looked at once more: one that is not what the plan
    was made from is left, and its path returned. What is written is durable before it
    has its name. A path where something else is in the way does not keep the others
    from being done; its error is raised after them. Any other failure is raised at
    once; running again completes what is left.
    """
    # in order of paths: the directories on the way stay open
    ordered = sorted(operations, key=lambda op: (op.path, op.entry is not None))
    kept: set[bytes] = set()
    blocked: list[WorkspaceError] = []
    cache = workspace.cache
    with (
        Beneath(workspace.project_path) as beneath,
        Reader(cache) as reader,
        opened(workspace.tmp_path, os.O_RDONLY | os.O_DIRECTORY) as aside,
    ):
        target = Target(
            root, beneath, aside, os.fstat(aside).st_dev, cache, reader, seen
        )
        gone = [
            op
            for op in ordered
            if op.replaced is not None and (op.entry is None or _kinds_differ(op))
        ]
        # deepest first: a directory is empty once all below it is gone
        for op in reversed(gone):
            if not _remove(target, op):
                kept.add(op.path)
        written = [op for op in ordered if op.entry is not None and op.path not in kept]
        kept |= _create_all(target, written, blocked, report)
    if blocked:
        raise blocked[0]
    return sorted(kept)


def _kinds_differ(op: Operation) -> bool:
    """A directory cannot be renamed over, nor can a file over it: the old one goes
    first.
    """
    return (
        op.entry is not None
        and op.replaced is not None
        and DIRECTORY in (op.entry.kind, op.replaced.kind)
    )


def _batches(operations: list[Operation]) -> Iterator[tuple[int, list[Operation]]]:
    """Yields operations a few at a time, each time with how many there were so far."""
    batch: list[Operation] = []
    size = 0
    for number, op in enumerate(operations, 1):
        batch.append(op)
        size += op.entry.size if op.entry is not None else 0
        if (
            size >= _BATCH_BYTES
            or len(batch) >= _BATCH_FILES
            or number == len(operations)
        ):
            yield number, batch
            batch, size = [], 0


def _remove(target: Target, op: Operation) -> bool:
    """Removes what stands at a path, and directories above it that are empty then;
    returns False for a file that is not what it was.
    """
    path, beneath = op.path, target.beneath
    try:
        parent, name = beneath.parent(path)
        if op.replaced is not None and op.replaced.kind == DIRECTORY:
            with suppress(OSError):
                # where it is not empty, what is in it is none of mltrack's
                os.rmdir(name, dir_fd=parent)
        elif _is_as_seen(target, parent, name, op):
            os.unlink(name, dir_fd=parent)
        else:
            return False
    except FileNotFoundError:
        return True
    except OSError as error:
        # by descriptor the system names the last part alone
        error.filename = os.fsdecode(path)
        raise
    while path != target.root and b"/" in path:
        path = path.rpartition(b"/")[0]
        # a kept descriptor would outlive the name, and take later files with it
        beneath.forget()
        parent, name = beneath.parent(path)
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError:
            return True
    return True


def _is_as_seen(target: Target, parent: int, name: bytes, op: Operation) -> bool:
    """Whether what stands at a name now is what the plan was made from: by its stamps,
    else by its bytes.
    """
    try:
        state = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return True  # gone since: nothing is lost
    if op.replaced is None:
        return stat.S_ISDIR(state.st_mode)  # the rename refuses a directory by itself
    # first: else each file that goes would be read
    if stamps(state) == target.seen(op.path):
        return True
    return _entry_at(target.cache, parent, name, state) == (
        op.replaced.kind,
        op.replaced.hex,
    )


def _entry_at(
    cache: Cache, parent: int, name: bytes, state: os.stat_result
) -> tuple[str, str] | None:
    """Kind and digest of what stands at a name, read by descriptor; None for what no
    tree can hold.
    """
    if stat.S_ISLNK(state.st_mode):
        text = os.readlink(name, dir_fd=parent)
        behind = cache.object_behind(text)
        return (
            (FILE, behind)
            if behind is not None
            else (SYMLINK, cache.algorithm.hex_of(text))
        )
    if not stat.S_ISREG(state.st_mode):
        return None
    hasher = cache.algorithm.new()
    # since it was asked about, a link or a pipe may have taken its place
    with opened(
        name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, directory=parent
    ) as descriptor:
        hash_bytes(descriptor, hasher)
        after = os.fstat(descriptor)
    return (EXEC if after.st_mode & 0o100 else FILE), hasher.hexdigest()


class _Aside(NamedTuple):
    """A file that is complete under a temporary name, in the open directory
    ``directory``.
    """

    op: Operation
    name: bytes
    is_beside: bool


def _create_all(
    target: Target,
    operations: list[Operation],
    blocked: list[WorkspaceError],
    report: Report,
) -> set[bytes]:
    """Writes files aside, some at a time, makes these durable while the next ones are
    written, then gives them their names.

    Returns the paths where something stands that the plan was not made from, and adds
    to ``blocked`` what is in the way of others.
    """
    kept: set[bytes] = set()
    written: list[_Aside] = []
    made: list[_Aside] = []
    try:
        with WriteBack(target.aside) as back:
            for number, batch in _batches(operations):
                _write_all_aside(target, batch, made, blocked)
                back.wait()  # for those before: they are there to stay now
                kept |= _name_all(target, written, blocked)
                written, made = made, []
                # links alone have no bytes to write back
                if any(
                    one.op.entry is not None and one.op.entry.kind != SYMLINK
                    for one in written
                ):
                    back.begin()
                report(number, len(operations))
            back.wait()
            kept |= _name_all(target, written, blocked)
    except BaseException:
        for one in (*written, *made):
            _discard_aside(target, one)
        raise
    return kept


def _write_all_aside(
    target: Target,
    operations: list[Operation],
    made: list[_Aside],
    blocked: list[WorkspaceError],
) -> None:
    for op in operations:
        try:
            one = _write_aside(target, op)
        except WorkspaceError as error:
            blocked.append(error)
            continue
        if one is not None:
            made.append(one)


def _name_all(
    target: Target, made: list[_Aside], blocked: list[WorkspaceError]
) -> set[bytes]:
    """Gives files their names, and takes them out of the list one by one: what is left
    in it has none.
    """
    kept: set[bytes] = set()
    while made:
        one = made[0]
        try:
            is_named = _name(target, one)
            if not is_named:
                kept.add(one.op.path)
        except WorkspaceError as error:
            blocked.append(error)
            is_named = False
        if not is_named:
            _discard_aside(target, one)
        del made[0]
    return kept


def _write_aside(target: Target, op: Operation) -> _Aside | None:
    path, entry = op.path, op.entry
    assert entry is not None
    # once more, where it counts: trees come from remotes
    for part in path.split(b"/"):
        tree.check_name(part)
    if entry.kind == DIRECTORY:
        target.beneath.directory(path, create=True)
        return None
    parent, _ = target.beneath.parent(path, create=True)
    # where the workspace's directory is another file system than mltrack's own, the
    # temporary file stands beside
    is_beside = os.fstat(parent).st_dev != target.device
    directory = parent if is_beside else target.aside
    temporary = os.fsencode(temporary_path(""))
    try:
        if entry.kind == SYMLINK:
            os.symlink(
                link_target(path, entry, target.root, target.cache),
                temporary,
                dir_fd=directory,
            )
        else:
            put_file(directory, temporary, entry, target.reader, target.cache)
            # what is written back meanwhile is the other file system
            if is_beside:
                sync_descriptor(parent)
    except BaseException:
        _discard(temporary, directory)
        raise
    return _Aside(op, temporary, is_beside)


def _name(target: Target, one: _Aside) -> bool:
    """Gives a file its name; returns False, with nothing done, where something else
    stands there by now.
    """
    parent, name = target.beneath.parent(one.op.path, create=True)
    directory = parent if one.is_beside else target.aside
    if not _is_as_seen(target, parent, name, one.op):
        return False
    try:
        os.rename(one.name, name, src_dir_fd=directory, dst_dir_fd=parent)
    except PermissionError as error:
        error.filename, error.filename2 = os.fsdecode(one.op.path), None
        raise
    except OSError as error:
        if error.errno in (errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST):
            raise in_the_way(one.op.path) from error
        raise
    if target.cache.linking:  # a rename over another link of the same file does nothing
        _discard(one.name, directory)
    return True


def _discard_aside(target: Target, one: _Aside) -> None:
    with suppress(OSError, WorkspaceError):
        directory = (
            target.beneath.parent(one.op.path)[0] if one.is_beside else target.aside
        )
        _discard(one.name, directory)


def _discard(name: bytes, directory: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def put_file(
    directory: int, name: bytes, entry: Entry, reader: Reader, cache: Cache
) -> tuple[bytes, os.stat_result]:
    """Creates a file that does not exist yet from its object; returns the stamps of its
    row, and its state.

    It is a link to the object where the cache is set up so, the object is a file of its
    own, and not executable: the links of a file share their mode. Otherwise it is a
    writable file of its own.
    """
    if cache.linking and entry.kind != EXEC:
        state = _linked(cache, directory, name, entry)
        if state is not None:
            column = (
                stamps(state)
                if cache.linking != SYMLINK_MODE
                # the tree needs the size; the rest matches nothing, so links are read
                else STAMPS.pack(entry.size, 0, 0, 0, 0)
            )
            return column, state
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(
        name, flags, 0o777 if entry.kind == EXEC else 0o666, dir_fd=directory
    )
    try:
        data = reader.packed(entry.hex) if entry.size < SMALL_OBJECT else None
        if data is None:
            cache.copy_to(entry.hex, descriptor, entry.size)
        elif len(data) != entry.size:
            raise cache.wrong_size(entry.hex, len(data), entry.size)
        else:
            write_all(descriptor, data)
            meter.moved += entry.size
        state = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return stamps(state), state


def _linked(
    cache: Cache, directory: int, name: bytes, entry: Entry
) -> os.stat_result | None:
    """Makes a link to an object that is a file of its own, whole and read-only; None
    where that cannot be.
    """
    own = cache.absolute_loose_path(entry.hex)
    if not cache.check_alone(entry.hex):
        return None
    try:
        if cache.linking == SYMLINK_MODE:
            os.symlink(own, name, dir_fd=directory)
        else:
            os.link(own, name, dst_dir_fd=directory)
        # after the link: asking before too took a quarter longer
        state = os.stat(name, dir_fd=directory)
        if (
            stat.S_ISREG(state.st_mode)
            and state.st_size == entry.size
            and not state.st_mode & 0o222
        ):
            return (
                os.stat(name, dir_fd=directory, follow_symlinks=False)
                if cache.linking == SYMLINK_MODE
                else state
            )
    except OSError as error:
        # gone since, or no further link here: a copy will do
        if error.errno not in (
            errno.ENOENT,
            errno.ENOTDIR,
            errno.EXDEV,
            errno.EPERM,
            errno.EMLINK,
            errno.EOPNOTSUPP,
        ):
            raise
    _discard(name, directory)
    return None


def link_target(path: bytes, entry: Entry, root: bytes, cache: Cache) -> bytes:
    """Returns the text of a tracked symbolic link at ``path``; refuses one that leads
    out of ``root``.
    """
    target = cache.read(entry.hex)
    if not target or b"\0" in target or leaves_root(path[len(root) + 1 :], target):
        raise WorkspaceError(
            f"refusing to create {os.fsdecode(path)!r}: it is a link to "
            f"{os.fsdecode(target)[:120]!r}, outside its directory"
        )
    return target


def in_the_way(path: bytes) -> WorkspaceError:
    return WorkspaceError(
        f"{os.fsdecode(path)!r} is a directory with files that mltrack does not "
        "track, where a file is expected",
        hint="move it away",
    )


def make_parents(project_path: str, path: str) -> None:
    """Creates the directories above a path of the project."""
    with Beneath(project_path) as beneath:
        beneath.parent(os.fsencode(path), create=True)
