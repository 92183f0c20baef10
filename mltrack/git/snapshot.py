"""What a worktree holds now as a tree of git's, and commits that no branch leads to.

Neither the index, nor HEAD, nor any ref that is not named here is written: trees are
made in an index of their own.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from mltrack.errors import GitError, UsageError
from mltrack.git.command import run
from mltrack.git.history import SUBMODULE
from mltrack.git.repository import Repository


def worktree_tree(repository: Repository, aside: str) -> str:
    """Returns the tree of all files of a worktree that git tracks or would take, as
    they stand there now. ``aside`` is a path for the index that it is made in, where
    nothing stands.

    Raises GitError for a worktree with conflicts.
    """
    top = repository.top
    # a copy: its stamps spare git reading files that did not change
    with suppress(FileNotFoundError):
        # with its time: git takes for unchanged what has its size and second, unless the
        # index is as young as the file
        shutil.copy2(os.path.join(repository.git_dir, "index"), aside)
    own = {"GIT_INDEX_FILE": aside}
    try:
        if run(["ls-files", "--unmerged", "-z"], top, variables=own):
            raise GitError(
                "there are conflicts in this worktree", hint="git status shows them"
            )
        _add_all(top, own)
        return run(["write-tree"], top, variables=own).decode().strip()
    finally:
        for path in (aside, aside + ".lock"):
            with suppress(FileNotFoundError):
                os.unlink(path)


def _add_all(top: str, own: Mapping[str, str]) -> None:
    try:
        # --sparse is left out: what a sparse clone leaves out stays as it was
        run(["add", "--all", "."], top, variables=own)
    except GitError as error:
        # a repository in it that has no commit yet, for one
        hint = "name what git cannot take in .gitignore"
        raise GitError(error.message, hint=hint) from None


def tree_of(commit: str, cwd: str) -> str:
    """Returns the tree of a commit."""
    return run(["rev-parse", "--verify", f"{commit}^{{tree}}"], cwd).decode().strip()


def submodules_in(tree: str, cwd: str) -> list[str]:
    """Returns the paths of a tree at which git carries other repositories: those below
    ``cwd``, relative to it.
    """
    out = run(["ls-tree", "-r", "-z", tree], cwd)
    prefix = SUBMODULE.encode() + b" "
    return [
        os.fsdecode(line.partition(b"\t")[2])
        for line in out.split(b"\0")
        if line.startswith(prefix)
    ]


def commit_tree(tree: str, parent: str, message: str, cwd: str) -> str:
    """Returns a commit of a tree that nobody's clock or name is in: the same tree on
    the same parent gives the same commit, wherever it is made.
    """
    date = run(["show", "-s", "--format=%ct", parent], cwd).decode().strip()
    given = {"NAME": "mltrack", "EMAIL": "", "DATE": f"{date} +0000"}
    own = {
        f"GIT_{who}_{name}": value
        for who in ("AUTHOR", "COMMITTER")
        for name, value in given.items()
    }
    arguments = ["commit-tree", tree, "-p", parent]
    out = run(arguments, cwd, data=message.encode(), variables=own)
    return out.decode().strip()


class NewCommit(NamedTuple):
    """A commit to be made below a ref. ``files`` change those of its parent; None
    removes one.
    """

    ref: str
    parent: str
    message: str
    seconds: float
    files: Mapping[str, bytes | None] = {}


def write_commits(commits: Iterable[NewCommit], cwd: str) -> None:
    """Makes commits, and the refs that name them, durably, in one process; a ref that
    is there is replaced. Raises GitError if git refuses one, and then none is made.
    """
    ident = identity(cwd)
    # forced: a note that was edited is another commit beside the former one
    arguments = ["fast-import", "--quiet", "--force", "--done"]
    text = b"feature done\n" + b"".join(_stream(one, ident) for one in commits)
    run(arguments, cwd, data=text + b"done\n")


def identity(cwd: str) -> bytes:
    """Returns the name and address that commits of this user carry; mltrack's own where
    none are set.
    """
    try:
        found = run(["var", "GIT_COMMITTER_IDENT"], cwd)
    except GitError:
        return b"mltrack <>"
    return found.rpartition(b"> ")[0] + b">"


def _stream(one: NewCommit, ident: bytes) -> bytes:
    """A commit in the words of gitformat's fast-import stream."""
    message = one.message.encode("utf-8", "surrogateescape")
    lines = [
        b"commit %s\n" % os.fsencode(one.ref),
        b"committer %s %d +0000\n" % (ident, int(one.seconds)),
        b"data %d\n%s\n" % (len(message), message),
        b"from %s\n" % one.parent.encode(),
    ]
    for path, data in one.files.items():
        name = _quoted(path)
        lines.append(
            b"D %s\n" % name
            if data is None
            else b"M 100644 inline %s\ndata %d\n%s\n" % (name, len(data), data)
        )
    return b"".join(lines) + b"\n"


def _quoted(path: str) -> bytes:
    """A path as fast-import reads it, whatever bytes are in it."""
    raw = os.fsencode(path)
    plain = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + plain + b'"'


class Ref(NamedTuple):
    """A ref, the commit that it names, that commit's first parent and message."""

    name: str
    commit: str
    parent: str
    message: str


def refs_with_messages(place: str, cwd: str) -> list[Ref]:
    """Returns the commits that the refs below a place name, in one process; refs that
    name anything else are left out.
    """
    fields = ("refname", "objecttype", "objectname", "parent", "contents")
    # git ends each message by a line break of its own
    shown = "%00".join(f"%({field})" for field in fields) + "%00%00"
    out = run(["for-each-ref", f"--format={shown}", place], cwd)
    found = []
    for block in out.split(b"\0\0\n"):
        name, _, rest = block.partition(b"\0")
        kind, _, rest = rest.partition(b"\0")
        commit, _, rest = rest.partition(b"\0")
        parents, _, message = rest.partition(b"\0")
        if kind == b"commit":
            found.append(
                Ref(
                    os.fsdecode(name),
                    commit.decode(),
                    parents.decode().split(" ")[0],
                    message.decode("utf-8", "surrogateescape"),
                )
            )
    return found


