"""How a remote's settings become the options of its fsspec file system, one function a kind.

Whatever is not set is left to the vendor's own usual places: profile files, environment, instance roles.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

CONNECT_SECONDS = 10
IDLE_SECONDS = 60
"""So long may nothing arrive before a request counts as lost; not a limit for the whole."""
PART_BYTES = 5 << 20
"""The least that S3 takes as a part; what is in memory at once is a small multiple of this times `jobs`."""


class Manner(NamedTuple):
    """What differs between kinds beside their options.

    ``sending`` are arguments of ``put_file``, ``concurrency`` that one which says how many parts are under way at once;
    ``reading`` those of ``cat_file`` for small things; ``replacing`` let ``put_file`` and ``pipe_file`` overwrite,
    ``creating`` forbid it.
    """

    options: Callable[[Mapping[str, Any]], dict[str, Any]]
    sending: dict[str, Any] = {}  # noqa: RUF012 - never changed
    concurrency: str = ""
    replacing: dict[str, Any] = {}  # noqa: RUF012
    creating: dict[str, Any] = {}  # noqa: RUF012
    reading: dict[str, Any] = {}  # noqa: RUF012
    writable: bool = True


def _seconds(given: Mapping[str, Any]) -> int:
    return int(given.get("timeout") or IDLE_SECONDS)


def _named(given: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Returns the settings that are set, under the names that the file system has for them."""
    return {theirs: given[ours] for ours, theirs in names.items() if given.get(ours)}


def _s3(given: Mapping[str, Any]) -> dict[str, Any]:
    from mltrack.store.kinds.guarded_s3 import GuardedSession  # noqa: PLC0415 - comes with the extra

    config: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": _seconds(given),
        "retries": {"max_attempts": 0},  # ours are counted in one place, whatever the kind
        # a checksum goes with each part; what comes back is checked against the digest of each object instead
        "s3": {"payload_signing_enabled": False},
        "response_checksum_validation": "when_required",
        "http_session_cls": GuardedSession,
    }
    if given.get("checksums"):
        config["request_checksum_calculation"] = given["checksums"]
    options = _named(
        given,
        {
            "endpoint": "endpoint_url", "access_key": "key", "secret_key": "secret", "session_token": "token",
            "anonymous": "anon", "profile": "profile",
        },
    )  # fmt: skip
    options["config_kwargs"] = config
    if given.get("region"):
        options["client_kwargs"] = {"region_name": given["region"]}
    return options


def _gs(given: Mapping[str, Any]) -> dict[str, Any]:
    options = _named(given, {"project": "project", "endpoint": "endpoint_url", "credentials": "token"})
    if given.get("anonymous"):
        options["token"] = "anon"
    from mltrack.store.kinds.guarded_http import for_credentials  # noqa: PLC0415 - comes with the extra

    return options | {"requests_timeout": _seconds(given), "session_kwargs": for_credentials()}


def _azure(given: Mapping[str, Any]) -> dict[str, Any]:
    options = _named(
        given,
        {
            "account": "account_name", "account_key": "account_key", "connection_string": "connection_string",
            "sas_token": "sas_token", "endpoint": "account_host", "anonymous": "anon",
        },
    )  # fmt: skip
    return options | {"connection_timeout": CONNECT_SECONDS, "read_timeout": _seconds(given)}


def _web(given: Mapping[str, Any]) -> dict[str, Any]:
    from aiohttp import BasicAuth  # noqa: PLC0415 - comes with the extra

    from mltrack.store.kinds import guarded_http  # noqa: PLC0415

    if not given.get("password"):
        return {"client_kwargs": guarded_http.for_anyone()}
    login = BasicAuth(given.get("user", ""), given["password"])
    return {"client_kwargs": {**guarded_http.for_credentials(), "auth": login}}


def _nothing(given: Mapping[str, Any]) -> dict[str, Any]:
    return {}


_CREATE = {"mode": "create"}
_GS_BYTES = 8 << 20  # a multiple of 256 KiB, as it must be there
_AZURE = Manner(_azure, concurrency="max_concurrency", replacing={"overwrite": True}, creating={"overwrite": False})
MANNERS: dict[str, Manner] = {
    "s3": Manner(_s3, {"chunksize": PART_BYTES}, "max_concurrency", creating=_CREATE, reading={"max_concurrency": 1}),
    "gs": Manner(_gs, {"chunksize": _GS_BYTES}, creating=_CREATE),
    "gcs": Manner(_gs, {"chunksize": _GS_BYTES}, creating=_CREATE),
    "az": _AZURE,
    "abfs": _AZURE,
    "http": Manner(_web, writable=False),
    "https": Manner(_web, writable=False),
    "memory": Manner(_nothing, creating=_CREATE),
}
OTHER = Manner(_nothing, creating=_CREATE)
"""For every kind that fsspec has and that was not tried."""
