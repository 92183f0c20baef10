"""A directory on a machine that is reached by ssh."""

from collections.abc import Mapping
from typing import Any

from mltrack.store.kinds.kind import Kind, Option


def _leads_elsewhere(given: Mapping[str, Any]) -> bool:
    # a configuration of ssh may name a program to start
    return bool(given.get("password") or given.get("ssh_config"))


KIND = Kind(
    schemes=("sftp", "ssh"),
    opens="mltrack.store.kinds.sftp:SftpRemote",
    library="paramiko",
    must_be_trusted=_leads_elsewhere,
    options=(
        Option(
            "key_file",
            str,
            "The path of the private key, instead of what your ssh configuration says.",
            private=True,
        ),
        Option(
            "ssh_config",
            str,
            "The ssh configuration to read, instead of ~/.ssh/config.",
            private=True,
        ),
    ),
)
