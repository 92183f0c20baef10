"""Azure Blob Storage."""

from collections.abc import Mapping
from typing import Any

from mltrack.store.kinds.kind import FSSPEC, Kind, Option, has_endpoint
from mltrack.store.kinds.manner import CONNECT_SECONDS, Manner, named, seconds


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options = named(
        given,
        {
            "account": "account_name",
            "account_key": "account_key",
            "connection_string": "connection_string",
            "sas_token": "sas_token",
            "endpoint": "account_host",
            "anonymous": "anon",
        },
    )
    return options | {
        "connection_timeout": CONNECT_SECONDS,
        "read_timeout": seconds(given),
    }


def _leads_elsewhere(given: Mapping[str, Any]) -> bool:
    # the account is a part of the host's name
    return has_endpoint(given) or bool(given.get("account"))


KIND = Kind(
    schemes=("az", "abfs"),
    opens=FSSPEC,
    library="adlfs",
    must_be_trusted=_leads_elsewhere,
    # adlfs sends what AZURE_STORAGE_… in the environment says, whatever `anon` is
    can_be_anonymous=False,
    options=(
        Option("account", str, "The storage account."),
        Option("account_key", str, "The account's key.", private=True, secret=True),
        Option(
            "connection_string",
            str,
            "Account, key and address in one.",
            private=True,
            secret=True,
        ),
        Option(
            "sas_token", str, "A shared access signature.", private=True, secret=True
        ),
    ),
    manner=Manner(
        _options,
        concurrency="max_concurrency",
        replacing={"overwrite": True},
        creating={"overwrite": False},
    ),
)
