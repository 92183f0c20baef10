"""``get``: files and directories of another project, copied to where they are wanted;
nothing else of it comes along.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mltrack.disk.durable import make_directories, temporary_path, write_atomic
from mltrack.errors import UsageError, WorkspaceError
from mltrack.git import history
from mltrack.store.local.cache import Cache
from mltrack.store.shared.transfer import Report
from mltrack.verbs.elsewhere import Elsewhere
from mltrack.verbs.sources import quiet
from mltrack.verbs.standing import WILD, Found, Standing
from mltrack.workspace.copies import make_copy

# what Git LFS leaves in git in the place of a file begins so
_LFS = b"version https://git-lfs.github.com/"


class Item(NamedTuple):
    """One thing to get, and the path here that it becomes."""

    found: Found
    to: str


class Got(NamedTuple):
    """What came, and the commit that it is of."""

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
    items = list(_placed(arguments, Standing(session), out))
    _refuse_what_stands(items, force=force)
    contents = [item.found.content for item in items if item.found.content is not None]
    session.sources.require(contents, report)
    texts = _texts(session, [item.found for item in items])
    for item in items:
        _write(item, texts, session.project.cache)
    return Got(session.base, tuple(items))


def _placed(arguments: list[str], standing: Standing, out: str) -> Iterator[Item]:
    """Each thing that is meant, with where it goes."""
    into = len(arguments) > 1 or not out or out.endswith("/") or os.path.isdir(out)
    if len(arguments) > 1 and os.path.lexists(out) and not os.path.isdir(out):
        raise UsageError(
            f"{out!r} is no directory", hint="several paths go into a directory: -o DIR"
        )
    for argument in arguments:
        path = os.path.normpath(argument).strip("/") if argument.strip("./") else ""
        if any(one in argument for one in WILD):
            # names below the part without a pattern keep their directories
            top = os.path.dirname(path[: min(path.index(w) for w in WILD if w in path)])
            met, to = sorted(standing.matching(path)), out
        elif (one := standing.at(path)) is not None:
            top, met, to = path, [one], out
        else:
            top, met, to = path, standing.below(path), out
        if not met:
            raise UsageError(
                f"there is no {argument!r} in that project",
                hint="mltrack ls -R --repo REPOSITORY",
            )
        if top == path and into:
            to = os.path.join(out, os.path.basename(path))
        for found in met:
            inner = found.path[len(top) :].lstrip("/") if top else found.path
            yield Item(found, os.path.join(to, inner) if inner else to)


def _refuse_what_stands(items: Iterable[Item], *, force: bool) -> None:
    first: dict[str, str] = {}
    for found, to in items:
        if found.blob and found.mode not in history.FILE_MODES:
            kind = "a submodule" if found.mode == history.SUBMODULE else "a link"
            raise UsageError(
                f"{found.path!r} is {kind} there",
                hint="name the other paths, or `git clone` the project",
            )
        if first.setdefault(to, found.path) != found.path:
            raise UsageError(
                f"{first[to]!r} and {found.path!r} would both become {to!r}",
                hint="get them into two directories, with -o",
            )
        if not force and os.path.lexists(to):
            raise UsageError(
                f"{to!r} is there already",
                hint="--force replaces it, or -o names another place",
            )


def _texts(session: Elsewhere, things: Iterable[Found]) -> dict[str, bytes]:
    """The bytes of what git keeps, by blob."""
    blobs = {found.blob: found for found in things if found.blob}
    texts = dict(history.read_blobs(blobs, session.source.path))
    for blob, found in blobs.items():
        if blob not in texts:
            raise WorkspaceError(f"git lacks the bytes of {found.path!r} there")
        if texts[blob].startswith(_LFS):
            raise WorkspaceError(
                f"{found.path!r} is kept by Git LFS, not by git",
                hint="`git clone` and `git lfs pull` get it",
            )
    return texts


def write_to(session: Elsewhere, found: Found, to: str) -> None:
    """Puts one thing, whose bytes are here, to a path where nothing is."""
    texts = _texts(session, [found])
    _write(Item(found, to), texts, session.project.cache)


def _write(item: Item, texts: dict[str, bytes], cache: Cache) -> None:
    found, to = item
    parent = os.path.dirname(os.path.abspath(to))
    make_directories(parent)
    if found.content is None:
        mode = 0o755 if found.mode == history.EXECUTABLE else 0o644
        write_atomic(to, texts[found.blob], mode=mode)
        return
    # beside it: no rename crosses file systems
    aside = temporary_path(parent)
    os.mkdir(aside)
    try:
        made = make_copy(found.content, aside, cache)
        if os.path.lexists(to):
            os.rename(to, os.path.join(aside, "replaced"))
        os.rename(made, to)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
