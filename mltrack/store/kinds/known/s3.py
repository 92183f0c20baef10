"""Amazon S3, and every service that speaks its protocol."""

from collections.abc import Mapping
from typing import Any

from mltrack.store.kinds.kind import FSSPEC, Kind, Option, has_endpoint
from mltrack.store.kinds.manner import (
    CONNECT_SECONDS,
    PART_BYTES,
    Manner,
    named,
    seconds,
)


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    from mltrack.store.kinds.guarded_s3 import GuardedSession  # noqa: PLC0415 - comes with the extra

    config: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": seconds(given),
        # ours are counted in one place, whatever the kind
        "retries": {"max_attempts": 0},
        # a checksum goes with each part; what comes back is checked against the digest
        # of each object instead
        "s3": {"payload_signing_enabled": False},
        "response_checksum_validation": "when_required",
        "http_session_cls": GuardedSession,
    }
    if given.get("checksums"):
        config["request_checksum_calculation"] = given["checksums"]
    options = named(
        given,
        {
            "endpoint": "endpoint_url",
            "access_key": "key",
            "secret_key": "secret",
            "session_token": "token",
            "anonymous": "anon",
            "profile": "profile",
        },
    )
    options["config_kwargs"] = config
    if given.get("region"):
        options["client_kwargs"] = {"region_name": given["region"]}
    return options


KIND = Kind(
    schemes=("s3",),
    opens=FSSPEC,
    library="s3fs",
    must_be_trusted=has_endpoint,
    can_be_anonymous=True,
    options=(
        Option("region", str, "The region of the bucket."),
        Option(
            "profile",
            str,
            "The profile of the vendor's configuration to take credentials from.",
        ),
        Option(
            "checksums",
            str,
            "`when_required` for services that refuse checksums.",
            choices=("when_required", "when_supported"),
        ),
        Option("access_key", str, "The access key's id.", private=True, secret=True),
        Option(
            "secret_key", str, "The access key's secret.", private=True, secret=True
        ),
        Option(
            "session_token",
            str,
            "The token of temporary credentials.",
            private=True,
            secret=True,
        ),
    ),
    manner=Manner(
        _options,
        sending={"chunksize": PART_BYTES},
        concurrency="max_concurrency",
        reading={"max_concurrency": 1},
    ),
)
