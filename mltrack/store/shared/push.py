"""Sending: what a remote lacks, as whole packs where most of one is wanted, else
gathered into new ones.

Resumable by construction: packs are named by their bytes, so one that has arrived is
seen in the listing and not sent again, and the index that makes things exist comes
last.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple, NoReturn

from mltrack.errors import IntegrityError, MissingObjectError, RemoteError
from mltrack.events import Progress, meter
from mltrack.objects.content import Content
from mltrack.objects.digest import Algorithm
from mltrack.store import pack
from mltrack.store.catalogue import Whole, alone
from mltrack.store.kinds.store import Store
from mltrack.store.local.cache import Cache
from mltrack.store.shared import workers
from mltrack.store.shared.fetch import fetch_trees
from mltrack.store.shared.names import object_path, pack_path
from mltrack.store.shared.present import Present
from mltrack.store.shared.remote import Remote
from mltrack.store.shared.transfer import WHOLE_PACK_SHARE, Moved, Need, Report, needed

# rounds: one to send, one after a collection meanwhile, one to spare
_ROUNDS = 3
"""How often a push sends what the remote lacks, because its indexes were replaced under
it.
"""


class Parcel(NamedTuple):
    """One file to send, with what the index will say of it. ``expected`` is the digest
    of its bytes.
    """

    name: str
    path: str
    expected: str
    pack_id: str
    entries: list[Whole]
    is_temporary: bool = False


class Sent(NamedTuple):
    """A parcel that was dealt with: how many bytes went, and whether what is here has
    the digest that it should have.
    """

    parcel: Parcel
    bytes: int
    is_whole: bool = True


def push(cache: Cache, remote: Remote, need: Need, report: Report) -> Moved:
    """Sends what is needed, up to the remote's ``jobs`` requests at once, then the
    index. Raises MissingObjectError before sending anything if the cache lacks
    something.
    """
    try:
        return _push(cache, remote, need, report)
    except FileNotFoundError:
        # a pack was merged into another while its objects were being sent
        cache.reload()
        return _push(cache, remote, need, report)


def push_contents(
    cache: Cache, remote: Remote, contents: Iterable[Content], report: Report
) -> Moved:
    """Sends what a remote lacks of these contents; returns what went.

    It ends by comparing what was wanted with what the remote has then, by a fresh
    reading of its indexes. What lacks, since a garbage collection there could not know
    of this push, is sent as well; what still lacks after that raises RemoteError.
    """
    wanted = list(contents)
    moved = Moved(0, 0)
    for _ in range(_ROUNDS):
        need = remote.new_comparison(cache)(wanted)
        if not need.is_complete:
            # That a tree is there says nothing of what it names: it is fetched from
            # there, and looked into.
            fetch_trees(cache, [remote], wanted, report)
            need = remote.new_comparison(cache)(wanted)
        if need.total:
            sent = push(cache, remote, need, report)
            moved = Moved(moved.objects + sent.objects, moved.bytes + sent.bytes)
            # a fresh reading: a collection may have superseded what was relied on
            remote.forget()
        lacking = (
            remote.present().missing(need.there.union(need.trees, need.objects))
            if need.total
            else set()
        )
        if not lacking:
            # where a tree could not be opened nothing below it was compared
            if need.is_complete:
                remote.confirmed().add(need.opened)
            return moved
    raise RemoteError(
        f"{remote.url} lacks {len(lacking)} of the objects that were just sent, first "
        f"{cache.algorithm.text(min(lacking))}",
        hint=(
            "if `mltrack gc` is deleting there, push again when it has ended; else "
            f"`mltrack fsck --remote {remote.name}` checks all of it"
        ),
    )


def would_push(cache: Cache, contents: Iterable[Content], present: Present) -> Moved:
    """Returns how many objects :func:`push_contents` would send, and their bytes.
    Raises MissingObjectError as it would.
    """
    need = needed(cache, contents, present)
    _refuse_missing(cache, need)
    size = sum(need.objects.values()) + sum(
        place.size for place in map(cache.find, need.trees) if place
    )
    return Moved(need.total, size)


def _refuse_missing(cache: Cache, need: Need) -> None:
    lacking = cache.missing([*need.objects, *need.trees])
    if lacking:
        raise MissingObjectError(
            f"not in the cache, so not pushed: {cache.algorithm.text(min(lacking))}"
            + (f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""),
            hint=(
                "`mltrack status` shows what is missing; `mltrack fetch` gets it from "
                "another remote"
            ),
            context=min(lacking),
        )


def _push(cache: Cache, remote: Remote, need: Need, report: Report) -> Moved:
    _refuse_missing(cache, need)
    packed, large = _by_pack(cache, need.objects)
    tree_packs, large_trees = _by_pack(cache, need.trees)
    files = len(large) + len(packed) + len(tree_packs) + len(large_trees)
    # with few files the workers that are left send parts of them
    at_once = max(1, remote.jobs // max(1, min(remote.jobs, files)))
    parcels = _parcels(cache, packed, large, tree_packs, large_trees)
    there = remote.lasting_sizes()
    calls: Iterator[Callable[[], Sent]] = (
        partial(
            _send,
            remote.store,
            cache.algorithm,
            item,
            there.get(item.name, -1),
            at_once,
        )
        for item in parcels
    )
    packs = (*packed.values(), *tree_packs.values())
    total_bytes = sum(entry.size for entries in packs for entry in entries)
    total_bytes += sum(_size_alone(cache, one) for one in (*large, *large_trees))
    arrived: list[Whole] = []
    size = 0
    report(Progress("sending", 0, need.total, total_bytes))
    for sent in workers.run(calls, remote.jobs):
        if not sent.is_whole:
            _find_damage(cache, sent.parcel)
        arrived += sent.parcel.entries
        size += sent.bytes
        report(Progress("sending", len(arrived), need.total, total_bytes))
    # last: until then nothing of this push exists for others
    remote.publish(arrived)
    return Moved(len(arrived), size)


def _send(
    store: Store, algorithm: Algorithm, parcel: Parcel, size_there: int, at_once: int
) -> Sent:
    """Sends a file unless it is there, checked against its digest first. Runs in a
    thread of its own: it touches bytes only.
    """
    size = os.stat(parcel.path).st_size
    try:
        # named by its bytes: one of full size is the one that an earlier push sent
        if size_there == size:
            meter.moved += size
            return Sent(parcel, 0)
        # the others could not tell: what has rotted here must not leave
        if pack.digest_of_file(parcel.path, algorithm) != parcel.expected:
            return Sent(parcel, 0, is_whole=False)
        store.put_file(parcel.name, parcel.path, at_once=at_once)
        return Sent(parcel, size)
    finally:
        if parcel.is_temporary:
            with suppress(FileNotFoundError):
                os.unlink(parcel.path)


def _find_damage(cache: Cache, parcel: Parcel) -> NoReturn:
    """Sets aside what is damaged of a file, and raises IntegrityError."""
    for entry in parcel.entries:
        hex_digest = entry.raw.hex()
        place = cache.find(hex_digest)
        if place is not None and not cache.is_whole(hex_digest, place):
            cache.quarantine(hex_digest, place)
    raise IntegrityError(
        f"{parcel.path} does not match its name",
        hint="move it away; `mltrack fetch` gets its objects again",
    )


def _parcels(
    cache: Cache,
    packed: dict[str, list[Whole]],
    large: list[str],
    trees: dict[str, list[Whole]],
    large_trees: list[str],
) -> Iterator[Parcel]:
    """The files to send, trees after all below them. A tree is a file of its own where
    its listing is as large as a large object.
    """
    yield from _alone(cache, large)
    for by_pack, contents in ((packed, pack.ANY), (trees, pack.TREES)):
        rest: list[Whole] = []
        for id_, entries in by_pack.items():
            in_pack = cache.indexes()[id_].pack_bytes()[id_]
            # only these entries are published: a tree that happens to lie there too may
            # not exist for others before all that is below it does
            if sum(entry.size for entry in entries) >= WHOLE_PACK_SHARE * in_pack:
                yield Parcel(pack_path(id_), cache.pack_path(id_), id_, id_, entries)
            else:
                rest += entries
        yield from _repacked(cache, rest, contents)
    yield from _alone(cache, large_trees)


def _alone(cache: Cache, hex_digests: list[str]) -> Iterator[Parcel]:
    for hex_digest in sorted(hex_digests):
        place = cache.find(hex_digest)
        if place is None:
            raise MissingObjectError(
                f"the object {hex_digest} vanished from the cache", context=hex_digest
            )
        yield Parcel(
            object_path(hex_digest),
            place.path,
            hex_digest,
            "",
            [alone(hex_digest, place.size)],
        )


def _size_alone(cache: Cache, hex_digest: str) -> int:
    place = cache.find(hex_digest)
    return place.size if place is not None else 0


def _repacked(cache: Cache, entries: list[Whole], contents: int) -> Iterator[Parcel]:
    """Gathers objects from packs that are mostly not wanted into new ones; sorted, so
    that a push that was cut off makes the same packs again and finds them there.
    """
    chosen = sorted(entry.raw.hex() for entry in entries)
    while chosen:
        writer = pack.PackWriter(cache.tmp_path, cache.algorithm, contents)
        try:
            count = 0
            while count < len(chosen) and not writer.is_full:
                writer.add(chosen[count], cache.read(chosen[count]))
                count += 1
            done = writer.finish()
        except BaseException:
            writer.discard()
            raise
        found = list(pack.read_index(done.temporary, cache.algorithm, done.id))
        yield Parcel(
            pack_path(done.id),
            done.temporary,
            done.id,
            done.id,
            found,
            is_temporary=True,
        )
        del chosen[:count]


def _by_pack(
    cache: Cache, hex_digests: Iterable[str]
) -> tuple[dict[str, list[Whole]], list[str]]:
    """Returns what of these objects is packed, by pack, and the digests of those that
    are files of their own.
    """
    packed: dict[str, list[Whole]] = {}
    rest = {bytes.fromhex(item) for item in hex_digests}
    for id_ in cache.indexes():
        entries = cache.packed_among(id_, rest)
        if entries:
            packed[id_] = entries
            # what lies in two packs goes once
            rest.difference_update(entry.raw for entry in entries)
    return packed, [raw.hex() for raw in rest]
