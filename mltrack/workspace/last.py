"""What was last materialised in a workspace, by root."""

import os
from collections.abc import Mapping
from contextlib import suppress

from mltrack.disk.durable import (
    make_directories,
    opened,
    read_bounded,
    write_all,
    write_atomic,
)
from mltrack.disk.lock import locked
from mltrack.errors import FormatError, LockedError
from mltrack.objects.content import Content
from mltrack.objects.digest import XXH3, Algorithm

# bytes: some three million lines
MAX_BYTES = 256 << 20


class LastMaterialized:
    """What was last put at each root, or recorded from it: a file of lines that are
    only ever appended, the last one of a root counts. Safe to delete: the next checkout
    is then more careful.
    """

    def __init__(self, path: str, algorithm: Algorithm) -> None:
        self._path = path
        self._algorithm = algorithm
        self._size = -1
        self._lines = 0
        self._known: dict[str, Content | None] = {}

    def get(self, root: str) -> Content | None:
        self._read()
        return self._known.get(XXH3.hex_of(os.fsencode(root)))

    def set(self, root: str, content: Content | None) -> None:
        self.set_all({root: content})

    def set_all(self, contents: Mapping[str, Content | None]) -> None:
        """Notes what now stands at several roots."""
        self._read()
        lines = []
        for root, content in contents.items():
            name = XXH3.hex_of(os.fsencode(root))
            if self._known.get(name) != content:
                self._known[name] = content
                lines.append(self._line(name, content))
        if lines:
            make_directories(self._path)
            # against who writes the file anew, not against others who append
            with locked(self._lock, shared=True):
                self._append("".join(lines).encode())
            self._compact()

    def _append(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # one write for all, not synced: what is lost makes a checkout careful
        with opened(self._file, flags, 0o644) as descriptor:
            write_all(descriptor, data)
            end, expected = (
                os.fstat(descriptor).st_size,
                max(self._size, 0) + len(data),
            )
            # else someone else wrote too: read it the next time
            self._size = end if end == expected else -1
        self._lines += data.count(b"\n")

    def _compact(self) -> None:
        """Writes the file anew once most of it is out of date."""
        # lines: below a thousand reading the outdated ones costs nothing
        if self._lines <= 1000 or self._lines <= 4 * len(self._known):
            return
        # whoever appends now leaves it to the next one
        with suppress(LockedError), locked(self._lock, wait=False):
            # what others have appended since counts
            self._size = -1
            self._read()
            text = "".join(
                self._line(name, content)
                for name, content in self._known.items()
                if content is not None
            )
            write_atomic(self._file, text.encode(), durable=False)
            self._size, self._lines = len(text), text.count("\n")

    def _line(self, name: str, content: Content | None) -> str:
        if content is None:
            return f"{name} -\n"
        return f"{name} {content.kind} {self._algorithm.text(content.hex)} {content.size} {content.files}\n"

    def _read(self) -> None:
        """Takes in what is there, unless nothing was written since."""
        try:
            size = os.stat(self._file).st_size
        except FileNotFoundError:
            size = 0
        if size == self._size:
            return
        self._size, self._known = size, {}
        lines = (
            (read_bounded(self._file, MAX_BYTES) or b"")
            .decode("ascii", "replace")
            .splitlines()
        )
        self._lines = len(lines)
        for line in lines:
            # a line that a kill has cut says nothing
            with suppress(FormatError, ValueError):
                name, *rest = line.split(" ")
                if rest == ["-"]:
                    self._known.pop(name, None)
                    continue
                kind, digest, length, files = rest
                self._known[name] = Content(
                    kind, self._algorithm.parse(digest), int(length), int(files)
                )

    @property
    def _file(self) -> str:
        return os.path.join(self._path, "roots")

    @property
    def _lock(self) -> str:
        return os.path.join(self._path, "lock")
