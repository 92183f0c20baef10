"""What a pipeline file declares, as records. Paths are relative to the project's root,
in POSIX form, normalised.
"""

from typing import Any, NamedTuple

from mltrack.objects.content import Content

PIPELINE_NAME = "mltrack.yaml"
LOCK_NAME = "mltrack.lock"

WRITTEN_BY_US = (PIPELINE_NAME, LOCK_NAME, ".gitignore")
"""File names that are never a stage's data, wherever they stand."""

OUT, METRIC, PLOT = "out", "metric", "plot"
CHECKS = NONE, WARN, ERROR = "none", "warn", "error"
"""What to do about files of the project that a command reads or writes without
declaring it.
"""


class Output(NamedTuple):
    """A path that a stage writes. ``cache=False`` leaves the bytes to git; ``persist``
    keeps them before a run.
    """

    path: str
    type: str = OUT
    cache: bool = True
    persist: bool = False
    push: bool = True
    remote: str = ""
    desc: str = ""
    settings: tuple[tuple[str, Any], ...] = ()


class ParamFile(NamedTuple):
    """Keys read from one params file; ``keys`` is None where the whole file counts."""

    path: str
    keys: tuple[str, ...] | None


class Environment(NamedTuple):
    """What of the environment a result depends on: variables by name, a lock file, a
    container image.
    """

    vars: tuple[str, ...] = ()
    lock: str = ""
    image: str = ""
    show: tuple[str, ...] = ()


LIVE = "live"
"""The directory that commands log into, unless a stage says otherwise."""


class StopRule(NamedTuple):
    """When a command is ended, from what it logs. ``kind`` is ``nan``, ``infinite``,
    ``no-progress`` or ``silence``; ``name`` the series that it is about; ``amount`` steps
    or seconds; ``direction`` what counts as progress, ``min`` or ``max``. With ``warns``
    it gives a warning instead.
    """

    kind: str
    name: str = ""
    amount: float = 0.0
    direction: str = "min"
    warns: bool = False


class Execution(NamedTuple):
    """How a stage runs. None of it is part of the run key: a result does not depend on
    where it was made.

    ``resources`` are claims by name: ``cpus``, ``gpus``, ``memory`` in bytes, ``time``
    in seconds, and any other. ``tries`` counts the first one; ``backoff`` is the pause
    before the second, in seconds, and doubles. ``timeout`` is in seconds. ``runners``
    are names, tried in order. ``check`` is what to do about undeclared reads: '' asks
    the settings. ``checkpoint`` is a directory in which the command saves its state, to
    go on from there after it was ended. ``live`` is the directory that it logs into,
    '' for ``live`` in the stage's own; with ``monitor`` the machine is sampled there;
    ``stop`` are the rules by which the command is ended.
    """

    resources: tuple[tuple[str, float], ...] = ()
    runners: tuple[str, ...] = ()
    tries: int = 1
    backoff: float = 0.0
    timeout: float | None = None
    sandbox: bool = False
    check: str = ""
    checkpoint: str = ""
    live: str = ""
    monitor: bool = False
    stop: tuple[StopRule, ...] = ()


class Stage(NamedTuple):
    """One declared stage, rendered: templates are filled in, paths are the project's.

    ``address`` names it project-wide: its name, prefixed by ``dir/mltrack.yaml:``
    outside the project's root. A stage that was expanded from a ``foreach`` or
    ``matrix`` is named ``group@key``. A dependency outside the project, a URL or an
    absolute path, is in ``deps`` as it was written.
    """

    address: str
    name: str
    pipeline_path: str
    cmd: tuple[str, ...]
    wdir: str = ""
    deps: tuple[str, ...] = ()
    params: tuple[ParamFile, ...] = ()
    outs: tuple[Output, ...] = ()
    env: Environment = Environment()
    frozen: bool = False
    always_changed: bool = False
    stamped: tuple[str, ...] = ()
    """Dependencies outside the project that count by sizes and times, not by bytes."""
    desc: str = ""
    meta: Any = None
    execution: Execution = Execution()

    @property
    def reads(self) -> tuple[str, ...]:
        """All that it declares to read, each once: dependencies, params files, the
        environment's lock file.
        """
        files = (file.path for file in self.params)
        return tuple(
            dict.fromkeys((*self.deps, *files, *filter(None, (self.env.lock,))))
        )

    @property
    def is_callback(self) -> bool:
        """Whether it declares nothing that could tell that it is up to date: such a
        stage always runs.
        """
        return not (self.deps or self.outs or self.params)

    @property
    def group(self) -> str:
        """The name that it was declared under: of an expanded stage that of all its
        siblings.
        """
        return self.name.partition("@")[0]

    @property
    def lock_path(self) -> str:
        directory = self.pipeline_path.rpartition("/")[0]
        return f"{directory}/{LOCK_NAME}" if directory else LOCK_NAME


class Inputs(NamedTuple):
    """The values of everything that a stage declares to depend on, at one moment.

    ``deps`` maps a path to what stands there, or to None if nothing does. ``env`` maps
    a variable to the digest of its value, or to None if it is not set. ``lock`` is the
    digest of the environment's lock file.
    """

    deps: dict[str, Content | None]
    params: dict[str, dict[str, Any]]
    env: dict[str, str | None]
    lock: str | None = None
    image: str | None = None


class Entry(NamedTuple):
    """One stage's block in the lock: the values that its recorded result depends on,
    and the result.
    """

    cmd: tuple[str, ...]
    shell: str
    wdir: str
    deps: dict[str, Content]
    params: dict[str, dict[str, Any]]
    env: dict[str, str | None]
    lock: str | None
    image: str | None
    outs: dict[str, Content]
    out_types: dict[str, str]
    uncached: frozenset[str] = frozenset()
    """Outputs whose bytes are left to git."""
    unpushed: frozenset[str] = frozenset()
    """Outputs that are never sent to a remote."""

    def cached_outs(self, pipeline_path: str) -> list[tuple[str, str]]:
        """Returns the outputs whose bytes the cache keeps, each with the pipeline file
        that declares the stage.
        """
        return [
            (pipeline_path, path) for path in self.outs if path not in self.uncached
        ]


ALIAS = "outside://"
"""What a dependency begins with that is named by a setting, ``outside.NAME``."""


def is_outside(path: str) -> bool:
    """Returns whether a dependency lies outside the project: at a URL, or elsewhere on
    this machine.
    """
    # no path of the project in normal form holds this
    return "://" in path or path.startswith("/")


def is_elsewhere(path: str) -> bool:
    """Returns whether a dependency is a path of this machine outside the project: an
    absolute one, or one named by a setting.
    """
    return path.startswith(("/", ALIAS))


def stage_address(pipeline_path: str, name: str) -> str:
    """Returns the project-wide name of a stage."""
    return name if pipeline_path == PIPELINE_NAME else f"{pipeline_path}:{name}"


def lock_place(address: str) -> tuple[str, str]:
    """Returns the lock that records a stage, and the stage's name in it."""
    pipeline_path, name = address_parts(address)
    return pipeline_path.removesuffix(PIPELINE_NAME) + LOCK_NAME, name


def address_parts(address: str) -> tuple[str, str]:
    """Returns the pipeline file and the name that a stage's address is made of."""
    mark = f"{PIPELINE_NAME}:"
    at = address.find(mark)
    # as a whole name: `my-mltrack.yaml:x` would be a stage, not a file
    if at < 0 or (at and address[at - 1] != "/"):
        return PIPELINE_NAME, address
    return address[: at + len(PIPELINE_NAME)], address[at + len(mark) :]
