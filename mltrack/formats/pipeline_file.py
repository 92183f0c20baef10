"""Pipeline files: ``mltrack.yaml`` into stages. The keys and their meaning are those of
``dvc.yaml``.

All mistakes of a file are reported at once, each with line, column, key and the nearest
valid one. Reading other files (params, vars) goes through the ``read`` that is handed
in, so that the workspace and any git revision are read by the same code.
"""

import difflib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mltrack.errors import FormatError, PipelineError
from mltrack.formats import yaml
from mltrack.formats.mistakes import At, Mistakes
from mltrack.formats.paths import join
from mltrack.formats.pointer import conflict_line
from mltrack.formats.stage_block import LATER_KEYS, STAGE_KEYS, StageBlock
from mltrack.formats.template_values import LoadYaml, Read, TemplateValues
from mltrack.pipeline import expand
from mltrack.pipeline.expand import Expanded
from mltrack.pipeline.interpolate import interpolate
from mltrack.pipeline.stage import Stage, stage_address

VERSION = 1
_TOP = ("mltrack", "vars", "stages", "params", "metrics", "plots")
_PASSED_OVER = ("artifacts", "datasets")
"""Of ``dvc.yaml``: what a registry reads, and no stage."""
_MAX_NAME = 200


class TopLevel(NamedTuple):
    """What a pipeline file lists beside its stages, with templates filled in: paths as
    written, and plots with their settings.
    """

    params: list[str]
    metrics: list[str]
    plots: list[Any]


def load_stages(
    paths: Iterable[str],
    read: Read,
    load_yaml: LoadYaml | None = None,
    overrides: dict[str, dict[str, Any]] | None = None,
) -> list[Stage]:
    """Returns the stages of the pipeline files at ``paths``; raises PipelineError with
    every mistake in them.

    ``load_yaml`` may remember parsed texts; it must return what parsing would.
    ``overrides`` maps a params file to values by dotted key that stand in for its own.
    """
    files = []
    for path in paths:
        data = read(path)
        if data is not None:
            file = _File(path, data, read, load_yaml or parse_yaml, overrides or {})
            file.load()
            files.append(file)
    stages = [stage for file in files for stage in file.stages]
    # after all files: a reference may lead to a stage of another one
    if any(file.stage_deps for file in files):
        by_address = _by_reference(stages)
        for file in files:
            file.resolve(by_address)
        stages = [stage for file in files for stage in file.stages]
    return stages


def parse_yaml(data: bytes, path: str) -> Any:
    """Returns the plain values of a YAML file."""
    line = conflict_line(data)
    if line:
        raise FormatError(
            f"{path}:{line}: git left conflict markers here",
            hint="edit the file, then `git add` it",
        )
    try:
        return yaml.load(data.decode("utf-8"), path)
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not UTF-8 text") from None


class _Group(NamedTuple):
    """A block that declares one stage for each part of what it is repeated over, which
    ``expand`` names. ``at`` and ``over_at`` are where the two stand.
    """

    block: dict[str, Any]
    at: At
    over: Any
    over_at: At
    expand: Callable[[Any], list[Expanded]]


