"""Three-way merges of pointers and locks: for git's merge drivers and for ``resolve``,
by the same code.
"""

import os
from dataclasses import dataclass, field
from functools import partial

from mltrack.engine.view import Target
from mltrack.errors import MissingObjectError, MltrackError, UsageError
from mltrack.formats import lock_file, pointer
from mltrack.formats.conflict import is_in_conflict, split_conflict
from mltrack.formats.pointer import SUFFIX, Pointer
from mltrack.git import command as git_command
from mltrack.git import history as git_history
from mltrack.git import index as git_index
from mltrack.objects import tree
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_diff import merge as merge_trees
from mltrack.pipeline.stage import LOCK_NAME, Entry, lock_place
from mltrack.project import Project
from mltrack.store.local.writer import CacheWriter, NewTrees
from mltrack.verbs.checkout import CheckoutOptions, CheckoutResult, checkout_targets
from mltrack.verbs.one_sided import keep, let_go
from mltrack.verbs.session import Session
from mltrack.verbs.transfers import bring_listing


@dataclass(frozen=True, slots=True)
class Merge:
    """The merged text, or where both sides disagree; ``dropped`` are stages that
    `repro` must decide again, ``stage`` the one that writes the file, where that is an
    output of which our version stays until then.
    """

    text: bytes
    conflicts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    stage: str = ""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One file that ``resolve`` settled, or the paths on which it could not.

    ``removed_by`` is the side, 'ours' or 'theirs', that removed what the other changed;
    ``gone`` the data of a pointer that was let go by that.
    """

    path: str
    conflicts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = field(default=())
    removed_by: str = ""
    gone: Target | None = None


def _listing(project: Project, hex_digest: str) -> list[tree.Entry]:
    """A directory's listing, from a remote if it is not here."""
    if not project.cache.has(hex_digest):
        bring_listing(project, hex_digest)
    return project.cache.read_tree(hex_digest)


def merge_pointer(
    project: Project, path: str, base: bytes, ours: bytes, theirs: bytes
) -> Merge:
    """Merges two states of a tracked path. Directories merge file by file; files that
    both sides changed conflict.

    Listings that are not here, of what a colleague pushed, are fetched; no bytes of
    files are.
    """
    algorithm, root = project.algorithm, path.removesuffix(SUFFIX)
    mine, other = (pointer.parse_side(data, algorithm, path) for data in (ours, theirs))
    before = pointer.parse_side(base, algorithm, path) if base.strip() else None
    was = before.content if before is not None else None
    content, conflicts = mine.content, tuple[str, ...]()
    # only one side changed it: no listing has to be had
    if was == mine.content:
        content = other.content
    elif other.content not in (mine.content, was):
        if mine.content.kind != TREE or other.content.kind != TREE:
            conflicts = (root,)
        else:
            content, conflicts = _merge_listings(
                project, root, was, mine.content, other.content
            )
    # fields beside the content: where it was imported from, say
    extra = mine.extra
    if before is not None and before.extra == mine.extra:
        extra = other.extra
    elif other.extra not in (mine.extra, before.extra if before is not None else ()):
        conflicts = conflicts or (root,)
    # one side may have renamed it: it stands where git puts the merge
    result = Pointer(os.path.basename(root), content, extra)
    return Merge(pointer.write(result, algorithm).encode(), conflicts)


def _merge_listings(
    project: Project, root: str, before: Content | None, mine: Content, other: Content
) -> tuple[Content, tuple[str, ...]]:
    """Two states of a directory merged file by file, and the paths in conflict."""
    cache = project.cache
    base_tree = before.hex if before is not None and before.kind == TREE else None
    with cache.in_use(), CacheWriter(cache) as writer:
        trees = NewTrees(writer, partial(_listing, project))
        merged = merge_trees(base_tree, mine.hex, other.hex, trees.load, trees.write)
        # durable before the pointer names them
        writer.finish()
    conflicts = tuple(
        f"{root}/{os.fsdecode(conflict.path)}" for conflict in merged.conflicts
    )
    return Content(TREE, merged.hex, merged.size, merged.files), conflicts


