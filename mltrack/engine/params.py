"""Params files as stages see them: each is parsed once, and values that a person gave
for one run stand in for its own.
"""

from collections.abc import Callable
from typing import Any

from mltrack.engine.remember import Remembered
from mltrack.errors import PipelineError
from mltrack.formats import params_file
from mltrack.pipeline.stage import ParamFile, Stage

Read = Callable[[str], bytes | None]
Overrides = dict[str, dict[str, Any]]
"""Of params files, values by dotted key that stand in for those in the file."""


class Params:
    """The params files of the workspace, and what stands in for values in them."""

    def __init__(
        self, read: Read, remembered: Remembered, overrides: Overrides
    ) -> None:
        self._read = read
        self._remembered = remembered
        self._overrides = overrides
        self._seen: dict[str, Any] = {}

    @property
    def are_overridden(self) -> bool:
        """Whether any value stands in for one in a file."""
        return bool(self._overrides)

    def stands(self, path: str) -> bool:
        """Returns whether the file is in the workspace."""
        return self._read(path) is not None

    def values(self, path: str, stage: Stage) -> Any:
        """Returns what the file in the workspace says, as it was read first."""
        if path not in self._seen:
            self._seen[path] = self.parsed(path, self._read(path), stage)
        return self._seen[path]

    def parsed(self, path: str, data: bytes | None, stage: Stage) -> Any:
        """Returns what these bytes say, as a file at ``path``; raises PipelineError,
        which names the stage, if there are none.
        """
        if data is None:
            raise PipelineError(
                f"stage {stage.address!r}: the params file {path!r} does not exist",
                hint=f"create it, or correct `params` in {stage.pipeline_path}",
            )
        is_yaml = path.endswith((".yaml", ".yml"))
        values = (self._remembered.load if is_yaml else params_file.load)(data, path)
        return params_file.replaced(values, self._overrides.get(path, {}), path)

    def text(self, file: ParamFile) -> bytes | None:
        """Returns the bytes of a file as a stage is to see it: with those overrides
        that it declares to depend on. None where it is seen as it stands.
        """
        overrides = self._overrides.get(file.path)
        data = self._read(file.path)
        # as it stands: the job needs no copy of it
        if data is None or not overrides:
            return None
        values = params_file.load(data, file.path)
        if file.keys is not None:
            # without the others: the run key does not know them
            overrides = params_file.concerning(values, overrides, file.keys, file.path)
        if not overrides:
            return None
        replaced = params_file.replaced(values, overrides, file.path)
        return params_file.dump(replaced, file.path)

    def forget(self, path: str) -> None:
        """Reads the file anew the next time it is asked for."""
        self._seen.pop(path, None)
