"""Every error a person can meet: its words, its hint, its exit code.

Classes are cut by who must act, not by where the fault arose. Only ``cli/main`` catches
them; everyone else raises, with ``from`` when a lower error is the cause. Slugs are
stable and documented in ``docs/reference/errors.md``.
"""

import os
import sys
from typing import ClassVar


class Terminated(KeyboardInterrupt):
    """Someone else than the person at the terminal asked this process to end: what runs
    here is stopped, what runs on hosts goes on.
    """


DISTRIBUTION = "mltrack-cli"
"""The name on the package index: `mltrack` there is another project."""


def how_to_add(*libraries: str) -> str:
    """Returns the command that adds libraries to the interpreter which runs this."""
    names = " ".join(libraries)
    # what each tool leaves in an environment that it made for one program; uv puts no
    # pip into it, and `uv tool install` would have to know where we came from
    if os.path.exists(os.path.join(sys.prefix, "uv-receipt.toml")):
        return f"uv pip install --python {sys.executable} {names}"
    if os.path.exists(os.path.join(sys.prefix, "pipx_metadata.json")):
        return f"pipx inject {DISTRIBUTION} {names}"
    # an environment that uv made for a project has none either
    if not _has_pip():
        return f"uv pip install --python {sys.executable} {names}"
    return f"{sys.executable} -m pip install {names}"


def _has_pip() -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - on the way to an error

    return find_spec("pip") is not None


class MltrackError(Exception):
    """The base of all errors shown to the person without a traceback."""

    slug: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", context: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.context = context


class UsageError(MltrackError):
    """The command line does not make sense: an unknown target, a value out of range."""

    slug = "usage"
    exit_code = 2


class ConfigError(MltrackError):
    """A setting is unknown, malformed, or in a file where it is not allowed."""

    slug = "config"


class FormatError(MltrackError):
    """A pointer, lock, tree, pack, record or index is malformed, in conflict, or newer
    than this mltrack.
    """

    slug = "format"


class NewerFormatError(FormatError):
    """A pack or index was written by a newer mltrack, in a way that this one cannot
    read.
    """

    slug = "newer"


class PipelineError(MltrackError):
    """A pipeline file is wrong, or its stages do not fit together."""

    slug = "pipeline"


class WorkspaceError(MltrackError):
    """The user's files are not in a state in which the command may act."""

    slug = "workspace"


class UnsavedDataError(MltrackError):
    """Going on would lose bytes that exist nowhere else."""

    slug = "unsaved-data"


class MissingObjectError(MltrackError):
    """An object that the command needs is not in the cache."""

    slug = "missing-object"


class PartlyDoneError(MltrackError):
    """Some of the work was done, some was not; the message names what was not."""

    slug = "partly-done"
    exit_code = 3


class LockedError(MltrackError):
    """Another process holds what this command needs."""

    slug = "locked"
    exit_code = 5


class RemoteError(MltrackError):
    """A remote could not be reached, refused, or is not a remote."""

    slug = "remote"
    exit_code = 6

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retryable: bool = False,
        absent: bool = False,
        answered: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.answered = answered
        """A server is there, and has said so."""
        self.absent = absent
        """The place does not exist yet, and a push may create it."""


class IntegrityError(MltrackError):
    """Bytes do not match their digest or size."""

    slug = "integrity"
    exit_code = 7


class StageFailedError(MltrackError):
    """The command of a stage failed, or did not write what it declares."""

    slug = "stage-failed"
    exit_code = 8


class GitError(MltrackError):
    """git is missing, or answered with an error."""

    slug = "git"
