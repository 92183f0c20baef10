"""What git's hooks do: bring data along after a checkout or merge, warn before a commit, send data before a push.

Hooks work from the cache only, never over the network, except before a push. That one can stop git, and the one
before a commit that would record conflict markers.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from mltrack import project as projects
from mltrack.engine.view import Target, View, revision_view
from mltrack.errors import FormatError, GitError, MltrackError, PipelineError
from mltrack.formats import lock_file, pointer
from mltrack.formats.conflict import is_in_conflict
from mltrack.formats.pointer import SUFFIX
from mltrack.git import repository as git
from mltrack.objects.content import Content
from mltrack.pipeline.paths import overlaps
from mltrack.pipeline.stage import LOCK_NAME
from mltrack.project import Project
from mltrack.store.push import push_contents
from mltrack.store.transfer import Report
from mltrack.verbs.checkout import CheckoutResult, checkout_targets
from mltrack.verbs.session import Session
from mltrack.verbs.status import status
from mltrack.verbs.transfers import register
from mltrack.workspace.checkout import Absent


@dataclass(frozen=True, slots=True)
class HookResult:
    """What a hook has to say: lines for the person, and whether git should go on."""

    lines: tuple[str, ...] = ()
    ok: bool = True


def run(name: str, arguments: list[str], stdin: Callable[[], str], cwd: str, report: Report) -> HookResult:
    """Runs a hook for every project of the repository. Never raises, except for a programming error."""
    if os.environ.get("MLTRACK_HOOKS") == "0":
        return HookResult()
    lines: list[str] = []
    is_ok = True
    given = stdin() if name in ("pre-push", "post-rewrite") else ""
    for project in _projects(cwd, lines):
        try:
            if name == "pre-push":
                lines += _pre_push(project, given, report)
            elif name == "pre-commit":
                session = Session(project)
                refused = _conflicts(session)
                lines += refused or _pre_commit(session)
                is_ok = is_ok and not refused
            elif project.settings.get("hooks.checkout"):
                lines += _bring_along(project, name, arguments)
        except (MltrackError, OSError) as error:
            hint = f" (hint: {error.hint})" if isinstance(error, MltrackError) and error.hint else ""
            lines.append(f"{name}: {error}{hint}")
            is_ok = is_ok and name != "pre-push"
    return HookResult(tuple(lines), is_ok)


def _projects(cwd: str, lines: list[str]) -> list[Project]:
    repository = git.find(cwd)
    if repository is None:
        return []
    found = []
    for path in git.list_files(repository.top, ["*.mltrack/config.toml"]):
        directory = os.path.normpath(os.path.join(repository.top, path, os.pardir, os.pardir))
        try:
            found.append(projects.load(directory, directory, repository))
        except MltrackError as error:
            lines.append(str(error))
    return found


# after a checkout, merge or rebase


def _bring_along(project: Project, name: str, arguments: list[str]) -> list[str]:
    if name == "post-commit":
        return _catch_up(Session(project))
    commits = _moved(project, name, arguments)
    if commits is None:
        return []
    old, new = commits
    changed = [path for path in git.changed_files(old, new, project.path) if _is_ours(path)]
    if not changed:
        return []
    session = Session(project)
    before = revision_view(old, project.path, project.algorithm) if old.strip("0") else None
    targets, gone = changed_targets(before, session.view)
    gone = [target for target in gone if not session.view.is_unreadable(target)]
    gone = [target for target in gone if not git.tracked_below(target.path, project.path)]  # moved over to git
    former = {path: target.content for path, target in before.targets().items()} if before is not None else {}
    result = checkout_targets(session, targets, gone=tuple(gone), absent=Absent.LEAVE_NEVER_HERE, recorded=former)
    return _unreadable(session.view) + _words(result)


def _catch_up(session: Session) -> list[str]:
    """After a commit that concluded a merge, a revert or a cherry-pick, for which git runs no other hook: targets whose
    recorded version is not the one that was last checked out or recorded here."""
    behind = []
    for target in session.view.targets().values():
        last = session.last.get(target.path)
        if last is not None and not target.content.same_bytes(last):
            behind.append(target)
    return _words(checkout_targets(session, behind, absent=Absent.LEAVE_NEVER_HERE)) if behind else []


def _unreadable(view: View) -> list[str]:
    return [error.message for error in (*view.broken.values(), *view.broken_locks.values())]


def changed_targets(before: View | None, after: View) -> tuple[list[Target], list[Target]]:
    """Returns the targets whose content differs from an earlier view, and those that are no more."""
    old = before.targets() if before is not None else {}
    new = after.targets()
    changed = [target for path, target in new.items() if path not in old or old[path].content != target.content]
    return changed, [
        target for path, target in old.items() if path not in new and not any(overlaps(path, other) for other in new)
    ]


def _moved(project: Project, name: str, arguments: list[str]) -> tuple[str, str] | None:
    """The commits before and after, or None if the hook was not for a move between commits."""
    if name == "post-checkout":
        if len(arguments) < 3 or arguments[2] != "1" or arguments[0] == arguments[1]:
            return None
        return arguments[0], arguments[1]
    if name == "post-rewrite" and arguments[:1] == ["amend"]:
        return None
    with suppress(GitError):
        return git.resolve("ORIG_HEAD", project.path), git.resolve("HEAD", project.path)
    return None


def _words(result: CheckoutResult) -> list[str]:
    lines = [
        f"{done.path}: {done.written} written, {done.removed} removed"
        for done in result.done
        if done.written or done.removed
    ]
    lines += [
        f"{done.path}: left with changes of your own: {', '.join(done.kept[:5])}" for done in result.done if done.kept
    ]
    for path, error in result.failed:
        message = error.message if path in error.message else f"{path}: {error.message}"
        lines.append(message + (f"\n  hint: {error.hint}" if error.hint else ""))
    return lines


def _is_ours(path: str) -> bool:
    return path.endswith(SUFFIX) or os.path.basename(path) == LOCK_NAME


# before a commit


def _conflicts(session: Session) -> list[str]:
    """Pointers, locks and outputs that are about to be committed with git's conflict markers in them."""
    left = session.left_to_git()
    staged = git.staged_files(session.project.path)
    staged = [path for path in staged if _is_ours(path) or left.holder(path) is not None]
    marked = [path for path in staged if is_in_conflict(session.project.read(path) or b"")]
    said = "{0}: git's conflict markers are in it, and it was not committed; `mltrack resolve {0}` settles it"
    return [said.format(path) for path in marked]


