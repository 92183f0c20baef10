"""Name to runner: one visible table of kinds."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from mltrack.disk.durable import names_in
from mltrack.errors import ConfigError
from mltrack.formats import quantities
from mltrack.runners import capacity
from mltrack.runners.capacity import MEMORY
from mltrack.runners.local import LocalRunner
from mltrack.runners.names import LOCAL
from mltrack.runners.runner import Runner
from mltrack.store.local.cache import Cache

if TYPE_CHECKING:
    from mltrack.runners.hosts import HostRunner
    from mltrack.runners.task import HostSettings

PLACE = "~/.mltrack-host"
CACHE_LIMIT = 100 * 10**9
_OPTIONS = frozenset({"type", "hosts", "setup", "cache_limit", "directory", "python", "ssh_config", "gpu_locks"})
"""What is set for a runner besides how much of each resource it has."""


class Surroundings(NamedTuple):
    """What every runner of a project is given."""

    root: str
    jobs_path: str
    cache: Cache


def open_runner(name: str, given: Mapping[str, Any], around: Surroundings) -> Runner:
    """Returns the runner of a name, from what is set for it; nothing is connected to yet. Raises ConfigError where that
    makes no runner."""
    kind = given.get("type") or (LOCAL if name == LOCAL else "")
    if kind not in _KINDS:
        raise ConfigError(
            f"there is no runner {name!r}"
            if not given
            else f"runner.{name}.type is not set: what kind of runner is it?",
            hint=f"mltrack runner add {name} HOST, or `mltrack runner list`",
        )
    return _KINDS[kind](name, given, around)


def open_detached(given: Mapping[str, Any], around: Surroundings) -> "HostRunner":
    """Returns the runner of jobs on this machine that outlive the command which starts them, in directories of their own."""
    from mltrack.runners.connection import Address  # noqa: PLC0415 - 15 ms, where hosts are used only
    from mltrack.runners.hosts import HostRunner  # noqa: PLC0415

    address = Address("", sys.executable, _place(given))
    amounts = {**{key: value for key, value in capacity.machine().items() if key != MEMORY}, **_amounts(given)}
    return HostRunner(_host_settings(LOCAL, given, amounts), [address], *around)


def _place(given: Mapping[str, Any]) -> str:
    """Where detached jobs of this machine live."""
    return os.path.expanduser(given.get("directory") or PLACE)


def has_detached(given: Mapping[str, Any], key: str) -> bool:
    """Returns whether a detached job of this key is on this machine whose result nobody has taken."""
    place = os.path.join(_place(given), "jobs", key)
    numbers = [int(name) for name in names_in(place) if name.isdigit()] if key else []
    return bool(numbers) and not os.path.exists(os.path.join(place, str(max(numbers)), "taken"))


def has_place(given: Mapping[str, Any]) -> bool:
    """Returns whether detached jobs were ever started on this machine by this user."""
    return os.path.isdir(os.path.join(_place(given), "jobs"))


def _local(name: str, given: Mapping[str, Any], around: Surroundings) -> Runner:
    amounts = {**capacity.machine(), **_amounts(given)}
    objects = os.path.join(os.path.abspath(around.cache.path), "loose")
    return LocalRunner(around.root, around.jobs_path, amounts, given.get("gpu_locks") or "", objects)


def open_hosts(name: str, given: Mapping[str, Any], around: Surroundings) -> "HostRunner":
    """Returns the runner of a name that is of hosts; raises ConfigError if it is not, or names none."""
    from mltrack.runners.connection import Address, check_host, check_python  # noqa: PLC0415 - see open_detached
    from mltrack.runners.hosts import HostRunner  # noqa: PLC0415

    hosts = [str(host) for host in given.get("hosts") or ()]
    if not hosts:
        raise ConfigError(f"the runner {name!r} has no hosts", hint=f"mltrack runner add {name} HOST --force")
    python = given.get("python") or "python3"
    check_python(python)
    for host in hosts:
        check_host(host)
    config = os.path.expanduser(given.get("ssh_config") or "")
    addresses = [Address(host, python, given.get("directory") or PLACE, config) for host in dict.fromkeys(hosts)]
    return HostRunner(_host_settings(name, given, _amounts(given)), addresses, *around)


def _host_settings(name: str, given: Mapping[str, Any], amounts: dict[str, float]) -> "HostSettings":
    from mltrack.runners.task import HostSettings  # noqa: PLC0415 - see open_detached

    limit = quantities.size(given["cache_limit"]) if given.get("cache_limit") else CACHE_LIMIT
    return HostSettings(name, amounts, given.get("gpu_locks") or "", int(limit), given.get("setup") or "")


def _amounts(given: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(quantities.size(value)) if name == MEMORY else float(value)
        for name, value in given.items()
        if name not in _OPTIONS and value not in ("", None)
    }


_KINDS: dict[str, Callable[[str, Mapping[str, Any], Surroundings], Runner]] = {LOCAL: _local, "ssh": open_hosts}
