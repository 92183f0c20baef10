"""Paths that cannot escape: every component is opened by directory descriptor, without
following links.

A check on strings says nothing about what stands on the disk at the moment of writing;
a descriptor does. All writes into the workspace that follow names from git, a tree or a
remote go through :class:`Beneath`.
"""

import errno
import os
from types import TracebackType
from typing import Self

from mltrack.errors import WorkspaceError

# one name at a time: openat2(2), which could do it in one call, is not in Python
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT_OPEN = 32
"""So many directories stay open, the deepest: a walk may be deeper than a process may
have descriptors.
"""


class Beneath:
    """Hands out descriptors of directories below one root. The last path's directories
    stay open: walks are local.
    """

    def __init__(self, root: str) -> None:
        self._root_path = root
        # links are followed here alone: the way to the project is the person's own
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._names: list[bytes] = []
        self._descriptors: list[int] = []
        self._latest: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close_below(0)
        os.close(self._root)

    def parent(self, path: bytes, *, create: bool = False) -> tuple[int, bytes]:
        """Returns the descriptor of the directory that holds ``path``, and the name in
        it.

        The descriptor is valid until the next call. Raises WorkspaceError if a
        component is a link or not a directory, and FileNotFoundError if one is missing
        and ``create`` is not given.
        """
        head, _, name = path.rpartition(b"/")
        return self.directory(head, create=create), name

    def directory(self, path: bytes, *, create: bool = False) -> int:
        """Returns the descriptor of a directory; the root for an empty path."""
        if path == self._latest and self._descriptors and self._descriptors[-1] >= 0:
            # many files of one directory come one after the other
            return self._descriptors[-1]
        self._latest = None  # until all of the way is open
        parts = path.split(b"/") if path else []
        common = 0
        for mine, wanted in zip(self._names, parts, strict=False):
            if mine != wanted:
                break
            common += 1
        self._close_below(common)
        # back up past those kept open: the way down begins at the root again
        if self._descriptors and self._descriptors[-1] < 0:
            self._close_below(0)
            common = 0
        for part in parts[common:]:
            # checked here too: O_NOFOLLOW says nothing of `..`, which would lead out
            if part in (b"", b".", b".."):
                raise WorkspaceError(f"path is not normal: {os.fsdecode(path)!r}")
            self._descriptors.append(self._open(part, path, create=create))
            self._names.append(part)
            if len(self._descriptors) > _KEPT_OPEN:
                self._close(len(self._descriptors) - 1 - _KEPT_OPEN)
        self._latest = path
        return self._descriptors[-1] if self._descriptors else self._root

    def forget(self) -> None:
        """Closes what was kept open: needed before a kept directory is removed or
        replaced.
        """
        self._close_below(0)

    def _open(self, part: bytes, path: bytes, *, create: bool) -> int:
        above = self._descriptors[-1] if self._descriptors else self._root
        try:
            return os.open(part, _DIRECTORY, dir_fd=above)
        except FileNotFoundError:
            if not create:
                raise
            try:
                os.mkdir(part, 0o777, dir_fd=above)
            except FileExistsError:
                # another process was first: what it made is checked by the open below
                pass
            return os.open(part, _DIRECTORY, dir_fd=above)
        except OSError as error:
            # open(2) on a link: one or the other, by kernel
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            shown = os.fsdecode(b"/".join([*self._names, part]))
            raise WorkspaceError(
                f"refusing to go through {shown!r} on the way to "
                f"{os.fsdecode(path)!r}: it is a symbolic link or not a directory",
                hint="replace it by a directory, or remove it",
            ) from None

    def _close_below(self, count: int) -> None:
        while len(self._descriptors) > count:
            self._close(len(self._descriptors) - 1)
            self._descriptors.pop()
            self._names.pop()

    def _close(self, at: int) -> None:
        if self._descriptors[at] >= 0:
            os.close(self._descriptors[at])
            self._descriptors[at] = -1
