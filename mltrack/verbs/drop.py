"""``drop``: frees the cache of objects that are referred to, once a remote is known to
hold them.
"""

import time
from dataclasses import dataclass

from mltrack.errors import RemoteError, UnsavedDataError, UsageError, WorkspaceError
from mltrack.objects.content import Content
from mltrack.store.local import gc as collector
from mltrack.store.local.cache import SYMLINK, Cache
from mltrack.verbs.gc import deleting
from mltrack.verbs.records import DAY
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources


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


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was freed, or with ``dry_run`` would be; ``lost`` are those of the objects
    that no remote holds.
    """

    objects: int
    bytes: int
    lost: tuple[str, ...]
    dry_run: bool


def drop(session: Session, arguments: list[str], options: DropOptions) -> Dropped:
    """Removes the files of targets, as recorded, from the cache; the workspace, and
    listings of directories, stay.

    What other targets of the workspace refer to stays too. An object that the remote,
    asked now, does not hold raises UnsavedDataError; ``force`` drops it all the same.
    """
    older_than = options.older_than
    if not arguments and older_than is None:
        raise UsageError(
            "nothing is named to drop",
            hint="mltrack drop PATH, or mltrack drop --older-than 30",
        )
    project = session.project
    cache = project.cache
    if cache.linking == SYMLINK:
        raise WorkspaceError(
            "files of the workspace are symbolic links into the cache: dropping "
            "objects would leave them empty",
            hint=(
                "mltrack config --local cache.link reflink,copy && mltrack checkout "
                "--relink"
            ),
        )
    targets = session.select(arguments)
    chosen = _files(cache, [target.content for target in targets])
    # the directory of a named part refers to the same files: it is no other target
    named = {target.path for target in targets} | {target.owner for target in targets}
    chosen -= _files(
        cache,
        [
            item.content
            for path, item in session.view.targets().items()
            if path not in named
        ],
    )
    chosen -= cache.missing(chosen)
    try:
        lost = Sources(session, options.remote).not_kept(chosen)
    except RemoteError:
        if not options.force:
            raise
        lost = chosen  # whoever insists need not wait for a remote
    if lost and not options.force:
        raise UnsavedDataError(
            f"nothing was dropped: {len(lost)} of {len(chosen)} objects are in no "
            f"remote, first {project.algorithm.text(min(lost))}",
            hint="`mltrack push` sends them; --force drops them anyway",
        )
    # without an age even what was written a moment ago goes
    limit = time.time() - older_than * DAY if older_than is not None else float("inf")
    if options.dry_run:
        plan = collector.plan_drop(cache, chosen, limit)
    else:
        with deleting(session):
            # other processes may have written or packed since it was read
            cache.reload()
            plan = collector.plan_drop(cache, chosen, limit)
            collector.execute(cache, plan)
    return Dropped(plan.objects, plan.bytes, tuple(sorted(lost)), options.dry_run)


def _files(cache: Cache, contents: list[Content]) -> set[str]:
    """The digests of files and links at and below contents, as far as their listings
    are here.
    """
    return {
        hex_digest for content in contents for hex_digest in cache.files_below(content)
    }
