"""Equal work happens once: who runs a stage holds its run key, against other
experiments of this process and against other processes.
"""

from mltrack.disk.lock import NameLocks
from mltrack.experiments.batch import Batch
from mltrack.pipeline.plan import Step, Verdict
from mltrack.pipeline.stage import Stage
from mltrack.store.local.run_cache import RunCache


class Keys:
    """The run keys that are held by experiments of this process."""

    def __init__(self, path: str, batch: Batch, run_cache: RunCache) -> None:
        self._locks = NameLocks(path)
        self._batch, self._run_cache = batch, run_cache
        self._held: set[str] = set()

    def is_free(self, key: str) -> bool:
        """Returns whether no experiment of this process works on a key; settles a result
        of it that waits for that alone.
        """
        if key in self._held and key in self._batch.keys:
            self._batch.settle()
        return key not in self._held

    def take(self, key: str) -> bool:
        if not self.is_free(key) or not self._locks.take(f"key {key}"):
            return False
        self._held.add(key)
        return True

    def has_result(self, key: str) -> bool:
        """Returns whether some result of a key was recorded, whatever became of it."""
        return bool(self._run_cache.find(key))

    def release(self, key: str) -> None:
        """Lets go of a key, once the result of it, if there is one, can be found."""
        if key in self._batch.keys:
            self._batch.after(lambda: self._free(key))
        else:
            self._free(key)

    def _free(self, key: str) -> None:
        self._held.discard(key)
        self._locks.release(f"key {key}")

    def close(self) -> None:
        self._locks.close()


class KeyTurns:
    """The turns of one experiment. See :class:`mltrack.engine.claims.Turns`."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._held: dict[str, str] = {}
        self._awaited: dict[str, str] = {}
        self._looked_for: set[str] = set()
        self.keys: dict[str, str] = {}
        """The run key of each stage that was begun, by address."""

    def begin(self, stage: Stage) -> bool:
        # not decided at each look: it waits for a key that is still held
        key = self._awaited.get(stage.address, "")
        return not key or self._keys.is_free(key)

    def take(self, step: Step) -> bool:
        address, key = step.stage.address, step.key
        if step.verdict is Verdict.RESTORE or not key or self._held.get(address) == key:
            return True
        has_waited = self._awaited.pop(address, "") == key
        if not self._keys.take(key):
            self._awaited[address] = key
            return False
        is_first = key not in self._looked_for
        self._looked_for.add(key)
        if has_waited or (is_first and self._keys.has_result(key)):
            # whoever had it may have left a result since this was decided
            self._keys.release(key)
            return False
        self._held[address] = self.keys[address] = key
        return True

    def release(self, address: str) -> None:
        key = self._held.pop(address, "")
        if key:
            self._keys.release(key)
