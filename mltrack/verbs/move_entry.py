"""``move`` of one file or directory of a tracked directory: by the listings, without
the rest of what they name.
"""

import os

from mltrack.errors import MissingObjectError, UsageError, WorkspaceError
from mltrack.formats.paths import check_path
from mltrack.objects.tree import DIRECTORY, Entry
from mltrack.objects.tree_walk import entry_at
from mltrack.pipeline.paths import overlaps
from mltrack.verbs.entries import (
    Listings,
    Place,
    content_of,
    place_of,
    record_changes,
)
from mltrack.verbs.session import Session
from mltrack.workspace.materialize import make_parents


def move_entry(session: Session, old: Place, new_argument: str) -> Place:
    """Renames what a tracked directory holds, within it or into another tracked one;
    returns where it is then. What of it is here moves along, edited or not.

    The file is renamed before the pointers: the same command completes a move that was
    cut off.
    """
    listings = Listings(session)
    with session.project.cache.in_use():
        entry = listings.at(old)
        if entry is None:
            raise UsageError(
                f"{old.root!r} has no {old.path!r} in it",
                hint=f"mltrack ls {old.root}",
            )
        new = _target(session, listings, old, new_argument)
        _refuse_taken(session, listings, old, new, entry)
        changes: dict[str, dict[bytes, Entry | None]] = {old.root: {old.inner: None}}
        changes.setdefault(new.root, {})[new.inner] = entry
        # the listings first: whatever cannot be written, the files are as they were
        for root, some in changes.items():
            listings.edited(root, some)
        _rename(session, old, new)
        record_changes(session, listings, changes)
    return new


def _target(session: Session, listings: Listings, old: Place, argument: str) -> Place:
    """Where it is moved: a directory, of the workspace or of the listing, takes it in."""
    project = session.project
    path = project.relative(argument)
    name = os.path.basename(old.path)
    inside = place_of(session, f"{path}/{name}" if path else name)
    if path in session.view.pointers and inside is not None:
        return inside
    place = place_of(session, path)
    if place is None:
        raise UsageError(
            f"{old.path!r} is a part of {old.root!r}, and {argument!r} lies in no "
            "tracked directory",
            hint=f"mltrack pull {old.path}; move it yourself, then `mltrack add` both",
        )
    known = listings.at(place)
    is_directory = (
        known.kind == DIRECTORY
        if known is not None
        else os.path.isdir(project.absolute(path))
        and not _is_cut_off(session, old, place)
    )
    if is_directory and inside is not None:
        return inside
    return place


def _is_cut_off(session: Session, old: Place, new: Place) -> bool:
    """Whether the file was renamed already, by a move that was cut off."""
    absolute = session.project.absolute
    return os.path.lexists(absolute(new.path)) and not os.path.lexists(
        absolute(old.path)
    )


def _refuse_taken(
    session: Session, listings: Listings, old: Place, new: Place, entry: Entry
) -> None:
    check_path(new.path, new.path)
    if overlaps(old.path, new.path):
        raise UsageError(f"{old.path!r} cannot be moved to {new.path!r}")
    hint = "choose another name, or remove that first"
    if listings.at(new) is not None:
        raise WorkspaceError(f"{new.path!r} exists in {new.root!r} already", hint=hint)
    if os.path.lexists(session.project.absolute(new.path)):
        snapshot = session.observer.tracked(new.path)
        is_same = snapshot is not None and content_of(entry).same_bytes(
            snapshot.content
        )
        if not (_is_cut_off(session, old, new) and is_same):
            raise WorkspaceError(f"{new.path!r} exists already", hint=hint)


def _rename(session: Session, old: Place, new: Place) -> None:
    """Renames what is here, and notes that what was put at the old path is at the new
    one.
    """
    project, last = session.project, session.last.get(old.root)
    put = None
    if last is not None:
        try:
            put = entry_at(last.hex, old.inner, project.cache.read_tree)
        except MissingObjectError:
            put = None
    if os.path.lexists(project.absolute(old.path)):
        make_parents(project.path, new.path)
        os.rename(project.absolute(old.path), project.absolute(new.path))
    session.checkout.note_parts(old.root, {old.inner: None})
    session.checkout.note_parts(new.root, {new.inner: put})
    session.observer.forget([old.root, new.root])
