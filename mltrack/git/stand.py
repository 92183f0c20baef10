"""A directory with the files of one commit, as a repository of its own that borrows the
objects of another: git can be asked about it, and the other one learns nothing of it.
"""

import os
from contextlib import suppress

from mltrack.disk.durable import make_directories, write_atomic
from mltrack.errors import GitError
from mltrack.git.command import run, run_plain
from mltrack.git.repository import Repository

_TREE = "mltrack-tree"
"""In the stand's git directory: the tree that it has, while nothing else is known."""
# what of a repository's own settings says how its files look, and, of a clone that lacks
# some objects, where they are had
_TAKEN = (
    r"^(core\.(autocrlf|eol|symlinks|filemode|ignorecase|safecrlf)|filter\..*"
    r"|extensions\.partialclone|remote\..*\.(url|promisor|partialclonefilter))$"
)


def make_stand(place: str, source: Repository, hidden: list[str]) -> Repository:
    """Returns the repository at ``place``, made if it is not there. ``hidden`` are lines
    of what git is not to see in it.
    """
    git_dir = os.path.join(place, ".git")
    if not os.path.exists(os.path.join(git_dir, "HEAD")):
        make_directories(place)
        format_ = run(["rev-parse", "--show-object-format"], source.top)
        run(
            [
                "init",
                "--quiet",
                "--template=",
                f"--object-format={format_.decode().strip()}",
                place,
            ],
            source.top,
        )
    objects = os.path.join(source.common_dir, "objects")
    alternates = os.path.join(git_dir, "objects", "info", "alternates")
    make_directories(os.path.dirname(alternates))
    write_atomic(alternates, os.fsencode(objects) + b"\n", durable=False)
    make_directories(os.path.join(git_dir, "info"))
    text = "".join(f"{line}\n" for line in hidden)
    exclude = os.path.join(git_dir, "info", "exclude")
    write_atomic(exclude, text.encode(), durable=False)
    _take_settings(place, source)
    return Repository(place, git_dir, git_dir)


def _take_settings(place: str, source: Repository) -> None:
    """Gives the stand those of the source's settings that it needs to have the same files."""
    found = run_plain(
        ["config", "--local", "-z", "--get-regexp", _TAKEN], source.top, ok=(0, 1)
    )
    for item in filter(None, os.fsdecode(found).split("\0")):
        name, _, value = item.partition("\n")
        run(["config", "--local", "--replace-all", name, value], place)


def switch(stand: Repository, tree: str) -> None:
    """Makes the files of a stand those of a tree, and removes whatever else lies there
    and is not ignored by its own ``info/exclude``.
    """
    note = os.path.join(stand.git_dir, _TREE)
    with suppress(FileNotFoundError), open(note, encoding="ascii") as file:
        if file.read().strip() == tree:
            return
    # before it changes: killed halfway, nothing is certain
    with suppress(FileNotFoundError):
        os.unlink(note)
    run(["read-tree", "--reset", "-u", tree], stand.top)
    write_atomic(note, tree.encode(), durable=False)


def clean(stand: Repository) -> None:
    """Removes from a stand what does not belong there, and restores the rest at the next
    :func:`switch`.
    """
    # what cannot be removed is named by the error of whoever needs the place
    with suppress(GitError):
        run(["clean", "-ffdxq", "-e", ".mltrack"], stand.top)
    forget(stand)


def forget(stand: Repository) -> None:
    """Has the next :func:`switch` look at every file."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(stand.git_dir, _TREE))
