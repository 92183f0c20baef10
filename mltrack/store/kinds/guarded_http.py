"""What every HTTP session of a remote is held to: credentials stay with the host they
were meant for, and an answer that never ends is cut off.

A redirect to another host carries what aiohttp does not know to be a credential (an S3
session token, for one), so it is not followed where credentials are in use; from https
to http none ever is.
"""

from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from mltrack.errors import RemoteError
from mltrack.store.kinds.most_bytes import LEFT, MOST_BYTES


def for_credentials() -> dict[str, Any]:
    """Returns the arguments of a client session whose requests carry credentials."""
    return {
        "response_class": _Bounded,
        "trace_configs": [_tracing(_refuse_other_hosts)],
    }


def for_anyone() -> dict[str, Any]:
    """Returns the arguments of a client session that asks without credentials."""
    return {"response_class": _Bounded, "trace_configs": [_tracing(_refuse_plain_text)]}


def guard(session: aiohttp.ClientSession) -> None:
    """Holds a session that a library made to the same, once."""
    if session._response_class is not _Bounded:  # the library takes no arguments for it
        session._response_class = _Bounded
        session._trace_configs.append(_tracing(_refuse_other_hosts))


def _tracing(on_redirect: Any) -> aiohttp.TraceConfig:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_redirect.append(on_redirect)
    # a session freezes what it is made with, but not what is appended later
    tracing.freeze()
    return tracing


async def _refuse_other_hosts(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    seen: aiohttp.TraceRequestRedirectParams,
) -> None:
    source, target = _ends(seen)
    # a port that is written out is the usual one all the same
    if (source.scheme, source.host, source.port) != (
        target.scheme,
        target.host,
        target.port,
    ):
        raise RemoteError(
            f"{source.origin()} sends on to {target.origin()}: credentials are not "
            "sent there",
            hint=(
                "if that is the service's address, set it: mltrack remote modify NAME "
                "endpoint …"
            ),
        )


async def _refuse_plain_text(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    seen: aiohttp.TraceRequestRedirectParams,
) -> None:
    source, target = _ends(seen)
    if source.scheme == "https" and target.scheme != "https":
        raise RemoteError(
            f"{source.origin()} sends on to {target.origin()}, which is not encrypted"
        )


def _ends(seen: aiohttp.TraceRequestRedirectParams) -> tuple[URL, URL]:
    # the two headers by which aiohttp itself goes on
    location = (
        seen.response.headers.get("Location") or seen.response.headers.get("URI") or ""
    )
    return seen.url, seen.url.join(URL(location))


class _Bounded(aiohttp.ClientResponse):
    """An answer whose body is cut off at ``MOST_BYTES``."""

    async def start(self, connection: Any) -> "aiohttp.ClientResponse":
        started = await super().start(connection)
        self.content = _BoundedBody(
            self.content, MOST_BYTES.get(), str(self.url.origin())
        )  # type: ignore[assignment]
        return started


class _BoundedBody:
    """The stream of a body, counted."""

    def __init__(self, body: aiohttp.StreamReader, most: int, host: str) -> None:
        self._body, self._left, self._host = body, most, host
        self._all = LEFT.get()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)

    async def read(self, count: int = -1) -> bytes:
        if count >= 0:
            return self._counted(await self._body.read(count))
        # piece by piece: a body without end must be counted before all of it is held
        pieces = []
        while piece := await self._body.readany():
            pieces.append(self._counted(piece))
        return b"".join(pieces)

    async def readany(self) -> bytes:
        return self._counted(await self._body.readany())

    async def readchunk(self) -> tuple[bytes, bool]:
        data, is_end = await self._body.readchunk()
        return self._counted(data), is_end

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise RemoteError(
                f"{self._host} sends more than it should: an answer of it does not end"
            )
        # a list comes in pages, each of them short: only their sum has no end
        if self._all is not None:
            self._all[0] -= len(data)
            if self._all[0] < 0:
                raise RemoteError(
                    f"{self._host} sends more than it should: a list of its files "
                    "does not end"
                )
        return data
