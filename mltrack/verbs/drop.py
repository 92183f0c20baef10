"""``drop``: frees the cache of objects that are referred to, and the workspace of
their files, once a remote is known to hold them.
"""

import time
from dataclasses import dataclass

from mltrack.engine.view import Target
from mltrack.errors import RemoteError, UnsavedDataError, UsageError, WorkspaceError
from mltrack.objects.content import TREE, Content
from mltrack.objects.tree_walk import below
from mltrack.store.local import gc as collector
from mltrack.store.local.cache import SYMLINK, Cache
from mltrack.verbs.checkout import CheckoutOptions, checkout_targets, raise_failures
from mltrack.verbs.gc import deleting
from mltrack.verbs.records import DAY
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources
from mltrack.workspace.checkout import MAX_NAMED
from mltrack.workspace.parts import loader


@dataclass(frozen=True, slots=True)
class DropOptions:
    """How objects are to be dropped: those that were written more than ``older_than``
    days ago, if that is given; those that ``remote`` holds, or any one for ''. With
    ``force`` also what no remote holds.
    """

    older_than: float | None = None
    remote: str = ""
    force: bool = False
    dry_run: bool = False
    workspace: bool = False
    """Whether the targets' files go, too."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was freed, or with ``dry_run`` would be; ``lost`` are those of the objects
    that no remote holds.
    """

    objects: int
    bytes: int
    lost: tuple[str, ...]
    dry_run: bool
    files: int = 0
    """Files of the workspace."""
    file_bytes: int = 0


def drop(session: Session, arguments: list[str], options: DropOptions) -> Dropped:
    """Removes the files of targets, as recorded, from the cache; listings of
    directories stay, and so does the workspace unless it is meant, too.

    What other targets of the workspace refer to stays too. An object that the remote,
    asked now, does not hold raises UnsavedDataError; ``force`` drops it all the same.
    Files of the workspace that are not as recorded are never removed: UnsavedDataError
    then, and nothing was dropped.
    """
    _check(session, arguments, options)
    cache = session.project.cache
    targets = session.select(arguments)
    recorded = _recorded_only_here(session, targets)
    chosen = recorded - cache.missing(recorded)
    standing: dict[str, int] = {}
    if options.workspace:
        # before anything goes: all of it may, or none
        _remove(session, targets, dry_run=True)
        standing = _standing(session, targets)
    lost = _lost(session, chosen | standing.keys(), options)
    if lost and not options.force:
        raise UnsavedDataError(
            f"nothing was dropped: {len(lost)} of {len(chosen | standing.keys())} "
            f"objects are in no remote ({_holders(cache, targets, lost)})",
            hint="`mltrack push` sends them; --force drops them anyway",
        )
    removed = 0
    if options.workspace:
        removed = _remove(session, targets, dry_run=options.dry_run)
        # what the workspace alone had may have come to the cache
        chosen = recorded - cache.missing(recorded)
    plan = _free(session, chosen, options)
    return Dropped(
        plan.objects,
        plan.bytes,
        tuple(sorted(lost)),
        options.dry_run,
        removed,
        sum(standing.values()),
    )


def _check(session: Session, arguments: list[str], options: DropOptions) -> None:
    """Raises UsageError and WorkspaceError for what cannot be dropped as asked."""
    if options.workspace and options.older_than is not None:
        raise UsageError(
            "--workspace excludes --older-than",
            hint="mltrack drop --workspace PATH",
        )
    if not arguments and options.older_than is None and not options.workspace:
        raise UsageError(
            "nothing is named to drop",
            hint="mltrack drop PATH, or mltrack drop --older-than 30",
        )
    if session.project.cache.linking == SYMLINK and not options.workspace:
        raise WorkspaceError(
            "files of the workspace are symbolic links into the cache: dropping "
            "objects would leave them empty",
            hint=(
                "mltrack config --local cache.link reflink,copy && mltrack checkout "
                "--relink; or drop the files, too: --workspace"
            ),
        )


def _recorded_only_here(session: Session, targets: list[Target]) -> set[str]:
    """The files of targets that no other target of the workspace refers to."""
    cache = session.project.cache
    chosen = _files(cache, [target.content for target in targets])
    # the directory of a named part refers to the same files: it is no other target
    named = {target.path for target in targets} | {target.owner for target in targets}
    return chosen - _files(
        cache,
        [
            item.content
            for path, item in session.view.targets().items()
            if path not in named
        ],
    )


def _lost(session: Session, objects: set[str], options: DropOptions) -> set[str]:
    """Those of the objects that no remote holds."""
    try:
        return Sources(session, options.remote).not_kept(objects)
    except RemoteError:
        if not options.force:
            raise
        return objects  # whoever insists need not wait for a remote


def _holders(cache: Cache, targets: list[Target], lost: set[str]) -> str:
    """The targets that hold some of these objects."""
    holding = [
        target.path for target in targets if lost & _files(cache, [target.content])
    ]
    more = len(holding) - MAX_NAMED
    return ", ".join(holding[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _standing(session: Session, targets: list[Target]) -> dict[str, int]:
    """The files of targets that stand in the workspace, with their sizes; equal ones
    count once.
    """
    found: dict[str, int] = {}
    for target in targets:
        snapshot = session.observer.tracked(target.path)
        if snapshot is None:
            continue
        content = snapshot.content
        load = loader(session.project.cache, snapshot)
        found |= (
            below([content.hex], load).files
            if content.kind == TREE
            else {content.hex: content.size}
        )
    return found


def _remove(session: Session, targets: list[Target], *, dry_run: bool) -> int:
    """Removes the files of targets from the workspace; returns how many. Raises
    UnsavedDataError where one is not as recorded.
    """
    result = checkout_targets(
        session,
        [],
        CheckoutOptions(dry_run=dry_run),
        gone=tuple(targets),
        recorded={target.path: target.content for target in targets},
    )
    raise_failures(result)
    kept = [path for item in result.done for path in item.kept]
    if kept:
        more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
        raise UnsavedDataError(
            f"nothing was dropped: {kept[0]}{more} differs from what is recorded",
            hint="`mltrack add` records it, `mltrack checkout --force` discards it",
        )
    return sum(item.removed for item in result.done)


def _free(session: Session, chosen: set[str], options: DropOptions) -> collector.GcPlan:
    """Frees the cache of these objects, unless it is a dry run; returns what goes."""
    cache, age = session.project.cache, options.older_than
    # without an age even what was written a moment ago goes
    limit = time.time() - age * DAY if age is not None else float("inf")
    if options.dry_run:
        return collector.plan_drop(cache, chosen, limit)
    with deleting(session):
        # other processes may have written or packed since it was read
        cache.reload()
        plan = collector.plan_drop(cache, chosen, limit)
        collector.execute(cache, plan)
        return plan


def _files(cache: Cache, contents: list[Content]) -> set[str]:
    """The digests of files and links at and below contents, as far as their listings
    are here.
    """
    return {
        hex_digest for content in contents for hex_digest in cache.files_below(content)
    }
