"""A remote: objects, packs and indexes laid over a store.

An object exists for others only when an index that names it does; so data goes first
and the index last. Indexes are named by the digest of their bytes and never change, so
a copy kept beside the project is as good as the remote's, as long as the remote still
lists it.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from functools import partial

from mltrack.disk.durable import (
    make_directories,
    read_bounded,
    temporary_path,
    write_atomic,
)
from mltrack.errors import FormatError, IntegrityError, NewerFormatError, RemoteError
from mltrack.formats import json_text
from mltrack.objects.digest import Algorithm
from mltrack.store.catalogue import Catalogue, RangedCatalogue, Whole, encode
from mltrack.store.kinds.store import Store
from mltrack.store.shared.names import MARKER, index_name, index_path
from mltrack.store.shared.present import Present

FORMAT = 1
RUNS_SUFFIX = ".runs"
"""Behind a remote's name: the file of the run records that it was seen to have."""
# bytes, some 23 million rows: no damaged copy fills the memory
MAX_INDEX_BYTES = 1 << 30
FEW = 64
"""So many objects are looked up by ranges of an index rather than by reading all of it.
"""
# bytes: it comes with one request, where ranges of it take three
_SMALL_INDEX = 256 << 10
FOR_NEWER = "a remote holds what only a newer mltrack can read: upgrade mltrack"
# each index is a request to whoever meets the remote for the first time
MERGE_ABOVE = 32
"""A push that finds more indexes than this writes one that replaces them all."""