class _File(Mistakes):
    """One pipeline file being read."""

    def __init__(
        self,
        path: str,
        data: bytes,
        read: Read,
        load_yaml: LoadYaml,
        overrides: dict[str, dict[str, Any]],
    ) -> None:
        super().__init__(path, data)
        self._directory = path.rpartition("/")[0]
        self._load_yaml = load_yaml
        self._template_values = TemplateValues(
            self, self._directory, read, load_yaml, overrides
        )
        self.stages: list[Stage] = []
        self.stage_deps: list[tuple[int, str, At]] = []
        """References from stages, by their place in ``stages``, to others."""

    def load(self) -> None:
        document = self._load_yaml(self.data, self.path)
        # an empty file, or one of comments, declares nothing
        if document is None:
            return
        if not isinstance(document, dict):
            raise PipelineError(
                f"{self.path}: must be a mapping with the key 'stages'",
                hint="mltrack stage add --help",
            )
        version = document.get("mltrack", VERSION)
        # before the keys: those of a later format are no typing mistakes
        if isinstance(version, int) and version > VERSION:
            raise PipelineError(
                f"{self.path}: written for a newer mltrack (format {version}, this "
                f"one reads {VERSION})",
                hint="upgrade mltrack",
            )
        self.check_keys(document, (*_TOP, *_PASSED_OVER), ())
        # else what is wrong with params.yaml is no matter here
        is_filled_in = b"${" in self.data or "vars" in document
        values = (
            self._template_values.of_file(document.get("vars")) if is_filled_in else {}
        )
        blocks = document.get("stages") or {}
        if isinstance(blocks, dict):
            for name, block in blocks.items():
                self._declared(name, block, values)
        else:
            self.mistake(("stages",), "must be a mapping of names to stages")
        # once all are known: whoever corrects a file wants to see the rest, too
        self.raise_mistakes()

    def top_level(self) -> TopLevel:
        """Returns what the file lists beside its stages."""
        document = self._load_yaml(self.data, self.path)
        if not isinstance(document, dict):
            return TopLevel([], [], [])
        listed = {key: document.get(key) for key in ("params", "metrics", "plots")}
        # else what is wrong with params.yaml is no matter here
        if b"${" in self.data:
            values = self._template_values.of_file(document.get("vars"))
            listed = {
                key: self._values_in(value, (key,), values)
                for key, value in listed.items()
            }
        self.raise_mistakes()
        plots = listed["plots"]
        return TopLevel(
            _texts(listed["params"]),
            _texts(listed["metrics"]),
            plots if isinstance(plots, list) else [],
        )

    def resolve(self, known: dict[str, list[Stage]]) -> None:
        """Turns references to stages into dependencies on their outputs."""
        for index, reference, at in self.stage_deps:
            stage = self.stages[index]
            found = next(
                (known[name] for name in self._addresses(reference) if name in known),
                None,
            )
            if found is None:
                names = [name for name in known if name != stage.address]
                same = [name for name in names if name.endswith(f":{reference}")]
                close = same or difflib.get_close_matches(reference, names, n=1)
                self.mistake(
                    at,
                    f"there is no stage {reference!r}"
                    + (f"; did you mean {close[0]!r}?" if close else ""),
                )
                continue
            outs = [out.path for other in found for out in other.outs]
            if not outs:
                self.mistake(at, f"the stage {reference!r} has no outputs to depend on")
            self.stages[index] = stage._replace(
                deps=tuple(dict.fromkeys((*stage.deps, *outs)))
            )
        self.raise_mistakes()

    def _addresses(self, reference: str) -> list[str]:
        """What a reference may mean, nearest first: a stage of this file, one of the
        file that it names from here or from the root, one of the root's file.
        """
        file, colon, name = reference.rpartition(":")
        if not colon:
            return [stage_address(self.path, reference), reference]
        paths = (join(self._directory, file), join("", file))
        return [stage_address(path, name) for path in paths if path]

    def _declared(self, name: str, block: Any, values: dict[str, Any]) -> None:
        """Reads what one name declares: a stage, or a group of them."""
        at: At = ("stages", name)
        if not is_stage_name(name):
            self.mistake(
                at,
                "a stage's name is letters, digits, '-', '_' and '.', not longer than "
                f"{_MAX_NAME}",
            )
        elif not isinstance(block, dict):
            self.mistake(at, "must be a mapping with the key 'cmd'")
        elif "foreach" in block or "do" in block:
            self.check_keys(block, ("foreach", "do"), at)
            if not isinstance(block.get("do"), dict) or "foreach" not in block:
                self.mistake(
                    at,
                    "needs both 'foreach', what to repeat over, and 'do', the stage "
                    "to repeat",
                )
                return
            where = (*at, "foreach")
            over = self._values_in(block["foreach"], where, values)
            group = _Group(block["do"], (*at, "do"), over, where, expand.foreach)
            self._group(name, group, values)
        elif "matrix" in block:
            where = (*at, "matrix")
            over = self._values_in(block["matrix"], where, values)
            inner = {key: value for key, value in block.items() if key != "matrix"}
            self._group(name, _Group(inner, at, over, where, expand.matrix), values)
        else:
            self._stage(name, block, at, values)

    def _group(self, name: str, group: _Group, values: dict[str, Any]) -> None:
        try:
            expanded = group.expand(group.over)
        except PipelineError as error:
            self.mistake(group.over_at, error.message)
            return
        for one in expanded:
            full = f"{name}@{one.key}"
            if len(full) > _MAX_NAME or not full.isprintable() or not one.key:
                self.mistake(
                    group.over_at,
                    f"{full[:80]!r} is no name of a stage: give it a shorter, "
                    "printable key",
                )
                return
            count = len(self.mistakes)
            self._stage(full, group.block, group.at, {**values, **one.values})
            if len(self.mistakes) > count:
                return  # the others would repeat it

    def _stage(
        self, name: str, block: dict[str, Any], at: At, values: dict[str, Any]
    ) -> None:
        count = len(self.mistakes)
        self.check_keys(block, STAGE_KEYS, at, LATER_KEYS)
        if len(self.mistakes) > count and any(key in block for key in LATER_KEYS):
            return
        local = values
        if "vars" in block:
            wdir = self._wdir_of(block, at, values)
            where = (*at, "vars")
            local = self._template_values.of_stage(values, block["vars"], where, wdir)
        reader = StageBlock(self, self._directory, block, at, local)
        stage = reader.stage(self.path, name)
        if stage is not None:
            self.stage_deps += [
                (len(self.stages), reference, where)
                for reference, where in reader.stage_deps
            ]
            self.stages.append(stage)

    def _wdir_of(self, block: dict[str, Any], at: At, values: dict[str, Any]) -> str:
        """Where the commands of a stage run, as far as the values of the file tell."""
        given = block.get("wdir")
        if not isinstance(given, str):
            return self._directory
        text = self._values_in(given, (*at, "wdir"), values)
        return join(self._directory, str(text)) or self._directory

    def _values_in(self, value: Any, at: At, values: dict[str, Any]) -> Any:
        """``value`` with the templates in it, at any depth, filled in."""
        if isinstance(value, str):
            try:
                return interpolate(value, values, "")
            except PipelineError as error:
                self.mistake(
                    at,
                    error.message.removeprefix(": ")
                    + (f" ({error.hint})" if error.hint else ""),
                )
                return None
        if isinstance(value, list):
            return [
                self._values_in(item, (*at, index), values)
                for index, item in enumerate(value)
            ]
        if isinstance(value, dict):
            return {
                self._key_in(key, (*at, key), values): self._values_in(
                    item, (*at, key), values
                )
                for key, item in value.items()
            }
        return value

    def _key_in(self, key: str, at: At, values: dict[str, Any]) -> str:
        filled = self._values_in(key, at, values)
        return filled if isinstance(filled, str) else key


def _by_reference(stages: list[Stage]) -> dict[str, list[Stage]]:
    """Stages by all that a reference may call them: address, and of an expanded one the
    group's address too.
    """
    known: dict[str, list[Stage]] = {}
    for stage in stages:
        known.setdefault(stage.address, []).append(stage)
        if stage.group != stage.name:
            known.setdefault(
                stage_address(stage.pipeline_path, stage.group), []
            ).append(stage)
    return known


def is_stage_name(name: str) -> bool:
    """Returns whether a stage may be declared under this name."""
    # no `:`, `@`, `/`: those part an address, a group and its key, and paths
    return (
        0 < len(name) <= _MAX_NAME
        and all(char.isalnum() or char in "-_." for char in name)
        and name[0] not in "-."
    )


def top_level(path: str, data: bytes, read: Read) -> TopLevel:
    """Returns what a pipeline file lists at its top; raises PipelineError for templates
    that cannot be filled in.
    """
    return _File(path, data, read, parse_yaml, {}).top_level()


def _texts(value: Any) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]
