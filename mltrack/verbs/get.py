"""``get``: files and directories of another project, copied to where they are wanted;
nothing else of it comes along.
"""

import fnmatch
import os
import shutil
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from mltrack import project as projects
from mltrack.disk.durable import make_directories, temporary_path, write_atomic
from mltrack.engine.recorded import Recorded
from mltrack.errors import UsageError, WorkspaceError
from mltrack.formats.pointer import SUFFIX
from mltrack.git import history
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.tree import DIRECTORY, Entry
from mltrack.objects.tree_walk import entry_at, leaves
from mltrack.pipeline.paths import contains
from mltrack.store.local.cache import COPY, REFLINK, Cache
from mltrack.store.shared.transfer import Report
from mltrack.verbs.elsewhere import Elsewhere
from mltrack.verbs.sources import Sources, quiet
from mltrack.workspace import fresh, materialize
from mltrack.workspace.checkout_plan import Operation
from mltrack.workspace.materialize import Workspace

_WILD = "*?["
# what Git LFS leaves in git in the place of a file begins so
_LFS = b"version https://git-lfs.github.com/"


class Item(NamedTuple):
    """One thing to get: its path there, where it goes, and what it is: a content, or
    the blob that git has, with git's mode of it.
    """

    path: str
    to: str
    content: Content | None
    blob: str = ""
    mode: str = ""


class Got(NamedTuple):
    """What came: the commit it is of, and each thing's path there and here."""

    commit: str
    items: tuple[Item, ...]


def get(
    session: Elsewhere,
    arguments: list[str],
    out: str = "",
    *,
    force: bool = False,
    report: Report = quiet,
) -> Got:
    """Copies paths of another project into the directory ``out``, or one of them to the
    path ``out``. All bytes are here, and checked, before anything is written.

    A path is tracked data, a part of it, an output of a stage, or a file that git
    itself keeps; one with ``*``, ``?`` or ``[`` in it is a pattern, and ``**`` stands
    for any number of directories. Raises UsageError for one that is not there and,
    unless ``force``, where something stands in the place of another.
    """
    recorded = session.at("")
    found = _Places(session, recorded)
    items = list(_placed(arguments, found, out))
    _refuse_what_stands(items, force=force)
    contents = [item.content for item in items if item.content is not None]
    Sources(session).require(contents, report)
    texts = _texts(session, items)
    for item in items:
        _write(item, texts, recorded.cache, report)
    return Got(session.base, tuple(items))


class _Places:
    """What stands where in a project at one moment, and is opened only as far as it is
    asked for.
    """

    def __init__(self, session: Elsewhere, recorded: Recorded) -> None:
        self._recorded = recorded
        self._targets = recorded.view.targets()
        self._in_git = {
            path: Item(path, "", None, blob, mode)
            for path, (mode, blob) in history.entries_at(
                session.base, session.source.path, inner=session.inner
            ).items()
        }

    def at(self, path: str) -> Item | None:
        """What has this path: a content, a blob, or None for nothing."""
        for name, target in self._targets.items():
            if name == path:
                return Item(path, "", target.content)
            if contains(name, path) and target.content.kind == TREE:
                entry = entry_at(
                    target.content.hex,
                    os.fsencode(path[len(name) + 1 :]),
                    self._recorded.read_tree,
                )
                return Item(path, "", _content(entry)) if entry is not None else None
        return self._in_git.get(path)

    def below(self, path: str) -> list[Item]:
        """All that stands below a directory that is no tracked one itself."""
        return [
            *(
                Item(name, "", target.content)
                for name, target in self._targets.items()
                if contains(path, name)
            ),
            *(
                item
                for name, item in self._in_git.items()
                if contains(path, name) and not _is_of_the_project(name)
            ),
        ]

    def matching(self, pattern: str) -> Iterator[Item]:
        """The files that a pattern names."""
        for name, target in self._targets.items():
            if matches(name, pattern):
                yield Item(name, "", target.content)
            elif target.content.kind == TREE and _may_lie_below(name, pattern):
                read = self._recorded.read_tree
                for inner, entry in leaves(target.content.hex, read):
                    path = f"{name}/{os.fsdecode(inner)}"
                    if entry.kind != DIRECTORY and matches(path, pattern):
                        yield Item(path, "", _content(entry))
        for name, item in self._in_git.items():
            if matches(name, pattern):
                yield item


def _placed(arguments: list[str], places: _Places, out: str) -> Iterator[Item]:
    """Each thing that is meant, with where it goes."""
    is_directory = (
        len(arguments) > 1 or not out or out.endswith("/") or os.path.isdir(out)
    )
    for argument in arguments:
        path = os.path.normpath(argument.strip("/")) if argument.strip("/") else ""
        if any(one in argument for one in _WILD):
            # names below the part without a pattern keep their directories
            fixed = os.path.dirname(path[: _first_wild(path)])
            met = sorted(places.matching(path))
            for item in met:
                inner = item.path[len(fixed) + 1 :] if fixed else item.path
                yield item._replace(to=os.path.join(out, inner))
        elif (one := places.at(path)) is not None:
            name = os.path.join(out, os.path.basename(path)) if is_directory else out
            met = [one]
            yield one._replace(to=name)
        else:
            met = places.below(path)
            top = (
                os.path.join(out, os.path.basename(path))
                if is_directory and path
                else out
            )
            for item in met:
                inner = item.path[len(path) + 1 :] if path else item.path
                yield item._replace(to=os.path.join(top, inner))
        if not met:
            raise UsageError(
                f"there is no {argument!r} in that project",
                hint="mltrack ls -R --repo REPOSITORY",
            )


