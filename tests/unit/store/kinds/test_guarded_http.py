"""What HTTP sessions are held to: credentials stay with their host, and answers end."""

import asyncio
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from yarl import URL

from mltrack.errors import RemoteError
from mltrack.store.kinds import guarded_http
from mltrack.store.kinds.guarded_http import for_anyone, for_credentials, guard
from mltrack.store.kinds.most_bytes import LEFT, at_most, in_all_at_most


def redirected(arguments: dict[str, Any], source: str, target: str) -> None:
    """What a session with these arguments does when a server sends on."""
    seen = SimpleNamespace(
        url=URL(source), response=SimpleNamespace(headers={"Location": target})
    )
    [tracing] = arguments["trace_configs"]
    asyncio.run(tracing.on_request_redirect.send(None, SimpleNamespace(), seen))


@pytest.mark.parametrize(
    ("source", "target", "with_credentials", "without"),
    [
        ("https://a/x", "https://a/y", True, True),
        ("https://a/x", "/y", True, True),
        ("https://a/x", "https://a:443/y", True, True),
        ("https://a/x", "https://b/x", False, True),
        ("https://a/x", "https://a:444/x", False, True),
        ("https://a/x", "//b/x", False, True),
        ("https://a/x", "http://a/x", False, False),
        ("http://a/x", "https://a/x", False, True),
        ("http://a/x", "http://b/x", False, True),
    ],
)
def test_where_a_redirect_is_followed_to(
    source: str, target: str, with_credentials: bool, without: bool
) -> None:
    for arguments, follows in (
        (for_credentials(), with_credentials),
        (for_anyone(), without),
    ):
        if follows:
            redirected(arguments, source, target)
        else:
            with pytest.raises(RemoteError, match="sends on to") as raised:
                redirected(arguments, source, target)
            assert "/x" not in raised.value.message, "a path may be signed"


class Body:
    """The body of an answer, in pieces of ten bytes."""

    total_bytes = 42

    def __init__(self, pieces: int) -> None:
        self.left = pieces

    async def readany(self) -> bytes:
        self.left -= 1
        return b"0123456789" if self.left >= 0 else b""

    async def read(self, count: int) -> bytes:
        return (await self.readany())[:count]

    async def readchunk(self) -> tuple[bytes, bool]:
        data = await self.readany()
        return data, not data


def bounded(pieces: int, most: int) -> Any:
    body: Any = Body(pieces)
    return guarded_http._BoundedBody(body, most, "https://a")


async def all_of(body: Any, how: str) -> int:
    """Reads a body in one of the ways that clients have."""
    if how == "read":
        return len(await body.read())
    total = 0
    while True:
        if how == "read some":
            data = await body.read(7)
        elif how == "readany":
            data = await body.readany()
        else:
            data, _ = await body.readchunk()
        if not data:
            return total
        total += len(data)


@pytest.mark.parametrize("how", ["read", "read some", "readany", "readchunk"])
def test_an_answer_is_cut_off_where_it_holds_more_than_it_may(how: str) -> None:
    whole = 21 if how == "read some" else 30
    assert asyncio.run(all_of(bounded(3, whole), how)) == whole
    with pytest.raises(RemoteError, match="an answer of it does not end"):
        asyncio.run(all_of(bounded(3, whole - 1), how))


def test_all_answers_of_a_listing_are_bounded_together() -> None:
    with in_all_at_most(50):
        assert asyncio.run(all_of(bounded(2, 99), "read")) == 20
        assert asyncio.run(all_of(bounded(3, 99), "read")) == 30
        assert LEFT.get() == [0]
        with pytest.raises(RemoteError, match="a list of its files does not end"):
            asyncio.run(all_of(bounded(1, 99), "read"))


def test_a_body_has_what_the_bodies_of_the_library_have() -> None:
    assert bounded(1, 1).total_bytes == 42


def test_a_session_that_a_library_made_is_held_to_it_once() -> None:
    async def guarded() -> tuple[int, bool]:
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                guard(session)
            kept = session._response_class is for_credentials()["response_class"]
            return len(session._trace_configs), kept

    assert asyncio.run(guarded()) == (1, True)


def test_the_session_of_s3_is_held_to_it() -> None:
    pytest.importorskip("aiobotocore")
    from mltrack.store.kinds.guarded_s3 import GuardedSession

    async def response_class() -> object:
        async with GuardedSession() as session:
            return (await session._get_session(None))._response_class

    assert asyncio.run(response_class()) is for_credentials()["response_class"]


def test_an_answer_over_the_wire_is_cut_off() -> None:
    async def serve(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
        writer.write(bytes(300_000))
        await writer.drain()

    async def ask(most: int) -> int:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with aiohttp.ClientSession(**for_anyone()) as session:
                with at_most(most):
                    async with session.get(f"http://127.0.0.1:{port}/") as answer:
                        return len(await answer.read())

    assert asyncio.run(ask(300_000)) == 300_000
    with pytest.raises(RemoteError, match="does not end"):
        asyncio.run(ask(100_000))
