"""One stage's block of a pipeline file, with its templates filled in, as a record."""

from collections.abc import Iterable
from typing import Any

from mltrack.errors import FormatError, PipelineError
from mltrack.formats import quantities
from mltrack.formats.mistakes import At, Mistakes
from mltrack.formats.paths import check_path, check_url, join
from mltrack.formats.template_values import DEFAULT_PARAMS
from mltrack.pipeline.interpolate import interpolate, interpolate_command
from mltrack.pipeline.paths import contains
from mltrack.pipeline.stage import (
    CHECKS,
    METRIC,
    OUT,
    PLOT,
    WRITTEN_BY_US,
    Environment,
    Execution,
    Output,
    ParamFile,
    Stage,
    is_url,
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
)
LATER_KEYS = ("each", "workers")
_OUTPUT = ("cache", "persist", "push", "remote", "desc", "type")
_PLOT = (*_OUTPUT, "x", "y", "x_label", "y_label", "title", "template", "header")
_ENV = ("vars", "lock", "image", "show")
_EXECUTION = (
    "resources",
    "runner",
    "retry",
    "timeout",
    "sandbox",
    "check",
    "checkpoint",
)
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")
_SECTIONS = (
    ("outs", OUT, _OUTPUT),
    ("metrics", METRIC, _OUTPUT),
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
        self._wdir = self._read_wdir()
        self.stage_deps: list[tuple[str, At]] = []
        """References to other stages among its dependencies, and where they stand."""

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
            params=tuple(self._params()),
            outs=tuple(
                out
                for section, type_, known in _SECTIONS
                for out in self._outputs(section, type_, known)
            ),
            env=self._environment(),
            frozen=self._boolean(block, "frozen", at),
            always_changed=self._boolean(block, "always_changed", at),
            desc=str(block.get("desc") or ""),
            meta=block.get("meta"),
            execution=self._execution(),
        )
        paths = [out.path for out in stage.outs]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            self._mistakes.mistake(at, f"output {path!r} is declared twice")
        own = stage.execution.checkpoint
        if own and any(
            contains(own, path) or contains(path, own) for path in (*paths, *stage.deps)
        ):
            self._mistakes.mistake(
                (*at, "checkpoint"),
                f"{own!r} overlaps an output or dependency of the stage",
            )
        return stage if len(self._mistakes.mistakes) == count else None

    def _resolved(self, value: Any, at: At) -> Any:
        """The value with its templates filled in; None, with a mistake noted, where
        that cannot be.
        """
        if not isinstance(value, str) or "${" not in value:
            return value
        try:
            return interpolate(value, self._values, "")
        except PipelineError as error:
            self._note(at, error)
            return None

    def _text(self, value: Any, at: At) -> str | None:
        if not isinstance(value, str):
            known = isinstance(value, bool | int | float)
            self._mistakes.mistake(
                at,
                f"must be text: put {value!r} in quotes" if known else "must be text",
            )
            return None
        count = len(self._mistakes.mistakes)
        result = self._resolved(value, at)
        if len(self._mistakes.mistakes) > count:
            return None
        if isinstance(result, dict | list) or result is None:
            self._mistakes.mistake(at, f"{value} must be a single value here")
            return None
        return str(result).lower() if isinstance(result, bool) else str(result)

    def _note(self, at: At, error: PipelineError) -> None:
        self._mistakes.mistake(
            at,
            error.message.removeprefix(": ")
            + (f" ({error.hint})" if error.hint else ""),
        )

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
                self._text(item, at)
                continue
            try:
                text = interpolate_command(item, self._values, "")
            except PipelineError as error:
                self._note(at, error)
                continue
            if not text.strip() or "\0" in text:
                self._mistakes.mistake(at, "a command is empty or holds a NUL")
            rendered.append(text.rstrip("\n"))
        return tuple(rendered)

    def _read_wdir(self) -> str:
        value = self._block.get("wdir")
        if value is None:
            return self._directory
        at = (*self._at, "wdir")
        text = self._text(value, at)
        path = join(self._directory, text) if text is not None else self._directory
        if path is None:
            self._mistakes.mistake(at, f"{text!r} lies outside the project")
            return self._directory
        return path

    def _path(self, value: Any, at: At) -> str | None:
        text = self._text(value, at)
        return self._checked(text, at) if text is not None else None

    def _checked(self, text: str, at: At) -> str | None:
        path = join(self._wdir, text)
        if not path:
            problem = (
                "lies outside the project" if path is None else "is the whole project"
            )
            self._mistakes.mistake(at, f"{text!r} {problem}")
            return None
        try:
            return check_path(path, "")
        except FormatError as error:
            self._mistakes.mistake(at, error.message.lstrip(": "))
            return None

    def _dependencies(self) -> Iterable[str]:
        at = (*self._at, "deps")
        for index, item in enumerate(self._list(self._block.get("deps"), at)):
            where = (*at, index)
            if isinstance(item, dict):
                self._mistakes.check_keys(item, ("stage",), where)
                reference = self._text(item.get("stage"), where)
                if reference is not None:
                    self.stage_deps.append((reference, where))
                continue
            text = self._text(item, where)
            if text is None:
                continue
            if is_url(text):
                try:
                    yield check_url(text)
                except FormatError as error:
                    self._mistakes.mistake(where, error.message)
                continue
            path = self._checked(text, where)
            if path is not None:
                yield path

    def _params(self) -> list[ParamFile]:
        at = (*self._at, "params")
        default = join(self._wdir, DEFAULT_PARAMS) or DEFAULT_PARAMS
        chosen: dict[str, list[str] | None] = {}
        for index, item in enumerate(self._list(self._block.get("params"), at)):
            where = (*at, index)
            if isinstance(item, dict):
                for file, keys in item.items():
                    path = self._path(file, where)
                    if path is not None:
                        self._add_keys(chosen, path, keys, where)
            else:
                key = self._text(item, where)
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
        for item in self._list(keys, at):
            key = self._text(item, at)
            if key is not None and known is not None and key not in known:
                known.append(key)

    def _may_be_output(self, path: str, where: tuple[Any, ...]) -> bool:
        """Whether a stage may write a path; if not, that is a mistake."""
        if any(sign in path for sign in "*?["):
            why = "is a pattern: declare a directory instead, so that missing files are noticed"
        elif path.rpartition("/")[2] in WRITTEN_BY_US or path.endswith(".mlt"):
            why = "is a file that mltrack or git writes"
        else:
            return True
        self._mistakes.mistake(where, f"{path!r} {why}")
        return False

    def _outputs(
        self, section: str, type_: str, known: tuple[str, ...]
    ) -> Iterable[Output]:
        at = (*self._at, section)
        for index, item in enumerate(self._list(self._block.get(section), at)):
            where = (*at, index)
            pairs: list[tuple[Any, Any]] = (
                list(item.items()) if isinstance(item, dict) else [(item, None)]
            )
            for value, settings in pairs:
                path = self._path(value, where)
                if settings is not None and not isinstance(settings, dict):
                    self._mistakes.mistake(
                        where, "an output's settings must be a mapping"
                    )
                    continue
                self._mistakes.check_keys(settings or {}, known, (*where, str(value)))
                settings = {
                    key: self._resolved(item, where)
                    for key, item in (settings or {}).items()
                }
                if path is None or not self._may_be_output(path, where):
                    continue
                yield Output(
                    path=path,
                    type=type_,
                    cache=self._boolean(settings, "cache", where, default=True),
                    persist=self._boolean(settings, "persist", where),
                    push=self._boolean(settings, "push", where, default=True),
                    remote=str(settings.get("remote") or ""),
                    desc=str(settings.get("desc") or ""),
                    settings=tuple(
                        (key, item)
                        for key, item in settings.items()
                        if key not in _OUTPUT
                    ),
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
        names = self._texts(block.get("vars"), (*at, "vars"))
        for index, name in enumerate(names):
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
            self._path(block["lock"], (*at, "lock"))
            if block.get("lock") is not None
            else None
        )
        image = (
            self._text(block["image"], (*at, "image"))
            if block.get("image") is not None
            else None
        )
        show = self._texts(block.get("show"), (*at, "show"))
        return Environment(
            tuple(sorted(set(names))), lock or "", image or "", tuple(show)
        )

    def _execution(self) -> Execution:
        block, at = self._block, self._at
        if not block.keys() & {*_EXECUTION}:
            return Execution()
        runner = block.get("runner")
        check = self._resolved(block.get("check"), (*at, "check")) or ""
        if check and check not in CHECKS:
            self._mistakes.mistake(
                (*at, "check"), f"must be of {', '.join(CHECKS)}, not {check!r}"
            )
        tries, backoff = self._retry()
        return Execution(
            resources=tuple(self._resources()),
            runners=tuple(
                self._texts(
                    runner if isinstance(runner, list) else [runner], (*at, "runner")
                )
            )
            if runner is not None
            else (),
            tries=tries,
            backoff=backoff,
            timeout=self._duration(block["timeout"], (*at, "timeout"))
            if block.get("timeout") is not None
            else None,
            sandbox=self._boolean(block, "sandbox", at),
            check=str(check),
            checkpoint=(self._path(block["checkpoint"], (*at, "checkpoint")) or "")
            if block.get("checkpoint") is not None
            else "",
        )

    def _resources(self) -> Iterable[tuple[str, float]]:
        block, at = self._block.get("resources"), (*self._at, "resources")
        if block is None:
            return
        if not isinstance(block, dict):
            self._mistakes.mistake(
                at, "must be a mapping such as {gpus: 1, memory: 16GB}"
            )
            return
        for name, value in block.items():
            amount = self._resolved(value, (*at, name))
            try:
                if name in ("memory", "gpu_memory"):
                    yield name, quantities.size(amount)
                elif name == "time":
                    yield name, quantities.seconds(amount)
                elif (
                    isinstance(amount, bool)
                    or not isinstance(amount, int | float)
                    or not 0 <= amount < 1e9
                ):
                    self._mistakes.mistake(
                        (*at, name), f"must be a number, not {amount!r}"
                    )
                elif name == "gpus" and amount != int(amount):
                    self._mistakes.mistake((*at, name), "must be a whole number")
                else:
                    yield name, float(amount)
            except PipelineError as error:
                self._mistakes.mistake((*at, name), error.message)

    def _retry(self) -> tuple[int, float]:
        value, at = self._block.get("retry"), (*self._at, "retry")
        if value is None:
            return 1, 0.0
        block = value if isinstance(value, dict) else {"tries": value}
        self._mistakes.check_keys(block, ("tries", "backoff"), at)
        tries = self._resolved(block.get("tries", 2), at)
        if (
            isinstance(tries, bool)
            or not isinstance(tries, int)
            or not 1 <= tries <= 1000
        ):
            self._mistakes.mistake(
                at, f"'tries' must be a whole number from 1 to 1000, not {tries!r}"
            )
            return 1, 0.0
        return tries, self._duration(block["backoff"], (*at, "backoff")) if block.get(
            "backoff"
        ) else 0.0

    def _duration(self, value: Any, at: At) -> float:
        try:
            return quantities.seconds(self._resolved(value, at))
        except PipelineError as error:
            self._mistakes.mistake(at, error.message)
            return 0.0

    def _boolean(
        self, block: dict[str, Any], key: str, at: At, *, default: bool = False
    ) -> bool:
        value = self._resolved(block.get(key, default), (*at, key))
        if not isinstance(value, bool):
            self._mistakes.mistake((*at, key), f"must be true or false, not {value!r}")
            return default
        return value

    def _texts(self, items: Any, at: At) -> list[str]:
        texts = [
            self._text(item, (*at, index))
            for index, item in enumerate(self._list(items, at))
        ]
        return [text for text in texts if text]

    def _list(self, items: Any, at: At) -> list[Any]:
        if items is None:
            return []
        if not isinstance(items, list):
            self._mistakes.mistake(at, "must be a list")
            return []
        return items
