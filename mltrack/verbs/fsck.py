"""``fsck``: reads every object of the cache or of a remote, says what is damaged or
absent, and repairs what can be had whole from elsewhere.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from mltrack.disk.durable import remove_stale_temporaries
from mltrack.errors import (
    FormatError,
    GitError,
    IntegrityError,
    MissingObjectError,
    MltrackError,
    RemoteError,
    WorkspaceError,
)
from mltrack.git.roots import worktrees
from mltrack.objects.content import TREE, Content
from mltrack.project import DIRECTORY, INDEX
from mltrack.store.local import users as cache_users
from mltrack.store.local.cache import Cache, Place
from mltrack.store.local.check import Findings, Report, check_cache
from mltrack.store.local.renewal import renew_pack
from mltrack.store.local.writer import CacheWriter
from mltrack.store.pack import read_index
from mltrack.store.shared.check import RemoteFindings, check_remote
from mltrack.store.shared.fetch import fetch_trees
from mltrack.store.shared.hints import hinted, hinted_runs
from mltrack.store.shared.names import MARKER
from mltrack.store.shared.present import Present
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.remote import FOR_NEWER, Remote
from mltrack.store.shared.repair import repair as repair_remote
from mltrack.store.shared.runs import sent_records
from mltrack.verbs.records import restorable, since_for_records
from mltrack.verbs.session import Session
from mltrack.verbs.sources import Sources
from mltrack.workspace.ingest import Saving

DAMAGED, MISSING, REPAIRED = "damaged", "missing", "repaired"
UNREAD = "unread"
"""Of what only a newer mltrack can read: nobody knows here whether it is whole."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: its state, the digest or file, and where it lies."""

    state: str
    subject: str
    place: str


@dataclass(frozen=True, slots=True)
class Absent:
    """What a pointer, lock or run record refers to and is not there: how many objects,
    and the first of them.
    """

    source: str
    objects: int
    first: str


