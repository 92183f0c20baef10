"""Where a repository is. This is read on every start, and so from git's files, without
a process.
"""

import os
from typing import NamedTuple

from mltrack.errors import GitError, WorkspaceError
from mltrack.git import command
from mltrack.git.ownership import check as check_owner

_UNDER_WAY = (
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "rebase-merge",
    "rebase-apply",
)


class Repository(NamedTuple):
    """A worktree and the directories that git keeps for it: its own, and the one all
    worktrees share.
    """

    top: str
    git_dir: str
    common_dir: str

    @property
    def is_linked(self) -> bool:
        return self.git_dir != self.common_dir

    @property
    def is_merging(self) -> bool:
        """Whether a merge, rebase, cherry-pick or revert waits for conflicts to be
        settled.
        """
        return any(
            os.path.lexists(os.path.join(self.git_dir, name)) for name in _UNDER_WAY
        )

    @property
    def main_worktree(self) -> str | None:
        """The main worktree's top, or None where there is none (bare) or its place does
        not follow (submodule).
        """
        parent, name = os.path.split(self.common_dir)
        return parent if name == ".git" and os.path.isdir(self.common_dir) else None


def find(start: str) -> Repository | None:
    """Returns the repository whose worktree contains ``start``, by reading files only,
    or None.

    Raises WorkspaceError for one that belongs to another user, before anything in it is
    read.
    """
    directory = os.path.abspath(start)
    while True:
        marker = os.path.join(directory, ".git")
        if os.path.isdir(marker):
            # as git does: a directory `.git` that is no repository is walked past
            if os.path.isfile(os.path.join(marker, "HEAD")):
                # before HEAD or config is opened: another user's could name programs
                _check_owner(directory, directory, marker)
                return Repository(directory, marker, marker)
        elif os.path.isfile(marker):
            _check_owner(directory, directory, marker)
            git_dir = _linked_git_dir(directory, marker)
            # what the file names may be anywhere, and belong to somebody else
            _check_owner(directory, git_dir)
            return Repository(directory, git_dir, _common_dir(git_dir))
        parent = os.path.dirname(directory)
        # only `/` is its own parent
        if parent == directory:
            return None
        directory = parent


def _check_owner(top: str, *places: str) -> None:
    check_owner(top, places, _safe_directories)


def check_owner_of(repository: Repository, *places: str) -> None:
    """Raises WorkspaceError for a place of a repository, with what git keeps for it,
    that belongs to another user.
    """
    _check_owner(repository.top, repository.common_dir, *places)


def _safe_directories() -> list[str]:
    """What the person's configuration, never a repository's, calls safe."""
    # in `/`, so that no config of the repository in question is read
    out = command.run_plain(
        ["config", "--path", "-z", "--get-all", "safe.directory"], "/", ok=(0, 1)
    )
    return os.fsdecode(out).split("\0")[:-1]


def _linked_git_dir(directory: str, marker: str) -> str:
    with open(marker, encoding="utf-8", errors="surrogateescape") as file:
        # bytes: twice PATH_MAX; the file may be as long as its maker likes
        text = file.read(8192).strip()
    if not text.startswith("gitdir:"):
        raise GitError(f"{marker}: not a git file")
    return os.path.normpath(os.path.join(directory, text[len("gitdir:") :].strip()))


def _common_dir(git_dir: str) -> str:
    try:
        with open(
            os.path.join(git_dir, "commondir"),
            encoding="utf-8",
            errors="surrogateescape",
        ) as file:
            return os.path.normpath(os.path.join(git_dir, file.read(8192).strip()))
    except FileNotFoundError:
        # a submodule's directory has none: it is its own
        return git_dir


def find_any(place: str) -> str:
    """Returns where git is to be asked about a repository at ``place``: a worktree's
    top, or a bare repository itself.

    Raises WorkspaceError for one that belongs to another user, before anything in it is
    read, and for what is none.
    """
    path = os.path.abspath(place)
    # these three make a directory a repository to git, too
    if all(
        os.path.exists(os.path.join(path, name)) for name in ("HEAD", "objects", "refs")
    ):
        _check_owner(path, path)
        return path
    repository = find(path)
    if repository is None:
        raise WorkspaceError(
            f"{place} is not a git repository",
            hint="name its directory, or a bare repository's",
        )
    return repository.top