def _pre_commit(session: Session) -> list[str]:
    unreadable = _unreadable(session.view)
    if not session.view.pointers:
        return unreadable
    said = {
        "modified": "{0} changed since it was recorded; `mltrack add {0}` records it",
        "outdated": "{0} is not the version that its pointer says; `mltrack checkout {0}` brings that one",
    }
    found = status(session, [session.project.absolute(path) for path in session.view.pointers]).data
    return unreadable + [said[item.state].format(item.path) for item in found if item.state in said]


# before a push


def _pre_push(project: Project, given: str, report: Report) -> list[str]:
    """Sends what the pushed tips refer to, and what the commits that go with them brought. What a remote is known to hold
    whole is not opened."""
    if not project.settings.remotes():
        return []
    wanted: dict[str, set[Content]] = {}
    for line in given.splitlines():
        _, local, _, remote = [*line.split(), "", "", "", ""][:4]
        tips = git.commits_among([local], project.path) if local.strip("0") else []
        for tip in tips:
            wanted.setdefault("", set()).update(_contents_between(project, tip, remote))
            for name, contents in _contents_at(project, tip).items():
                wanted.setdefault(name, set()).update(contents)
    lines = []
    for name, contents in wanted.items():
        if contents:
            lines += _send(project, name, contents, report)
    return lines


def _send(project: Project, name: str, contents: set[Content], report: Report) -> list[str]:
    target = project.remote(name)
    try:
        target.open(create=True)
        with project.cache.in_use():
            register(project, target)
            moved = push_contents(project.cache, target, contents, report)
    except MltrackError as error:
        raise type(error)(
            f"the data of these commits cannot be sent to {target.name}, so others could not pull it: {error.message}",
            hint=f"{error.hint or 'mltrack push'}\n  to push the commits without their data: git push --no-verify, or MLTRACK_HOOKS=0 git push",
        ) from error
    return [f"pushed {moved.objects} objects to {target.name}"] if moved.objects else []


def _contents_at(project: Project, commit: str) -> dict[str, set[Content]]:
    """What a commit refers to, by the remote that it is to be sent to; '' is the default one."""
    view = revision_view(commit, project.path, project.algorithm)
    places: dict[str, str] = {}
    with suppress(FormatError, PipelineError):  # told where stages are asked for
        places = {out.path: out.remote for stage in view.graph.stages.values() for out in stage.outs if out.remote}
    found: dict[str, set[Content]] = {}
    for target in view.targets().values():
        if target.push:
            found.setdefault(places.get(target.path, ""), set()).add(target.content)
    return found


def _contents_between(project: Project, local: str, remote: str) -> set[Content]:
    """What the commits that are being pushed brought."""
    found: set[Content] = set()
    for path, data in git.new_files(local, remote if remote.strip("0") else "", project.path, (SUFFIX, LOCK_NAME)):
        with suppress(FormatError):
            if path.endswith(SUFFIX):
                found.add(pointer.parse(data, project.algorithm, os.path.basename(path)).content)
            else:
                for entry in lock_file.parse(data, project.algorithm, path).values():
                    kept = entry.outs.keys() - entry.uncached - entry.unpushed
                    found |= {entry.outs[out] for out in kept}
    return found