@dataclass(frozen=True, slots=True)
class FsckResult:
    """How many objects were read, what is or was wrong with them, and what is not there
    at all.
    """

    place: str
    checked: int
    problems: tuple[Problem, ...]
    absent: tuple[Absent, ...] = ()
    leftovers: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing that is there is damaged, or stays so."""
        return all(problem.state in (REPAIRED, UNREAD) for problem in self.problems)

    @property
    def is_clean(self) -> bool:
        return self.is_whole and not self.absent


def fsck(
    session: Session, report: Report, *, remote: str = "", repair: bool = False
) -> FsckResult:
    """Checks the cache, or with ``remote`` that one. Reads only, unless it is to
    repair: then damaged bytes are set aside and had anew from the workspace, the cache
    or a remote.
    """
    if remote:
        return _fsck_remote(session, report, remote, repair=repair)
    project = session.project
    cache = project.cache
    found, places = check_cache(cache, report)
    leftovers = 0
    if repair:
        leftovers = remove_stale_temporaries(cache.tmp_path)
        _repair_cache(session, found, places)
    still = cache.missing(found.damaged) if repair else set(found.damaged)
    text = project.algorithm.text
    problems = [
        Problem(DAMAGED if hex_digest in still else REPAIRED, text(hex_digest), path)
        for hex_digest, path in sorted(found.damaged.items())
    ]
    problems += [
        Problem(REPAIRED if repair else DAMAGED, why, path)
        for path, why in sorted(found.files.items())
    ]
    absent: list[tuple[str, set[str]]] = []
    # else whoever opened a damaged listing would set it aside, and this reads only
    if repair or not found.damaged:
        absent += [
            (target.path, _absent_here(cache, target.content) - still)
            for target in session.select([])
        ]
        absent += _absent_results(session)
    return FsckResult(
        cache.path, found.checked, tuple(problems), _named(absent, text), leftovers
    )


def _repair_cache(
    session: Session, found: Findings, places: list[tuple[str, Place]]
) -> None:
    """Sets damaged bytes aside, and has them again from wherever they are whole. What
    came back from earlier damage is added to what was found.
    """
    cache = session.project.cache
    for hex_digest, place in places:
        with suppress(IntegrityError):
            # it always raises: to other callers damage is an error
            cache.quarantine(hex_digest, place)
    for path in found.files:
        _renew_index(cache, path)
    # packs were renewed: which there are is read anew
    cache.reload()
    earlier = cache.set_aside()
    _refill(session, {*earlier, *found.damaged}, exclude="")
    # What stays lost from an earlier repair was told then; what is still referred to
    # counts as absent.
    returned = earlier.keys() - cache.missing(earlier)
    found.damaged = {**{item: earlier[item] for item in returned}, **found.damaged}


def _renew_index(cache: Cache, path: str) -> None:
    """Mends a pack that does not agree with the index beside it: the one that is whole
    is believed.
    """
    try:
        read_index(path, cache.algorithm, os.path.basename(path).removesuffix(".pack"))
    except (IntegrityError, FormatError, OSError):
        renew_pack(cache, os.path.basename(path).removesuffix(".pack"))
    else:
        with suppress(FileNotFoundError):
            os.unlink(path.removesuffix(".pack") + ".idx")  # the pack carries another


def _named(
    absent: Iterable[tuple[str, set[str]]], text: Callable[[str], str]
) -> tuple[Absent, ...]:
    return tuple(
        Absent(source, len(lacking), text(min(lacking)))
        for source, lacking in absent
        if lacking
    )


def _absent_here(cache: Cache, content: Content) -> set[str]:
    if content.kind != TREE:
        return cache.missing([content.hex])
    # a damaged listing: what lies below it cannot be told
    with suppress(IntegrityError):
        return cache.missing_below(content.hex)
    return {content.hex}


def _absent_results(session: Session) -> Iterator[tuple[str, set[str]]]:
    """The outputs of young run records that are neither here nor, by what was last
    heard of them, on a remote: results that others made are known here without their
    bytes.
    """
    project = session.project
    places = _index_places(session)
    held = [index for place in places for index in hinted(place, project.algorithm)]
    since = since_for_records(session, time.time())
    sent = {name for place in places for name in hinted_runs(place)}
    for name, record in project.run_cache.all():
        if record.started >= since and name not in sent:
            lacking = {
                item
                for content in restorable(record)
                for item in _absent_here(project.cache, content)
            }
            nowhere = {
                item
                for item in lacking
                if not any(index.whole(bytes.fromhex(item)) for index in held)
            }
            yield f"run of {record.stage}", nowhere


def _index_places(session: Session) -> list[str]:
    """Where what was last heard of remotes is kept: in each worktree of this project,
    and by the others that use its cache; any of them may have dropped from it what
    remotes hold.
    """
    project = session.project
    inner = os.path.relpath(project.path, project.repository.top)
    own: list[str] = []
    with suppress(GitError):  # a worktree whose disk is away
        own = [
            os.path.join(top, inner, DIRECTORY) for top in worktrees(project.repository)
        ]
    users: list[str] = []
    with suppress(WorkspaceError):
        users = cache_users.others(project.cache.path, project.shared_path)
    places = (os.path.normpath(os.path.join(user, INDEX)) for user in (*own, *users))
    return list(dict.fromkeys([project.index_path, *places]))


def _refill(session: Session, wanted: set[str], *, exclude: str) -> None:
    """Gets objects into the cache that it lacks: from the workspace, then from remotes."""
    project = session.project
    cache = project.cache
    if not cache.missing(wanted):
        return
    with cache.in_use():
        # the workspace first: it costs no network
        with CacheWriter(cache) as writer:
            for path in session.view.targets():
                with suppress(MltrackError):  # what cannot be read there cannot help
                    session.observer.tracked(path, Saving(writer, project.algorithm))
            writer.finish()
        Sources(session).search(wanted, beside=exclude)


def _fsck_remote(
    session: Session, report: Report, name: str, *, repair: bool
) -> FsckResult:
    project = session.project
    remote = session.remotes.get(name)
    # before it is opened: a place without its marker is refused
    lost_marker = repair and remote.restore_marker()
    remote.open()
    if repair:
        remote.require_understood("repaired")
    os.makedirs(project.cache.tmp_path, exist_ok=True)
    found = check_remote(remote, project.cache, report)
    lost = set(found.damaged)
    if repair and (not found.is_clean or found.indexes or found.unnamed):
        if not remote.store.abilities.writable:
            raise RemoteError(
                f"{remote.url} can only be read", hint="repair it where it is written"
            )
        _refill(session, set(found.damaged), exclude=name)
        lost = repair_remote(remote, project.cache, found)
    problems = (
        [Problem(REPAIRED, "it was not there", f"{remote.url}/{MARKER}")]
        if lost_marker
        else []
    )
    problems += _problems_of_remote(
        remote, found, lost, REPAIRED if repair else DAMAGED
    )
    referred = _referred(session, remote)
    if repair and remote.store.abilities.writable:
        _send_what_lacks(session, remote, [content for _, content in referred])
    # read anew, as others will see it
    present = remote.present()
    absent = [
        (source, _absent_there(session, remote, present, content) - lost)
        for source, content in referred
    ]
    return FsckResult(
        remote.url,
        found.checked,
        tuple(problems),
        _named(absent, project.algorithm.text),
    )


def _problems_of_remote(
    remote: Remote, found: RemoteFindings, lost: set[str], state: str
) -> Iterator[Problem]:
    """What is wrong with a remote: objects, of which those in ``lost`` stay damaged,
    then files and indexes, in ``state``.
    """
    for hex_digest, place in sorted(found.damaged.items()):
        is_lost = hex_digest in lost
        yield Problem(
            DAMAGED if is_lost else REPAIRED,
            remote.algorithm.text(hex_digest),
            f"{remote.url}/{place}",
        )
    for place, why in sorted(found.files.items()):
        yield Problem(state, why, f"{remote.url}/{place}")
    for index, why in sorted(found.indexes.items()):
        yield Problem(state, why, f"{remote.url}/index/{index}.idx")
    for index in sorted(remote.newer):
        yield Problem(UNREAD, FOR_NEWER, f"{remote.url}/index/{index}.idx")


def _referred(session: Session, remote: Remote) -> list[tuple[str, Content]]:
    """What a remote must hold, with what says so: targets that are pushed, and the
    outputs of runs that it has.
    """
    project = session.project
    found = [
        (target.path, target.content) for target in session.select([]) if target.push
    ]
    for record in sent_records(
        project.run_cache, remote, since_for_records(session, time.time())
    ):
        found += [(f"run of {record.stage}", content) for content in restorable(record)]
    return found


def _absent_there(
    session: Session, remote: Remote, present: Present, content: Content
) -> set[str]:
    """What a remote lacks of a content; listings that are not here are had from there."""
    cache = session.project.cache
    with cache.in_use():
        listed = fetch_trees(cache, [remote], [content], lambda event: None)
    return listed.lost | present.missing([*listed.trees, *listed.files])


def _send_what_lacks(session: Session, remote: Remote, contents: list[Content]) -> None:
    """Sends those referred objects that are here whole: that also writes a lost index
    again.
    """
    cache = session.project.cache
    with cache.in_use():
        # each by itself: one that is not whole here must not keep back the others
        for content in dict.fromkeys(contents):
            with suppress(MissingObjectError, IntegrityError):
                push_contents(cache, remote, [content], lambda event: None)
