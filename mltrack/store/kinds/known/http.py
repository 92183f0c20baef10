"""A web server, to read from."""

from collections.abc import Mapping
from typing import Any

from mltrack.store.kinds.kind import FSSPEC, Kind
from mltrack.store.kinds.manner import Manner


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    from aiohttp import BasicAuth  # noqa: PLC0415 - comes with the extra

    from mltrack.store.kinds import guarded_http  # noqa: PLC0415

    # without credentials there is nothing that a redirect could lead away
    if not given.get("password"):
        return {"client_kwargs": guarded_http.for_anyone()}
    login = BasicAuth(given.get("user", ""), given["password"])
    return {"client_kwargs": {**guarded_http.for_credentials(), "auth": login}}


def _sends_credentials(given: Mapping[str, Any]) -> bool:
    return bool(given.get("password"))


KIND = Kind(
    schemes=("http", "https"),
    opens=FSSPEC,
    library="aiohttp",
    must_be_trusted=_sends_credentials,
    can_be_anonymous=True,
    manner=Manner(_options, writable=False),
)
