"""Pipeline files: ``mltrack.yaml`` into stages. The keys and their meaning are those of ``dvc.yaml``.

All mistakes of a file are reported at once, each with line, column, key and the nearest valid one. Reading other
files (params, vars) goes through the ``read`` that is handed in, so that the workspace and any git revision are read
by the same code.
"""

from collections.abc import Callable, Iterable
from typing import Any

from mltrack.errors import FormatError, PipelineError
from mltrack.formats import params_file
from mltrack.formats.mistakes import At, Mistakes
from mltrack.formats.paths import check_path, join
from mltrack.formats.pointer import conflict_line
from mltrack.pipeline.interpolate import interpolate
from mltrack.pipeline.stage import METRIC, OUT, PLOT, Environment, Output, ParamFile, Stage, stage_address

VERSION = 1
DEFAULT_PARAMS = "params.yaml"
Read = Callable[[str], bytes | None]
LoadYaml = Callable[[bytes, str], Any]

_TOP = ("mltrack", "vars", "stages", "params", "metrics", "plots")
_STAGE = (
    "cmd", "wdir", "deps", "params", "outs", "metrics", "plots", "env", "vars", "frozen", "always_changed", "desc", "meta",
)  # fmt: skip
_LATER = (
    "foreach",
    "do",
    "matrix",
    "each",
    "resources",
    "runner",
    "retry",
    "timeout",
    "sandbox",
    "check",
    "checkpoint",
    "workers",
)
_OUTPUT = ("cache", "persist", "push", "remote", "desc", "type")
_PLOT = (*_OUTPUT, "x", "y", "x_label", "y_label", "title", "template", "header")
_ENV = ("vars", "lock", "image", "show")
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def load_stages(paths: Iterable[str], read: Read, load_yaml: LoadYaml | None = None) -> list[Stage]:
    """Returns the stages of the pipeline files at ``paths``; raises PipelineError with every mistake in them.

    ``load_yaml`` may remember parsed texts; it must return what parsing would.
    """
    stages: list[Stage] = []
    for path in paths:
        data = read(path)
        if data is not None:
            stages += _File(path, data, read, load_yaml or parse_yaml).stages()
    return stages


def parse_yaml(data: bytes, path: str) -> Any:
    """Returns the plain values of a YAML file."""
    line = conflict_line(data)
    if line:
        raise FormatError(f"{path}:{line}: git left conflict markers here", hint="edit the file, then `git add` it")
    from mltrack.formats import yaml  # noqa: PLC0415

    try:
        return yaml.load(data.decode("utf-8"), path)
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not UTF-8 text") from None


