"""A remote: objects, packs and indexes laid over a store.

An object exists for others only when an index that names it does; so data goes first
and the index last. Indexes are named by the digest of their bytes and never change, so
a copy kept beside the project is as good as the remote's, as long as the remote still
lists it.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from functools import partial

from mltrack.disk.durable import temporary_path
from mltrack.errors import FormatError, IntegrityError, NewerFormatError, RemoteError
from mltrack.formats import json_text
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.store.catalogue import Catalogue, RangedCatalogue, Whole, encode
from mltrack.store.kinds.store import Store
from mltrack.store.local.cache import Cache
from mltrack.store.shared import deleting
from mltrack.store.shared.confirmed import Confirmed
from mltrack.store.shared.met import Met
from mltrack.store.shared.names import MARKER, index_name, index_path
from mltrack.store.shared.present import Present
from mltrack.store.shared.transfer import Need, needed

FORMAT = 1
FEW = 64
"""So many objects are looked up by ranges of an index rather than by reading all of it.
"""
# bytes: it comes with one request, where ranges of it take five for a file two
# directories down, and each is a wait
_SMALL_INDEX = 512 << 10
# times: one collection at work deletes for a short while only
_LOOKS = 3
FOR_NEWER = "a remote holds what only a newer mltrack can read: upgrade mltrack"
# each index is a request to whoever meets the remote for the first time
MERGE_ABOVE = 32
"""A push that finds more indexes than this writes one that replaces them all."""


class Remote:
    """One remote of the project. ``met`` is what is kept here of it. ``jobs`` requests
    run at once.
    """

    def __init__(
        self,
        name: str,
        store: Store,
        algorithm: Algorithm,
        met: Met,
        jobs: int = 1,
    ) -> None:
        self.name = name
        self.store = store
        # requests at once hide round trips, and a directory has none
        self.jobs = 1 if store.abilities.local else max(1, jobs)
        self.algorithm = algorithm
        self.met = met
        self._indexes: dict[str, Catalogue] | None = None
        self._by_ranges: dict[str, Catalogue | RangedCatalogue] | None = None
        self._looked_up = 0
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
        known = self.met.id
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
            self._write_marker(self.met.id or os.urandom(16).hex())
        return is_lost

    def _write_marker(self, id_: str) -> None:
        marker = {"mltrack": FORMAT, "hash": self.algorithm.name, "id": id_}
        if self.store.create(
            MARKER, (json.dumps(marker, indent=2, sort_keys=True) + "\n").encode()
        ):
            self._remember_id(str(marker["id"]))
        else:
            self.open()  # another clone was first: it is its remote that we joined

    def _remember_id(self, id_: str) -> None:
        self.id = id_
        self.met.remember_id(id_)

    # what is there

    def indexes(self) -> dict[str, Catalogue]:
        """Returns the indexes that count, by name: superseded and damaged ones left
        out. Listed once per command.
        """
        if self._indexes is None:
            known = self._all_known(self.read_index, self.damaged)
            self._stale = {old for index in known.values() for old in index.supersedes}
            self._indexes = {
                name: index
                for name, index in sorted(known.items())
                if name not in self._stale
            }
            # copies of what is gone there would still count as seen there
            self.met.keep_only(known)
        return self._indexes

    def _all_known(
        self, read: Callable[[str, int], Catalogue], problems: dict[str, str]
    ) -> dict[str, Catalogue]:
        """Reads all indexes, by name; notes those that cannot be read in ``problems``.
        Where one was deleted since they were listed, all are listed again: what has
        taken its place may not have been there.
        """
        for _ in range(_LOOKS):
            known: dict[str, Catalogue] = {}
            problems.clear()
            try:
                for name, size in self._listed():
                    try:
                        known[name] = read(name, size)
                    except NewerFormatError as error:
                        self.newer[name] = error.message
                    except (IntegrityError, FormatError) as error:
                        problems[name] = error.message
            except FileNotFoundError:
                continue
            return known
        raise RemoteError(
            f"{self.url}: its indexes are deleted while they are read",
            hint="run this again",
            retryable=True,
        )

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

        def read(name: str, size: int) -> Catalogue:
            return self._checked(name, self.store.get(index_path(name)))

        known = self._all_known(read, problems)
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
        """Returns what can really be had, from the indexes and one listing; what
        someone is deleting at this moment counts as absent.
        """
        if self._present is None:
            indexes = self.indexes().values()
            # in this order: see deleting
            doomed = deleting.announced(self.store)
            self._sizes = None
            self._present = Present(indexes, _without(self.sizes(), doomed))
        return self._present

    def new_comparison(self, cache: Cache) -> Callable[[list[Content]], Need]:
        """Returns what tells of contents what is not here of them, by what can be had
        now. See :func:`mltrack.store.shared.transfer.needed`.
        """
        present, whole = self.present(), self.confirmed()
        return lambda contents: needed(cache, contents, present, whole)

    def confirmed(self) -> Confirmed:
        """Returns the trees that are known to be here with all below them."""
        return Confirmed(self.met, self.id, set(self.indexes()), self.present())

    def lasting_sizes(self) -> dict[str, int]:
        """Returns the sizes of those files that a push may rely on: what a garbage
        collection has noted is sent anew, and is young then.
        """
        return _without(self.sizes(), deleting.noted(self.store))

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
                    # several may name the same objects: the most is nearest
                    self._stored[name] = max(self._stored.get(name, 0), size)
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

    def at_hand(self) -> list[Catalogue]:
        """Returns the indexes that were read whole by now; asks for none."""
        known = (self._indexes or self._by_ranges or {}).values()
        return [index for index in known if isinstance(index, Catalogue)]

    def _asked(self, wanted: int) -> Iterator[tuple[str, Catalogue | RangedCatalogue]]:
        """The indexes to look into: whole ones, or for a few objects those that are not
        at hand by ranges only.
        """
        self._looked_up += wanted
        # by and by few objects are many, too
        if self._indexes is not None or self._looked_up > FEW:
            yield from self.indexes().items()
            return
        if self._by_ranges is None:
            self._by_ranges = self._ranged()
        yield from self._by_ranges.items()

    def _ranged(self) -> dict[str, Catalogue | RangedCatalogue]:
        """The indexes that count, whole where that costs one request at most."""
        found: dict[str, Catalogue | RangedCatalogue] = {}
        for name, size in self._listed():
            try:
                # one request, or none where a copy is at hand
                if size < _SMALL_INDEX or self.met.has_copy_of(name):
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
        return {
            name: index for name, index in sorted(found.items()) if name not in stale
        }

    def read_index(self, name: str, size: int) -> Catalogue:
        """Returns an index by name; raises IntegrityError for a damaged one. ``size``
        is what the remote lists: a copy of an index that was cut short there does not
        stand for it.
        """
        data = self.met.copy_of(name)
        # web servers list no sizes
        if data is not None and len(data) == (size or len(data)):
            with suppress(IntegrityError, FormatError):
                return self._checked(name, data)
        data = self.store.get(index_path(name))
        index = self._checked(name, data)
        self.met.keep_copy(name, data)
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
        # with what someone may be deleting: that may be spared, and an index that left
        # it out would make others forget it
        there = Present(self.indexes().values(), self.sizes())
        merges = len(current) >= MERGE_ABOVE or not there.is_whole
        data = self._encoded(fresh, current if merges else {}, there)
        if self.algorithm.hex_of(data) in self._stale:
            # an equal one was superseded, and its name stays so: this one takes over
            # what superseded it
            data = self._encoded(fresh, current, there)
        name = self.algorithm.hex_of(data)
        # superseded by one that only a newer version can take over
        if name in self._stale:
            self.require_understood("sent what an index that it superseded named")
        self.store.put(index_path(name), data, replace=name in self.damaged)
        self.forget()

    def _encoded(
        self, fresh: list[Whole], superseded: dict[str, Catalogue], there: Present
    ) -> bytes:
        """An index that names these objects, and what can be had of those that the
        superseded ones name.
        """
        if not superseded:
            return encode(fresh, self.algorithm)
        entries = {
            entry.raw: entry
            for index in superseded.values()
            for entry in index
            if there.can_be_had(entry)
        }
        # last, so that they win: they were just sent
        entries.update({entry.raw: entry for entry in fresh})
        return encode(entries.values(), self.algorithm, superseded)

    def forget(self) -> None:
        """Forgets what was listed: it has changed."""
        self._indexes = self._sizes = self._stored = self._present = None
        self._by_ranges = None


def _without(sizes: dict[str, int], names: set[str]) -> dict[str, int]:
    if not names:
        return sizes
    return {name: size for name, size in sizes.items() if name not in names}
