"""The one door to git: plumbing commands run as processes, with an environment and
options that no clone can bend.

A git process costs 2 ms where importing a git library costs 130 ms; see
docs/internals/decisions. What is read on every start (where the repository is) is read
from files instead.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mltrack.errors import GitError, WorkspaceError
from mltrack.git.ownership import check as check_owner

# Values that git would run, or take for another repository: never inherited from a hook
# or set by a clone.
_FOREIGN = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_EXTERNAL_DIFF",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_QUARANTINE_PATH",
)
_SAFE = (
    "-c",
    "core.fsmonitor=",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.quotePath=false",
    "-c",
    "log.showSignature=false",
    "-c",
    "core.pager=cat",
    "-c",
    "diff.external=",
    "-c",
    "protocol.ext.allow=never",
)
_USERS_OWN = ("core.sshCommand", "core.askPass", "core.gitProxy", "credential.helper")
"""Programs that git runs to reach a remote: the person may name them, a repository may
not.
"""
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
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
            if os.path.isfile(os.path.join(marker, "HEAD")):
                _check_owner(directory, directory, marker)
                return Repository(directory, marker, marker)
        elif os.path.isfile(marker):
            _check_owner(directory, directory, marker)
            git_dir = _linked_git_dir(directory, marker)
            _check_owner(directory, git_dir)
            return Repository(directory, git_dir, _common_dir(git_dir))
        parent = os.path.dirname(directory)
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
    out = run_plain(
        ["config", "--path", "-z", "--get-all", "safe.directory"], "/", ok=(0, 1)
    )
    return os.fsdecode(out).split("\0")[:-1]


def _linked_git_dir(directory: str, marker: str) -> str:
    with open(marker, encoding="utf-8", errors="surrogateescape") as file:
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
        return git_dir


def run(
    arguments: Iterable[str],
    cwd: str,
    *,
    data: bytes | None = None,
    ok: tuple[int, ...] = (0,),
) -> bytes:
    """Returns what ``git`` printed; raises GitError with its words if it ends with a
    code not in ``ok``.
    """
    return _run(["git", *_SAFE, *arguments], cwd, data, ok)


def run_plain(
    arguments: Iterable[str], cwd: str, *, ok: tuple[int, ...] = (0,)
) -> bytes:
    """Like :func:`run`, with the user's own settings in force: for asking what they
    are.
    """
    return _run(["git", *arguments], cwd, None, ok)


def run_strict(arguments: Iterable[str], cwd: str) -> bytes:
    """Like :func:`run`, for what must not be passed over: what git only warns of raises
    GitError as well.
    """
    return _run(["git", *_SAFE, *arguments], cwd, None, (0,), warnings_fail=True)


def _run(
    command: list[str],
    cwd: str,
    data: bytes | None,
    ok: tuple[int, ...],
    *,
    warnings_fail: bool = False,
) -> bytes:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            input=data,
            capture_output=True,
            env=environment(),
            check=False,
        )
    except FileNotFoundError:
        raise GitError(
            "git is not installed, or not on PATH", hint="install git"
        ) from None
    if done.returncode not in ok or (warnings_fail and done.stderr.strip()):
        words = done.stderr.decode("utf-8", "replace").strip()
        verb = next(
            word for word in command[1:] if not word.startswith("-") and "=" not in word
        )
        raise GitError(f"git {verb} failed: {words or f'exit code {done.returncode}'}")
    return done.stdout


def environment() -> dict[str, str]:
    """Returns the environment for git: without what a surrounding git hook left in it."""
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return {
        **kept,
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
    }


def resolve(revision: str, cwd: str) -> str:
    """Returns the commit that ``revision`` names; raises GitError if there is none."""
    try:
        out = run(
            [
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                revision + "^{commit}",
            ],
            cwd,
        )
    except GitError:
        old, dots, new = revision.partition("..")
        hint = (
            f"two revisions are two words: {old} {new}"
            if dots
            else "`git log --oneline` and `git tag` list what there is"
        )
        raise GitError(f"there is no revision {revision!r} in git", hint=hint) from None
    return out.decode().strip()


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
    return min(found) if found else ""


def head_commit(repository: Repository) -> str:
    """Returns the commit of HEAD, or an empty text before the first commit."""
    out = run(
        ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], repository.top, ok=(0, 1)
    )
    return out.decode().strip()


def is_dirty(cwd: str) -> bool:
    """Returns whether tracked files differ from HEAD."""
    return bool(run(["status", "--porcelain", "--untracked-files=no", "-z"], cwd))


def list_files(cwd: str, patterns: Iterable[str]) -> list[str]:
    """Returns paths below ``cwd`` that git tracks, or would take, and that match;
    relative to it, sorted.
    """
    out = run(
        [
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--deduplicate",
            "--",
            *patterns,
        ],
        cwd,
    )
    return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)


def index_may_hold(git_dir: str, pattern: re.Pattern[bytes]) -> bool:
    """Returns whether a worktree's index may hold a path that matches: a look at the
    file's bytes, 2 ms sooner than asking.

    Versions 2 and 3 write paths out in full (gitformat-index); what is compressed or
    split may hold anything.
    """
    try:
        with open(os.path.join(git_dir, "index"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return False
    plain = (
        data[:4] == b"DIRC"
        and data[4:8] in (b"\0\0\0\2", b"\0\0\0\3")
        and b"link" not in data
        and b"sdir" not in data
    )
    return not plain or pattern.search(data) is not None


def list_all(cwd: str) -> tuple[list[str], list[str]]:
    """Returns the paths below ``cwd`` that stand in git's index, and those that git
    would take; both sorted.
    """
    out = run(
        ["ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard"], cwd
    )
    tracked: set[str] = set()
    others: set[str] = set()
    for item in out.split(b"\0"):
        if item:
            (others if item[:2] == b"? " else tracked).add(os.fsdecode(item[2:]))
    return sorted(tracked), sorted(others)


def tracked_below(path: str, cwd: str) -> list[str]:
    """Returns the paths at or below ``path`` that stand in git's index."""
    out = run(["--literal-pathspecs", "ls-files", "-z", "--cached", "--", path], cwd)
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def find_any(place: str) -> str:
    """Returns where git is to be asked about a repository at ``place``: a worktree's
    top, or a bare repository itself.

    Raises WorkspaceError for one that belongs to another user, before anything in it is
    read, and for what is none.
    """
    path = os.path.abspath(place)
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
    named = (
        ["--end-of-options", commit]
        if inner is None
        else ["--full-tree", "--end-of-options", f"{commit}:{inner}"]
    )
    for line in run(["ls-tree", "-r", "-z", *named], cwd).split(b"\0"):
        if not line:
            continue
        meta, _, raw = line.partition(b"\t")
        path = os.fsdecode(raw)
        name = path.rpartition("/")[2]
        mode, kind, blob = meta.decode().split()
        if (
            kind == "blob"
            and mode != "120000"
            and (
                (not suffixes and not names)
                or name in names
                or (suffixes and name.endswith(suffixes))
            )
        ):
            found[path] = blob
    return found


