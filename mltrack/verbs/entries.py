"""Single entries of tracked directories: added, replaced, taken out and renamed by the
directories' listings, so that nothing else of them need be here.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from mltrack.engine.pipelines import nearest
from mltrack.errors import (
    MissingObjectError,
    RemoteError,
    UnsavedDataError,
    UsageError,
    WorkspaceError,
)
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree import DIRECTORY, Entry
from mltrack.objects.tree_walk import entry_at, extent
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources
from mltrack.verbs.tracking import Added, Recording, record
from mltrack.workspace.comparison import LETTERS
from mltrack.workspace.links import make_private
from mltrack.workspace.parts import edit

Changes = Mapping[bytes, Entry | None]


class Place(NamedTuple):
    """A path in a tracked directory: the directory, and the path below it."""

    root: str
    inner: bytes

    @property
    def path(self) -> str:
        return f"{self.root}/{os.fsdecode(self.inner)}"


def place_of(session: Session, path: str) -> Place | None:
    """Returns where a project path lies in a tracked directory, None for one that lies
    in none. Raises FormatError where the pointer cannot be read.
    """
    root = session.tracked_paths.holder(path)
    if root is None or root == path:
        return None
    if root in session.view.broken:
        raise session.view.broken[root]
    if session.view.pointers[root].kind != TREE:
        return None
    return Place(root, os.fsencode(path[len(root) + 1 :]))


def not_tracked(session: Session, argument: str) -> UsageError:
    """Returns the error for a path that no pointer tracks."""
    path = session.project.relative(argument)
    session.view.refuse_noted(path)
    graph = session.view.graph
    for out in graph.owners.overlapping(path):
        return UsageError(
            f"{argument!r} is written by stage {graph.owners[out]!r}, no pointer "
            "tracks it",
            hint=f"`mltrack commit {graph.owners[out]}` records its present state",
        )
    return UsageError(
        f"{argument!r} is not tracked by a pointer",
        hint=nearest(argument, list(session.view.pointers))
        or "`mltrack ls` lists what is tracked",
    )


class Listings:
    """The listings of tracked directories, brought from a remote where the cache lacks
    them.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._sources = Sources(session)

    def load(self, hex_digest: str) -> list[Entry]:
        """Returns the entries of a listing; raises MissingObjectError where it is
        neither here nor in a remote.
        """
        cache = self._session.project.cache
        if not cache.has(hex_digest) and self._sources.is_any:
            # a remote that cannot be reached: that the listing lacks is what counts
            with suppress(RemoteError):
                self._sources.listing(hex_digest)
        return cache.read_tree(hex_digest)

    def at(self, place: Place) -> Entry | None:
        """Returns what is recorded at a place; opens the listings on the way only."""
        recorded = self._session.view.pointers[place.root]
        try:
            return entry_at(recorded.hex, place.inner, self.load)
        except MissingObjectError as error:
            raise self._away(place.root, error) from None

    def edited(self, root: str, changes: Changes) -> Content:
        """Returns a tracked directory with changed entries; its new listings are
        durable in the cache then. Raises WorkspaceError if nothing would be left.
        """
        before = self._session.view.pointers[root]
        files = before.files
        try:
            for inner, entry in changes.items():
                files += self._files(entry) - self._files(self.at(Place(root, inner)))
        except MissingObjectError as error:
            raise self._away(root, error) from None
        cache = self._session.project.cache
        after = edit(cache, partial(CacheWriter, cache), before, changes)
        if after is None:
            raise WorkspaceError(
                f"nothing would be left in {root!r}", hint=f"mltrack remove {root}"
            )
        return after._replace(files=files)

    def _files(self, entry: Entry | None) -> int:
        if entry is None:
            return 0
        return extent(entry.hex, self.load) if entry.kind == DIRECTORY else 1

    def _away(self, root: str, error: MissingObjectError) -> MissingObjectError:
        return MissingObjectError(
            f"{root}: {error.message}, so its listing cannot be changed",
            hint=f"mltrack fetch {root}",
        )


def entry_of(place: Place, content: Content) -> Entry:
    """Returns a content as the entry of a directory."""
    return Entry(
        place.inner.rpartition(b"/")[2],
        LETTERS.get(content.kind, DIRECTORY),
        content.hex,
        content.size,
    )


def content_of(entry: Entry) -> Content:
    """Returns an entry as what stands at its path."""
    return Content(BY_LETTER[entry.kind], entry.hex, entry.size)


def record_changes(
    session: Session, listings: Listings, changes: Mapping[str, Changes]
) -> list[Added]:
    """Writes the pointers of directories with changed entries, all of them or none."""
    contents = {root: listings.edited(root, some) for root, some in changes.items()}
    return record(
        session, [Recording(root, content, None) for root, content in contents.items()]
    )


def take_out(session: Session, places: list[Place], *, data: bool) -> None:
    """Takes entries out of the listings of their directories, all or none. With
    ``data`` their files go too, else those that are here stay as they are.

    Raises UsageError for what is not recorded, UnsavedDataError with ``data`` for bytes
    that the cache lacks.
    """
    listings, checkout = Listings(session), session.checkout
    changes: dict[str, dict[bytes, Entry | None]] = {}
    with session.project.cache.in_use():
        for place in places:
            if listings.at(place) is None:
                raise UsageError(
                    f"{place.root!r} has no {place.path!r} in it",
                    hint=f"mltrack ls {place.root}",
                )
            if data:
                require_saved(session, place.path)
            changes.setdefault(place.root, {})[place.inner] = None
        record_changes(session, listings, changes)
    for place in places:
        if data:
            checkout.clear(place.path)
        elif os.path.lexists(session.project.absolute(place.path)):
            # what nothing refers to, gc may delete
            make_private(session.project.path, place.path, session.project.cache)
    for root, some in changes.items():
        # a file that stays is one of the person's own from here on
        checkout.note_parts(root, some)


def require_saved(session: Session, path: str) -> None:
    """Raises UnsavedDataError for a path that holds bytes which the cache lacks."""
    snapshot = session.observer.tracked(path)
    if snapshot is not None and not session.project.cache.holds(snapshot.content):
        raise UnsavedDataError(
            f"{path!r} holds bytes that are not in the cache: removing it would lose "
            "them",
            hint=f"`mltrack add {path}` saves them first",
        )
