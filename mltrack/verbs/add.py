"""``add``: starts tracking paths, or records the new state of tracked ones."""

import os
from dataclasses import dataclass

from mltrack.errors import MltrackError, UsageError, WorkspaceError
from mltrack.formats import pointer
from mltrack.formats.paths import check_path
from mltrack.formats.pointer import SUFFIX, Pointer
from mltrack.git import ignore_file
from mltrack.git import repository as git
from mltrack.objects.content import Content
from mltrack.pipeline.paths import contains, overlaps
from mltrack.store.cache_writer import CacheWriter
from mltrack.verbs.session import Session
from mltrack.verbs.transfers import register
from mltrack.workspace.checkout import no_progress
from mltrack.workspace.ignore import KeepAll
from mltrack.workspace.ingest import Ingest, Saving
from mltrack.workspace.materialize import make_parents
from mltrack.workspace.scan import Report, no_report, scan
from mltrack.workspace.sending import Sending
from mltrack.workspace.stat_index import Blocks


@dataclass(frozen=True, slots=True)
class Added:
    """One target: what it was recorded as, and before. ``is_seen`` says that git sees the data all the same: another
    ignore line takes ours back."""

    path: str
    content: Content
    before: Content | None
    is_seen: bool = False

    @property
    def is_changed(self) -> bool:
        return not self.content.same_bytes(self.before)


@dataclass(frozen=True, slots=True)
class AddResult:
    added: tuple[Added, ...]
    failed: tuple[tuple[str, MltrackError], ...] = ()


def add(session: Session, arguments: list[str], report: Report = no_report) -> AddResult:
    """Saves targets to the cache and writes their pointers. Each target is done or left as it was.

    Targets that cannot be recorded are returned as failed, after the others are done; if none can be, the first
    error is raised.
    """
    project = session.project
    if not arguments:
        raise UsageError("nothing to add", hint="mltrack add PATH")
    paths = list(dict.fromkeys(_target(session, argument) for argument in arguments))
    done: list[Added] = []
    failed: list[tuple[str, MltrackError]] = []
    for path in paths:
        session.observer.owned[path] = None
    session.observer.report = report
    with project.cache.in_use():
        for path in paths:
            try:
                _check(session, path, paths)
                done.append(_add_one(session, path))
            except MltrackError as error:
                if len(paths) == 1:
                    raise
                failed.append((path, error))
    session.observer.close()
    if failed and not done:
        raise failed[0][1]
    return AddResult(tuple(done), tuple(failed))


def _target(session: Session, argument: str) -> str:
    path = session.project.relative(argument)
    if not path:
        raise UsageError("the whole project cannot be tracked as one path", hint="add the directories that hold data")
    if path.endswith(SUFFIX):
        raise UsageError(f"{argument!r} is a pointer", hint=f"mltrack add {argument.removesuffix(SUFFIX)}")
    owner = next((known for known in session.view.pointers if known != path and contains(known, path)), None)
    return owner if owner is not None else path


def _check(session: Session, path: str, paths: list[str], *, must_exist: bool = True) -> None:
    project = session.project
    if must_exist and not os.path.lexists(project.absolute(path)):
        raise UsageError(f"{project.shown(path)!r} does not exist")
    name = os.path.basename(path)
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise WorkspaceError(
            f"the name {path!r} is not UTF-8, and a pointer is named by it", hint="rename it"
        ) from None
    check_path(path, path)
    below = next((other for other in [*session.view.pointers, *paths] if other != path and overlaps(path, other)), None)
    if below is not None:
        raise WorkspaceError(
            f"{path!r} and the tracked {below!r} overlap",
            hint=f"`mltrack remove {below}` first, or add only one of them",
        )
    for stage in session.view.graph.stages.values():
        for out in stage.outs:
            if overlaps(out.path, path):
                raise WorkspaceError(
                    f"{path!r} is written by stage {stage.address!r} (output {out.path!r})",
                    hint=f"`mltrack commit {stage.address}` records its present state",
                )
    if git.is_ignored(path + SUFFIX, project.path):
        raise WorkspaceError(
            f"git ignores {path + SUFFIX!r}, so nothing would remember {path!r}",
            hint=f"let git see it: add the line `!{os.path.basename(path)}{SUFFIX}` to .gitignore, below what ignores it",
        )
    in_git = git.tracked_below(path, project.path)
    if in_git:
        raise WorkspaceError(
            f"{path!r} is tracked by git" + (f" ({in_git[0]})" if in_git[0] != path else ""),
            hint=f"to move it over: git rm -r --cached {path} && mltrack add {path}",
        )


