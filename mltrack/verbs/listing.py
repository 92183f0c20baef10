"""``ls`` and ``diff``: what is tracked, and how two moments differ, file by file."""

import os
from dataclasses import dataclass

from mltrack.engine.recorded import Recorded
from mltrack.engine.view import Target, View
from mltrack.errors import MissingObjectError, UsageError, WorkspaceError
from mltrack.objects import tree
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree_diff import diff as tree_diff
from mltrack.objects.tree_walk import extent, leaves
from mltrack.verbs.session import Session
from mltrack.workspace.scan import Snapshot

ADDED, MODIFIED, DELETED = "added", "modified", "deleted"


@dataclass(frozen=True, slots=True)
class Listed:
    path: str
    content: Content
    source: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One file or target that differs. ``old`` and ``new`` are None where it is not."""

    path: str
    change: str
    old: Content | None
    new: Content | None


def ls(
    session: Session,
    arguments: list[str],
    *,
    revision: str = "",
    recursive: bool = False,
) -> list[Listed]:
    """Returns what is tracked: the targets; for a named directory what is in it, with
    ``recursive`` all files below.
    """
    recorded = session.at(revision)
    found: list[Listed] = []
    for target in session.select(arguments, recorded.view):
        named = any(
            session.project.relative(argument) == target.path for argument in arguments
        )
        if target.content.kind != TREE or not (recursive or named):
            found.append(Listed(target.path, target.content, target.source))
        else:
            found += _entries(recorded, target, recursive=recursive)
    return found


def _entries(recorded: Recorded, target: Target, *, recursive: bool) -> list[Listed]:
    try:
        if recursive:
            pairs = list(leaves(target.content.hex, recorded.read_tree))
        else:
            pairs = [
                (entry.name, entry) for entry in recorded.read_tree(target.content.hex)
            ]
        counts = {
            entry.hex: extent(entry.hex, recorded.read_tree)
            for _, entry in pairs
            if entry.kind == tree.DIRECTORY
        }
    except MissingObjectError as error:
        raise MissingObjectError(
            f"{target.path}: {error.message}", hint=f"mltrack fetch {target.path}"
        ) from None
    return [
        Listed(
            f"{target.path}/{os.fsdecode(path)}",
            Content(
                BY_LETTER[entry.kind], entry.hex, entry.size, counts.get(entry.hex, 1)
            ),
            target.source,
        )
        for path, entry in sorted(pairs)
    ]


def diff(
    session: Session, old: str, new: str, arguments: list[str]
) -> list[Difference]:
    """Returns how tracked data and outputs differ between two revisions; an empty one
    means the workspace.

    Directories are opened only where they differ; one whose listing is not in the cache
    is reported as a whole.
    """
    recorded = [session.at(revision) for revision in (old, new)]
    sides = _sides(session, [one.view for one in recorded], arguments)
    is_of_workspace = not (old and new)
    if is_of_workspace:  # of what nobody can read here nobody can say how it differs
        sides = [
            {
                path: one
                for path, one in side.items()
                if not session.view.is_unreadable(one)
            }
            for side in sides
        ]
        session.left_out = {**session.view.unreadable} if not arguments else {}
    before, after = (
        _contents(session, revision, side)
        for revision, side in zip((old, new), sides, strict=True)
    )
    for path in session.left_out:
        before.pop(path, None)
        after.pop(path, None)
    found: list[Difference] = []
    for path in sorted(before.keys() | after.keys()):
        a, b = before.get(path), after.get(path)
        if a is None or b is None or not a.same_bytes(b):
            # of two revisions nobody looks at the workspace, which may be large
            seen = session.observer.seen(path) if is_of_workspace else None
            found += _differences(recorded[1], seen, path, (a, b))
    return found


def _sides(
    session: Session, views: list[View], arguments: list[str]
) -> list[dict[str, Target]]:
    """The targets that a person means, on each side: one may be tracked on one side
    only. Raises UsageError for an argument that names nothing on either.
    """
    if not arguments:
        return [view.targets() for view in views]
    sides: list[dict[str, Target]] = [{}, {}]
    for argument in arguments:
        refusals = []
        for side, view in zip(sides, views, strict=True):
            try:
                found = session.select([argument], view)
            except UsageError as error:
                refusals.append(error)
                continue
            side.update({target.path: target for target in found})
        if len(refusals) == len(views):
            raise refusals[0]
    return sides


def _contents(
    session: Session, revision: str, targets: dict[str, Target]
) -> dict[str, Content]:
    """What stands at each target; in the workspace this is what is there, not what
    pointers say.
    """
    if revision:
        return {path: target.content for path, target in targets.items()}
    found = {}
    for path in targets:
        try:
            snapshot = session.observer.tracked(path)
        except WorkspaceError as error:
            session.left_out[path] = error
            continue
        if snapshot is not None:
            found[path] = snapshot.content
    return found


def _differences(
    recorded: Recorded,
    seen: Snapshot | None,
    path: str,
    sides: tuple[Content | None, Content | None],
) -> list[Difference]:
    old, new = sides
    if not any(content is not None and content.kind == TREE for content in (old, new)):
        return [Difference(path, _change(old, new), old, new)]

    def load(hex_digest: str) -> list[tree.Entry]:
        if seen is not None:
            try:
                return seen.load(hex_digest)
            except KeyError:
                # not of this snapshot: the recorded side is in the cache
                pass
        return recorded.read_tree(hex_digest)

    trees = [
        content.hex if content is not None and content.kind == TREE else None
        for content in (old, new)
    ]
    try:
        # both recorded: of a directory of 100,000 the one file that differs is read
        both = recorded.read_differing if seen is None else None
        top = os.fsencode(path) + b"/"
        changes = list(tree_diff(trees[0], trees[1], load, top, both))
    except MissingObjectError:
        return [Difference(path, _change(old, new), old, new)]
    found = [
        Difference(
            os.fsdecode(change.path),
            _change(change.old, change.new),
            _content(change.old),
            _content(change.new),
        )
        for change in changes
    ]
    leaves = [
        None if content is None or content.kind == TREE else content
        for content in (old, new)
    ]
    if leaves != [None, None]:
        found.append(Difference(path, MODIFIED, leaves[0], leaves[1]))
    return sorted(found, key=lambda item: item.path)


def _content(entry: tree.Entry | None) -> Content | None:
    return (
        Content(BY_LETTER[entry.kind], entry.hex, entry.size)
        if entry is not None
        else None
    )


def _change(old: object, new: object) -> str:
    return ADDED if old is None else DELETED if new is None else MODIFIED
