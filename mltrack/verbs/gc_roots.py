"""What may not be deleted: everything that git can reach in any way, the files of every
worktree, and what force replaced lately.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from mltrack.config.settings import FILE_NAME
from mltrack.errors import FormatError, GitError, WorkspaceError
from mltrack.formats import lock_file, pointer
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history as git_history
from mltrack.git import repository as git
from mltrack.git import roots as git_roots
from mltrack.objects.content import TREE, URL, Content
from mltrack.objects.digest import XXH3
from mltrack.pipeline.stage import LOCK_NAME
from mltrack.project import DIRECTORY, Project, load
from mltrack.store.local import users as cache_users
from mltrack.verbs.records import DAY
from mltrack.verbs.session import Session

UNDO_DAYS = 14
"""For so long what was replaced by force can be put back, whatever the grace."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Which versions stay, where not all of history does: the last ``last`` commits of
    each branch, or ``revisions``.
    """

    last: int = 0
    revisions: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return not self.last and not self.revisions


ALL = Keep()


@dataclass(slots=True)
class Roots:
    """Contents that must stay: of the present state (whose trees must be readable), and
    of history.
    """

    current: set[Content]
    history: set[Content]


def find_roots(session: Session, moment: float, keep: Keep = ALL) -> Roots:
    """Returns everything that is referred to at a moment of this machine's clock, of
    history as much as ``keep`` says; raises if a root cannot be read.
    """
    try:
        found = _roots(session, moment, keep)
        for user in _other_users(session):
            # of other projects all of history counts: --keep-last is about this one
            theirs = _roots(Session(user), moment, ALL)
            found.current |= theirs.current
            found.history |= theirs.history
        return found
    except (GitError, FormatError, WorkspaceError) as error:
        raise type(error)(
            f"nothing was deleted: {error.message}", hint=error.hint
        ) from error


def _roots(session: Session, moment: float, keep: Keep) -> Roots:
    current = session.view.contents()
    history: set[Content] = set()
    for path, data in _files(session, keep):
        history.update(_contents(path, data, session))
    for there in _worktrees(session):
        current |= there.view.contents()
        history |= {
            note.content
            for note in (*there.trash.notes(), *there.trash.notes(undone=True))
            if note.moment >= moment - UNDO_DAYS * DAY
        }
    return Roots(current, history)


def forget_notes(session: Session, moment: float) -> None:
    """Deletes the notes for ``undo`` that ``find_roots`` does not count at a moment,
    of everyone who uses the cache.
    """
    for user in (session, *(Session(other) for other in _other_users(session))):
        for there in _worktrees(user):
            there.trash.forget_before(moment - UNDO_DAYS * DAY)


def _worktrees(session: Session) -> Iterator[Session]:
    """The project in every worktree: each has its own index, files and notes."""
    project = session.project
    for top in git_roots.worktrees(project.repository):
        other = os.path.normpath(os.path.join(top, project.inner))
        if os.path.isdir(os.path.join(other, DIRECTORY)):
            yield Session(load(other, other, git.find(other) or project.repository))


def _other_users(session: Session) -> Iterator[Project]:
    """The other projects that use this one's cache; raises WorkspaceError for one that
    is not there, or cannot be read.
    """
    own = session.project
    real = os.path.realpath(own.cache.path)
    for state_path in cache_users.others(real, own.shared_path):
        path = os.path.dirname(state_path)
        mark = os.path.join(
            real, cache_users.DIRECTORY, XXH3.hex_of(os.fsencode(state_path))
        )
        if not os.path.exists(os.path.join(state_path, FILE_NAME)):
            raise WorkspaceError(
                f"the project at {path} uses this cache and is not there, so what it "
                "refers to is not known",
                hint=f"mount its disk; if it was deleted: rm {mark}",
            )
        repository = git.find(path)
        if repository is None:
            raise WorkspaceError(
                f"the project at {path} uses this cache and is in no git repository "
                "any more",
                hint=f"rm {mark}",
            )
        other = load(path, path, repository)
        # one that has moved on to another cache, or this very one, is no other user
        if (
            os.path.realpath(other.cache.path) == real
            and other.shared_path != own.shared_path
        ):
            yield other


def _files(session: Session, keep: Keep) -> Iterator[tuple[str, bytes]]:
    repository = session.project.repository
    if keep.is_all:
        return git_roots.files_in_history(repository, (SUFFIX, LOCK_NAME))
    commits = [
        git_history.resolve(revision, session.project.path)
        for revision in keep.revisions
    ]
    if keep.last:
        commits += git_roots.latest_commits(repository, keep.last)
    return git_roots.files_at_commits(repository, commits, (SUFFIX, LOCK_NAME))


def _contents(path: str, data: bytes, session: Session) -> set[Content]:
    """What one version of a pointer or lock refers to. A damaged one still keeps every
    digest that it names.
    """
    algorithm = session.project.algorithm
    try:
        if path.endswith(SUFFIX):
            content = pointer.parse(data, algorithm, os.path.basename(path)).content
            # of an import that was only noted there are no bytes
            return {content} if content.kind != URL else set()
        entries = lock_file.parse(data, algorithm, path)
        outs = {
            content for entry in entries.values() for content in entry.outs.values()
        }
        # listings of inputs: they tell later which of its files changed
        return outs | {
            content
            for entry in entries.values()
            for content in entry.deps.values()
            if content.kind == TREE
        }
    except FormatError:
        found = {
            hex_digest
            for hex_digest in pointer.digests_in(data)
            if algorithm.is_hex(hex_digest)
        }
        return {
            Content(_kind(session, hex_digest), hex_digest, 0) for hex_digest in found
        }


def _kind(session: Session, hex_digest: str) -> str:
    # whatever is wrong with it: as a tree it could not be opened
    with suppress(Exception):
        session.project.cache.read_tree(hex_digest)
        return TREE
    return "file"
