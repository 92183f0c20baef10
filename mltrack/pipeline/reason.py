"""Why a stage is not skipped: causes with stable names, and what each concerns."""

from enum import Enum
from typing import Any, NamedTuple


class Cause(Enum):
    """The typed cause in a reason; the value is its stable name in ``--json``."""

    NEVER_RAN = "never-ran"
    COMMAND_CHANGED = "command-changed"
    SHELL_CHANGED = "shell-changed"
    WDIR_CHANGED = "wdir-changed"
    DEPENDENCY_CHANGED = "dependency-changed"
    DEPENDENCY_ADDED = "dependency-added"
    DEPENDENCY_REMOVED = "dependency-removed"
    DEPENDENCY_MISSING = "dependency-missing"
    INPUT_UNREADABLE = "input-unreadable"
    PARAM_CHANGED = "param-changed"
    PARAM_ADDED = "param-added"
    PARAM_REMOVED = "param-removed"
    ENVIRONMENT_CHANGED = "environment-changed"
    OUTPUT_ADDED = "output-added"
    OUTPUT_REMOVED = "output-removed"
    OUTPUT_CHANGED = "output-changed"
    OUTPUT_MISSING = "output-missing"
    OUTPUT_NOT_CACHED = "output-not-cached"
    ALWAYS_CHANGED = "always-changed"
    FORCED = "forced"
    UPSTREAM = "upstream"
    FROZEN = "frozen"


class Reason(NamedTuple):
    """One cause, what it concerns (a path, a param, a variable), and the old and new
    value where there are any.
    """

    cause: Cause
    subject: str = ""
    old: Any = None
    new: Any = None
