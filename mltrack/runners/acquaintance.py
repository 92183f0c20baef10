"""The first exchange with a host: what it is told of the project, and what it says of
itself.
"""

import time
from typing import Any

from mltrack.objects.digest import Algorithm
from mltrack.runners import library
from mltrack.runners.capacity import GPUS
from mltrack.runners.connection import Address, Connection
from mltrack.runners.task import HostSettings
from mltrack.runners.worker.messages import Hello


def connect(
    address: Address, settings: HostSettings, algorithm: Algorithm
) -> tuple[Connection, dict[str, Any]]:
    """Returns a connection to the worker, and what the host said: its resources, its
    Python, whether it can hash. It is given a library to hash with where it has none.
    ``skew`` is how far its clock is ahead, in seconds.

    Raises RemoteError if it cannot be reached or has no Python that will do.
    """
    connection = Connection(address)
    try:
        gpus = int(settings.capacity[GPUS]) if GPUS in settings.capacity else None
        asked = time.time()
        hello, _ = connection.request(
            Hello(algorithm.name, gpus, settings.locks, settings.limit)
        )
        # against the middle of the exchange: the way there and back is no skew
        hello["skew"] = hello["now"] - (asked + time.time()) / 2
        if not hello["hashes"]:
            hello["hashes"] = library.provide(connection, hello, algorithm.name)
    except BaseException:
        connection.close()
        raise
    return connection, hello
