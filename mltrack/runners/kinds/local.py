"""The kind ``local``: this machine, in the workspace itself; and in directories of its
own, where jobs outlive a command.
"""

import os
import sys

from mltrack.disk.durable import names_in
from mltrack.runners import capacity
from mltrack.runners.capacity import MEMORY
from mltrack.runners.kind import Given, Kind, Option, Surroundings
from mltrack.runners.kinds.ssh import (
    CACHE_LIMIT,
    DIRECTORY,
    GPU_LOCKS,
    PLACE,
    SETUP,
    settings_of,
)
from mltrack.runners.runner import Runner


def _open(name: str, given: Given, around: Surroundings) -> Runner:
    from mltrack.runners.local import LocalRunner  # noqa: PLC0415 - settings alone do not need it

    amounts = {**capacity.machine(), **KIND.amounts(given)}
    objects = os.path.join(os.path.abspath(around.cache.path), "loose")
    return LocalRunner(
        around.root, around.jobs_path, amounts, given.get(GPU_LOCKS.name) or "", objects
    )


def _open_surviving(name: str, given: Given, around: Surroundings) -> Runner:
    """Jobs on this machine that outlive the command which starts them."""
    from mltrack.runners.connection import Address  # noqa: PLC0415 - 15 ms, where jobs are handed over only
    from mltrack.runners.hosts import HostRunner  # noqa: PLC0415

    # our own interpreter has the library to hash with, and is sure to be there
    address = Address("", sys.executable, _place(given))
    own = {
        resource: amount
        for resource, amount in capacity.machine().items()
        if resource != MEMORY
    }
    return HostRunner(
        settings_of(name, given, {**own, **KIND.amounts(given)}), [address], *around
    )


def _place(given: Given) -> str:
    """Where jobs of this machine live that were handed over."""
    return os.path.expanduser(given.get(DIRECTORY.name) or PLACE)


def _has_surviving(given: Given, key: str) -> bool:
    jobs = os.path.join(_place(given), "jobs")
    if not key:
        return os.path.isdir(jobs)
    place = os.path.join(jobs, key)
    # only the latest attempt of a key counts, as on a host
    numbers = [int(name) for name in names_in(place) if name.isdigit()]
    return bool(numbers) and not os.path.exists(
        os.path.join(place, str(max(numbers)), "taken")
    )


OPTIONS: tuple[Option, ...] = (SETUP, CACHE_LIMIT, DIRECTORY, GPU_LOCKS)
KIND = Kind("local", OPTIONS, _open, _open_surviving, _has_surviving)
