"""``add --into``: files added to a tracked directory by its listing, without the rest
of it.
"""

import os
from typing import NamedTuple

from mltrack.errors import UsageError, WorkspaceError
from mltrack.formats.paths import check_path
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree import DIRECTORY, Entry
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs.add import AddResult, source_place
from mltrack.verbs.aside import scan_source
from mltrack.verbs.entries import (
    Listings,
    Place,
    entry_of,
    not_tracked,
    place_of,
    record_changes,
)
from mltrack.verbs.session import Session
from mltrack.workspace.checkout import no_progress
from mltrack.workspace.ignore import IgnoreFiles
from mltrack.workspace.ingest import Saving
from mltrack.workspace.scan import Report, no_report


class _Coming(NamedTuple):
    """One file or directory on its way: from where, and into what."""

    source: str
    place: Place


def add_into(
    session: Session, directory: str, sources: list[str], report: Report = no_report
) -> AddResult:
    """Saves files from anywhere on this machine, records them in a tracked directory
    and puts them there. A file of the same name is replaced; the rest of the directory
    is neither needed nor looked at.

    All or none: raises UnsavedDataError where the workspace has an edited file in the
    place of one of them, UsageError and WorkspaceError for what cannot be added.
    """
    project = session.project
    listings = Listings(session)
    coming = _coming(session, directory, sources)
    [root] = {item.place.root for item in coming}
    with project.cache.in_use():
        for item in coming:
            _refuse(session, item, listings)
        with CacheWriter(project.cache) as writer:
            saving = Saving(writer, project.algorithm)
            contents = [
                scan_source(session, item.source, saving, report) for item in coming
            ]
            writer.finish()
        changes = {}
        for item, content in zip(coming, contents, strict=True):
            _refuse_other_kind(item, listings.at(item.place), content)
            changes[item.place.inner] = entry_of(item.place, content)
        checkout = session.checkout
        # all of them before the pointer says anything
        approved = [
            checkout.approve(item.place.path, checkout.plan(item.place.path, content))
            for item, content in zip(coming, contents, strict=True)
        ]
        added = record_changes(session, listings, {root: changes})
        # after the pointer: what a kill leaves out is recorded, and can be checked out
        for item, content, plan in zip(coming, contents, approved, strict=True):
            checkout.carry_out(item.place.path, content, plan, no_progress, root)
    return AddResult(tuple(added))


def _coming(session: Session, directory: str, sources: list[str]) -> list[_Coming]:
    target = session.project.relative(directory)
    found: dict[str, _Coming] = {}
    for source in sources:
        absolute = source_place(session, source)
        path = f"{target}/{os.path.basename(absolute)}"
        place = place_of(session, path)
        if place is None:
            raise not_tracked(session, directory)
        if path in found:
            raise UsageError(
                f"two of them would be {path!r}", hint="add one, or rename it"
            )
        found[path] = _Coming(absolute, place)
    return list(found.values())


def _refuse_below_file(item: _Coming, listings: Listings) -> None:
    """Raises WorkspaceError for a place below what is recorded as a file."""
    parts = item.place.inner.split(b"/")
    for end in range(1, len(parts)):
        above = Place(item.place.root, b"/".join(parts[:end]))
        entry = listings.at(above)
        if entry is not None and entry.kind != DIRECTORY:
            raise WorkspaceError(
                f"{above.path!r} is a file in {above.root!r}",
                hint=f"mltrack add --into {os.path.dirname(above.path)} FILE…",
            )


def _refuse(session: Session, item: _Coming, listings: Listings) -> None:
    path, recorded = item.place.path, listings.at(item.place)
    check_path(path, path)
    is_directory = os.path.isdir(item.source) and not os.path.islink(item.source)
    line = IgnoreFiles(session.project.path).line(
        os.fsencode(path), is_directory=is_directory
    )
    if line is not None:
        raise WorkspaceError(
            f"{path!r} is left out of {item.place.root!r} "
            f"({line.source}:{line.number}: {line.text})",
            hint="change that line, or choose another name",
        )
    _refuse_below_file(item, listings)
    if is_directory and recorded is not None:
        raise WorkspaceError(
            f"{path!r} exists in {item.place.root!r} already",
            hint=f"mltrack add --into {path} FILE…",
        )


def _refuse_other_kind(item: _Coming, recorded: Entry | None, content: Content) -> None:
    """Raises WorkspaceError for a file in the place of a directory: all that it holds
    would be gone.
    """
    if recorded is not None and recorded.kind == DIRECTORY and content.kind != TREE:
        raise WorkspaceError(
            f"{item.place.path!r} is a directory in {item.place.root!r}",
            hint=f"mltrack remove {item.place.path}",
        )
