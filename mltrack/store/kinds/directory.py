"""A directory as a store: a mounted disk, a share, a folder beside the project.

It works on ``os`` directly, since the point is what generic file layers lack: fsync,
and copies inside the kernel.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from mltrack.disk.copying import copy_bytes
from mltrack.disk.durable import (
    fsync,
    fsync_directory,
    make_directories,
    opened,
    read_all,
    remove_stale_temporaries,
    temporary_path,
    write_all,
)
from mltrack.errors import RemoteError
from mltrack.store.kinds.store import Abilities, Listed


class DirectoryRemote:
    """See :class:`mltrack.store.kinds.store.Store`; ``root`` is created when something
    is first written.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._tmp = os.path.join(root, "tmp")

    @property
    def url(self) -> str:
        return self.root

    @property
    def abilities(self) -> Abilities:
        return Abilities(durable=True, local=True, writable=True)

    def list(self, prefix: str) -> Iterator[Listed]:
        pending = [prefix.strip("/")]
        while pending:
            at = pending.pop()
            with self._translating(at):
                try:
                    entries = sorted(
                        os.scandir(os.path.join(self.root, at)),
                        key=lambda entry: entry.name,
                    )
                except FileNotFoundError:
                    # a remote without packs has no such directory; one that is not
                    # mounted has no root
                    if not os.path.isdir(self.root):
                        raise
                    continue
                for entry in entries:
                    name = f"{at}/{entry.name}" if at else entry.name
                    # links are not followed: they may lead anywhere on this machine
                    if entry.is_dir(follow_symlinks=False):
                        # what is being written there has no name yet
                        if name != "tmp":
                            pending.append(name)
                    elif entry.is_file(follow_symlinks=False):
                        try:
                            state = entry.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue  # deleted since the names were read
                        yield Listed(name, state.st_size, state.st_mtime)

    def missing(self, names: Iterable[str]) -> set[str]:
        with self._translating(""):
            return {name for name in names if not os.path.isfile(self._path(name))}

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        with self._translating(name), self._reading(name) as descriptor:
            if length is None:
                os.lseek(descriptor, offset, os.SEEK_SET)
                return read_all(
                    descriptor, max(0, os.fstat(descriptor).st_size - offset)
                )
            return os.pread(descriptor, length, offset)

    def fetch(self, name: str, path: str, *, at_once: int = 1) -> None:
        with (
            self._translating(name),
            self._reading(name) as source,
            opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644) as target,
        ):
            copy_bytes(source, target)

    @contextmanager
    def _reading(self, name: str) -> Iterator[int]:
        """Opens a file; what is none, a pipe or a directory, counts as absent, as it
        does for ``list`` and ``missing``.
        """
        # not blocking: a pipe in the place of a file would hang whoever reads
        with opened(
            self._path(name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        ) as descriptor:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
            yield descriptor

    def put(self, name: str, data: bytes, *, replace: bool = False) -> None:
        with (
            self._translating(name),
            self._written(name, replace=replace) as descriptor,
        ):
            write_all(descriptor, data)

    def create(self, name: str, data: bytes) -> bool:
        with self._translating(name):
            make_directories(self._tmp)
            make_directories(os.path.dirname(self._path(name)))
            temporary = temporary_path(self._tmp)
            try:
                with opened(
                    temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644
                ) as descriptor:
                    write_all(descriptor, data)
                    fsync(descriptor)
                # a link, not a rename: where the name is taken it fails, so that
                # one writer alone gets it
                os.link(temporary, self._path(name))
            except FileExistsError:
                return False
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(temporary)
            fsync_directory(os.path.dirname(self._path(name)))
        return True

    def put_file(self, name: str, path: str, *, at_once: int = 1) -> None:
        with (
            opened(path, os.O_RDONLY) as source,
            self._translating(name),
            self._written(name) as descriptor,
        ):
            copy_bytes(source, descriptor)

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            with self._translating(name), suppress(FileNotFoundError):
                # not synced: nobody relies on a name being gone
                os.unlink(self._path(name))

    @contextmanager
    def _written(self, name: str, *, replace: bool = False) -> Iterator[int]:
        path = self._path(name)
        make_directories(self._tmp)
        make_directories(os.path.dirname(path))
        temporary = temporary_path(self._tmp)
        try:
            with opened(
                temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644
            ) as descriptor:
                yield descriptor
                # before it has its name: from then on nobody writes into it
                if not replace:
                    os.fchmod(descriptor, 0o444)
                # before the rename: a power cut would leave a name without bytes
                fsync(descriptor)
            os.rename(temporary, path)
        except BaseException:
            # a full or vanished disk may refuse this too: the first error counts
            with suppress(OSError):
                os.unlink(temporary)
            raise
        fsync_directory(os.path.dirname(path))

    def clean(self, before: float) -> int:
        return remove_stale_temporaries(self._tmp, before)

    def close(self) -> None:
        """There is nothing to end."""

    def _path(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise RemoteError(f"not a name in a remote: {name[:120]!r}")
        return os.path.join(self.root, name)

    @contextmanager
    def _translating(self, name: str) -> Iterator[None]:
        """Errors of the disk become errors of the remote; a missing name stays a
        FileNotFoundError.
        """
        try:
            yield
        except FileNotFoundError:
            # a disk that is not mounted must not look like a remote that lost files
            if not os.path.isdir(self.root):
                raise RemoteError(
                    f"the remote directory {self.root} does not exist",
                    hint="is the disk mounted? `mltrack remote list` shows the place",
                    absent=True,
                ) from None
            raise
        except OSError as error:
            hint = (
                "free some space there"
                if error.errno in (errno.ENOSPC, errno.EDQUOT)
                else "check the place and its permissions"
            )
            raise RemoteError(
                f"the remote {self.root} failed at {name or '.'}: {error.strerror}",
                hint=hint,
            ) from error
