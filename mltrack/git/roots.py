"""Everything that git still refers to: for finding what garbage collection must keep.

Refs and tags, stashes, reflog entries as long as git keeps them, the index of every
worktree (both sides of a conflict included), the heads of operations under way; of what
``git replace`` put in the place of something, both.
Anything unreadable, broken or away raises: whoever deletes must then not.
"""

import os
from collections.abc import Iterator

from mltrack.errors import GitError
from mltrack.git import command, history, ref_files, remotes
from mltrack.git.repository import Repository


def worktrees(repository: Repository) -> list[str]:
    """Returns the tops of all worktrees; raises GitError for one that is not there,
    since it may be on a disk that is away.
    """
    tops = _main_tops(repository)
    for git_dir in ref_files.git_dirs(repository)[1:]:
        tops.append(_present(ref_files.worktree_of(git_dir)))
    return tops or [repository.top]


def _main_tops(repository: Repository) -> list[str]:
    """The top of the worktree that is no linked one; none of a bare repository."""
    if not repository.is_linked:
        return [repository.top]
    if _config(repository, "--type=bool", "core.bare") == "true":
        return []
    if repository.main_worktree is not None:
        return [repository.main_worktree]
    # a submodule's own checkout, relative to what git keeps for it
    named = _config(repository, "core.worktree")
    if not named:
        raise GitError(
            f"where the main worktree of {repository.common_dir} is is unknown, so "
            "what it refers to is unknown too",
            hint="run this in the main worktree",
        )
    return [_present(os.path.normpath(os.path.join(repository.common_dir, named)))]


def _present(top: str) -> str:
    if not os.path.isdir(top):
        raise GitError(
            f"the worktree {top} is not there, so what it refers to is not known",
            hint="mount its disk; if it was deleted: git worktree prune",
        )
    return top


def _config(repository: Repository, *asked: str) -> str:
    """What the repository's own config says; nothing that a worktree adds to it."""
    place = os.path.join(repository.common_dir, "config")
    out = command.run(
        ["config", "--file", place, "-z", *asked], repository.top, ok=(0, 1)
    )
    return os.fsdecode(out).removesuffix("\0")


