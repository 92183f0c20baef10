"""``add``: starts tracking paths, or records the new state of tracked ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mltrack.errors import MltrackError, UsageError, WorkspaceError
from mltrack.formats.pointer import SUFFIX
from mltrack.store.local.writer import CacheWriter
from mltrack.verbs.aside import scan_source
from mltrack.verbs.session import Session
from mltrack.verbs.tracking import Added, Recording, check, record
from mltrack.verbs.transfers import register
from mltrack.workspace.ingest import Saving
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.scan import Report, no_report
from mltrack.workspace.sending import Sending


@dataclass(frozen=True, slots=True)
class AddResult:
    added: tuple[Added, ...]
    failed: tuple[tuple[str, MltrackError], ...] = ()


def add(
    session: Session, arguments: list[str], report: Report = no_report
) -> AddResult:
    """Saves targets to the cache and writes their pointers. Each target is done or left
    as it was.

    Targets that cannot be recorded are returned as failed, after the others are done;
    if none can be, the first error is raised. What it costs beside reading does not
    grow with the number of targets: git is asked once, and the disk told once.
    """
    project = session.project
    if not arguments:
        raise UsageError("nothing to add", hint="mltrack add PATH")
    paths = list(
        dict.fromkeys(
            _target(session, argument)
            for argument in _without_own_pointers(session, arguments)
        )
    )
    for path in paths:
        # from here on git's ignore files say nothing about what is in it
        session.observer.owned[path] = None
    session.observer.report = report
    # until the pointers stand: what the cache had already must not be collected
    with project.cache.in_use():
        failed = check(session, paths)
        found: list[Recording] = []
        # one for all targets: their small files share packs, and one sync
        with CacheWriter(project.cache) as writer:
            saving = Saving(writer, project.algorithm, writer.linking)
            for path in paths:
                if path not in failed:
                    try:
                        found.append(_saved(session, path, saving))
                    except MltrackError as error:
                        failed[path] = error
            # durable before a pointer names it
            writer.finish()
        added = record(session, found)
    if failed and not added:
        raise next(iter(failed.values()))
    return AddResult(tuple(added), tuple(failed.items()))


def _saved(session: Session, path: str, saving: Saving) -> Recording:
    """Saves what stands at a path; returns what its pointer will say of it."""
    try:
        # first: what a failed add had saved would count as saved
        session.require_listings(path)
        snapshot = session.observer.tracked(path, saving)
    except OSError as error:
        if error.filename not in (
            path,
            session.project.absolute(path),
            os.fsencode(session.project.absolute(path)),
        ):
            raise  # it is the cache that cannot be written
        raise WorkspaceError(f"{path!r}: {error.strerror}") from error
    if snapshot is None:
        raise WorkspaceError(f"{path!r} vanished while it was being added")
    content = session.with_absent(path, snapshot, session.view.pointers.get(path))
    return Recording(path, content, snapshot.content)


def _without_own_pointers(session: Session, arguments: list[str]) -> list[str]:
    """The arguments without pointers whose targets are given too: a pattern such as
    ``d*`` brings them along.
    """
    given = {_path(session, argument) for argument in arguments}
    return [
        argument
        for argument in arguments
        if not argument.endswith(SUFFIX)
        or _path(session, argument).removesuffix(SUFFIX) not in given
    ]


def _path(session: Session, argument: str) -> str:
    return session.project.relative(
        argument, hint=f"`mltrack add --out NAME {argument}` takes a copy of it"
    )


def _target(session: Session, argument: str) -> str:
    path = _path(session, argument)
    if not path:
        raise UsageError(
            "the whole project cannot be tracked as one path",
            hint="add the directories that hold data",
        )
    _refuse_linked(session, path)
    if path.endswith(SUFFIX):
        raise UsageError(
            f"{argument!r} is a pointer",
            hint=f"mltrack add {argument.removesuffix(SUFFIX)}",
        )
    return session.tracked_paths.holder(path) or path


def _refuse_linked(session: Session, path: str) -> None:
    """Raises WorkspaceError for a path that leads through a link: git keeps nothing
    behind one, and neither would the pointer stand where the data is.
    """
    *above, _ = path.split("/")
    for count in range(1, len(above) + 1):
        link = "/".join(above[:count])
        if os.path.islink(session.project.absolute(link)):
            real = os.path.realpath(session.project.absolute(path))
            raise WorkspaceError(
                f"{path}: {link!r} on the way is a symbolic link",
                hint=f"name what it leads to: mltrack add {session.project.shown(real)}",
            )


def add_from(
    session: Session, source: str, out: str, report: Report = no_report
) -> Added:
    """Tracks what stands at ``source``, anywhere on this machine, as the path ``out``,
    and checks it out there.
    """
    path = free_target(session, out)
    place = source_place(session, source)
    project = session.project
    with project.cache.in_use():
        with CacheWriter(project.cache) as writer:
            content = scan_source(
                session, place, Saving(writer, project.algorithm), report
            )
            writer.finish()
        session.checkout.bring(path, content)
        [added] = record(session, [Recording(path, content, content)])
    return added


def add_to_remote(
    session: Session,
    source: str,
    out: str,
    remote: str = "",
    report: Report = no_report,
) -> Added:
    """Tracks what stands at ``source`` as the path ``out``, and sends it to a remote
    without keeping it here.
    """
    project = session.project
    place = source_place(session, source)
    inside = out or os.path.basename(place)
    path = free_target(
        session,
        inside,
        # the source may be the target itself: nothing is written there
        may_stand=os.path.realpath(project.absolute(inside)) == os.path.realpath(place),
    )
    with sending_to(session, remote) as sending:
        content = scan_source(session, place, sending, report)
    [added] = record(session, [Recording(path, content, None)])
    return added


@contextmanager
def sending_to(session: Session, remote: str) -> Iterator[Sending]:
    """What is handed over in the block is in a remote, the default one without a name,
    when the block ends; nothing of it stays here.
    """
    project = session.project
    target = session.remotes.get(remote)
    target.open(create=True)
    # before anything is sent: whoever collects there must know of this project
    register(project, target)
    sending = Sending(target, project.algorithm, project.tmp_path)
    try:
        yield sending
        sending.finish()
    finally:
        # what was packed for sending lies in this machine's scratch
        sending.discard()


def source_place(session: Session, source: str) -> str:
    """Returns the absolute path of a file or directory that the person names; raises
    UsageError for one that does not exist.
    """
    place = os.path.normpath(
        os.path.join(session.project.cwd, os.path.expanduser(source))
    )
    if "://" in source or not os.path.lexists(place):
        raise UsageError(
            f"{source!r} does not exist on this machine",
            hint="give a file or directory",
        )
    return place


def free_target(session: Session, out: str, *, may_stand: bool = False) -> str:
    """Returns the project path of a new target; raises where something is there already,
    or it may not be tracked. With ``may_stand`` it may be there.
    """
    path = _target(session, out)
    if os.path.lexists(session.project.absolute(path)) and not may_stand:
        raise WorkspaceError(
            f"{out!r} exists already", hint="move it away, or choose another place"
        )
    problems = check(session, [path], must_exist=False)
    if problems:
        raise problems[path]
    make_parents(session.project.path, path)
    return path
