"""The kind ``ssh``: one host or several, reached by ssh."""

import os
from typing import TYPE_CHECKING

from mltrack.errors import ConfigError
from mltrack.formats import quantities
from mltrack.runners.kind import Given, Kind, Option, Surroundings
from mltrack.runners.runner import Runner

if TYPE_CHECKING:
    from mltrack.runners.task import HostSettings

PLACE = "~/.mltrack-host"
"""mltrack's directory on a host, unless another is set."""
# in bytes; decimal, as `100GB` is read where it is set
_CACHE_LIMIT = 100 * 10**9

HOSTS = Option(
    "hosts", list, "The hosts of an ssh runner, as ssh knows them; several are a pool."
)
SETUP = Option(
    "setup",
    str,
    "Shell text that runs before each command on a host, such as `. "
    "~/venv/bin/activate`.",
)
CACHE_LIMIT = Option(
    "cache_limit",
    str,
    "How large the objects on a host may grow, such as 200GB; 100GB unless set.",
)
DIRECTORY = Option(
    "directory",
    str,
    "mltrack's directory on a host; ~/.mltrack-host unless set.",
    private=True,
)
PYTHON = Option(
    "python",
    str,
    "The Python that runs the worker on a host; python3 unless set.",
    private=True,
)
SSH_CONFIG = Option(
    "ssh_config",
    str,
    "The ssh configuration to read, instead of ~/.ssh/config.",
    private=True,
)
GPU_LOCKS = Option(
    "gpu_locks",
    str,
    "The directory of GPU locks that all users of a machine share; /tmp/mltrack-gpus "
    "unless set.",
    private=True,
)


def _open(name: str, given: Given, around: Surroundings) -> Runner:
    from mltrack.runners.connection import Address, check_host, check_python  # noqa: PLC0415 - 15 ms, where hosts are used
    from mltrack.runners.hosts import HostRunner  # noqa: PLC0415

    hosts = [str(host) for host in given.get(HOSTS.name) or ()]
    if not hosts:
        raise ConfigError(
            f"the runner {name!r} has no hosts",
            hint=f"mltrack runner add {name} HOST --force",
        )
    python = given.get(PYTHON.name) or "python3"
    # before any connection: these become words of a command line
    check_python(python)
    for host in hosts:
        check_host(host)
    config = os.path.expanduser(given.get(SSH_CONFIG.name) or "")
    place = given.get(DIRECTORY.name) or PLACE
    # named twice, a host would have two threads that start the same tasks
    addresses = [Address(host, python, place, config) for host in dict.fromkeys(hosts)]
    return HostRunner(settings_of(name, given, KIND.amounts(given)), addresses, *around)


def settings_of(name: str, given: Given, amounts: dict[str, float]) -> "HostSettings":
    """Returns what is set for the hosts of a runner."""
    from mltrack.runners.task import HostSettings  # noqa: PLC0415 - see _open

    wanted = given.get(CACHE_LIMIT.name)
    limit = int(quantities.size(wanted)) if wanted else _CACHE_LIMIT
    return HostSettings(
        name,
        amounts,
        given.get(GPU_LOCKS.name) or "",
        limit,
        given.get(SETUP.name) or "",
    )


KIND = Kind(
    "ssh",
    (HOSTS, SETUP, CACHE_LIMIT, DIRECTORY, PYTHON, SSH_CONFIG, GPU_LOCKS),
    _open,
    _open,
)