def read_blobs(blobs: Iterable[str], cwd: str) -> Iterator[tuple[str, bytes]]:
    """Yields ``(id, bytes)`` of each blob that git has, by one process."""
    asked = list(dict.fromkeys(blobs))
    if not asked:
        return
    out = run(
        ["cat-file", "--batch"],
        cwd,
        data="".join(blob + "\n" for blob in asked).encode(),
    )
    position = 0
    while position < len(out):
        end = out.index(b"\n", position)
        header = out[position:end].decode().split()
        position = end + 1
        if header[-1] == "missing":
            continue
        size = int(header[2])
        yield header[0], out[position : position + size]
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


def staged_files(cwd: str) -> list[str]:
    """Returns the paths below ``cwd`` that the next commit adds or changes; relative to
    it.
    """
    out = run(
        ["diff", "--cached", "--name-only", "--diff-filter=d", "--relative", "-z"], cwd
    )
    return [os.fsdecode(name) for name in out.split(b"\0") if name]


def changed_files(old: str, new: str, cwd: str) -> list[str]:
    """Returns the paths below ``cwd`` that differ between two commits; ``old`` may be
    all zeros, for none.
    """
    before = EMPTY_TREE if not old.strip("0") else old
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
    known = (
        run(["for-each-ref", "--format=%(objectname)", "refs/remotes"], cwd)
        .decode()
        .split()
    )
    if remote and commits_among([remote], cwd):
        known.append(remote)
    blobs = versions([local, *("^" + commit for commit in known)], cwd, suffixes)
    for blob, data in read_blobs(blobs, cwd):
        yield blobs[blob], data


def remote_urls(cwd: str) -> list[tuple[str, str]]:
    """Returns the name and address of each of git's own remotes."""
    out = run(["config", "-z", "--get-regexp", r"^remote\..*\.url$"], cwd, ok=(0, 1))
    pairs = (os.fsdecode(item).partition("\n") for item in out.split(b"\0") if item)
    return [
        (key.removeprefix("remote.").removesuffix(".url"), url) for key, _, url in pairs
    ]


def list_remote(url: str, cwd: str) -> bytes:
    """Returns what ``git ls-remote`` says of branches and tags. It is asked by address,
    not by name, and with the person's own settings for what may be run on the way: a
    repository's config names neither programs nor what runs at the remote.
    """
    own = []
    for key in _USERS_OWN:
        values = run_plain(["config", "-z", "--get-all", key], "/", ok=(0, 1)).split(
            b"\0"
        )[:-1]
        own += [
            word
            for value in ("", *map(os.fsdecode, values))
            for word in ("-c", f"{key}={value}")
        ]
    if not any(
        word.startswith("core.sshCommand=") and word != "core.sshCommand="
        for word in own
    ):
        own += ["-c", "core.sshCommand=ssh"]
    options = ["--heads", "--tags", "--refs", "--upload-pack=git-upload-pack"]
    return _run(
        ["git", *_SAFE, *own, "ls-remote", *options, "--", url], cwd, None, (0,)
    )


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
    ``revisions``: paths by blob.

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
        "-m",
        "--root",
        "--full-history",
    ]
    patterns = ["*" + suffix for suffix in suffixes]
    out = run(
        ["log", *options, "--", *patterns],
        cwd,
        data="".join(item + "\n" for item in revisions).encode(),
    )
    found: dict[str, str] = {}
    for match in re.finditer(
        rb":\d+ \d+ [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*\0([^\0]+)\0", out
    ):
        if match[1].strip(b"0"):
            found.setdefault(match[1].decode(), os.fsdecode(match[2]))
    return found


def unmerged(cwd: str) -> dict[str, dict[int, str]]:
    """Returns the blobs of each path in conflict by stage: 1 the base, 2 ours, 3
    theirs.
    """
    found: dict[str, dict[int, str]] = {}
    for line in run(["ls-files", "--unmerged", "-z"], cwd).split(b"\0"):
        meta, _, raw = line.partition(b"\t")
        if raw:
            _, blob, number = meta.decode().split()
            found.setdefault(os.fsdecode(raw), {})[int(number)] = blob
    return found


def is_submodule(path: str, cwd: str) -> bool:
    """Returns whether git carries the repository at ``path`` as a submodule."""
    out = run(["--literal-pathspecs", "ls-files", "-s", "-z", "--", path], cwd)
    return out.startswith(b"160000 ")
