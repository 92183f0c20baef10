"""What git's commits hold: revisions, files at one, versions of a file, blobs."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from mltrack.errors import GitError
from mltrack.git.command import run
from mltrack.git.repository import Repository

ORIGINALS = ("--no-replace-objects",)
"""Before a git command: objects as commits name them, which is what git keeps and
pushes, and not what ``git replace`` shows in their place.
"""
EXPERIMENTS = "refs/mltrack/exps/"
"""Below it stand the experiments, each by its name."""
BASES = "refs/mltrack/bases/"
"""Below it stand the commits that experiments start from which are not done: git would
forget them, where no branch leads there.
"""
EXECUTABLE, LINK, SUBMODULE = "100755", "120000", "160000"
"""Modes of entries in git's trees."""
FILE_MODES = ("100644", EXECUTABLE, "100664")
# git knows this tree without having it: what the first commit is compared to; by the
# number of digits of an id, in repositories of SHA-1 and of SHA-256
_EMPTY_TREE = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

# of SHA-1 and of SHA-256
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# bytes, of some 100,000 files
_KEPT_BYTES = 8 << 20
_listed: list[tuple[tuple[str, str, str | None], "Entries"]] = []
"""What was listed last: who opens a project asks for it four times."""


def resolve(revision: str, cwd: str) -> str:
    """Returns the commit that ``revision`` names, to git or as an experiment's name;
    raises GitError if there is none.
    """
    options = ["rev-parse", "--verify", "--quiet", "--end-of-options"]
    try:
        named = revision
        if revision.startswith(":/"):
            # all that follows is the text that is sought, a suffix too
            named = run([*options, revision], cwd).decode().strip()
        out = run([*options, named + "^{commit}"], cwd)
    except GitError:
        experiment = _experiment(revision, cwd)
        if experiment:
            return experiment
        old, dots, new = revision.partition("..")
        if _is_shallow(cwd):
            raise GitError(
                f"there is no revision {revision!r} in this shallow clone",
                hint="git fetch --unshallow",
            ) from None
        if revision.startswith("HEAD") and not _has_commit(cwd):
            raise GitError(
                "there is no commit in this repository yet", hint="git commit"
            ) from None
        hint = (
            f"two revisions are two words: {old} {new}"
            if dots
            else "`git log --oneline` and `git tag` list what there is"
        )
        raise GitError(f"there is no revision {revision!r} in git", hint=hint) from None
    return out.decode().strip()


def _experiment(name: str, cwd: str) -> str:
    """The commit of an experiment; '' if there is none. What git calls so comes first."""
    options = ["rev-parse", "--verify", "--quiet", "--end-of-options"]
    out = run([*options, f"{EXPERIMENTS}{name}^{{commit}}"], cwd, ok=(0, 1, 128))
    return out.decode().strip()


def _has_commit(cwd: str) -> bool:
    return bool(run(["rev-parse", "--verify", "--quiet", "HEAD"], cwd, ok=(0, 1)))


def _is_shallow(cwd: str) -> bool:
    """Whether the clone lacks a part of its history on purpose."""
    return run(["rev-parse", "--is-shallow-repository"], cwd).strip() == b"true"


def refs_below(place: str, cwd: str) -> list[str]:
    """Returns the full names of all refs below a place such as ``refs/heads``."""
    return (
        run(["for-each-ref", "--format=%(refname)", place], cwd)
        .decode("utf-8", "surrogateescape")
        .split()
    )


def first_commit(cwd: str) -> str:
    """Returns the first of the commits without parents that HEAD comes from; '' before
    there is one.
    """
    found = (
        run(["rev-list", "--max-parents=0", "HEAD"], cwd, ok=(0, 128)).decode().split()
    )
    # several roots, of histories that were joined: the same one in every clone
    return min(found) if found else ""


def head_commit(repository: Repository) -> str:
    """Returns the commit of HEAD, or an empty text before the first commit."""
    out = run(
        ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], repository.top, ok=(0, 1)
    )
    return out.decode().strip()


class Described(NamedTuple):
    """A commit in words: its abbreviated name, when it was made (its own time zone, to
    the minute) and the first line of its message.
    """

    short: str
    date: str
    subject: str


def described(commit: str, cwd: str) -> Described:
    """Returns what people know a commit by."""
    asked = ["show", "--no-patch", "--no-show-signature", "--format=%h%x00%ci%x00%s"]
    out = run([*asked, "--end-of-options", commit], cwd)
    short, date, subject = out.decode("utf-8", "replace").rstrip("\n").split("\0", 2)
    return Described(short, date[: len("2026-01-02 03:04")], subject)