def change_refs(changes: Iterable[tuple[str, str, str]], cwd: str) -> None:
    """Sets refs, each ``(name, new commit, old commit)``, all or none; a new commit of
    '' deletes. Raises GitError if one is not what ``old`` says, '' for not there.
    """
    lines = [_change(name, new, old) for name, new, old in changes]
    if lines:
        text = "".join(lines).encode("utf-8", "surrogateescape")
        run(["update-ref", "--stdin", "-z"], cwd, data=text)


def _change(name: str, new: str, old: str) -> str:
    """One change in the words of update-ref."""
    if not old:
        return f"create {name}\0{new}\0"
    return f"update {name}\0{new}\0{old}\0" if new else f"delete {name}\0{old}\0"


def differing(tree: str, other: str, cwd: str) -> dict[str, str]:
    """Returns the files below ``cwd`` that another tree has otherwise, by path relative
    to it, each with its blob in the first, '' for none. What the other one lacks is
    left out.
    """
    words = ["diff-tree", "-r", "-z", "--no-renames", "--diff-filter=AMT", "--relative"]
    out = run([*words, tree, other], cwd).split(b"\0")
    found = {}
    for meta, path in zip(out[::2], out[1::2], strict=False):
        blob = meta.decode().split()[2]
        found[os.fsdecode(path)] = "" if set(blob) == {"0"} else blob
    return found


def blobs_at(commits: list[str], paths: list[str], cwd: str) -> dict[str, set[str]]:
    """Returns for each path, relative to ``cwd``, the blobs that stand there at any of
    some commits.
    """
    found: dict[str, set[str]] = {path: set() for path in paths}
    # a line each is asked for: a name with a line break cannot be
    asked = [(one, path) for path in paths if "\n" not in path for one in commits]
    text = "".join(f"{commit}:./{path}\n" for commit, path in asked)
    data = text.encode("utf-8", "surrogateescape")
    lines = run(["cat-file", "--batch-check"], cwd, data=data).split(b"\n")
    for (_, path), line in zip(asked, lines, strict=False):
        words = line.split(b" ")
        # of what is missing the line repeats the question
        if len(words) == 3 and words[1] == b"blob":
            found[path].add(words[0].decode())
    return found


class Entry(NamedTuple):
    """A file of a commit as it is checked out: ``data`` is where a link leads to if it
    ``is_link``.
    """

    path: str
    data: bytes
    mode: int
    is_link: bool


def checked_out(commit: str, paths: list[str], cwd: str) -> Iterator[Entry]:
    """Yields files of a commit, by path relative to ``cwd``, as git would put them into
    a worktree; what is no file there is left out.
    """
    if not paths:
        return
    words = ["--literal-pathspecs", "ls-tree", "-z", commit, "--"]
    for line in run([*words, *paths], cwd).split(b"\0"):
        meta, _, raw = line.partition(b"\t")
        if not raw or meta.split()[1] != b"blob":
            continue
        mode, path = int(meta.split()[0], 8), os.fsdecode(raw)
        is_link = stat.S_ISLNK(mode)
        # line ends and filters are no matter of links
        how = "blob" if is_link else "--filters"
        data = run(["cat-file", how, f"{commit}:./{path}"], cwd)
        yield Entry(path, data, stat.S_IMODE(mode), is_link)


def reworded(commit: str, message: str, cwd: str) -> str:
    """Returns a commit like another one, with another message."""
    shown = "%T%x00%P%x00%an%x00%ae%x00%ct"
    out = run(["show", "-s", f"--format={shown}", commit], cwd).decode(
        "utf-8", "surrogateescape"
    )
    tree, parents, name, mail, moment = out.rstrip("\n").split("\0")
    own = {
        f"GIT_{who}_{field}": value
        for who in ("AUTHOR", "COMMITTER")
        for field, value in (
            ("NAME", name),
            ("EMAIL", mail),
            ("DATE", f"{moment} +0000"),
        )
    }
    words = [word for parent in parents.split() for word in ("-p", parent)]
    data = message.encode("utf-8", "surrogateescape")
    return (
        run(["commit-tree", tree, *words], cwd, data=data, variables=own)
        .decode()
        .strip()
    )


def is_known(name: str, cwd: str) -> bool:
    """Returns whether git takes a name for a revision by itself."""
    words = ["rev-parse", "--verify", "--quiet", "--end-of-options", name]
    return bool(run(words, cwd, ok=(0, 1, 128)).strip())


def branch_ref(name: str, cwd: str) -> str:
    """Returns the ref of a branch that is not there yet; raises UsageError for a name
    that is none, or taken.
    """
    try:
        run(["check-ref-format", "--branch", name], cwd)
    except GitError:
        raise UsageError(f"{name!r} is no name for a branch") from None
    ref = f"refs/heads/{name}"
    if run(["for-each-ref", "--format=%(refname)", ref], cwd).strip():
        raise UsageError(f"there is a branch {name!r} already", hint="another name")
    return ref


def patch(old: str, new: str, cwd: str, left_out: list[str]) -> bytes:
    """Returns how the files below ``cwd`` differ between two commits, as a patch,
    without some of them.
    """
    excluded = [f":(exclude,literal){path}" for path in left_out]
    words = ["diff", "--no-ext-diff", "--no-textconv", "--relative"]
    return run([*words, old, new, "--", ".", *excluded], cwd)
