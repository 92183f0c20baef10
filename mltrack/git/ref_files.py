"""Refs, reflogs and heads read from git's own files, for whoever must know all of them.

git's commands pass over what they cannot read with a warning, or in silence: a branch
whose file is empty is no branch to ``for-each-ref``. Here anything that is there and
cannot be read, or is not what git writes, raises GitError. Formats:
gitrepository-layout(5), git-update-ref(1).
"""

import hashlib
import os
import re
from collections.abc import Iterator

from mltrack.errors import GitError
from mltrack.git.repository import Repository

# SHA-1, or SHA-256
_ID = rb"[0-9a-f]{40}(?:[0-9a-f]{24})?"
_REF = re.compile(rb"(?:ref: \S[^\n]*|" + _ID + rb")\s*\Z")
# several ids: MERGE_HEAD of a merge of more than two
_HEADS = re.compile(rb"(?:ref: \S[^\n]*\s*|(?:" + _ID + rb"[^\n]*(?:\n|\Z))+)\Z")
_LOG_LINE = re.compile(rb"(" + _ID + rb") (" + _ID + rb") ")
_FIRST = re.compile(_ID)
# bytes: DIRC, version, number of entries (gitformat-index)
_INDEX_HEADER = 12
_OPERATIONS = (
    "MERGE_HEAD",
    "ORIG_HEAD",
    "CHERRY_PICK_HEAD",
    "REBASE_HEAD",
    "REVERT_HEAD",
    "AUTO_MERGE",
    "BISECT_HEAD",
    "MERGE_AUTOSTASH",
    "rebase-merge/autostash",
    "rebase-apply/autostash",
    "rebase-merge/orig-head",
    "rebase-apply/orig-head",
    "rebase-merge/onto",
    "rebase-apply/onto",
)
"""What git keeps beside HEAD while something is under way, and after it."""


def git_dirs(repository: Repository) -> list[str]:
    """Returns the directories that git keeps for all worktrees, the common one first."""
    top = os.path.join(repository.common_dir, "worktrees")
    return [repository.common_dir, *(os.path.join(top, name) for name in _listed(top))]


def worktree_of(git_dir: str) -> str:
    """Returns the top of the worktree that a directory below ``worktrees/`` is kept
    for.
    """
    data = _read(os.path.join(git_dir, "gitdir"))
    marker = os.path.normpath(os.path.join(git_dir, os.fsdecode(data.strip())))
    if not data.strip() or b"\0" in data or os.path.basename(marker) != ".git":
        raise GitError(
            f"{git_dir}/gitdir is empty or broken",
            hint="git worktree list; git worktree repair",
        )
    top = os.path.dirname(marker)
    # a directory that was put there since, or the empty place of a disk that is away
    if os.path.isdir(top) and not _leads_back(marker, git_dir):
        raise GitError(
            f"{top} is not the worktree that git knows there, so what it refers to is "
            "not known",
            hint="mount its disk; if it was deleted: git worktree prune",
        )
    return top


def _leads_back(marker: str, git_dir: str) -> bool:
    """Whether a worktree's ``.git`` file names the directory that git keeps for it."""
    if not os.path.isfile(marker):
        return False
    named = os.fsdecode(_read(marker).removeprefix(b"gitdir:").strip())
    return os.path.realpath(
        os.path.join(os.path.dirname(marker), named)
    ) == os.path.realpath(git_dir)


def check_index(git_dir: str) -> None:
    """Raises GitError for an index that is cut off or damaged: git reads what lies past
    its end as nothing.

    An index ends with the digest of what is before it, or with zeros where
    ``index.skipHash`` is set (gitformat-index).
    """
    path = os.path.join(git_dir, "index")
    if not os.path.lexists(path):
        return
    data = _read(path)
    if data[:4] != b"DIRC" or len(data) < _INDEX_HEADER + hashlib.sha1().digest_size:
        raise _broken(path)
    for digest in (hashlib.sha1, hashlib.sha256):
        size = digest().digest_size
        if data[-size:] == digest(data[:-size]).digest():
            return
    if data[-hashlib.sha1().digest_size :].strip(b"\0"):
        raise _broken(path)


def ids(repository: Repository) -> Iterator[str]:
    """Yields the ids of all that refs, reflogs and operations under way name; raises
    GitError for what cannot be read.
    """
    for git_dir in git_dirs(repository):
        for path in _files(os.path.join(git_dir, "refs")):
            yield from _named(path, _REF)
        for path in _files(os.path.join(git_dir, "logs")):
            yield from _logged(path)
        for name in ("HEAD", *_OPERATIONS):
            path = os.path.join(git_dir, name)
            if os.path.lexists(path):
                yield from _named(path, _REF if name == "HEAD" else _HEADS)
    packed = os.path.join(repository.common_dir, "packed-refs")
    if os.path.lexists(packed):
        for line in _read(packed).splitlines():
            if not line.startswith(b"#"):
                match = _FIRST.match(line.removeprefix(b"^"))
                if match is None:
                    raise _broken(packed)
                yield match[0].decode()


def _named(path: str, form: re.Pattern[bytes]) -> Iterator[str]:
    data = _read(path)
    if form.match(data) is None:
        raise _broken(path)
    if not data.startswith(b"ref: "):
        yield from (match.decode() for match in _FIRST.findall(data))


def _logged(path: str) -> Iterator[str]:
    for line in _read(path).splitlines():
        match = _LOG_LINE.match(line)
        if match is None:
            raise _broken(path)
        yield match[1].decode()
        yield match[2].decode()


def _files(top: str) -> Iterator[str]:
    pending = [top]
    while pending:
        directory = pending.pop()
        for name in _listed(directory):
            path = os.path.join(directory, name)
            if os.path.isdir(path) and not os.path.islink(path):
                pending.append(path)
            elif not name.endswith(".lock"):
                # not one that git is writing, or was killed at: no ref yet
                yield path


def _listed(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        # no reflogs, no linked worktrees: git makes these once it needs them
        return []
    except OSError as error:
        raise GitError(f"{directory} cannot be read: {error.strerror}") from error


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise GitError(
            f"{path} cannot be read: {error.strerror}",
            hint="check its permissions, then `git fsck`",
        ) from error


def _broken(path: str) -> GitError:
    return GitError(
        f"{path} is empty or broken, so what it refers to is not known", hint="git fsck"
    )