def committed_at(commit: str, cwd: str) -> int:
    """Returns when a commit was made, in seconds since 1970."""
    asked = ["show", "--no-patch", "--no-show-signature", "--format=%ct"]
    return int(run([*asked, "--end-of-options", commit], cwd))


def files_at(
    commit: str, cwd: str, wanted: Iterable[str] = (), *, inner: str | None = None
) -> dict[str, str]:
    """Returns blob ids by path, relative to ``cwd``, of the commit's files below
    ``cwd`` whose last part is in ``wanted`` or ends with one of its items that begin
    with a dot; of all files without ``wanted``. ``inner`` says where in the repository
    to look, and what paths are relative to, instead of ``cwd``.
    """
    suffixes = tuple(item for item in wanted if item.startswith("."))
    names = {item for item in wanted if not item.startswith(".")}
    found = {}
    for path, (mode, blob) in entries_at(commit, cwd, inner=inner).items():
        name = path.rpartition("/")[2]
        # a link's blob is a path, not a pointer or a lock
        if mode in FILE_MODES and (
            (not suffixes and not names)
            or name in names
            or (suffixes and name.endswith(suffixes))
        ):
            found[path] = blob
    return found


Entries = Mapping[str, tuple[str, str]]
"""Git's mode and the object's id, by path."""


def entries_at(commit: str, cwd: str, *, inner: str | None = None) -> Entries:
    """Returns git's mode and the object's id of all that a commit has below ``cwd`` or
    ``inner``, by path; see :func:`files_at`.
    """
    asked = (commit, os.path.abspath(cwd), inner)
    # taken once: another thread may list something else meanwhile
    for known, entries in _listed[:1]:
        if known == asked:
            return entries
    named = (
        ["--end-of-options", commit]
        if inner is None
        else ["--full-tree", "--end-of-options", f"{commit}:{inner}"]
    )
    out = run(["ls-tree", "-r", "-z", *named], cwd)
    found = {}
    for line in out.split(b"\0"):
        if line:
            meta, _, raw = line.partition(b"\t")
            mode, _, blob = meta.decode().split()
            found[os.fsdecode(raw)] = (mode, blob)
    # by its own id a commit never changes; by another name it may be another later
    if _COMMIT.fullmatch(commit) and len(out) < _KEPT_BYTES:
        _listed[:] = [(asked, found)]
    return found


def names_below(
    commit: str, path: str, cwd: str, *, inner: str | None = None
) -> list[str]:
    """Returns the files of a commit at and below a path, sorted; see :func:`read_at`
    for what the path is relative to.
    """
    named = (
        ["--end-of-options", commit]
        if inner is None
        else ["--full-tree", "--end-of-options", f"{commit}:{inner}"]
    )
    out = run(["ls-tree", "-r", "-z", "--name-only", *named, "--", path], cwd)
    return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)


