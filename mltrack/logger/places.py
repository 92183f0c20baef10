"""Where a process logs."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from typing import Mapping, NamedTuple

DIRECTORY = "live"
VARIABLE = "MLTRACK_LIVE"
"""Says where to log instead."""
_RANKS = ("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID")
"""The variables by which launchers number their processes: torchrun's, Open MPI's,
Slurm's.
"""
_OWN = ("plots", "system", "texts", "tables")
_OWN_FILES = ("metrics.json", "params.json")


class Place(NamedTuple):
    """One process's directory."""

    directory: str

    @classmethod
    def of(cls, environment: Mapping[str, str], here: str) -> Place:
        """Returns where a process logs that has this environment."""
        top = os.path.join(here, environment.get(VARIABLE) or DIRECTORY)
        for name in _RANKS:
            rank = environment.get(name, "")
            if rank.isdigit():
                # a directory each: all ranks log the same names, at the same steps
                return cls(os.path.join(top, "ranks", rank) if int(rank) else top)
        return cls(top)

    def path(self, *parts: str) -> str:
        return os.path.join(self.directory, *parts)

    def kept(self, directory: str, name: str, step: int | float | None) -> str:
        """Returns the path, without its ending, of something that stays for each step,
        or without a step is replaced.
        """
        return self.path(directory, name, *([] if step is None else [str(step)]))

    def clear(self) -> None:
        """Removes what was logged there, and nothing else."""
        for name in _OWN:
            shutil.rmtree(self.path(name), ignore_errors=True)
        for name in _OWN_FILES:
            with suppress(FileNotFoundError):
                os.unlink(self.path(name))
