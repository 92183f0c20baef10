"""What git's hooks do: bring data along after a checkout or merge, warn before a
commit, send data before a push.

Hooks work from the cache only, never over the network, except before a push. That one
can stop git, and the one before a commit that would record conflict markers.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from mltrack import project as projects
from mltrack.engine.view import Target, View, revision_view
from mltrack.errors import FormatError, GitError, MltrackError
from mltrack.formats.conflict import is_in_conflict
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history as git_history
from mltrack.git import index as git_index
from mltrack.git import repository as git
from mltrack.git.ignored import ignored_by_rule
from mltrack.objects.content import Content
from mltrack.pipeline.paths import overlaps
from mltrack.pipeline.stage import LOCK_NAME
from mltrack.project import Project
from mltrack.store.shared.push import push_contents
from mltrack.store.shared.transfer import Report
from mltrack.verbs.checkout import CheckoutOptions, CheckoutResult, checkout_targets
from mltrack.verbs.pushed import pushed_contents
from mltrack.verbs.session import Session
from mltrack.verbs.status import MODIFIED, OUTDATED, TargetStatus, status
from mltrack.verbs.transfers import register
from mltrack.workspace.checkout import Absent

_ALONG = CheckoutOptions(absent=Absent.LEAVE_NEVER_HERE)


@dataclass(slots=True)
class HookResult:
    """What a hook saw and did, over all projects of the repository; the command line
    puts it into words.

    ``refused`` are the errors of what could not be done at all; ``unreadable`` those of
    pointers and locks that were passed over. ``checkouts`` is what followed git. Before
    a commit: ``unsaved`` are tracked paths that differ from what is recorded,
    ``conflicts`` files with conflict markers, ``unignored`` tracked paths whose pointers
    are committed and whose data git would take. Before a push: ``sent`` are numbers of
    objects by remote.
    """

    refused: list[MltrackError | OSError] = field(default_factory=list)
    unreadable: list[FormatError] = field(default_factory=list)
    checkouts: list[CheckoutResult] = field(default_factory=list)
    unsaved: list[TargetStatus] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    unignored: list[str] = field(default_factory=list)
    sent: dict[str, int] = field(default_factory=dict)
    stops_git: bool = False


def run(
    name: str, arguments: list[str], stdin: Callable[[], str], cwd: str, report: Report
) -> HookResult:
    """Runs a hook for every project of the repository. Never raises, except for a
    programming error.
    """
    result = HookResult()
    if os.environ.get("MLTRACK_HOOKS") == "0":
        return result
    # the other hooks are given nothing: a read would wait for the terminal
    given = stdin() if name in ("pre-push", "post-rewrite") else ""
    for project in _projects(cwd, result):
        try:
            if name == "pre-push":
                with Session(project) as session:
                    _pre_push(session, given, report, result)
            elif name == "pre-commit":
                with Session(project) as session:
                    _pre_commit(session, result)
            elif project.settings.get("hooks.checkout"):
                _bring_along(project, name, arguments, given, result)
        except (MltrackError, OSError) as error:
            result.refused.append(error)
            # data that was not pushed nobody can pull; all else can be mended later
            result.stops_git = result.stops_git or name == "pre-push"
    return result


def _projects(cwd: str, result: HookResult) -> list[Project]:
    repository = git.find(cwd)
    if repository is None:
        return []
    found = []
    # one repository may hold several projects
    for path in git_index.list_files(repository.top, ["*.mltrack/config.toml"]):
        directory = os.path.normpath(
            os.path.join(repository.top, path, os.pardir, os.pardir)
        )
        try:
            found.append(projects.load(directory, directory, repository))
        except MltrackError as error:
            result.refused.append(error)
    return found


# after a checkout, merge or rebase


def _bring_along(
    project: Project, name: str, arguments: list[str], given: str, result: HookResult
) -> None:
    if name == "post-commit":
        with Session(project) as session:
            _conclude(session, result)
        return
    for old, new in _moved(project, name, arguments, given):
        # one session each: the first move changes what is here
        with Session(project) as session:
            _follow(session, old, new, result)


def _follow(session: Session, old: str, new: str, result: HookResult) -> None:
    """Brings along what changed between two commits."""
    project = session.project
    changed = [
        path
        for path in git_history.changed_files(old, new, project.path)
        if _is_ours(path)
    ]
    if not changed:
        return
    before = (
        revision_view(old, project.path, project.algorithm) if old.strip("0") else None
    )
    targets, gone = changed_targets(before, session.view)
    # a pointer in conflict is not one that was taken away
    gone = [target for target in gone if not session.view.is_unreadable(target)]
    # moved over to git
    gone = [
        target
        for target in gone
        if not git_index.tracked_below(target.path, project.path)
    ]
    former = (
        {path: target.content for path, target in before.targets().items()}
        if before is not None
        else {}
    )
    _note_unreadable(session, result)
    result.checkouts.append(
        checkout_targets(session, targets, _ALONG, gone=tuple(gone), recorded=former)
    )


def _conclude(session: Session, result: HookResult) -> None:
    """After a commit that concluded a merge, a revert or a cherry-pick, for which git
    runs no other hook.
    """
    if git_history.is_new_merge(session.project.path):
        # what their branch began to track was never here
        _follow(session, "HEAD^1", "HEAD", result)
    else:
        _catch_up(session, result)


def _catch_up(session: Session, result: HookResult) -> None:
    """Targets whose recorded version is not the one that was last checked out or
    recorded here.
    """
    behind = []
    for target in session.view.targets().values():
        last = session.last.get(target.path)
        if last is not None and not target.content.same_bytes(last):
            behind.append(target)
    if behind:
        result.checkouts.append(checkout_targets(session, behind, _ALONG))


def _note_unreadable(session: Session, result: HookResult) -> None:
    result.unreadable += session.view.unreadable.values()


def changed_targets(
    before: View | None, after: View
) -> tuple[list[Target], list[Target]]:
    """Returns the targets whose content differs from an earlier view, and those that
    are no more.
    """
    old = before.targets() if before is not None else {}
    new = after.targets()
    changed = [
        target
        for path, target in new.items()
        if path not in old or old[path].content != target.content
    ]
    return changed, [
        target
        for path, target in old.items()
        # its place is in something that is tracked now: those files are wanted
        if path not in new and not any(overlaps(path, other) for other in new)
    ]


def _moved(
    project: Project, name: str, arguments: list[str], given: str
) -> list[tuple[str, str]]:
    """The commits before and after, none if the hook was not for a move between
    commits.
    """
    if name == "post-checkout":
        # 1 stands for a change of commits, 0 for files that were checked out
        is_move = (
            len(arguments) >= 3 and arguments[2] == "1" and arguments[0] != arguments[1]
        )
        return [(arguments[0], arguments[1])] if is_move else []
    # the post-commit hook ran for an amended commit, too
    if name == "post-rewrite" and arguments[:1] == ["amend"]:
        return []
    before = ["ORIG_HEAD"]
    if name == "post-rewrite" and given.split():
        # A rebase checks out what it builds on first, and the hook after that took away
        # what only our commits track.
        before.append(f"{given.split()[1]}^")
    moves = []
    for revision in before:
        with suppress(GitError):  # the first commit of all is built on nothing
            moves.append(
                (
                    git_history.resolve(revision, project.path),
                    git_history.resolve("HEAD", project.path),
                )
            )
    return moves


def _is_ours(path: str) -> bool:
    return path.endswith(SUFFIX) or os.path.basename(path) == LOCK_NAME


# before a commit


def _pre_commit(session: Session, result: HookResult) -> None:
    """Notes tracked data that was changed and not recorded; only conflict markers keep
    git from the commit.
    """
    # before all else: whatever a file with markers names is not what was meant
    conflicts = _conflicts(session)
    if conflicts:
        result.conflicts += conflicts
        result.stops_git = True
        return
    _note_unreadable(session, result)
    if session.view.pointers:
        found = status(
            session, [session.project.absolute(path) for path in session.view.pointers]
        ).data
        result.unsaved += [item for item in found if item.state in (MODIFIED, OUTDATED)]
        result.unignored += _unignored(session)


def _conflicts(session: Session) -> list[str]:
    """Pointers, locks and outputs that are about to be committed with git's conflict
    markers in them.
    """
    left = session.left_to_git()
    staged = git_index.staged_files(session.project.path)
    staged = [
        path for path in staged if _is_ours(path) or left.holder(path) is not None
    ]
    return [
        path for path in staged if is_in_conflict(session.project.read(path) or b"")
    ]


def _unignored(session: Session) -> list[str]:
    """Tracked data that git does not ignore: a merge with a branch that removed it
    takes its ignore line away.
    """
    project = session.project
    covered = set(ignored_by_rule(session.view.pointers, project.path))
    return [path for path in session.view.pointers if path not in covered]


# before a push


def _pre_push(session: Session, given: str, report: Report, result: HookResult) -> None:
    """Sends what the pushed tips refer to, and what the commits that go with them
    brought. What a remote is known to hold whole is not opened.
    """
    project = session.project
    if not project.settings.remotes():
        return
    wanted: dict[str, set[Content]] = {}
    for line in given.splitlines():
        _, local, _, remote = [*line.split(), "", "", "", ""][:4]
        # a branch that is being deleted has no commit
        tips = (
            git_history.commits_among([local], project.path) if local.strip("0") else []
        )
        for tip in tips:
            for name, contents in pushed_contents(project, tip, remote).items():
                wanted.setdefault(name, set()).update(contents)
    for name, contents in wanted.items():
        if contents:
            remote_name, objects = _send(session, name, contents, report)
            result.sent[remote_name] = result.sent.get(remote_name, 0) + objects


def _send(
    session: Session, name: str, contents: set[Content], report: Report
) -> tuple[str, int]:
    project = session.project
    target = session.remotes.get(name)
    try:
        target.open(create=True)
        with project.cache.in_use():
            register(project, target)
            moved = push_contents(project.cache, target, contents, report)
    except MltrackError as error:
        raise type(error)(
            f"the data of these commits cannot be sent to {target.name}, so others "
            f"could not pull it: {error.message}",
            hint=(
                f"{error.hint or 'mltrack push'}\n  to push the commits without their "
                "data: git push --no-verify, or MLTRACK_HOOKS=0 git push"
            ),
        ) from error
    return target.name, moved.objects
