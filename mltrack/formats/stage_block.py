"""One stage's block of a pipeline file, with its templates filled in, as a record."""

from collections.abc import Iterable
from typing import Any

from mltrack.errors import FormatError, PipelineError
from mltrack.formats.block_values import BlockValues
from mltrack.formats.execution_block import ExecutionBlock
from mltrack.formats.mistakes import At, Mistakes
from mltrack.formats.paths import check_dependency, join
from mltrack.formats.template_values import DEFAULT_PARAMS
from mltrack.objects.content import STAMP
from mltrack.pipeline.interpolate import interpolate_command
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import (
    METRIC,
    OUT,
    PLOT,
    WRITTEN_BY_US,
    Environment,
    Output,
    ParamFile,
    Stage,
    is_elsewhere,
    is_outside,
    stage_address,
)

STAGE_KEYS = (
    "cmd",
    "wdir",
    "deps",
    "params",
    "outs",
    "metrics",
    "plots",
    "env",
    "vars",
    "frozen",
    "always_changed",
    "desc",
    "meta",
    "resources",
    "runner",
    "retry",
    "timeout",
    "sandbox",
    "check",
    "checkpoint",
    "live",
    "monitor",
    "stop",
)
# told apart from typing mistakes: documents of later versions name them
LATER_KEYS = ("each", "workers")
_OUTPUT = ("cache", "persist", "push", "remote", "desc", "type", "labels", "meta")
_METRIC = (*_OUTPUT, "direction")
_PLOT = (*_OUTPUT, "x", "y", "x_label", "y_label", "title", "template", "header")
_ENV = ("vars", "lock", "image", "show")
# refused: the value's digest is recorded, and a short secret guessed from that
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_SECTIONS = (
    ("outs", OUT, _OUTPUT),
    ("metrics", METRIC, _METRIC),
    ("plots", PLOT, _PLOT),
)