def _refuse_what_stands(items: Iterable[Item], *, force: bool) -> None:
    first: dict[str, str] = {}
    for item in items:
        if item.content is None and item.mode not in history.FILE_MODES:
            kind = "a submodule" if item.mode == history.SUBMODULE else "a link"
            raise UsageError(
                f"{item.path!r} is {kind} there",
                hint="name the other paths, or `git clone` the project",
            )
        if first.setdefault(item.to, item.path) != item.path:
            raise UsageError(
                f"{first[item.to]!r} and {item.path!r} would both become {item.to!r}",
                hint="get them into two directories, with -o",
            )
        if not force and os.path.lexists(item.to):
            raise UsageError(
                f"{item.to!r} is there already",
                hint="--force replaces it, or -o names another place",
            )


def _texts(session: Elsewhere, items: Iterable[Item]) -> dict[str, bytes]:
    """The bytes of what git keeps, by blob."""
    blobs = {item.blob: item for item in items if item.blob}
    texts = dict(history.read_blobs(blobs, session.source.path))
    for blob, item in blobs.items():
        if blob not in texts:
            raise WorkspaceError(f"git lacks the bytes of {item.path!r} there")
        if texts[blob].startswith(_LFS):
            raise WorkspaceError(
                f"{item.path!r} is kept by Git LFS, not by git",
                hint="`git clone` and `git lfs pull` get it",
            )
    return texts


def _write(item: Item, texts: dict[str, bytes], cache: Cache, report: Report) -> None:
    parent = os.path.dirname(os.path.abspath(item.to))
    make_directories(parent)
    if item.content is None:
        mode = 0o755 if item.mode == history.EXECUTABLE else 0o644
        write_atomic(item.to, texts[item.blob], mode=mode)
        return
    # beside it: no rename crosses file systems
    aside = temporary_path(parent)
    os.mkdir(aside)
    try:
        _materialise(item.content, parent, aside, cache, report)
        if os.path.lexists(item.to):
            os.rename(item.to, os.path.join(aside, "old"))
        os.rename(os.path.join(aside, "new"), item.to)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _materialise(
    content: Content, parent: str, aside: str, cache: Cache, report: Report
) -> None:
    """Puts a content to ``new`` in the directory ``aside``."""
    # whole files of their own, whatever the person's own projects link
    plain = Cache(cache.path, cache.algorithm, (REFLINK, COPY))
    scratch = os.path.join(aside, "tmp")
    os.mkdir(scratch)
    workspace = Workspace(aside, scratch, plain)
    if content.kind == TREE:
        fresh.create(workspace, b"new", fresh.survey(content, plain), _counts)
        return
    letter = {kind: letter for letter, kind in BY_LETTER.items()}[content.kind]
    entry = Entry(b"new", letter, content.hex, content.size)
    materialize.apply(workspace, b"new", [Operation(b"new", entry, None)], _counts)


def _counts(done: int, total: int) -> None:
    """Nobody counts files of one directory."""


def _content(entry: Entry) -> Content:
    return Content(BY_LETTER[entry.kind], entry.hex, entry.size)


def _is_of_the_project(path: str) -> bool:
    """Whether a file only serves the project that it is in: nobody means it who asks
    for the directory.
    """
    name = path.rpartition("/")[2]
    return (
        name.endswith(SUFFIX)
        or name == ".gitignore"
        or path.startswith(f"{projects.DIRECTORY}/")
    )


def _first_wild(path: str) -> int:
    return min(path.index(one) for one in _WILD if one in path)


@lru_cache(maxsize=1 << 12)
def matches(path: str, pattern: str) -> bool:
    """Returns whether a path fits a pattern, component by component."""
    return _fits(tuple(path.split("/")), tuple(pattern.split("/")))


def _fits(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not path
    if pattern[0] == "**":
        return _fits(path, pattern[1:]) or bool(path and _fits(path[1:], pattern))
    return (
        bool(path)
        and fnmatch.fnmatchcase(path[0], pattern[0])
        and _fits(path[1:], pattern[1:])
    )


def _may_lie_below(path: str, pattern: str) -> bool:
    """Whether something below a directory may fit a pattern."""
    wanted = pattern.split("/")
    for at, name in enumerate(path.split("/")):
        if at >= len(wanted):
            return False
        if wanted[at] == "**":
            return True
        if not fnmatch.fnmatchcase(name, wanted[at]):
            return False
    return len(wanted) > path.count("/") + 1
