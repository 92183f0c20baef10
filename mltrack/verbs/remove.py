"""``remove``: stops tracking paths; the data stays unless asked otherwise."""

import os
from dataclasses import dataclass
from functools import partial

from mltrack.errors import UsageError
from mltrack.formats.pointer import SUFFIX
from mltrack.git import ignore_file
from mltrack.pipeline.paths import PathMap
from mltrack.verbs.entries import (
    Place,
    not_tracked,
    place_of,
    require_saved,
    take_out,
)
from mltrack.verbs.session import Session
from mltrack.workspace.links import make_private


@dataclass(frozen=True, slots=True)
class RemoveResult:
    removed: tuple[str, ...]
    with_data: bool
    changed: tuple[str, ...] = ()
    """Tracked directories of which a part was removed."""


def remove(
    session: Session, arguments: list[str], *, data: bool = False
) -> RemoveResult:
    """Deletes pointers and their ignore lines; what lies in a tracked directory is
    taken out of its listing. With ``data`` the files go too, if the
    cache holds every byte of them.
    """
    project = session.project
    if not arguments:
        raise UsageError("nothing to remove", hint="mltrack remove PATH")
    paths, places = _chosen(session, arguments)
    if data:
        # all of them before the first one goes
        for path in paths:
            require_saved(session, path)
    if places:
        take_out(session, places, data=data)
    for path in paths:
        directory, name = os.path.split(path)
        if not data and os.path.lexists(project.absolute(path)):
            # what nothing refers to any more, gc may delete
            make_private(project.path, path, project.cache)
        # the pointer first: after a kill the data is still there, as any other file
        os.unlink(project.absolute(path + SUFFIX))
        session.edit_text(
            os.path.join(directory, ".gitignore"),
            partial(ignore_file.exclude, names=[name]),
        )
        session.last.set(path, None)
        if data:
            session.checkout.clear(path)
    return RemoveResult(
        (*paths, *(place.path for place in places)),
        data,
        tuple(dict.fromkeys(place.root for place in places)),
    )


def _chosen(session: Session, arguments: list[str]) -> tuple[list[str], list[Place]]:
    """The tracked paths that are meant, and the parts of tracked directories."""
    paths: list[str] = []
    places: list[Place] = []
    for argument in arguments:
        path = session.project.relative(argument).removesuffix(SUFFIX)
        if path in session.view.broken:
            raise session.view.broken[path]
        place = place_of(session, path)
        # a note of data that was never brought goes like a pointer
        if path in session.view.pointers or path in session.view.noted:
            paths.append(path)
        elif place is not None:
            places.append(place)
        else:
            raise not_tracked(session, argument)
    whole, places = list(dict.fromkeys(paths)), list(dict.fromkeys(places))
    known = PathMap((place.path, None) for place in places)
    for place in places:
        # what goes with a directory is not taken out of it
        if place.root in whole or known.overlapping(place.path) != [place.path]:
            raise UsageError(
                f"{place.path!r} goes already with another of the paths",
                hint="name each thing once",
            )
    return whole, places