def _add_one(session: Session, path: str) -> Added:
    project = session.project
    data = project.read(path + SUFFIX)
    if data is not None:
        pointer.parse(data, project.algorithm, path + SUFFIX)  # one that cannot be read is told before anything is done
    with CacheWriter(project.cache) as writer:
        snapshot = session.observer.tracked(path, Saving(writer, project.algorithm, writer.linking))
        writer.finish()
    if snapshot is None:
        raise WorkspaceError(f"{path!r} vanished while it was being added")
    content = session.with_absent(path, snapshot, session.view.pointers.get(path))
    return _record(session, path, content, snapshot.content)


def _record(session: Session, path: str, content: Content, here: Content | None) -> Added:
    """Writes a pointer whose objects are durable. ``here`` is what of it stands in the workspace."""
    project = session.project
    pointer_path = path + SUFFIX
    data = project.read(pointer_path)
    extra = pointer.parse(data, project.algorithm, pointer_path).extra if data is not None else ()
    directory, name = os.path.split(path)
    session.edit_text(os.path.join(directory, ".gitignore"), lambda before: ignore_file.include(before, [name]))
    text = pointer.write(Pointer(name, content, extra), project.algorithm).encode()
    if text != data:
        project.write(pointer_path, text)
    if here is not None:
        session.last.set(path, here)
    is_seen = text != data and not git.is_ignored(path, project.path)
    return Added(path, content, session.view.pointers.get(path), is_seen)


def add_from(session: Session, source: str, out: str, report: Report = no_report) -> Added:
    """Tracks what stands at ``source``, anywhere on this machine, as the path ``out``, and checks it out there."""
    path = _free_target(session, out)
    place = _source(session, source)
    project = session.project
    with project.cache.in_use():
        with CacheWriter(project.cache) as writer:
            content = _scan_source(session, place, Saving(writer, project.algorithm), report)
            writer.finish()
        session.checkout.carry_out(path, content, session.checkout.plan(path, content), no_progress)
        added = _record(session, path, content, content)
    session.observer.close()
    return added


def add_to_remote(session: Session, source: str, out: str, remote: str = "", report: Report = no_report) -> Added:
    """Tracks what stands at ``source`` as the path ``out``, and sends it to a remote without keeping it here."""
    project = session.project
    place = _source(session, source)
    inside = out or os.path.basename(place)
    path = _free_target(
        session, inside, may_stand=os.path.realpath(project.absolute(inside)) == os.path.realpath(place)
    )
    target = project.remote(remote)
    target.open(create=True)
    register(project, target)
    sending = Sending(target, project.algorithm, project.tmp_path)
    try:
        content = _scan_source(session, place, sending, report)
        sending.finish()
    finally:
        sending.discard()
    return _record(session, path, content, None)


def _source(session: Session, source: str) -> str:
    place = os.path.normpath(os.path.join(session.project.cwd, os.path.expanduser(source)))
    if "://" in source or not os.path.lexists(place):
        raise UsageError(f"{source!r} does not exist on this machine", hint="give a file or directory")
    return place


def _free_target(session: Session, out: str, *, may_stand: bool = False) -> str:
    path = _target(session, out)
    if os.path.lexists(session.project.absolute(path)) and not may_stand:
        raise WorkspaceError(f"{out!r} exists already", hint="move it away, or choose another place")
    _check(session, path, [path], must_exist=False)
    make_parents(session.project.path, path)
    return path


def _scan_source(session: Session, place: str, ingest: Ingest, report: Report) -> Content:
    snapshot = scan(
        os.path.dirname(place),
        os.path.basename(place),
        Blocks(),
        ingest,
        KeepAll(),
        session.project.cache,
        report=report,
    )
    if snapshot is None:
        raise WorkspaceError(f"{place!r} vanished while it was being read")
    return snapshot.content