def read_blobs(
    blobs: Iterable[str], cwd: str, *, originals: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Yields ``(id, bytes)`` of each blob that git has, by one process; with
    ``originals`` the blob's own bytes, also where ``git replace`` shows others.
    """
    asked = list(dict.fromkeys(blobs))
    if not asked:
        return
    out = run(
        [*(ORIGINALS if originals else ()), "cat-file", "--batch"],
        cwd,
        data="".join(blob + "\n" for blob in asked).encode(),
    )
    position = 0
    while position < len(out):
        end = out.index(b"\n", position)
        header = out[position:end].decode().split()
        position = end + 1
        # of a shallow or partial clone: the caller counts what came
        if header[-1] == "missing":
            continue
        size = int(header[2])
        yield header[0], out[position : position + size]
        # a line feed follows that is no part of the blob
        position += size + 1


def read_at(
    commit: str, path: str, cwd: str, *, inner: str | None = None
) -> bytes | None:
    """Returns the bytes of a file at a commit, or None if it is not there; ``path`` is
    relative to ``cwd``, or to ``inner`` in the repository.
    """
    spec = (
        f"{commit}:./{path}"
        if inner is None
        else f"{commit}:{os.path.join(inner, path)}"
    )
    kind = (
        run(
            ["cat-file", "--batch-check"],
            cwd,
            data=spec.encode("utf-8", "surrogateescape") + b"\n",
        )
        .decode()
        .split()
    )
    if len(kind) < 3 or kind[-1] == "missing" or kind[1] != "blob":
        return None
    for _, data in read_blobs([kind[0]], cwd):
        return data
    return None


def changed_files(old: str, new: str, cwd: str) -> list[str]:
    """Returns the paths below ``cwd`` that differ between two commits; ``old`` may be
    all zeros, for none.
    """
    before = old if old.strip("0") else _EMPTY_TREE.get(len(old), old)
    out = run(
        [
            "diff-tree",
            "-r",
            "-z",
            "--name-only",
            "--no-commit-id",
            "--relative",
            "--end-of-options",
            before,
            new,
        ],
        cwd,
    )
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def new_files(
    local: str, remote: str, cwd: str, suffixes: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    """Yields ``(path, bytes)`` of the files with these endings that commits up to
    ``local`` bring, and that are in no commit up to ``remote`` nor on any
    remote-tracking branch.
    """
    blobs = versions(_not_pushed(local, remote, cwd), cwd, suffixes)
    for blob, data in read_blobs(blobs, cwd, originals=True):
        yield blobs[blob], data


def commits_changing(
    local: str, remote: str, cwd: str, suffixes: tuple[str, ...]
) -> list[str]:
    """Returns the commits up to ``local`` and not up to ``remote`` that change files
    with these endings, and their parents, newest first.
    """
    out = run(
        [
            *ORIGINALS,
            "log",
            "--stdin",
            "--format=%H %P",
            "--full-history",
            "--",
            *("*" + suffix for suffix in suffixes),
        ],
        cwd,
        data="".join(item + "\n" for item in _not_pushed(local, remote, cwd)).encode(),
    )
    return list(dict.fromkeys(out.decode().split()))


def _not_pushed(local: str, remote: str, cwd: str) -> list[str]:
    """What to ask git for, for the commits up to ``local`` that nobody else has;
    ``remote`` may be all zeros, for none.
    """
    # what a remote branch has counts as pushed, and its data with it
    known = (
        run(["for-each-ref", "--format=%(objectname)", "refs/remotes"], cwd)
        .decode()
        .split()
    )
    # the remote's commit may never have been fetched, and git would refuse the name
    if remote.strip("0") and commits_among([remote], cwd):
        known.append(remote)
    return [local, *("^" + commit for commit in known)]


def commits_among(objects: Iterable[str], cwd: str) -> list[str]:
    """Returns the commits that these object ids name, tags followed; what is missing or
    no commit is left out.
    """
    asked = "".join(f"{item}^{{commit}}\n" for item in objects)
    out = run(["cat-file", "--batch-check"], cwd, data=asked.encode())
    return [
        line.split()[0].decode()
        for line in out.splitlines()
        if line.split()[1:2] == [b"commit"]
    ]


def is_new_merge(cwd: str) -> bool:
    """Returns whether HEAD is a merge that was made just now, rather than amended: what
    the reflog says HEAD was before is its first parent.
    """
    parents = commits_among(["HEAD^1", "HEAD^2"], cwd)
    if len(parents) < 2:
        return False
    try:
        return commits_among(["HEAD@{1}"], cwd) == parents[:1]
    except GitError:
        # without a reflog nobody can tell
        return False


def lacking_among(objects: Iterable[str], cwd: str) -> list[str]:
    """Returns those of the object ids that git does not have."""
    out = run(
        ["cat-file", "--batch-check"],
        cwd,
        data="".join(f"{item}\n" for item in objects).encode(),
    )
    return [
        line.split()[0].decode()
        for line in out.splitlines()
        if line.endswith(b" missing")
    ]


def versions(
    revisions: Iterable[str], cwd: str, suffixes: tuple[str, ...]
) -> dict[str, str]:
    """Returns every version of every file with these endings in the history of
    ``revisions``: paths by blob. Commits count as they are, not as replaced.

    Asked of the changes that commits make, merges against each parent: a listing of
    objects names a blob once only, under whichever path it met first.
    """
    options = [
        "--stdin",
        "--format=",
        "--raw",
        "-z",
        "--no-abbrev",
        "--no-renames",
        # a merge may hold what no parent has: a conflict that somebody settled
        "-m",
        "--root",
        # git else leaves out a side branch whose changes did not last
        "--full-history",
    ]
    patterns = ["*" + suffix for suffix in suffixes]
    out = run(
        [*ORIGINALS, "log", *options, "--", *patterns],
        cwd,
        data="".join(item + "\n" for item in revisions).encode(),
    )
    found: dict[str, str] = {}
    for match in re.finditer(
        rb":\d+ \d+ [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*\0([^\0]+)\0", out
    ):
        # all zeros: the file was deleted
        if match[1].strip(b"0"):
            found.setdefault(match[1].decode(), os.fsdecode(match[2]))
    return found
