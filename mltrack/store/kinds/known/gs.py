"""Google Cloud Storage."""

from collections.abc import Mapping
from typing import Any

from mltrack.store.kinds.kind import FSSPEC, Kind, Option, has_endpoint
from mltrack.store.kinds.manner import Manner, named, seconds

_PART_BYTES = 8 << 20  # a multiple of 256 KiB, as it must be there


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options = named(
        given,
        {"project": "project", "endpoint": "endpoint_url", "credentials": "token"},
    )
    if given.get("anonymous"):
        options["token"] = "anon"
    from mltrack.store.kinds.guarded_http import for_credentials  # noqa: PLC0415 - comes with the extra

    return options | {
        "requests_timeout": seconds(given),
        "session_kwargs": for_credentials(),
    }


KIND = Kind(
    schemes=("gs", "gcs"),
    opens=FSSPEC,
    library="gcsfs",
    must_be_trusted=has_endpoint,
    can_be_anonymous=True,
    options=(
        Option("project", str, "The project that is billed."),
        Option(
            "credentials",
            str,
            "The path of a service account's key file.",
            private=True,
        ),
    ),
    manner=Manner(_options, sending={"chunksize": _PART_BYTES}),
)