def merge_lock(
    project: Project, path: str, base: bytes, ours: bytes, theirs: bytes
) -> Merge:
    """Merges locks stage by stage. A stage that both sides ran differently has no
    recorded result for the merged code: its block is dropped, and ``repro`` runs or
    restores it.
    """
    algorithm = project.algorithm
    before, mine, other = (
        lock_file.parse(data, algorithm, path) if data.strip() else {}
        for data in (base, ours, theirs)
    )
    merged: dict[str, Entry] = {}
    dropped: list[str] = []
    for name in sorted(mine.keys() | other.keys()):
        b, o, t = before.get(name), mine.get(name), other.get(name)
        if o == t or t == b:
            chosen = o
        elif o == b:
            chosen = t
        else:
            chosen = None
            dropped.append(name)
        if chosen is not None:
            merged[name] = chosen
    return Merge(lock_file.write(merged, algorithm).encode(), dropped=tuple(dropped))


def merge_output(project: Project, path: str, ours: bytes) -> Merge:
    """Takes our version of an output that git keeps: neither is a result of the merged
    code, and `repro` writes a new one.

    Raises UsageError for what no stage declares as such.
    """
    left = Session(project).left_to_git()
    holder = left.holder(path)
    if holder is None:
        raise UsageError(
            f"{path!r} is no pointer, no lock and no output that git keeps",
            hint="resolve it as git says",
        )
    return Merge(ours, stage=left[holder])


def drive(
    project: Project, path: str, base_file: str, ours_file: str, theirs_file: str
) -> Merge:
    """Does what git asks of a merge driver: the result goes into ``ours_file``. Raises
    on what it cannot merge, after leaving git's own conflict markers there.
    """
    sides = []
    for file in (base_file, ours_file, theirs_file):
        with open(file, "rb") as handle:
            sides.append(handle.read())
    try:
        result = _merge(project, path, *sides)
    except MltrackError as error:
        # an output once: a file like any other now
        if isinstance(error, UsageError) and not _is_metadata(path):
            git_command.run(
                ["merge-file", *_LABELS, ours_file, base_file, theirs_file],
                project.path,
            )
            return Merge(b"")
        _leave_markers(project, base_file, ours_file, theirs_file)
        raise
    if result.conflicts:
        _leave_markers(project, base_file, ours_file, theirs_file)
        return result
    # a temporary file of git's, which puts it into place itself
    with open(ours_file, "wb") as handle:
        handle.write(result.text)
    return result


_LABELS = ("-L", "ours", "-L", "base", "-L", "theirs")


def _leave_markers(
    project: Project, base_file: str, ours_file: str, theirs_file: str
) -> None:
    git_command.run(
        ["merge-file", *_LABELS, ours_file, base_file, theirs_file],
        project.path,
        # the exit code is the number of conflicts
        ok=tuple(range(128)),
    )


def _merge(
    project: Project, path: str, base: bytes, ours: bytes, theirs: bytes
) -> Merge:
    if os.path.basename(path) == LOCK_NAME:
        return merge_lock(project, path, base, ours, theirs)
    if path.endswith(SUFFIX):
        return merge_pointer(project, path, base, ours, theirs)
    return merge_output(project, path, ours)


def bring_along(project: Project, found: list[Resolved]) -> CheckoutResult:
    """Checks out the tracked data whose pointers were just settled."""
    settled = {item.path.removesuffix(SUFFIX) for item in found if not item.conflicts}
    gone = tuple(item.gone for item in found if item.gone is not None)
    with Session(project) as session:
        return checkout_targets(
            session,
            [
                target
                for path, target in session.view.targets().items()
                if path in settled
            ],
            CheckoutOptions(),
            gone=gone,
            recorded={target.path: target.content for target in gone},
        )


