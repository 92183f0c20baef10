"""The cache: objects by digest on the local disk, shared by all worktrees of a clone.

Small objects lie in packs, large ones are files under ``loose/``. What is written
becomes visible only when it is durable; what is read is checked against its digest, and
an object that fails is put into quarantine and counts as missing from then on. The
cache knows digests and sizes, and keeps no paths of the workspace.
"""

import os
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import NamedTuple

from mltrack.disk.cloning import clone, shares_blocks
from mltrack.disk.copying import copy_and_hash, hash_bytes
from mltrack.disk.durable import (
    make_directories,
    names_in,
    opened,
    read_all,
    write_all,
)
from mltrack.disk.lock import locked
from mltrack.errors import FormatError, IntegrityError, MissingObjectError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.objects.tree_walk import Below, below
from mltrack.store import pack
from mltrack.store.catalogue import Catalogue, Whole
from mltrack.store.local import users as cache_users
from mltrack.store.local.verified import Verified

# bytes: with 4 MiB reading and hashing were a third slower
_PIECE = 1 << 18
# an editor or a script that goes astray is refused by the kernel
READ_ONLY = 0o444
REFLINK, COPY, HARDLINK, SYMLINK = "reflink", "copy", "hardlink", "symlink"

_FEW = 64
"""So many objects are asked for one by one."""


class Place(NamedTuple):
    """Where an object lies: a file, and the range in it. ``pack_id`` is empty for a
    file of its own.
    """

    path: str
    offset: int
    size: int
    pack_id: str = ""


