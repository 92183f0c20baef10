"""The bytes at a URL, and by what its server tells one state of them from another: for
data that is imported from there.

The web is asked by the standard library, everything else through fsspec.
"""

import gzip
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from mltrack.errors import RemoteError, UsageError
from mltrack.events import Progress, meter
from mltrack.store.kinds import web
from mltrack.store.kinds.fsspec_door import at_url, moving_callback
from mltrack.store.kinds.url_state import mark_of, speaking_of

SCHEMES = (
    *("http", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl"),
    *("ftp", "sftp", "ssh", "hdfs", "webhdfs", "hf", "file"),
)
"""Where data may be imported from. Others of fsspec read this process's memory, run
commands, or chain several of these.
"""
_PART = 1 << 20
# what servers say that answer to GET alone
_NO_HEAD = (403, 405, 501)
_BY_TIME = ("LastModified", "mtime", "updated")

_AT_ONCE = 8
"""Files of a directory, from servers that take several requests at once."""

Report = Callable[[Progress], None]
"""Is told how far it is."""


class State(NamedTuple):
    """What a server says of something: ``mark`` is one of
    :data:`mltrack.formats.origin.MARKS`; ``size`` is in bytes, -1 if it is not said.
    """

    mark: str
    value: str
    size: int


Known = Callable[[str, State, str], bool]
"""Puts to a path the bytes of a file in a directory, of its name and state, if they are
here; returns whether it did.
"""


class Came(NamedTuple):
    """What was downloaded: its state, and the states of the files of a directory."""

    state: State
    files: dict[str, State]


def nothing_known(name: str, state: State, to: str) -> bool:
    """Says of each file that it is to be read."""
    return False


def check_url(url: str) -> None:
    """Raises UsageError for an address that data is not imported from."""
    scheme, mark, _ = url.partition("://")
    if not mark:
        raise UsageError(
            f"{url!r} is no address such as https://host/data.csv",
            hint="a path of another project goes with --repo; `mltrack add --out` takes "
            "what is on this machine",
        )
    if scheme not in SCHEMES or "::" in url:
        raise UsageError(
            f"{url!r} is no address that data can be imported from",
            hint=f"one that begins with {', '.join(SCHEMES)}",
        )


def state_of(url: str) -> State:
    """Returns the state of what stands at a URL, without its bytes.

    Raises UsageError where there is nothing, or nothing tells its states apart, and
    RemoteError if the server cannot be asked.
    """
    return _asked(url, lambda: _web_state(url) if web.is_web(url) else _state(url))


def download(url: str, to: str, report: Report, known: Known = nothing_known) -> Came:
    """Writes the file or directory at a URL to the path ``to``, where nothing is;
    returns the state that came. Of a directory only those files are read that
    ``known`` does not have.

    Raises as :func:`state_of` does, and RemoteError for bytes that changed on the way
    or are fewer than was said.
    """
    if web.is_web(url):
        return Came(_asked(url, lambda: _download_web(url, to, report)), {})
    files: dict[str, State] = {}
    state = _asked(url, lambda: _download(url, to, report, _Kept(known, files)))
    return Came(state, files)


def _asked(url: str, ask: Callable[[], State]) -> State:
    check_url(url)
    try:
        with speaking_of(url):
            state = ask()
    except FileNotFoundError:
        raise UsageError(f"there is nothing at {url}") from None
    if not state.value:
        raise UsageError(
            f"{url} has neither etag nor version nor time: nothing would show that it "
            "changed",
            hint=f"download it, then `mltrack add {os.path.basename(url)}`",
        )
    return state


# the web


def _web_state(url: str) -> State:
    try:
        answer = web.answer(url, "HEAD")
    except RemoteError as error:
        if web.status_of(error) not in _NO_HEAD:
            raise
        answer = web.answer(url, "GET")
    with answer:
        return _said(answer.headers)


def _download_web(url: str, to: str, report: Report) -> State:
    # the state is that of the very answer that brings the bytes
    with web.answer(url, "GET") as answer, open(to, "wb") as file:
        came, size = 0, _said(answer.headers).size
        report(Progress("fetching", 0, 1, max(size, 0)))
        while part := answer.read(_PART):
            file.write(part)
            came += len(part)
            meter.moved += len(part)
        state = _said(answer.headers)
        if came != state.size >= 0:
            raise RemoteError(
                f"{url} said {state.size:,} bytes and sent {came:,}", retryable=True
            )
        packed = answer.headers.get("content-encoding", "") in ("gzip", "x-gzip")
    # packed for the way only; a name that says so is of a file that is packed itself
    if packed and not url.endswith((".gz", ".tgz")):
        _unpack(to)
    return state


def _said(headers: Mapping[str, str]) -> State:
    length = headers.get("content-length") or ""
    size = int(length) if length.isdigit() else -1
    if tag := headers.get("etag"):
        return State("etag", tag, size)
    return State("modified", headers.get("last-modified") or "", size)


def _unpack(path: str) -> None:
    with gzip.open(path) as packed, open(f"{path}.plain", "wb") as plain:
        shutil.copyfileobj(packed, plain, _PART)
    os.replace(f"{path}.plain", path)


# what fsspec reaches


def _state(url: str) -> State:
    state, _ = _look(*at_url(url))
    return state


def _look(files: Any, path: str) -> tuple[State, dict[str, State]]:
    """The state of what is at a path, and of a directory those of the files below."""
    info = files.info(path)
    if info.get("type") != "directory":
        return _of_file(info), {}
    states = {name: _of_file(info) for name, info in _below(files, path).items()}
    # sorted: servers list in any order
    names = sorted(states)
    # a pointer keeps the digest: what it is made of is written in docs/reference
    lines = ("\0".join((name, *map(str, states[name]))) for name in names)
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape"))
    size = sum(max(state.size, 0) for state in states.values())
    is_known = names and all(state.value for state in states.values())
    return State("listing", digest.hexdigest() if is_known else "", size), states


def _of_file(info: Mapping[str, Any]) -> State:
    name = mark_of(info)
    mark = "modified" if name in _BY_TIME else "etag" if "tag" in name.lower() else ""
    size = info.get("size")
    return State(
        mark or "version",
        str(info[name]) if name else "",
        size if isinstance(size, int) else -1,
    )


def _below(files: Any, top: str) -> dict[str, Mapping[str, Any]]:
    """The files below a directory, by their paths from it."""
    inner = {}
    for path, info in files.find(top, detail=True).items():
        name = path.removeprefix(top.rstrip("/")).lstrip("/")
        # an object whose name ends with a slash stands for a directory
        if not name or name.endswith("/"):
            continue
        if os.path.normpath(name) != name or name.startswith(("../", "/")):
            raise RemoteError(f"{path!r} is no name that a file can have here")
        inner[name] = info
    return inner


class _Kept(NamedTuple):
    """What is known of a directory's files, and what is learned of them."""

    known: Known
    files: dict[str, State]


def _download(url: str, to: str, report: Report, kept: _Kept) -> State:
    files, path = at_url(url)
    before, below = _look(files, path)
    kept.files.update(below)
    names = [""]
    if before.mark == "listing":
        # in this thread: they come out of the cache
        names = [
            name for name in sorted(below) if not _is_here(name, below[name], to, kept)
        ]
    report(Progress("fetching", 0, len(names), _bytes_of(names, below, before)))

    def bring(name: str) -> None:
        place = os.path.join(to, name) if name else to
        os.makedirs(os.path.dirname(place), exist_ok=True)
        source = f"{path.rstrip('/')}/{name}" if name else path
        files.get_file(source, place, callback=moving_callback(_count))

    # clients that are not made for several requests at once get one
    at_once = _AT_ONCE if getattr(files, "async_impl", False) else 1
    with ThreadPoolExecutor(at_once) as pool:
        for count, _ in enumerate(pool.map(bring, names), 1):
            total = _bytes_of(names, below, before)
            report(Progress("fetching", count, len(names), total))
    # asked again: what changed while it was read is of no state
    if _look(files, path)[0] != before:
        raise RemoteError(
            f"{url} changed while it was read; nothing was recorded", retryable=True
        )
    return before


def _is_here(name: str, state: State, to: str, kept: _Kept) -> bool:
    place = os.path.join(to, name)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    return bool(state.value) and kept.known(name, state, place)


def _bytes_of(names: list[str], below: dict[str, State], whole: State) -> int:
    return sum(max(below.get(name, whole).size, 0) for name in names)


def _count(size: int) -> None:
    meter.moved += size