class Remote:
    """One remote of the project. ``hints_path`` is a local directory for copies of its
    indexes, safe to delete; ``ids_path`` one in which it is kept under which identity
    each remote was met. ``jobs`` requests run at once.
    """

    def __init__(
        self,
        name: str,
        store: Store,
        algorithm: Algorithm,
        hints_path: str,
        ids_path: str = "",
        jobs: int = 1,
    ) -> None:
        self.name = name
        self.store = store
        # requests at once hide round trips, and a directory has none
        self.jobs = 1 if store.abilities.local else max(1, jobs)
        self.algorithm = algorithm
        self.hints_path = hints_path
        self._ids_path = ids_path
        self._indexes: dict[str, Catalogue] | None = None
        self._stale: set[str] = set()
        self._sizes: dict[str, int] | None = None
        self._stored: dict[str, int] | None = None
        self._present: Present | None = None
        self.damaged: dict[str, str] = {}
        """Indexes that cannot be read, by name: what they name counts as not there, so
        that a push sends it again.
        """
        self.newer: dict[str, str] = {}
        """Indexes that were met and say what only a newer mltrack can read: what they
        say is absent to this one.
        """
        self.id = ""
        """The identity that the remote gave itself; '' until it was opened."""

    @property
    def url(self) -> str:
        return self.store.url

    def open(self, *, create: bool = False) -> None:
        """Checks that this is a remote of this project's kind; with ``create`` makes an
        empty place into one.

        Raises RemoteError for a place that holds something else, since nothing is ever
        written among other files, and for one that is not the remote it was before: an
        empty mount point must not take the data.
        """
        if create and not self.store.abilities.writable:
            raise RemoteError(
                f"{self.url} can only be read",
                hint="push to another remote: `mltrack remote list`",
            )
        known = self._known_id()
        try:
            data = self.store.get(MARKER)
        except (FileNotFoundError, RemoteError) as error:
            # a place that does not answer may hold anything
            if isinstance(error, RemoteError) and not error.absent:
                raise
            # first: a push must not make a second remote among the first one's files
            if self._lost_marker():
                raise RemoteError(
                    f"{self.url} has lost its {MARKER}",
                    hint=f"`mltrack fsck --remote {self.name} --repair` recreates it",
                ) from error
            if not create:
                raise RemoteError(
                    f"{self.url} is not a remote yet: it has no {MARKER}",
                    hint=f"`mltrack push -r {self.name}` makes an empty place into one",
                    absent=True,
                ) from error
            if known:
                raise RemoteError(
                    f"{self.url} was a remote before and is empty or gone now",
                    hint="is the disk mounted, the bucket's name right? To start an empty remote there: "
                    f"mltrack remote remove {self.name}, "
                    f"then mltrack remote add {self.name} {self.url}",
                ) from error
            self._initialise(error)
            return
        value = json_text.load(data, f"{self.url}/{MARKER}")
        if not isinstance(value, dict) or not isinstance(value.get("mltrack"), int):
            raise FormatError(f"{self.url}/{MARKER}: not written by mltrack")
        if value["mltrack"] > FORMAT:
            raise RemoteError(
                f"{self.url}: a remote of a newer mltrack (format {value['mltrack']})",
                hint="upgrade mltrack",
            )
        if value.get("hash") != self.algorithm.name:
            raise RemoteError(
                f"{self.url} holds {value.get('hash')} digests, this project uses {self.algorithm.name}"
            )
        if known and value.get("id") != known:
            raise RemoteError(
                f"{self.url} is another remote than before (id {value.get('id')}, expected {known})",
                hint=f"if that is right: mltrack remote remove {self.name}, "
                f"then mltrack remote add {self.name} {self.url}",
            )
        self._remember_id(str(value.get("id", "")))

    def _initialise(self, error: Exception) -> None:
        if (
            isinstance(error, FileNotFoundError)
            and next(iter(self.store.list("")), None) is not None
        ):
            raise RemoteError(
                f"{self.url} is not empty and not a remote: nothing is written there",
                hint="give the remote its own, empty directory",
            ) from error
        self._write_marker(os.urandom(16).hex())

    def _lost_marker(self) -> bool:
        """Whether indexes of ours stand where the marker that makes it a remote does
        not.
        """
        try:
            return any(
                self.algorithm.is_hex(index_name(item.name))
                for item in self.store.list("index")
            )
        except (FileNotFoundError, RemoteError):
            # the error that led here is the one to tell
            return False

    def restore_marker(self) -> bool:
        """Writes the marker of a remote that has lost it, with the id by which it is
        known here; returns whether it did. Does nothing unless an index there can be
        read as this project's.
        """
        is_lost = bool(self.store.missing([MARKER])) and self._lost_marker()
        is_lost = is_lost and bool(self.readable_indexes({})) and self.is_understood
        if is_lost:
            self.store.delete([MARKER])  # a pipe, perhaps: what stands there is no file
            self._write_marker(self._known_id() or os.urandom(16).hex())
        return is_lost

    def _write_marker(self, id_: str) -> None:
        marker = {"mltrack": FORMAT, "hash": self.algorithm.name, "id": id_}
        if self.store.create(
            MARKER, (json.dumps(marker, indent=2, sort_keys=True) + "\n").encode()
        ):
            self._remember_id(str(marker["id"]))
        else:
            self.open()  # another clone was first: it is its remote that we joined

    def _known_id(self) -> str:
        data = (
            read_bounded(os.path.join(self._ids_path, self.name), 4096)
            if self._ids_path
            else None
        )
        return (data or b"").decode("ascii", "replace").strip()

    def _remember_id(self, id_: str) -> None:
        self.id = id_
        if self._ids_path and id_ != self._known_id():
            # unnoted, a remote in the other's place is not seen; nothing else is lost
            with suppress(OSError):
                make_directories(self._ids_path)
                write_atomic(
                    os.path.join(self._ids_path, self.name), (id_ + "\n").encode()
                )

    # what is there

    def indexes(self) -> dict[str, Catalogue]:
        """Returns the indexes that count, by name: superseded and damaged ones left
        out. Listed once per command.
        """
        if self._indexes is None:
            known: dict[str, Catalogue] = {}
            self.damaged.clear()
            for name, size in self._listed():
                try:
                    known[name] = self.read_index(name, size)
                except NewerFormatError as error:
                    self.newer[name] = error.message
                except IntegrityError as error:
                    self.damaged[name] = error.message
            self._stale = {old for index in known.values() for old in index.supersedes}
            self._indexes = {
                name: index
                for name, index in sorted(known.items())
                if name not in self._stale
            }
            # copies of what is gone there would still count as seen there
            self._forget_hints(set(known))
        return self._indexes

    def _listed(self) -> Iterator[tuple[str, int]]:
        """Names and sizes of the files that are indexes by their names."""
        for item in self.store.list("index"):
            name = index_name(item.name)
            if name and self.algorithm.is_hex(name):
                yield name, item.size

    @property
    def is_understood(self) -> bool:
        """Whether nothing was met in its indexes that only a newer mltrack knows."""
        return not self.newer

    def require_understood(self, done: str) -> None:
        """Raises RemoteError where something was not to be ``done`` by a version that
        does not know all that is there.
        """
        self.indexes()
        if not self.is_understood:
            raise RemoteError(
                f"{self.url} was written to by a newer mltrack, so it is not {done} by this one",
                hint=FOR_NEWER,
            )

    def readable_indexes(self, problems: dict[str, str]) -> dict[str, Catalogue]:
        """Returns the indexes that count and can be read, from the remote itself; notes
        the others in ``problems``.
        """
        known: dict[str, Catalogue] = {}
        for name, _ in self._listed():
            try:
                known[name] = self._checked(name, self.store.get(index_path(name)))
            except NewerFormatError as error:
                self.newer[name] = error.message
            except (IntegrityError, FormatError) as error:
                problems[name] = error.message
        stale = {old for index in known.values() for old in index.supersedes}
        return {
            name: index for name, index in sorted(known.items()) if name not in stale
        }

    def digests(self) -> set[bytes]:
        """Returns the digests of everything the remote holds, as raw bytes."""
        found: set[bytes] = set()
        for index in self.indexes().values():
            found |= index.digests()
        return found

    def present(self) -> Present:
        """Returns what can really be had, from the indexes and one listing."""
        if self._present is None:
            self._present = Present(self.indexes().values(), self.sizes())
        return self._present

    def sizes(self) -> dict[str, int]:
        """Returns the size of each pack and each object that is a file of its own, by
        name. Listed once.
        """
        if self._sizes is None:
            self._sizes = {
                item.name: item.size
                for place in ("packs", "objects")
                for item in self.store.list(place)
            }
        return self._sizes

    def stored_in(self, id_: str) -> int:
        """Returns the bytes of the objects that the indexes place in a pack."""
        if self._stored is None:
            self._stored = {}
            for index in self.indexes().values():
                for name, size in index.pack_bytes().items():
                    self._stored[name] = self._stored.get(name, 0) + size
        return self._stored.get(id_, 0)

    def locate(
        self, hex_digests: Iterable[str], bad: Set[tuple[str, bytes]] = frozenset()
    ) -> tuple[dict[str, list[Whole]], list[Whole], set[str]]:
        """Returns for these digests: what is packed by pack, files of their own, and
        the digests that are not here.

        ``bad`` are places that were found damaged, by pack id ('' for a file of its
        own) and raw digest: an object may lie in several.
        """
        rest = {bytes.fromhex(item) for item in hex_digests}
        packed: dict[str, list[Whole]] = {}
        for name, index in self._asked(len(rest)):
            for entry in index.among(frozenset(rest)):
                if (entry.pack_id, entry.raw) not in bad:
                    rest.discard(entry.raw)
                    packed.setdefault(entry.pack_id, []).append(entry)
            self._note_newer(name, index)
        alone = packed.pop("", [])
        return packed, alone, {raw.hex() for raw in rest}

    def _asked(self, wanted: int) -> Iterator[tuple[str, Catalogue | RangedCatalogue]]:
        """The indexes to look into: whole ones, or for a few objects those that are not
        at hand by ranges only.
        """
        if self._indexes is not None or wanted > FEW:
            yield from self.indexes().items()
            return
        found: dict[str, Catalogue | RangedCatalogue] = {}
        for name, size in self._listed():
            try:
                # one request, or none where a copy is at hand
                if size < _SMALL_INDEX or os.path.exists(self._hint(name)):
                    found[name] = self.read_index(name, size)
                else:
                    read = partial(self.store.get, index_path(name))
                    found[name] = RangedCatalogue(
                        read, size, self.algorithm, f"{self.url}/{index_path(name)}"
                    )
            except NewerFormatError as error:
                self.newer[name] = error.message
            except (FileNotFoundError, IntegrityError):
                continue  # replaced by another since the names were listed, or damaged
        stale = {old for index in found.values() for old in index.supersedes}
        yield from (
            (name, index) for name, index in sorted(found.items()) if name not in stale
        )

    def _hint(self, name: str) -> str:
        return os.path.join(self.hints_path, name + ".idx")

    def read_index(self, name: str, size: int) -> Catalogue:
        """Returns an index by name; raises IntegrityError for a damaged one. ``size``
        is what the remote lists: a copy of an index that was cut short there does not
        stand for it.
        """
        hint = self._hint(name)
        data = read_bounded(hint, MAX_INDEX_BYTES)
        # web servers list no sizes
        if data is not None and len(data) == (size or len(data)):
            with suppress(IntegrityError, FormatError):
                return self._checked(name, data)
        data = self.store.get(index_path(name))
        index = self._checked(name, data)
        with suppress(OSError):
            make_directories(self.hints_path)
            # not synced: a copy that is lost or cut is had again
            write_atomic(hint, data, durable=False)
        return index

    def _checked(self, name: str, data: bytes) -> Catalogue:
        where = f"{self.url}/{index_path(name)}"
        if self.algorithm.hex_of(data) != name:
            raise IntegrityError(
                f"{where}: its bytes do not match its name",
                hint=f"mltrack fsck --remote {self.name} --repair",
            )
        index = Catalogue(data, self.algorithm, where)
        self._note_newer(name, index)
        return index

    def _note_newer(self, name: str, index: Catalogue | RangedCatalogue) -> None:
        if not index.is_understood:
            self.newer[name] = (
                f"{index.name}: it says of objects what only a newer mltrack knows"
            )

    def _forget_hints(self, kept: set[str]) -> None:
        with suppress(OSError):
            for name in os.listdir(self.hints_path):
                if name.removesuffix(".idx") not in kept:
                    os.unlink(os.path.join(self.hints_path, name))

    @contextmanager
    def fetched(self, name: str, directory: str) -> Iterator[str]:
        """Brings a file into ``directory`` for the length of a block; raises
        FileNotFoundError if it is not there.
        """
        temporary = temporary_path(directory)
        try:
            self.store.fetch(name, temporary)
            yield temporary
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)

    # writing

    def publish(self, entries: Iterable[Whole]) -> None:
        """Makes what was put before exist for others: one index, written last.

        Where more than 32 indexes have gathered, or one promises what is lost, the new
        one takes over what can be had and names them all as superseded; but for those
        that say more than this version knows.
        """
        fresh = list(entries)
        if not fresh:
            return
        current = {
            name: index for name, index in self.indexes().items() if index.is_understood
        }
        merges = len(current) >= MERGE_ABOVE or not self.present().is_whole
        data = self._encoded(fresh, current if merges else {})
        if self.algorithm.hex_of(data) in self._stale:
            # an equal one was superseded, and its name stays so: this one takes over
            # what superseded it
            data = self._encoded(fresh, current)
        name = self.algorithm.hex_of(data)
        # superseded by one that only a newer version can take over
        if name in self._stale:
            self.require_understood("sent what an index that it superseded named")
        self.store.put(index_path(name), data, replace=name in self.damaged)
        self.forget()

    def _encoded(self, fresh: list[Whole], superseded: dict[str, Catalogue]) -> bytes:
        """An index that names these objects, and what can be had of those that the
        superseded ones name.
        """
        if not superseded:
            return encode(fresh, self.algorithm)
        present = self.present()
        entries = {
            entry.raw: entry
            for index in superseded.values()
            for entry in index
            if present.can_be_had(entry)
        }
        # last, so that they win: they were just sent
        entries.update({entry.raw: entry for entry in fresh})
        return encode(entries.values(), self.algorithm, superseded)

    def forget(self) -> None:
        """Forgets what was listed: it has changed."""
        self._indexes = self._sizes = self._stored = self._present = None