def resolve(project: Project, arguments: list[str], side: str = "") -> list[Resolved]:
    """Settles pointers, locks and outputs that git keeps, in which git left conflicts;
    with ``side`` ('ours' or 'theirs') where both changed the same file, that side is
    taken. What is settled is written and staged. Of an output our side is taken unless
    ``side`` says otherwise, and the lock forgets its stage.
    """
    unmerged = git_index.unmerged(project.path)
    paths = [_meant(project, one) for one in arguments]
    paths = paths or _conflicted(project, unmerged)
    found = []
    # a lock can be written once it is settled
    for path in sorted(paths, key=lambda path: not _is_metadata(path)):
        base, ours, theirs = _sides(project, path, unmerged)
        if not (ours and theirs):
            found.append(_settle_one_sided(project, path, ours, theirs, side))
            continue
        try:
            result = _merge(project, path, base, ours, theirs)
        except MissingObjectError as error:
            raise MissingObjectError(
                f"{path}: {error.message}",
                hint="mltrack fetch --rev HEAD --rev MERGE_HEAD",
            ) from None
        text = result.text
        if result.conflicts:
            if not side:
                found.append(Resolved(path, result.conflicts))
                continue
            # merged the other way round, what a conflict leaves is theirs
            text = (
                result.text
                if side == "ours"
                else _merge(project, path, base, theirs, ours).text
            )
        if result.stage:
            text = theirs if side == "theirs" else ours
            # before the text: from here on the lock must claim neither side's result
            _forget(project, result.stage)
        project.write(path, text)
        if path in unmerged:
            git_command.run(["add", "--", path], project.path)
        found.append(Resolved(path, dropped=result.dropped))
    return found


def _settle_one_sided(
    project: Project, path: str, ours: bytes, theirs: bytes, side: str
) -> Resolved:
    """Settles a pointer that one side removed; not before a person chose a side."""
    removed_by = "theirs" if ours else "ours"
    if not path.endswith(SUFFIX):
        raise UsageError(
            f"{path}: one branch removed it, the other changed it",
            hint=f"git add {path}  (or git rm {path}), then mltrack repro",
        )
    if not side:
        return Resolved(path, (path.removesuffix(SUFFIX),), removed_by=removed_by)
    with Session(project) as session:
        if side == removed_by:
            return Resolved(path, gone=let_go(session, path))
        keep(session, path, ours or theirs)
    return Resolved(path)


def _meant(project: Project, argument: str) -> str:
    """The file in conflict that a person means: of tracked data that is its pointer."""
    path = project.relative(argument)
    pointer_path = path + SUFFIX
    is_tracked = project.read(pointer_path) is not None
    return pointer_path if is_tracked else path


def _is_metadata(path: str) -> bool:
    return path.endswith(SUFFIX) or os.path.basename(path) == LOCK_NAME


def _forget(project: Project, address: str) -> None:
    """Takes a stage out of its lock: of the merged code it has no result."""
    locks = Session(project).view.lock_state
    lock_path, name = lock_place(address)
    if locks is not None and project.read(lock_path) is not None:
        locks.forget(lock_path, name)
        git_command.run(["add", "--", lock_path], project.path)


def _conflicted(project: Project, unmerged: dict[str, dict[int, str]]) -> list[str]:
    session = Session(project)
    left = session.left_to_git()
    kept = [path for path in session.view.in_git if left.holder(path) is not None]
    tracked = git_index.list_files(project.path, ["*" + SUFFIX, "*" + LOCK_NAME])
    marked = [
        path for path in tracked if pointer.conflict_line(project.read(path) or b"")
    ]
    marked += [path for path in kept if is_in_conflict(project.read(path) or b"")]
    listed = [
        path for path in unmerged if _is_metadata(path) or left.holder(path) is not None
    ]
    return list(dict.fromkeys([*listed, *marked]))


def _sides(
    project: Project, path: str, unmerged: dict[str, dict[int, str]]
) -> tuple[bytes, bytes, bytes]:
    if path in unmerged:
        stages = unmerged[path]
        blobs = dict(git_history.read_blobs(stages.values(), project.path))
        base, ours, theirs = (
            blobs.get(stages.get(number, ""), b"") for number in (1, 2, 3)
        )
        return base, ours, theirs
    data = project.read(path)
    if data is None:
        raise UsageError(f"{path!r} does not exist")
    ours, theirs = split_conflict(data, path)
    # markers hold no base: what differs was changed by both
    return b"", ours, theirs
