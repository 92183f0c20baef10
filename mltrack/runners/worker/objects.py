"""A host's objects: files by digest, each a file of its own, so that a job's inputs are
links and cost no copy.

Every object carries the same old time of last change. Whoever writes into one moves it,
so that an input which a command changed is known by its stamp, dropped, and sent anew.
The time of last access is when a job last asked for it, and says what goes first when
the cache grows beyond its limit.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from .hashing import Hashing
from .system import has

STAMP_NS = 946_684_800 * 10**9
"""The first second of 2000: what formats that know no earlier times can carry, and no
file written today has.
"""
FRESH_SECONDS = 3600
"""What was asked for within this time is never evicted: a job may be about to use it.
"""
_LAG_SECONDS = FRESH_SECONDS / 2
"""A time of last access, and the note that a tree is whole, are left as they are when
they are younger than this: together they may say twice as much less than the truth.
"""
TREE_HEADER = b"mltrack-tree 1\n"
_ESCAPE = re.compile(rb"[\x00-\x20%\x7f-\xff]")
_UNESCAPE = re.compile(rb"%([0-9a-f]{2})")
_LINE = re.compile(rb"([fxld]) ([0-9a-f]+) (0|[1-9][0-9]{0,18}) ([!-~]+)\Z")
_HEX = re.compile(r"[0-9a-f]{32}(?:[0-9a-f]{32})?\Z")
_PIECE = 1 << 20
# linux/fs.h
_FICLONE = 0x40049409


class Entry(NamedTuple):
    """One line of a tree."""

    name: bytes
    kind: str
    hex: str
    size: int


class Content(NamedTuple):
    """What stands at a path, as the rest of mltrack says it: kind, digest, size, number
    of files.
    """

    kind: str
    hex: str
    size: int
    files: int = 1


class Damaged(Exception):
    """Bytes that do not match their digest, or a tree that cannot be read."""


class Objects:
    """The objects of one algorithm below ``place``. Without ``hashing`` what arrives is
    checked by size only.
    """

    def __init__(self, place: str, algorithm: str, hashing: Hashing | None) -> None:
        self.hashing = hashing
        self.path = os.path.join(place, "objects", algorithm)
        self._whole = os.path.join(place, "whole", algorithm)
        self._spoilt = os.path.join(place, "spoilt", algorithm)
        self.aside = os.path.join(place, "parts")
        for path in (self.path, self._whole, self._spoilt, self.aside):
            os.makedirs(path, exist_ok=True)

    def path_of(self, hex_digest: str) -> str:
        if not _HEX.match(hex_digest):
            raise Damaged(f"{hex_digest!r} is no digest")
        return os.path.join(self.path, hex_digest[:2], hex_digest[2:])

    def has(self, hex_digest: str, size: int = -1) -> bool:
        """Returns whether an object is here, of that size if given, and as it was put
        here; one that is not is dropped.
        """
        path = self.path_of(hex_digest)
        try:
            state = os.stat(path)
        except FileNotFoundError:
            return False
        if state.st_mtime_ns != STAMP_NS or size not in (-1, state.st_size):
            self._drop(hex_digest)
            return False
        if stat.S_IMODE(state.st_mode) != 0o444:  # a command changed it, through a link
            os.chmod(path, 0o444)
        # not at each look: for 100,000 inputs that would be 100,000 writes
        if time.time() - state.st_atime > _LAG_SECONDS:
            os.utime(path, ns=(time.time_ns(), STAMP_NS))
        return True

    def drop_if_damaged(self, hex_digest: str) -> bool:
        """Reads an object, and drops it if its bytes are others than those of its
        digest; returns whether it did.
        """
        with suppress(FileNotFoundError, Damaged):
            path = self.path_of(hex_digest)
            if self.hashing is not None and self.digest_of(path) != hex_digest:
                self._drop(hex_digest)
                return True
        return False

    def _drop(self, hex_digest: str) -> None:
        """Removes an object that is not what its digest says, and notes when: jobs that
        have a link to it were given something else.
        """
        note = os.path.join(self._spoilt, hex_digest)
        # before it is gone: whoever misses it, or finds it sent anew, finds the note
        with open(note, "wb"):
            pass
        with suppress(FileNotFoundError):
            os.unlink(self.path_of(hex_digest))
        # once more: a link may have been made between the two
        os.utime(note)
        # trees that were found to be whole may have held it
        self.forget_whole()

    def spoilt_since(self, moment_ns: int) -> set[str]:
        """Returns the objects that were dropped at a moment or later, by the clock of
        the file system, since they were not what they should be.
        """
        with os.scandir(self._spoilt) as found:
            return {note.name for note in found if note.stat().st_mtime_ns >= moment_ns}

    def forget_whole(self) -> None:
        """Forgets which trees were found to be whole: something is gone."""
        shutil.rmtree(self._whole, ignore_errors=True)
        os.makedirs(self._whole, exist_ok=True)

    def missing(self, roots: Iterable[tuple[str, str, int]]) -> list[str]:
        """Returns what is not here of these ``(kind, digest, size)`` and all that lies
        below them; what lies below a tree that is not here is not known.
        """
        lacking: dict[str, None] = {}
        for kind, hex_digest, size in roots:
            if kind != "tree":
                if not self.has(hex_digest, size):
                    lacking[hex_digest] = None
            elif not self._is_whole(hex_digest):
                below = list(self._missing_below(hex_digest))
                lacking.update(dict.fromkeys(below))
                # noted as a file: the next job with it looks at nothing below
                if not below:
                    with suppress(FileNotFoundError), open(
                        os.path.join(self._whole, hex_digest), "wb"
                    ):
                        pass
        return list(lacking)

    def _is_whole(self, hex_digest: str) -> bool:
        """Whether a tree was found to be here with all that lies below it since
        something was last evicted. Asked of its files again after a while, so that they
        stay fresh.
        """
        try:
            age = time.time() - os.stat(os.path.join(self._whole, hex_digest)).st_mtime
        except FileNotFoundError:
            return False
        return 0 <= age < _LAG_SECONDS

    def _missing_below(self, hex_digest: str) -> Iterator[str]:
        # a list, no recursion: a host's trees may be deeper than Python's stack
        pending, seen = [hex_digest], {hex_digest}
        while pending:
            one = pending.pop()
            entries = self._sound_tree(one) if self.has(one) else None
            if entries is None:
                yield one
                continue
            for entry in entries:
                if entry.kind == "d":
                    if entry.hex not in seen:
                        seen.add(entry.hex)
                        pending.append(entry.hex)
                elif entry.hex not in seen and not self.has(entry.hex, entry.size):
                    seen.add(entry.hex)
                    yield entry.hex

    def _sound_tree(self, hex_digest: str) -> list[Entry] | None:
        """Returns the entries of a tree; None, and drops it, where it is damaged.
        Raises Damaged for one that was made so.
        """
        try:
            return self.tree(hex_digest)
        except Damaged:
            # a power cut may have emptied it, and no size is known that would say so
            if self.hashing is None:
                self._drop(hex_digest)
            elif not self.drop_if_damaged(hex_digest):
                raise
            return None

    def tree(self, hex_digest: str) -> list[Entry]:
        """Returns the entries of a tree; raises Damaged if it is none."""
        with open(self.path_of(hex_digest), "rb") as file:
            data = file.read()
        if not data.startswith(TREE_HEADER) or not data.endswith(b"\n"):
            raise Damaged(f"{hex_digest} is not a tree")
        entries = []
        for line in data[len(TREE_HEADER) :].split(b"\n")[:-1]:
            match = _LINE.match(line)
            name = (
                _UNESCAPE.sub(lambda found: bytes((int(found[1], 16),)), match[4])
                if match
                else b""
            )
            # it would be written outside of the work directory
            if (
                match is None
                or name in (b"", b".", b"..")
                or b"/" in name
                or b"\0" in name
            ):
                raise Damaged(f"{hex_digest} holds a line that is none of a tree")
            entries.append(
                Entry(name, match[1].decode(), match[2].decode(), int(match[3]))
            )
        return entries

    # what arrives

    def put(self, hex_digest: str, data: bytes) -> None:
        """Takes an object; raises Damaged if its bytes are others."""
        if self.hashing is not None and self.hashing.hex_of(data) != hex_digest:
            raise Damaged(f"{hex_digest} arrived with other bytes")
        path = self.path_of(hex_digest)
        if self.has(hex_digest, len(data)):
            return
        temporary = self.temporary()
        try:
            with open(temporary, "wb") as file:
                file.write(data)
            self.publish(temporary, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise

    def settle(self) -> None:
        """Makes what arrived durable: a power cut must not leave a name without its
        bytes.
        """
        # one call for all: with an fsync each, some hundred objects a second arrive
        _sync_file_system(self.path)

    def digest_of(self, path: str) -> str:
        assert self.hashing is not None
        hasher = self.hashing.new()
        with open(path, "rb", buffering=0) as file:
            while True:
                # 256 KiB: measured as fastest for reading and hashing
                piece = file.read(1 << 18)
                if not piece:
                    return str(hasher.hexdigest())
                hasher.update(piece)

    def publish(self, temporary: str, path: str) -> None:
        """Makes a file whose bytes were checked the object at a path."""
        # before it gets its name: whoever sees an object sees it finished
        os.chmod(temporary, 0o444)
        os.utime(temporary, ns=(time.time_ns(), STAMP_NS))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(temporary, path)

    def temporary(self) -> str:
        """Returns a name beside the objects that nobody else has."""
        return os.path.join(self.aside, f"{os.getpid()}-{secrets.token_hex(8)}")

    # what a job takes

    def place_content(
        self, content: Content, path: str, *, private: bool
    ) -> list[tuple[str, str]]:
        """Puts a content at a path: files as links to their objects, or with
        ``private`` as copies of their own. Returns ``(digest, path)`` of the links;
        raises Damaged if something is not here.
        """
        links: list[tuple[str, str]] = []
        if content.kind != "tree":
            kind = {"file": "f", "exec": "x", "symlink": "l"}[content.kind]
            self._place(
                Entry(b"", kind, content.hex, content.size),
                os.fsencode(path),
                links,
                private,
            )
            return links
        pending = [(content.hex, os.fsencode(path))]
        while pending:
            hex_digest, directory = pending.pop()
            os.makedirs(directory, exist_ok=True)
            entries = self._sound_tree(hex_digest) if self.has(hex_digest) else None
            if entries is None:
                raise Damaged(f"the tree {hex_digest} is not here any more")
            for entry in entries:
                target = directory + b"/" + entry.name
                if entry.kind == "d":
                    pending.append((entry.hex, target))
                else:
                    self._place(entry, target, links, private)
        return links

    def _place(
        self, entry: Entry, target: bytes, links: list[tuple[str, str]], private: bool
    ) -> None:
        path = self.path_of(entry.hex)
        if not self.has(entry.hex, entry.size):
            raise Damaged(f"the object {entry.hex} is not here any more")
        with suppress(FileNotFoundError, IsADirectoryError):
            # an input that lies in another one, and stands for itself
            if os.path.lexists(target):
                os.unlink(target)
        if entry.kind == "l":
            with open(path, "rb") as file:
                os.symlink(file.read(), target)
            return
        # an object has no exec bit, and what is private will be written to
        if entry.kind == "f" and not private:
            # too many links to one file, or a file system without them
            with suppress(OSError):
                os.link(path, target)
                links.append((entry.hex, os.fsdecode(target)))
                return
        with open(path, "rb") as source, open(target, "xb") as made:
            try:
                fcntl.ioctl(made.fileno(), _FICLONE, source.fileno())
            except OSError:
                shutil.copyfileobj(source, made, _PIECE)
        os.chmod(target, 0o755 if entry.kind == "x" else 0o644)
        # someone may have written into it while it was copied
        if not self.has(entry.hex, entry.size):
            raise Damaged(f"the object {entry.hex} is not here any more")

    # what a job leaves

    def take_in(self, path: str) -> Content:
        """Turns what stands at a path into objects, by renaming: nothing stands there
        afterwards. Raises Damaged for what no tree can hold.
        """
        return self._take_in(os.fsencode(path))

    def _take_in(self, path: bytes) -> Content:
        state = os.lstat(path)
        if stat.S_ISDIR(state.st_mode):
            return self._take_in_directory(path, state)
        if stat.S_ISLNK(state.st_mode):
            target = os.readlink(path)
            os.unlink(path)
            return Content("symlink", self._put_own(target), len(target))
        if not stat.S_ISREG(state.st_mode):
            raise Damaged(
                f"{os.fsdecode(path)} is neither a file nor a directory nor a link"
            )
        return self._take_in_file(path, state)

    def _take_in_directory(self, path: bytes, state: os.stat_result) -> Content:
        # a command may have made it read-only, and it has to be emptied
        if state.st_mode & 0o700 != 0o700:
            os.chmod(path, stat.S_IMODE(state.st_mode) | 0o700)
        lines, size, files = [], 0, 0
        for name in sorted(os.listdir(path)):
            inner = self._take_in(path + b"/" + name)
            letter = {"file": b"f", "exec": b"x", "symlink": b"l", "tree": b"d"}[
                inner.kind
            ]
            shown = _ESCAPE.sub(lambda found: b"%%%02x" % found[0][0], name)
            lines.append(
                b"%s %s %d %s\n" % (letter, inner.hex.encode(), inner.size, shown)
            )
            size, files = size + inner.size, files + inner.files
        os.rmdir(path)
        return Content(
            "tree", self._put_own(TREE_HEADER + b"".join(lines)), size, files
        )

    def _take_in_file(self, path: bytes, state: os.stat_result) -> Content:
        full = os.fsdecode(path)
        kind = "exec" if state.st_mode & 0o100 else "file"
        if not state.st_mode & 0o400:
            os.chmod(full, stat.S_IMODE(state.st_mode) | 0o400)
        hex_digest = self.digest_of(full)
        if self.has(hex_digest, state.st_size):
            os.unlink(path)
        elif state.st_nlink > 1:  # someone may write to it under its other name
            temporary = self.temporary()
            shutil.copyfile(full, temporary)
            if self.digest_of(temporary) != hex_digest:
                raise Damaged(f"{full} changed while it was read")
            self.publish(temporary, self.path_of(hex_digest))
            os.unlink(path)
        else:
            self.publish(full, self.path_of(hex_digest))
        return Content(kind, hex_digest, state.st_size)

    def _put_own(self, data: bytes) -> str:
        assert self.hashing is not None
        hex_digest = self.hashing.hex_of(data)
        self.put(hex_digest, data)
        return hex_digest

    def below(self, content: Content) -> Iterator[str]:
        """Yields the digests of a content and of all that lies below it, as far as it
        is here.
        """
        pending, seen = [content.hex], {content.hex}
        yield content.hex
        while pending and content.kind == "tree":
            try:
                entries = self.tree(pending.pop())
            except (OSError, Damaged):
                continue
            for entry in entries:
                if entry.hex not in seen:
                    seen.add(entry.hex)
                    yield entry.hex
                    if entry.kind == "d":
                        pending.append(entry.hex)

    # the limit

    def evict(self, limit: int, kept: set[str]) -> int:
        """Deletes objects that were not asked for longest until the rest is within
        ``limit`` bytes; returns the bytes deleted. What jobs use now, what was asked
        for within the hour and what is ``kept`` stays.
        """
        rows: list[tuple[float, int, str]] = []
        total = 0
        now = time.time()
        for directory in os.listdir(self.path):
            with suppress(NotADirectoryError), os.scandir(
                os.path.join(self.path, directory)
            ) as found:
                for item in found:
                    state = item.stat()
                    total += state.st_size
                    is_idle = (
                        state.st_nlink == 1
                        and now - state.st_atime > FRESH_SECONDS + 2 * _LAG_SECONDS
                    )
                    if is_idle and directory + item.name not in kept:
                        rows.append((state.st_atime, state.st_size, item.path))
        if total <= limit:
            return 0
        # before the first is gone: no tree may count as whole from here on
        self.forget_whole()
        freed = 0
        for _, size, path in sorted(rows):
            if total - freed <= limit:
                break
            with suppress(FileNotFoundError):
                os.unlink(path)
                freed += size
        return freed


def _sync_file_system(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # of the C library: Python has no syncfs
        if not has("syncfs"):
            # of all disks, and tells no error
            os.sync()
        elif ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number or errno.EIO, os.strerror(number or errno.EIO), path)
    finally:
        os.close(descriptor)
