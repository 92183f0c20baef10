"""What a server says of something at a URL, without its bytes: enough to tell whether
it changed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mltrack.errors import MltrackError, PipelineError, RemoteError
from mltrack.objects.content import URL, Content
from mltrack.objects.digest import Algorithm
from mltrack.store.kinds import web

# in this order: what names the bytes comes before when they were written
_MARKS = (
    "ETag",
    "etag",
    "VersionId",
    "version_id",
    "generation",
    "md5Hash",
    "content_md5",
    "LastModified",
    "mtime",
    "updated",
)
_HEADERS = ("etag", "last-modified", "content-length")


def url_content(url: str, algorithm: Algorithm) -> Content:
    """Returns the state of what stands at ``url``: the digest is that of its etag,
    version, or time and size.

    Raises RemoteError if the server cannot be asked, and PipelineError if it says
    nothing that would show a change.
    """
    try:
        with speaking_of(url):
            facts = _http_facts(url) if web.is_web(url) else _fsspec_facts(url)
    except FileNotFoundError as error:
        raise PipelineError(f"the dependency {url!r} does not exist") from error
    size = int(str(facts.pop("size", 0) or 0))
    if not facts:
        raise PipelineError(
            f"{url!r} has neither etag nor version nor time: nothing would show that "
            "it changed",
            hint="download it in a stage with `always_changed: true`",
        )
    text = json.dumps({"size": size, **facts}, sort_keys=True)
    return Content(URL, algorithm.hex_of(text.encode()), size)


@contextmanager
def speaking_of(url: str) -> Iterator[None]:
    """Turns what goes wrong with a URL into RemoteError; FileNotFoundError passes."""
    try:
        yield
    except ImportError as error:
        from mltrack.store.kinds import known  # noqa: PLC0415 - on the way to an error

        kind = known.find(url.partition("://")[0])
        raise RemoteError(
            f"{url}: {error}", hint=kind.how_to_add_it() if kind else ""
        ) from error
    except (MltrackError, FileNotFoundError):
        raise
    except Exception as error:  # every file system of fsspec has errors of its own
        raise RemoteError(
            f"{url} cannot be asked: {str(error)[:200] or type(error).__name__}",
            retryable=True,
        ) from error


def _http_facts(url: str) -> dict[str, object]:
    with web.answer(url, "HEAD") as answer:
        headers = {name: answer.headers.get(name) for name in _HEADERS}
    facts: dict[str, object] = {"size": headers["content-length"]}
    mark = next((name for name in ("etag", "last-modified") if headers[name]), "")
    return {**facts, mark: headers[mark]} if mark else facts


def _fsspec_facts(url: str) -> dict[str, object]:
    from mltrack.store.kinds.fsspec_door import info_of  # noqa: PLC0415 - every plan imports this module, few have URLs

    info = info_of(url)
    mark = mark_of(info)
    return {"size": info.get("size"), **({mark: str(info[mark])} if mark else {})}


def mark_of(info: Mapping[str, object]) -> str:
    """Returns the name under which a file system says what tells versions of a file
    apart; '' where it says nothing of the kind.
    """
    return next((name for name in _MARKS if info.get(name)), "")
