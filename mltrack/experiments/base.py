"""What experiments start from: HEAD, with what the workspace changed and added since."""

import os
from typing import NamedTuple

from mltrack.errors import GitError, UsageError
from mltrack.git import history, index, snapshot
from mltrack.verbs.session import Session

# bytes: larger ones belong to mltrack, and git would keep them for good
_LARGE = 100 << 20


class Base(NamedTuple):
    """``commit`` is what experiments start from, ``tree`` its files; ``head`` is the
    commit that was checked out. They are the same where nothing was changed.
    """

    head: str
    commit: str
    tree: str


def workspace_base(session: Session) -> Base:
    """Returns what stands in the workspace now as a commit, which no ref names yet.

    Raises GitError before the first commit, and in the middle of a merge; UsageError for
    a large file that git would take.
    """
    project = session.project
    top = project.repository.top
    head = history.head_commit(project.repository)
    if not head:
        raise GitError(
            "there is no commit in this repository yet",
            hint="git add -A && git commit: experiments start from a commit",
        )
    _refuse_large(top)
    aside = os.path.join(project.tmp_path, f"index-{os.getpid()}")
    tree = snapshot.worktree_tree(project.repository, aside)
    if tree == snapshot.tree_of(head, top):
        return Base(head, head, tree)
    words = f"the workspace at {head[:10]}, with what it had changed\n"
    return Base(head, snapshot.commit_tree(tree, head, words, top), tree)


def _refuse_large(top: str) -> None:
    for path in index.list_all(top)[1]:
        try:
            size = os.lstat(os.path.join(top, path)).st_size
        except FileNotFoundError:
            continue
        if size > _LARGE:
            raise UsageError(
                f"{path!r} is a new file of {size >> 20} MiB that neither git ignores "
                "nor mltrack tracks",
                hint=f"mltrack add {path}, or name it in .gitignore",
            )