def forget_id(ids_path: str, name: str) -> None:
    """Forgets as what a remote was met, so that its name may mean another place."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(ids_path, name))


def forget_hints(hints_path: str) -> None:
    """Forgets what a remote was seen to hold: nothing that only it has counts as saved
    any more.
    """
    for path in (hints_path, hints_path + ".whole", hints_path + RUNS_SUFFIX):
        with suppress(FileNotFoundError):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def move_id(ids_path: str, old: str, new: str) -> None:
    """Keeps as what a remote was met when its name changes."""
    with suppress(FileNotFoundError):
        os.rename(os.path.join(ids_path, old), os.path.join(ids_path, new))


def coalesce(
    entries: Iterable[Whole], gap: int = 64 << 10, longest: int = 16 << 20
) -> Iterator[tuple[int, int, list[Whole]]]:
    """Yields ``(offset, length, entries)`` ranges that cover these parts of one pack:
    neighbours closer than ``gap`` are read together.
    """
    group: list[Whole] = []
    start = end = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        # a gap costs less than a request; what is read at once lies in memory
        is_far = entry.offset - end > gap or entry.offset + entry.size - start > longest
        if group and is_far:
            yield start, end - start, group
            group = []
        if not group:
            start = end = entry.offset
        group.append(entry)
        end = max(end, entry.offset + entry.size)
    if group:
        yield start, end - start, group
