"""``remove``: stops tracking paths; the data stays unless asked otherwise."""

import os
from dataclasses import dataclass
from functools import partial

from mltrack.errors import UnsavedDataError, UsageError
from mltrack.formats.pointer import SUFFIX
from mltrack.git import ignore_file
from mltrack.verbs.session import Session
from mltrack.workspace.links import make_private


@dataclass(frozen=True, slots=True)
class RemoveResult:
    removed: tuple[str, ...]
    with_data: bool


def remove(
    session: Session, arguments: list[str], *, data: bool = False
) -> RemoveResult:
    """Deletes pointers and their ignore lines. With ``data`` the files go too, if the
    cache holds every byte of them.
    """
    project = session.project
    if not arguments:
        raise UsageError("nothing to remove", hint="mltrack remove PATH")
    paths = []
    for argument in arguments:
        path = project.relative(argument).removesuffix(SUFFIX)
        if path in session.view.broken:
            raise session.view.broken[path]
        if path not in session.view.pointers:
            raise UsageError(
                f"{argument!r} is not tracked by a pointer",
                hint="`mltrack ls` lists what is tracked",
            )
        paths.append(path)
    if data:
        # all of them before the first one goes
        for path in paths:
            snapshot = session.observer.tracked(path)
            if snapshot is not None and not project.cache.holds(snapshot.content):
                raise UnsavedDataError(
                    f"{path!r} holds bytes that are not in the cache: removing it "
                    "would lose them",
                    hint=f"`mltrack add {path}` saves them first",
                )
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
    return RemoveResult(tuple(paths), data)
