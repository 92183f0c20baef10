"""What running experiments keeps for the next time, and can make again: stands,
and copies of inputs.
"""

import os
import shutil
from contextlib import suppress

from mltrack.disk.lock import locked
from mltrack.errors import LockedError
from mltrack.experiments.stand import IN_USE
from mltrack.project import Project

# stands, and the directories of a host's objects, which cells have too
_SPARE = ("stands", "objects", "whole", "spoilt", "parts")


def remove_spare(project: Project) -> bool:
    """Removes what running experiments keeps ready; returns whether it did: nothing goes
    while one runs.
    """
    above = project.experiments_path
    if not os.path.isdir(above):
        return False
    with suppress(LockedError), locked(os.path.join(above, IN_USE), wait=False):
        for name in _SPARE:
            shutil.rmtree(os.path.join(above, name), ignore_errors=True)
        return True
    return False
