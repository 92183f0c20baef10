"""The bytes of outputs, at a revision or in the workspace: from disk, from git, or from the cache by the lock's word."""

import os
from collections.abc import Iterator

from mltrack.engine.view import View
from mltrack.errors import MissingObjectError
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_diff import leaves
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
    hex_digest = content.hex
    for part in os.fsencode(path).split(b"/"):
        entries = session.project.cache.read_tree(hex_digest)
        hex_digest = next((entry.hex for entry in entries if entry.name == part), "")
        if not hex_digest:
            return ""
    return hex_digest
