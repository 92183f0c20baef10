"""Name to runner: one visible table."""

from mltrack.errors import ConfigError
from mltrack.runners.local import LocalRunner
from mltrack.runners.runner import Runner


def open_runner(name: str, root: str, jobs_path: str) -> Runner:
    """Returns the runner of a name; raises ConfigError if there is none."""
    if name != "local":
        raise ConfigError(
            f"there is no runner {name!r}", hint="this version of mltrack runs stages on the local machine"
        )
    return LocalRunner(root, jobs_path)
