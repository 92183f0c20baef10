"""What a stage depends on, observed now: files, params, environment. The bridge from the disk to the pure plan."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from mltrack.engine.lock_state import LockState
from mltrack.engine.remember import Remembered
from mltrack.errors import MissingObjectError, PipelineError, WorkspaceError
from mltrack.formats import params_file
from mltrack.objects import tree
from mltrack.objects.content import BY_LETTER, TREE, Content
from mltrack.objects.digest import Algorithm
from mltrack.pipeline.plan import Known
from mltrack.pipeline.stage import Inputs, Stage, contains
from mltrack.store.cache import Cache
from mltrack.workspace.observe import Observer

UNREPRESENTABLE = "unrepresentable"
"""The kind of an output that no tree can hold: it equals nothing."""

Read = Callable[[str], bytes | None]


class Learner:
    """Answers the plan's question about a stage by looking at the workspace; each path is looked at once."""

    def __init__(
        self,
        observer: Observer,
        locks: LockState,
        cache: Cache,
        read: Read,
        remembered: Remembered,
        environment: Mapping[str, str],
        aliases: Mapping[str, str],
    ) -> None:
        self._aliases = aliases
        self._observer = observer
        self._locks = locks
        self._cache = cache
        self._read = read
        self._remembered = remembered
        self._environment = environment
        self._params: dict[str, Any] = {}

    def learn(self, stage: Stage, upcoming: dict[str, Content | None], pending: tuple[tuple[str, str], ...]) -> Known:
        """See :func:`mltrack.pipeline.plan.make`."""
        waiting = {path for path, _ in pending}
        deps: dict[str, Content | None] = {}
        later = list(pending)
        for path in dict.fromkeys(stage.deps):
            if path in waiting:
                continue
            known, content = self._from_upcoming(path, upcoming)
            if known:
                deps[path] = content
            elif any(contains(self._aliases.get(path, path), out) for out in upcoming):
                later.append((path, "restored outputs"))
            else:
                deps[path] = self._observer.dependency(path)
        inputs = Inputs(
            deps=deps,
            params={
                file.path: self.params(file.path, file.keys, stage, upcoming)
                for file in stage.params
                if file.path not in waiting
            },
            env={name: self._digest_of_variable(name) for name in stage.env.vars},
            lock=self._lock_digest(stage, waiting, upcoming),
            image=stage.env.image or None,
        )
        return Known(self._locks.entry(stage), inputs, self.outputs(stage), tuple(later))

    def outputs(self, stage: Stage) -> dict[str, Content | None]:
        """Returns what stands at a stage's outputs now."""
        return {out.path: self._output(out.path) for out in stage.outs}

    def _output(self, path: str) -> Content | None:
        try:
            snapshot = self._observer.tracked(path)
        except WorkspaceError:  # left by a failed run, perhaps: it differs from whatever was recorded
            return Content(UNREPRESENTABLE, "", 0)
        return snapshot.content if snapshot is not None else None

    def params(
        self, path: str, keys: tuple[str, ...] | None, stage: Stage, upcoming: dict[str, Content | None]
    ) -> dict[str, Any]:
        """Returns the values of a stage's params in one file, which may be about to be restored."""
        known, content = self._from_upcoming(path, upcoming)
        if known:
            data = self._cache.read(content.hex) if content is not None else None
            values = self._parsed(path, data, stage)
        else:
            if path not in self._params:
                self._params[path] = self._parsed(path, self._read(path), stage)
            values = self._params[path]
        try:
            return params_file.pick(values, keys, path)
        except PipelineError as error:
            raise PipelineError(f"stage {stage.address!r}: {error.message}", hint=error.hint) from None

    def _parsed(self, path: str, data: bytes | None, stage: Stage) -> Any:
        if data is None:
            raise PipelineError(
                f"stage {stage.address!r}: the params file {path!r} does not exist",
                hint=f"create it, or correct `params` in {stage.pipeline_path}",
            )
        is_yaml = path.endswith((".yaml", ".yml"))
        return (self._remembered.load if is_yaml else params_file.load)(data, path)

    def forget(self, stage: Stage) -> None:
        """Looks anew at everything that a stage depends on, the next time it is asked for."""
        self._observer.forget([*stage.deps, *([stage.env.lock] if stage.env.lock else [])])
        for file in stage.params:
            self._params.pop(file.path, None)

    def _from_upcoming(self, path: str, upcoming: dict[str, Content | None]) -> tuple[bool, Content | None]:
        """What will stand at a path once upstream outputs are restored; ``(False, None)`` if they do not decide it."""
        path = self._aliases.get(path, path)
        for out, content in upcoming.items():
            if contains(out, path):
                if path == out or content is None or content.kind != TREE:
                    return True, content if path == out else None
                try:
                    return True, self._below(content, path[len(out) + 1 :])
                except MissingObjectError:
                    return False, None
        return False, None

    def _below(self, content: Content, path: str) -> Content | None:
        hex_digest, found = content.hex, None
        for part in os.fsencode(path).split(b"/"):
            found = next((entry for entry in self._cache.read_tree(hex_digest) if entry.name == part), None)
            if found is None:
                return None
            hex_digest = found.hex
        if found is None:
            return None
        is_tree = found.kind == tree.DIRECTORY
        files = self._cache.count_below(found.hex) if is_tree else 1
        return Content(BY_LETTER[found.kind], found.hex, found.size, files)

    def _digest_of_variable(self, name: str) -> str | None:
        value = self._environment.get(name)
        return None if value is None else self.algorithm.hex_of(value.encode("utf-8", "surrogateescape"))

    def _lock_digest(self, stage: Stage, waiting: set[str], upcoming: dict[str, Content | None]) -> str | None:
        if not stage.env.lock or stage.env.lock in waiting:
            return None
        known, content = self._from_upcoming(stage.env.lock, upcoming)
        if not known:
            content = self._observer.dependency(stage.env.lock)
        if content is None:
            raise PipelineError(
                f"stage {stage.address!r}: the environment's lock file {stage.env.lock!r} does not exist",
                hint=f"create it, or correct `env.lock` in {stage.pipeline_path}",
            )
        return content.hex

    @property
    def algorithm(self) -> Algorithm:
        return self._cache.algorithm
