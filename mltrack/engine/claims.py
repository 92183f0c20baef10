"""What a stage holds against others while it runs: what it reads and what it writes, by
path.

The locks are the same for every process of a project, so that two repros, or a repro
and a checkout, never take away or rewrite what one of them reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from mltrack.disk.lock import NameLocks
from mltrack.pipeline.paths import PathMap
from mltrack.pipeline.plan import Step
from mltrack.pipeline.stage import Stage


class Turns(Protocol):
    """Whose turn it is to work on a stage, among all that might: the executions of this
    process, and others.
    """

    def begin(self, stage: Stage) -> bool:
        """Holds a stage before it is decided about; returns whether that is possible
        now. What another one made of it is seen by the decision that follows.
        """
        ...

    def take(self, step: Step) -> bool:
        """Holds what a decided stage needs for itself; returns whether that is possible
        now.
        """
        ...

    def release(self, address: str) -> None:
        """Lets go of all that a stage holds, if it holds anything."""
        ...


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
    """What the stages of one execution hold in the workspace, by address. ``owned`` are
    tracked paths and outputs, ``aliases`` where dependencies that are links lead to.
    """

    def __init__(
        self, owned: PathMap[None], aliases: Mapping[str, str], locks: NameLocks
    ) -> None:
        self._owned = owned
        self._aliases = aliases
        self._locks = locks
        self._begun: set[str] = set()
        self._held: dict[str, _Claim] = {}

    def begin(self, stage: Stage) -> bool:
        if not self._locks.take(stage.address):
            return False
        self._begun.add(stage.address)
        return True

    def take(self, step: Step) -> bool:
        """Holds what a stage reads against whoever would replace it, and what it writes
        against whoever reads it.
        """
        stage = step.stage
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
                self._give_back(address)
                return False
            taken.writes.append(name)
        # one lock cannot be both; what it writes in place it holds for itself
        for name in sorted(reads - set(writes)):
            if not self._locks.take_shared(name):
                self._give_back(address)
                return False
            taken.reads.append(name)
        return True

    def release(self, address: str) -> None:
        self._give_back(address)
        if address in self._begun:
            self._begun.remove(address)
            self._locks.release(address)

    def _give_back(self, address: str) -> None:
        taken = self._held.pop(address, _Claim())
        for name in taken.writes:
            self._locks.release(name)
        for name in taken.reads:
            self._locks.release_shared(name)
