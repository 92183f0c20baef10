"""Name to runner: one visible table."""

from collections.abc import Mapping

from mltrack.errors import ConfigError
from mltrack.runners import capacity
from mltrack.runners.local import LocalRunner
from mltrack.runners.runner import Runner

LOCAL = "local"


def open_runner(name: str, root: str, jobs_path: str, settings: Mapping[str, float]) -> Runner:
    """Returns the runner of a name; ``settings`` say how much of a resource it has, where that differs from what it
    finds. Raises ConfigError if there is none of that name."""
    if name != LOCAL:
        raise ConfigError(
            f"there is no runner {name!r}", hint="this version of mltrack runs stages on the local machine"
        )
    return LocalRunner(root, jobs_path, {**capacity.machine(), **settings})