class Cache:
    """Reads objects; :class:`mltrack.store.local.writer.CacheWriter` writes them.

    ``links`` are the ways in which files may leave the cache, first usable first. Where
    that is a hard or symbolic link, objects of every size are files of their own: one
    cannot link into a pack. ``user`` is the ``.mltrack`` of the project that uses a
    cache which is not its own, and marks it as used.
    """

    def __init__(
        self,
        path: str,
        algorithm: Algorithm,
        links: Sequence[str] = (REFLINK, COPY),
        user: str = "",
    ) -> None:
        self.path = path
        self._user = user
        self.algorithm = algorithm
        self.links = tuple(links)
        self.tmp_path = os.path.join(path, "tmp")
        self.packs_path = os.path.join(path, "packs")
        self.quarantine_path = os.path.join(path, "quarantine")
        self._indexes: dict[str, Catalogue] | None = None
        self._quarantined: set[str] = set()
        self.unreadable: set[str] = set()
        """The packs whose index is damaged, both in them and beside them."""

    def twin(self) -> "Cache":
        """Returns the same cache once more, for another thread, which may ask for it:
        this one belongs to who made it.
        """
        return Cache(self.path, self.algorithm, self.links, self._user)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps garbage collection from deleting, from the question 'is it there?'
        until the answer's reference is written.
        """
        make_directories(self.tmp_path)
        # before the lock: who collects once we are done counts this project too
        if self._user:
            cache_users.mark(self.path, self._user)
        with locked(os.path.join(self.path, "gc.lock"), shared=True):
            yield

    # what is there

    def indexes(self) -> dict[str, Catalogue]:
        """Returns the indexes of all packs by pack id; one that is lost or damaged is
        read from its pack.
        """
        if self._indexes is None:
            self.reload()
        assert self._indexes is not None
        return self._indexes

    def reload(self) -> None:
        """Looks again which packs there are: another process may have added or merged
        some.
        """
        known = self._indexes if self._indexes is not None else {}
        names = {
            name[:-5] for name in names_in(self.packs_path) if name.endswith(".pack")
        }
        found: dict[str, Catalogue] = {}
        self.unreadable = set()
        for id_ in sorted(names):
            try:
                # packs never change, so what was decoded stays true
                found[id_] = known[id_] if id_ in known else self._load_index(id_)
            except FileNotFoundError:
                continue  # merged into another since the names were read
            except IntegrityError:
                self.unreadable.add(
                    id_
                )  # what is in it cannot be told: it counts as missing, and is had from elsewhere
        self._indexes = found
        self._quarantined = set(names_in(self.quarantine_path))

    def forget_indexes(self) -> None:
        self._indexes = None

    def pack_path(self, id_: str) -> str:
        return os.path.join(self.packs_path, id_ + ".pack")

    def loose_path(self, hex_digest: str) -> str:
        return os.path.join(self.path, "loose", hex_digest[:2], hex_digest[2:])

    def loose_files(self) -> Iterator[tuple[str, str]]:
        """Yields path and digest of each object that is a file of its own."""
        top = os.path.join(self.path, "loose")
        for directory in sorted(names_in(top)):
            for name in sorted(names_in(os.path.join(top, directory))):
                if self.algorithm.is_hex(directory + name):
                    yield os.path.join(top, directory, name), directory + name

    def find(self, hex_digest: str) -> Place | None:
        """Returns where an object lies, or None."""
        path = self.loose_path(hex_digest)
        with suppress(FileNotFoundError, NotADirectoryError):
            return _alone(path)
        return self._find_packed(hex_digest)

    def is_packed(self, hex_digest: str) -> bool:
        """Returns whether an object lies in a pack; asks no disk."""
        return self._find_packed(hex_digest) is not None

    def _find_packed(self, hex_digest: str) -> Place | None:
        raw = bytes.fromhex(hex_digest)
        for id_, index in self.indexes().items():
            entry = index.whole(raw)
            # damaged in this pack, it may be whole in the next
            if entry is not None and not self.is_quarantined(hex_digest, id_):
                return Place(self.pack_path(id_), entry.offset, entry.size, id_)
        return None

    def has(self, hex_digest: str) -> bool:
        return self.find(hex_digest) is not None

    def missing(self, hex_digests: Iterable[str]) -> set[str]:
        """Returns those of the digests whose objects are not here; one question for
        many.
        """
        rest = {bytes.fromhex(item) for item in hex_digests}
        if len(rest) <= _FEW:
            return {raw.hex() for raw in rest if not self.has(raw.hex())}
        for id_, index in self.indexes().items():
            if not rest:
                break
            rest -= self._unharmed(id_, index.digests() & rest)
        if len(rest) > _FEW:  # then listing costs less than asking for each
            return {raw.hex() for raw in rest} - {
                hex_digest for _, hex_digest in self.loose_files()
            }
        return {
            raw.hex() for raw in rest if not os.path.exists(self.loose_path(raw.hex()))
        }

    def packed_among(self, id_: str, raws: Set[bytes]) -> list[Whole]:
        """Returns the objects among these that lie in a pack and were not found damaged
        there.
        """
        found = self.indexes()[id_].among(raws)
        unharmed = (
            self._unharmed(id_, {entry.raw for entry in found})
            if self._quarantined
            else None
        )
        return (
            found
            if unharmed is None
            else [entry for entry in found if entry.raw in unharmed]
        )

    def _unharmed(self, id_: str, raws: Set[bytes]) -> Set[bytes]:
        if not self._quarantined:
            return raws
        return {raw for raw in raws if not self.is_quarantined(raw.hex(), id_)}

    def holds(self, content: Content) -> bool:
        """Returns whether everything of a content is here: of a tree all trees and
        files below it.
        """
        if content.kind != TREE:
            return self.has(content.hex)
        return not self.missing_below(content.hex)

    def contradicts(self, content: Content) -> bool:
        """Returns whether an object is here and not of the size that a content gives
        it, of a tree what it lists together: what names it was damaged or forged.
        """
        if content.kind != TREE:
            place = self.find(content.hex)
            return place is not None and place.size != content.size
        with suppress(MissingObjectError, IntegrityError, FormatError):
            listed = sum(entry.size for entry in self.read_tree(content.hex))
            return listed != content.size
        return False

    def missing_below(self, hex_digest: str) -> set[str]:
        """Returns the digests of objects at or below a tree that are not here."""
        found = self.below([hex_digest])
        return found.unopened | self.missing(found.files)

    # reading

    def read(self, hex_digest: str) -> bytes:
        """Returns an object's bytes, checked; raises MissingObjectError or, after
        quarantine, IntegrityError.
        """
        for attempt in (1, 2):
            place = self._place(hex_digest)
            try:
                with opened(place.path, os.O_RDONLY) as descriptor:
                    os.lseek(descriptor, place.offset, os.SEEK_SET)
                    data = (
                        os.read(descriptor, place.size)
                        if place.pack_id
                        # of a file all of it: one that is longer is damaged
                        else read_all(descriptor, place.size)
                    )
                break
            except FileNotFoundError:
                # the pack was merged into another since its index was read
                self.reload()
                if attempt == 2:
                    raise
        if self.algorithm.hex_of(data) != hex_digest:
            self.quarantine(hex_digest, place)
        return data

    def read_tree(self, hex_digest: str) -> list[tree.Entry]:
        return tree.decode(self.read(hex_digest), self.algorithm.hex_size)

    def below(self, trees: Iterable[str]) -> Below:
        """Returns everything at and below some trees, as far as their listings are
        here.
        """
        return below(trees, self._tree_or_none)

    def _tree_or_none(self, hex_digest: str) -> list[tree.Entry] | None:
        try:
            return self.read_tree(hex_digest)
        except MissingObjectError:
            return None

    def files_below(self, content: Content) -> dict[str, int]:
        """Returns the sizes of the files and links at and below a content by digest, as
        far as its listings are here.
        """
        return (
            self.below([content.hex]).files
            if content.kind == TREE
            else {content.hex: content.size}
        )

    @cached_property
    def verified(self) -> Verified:
        """Which objects that are files of their own are known to be whole."""
        return Verified(self.path)

    def check_alone(self, hex_digest: str) -> bool:
        """Returns whether an object is a file of its own and whole, by its stamp if
        that is known, else by its bytes; one that is damaged is set aside first, and
        raises IntegrityError.
        """
        path = self.loose_path(hex_digest)
        try:
            state = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not self.verified.has(hex_digest, state):
            place = Place(path, 0, state.st_size)
            if not self.is_whole(hex_digest, place):
                self.quarantine(hex_digest, place)
            self.verified.add(hex_digest, state)
        return True

    @cached_property
    def linking(self) -> str:
        """How files are linked to the cache: 'hardlink', 'symlink', or '' where they
        are copies of their own.
        """
        if HARDLINK in self.links or SYMLINK in self.links:
            for way in self.links:
                if way in (HARDLINK, SYMLINK):
                    return way
                # it comes before the link and works here: it wins
                if way == COPY or self._shares_blocks():
                    break
        return ""

    def _shares_blocks(self) -> bool:
        make_directories(self.tmp_path)
        # tried on two files: no call tells whether a file system can
        return shares_blocks(self.tmp_path, self.tmp_path)

    def object_behind(self, target: bytes) -> str | None:
        """Returns the digest of the object that a symbolic link with this text leads
        to; None for any other link.
        """
        loose = os.fsencode(self._loose) + b"/"
        if target.startswith(loose):
            text = os.fsdecode(target[len(loose) :]).replace("/", "", 1)
            # made again and compared: no other spelling passes for the object
            if self.algorithm.is_hex(text) and target == os.fsencode(
                self.absolute_loose_path(text)
            ):
                return text
        return None

    def is_own(self, hex_digest: str, state: os.stat_result) -> bool:
        """Returns whether a file is the object's own, by hard link, and as it was put
        there: of its size and read-only.
        """
        # costs nothing, and rules out all but links
        if state.st_mode & 0o222 or state.st_nlink < 2:
            return False
        with suppress(OSError):
            own = os.stat(self.loose_path(hex_digest))
            return os.path.samestat(own, state) and own.st_size == state.st_size
        return False

    def absolute_loose_path(self, hex_digest: str) -> str:
        """Returns where an object is, or would be, as a file of its own: what links
        lead to.
        """
        return f"{self._loose}/{hex_digest[:2]}/{hex_digest[2:]}"

    @cached_property
    def _loose(self) -> str:
        return os.path.join(os.path.abspath(self.path), "loose")

    def copy_to(self, hex_digest: str, descriptor: int, size: int) -> None:
        """Writes an object into an open, empty file, checked against its digest and
        ``size`` on the way.

        Where the file system can share blocks and ``links`` allows it, nothing is
        copied.
        """
        place = self._place(hex_digest)
        # whole: then it is the reference that lies; damage is told further down
        if place.size != size and self.is_whole(hex_digest, place):
            raise self.wrong_size(hex_digest, place.size, size)
        if place.pack_id:
            write_all(descriptor, self.read(hex_digest))
            return
        with opened(place.path, os.O_RDONLY) as source:
            if self.duplicate(source, descriptor)[0] != hex_digest:
                self.quarantine(hex_digest, place)

    def duplicate(self, source: int, target: int) -> tuple[str, int]:
        """Copies a file into an empty one that can be read; returns the digest of the
        copy, and its bytes.
        """
        # of the copy, not the source: it is the stored bytes that have to match
        hasher = self.algorithm.new()
        if REFLINK in self.links and clone(source, target):
            size = hash_bytes(target, hasher)
        else:
            size = copy_and_hash(source, target, hasher)
        return hasher.hexdigest(), size

    def wrong_size(self, hex_digest: str, actual: int, expected: int) -> IntegrityError:
        """The error for a whole object that is not of the size that someone says it
        has.
        """
        return IntegrityError(
            f"the object {self.algorithm.text(hex_digest)} has {actual} bytes; what "
            f"refers to it says {expected}",
            hint="the pointer, lock or tree that names it was damaged or forged",
        )

    def _place(self, hex_digest: str) -> Place:
        place = self.find(hex_digest)
        if place is None:
            raise MissingObjectError(
                f"the object {self.algorithm.text(hex_digest)} is not in the cache",
                hint="mltrack fetch",
                context=hex_digest,
            )
        return place

    def trust(self, pack_id: str) -> None:
        """Forgets what was damaged in a pack: it was just written anew."""
        for mark in [
            mark
            for mark in names_in(self.quarantine_path)
            if mark.endswith("." + pack_id)
        ]:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.quarantine_path, mark))

    def is_whole(self, hex_digest: str, place: Place) -> bool:
        """Returns whether an object's bytes match its digest."""
        hasher, left = self.algorithm.new(), place.size
        with opened(place.path, os.O_RDONLY) as descriptor:
            os.lseek(descriptor, place.offset, os.SEEK_SET)
            while left and (piece := os.read(descriptor, min(left, _PIECE))):
                hasher.update(piece)
                left -= len(piece)
        return hasher.hexdigest() == hex_digest

    def is_quarantined(self, hex_digest: str, pack_id: str) -> bool:
        """Returns whether an object was found damaged in that pack."""
        self.indexes()
        return f"{hex_digest}.{pack_id}" in self._quarantined

    def set_aside(self) -> dict[str, str]:
        """Returns the objects that were found damaged before and are not here whole,
        each with where it was put or noted.
        """
        marks = {
            name.partition(".")[0]: os.path.join(self.quarantine_path, name)
            for name in names_in(self.quarantine_path)
            # packs: their whole objects were written to another one
            if not name.endswith((".pack", ".idx"))
        }
        lacking = self.missing(item for item in marks if self.algorithm.is_hex(item))
        return {item: place for item, place in marks.items() if item in lacking}

    def quarantine(self, hex_digest: str, place: Place) -> None:
        """Sets a damaged object aside, so that it counts as missing and can be fetched
        anew; always raises IntegrityError.
        """
        make_directories(self.quarantine_path)
        where = f"the object {self.algorithm.text(hex_digest)} in {place.path}"
        # another process may have found the same, and mended it since it was read
        if self._is_mended(hex_digest, place):
            raise IntegrityError(
                f"{where} was damaged when it was read and is whole now",
                hint="run this again",
            )
        # the rest of a pack is whole: it stays, with a mark beside it
        if place.pack_id:
            mark = os.path.join(self.quarantine_path, f"{hex_digest}.{place.pack_id}")
            with opened(mark, os.O_WRONLY | os.O_CREAT):
                pass
        else:
            self._move_aside(hex_digest, place.path)
        self.forget_indexes()
        raise IntegrityError(
            f"{where} is damaged: its bytes do not match its digest; it was set aside",
            hint=(
                "`mltrack fetch` gets it again from a remote; `mltrack add` repairs "
                "it from the workspace"
            ),
        )

    def _is_mended(self, hex_digest: str, place: Place) -> bool:
        with suppress(FileNotFoundError):
            # a file is looked at as it is now: it may be longer than it was
            now = place if place.pack_id else _alone(place.path)
            return self.is_whole(hex_digest, now)
        return False

    def _move_aside(self, hex_digest: str, path: str) -> None:
        """Moves a file into quarantine, never deletes it: what is left of it may be of
        use to a person. One that was mended between look and move is put back.
        """
        aside = os.path.join(self.quarantine_path, hex_digest)
        with suppress(FileNotFoundError):
            os.rename(path, aside)
            if self.is_whole(hex_digest, _alone(aside)):
                os.rename(aside, path)

    def remove_pack(self, id_: str) -> None:
        """Deletes a pack and the index beside it; what it holds is elsewhere."""
        # the pack first: after a kill nobody looks at an index without one
        for ending in (".pack", ".idx"):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self.packs_path, id_ + ending))
        (self._indexes or {}).pop(id_, None)

    def _load_index(self, id_: str) -> Catalogue:
        path = os.path.join(self.packs_path, id_ + ".idx")
        try:
            with opened(path, os.O_RDONLY) as descriptor:
                data = read_all(descriptor, os.fstat(descriptor).st_size)
            return Catalogue(data, self.algorithm, path, pack_id=id_)
        except (OSError, IntegrityError):
            # it was written without a sync: a power cut may have emptied it
            return pack.read_index(self.pack_path(id_), self.algorithm, id_)


def _alone(path: str) -> Place:
    return Place(path, 0, os.stat(path).st_size)