def files_in_history(
    repository: Repository, suffixes: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    """Yields ``(path, bytes)`` of every version of every file whose name ends with one
    of ``suffixes``.

    Paths are relative to the repository's top.
    """
    tops = worktrees(repository)
    starts = _commits(repository)
    # given no start git takes HEAD, and fails before the first commit
    blobs = history.versions(starts, repository.top, suffixes) if starts else {}
    for name in _trees(repository):
        for line in command.run(
            [*history.ORIGINALS, "ls-tree", "-r", "-z", "--full-tree", name],
            repository.top,
        ).split(b"\0"):
            meta, _, raw = line.partition(b"\t")
            if os.fsdecode(raw).endswith(suffixes):
                blobs.setdefault(meta.decode().split()[2], os.fsdecode(raw))
    for git_dir in ref_files.git_dirs(repository):
        # before git reads it: to git one that is cut off is a shorter one
        ref_files.check_index(git_dir)
    for top in tops:
        for line in command.run(
            ["ls-files", "--stage", "-z", "--full-name"], top
        ).split(b"\0"):
            meta, _, raw = line.partition(b"\t")
            path = os.fsdecode(raw)
            if path.endswith(suffixes):
                blobs.setdefault(meta.decode().split()[1], path)
    for old, new in _replaced(repository).items():
        if old in blobs:
            blobs.setdefault(new, blobs[old])
    found = 0
    for blob, data in history.read_blobs(blobs, repository.top, originals=True):
        found += 1
        yield blobs[blob], data
    # a blob that is lost named objects nobody can tell: better to delete nothing
    if found != len(blobs) and not _is_shallow_or_partial(repository):
        raise GitError(
            f"git lacks {len(blobs) - found} of the files that its history names",
            hint="git fsck",
        )


def files_at_commits(
    repository: Repository, commits: list[str], suffixes: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    """Yields ``(path, bytes)`` of every file at these commits, and not at those before
    them; paths are relative to the repository's top.
    """
    blobs: dict[str, str] = {}
    for commit in commits:
        for line in command.run(
            [*history.ORIGINALS, "ls-tree", "-r", "-z", "--full-tree", commit],
            repository.top,
        ).split(b"\0"):
            meta, _, raw = line.partition(b"\t")
            path = os.fsdecode(raw)
            if path.endswith(suffixes):
                blobs.setdefault(meta.decode().split()[2], path)
    for blob, data in history.read_blobs(blobs, repository.top, originals=True):
        yield blobs[blob], data


def latest_commits(repository: Repository, count: int) -> list[str]:
    """Returns the last ``count`` commits of each branch, of HEAD of each worktree, and
    all that tags and stashes name.
    """
    found: set[str] = set()
    tips = command.run(
        ["for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes"],
        repository.top,
    ).decode()
    listed = command.run(
        ["worktree", "list", "--porcelain", "-z"], repository.top
    ).split(b"\0")
    heads = [item.split()[1].decode() for item in listed if item.startswith(b"HEAD ")]
    known = set(history.commits_among(sorted({*tips.split(), *heads}), repository.top))
    for tip in known:
        found.update(
            command.run(["rev-list", f"--max-count={count}", tip], repository.top)
            .decode()
            .split()
        )
    named = command.run(
        ["for-each-ref", "--format=%(objectname) %(*objectname)", "refs/tags"],
        repository.top,
    ).decode()
    if command.run(
        ["rev-parse", "--verify", "--quiet", "refs/stash"], repository.top, ok=(0, 1)
    ):
        named += command.run(
            ["log", "--walk-reflogs", "--format=%H", "refs/stash"], repository.top
        ).decode()
    found.update(history.commits_among(sorted(set(named.split())), repository.top))
    # what git shows, and checks out, in the place of one of them
    shown = {new for old, new in _replaced(repository).items() if old in found}
    found.update(history.commits_among(sorted(shown), repository.top))
    return sorted(found)


def unknown_heads(repository: Repository) -> list[str]:
    """Returns the refs of git's own remotes that point to commits which this clone
    lacks; raises GitError for a remote that cannot be asked.
    """
    lacking = []
    for name, url in remotes.remote_urls(repository.top):
        for line in remotes.list_remote(url, repository.top).decode().splitlines():
            commit, _, ref = line.partition("\t")
            # a ref may name a tag of a tree, which is no commit and yet here
            if not history.commits_among([commit], repository.top) and not _has(
                repository, commit
            ):
                lacking.append(f"{name} {ref}")
    return lacking


def _has(repository: Repository, name: str) -> bool:
    return bool(command.run(["cat-file", "-t", name], repository.top, ok=(0, 1, 128)))


def _commits(repository: Repository) -> list[str]:
    """The commits that anything of git's names. A ref whose object git lacks raises
    GitError; an entry of a reflog may be older than what git keeps.
    """
    refs = (
        command.run_strict(
            ["for-each-ref", "--format=%(objectname) %(*objectname)"], repository.top
        )
        .decode()
        .split()
    )
    lacking = history.lacking_among(refs, repository.top)
    if lacking and not _is_shallow_or_partial(repository):
        raise GitError(
            f"git lacks the object {lacking[0]} that a ref names", hint="git fsck"
        )
    # all zeros: what a reflog says of before the first commit
    known = {item for item in (*refs, *ref_files.ids(repository)) if item.strip("0")}
    return sorted(set(history.commits_among(sorted(known), repository.top)))


def _trees(repository: Repository) -> list[str]:
    """Trees that a tag or ref names directly."""
    out = command.run(
        [
            "for-each-ref",
            "--format=%(objecttype) %(objectname)%0a%(*objecttype) %(*objectname)",
        ],
        repository.top,
    )
    return [
        line.split()[1]
        for line in out.decode().splitlines()
        if line.startswith("tree ")
    ]


def _replaced(repository: Repository) -> dict[str, str]:
    """What ``git replace`` shows in the place of objects, by their ids."""
    out = command.run(
        ["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/replace"],
        repository.top,
    )
    pairs = (line.split() for line in out.decode().splitlines())
    return {pair[0]: pair[1] for pair in pairs}


def _is_shallow_or_partial(repository: Repository) -> bool:
    return os.path.exists(os.path.join(repository.common_dir, "shallow")) or bool(
        command.run(
            ["config", "--get-regexp", r"^remote\..*\.promisor$"],
            repository.top,
            ok=(0, 1),
        )
    )
