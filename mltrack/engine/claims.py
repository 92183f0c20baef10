"""What a stage holds against others while it runs: what it reads and what it writes, by
path.

The locks are the same for every process of a project, so that two repros, or a repro
and a checkout, never take away or rewrite what one of them reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mltrack.disk.lock import NameLocks
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.stage import Stage


@dataclass(slots=True)
class _Claim:
    """The names of locks that one stage holds."""

    writes: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)


def place_lock(path: str) -> str:
    """Returns the name of the lock on what stands at a path: shared by stages that read
    it, exclusive for who replaces it.
    """
    return f"path {path}"


class Claims:
    """What the stages of one execution hold, by address. ``owned`` are tracked paths
    and outputs, ``aliases`` where dependencies that are links lead to.
    """

    def __init__(
        self, owned: PathMap[None], aliases: Mapping[str, str], locks: NameLocks
    ) -> None:
        self._owned = owned
        self._aliases = aliases
        self._locks = locks
        self._held: dict[str, _Claim] = {}

    def take(self, stage: Stage) -> bool:
        """Holds what a stage reads against whoever would replace it, and what it writes
        against whoever reads it; returns whether that is possible now.
        """
        address = stage.address
        # another try of the same stage: it let go of nothing in between
        if address in self._held:
            return True
        writes = [place_lock(out.path) for out in stage.outs]
        reads = {
            place_lock(path)
            for dep in stage.reads
            for path in self._owned.overlapping(self._aliases.get(dep, dep))
        }
        taken = self._held[address] = _Claim()
        # never waited for: who holds half of what another needs gives it back
        for name in writes:
            if not self._locks.take(name):
                self.release(address)
                return False
            taken.writes.append(name)
        # one lock cannot be both; what it writes in place it holds for itself
        for name in sorted(reads - set(writes)):
            if not self._locks.take_shared(name):
                self.release(address)
                return False
            taken.reads.append(name)
        return True

    def release(self, address: str) -> None:
        """Lets go of what a stage holds, if it holds anything."""
        taken = self._held.pop(address, _Claim())
        for name in taken.writes:
            self._locks.release(name)
        for name in taken.reads:
            self._locks.release_shared(name)
