"""The bytes of outputs, at a revision or in the workspace: from disk, from git, or from the cache by the lock's word."""

import os
from collections.abc import Iterator

from mltrack.engine.view import View
from mltrack.errors import MissingObjectError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_walk import entry_at, leaves
from mltrack.pipeline.paths import contains
from mltrack.verbs.session import Session


def read_output(session: Session, view: View, path: str) -> bytes | None:
    """Returns the bytes of a file, or None if it was not there. Raises MissingObjectError if the cache lacks them."""
    if view is session.view:
        return session.project.read(path)
    data = view.read(path)
    if data is not None:
        return data
    for out, content in _recorded(view):
        if contains(out, path):
            found = (
                content.hex if out == path and content.kind != TREE else _below(session, content, path[len(out) + 1 :])
            )
            if found:
                try:
                    return session.project.cache.read(found)
                except MissingObjectError as error:
                    raise MissingObjectError(
                        f"{path} of {view.name} is not in the cache", hint=f"mltrack fetch --rev {view.name}"
                    ) from error
    return None


def read_if_ever(session: Session, view: View, path: str) -> bytes | None:
    """Like :func:`read_output`, but None only for what was never written: raises MissingObjectError for an output that is
    recorded and not here."""
    data = read_output(session, view, path)
    if data is None and any(contains(out, path) for out, _ in _recorded(view)):
        at = "" if view is session.view else f" at {view.name}"
        raise MissingObjectError(f"{path}{at} is not here", hint=f"mltrack pull {path}")
    return data


def not_here(session: Session, revision: str, type_: str) -> list[str]:
    """Returns the outputs of a type that are recorded, in the workspace or at a revision, and whose bytes are not here."""
    view = session.view_at(revision)
    targets = view.targets()
    found = []
    for stage in view.graph.stages.values():
        for out in stage.outs:
            target = targets.get(out.path) if out.type == type_ else None
            if target is None:
                continue
            is_here = session.project.cache.holds(target.content)
            if not (is_here if revision else os.path.lexists(session.project.absolute(out.path))):
                found.append(out.path)
    return found


def files_of_output(session: Session, view: View, path: str) -> list[str]:
    """Returns the files of an output that is a directory, sorted; the path itself if it is a file."""
    if view is session.view:
        top = session.project.absolute(path)
        if not os.path.isdir(top):
            return [path]
        return sorted(
            os.path.relpath(os.path.join(directory, name), session.project.path)
            for directory, _, names in os.walk(top)
            for name in names
        )
    for out, content in _recorded(view):
        if out == path and content.kind == TREE:
            load = session.project.cache.read_tree
            return sorted(
                f"{path}/{os.fsdecode(name)}"
                for name, entry in leaves(content.hex, load)
                if entry.kind != tree.DIRECTORY
            )
    return [path]


def _recorded(view: View) -> Iterator[tuple[str, Content]]:
    for entries in view.locks.values():
        for entry in entries.values():
            yield from entry.outs.items()


def _below(session: Session, content: Content, path: str) -> str:
    """The digest of a file in a recorded directory, '' if it has none of that name."""
    if content.kind != TREE:
        return ""
    found = entry_at(content.hex, os.fsencode(path), session.project.cache.read_tree)
    return found.hex if found is not None else ""
