"""The values that templates see: ``params.yaml`` beside the pipeline file, and what
``vars`` lists.
"""

from collections.abc import Callable
from typing import Any

from mltrack.errors import PipelineError
from mltrack.formats import params_file
from mltrack.formats.mistakes import At, Mistakes
from mltrack.formats.paths import join
from mltrack.pipeline.differences import same_value

DEFAULT_PARAMS = "params.yaml"
Read = Callable[[str], bytes | None]
LoadYaml = Callable[[bytes, str], Any]


class TemplateValues:
    """Reads files of values for one pipeline file; what is wrong with them goes to its
    ``mistakes``.

    ``overrides`` replace values of the params file of the same path, as ``repro --set``
    asks for.
    """

    def __init__(
        self,
        mistakes: Mistakes,
        directory: str,
        read: Read,
        load_yaml: LoadYaml,
        overrides: dict[str, dict[str, Any]],
    ) -> None:
        self._mistakes = mistakes
        self._directory = directory
        self._read = read
        self._load_yaml = load_yaml
        self._overrides = overrides

    def of_file(self, items: Any) -> dict[str, Any]:
        """Returns the values that all stages of the file see; ``items`` is its
        ``vars``.
        """
        result: dict[str, Any] = {}
        default = join(self._directory, DEFAULT_PARAMS) or DEFAULT_PARAMS
        # listed by name it comes below: twice, each of its values would be a duplicate
        if DEFAULT_PARAMS not in (items if isinstance(items, list) else ()):
            self._merge_file(result, default, None, ("vars",), required=False)
        return self._add(result, items, ("vars",), self._directory)

    def of_stage(
        self, base: dict[str, Any], items: Any, at: At, wdir: str
    ) -> dict[str, Any]:
        """Returns the values that one stage sees, of which ``items`` are its own; files
        among them are found from where its commands run.
        """
        # a copy: other stages of the file see the same values
        return self._add(dict(base), items, at, wdir)

    def _add(
        self, result: dict[str, Any], items: Any, at: At, directory: str
    ) -> dict[str, Any]:
        if items is None:
            return result
        if not isinstance(items, list):
            self._mistakes.mistake(at, "must be a list of files and mappings")
            return result
        for index, item in enumerate(items):
            where = (*at, index)
            if isinstance(item, dict):
                self._merge(result, item, where)
            elif isinstance(item, str):
                file, _, keys = item.partition(":")
                path = self._found_from(directory, file)
                if path is None:
                    self._mistakes.mistake(where, f"{file!r} lies outside the project")
                else:
                    self._merge_file(
                        result,
                        path,
                        keys.split(",") if keys else None,
                        where,
                        required=True,
                    )
            else:
                self._mistakes.mistake(where, "must be a file name or a mapping")
        return result

    def _found_from(self, directory: str, file: str) -> str | None:
        """The path of a file as a stage names it: from its own directory, else from
        that of the pipeline file. None if it lies outside the project.
        """
        path = join(directory, file)
        if path is None or directory == self._directory:
            return path
        beside = join(self._directory, file)
        if self._read(path) is None and beside and self._read(beside) is not None:
            return beside
        return path

    def _merge_file(
        self,
        into: dict[str, Any],
        path: str,
        keys: list[str] | None,
        at: At,
        *,
        required: bool,
    ) -> None:
        data = self._read(path)
        if data is None:
            if required:
                self._mistakes.mistake(at, f"{path!r} does not exist")
            return
        try:
            is_yaml = path.endswith((".yaml", ".yml"))
            values = (
                self._load_yaml(data, path) if is_yaml else params_file.load(data, path)
            )
            # before a part is chosen, so that `--set` holds in commands as in params
            values = params_file.replaced(values, self._overrides.get(path, {}), path)
            if isinstance(values, dict):
                chosen = values if keys is None else _chosen(values, keys, path)
                self._merge(into, chosen, at)
            elif values is not None:
                self._mistakes.mistake(
                    at, f"{path!r} is not a mapping of names to values"
                )
        except PipelineError as error:
            self._mistakes.mistake(
                at, error.message + (f" ({error.hint})" if error.hint else "")
            )

    def _merge(
        self, into: dict[str, Any], values: dict[str, Any], at: At, prefix: str = ""
    ) -> None:
        for key, value in values.items():
            if key in into and isinstance(value, dict) and isinstance(into[key], dict):
                # a copy, before it is added to: other stages see the same mapping
                into[key] = {**into[key]}
                self._merge(into[key], value, at, f"{prefix}{key}.")
            elif key in into and not same_value(into[key], value):
                self._mistakes.mistake(
                    at, f"{prefix + key!r} has another value already"
                )
            else:
                into[key] = value


def _chosen(values: dict[str, Any], keys: list[str], path: str) -> dict[str, Any]:
    """The values at dotted keys, each where it stood."""
    result: dict[str, Any] = {}
    for key in keys:
        value = params_file.get(values, key, path)
        *above, last = map(str, params_file.resolve(values, key, path))
        place = result
        for step in above:
            place = place.setdefault(step, {})
        place[last] = value
    return result