class StageBlock:
    """Reads one block, at ``at`` in its file, with the values that its templates see."""

    def __init__(
        self,
        mistakes: Mistakes,
        directory: str,
        block: dict[str, Any],
        at: At,
        values: dict[str, Any],
    ) -> None:
        self._mistakes = mistakes
        self._directory = directory
        self._block = block
        self._at = at
        self._values = values
        # the directory that it names is read from the pipeline file's own
        self._read = BlockValues(mistakes, values, directory)
        self._wdir = self._read_wdir()
        self._read = BlockValues(mistakes, values, self._wdir)
        self.stage_deps: list[tuple[str, At]] = []
        """References to other stages among its dependencies, and where they stand."""
        self.stamped: list[str] = []

    def stage(self, pipeline_path: str, name: str) -> Stage | None:
        """Returns the stage, or None if mistakes were noted."""
        count = len(self._mistakes.mistakes)
        block, at = self._block, self._at
        stage = Stage(
            address=stage_address(pipeline_path, name),
            name=name,
            pipeline_path=pipeline_path,
            cmd=self._commands(),
            wdir=self._wdir,
            deps=tuple(self._dependencies()),
            stamped=tuple(self.stamped),
            params=tuple(self._params()),
            outs=tuple(
                out
                for section, type_, known in _SECTIONS
                for out in self._outputs(section, type_, known)
            ),
            env=self._environment(),
            frozen=self._read.boolean(block, "frozen", at),
            always_changed=self._read.boolean(block, "always_changed", at),
            desc=str(block.get("desc") or ""),
            meta=block.get("meta"),
            execution=ExecutionBlock(self._read, block, at).execution(),
        )
        paths = [out.path for out in stage.outs]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            self._mistakes.mistake(at, f"output {path!r} is declared twice")
        # it is moved away between attempts, and what stands in it would go along
        own = stage.execution.checkpoint
        if own and any(
            contains(own, path) or contains(path, own) for path in (*paths, *stage.deps)
        ):
            self._mistakes.mistake(
                (*at, "checkpoint"),
                f"{own!r} overlaps an output or dependency of the stage",
            )
        return stage if len(self._mistakes.mistakes) == count else None

    def _commands(self) -> tuple[str, ...]:
        cmd = self._block.get("cmd")
        where = (*self._at, "cmd")
        items = cmd if isinstance(cmd, list) else [cmd]
        if cmd is None or not items:
            self._mistakes.mistake(self._at, "the key 'cmd' is missing")
            return ()
        rendered = []
        for index, item in enumerate(items):
            at = (*where, index) if items is cmd else where
            if not isinstance(item, str):
                self._read.text(item, at)
                continue
            try:
                text = interpolate_command(item, self._values, "")
            except PipelineError as error:
                self._read.note(at, error)
                continue
            if not text.strip() or "\0" in text:
                self._mistakes.mistake(at, "a command is empty or holds a NUL")
            # YAML's `|` ends a text with one: the same command, and the same run key
            rendered.append(text.rstrip("\n"))
        return tuple(rendered)

    def _read_wdir(self) -> str:
        value = self._block.get("wdir")
        if value is None:
            return self._directory
        at = (*self._at, "wdir")
        text = self._read.text(value, at)
        path = join(self._directory, text) if text is not None else self._directory
        if path is None:
            self._mistakes.mistake(at, f"{text!r} lies outside the project")
            return self._directory
        return path

    def _dependencies(self) -> Iterable[str]:
        at = (*self._at, "deps")
        for index, item in enumerate(self._read.items(self._block.get("deps"), at)):
            where = (*at, index)
            if isinstance(item, dict):
                yield from self._mapped_dependency(item, where)
                continue
            text = self._read.text(item, where)
            if text is None:
                continue
            if is_outside(text):
                yield from self._outside(text, where)
                continue
            path = self._read.checked(text, where)
            if path is not None:
                yield path

    def _mapped_dependency(self, item: dict[str, Any], where: At) -> Iterable[str]:
        """A reference to a stage, or a place outside with its settings."""
        name, settings = next(iter(item.items()), ("", None))
        if len(item) == 1 and isinstance(name, str) and isinstance(settings, dict):
            self._mistakes.check_keys(settings, ("by",), (*where, name))
            text, by = self._read.text(name, where), settings.get("by", STAMP)
            if text is not None and not is_elsewhere(text):
                self._mistakes.mistake(
                    where, f"{text!r} has no settings: it lies in the project"
                )
            elif by not in (STAMP, "content"):
                self._mistakes.mistake(where, f"'by' is stamp or content, not {by!r}")
            elif text is not None:
                paths = list(self._outside(text, where))
                self.stamped += paths if by == STAMP else []
                yield from paths
            return
        self._mistakes.check_keys(item, ("stage",), where)
        reference = self._read.text(item.get("stage"), where)
        if reference is not None:
            self.stage_deps.append((reference, where))

    def _outside(self, text: str, where: At) -> Iterable[str]:
        """A URL, or a path of this machine outside the project."""
        try:
            yield check_dependency(text, "")
        except FormatError as error:
            self._mistakes.mistake(where, error.message.removeprefix(": "))

    def _params(self) -> list[ParamFile]:
        at = (*self._at, "params")
        default = join(self._wdir, DEFAULT_PARAMS) or DEFAULT_PARAMS
        chosen: dict[str, list[str] | None] = {}
        for index, item in enumerate(self._read.items(self._block.get("params"), at)):
            where = (*at, index)
            if isinstance(item, dict):
                for file, keys in item.items():
                    path = self._read.path(file, where)
                    if path is not None:
                        self._add_keys(chosen, path, keys, where)
            else:
                key = self._read.text(item, where)
                if key is not None:
                    self._add_keys(chosen, default, [key], where)
        return [
            ParamFile(path, None if keys is None else tuple(keys))
            for path, keys in chosen.items()
        ]

    def _add_keys(
        self, chosen: dict[str, list[str] | None], path: str, keys: Any, at: At
    ) -> None:
        if not keys:
            chosen[path] = None
            return
        known = chosen.setdefault(path, [])
        for item in self._read.items(keys, at):
            key = self._read.text(item, at)
            if key is not None and known is not None and key not in known:
                known.append(key)

    def _may_be_output(self, path: str, where: tuple[Any, ...]) -> bool:
        """Whether a stage may write a path; if not, that is a mistake."""
        if any(sign in path for sign in "*?["):
            why = "is a pattern: declare a directory instead, so that missing files are noticed"
        elif path.rpartition("/")[2] in WRITTEN_BY_US or path.endswith(".mlt"):
            # the result would be rewritten by the next command, and never be up to date
            why = "is a file that mltrack or git writes"
        else:
            return True
        self._mistakes.mistake(where, f"{path!r} {why}")
        return False

    def _outputs(
        self, section: str, type_: str, known: tuple[str, ...]
    ) -> Iterable[Output]:
        at = (*self._at, section)
        for index, item in enumerate(self._read.items(self._block.get(section), at)):
            where = (*at, index)
            pairs: list[tuple[Any, Any]] = (
                list(item.items()) if isinstance(item, dict) else [(item, None)]
            )
            for value, settings in pairs:
                path = self._read.path(value, where)
                if settings is not None and not isinstance(settings, dict):
                    self._mistakes.mistake(
                        where, "an output's settings must be a mapping"
                    )
                    continue
                self._mistakes.check_keys(settings or {}, known, (*where, str(value)))
                settings = {
                    key: self._read.resolved(item, where)
                    for key, item in (settings or {}).items()
                }
                self._check_direction(settings.get("direction"), where)
                if path is None or not self._may_be_output(path, where):
                    continue
                yield self._output(path, type_, settings, where)

    def _output(
        self, path: str, type_: str, settings: dict[str, Any], where: At
    ) -> Output:
        own = tuple((key, item) for key, item in settings.items() if key not in _OUTPUT)
        return Output(
            path=path,
            type=type_,
            cache=self._read.boolean(settings, "cache", where, default=True),
            persist=self._read.boolean(settings, "persist", where),
            push=self._read.boolean(settings, "push", where, default=True),
            remote=str(settings.get("remote") or ""),
            desc=str(settings.get("desc") or ""),
            settings=own,
        )

    def _check_direction(self, given: Any, where: At) -> None:
        """Which of two metrics is better: for all of a file, or by name."""
        words = given.values() if isinstance(given, dict) else (given,)
        if given is not None and not all(word in ("max", "min") for word in words):
            self._mistakes.mistake(
                (*where, "direction"),
                f"must be max or min, or a mapping of names to these, not {given!r}",
            )

    def _environment(self) -> Environment:
        block, at = self._block.get("env"), (*self._at, "env")
        if block is None:
            return Environment()
        if not isinstance(block, dict):
            self._mistakes.mistake(
                at, "must be a mapping with 'vars', 'lock' or 'image'"
            )
            return Environment()
        self._mistakes.check_keys(block, _ENV, at)
        names = self._read.texts(block.get("vars"), (*at, "vars"))
        for index, name in enumerate(names):
            # `NAME=value` would set it, and look like naming it
            if not name.replace("_", "a").isalnum():
                self._mistakes.mistake(
                    (*at, "vars", index),
                    f"{name!r} is not the name of an environment variable",
                )
            if any(word in name.upper() for word in _SECRET):
                self._mistakes.mistake(
                    (*at, "vars", index),
                    f"{name!r} looks like a secret: a result must not depend on one, "
                    "and no trace of it may be recorded",
                )
        lock = (
            self._read.path(block["lock"], (*at, "lock"))
            if block.get("lock") is not None
            else None
        )
        image = (
            self._read.text(block["image"], (*at, "image"))
            if block.get("image") is not None
            else None
        )
        show = self._read.texts(block.get("show"), (*at, "show"))
        return Environment(
            tuple(sorted(set(names))), lock or "", image or "", tuple(show)
        )