class _File(Mistakes):
    """One pipeline file being read."""

    def __init__(self, path: str, data: bytes, read: Read, load_yaml: LoadYaml) -> None:
        super().__init__(path, data)
        self.directory = path.rpartition("/")[0]
        self.read = read
        self.load_yaml = load_yaml

    def stages(self) -> list[Stage]:
        document = self.load_yaml(self.data, self.path)
        if document is None:
            return []
        if not isinstance(document, dict):
            raise PipelineError(
                f"{self.path}: must be a mapping with the key 'stages'", hint="mltrack stage add --help"
            )
        version = document.get("mltrack", VERSION)
        if isinstance(version, int) and version > VERSION:
            raise PipelineError(
                f"{self.path}: written for a newer mltrack (format {version}, this one reads {VERSION})",
                hint="upgrade mltrack",
            )
        self.check_keys(document, _TOP, ())
        values = self.values(document.get("vars"), ())
        blocks = document.get("stages") or {}
        found: list[Stage] = []
        if isinstance(blocks, dict):
            for name, block in blocks.items():
                stage = self.stage(name, block, values)
                if stage is not None:
                    found.append(stage)
        else:
            self.mistake(("stages",), "must be a mapping of names to stages")
        self.raise_mistakes()
        return found

    # values for templates

    def values(self, items: Any, at: At, base: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = dict(base or {})
        if base is None:
            self.merge_file(
                result,
                join(self.directory, DEFAULT_PARAMS) or DEFAULT_PARAMS,
                None,
                (*at, "vars"),
                required=False,
            )
        if items is None:
            return result
        if not isinstance(items, list):
            self.mistake((*at, "vars"), "must be a list of files and mappings")
            return result
        for index, item in enumerate(items):
            where = (*at, "vars", index)
            if isinstance(item, dict):
                _merge(result, item)
            elif isinstance(item, str):
                file, _, keys = item.partition(":")
                path = join(self.directory, file)
                if path is None:
                    self.mistake(where, f"{file!r} lies outside the project")
                else:
                    self.merge_file(result, path, keys.split(",") if keys else None, where, required=True)
            else:
                self.mistake(where, "must be a file name or a mapping")
        return result

    def merge_file(self, into: dict[str, Any], path: str, keys: list[str] | None, at: At, *, required: bool) -> None:
        data = self.read(path)
        if data is None:
            if required:
                self.mistake(at, f"{path!r} does not exist")
            return
        try:
            values = self.load_yaml(data, path) if path.endswith((".yaml", ".yml")) else params_file.load(data, path)
            if isinstance(values, dict):
                _merge(
                    into,
                    values if keys is None else {key: params_file.get(values, key, path) for key in keys},
                )
            elif values is not None:
                self.mistake(at, f"{path!r} is not a mapping of names to values")
        except PipelineError as error:
            self.mistake(at, error.message)

    # stages

    def stage(self, name: str, block: Any, values: dict[str, Any]) -> Stage | None:
        at: At = ("stages", name)
        if not _is_stage_name(name):
            self.mistake(at, "a stage's name is letters, digits, '-' and '_', not longer than 200")
            return None
        if not isinstance(block, dict):
            self.mistake(at, "must be a mapping with the key 'cmd'")
            return None
        self.check_keys(block, _STAGE, at, _LATER)
        if any(key in block for key in _LATER):
            return None
        count = len(self.mistakes)
        local = self.values(block["vars"], at, values) if "vars" in block else values
        wdir = self.wdir(block.get("wdir"), at, local)
        stage = Stage(
            address=stage_address(self.path, name),
            name=name,
            pipeline_path=self.path,
            cmd=self.commands(block, at, local),
            wdir=wdir,
            deps=tuple(self.dependencies(block.get("deps"), (*at, "deps"), wdir, local)),
            params=tuple(self.params(block.get("params"), (*at, "params"), wdir, local)),
            outs=tuple(
                out
                for section, type_, known in (
                    ("outs", OUT, _OUTPUT),
                    ("metrics", METRIC, _OUTPUT),
                    ("plots", PLOT, _PLOT),
                )
                for out in self.outputs(block.get(section), (*at, section), wdir, local, type_, known)
            ),
            env=self.environment(block.get("env"), (*at, "env"), wdir, local),
            frozen=self.boolean(block, "frozen", at),
            always_changed=self.boolean(block, "always_changed", at),
            desc=str(block.get("desc") or ""),
            meta=block.get("meta"),
        )
        paths = [out.path for out in stage.outs]
        for path in sorted({path for path in paths if paths.count(path) > 1}):
            self.mistake(at, f"output {path!r} is declared twice")
        return stage if len(self.mistakes) == count else None

    def render(self, value: Any, at: At, values: dict[str, Any]) -> str | None:
        if not isinstance(value, str):
            if isinstance(value, bool | int | float):
                self.mistake(at, f"must be text: put {value!r} in quotes")
            else:
                self.mistake(at, "must be text")
            return None
        try:
            result = interpolate(value, values, ".".join(str(step) for step in at))
        except PipelineError as error:
            self.mistake(at, error.message.partition(": ")[2] + (f" ({error.hint})" if error.hint else ""))
            return None
        if isinstance(result, dict | list) or result is None:
            self.mistake(at, f"{value} must be a single value here")
            return None
        return str(result).lower() if isinstance(result, bool) else str(result)

    def commands(self, block: dict[str, Any], at: At, values: dict[str, Any]) -> tuple[str, ...]:
        cmd = block.get("cmd")
        where = (*at, "cmd")
        items = cmd if isinstance(cmd, list) else [cmd]
        if cmd is None or not items:
            self.mistake(at, "the key 'cmd' is missing")
            return ()
        rendered = [
            self.render(item, where if items is not cmd else (*where, index), values)
            for index, item in enumerate(items)
        ]
        for text in rendered:
            if text is not None and (not text.strip() or "\0" in text):
                self.mistake(where, "a command is empty or holds a NUL")
        return tuple(text.rstrip("\n") for text in rendered if text is not None)

    def wdir(self, value: Any, at: At, values: dict[str, Any]) -> str:
        if value is None:
            return self.directory
        text = self.render(value, (*at, "wdir"), values)
        path = join(self.directory, text) if text is not None else self.directory
        if path is None:
            self.mistake((*at, "wdir"), f"{text!r} lies outside the project")
            return self.directory
        return path

    def path_of(self, value: Any, at: At, wdir: str, values: dict[str, Any]) -> str | None:
        text = self.render(value, at, values)
        if text is None:
            return None
        path = join(wdir, text)
        if not path:
            self.mistake(at, f"{text!r} lies outside the project" if path is None else f"{text!r} is the whole project")
            return None
        try:
            return check_path(path, "")
        except FormatError as error:
            self.mistake(at, error.message.lstrip(": "))
            return None

    def dependencies(self, items: Any, at: At, wdir: str, values: dict[str, Any]) -> Iterable[str]:
        for index, item in enumerate(self.list_of(items, at)):
            path = self.path_of(item, (*at, index), wdir, values)
            if path is not None:
                yield path

    def params(self, items: Any, at: At, wdir: str, values: dict[str, Any]) -> list[ParamFile]:
        default = join(wdir, DEFAULT_PARAMS) or DEFAULT_PARAMS
        chosen: dict[str, list[str] | None] = {}
        for index, item in enumerate(self.list_of(items, at)):
            where = (*at, index)
            if isinstance(item, dict):
                for file, keys in item.items():
                    path = self.path_of(file, where, wdir, values)
                    if path is not None:
                        self.add_keys(chosen, path, keys, where, values)
            else:
                key = self.render(item, where, values)
                if key is not None:
                    self.add_keys(chosen, default, [key], where, values)
        return [ParamFile(path, None if keys is None else tuple(keys)) for path, keys in chosen.items()]

    def add_keys(
        self, chosen: dict[str, list[str] | None], path: str, keys: Any, at: At, values: dict[str, Any]
    ) -> None:
        if keys is None:
            chosen[path] = None
            return
        known = chosen.setdefault(path, [])
        for item in self.list_of(keys, at):
            key = self.render(item, at, values)
            if key is not None and known is not None and key not in known:
                known.append(key)

    def outputs(
        self, items: Any, at: At, wdir: str, values: dict[str, Any], type_: str, known: tuple[str, ...]
    ) -> Iterable[Output]:
        for index, item in enumerate(self.list_of(items, at)):
            where = (*at, index)
            pairs: list[tuple[Any, Any]] = list(item.items()) if isinstance(item, dict) else [(item, None)]
            for value, settings in pairs:
                path = self.path_of(value, where, wdir, values)
                if settings is not None and not isinstance(settings, dict):
                    self.mistake(where, "an output's settings must be a mapping")
                    continue
                settings = settings or {}
                self.check_keys(settings, known, (*where, str(value)))
                if path is None:
                    continue
                if any(sign in path for sign in "*?["):
                    self.mistake(
                        where,
                        f"{path!r} is a pattern: declare a directory instead, so that what is missing can be told",
                    )
                    continue
                yield Output(
                    path=path,
                    type=type_,
                    cache=self.boolean(settings, "cache", where, default=True),
                    persist=self.boolean(settings, "persist", where),
                    push=self.boolean(settings, "push", where, default=True),
                    remote=str(settings.get("remote") or ""),
                    desc=str(settings.get("desc") or ""),
                    settings=tuple((key, item) for key, item in settings.items() if key not in _OUTPUT),
                )

    def environment(self, block: Any, at: At, wdir: str, values: dict[str, Any]) -> Environment:
        if block is None:
            return Environment()
        if not isinstance(block, dict):
            self.mistake(at, "must be a mapping with 'vars', 'lock' or 'image'")
            return Environment()
        self.check_keys(block, _ENV, at)
        names = [
            self.render(item, (*at, "vars", index), values)
            for index, item in enumerate(self.list_of(block.get("vars"), (*at, "vars")))
        ]
        for index, name in enumerate(names):
            if name is not None and not name.replace("_", "a").isalnum():
                self.mistake((*at, "vars", index), f"{name!r} is not the name of an environment variable")
            if name is not None and any(word in name.upper() for word in _SECRET):
                self.mistake(
                    (*at, "vars", index),
                    f"{name!r} looks like a secret: a result must not depend on one, and no trace of it may be recorded",
                )
        lock = self.path_of(block["lock"], (*at, "lock"), wdir, values) if block.get("lock") is not None else None
        image = self.render(block["image"], (*at, "image"), values) if block.get("image") is not None else None
        show = [self.render(item, (*at, "show"), values) for item in self.list_of(block.get("show"), (*at, "show"))]
        return Environment(
            tuple(sorted({name for name in names if name})),
            lock or "",
            image or "",
            tuple(name for name in show if name),
        )

    def boolean(self, block: dict[str, Any], key: str, at: At, *, default: bool = False) -> bool:
        value = block.get(key, default)
        if not isinstance(value, bool):
            self.mistake((*at, key), f"must be true or false, not {value!r}")
            return default
        return value

    def list_of(self, items: Any, at: At) -> list[Any]:
        if items is None:
            return []
        if not isinstance(items, list):
            self.mistake(at, "must be a list")
            return []
        return items


def _is_stage_name(name: str) -> bool:
    return 0 < len(name) <= 200 and all(char.isalnum() or char in "-_" for char in name) and not name.startswith("-")


def _merge(into: dict[str, Any], values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            into[key] = {**into[key]}
            _merge(into[key], value)
        else:
            into[key] = value


def declared_files(document: Any) -> tuple[list[str], list[str]]:
    """Returns the metrics and params files that a pipeline file lists at its top level, as written."""
    if not isinstance(document, dict):
        return [], []
    return _texts(document.get("metrics")), _texts(document.get("params"))


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
