"""The portable rule for paths that stand in text files: relative, normal, and never
git's or mltrack's own.
"""

import re

from mltrack.errors import FormatError
from mltrack.objects.tree import is_reserved_name

# characters: PATH_MAX of Linux, beyond which no system call takes it
MAX_PATH = 4096
# entries, so that a hostile lock cannot fill the memory with its paths
_MAX_FIT = 1 << 20
_fit: set[object] = set()
"""Paths that were found fit before: a lock, its pipeline file and its journal name the
same ones.
"""
# a line feed would break ignore files and lists; an escape would reach terminals
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# no host that begins with `-`: to a program that is handed it that is an option
_URL = re.compile(r"[a-z][a-z0-9+.]*://[^-/][^/]*(/|\Z)")
# refused on every system: what is recorded must be a path to all clones
_DRIVE = re.compile(r"[A-Za-z]:")


def check_path(path: object, where: str) -> str:
    """Returns ``path`` if it may name something in the workspace; raises FormatError
    with ``where`` otherwise.
    """
    # before the checks: a lock, its journal and its pipeline file say the same again
    if path in _fit:
        return str(path)
    if not isinstance(path, str) or not path:
        raise FormatError(f"{where}: a path is empty or not text: {path!r}")
    if len(path) > MAX_PATH or _CONTROL.search(path):
        raise FormatError(
            f"{where}: path is too long or holds control characters: {path[:120]!r}"
        )
    try:
        # a lone surrogate of JSON's `\ud800`: no file can be called that
        path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise FormatError(f"{where}: path is not valid text: {path!r}") from None
    if "\\" in path:
        raise FormatError(
            f"{where}: a name with a backslash cannot be recorded, since other systems "
            f"take it for '/': {path}"
        )
    if path.startswith("/") or _DRIVE.match(path):
        raise FormatError(
            f"{where}: path must be relative, with '/' between its parts: {path!r}"
        )
    for part in path.split("/"):
        if part in ("", ".", ".."):
            raise FormatError(
                f"{where}: path must be normal, without '..', '.' or empty parts: "
                f"{path!r}"
            )
        if is_reserved_name(part.encode("utf-8", "surrogateescape")):
            raise FormatError(
                f"{where}: path leads into git's or mltrack's own directory: {path!r}"
            )
        # NAME_MAX, in bytes as file systems count
        if len(part.encode("utf-8", "surrogateescape")) > 255:
            raise FormatError(
                f"{where}: a part of the path is longer than 255 bytes: {path[:120]!r}"
            )
    if len(_fit) < _MAX_FIT:
        _fit.add(path)
    return path


def check_url(url: str) -> str:
    """Returns ``url`` if it may stand as a dependency: a scheme that leads away from
    this machine, no secret in it.
    """
    if url.startswith(("file:", "local:", "memory:")):
        raise FormatError(
            f"{url[:120]!r} is a place on this machine: depend on its path"
        )
    if len(url) > MAX_PATH or _CONTROL.search(url) or " " in url or not _URL.match(url):
        raise FormatError(
            f"{url[:120]!r} is not a URL such as https://host/path or s3://bucket/key"
        )
    if "@" in url.split("/")[2] and ":" in url.split("/")[2].partition("@")[0]:
        raise FormatError(
            "a URL with a password in it would be recorded for everyone: keep it "
            "where the client looks"
        )
    return url


def check_outside(path: str) -> str:
    """Returns an absolute path in normal form, if it may stand as a dependency; raises
    FormatError otherwise.
    """
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise FormatError(f"{path!r} is the whole machine")
    if len(path) > MAX_PATH or _CONTROL.search(path) or "\\" in path:
        raise FormatError(
            f"path is too long, or holds control characters or backslashes: "
            f"{path[:120]!r}"
        )
    return "/" + "/".join(parts)


def check_dependency(path: object, where: str) -> str:
    """Returns ``path`` if a stage may depend on it: a path in the workspace, an
    absolute one, or a URL.
    """
    if isinstance(path, str) and "://" in path:
        return check_url(path)
    if isinstance(path, str) and path.startswith("/"):
        return check_outside(path)
    return check_path(path, where)


def join(directory: str, path: str) -> str | None:
    """Returns ``directory/path`` in normal form, or None if it leaves the root or is
    absolute; '' is the root.
    """
    # on texts alone: links are looked at when a path is opened, by descriptor
    if path.startswith("/"):
        return None
    parts: list[str] = directory.split("/") if directory else []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
